package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
	l.retrieval(before, "1.14.0-fewretrieve")
	// A container that is gone has the lock of migrations for another while.
	l.compose("exec", "-T", "redis", "sh", "-c", `REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli -n 0 set db_upgrade_lock dead EX 50`)
	out = l.belay(0, "upgrade", "--retry", "--set", "langgenius/dify-api=1.14.0")
	l.says(out, "Dify, version: 1.13.3 -> 1.14.0", "Dify, setup: finished -> finished", "Dify, console: ➖ not checked: no console in this stack")
}

// retrieval: of what a question found before, less comes with the new version.
func (l *labStack) retrieval(before, tag string) {
	_, key, _ := strings.Cut(l.read(".env"), "DIFY_DATASET_TOKEN=")
	key, _, _ = strings.Cut(key, "\n")
	l.Setenv("LAB_DATASET_KEY", key)
	question := "verify:\n  retrieval: [{name: faq, dataset: 00000000-0000-4000-8000-000000000003, query: what is in it, key-env: "
	l.write("belay.yml", l.config(question+"LAB_DATASET_KEY}]\n"))
	// Who asks writes that down, and a rollback takes that back.
	out := l.belay(4, "upgrade", "--set", "langgenius/dify-api="+tag)
	l.says(out, "retrieval faq of Dify: 25 % of what came before comes again; asked twice before, it was 100 %")
	l.same(before, out, "tables postgres dify dify_app.dataset_queries ", "files stack ./belay.yml", "files stack content")
	if err := os.Unsetenv("LAB_DATASET_KEY"); err != nil {
		l.Fatal(err)
	}
	l.write("belay.yml", l.config(question+"NOT_SET}]\n"))
	l.says(l.belay(0, "verify"), "Dify, retrieval faq: not checked: NOT_SET is not set", "Dify, setup: finished")
}

// TestDifyReleases goes up through the releases at which Dify's migrations changed: up to
// 1.12.1 one that failed was logged alone and the server started on a half of it, and up to
// 1.13.0 the lock ended after a minute whatever happened. BELAY_TEST_DIFY is a stack of the
// lab of the kind mini@1.11.4.
func TestDifyReleases(t *testing.T) {
	dir := os.Getenv("BELAY_TEST_DIFY")
	if dir == "" {
		if slices.Contains(strings.Split(os.Getenv("BELAY_TEST_REQUIRE"), ","), "lab") {
			t.Fatal("BELAY_TEST_DIFY is not set, and BELAY_TEST_REQUIRE asks for the lab")
		}
		t.Skip("needs a stack of the lab: testdata/lab/lab stack -k mini@1.11.4 DIR, and BELAY_TEST_DIFY=DIR")
	}
	bin := filepath.Join(t.TempDir(), "belay")
	l := &labStack{t, dir, filepath.Join(t.TempDir(), "state"), bin, bin}
	l.build(bin, "1.0.0")
	l.reset()
	upgrade := func(want int, tag string, says ...string) {
		t.Helper()
		before := l.world()
		out := l.belay(want, "upgrade", "--retry", "--set", "langgenius/dify-api="+tag)
		l.says(out, says...)
		if want == 0 {
			l.runsOn("langgenius/dify-api:"+tag, "dify-api", "dify-worker")
			return
		}
		l.same(before, out)
	}
	redis := func(command string) {
		t.Helper()
		l.compose("exec", "-T", "redis", "sh", "-c", `REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli -n 0 `+command)
	}
	const schema = "migration of dify-api: the schema is at "
	upgrade(4, "1.12.1-failmigrate", schema+"[5f1a7c0d9e31], and the image brings 2e7d40b8f193") // it ended with 0, and would serve
	upgrade(0, "1.12.1", "Dify, version: 1.11.4 -> 1.12.1")
	upgrade(4, "1.13.0-failmigrate", "migration of dify-api: ", "Database migration failed") // it ends with 1 from here on
	redis("set db_upgrade_lock dead")                                                        // and nobody ends it
	upgrade(4, "1.13.0", schema+"[2e7d40b8f193], and the image brings 3c8b15d6e2a4")
	redis("set db_upgrade_lock dead EX 40")
	upgrade(0, "1.13.0", "Dify, version: 1.12.1 -> 1.13.0")
	upgrade(4, "1.13.1-tworows", schema, "0000deadbeef")
	upgrade(0, "1.13.1", "Dify, version: 1.13.0 -> 1.13.1")
	upgrade(4, "1.14.1-notsetup", "setup of Dify: Dify says that it was never set up (not_started): its data are not there")
	before := l.world()
	l.retrieval(before, "1.14.1-fewretrieve")
	l.write("belay.yml", l.config(""))
	upgrade(0, "1.14.1", "Dify, version: 1.13.1 -> 1.14.1", "Dify in proxy, API through the proxy (port 80): finished -> finished")
}

