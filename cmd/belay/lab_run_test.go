package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// recordBlock are the lines of the world that differ when Belay has written, or taken
// back, its block of comments at the top of the compose file.
var recordBlock = []string{"files stack ./docker-compose.yml ", "files stack content "}

// runsOn fails unless services run on images.
func (l *labStack) runsOn(image string, services ...string) {
	l.Helper()
	images := l.images()
	for _, service := range services {
		if images[service] != image {
			l.Errorf("%s runs on %q, want %q", service, images[service], image)
		}
	}
	if len(images) != 5 {
		l.Errorf("running: %v", images)
	}
}

// whole: an upgrade that fails, one that is committed, one that has nothing to do, and
// the way back of the whole with its data.
func (l *labStack) whole() {
	l.belay(0, "upgrade") // the registry may have newer builds of floating tags
	before, file := l.world(), strings.TrimPrefix(l.read("docker-compose.yml"), l.record())
	out := l.belay(4, "upgrade", "--set", "langgenius/dify-api=1.14.0-failmigrate")
	l.same(before, out)
	l.says(l.belay(11, "upgrade", "--set", "langgenius/dify-api=1.14.0-failmigrate"), "this was tried in run", "--retry")

	l.says(l.belay(0, "upgrade", "--dry-run", "--set", "langgenius/dify-api=1.14.0"), "1.13.3 -> langgenius/dify-api:1.14.0", "MODE=migration")
	l.belay(0, "upgrade", "--set", "langgenius/dify-api=1.14.0")
	l.runsOn("langgenius/dify-api:1.14.0", "dify-api", "dify-worker")
	l.script("inert")
	upgraded := l.world()
	l.says(l.belay(0, "upgrade"), "Up to date", "nothing was stopped")
	l.same(upgraded, "nothing was to be done")

	l.write3()
	l.says(l.belay(11, "rollback"), "3 rows were written since", "--accept-data-loss", "--keep-data")
	l.says(l.belay(11, "rollback", "--keep-data"), "a migration ran in dify of postgres")
	l.says(l.belay(11, "rollback", "--service", "dify-worker"), "dify-api", "no way back without its data")
	l.looks()
	l.sql("INSERT INTO dify_app.apps (id, name, mode) VALUES (gen_random_uuid(), 'lab-written', 'chat')") // fewer afterwards
	out = l.belay(0, "rollback", "--accept-data-loss")
	l.runsOn("langgenius/dify-api:1.13.3", "dify-api", "dify-worker")
	l.same(before, out, recordBlock...)
	if !strings.HasSuffix(l.read("docker-compose.yml"), file) {
		l.Error("the compose file is not what it was, below the record")
	}
	if n := l.written(); n != "0" {
		l.Errorf("%s rows of later are there", n)
	}
	l.says(l.belay(0, "verify"), "verified")
}

// record is the block of comments at the top of the compose file that Belay writes.
func (l *labStack) record() string {
	l.Helper()
	file := l.read("docker-compose.yml")
	i := strings.Index(file, "# The lab's small stack")
	if i < 0 {
		l.Fatalf("no lab's small stack:\n%s", file)
	}
	return file[:i]
}

var runID = regexp.MustCompile(`[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}`)

// looks: the commands that only look, after an upgrade and one that had nothing to do.
func (l *labStack) looks() {
	before := l.world()
	l.says(l.belay(0, "status"), "upgrade", ": nothing", "lock", "free", "last backup")
	l.says(l.belay(0, "status", "--format", "json"), `"outcome": "nothing"`, `"version": 1`)
	history := l.belay(0, "history")
	l.says(history, "rolled-back", "done", "dify-worker langgenius/dify-api:1.13.3 -> langgenius/dify-api:1.14.0")
	id := runID.FindString(history)
	l.says(l.belay(0, "history", "show", id), id)
	l.says(l.belay(0, "history", "show", id, "--format", "markdown"), id)
	l.says(l.belay(0, "stacks"), filepath.Base(l.dir), l.dir, l.state)
	l.says(l.belay(0, "verify"), "verified")
	l.says(l.belay(0, "plan"), "as wanted")
	l.compose("stop", "dify-worker")
	l.says(l.belay(1, "verify"), "dify-worker is exited")
	l.compose("start", "dify-worker")
	l.same(before, "belay only looked")
}

// keepsData: the way back of a whole run that no migration was in keeps what was written
// since.
func (l *labStack) keepsData() {
	rows := []string{"tables postgres dify dify_app.messages ", "sequences postgres dify dify_app.messages_id_seq "}
	before := l.world(append(rows, recordBlock...)...)
	l.belay(0, "upgrade", "--set", "nginx=1.29.0-alpine")
	l.runsOn("nginx:1.29.0-alpine", "proxy")
	l.sql("DELETE FROM dify_app.messages WHERE query = 'lab-written'")
	l.write3()
	l.events(l.belay(0, "rollback", "--keep-data", "--format", "json"))
	l.runsOn("nginx:1.28.0-alpine", "proxy")
	l.same(before, "rollback --keep-data", append(rows, recordBlock...)...)
	if n := l.written(); n != "3" {
		l.Errorf("%s of 3 rows are there", n)
	}
}

