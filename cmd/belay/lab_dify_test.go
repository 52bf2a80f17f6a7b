package main

import (
	"os"
	"strings"
)

// dify: what Dify is at is waited for, and what it says of itself decides.
func (l *labStack) dify() {
	l.reset()
	running := l.compose("ps", "--format", "{{ .ID }} {{ .CreatedAt }}")
	l.sql("INSERT INTO dify_app.workflow_runs (id, status, inputs, created_at) VALUES ('00000000-0000-4000-8000-0000000000aa', 'running', '{}', now() AT TIME ZONE 'UTC')")
	out := l.belay(4, "upgrade", "--drain-timeout", "3s", "--set", "langgenius/dify-api=1.14.0")
	l.says(out, "drain: still at work after", "1 workflow runs of Dify: 00000000-0000-4000-8000-0000000000aa")
	if now := l.compose("ps", "--format", "{{ .ID }} {{ .CreatedAt }}"); now != running {
		l.Errorf("containers were touched:\n%s\n%s", running, now)
	}
	// Of yesterday: a worker that was killed left it.
	l.sql("UPDATE dify_app.workflow_runs SET created_at = created_at - interval '1 day' WHERE id = '00000000-0000-4000-8000-0000000000aa'")
	before := l.world()
	for tag, says := range map[string]string{
		"1.14.0-notsetup":     "setup of Dify: Dify says that it was never set up (not_started): its data are not there",
		"1.14.0-tworows":      "migration of dify-api: the schema is at ",
		"1.14.0-servesbroken": "migration of dify-api: the schema is at ",
		"1.14.0-wrongversion": "version of Dify: the image is 1.14.0-wrongversion, and the program says that it is 1.13.3",
		"1.14.0-losesrows":    "document segments of Dify: ",
	} {
		out := l.belay(4, "upgrade", "--set", "langgenius/dify-api="+tag)
		l.says(out, says)
		l.same(before, out)
	}
	l.retrieval(before)
	// A container that is gone has the lock of migrations for another while.
	l.compose("exec", "-T", "redis", "sh", "-c", `REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli -n 0 set db_upgrade_lock dead EX 50`)
	out = l.belay(0, "upgrade", "--retry", "--set", "langgenius/dify-api=1.14.0")
	l.says(out, "Dify, version: 1.13.3 -> 1.14.0", "Dify, setup: finished -> finished", "Dify, console: ➖ not checked: no console in this stack")
}

// retrieval: of what a question found before, less comes with the new version.
func (l *labStack) retrieval(before string) {
	_, key, _ := strings.Cut(l.read(".env"), "DIFY_DATASET_TOKEN=")
	key, _, _ = strings.Cut(key, "\n")
	l.Setenv("LAB_DATASET_KEY", key)
	question := "verify:\n  retrieval: [{name: faq, dataset: 00000000-0000-4000-8000-000000000003, query: what is in it, key-env: "
	l.write("belay.yml", l.config(question+"LAB_DATASET_KEY}]\n"))
	// Who asks writes that down, and a rollback takes that back.
	out := l.belay(4, "upgrade", "--set", "langgenius/dify-api=1.14.0-fewretrieve")
	l.says(out, "retrieval faq of Dify: 25 % of what came before comes again; asked twice before, it was 100 %")
	l.same(before, out, "tables postgres dify dify_app.dataset_queries ", "files stack ./belay.yml", "files stack content")
	if err := os.Unsetenv("LAB_DATASET_KEY"); err != nil {
		l.Fatal(err)
	}
	l.write("belay.yml", l.config(question+"NOT_SET}]\n"))
	l.says(l.belay(0, "verify"), "Dify, retrieval faq: not checked: NOT_SET is not set", "Dify, setup: finished")
}