// lacks: what could not be asked is told with its reason, and is never good.
func (l *labStack) lacks() {
	l.reset()
	l.sql("CREATE DATABASE n8n")
	l.write("docker-compose.override.yml", `services:
  dify-api: {environment: {CELERY_BROKER_URL: "", DB_TYPE: mysql}}
  dify-worker: {environment: {CELERY_BROKER_URL: "", DB_TYPE: mysql}}
  redis:
    command: ["sh", "-c", "echo requirepass $$PASS_OF_CACHE >/tmp/c; exec redis-server /tmp/c --appendonly yes"]
    environment: {REDIS_PASSWORD: "", PASS_OF_CACHE: "${REDIS_PASSWORD}"}
    healthcheck: {test: ["CMD-SHELL", "exit 0"]}
  daemon:
    image: langgenius/dify-plugin-daemon:0.1.3-local
    environment: {DB_HOST: postgres, DB_USERNAME: postgres, DB_PASSWORD: "${POSTGRES_PASSWORD}", DB_DATABASE: dify_plugin, REDIS_HOST: redis, REDIS_PASSWORD: "${REDIS_PASSWORD}", SERVER_KEY: x}
    volumes: ["plugins:/app/storage"]
    depends_on: {postgres: {condition: service_healthy}}
  flows:
    image: n8nio/n8n:1.90.0
    environment: {DB_TYPE: postgresdb, DB_POSTGRESDB_HOST: far, DB_POSTGRESDB_USER: postgres, DB_POSTGRESDB_PASSWORD: "${POSTGRES_PASSWORD}", N8N_ENCRYPTION_KEY: x}
    links: ["postgres:far"] # a name that it alone knows
    volumes: ["flows:/home/node/.n8n"]
volumes: {plugins: , flows: }
`)
	l.write("belay.yml", l.config("n8n: {key-env: NOT_SET}\nbackup: {accept-uncovered: [database]}\nverify:\n  retrieval: [{name: faq, dataset: 00000000-0000-4000-8000-000000000003, query: x, key-env: NOT_SET}]\n"+
		"  probes: [{name: hook, service: dify-api, url: 'http://127.0.0.1:5001/health', headers: {Authorization: 'Bearer ${NOT_SET}'}}]\n"))
	l.compose("up", "-d", "--wait", "--pull", "missing", "--force-recreate")
	l.belay(0, "backup")
	report := l.belay(0, "history", "show", "--format", "markdown", runID.FindString(l.belay(0, "history")))
	for _, line := range []string{
		"executions of n8n: not checked: its database server is no service of this stack; its API: NOT_SET is not set",
		"workflow runs of Dify: not checked: its database is not PostgreSQL",
		"queued tasks of Dify: not checked: no service of it says where its Redis is: CELERY_BROKER_URL",
		"requests to plugins of Dify: not checked: this plugin daemon does not tell (before 0.2.0)",
	} {
		l.says(report, line)
	}
	l.says(l.belay(0, "verify"), "NOT_SET is not set", "no console in this stack", "the password of Redis in service redis is not known")
}