// events reads what a run tells a program: one JSON object a line, the last of which is
// its end.
func (l *labStack) events(out string) {
	l.Helper()
	var last runEvent
	told := map[string]bool{}
	for line := range strings.Lines(out) {
		last = runEvent{}
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			l.Fatalf("%v: %s", err, line)
		}
		told[last.Event+" "+last.Step] = true
	}
	if last.Event != "ended" || last.Exit == nil || *last.Exit != 0 || !told["done launch"] || !told["committed "] {
		l.Errorf("%+v %v", last, told)
	}
}

// service: the way back of one service, by itself and to a version that is named.
func (l *labStack) service() {
	l.belay(0, "upgrade", "--set", "proxy=1.29.0-alpine")
	started := l.compose("ps", "--format", "{{ .Service }} {{ .ID }} {{ .Image }}", "postgres", "redis", "dify-api")
	l.sql("DELETE FROM dify_app.messages WHERE query = 'lab-written'")
	l.write3()
	l.says(l.belay(11, "rollback", "--service", "nosuch"), "nosuch", "dify-api")
	l.says(l.belay(0, "rollback", "--service", "proxy", "--to", "1.28.0-alpine"), "no data is touched")
	l.runsOn("nginx:1.28.0-alpine", "proxy")
	l.says(l.read("docker-compose.yml"), "image: nginx:1.28.0-alpine\n")
	if n := l.written(); n != "3" {
		l.Errorf("%s of 3 rows are there", n)
	}
	if now := l.compose("ps", "--format", "{{ .Service }} {{ .ID }} {{ .Image }}", "postgres", "redis", "dify-api"); now != started {
		l.Errorf("containers of other services are others:\n%s\n%s", started, now)
	}
	l.script("inert")
}

// latest: a floating tag that moved is a pin after the way back, of the whole group.
func (l *labStack) latest() {
	defer l.lab("lab", "move", "langgenius/dify-api:latest", "1")
	l.write("belay.yml", l.config("environment: dev\n")) // in prod the linter is against it
	l.belay(0, "upgrade", "--set", "langgenius/dify-api=latest")
	was := l.compose("ps", "--format", "{{ .Service }} {{ .Image }}")
	l.lab("lab", "move", "langgenius/dify-api:latest", "2")
	l.says(l.belay(0, "upgrade"), "dify-worker")
	l.belay(0, "rollback", "--service", "dify-worker")
	pin := regexp.MustCompile(`image: (langgenius/dify-api@sha256:[0-9a-f]{64})\n`).FindAllStringSubmatch(l.read("docker-compose.yml"), -1)
	if len(pin) != 2 || pin[0][1] != pin[1][1] {
		l.Fatalf("pins: %v, before: %s\n%s", pin, was, l.read("docker-compose.yml"))
	}
	l.runsOn(pin[0][1], "dify-api", "dify-worker")
	l.script("inert")
}

// checkout: the files of a git checkout, which has to descend from what is deployed.
func (l *labStack) checkout() {
	repo := l.TempDir()
	git := func(args ...string) {
		l.Helper()
		cmd := exec.Command("git", append([]string{"-C", repo, "-c", "user.name=lab", "-c", "user.email=lab@localhost", "-c", "init.defaultBranch=main"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			l.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	bump := func(from, to string) {
		l.Helper()
		path := filepath.Join(repo, "docker-compose.yml")
		data, err := os.ReadFile(path)
		if err == nil && !strings.Contains(string(data), from) {
			l.Fatalf("no %s in the checkout", from)
		}
		if err == nil {
			err = os.WriteFile(path, []byte(strings.ReplaceAll(string(data), from, to)), 0o644)
		}
		if err != nil {
			l.Fatal(err)
		}
		git("commit", "-qam", to)
	}
	git("init", "-q")
	for _, name := range []string{"docker-compose.yml", "nginx", "postgres", ".env.example", "belay.yml"} {
		if out, err := exec.Command("cp", "-r", filepath.Join(l.dir, name), repo).CombinedOutput(); err != nil {
			l.Fatalf("%v: %s", err, out)
		}
	}
	git("add", ".")
	git("commit", "-qm", "as deployed")
	secrets := l.read(".env")
	bump("nginx:1.28.0-alpine", "nginx:1.29.0-alpine")
	l.says(l.belay(0, "upgrade", "--from", repo, "--dry-run"), "nginx:1.28.0-alpine -> nginx:1.29.0-alpine")
	l.belay(0, "upgrade", "--from", repo)
	l.runsOn("nginx:1.29.0-alpine", "proxy")
	if l.read(".env") != secrets {
		l.Error(".env is another")
	}
	l.script("inert")
	before := l.world()
	git("checkout", "-q", "-b", "older", "HEAD~1")
	bump("redis:7-alpine", "redis:7-alpine # other")
	l.says(l.belay(11, "upgrade", "--from", repo), "does not come after what is deployed", "belay rollback")
	git("checkout", "-q", "main")
	if err := os.WriteFile(filepath.Join(repo, "docker-compose.yml"), []byte("services: {}\n"), 0o644); err != nil {
		l.Fatal(err)
	}
	l.says(l.belay(11, "upgrade", "--from", repo), "the checkout is not its commit")
	l.same(before, "refused checkouts")
}
