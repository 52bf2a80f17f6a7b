package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/report"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted"
	"github.com/belaystack/belay/upgrade/wanted/deployed"
)

// Others than the repository's own people cause these events.
func TestTrustedEvent(t *testing.T) {
	for _, tt := range []struct {
		event string
		ok    bool
	}{{"push", true}, {"schedule", true}, {"workflow_dispatch", true}, {"pull_request", false}, {"pull_request_target", false}, {"workflow_run", false}, {"issue_comment", false}, {"fork", false}, {"", false}} {
		a := &app{getenv: func(k string) string { return map[string]string{"GITHUB_EVENT_NAME": tt.event}[k] }}
		if err := a.trustedEvent(); (err == nil) != tt.ok || err != nil && runCode(err) != exitRefused && err.(*exitError).code != exitRefused {
			t.Errorf("%q: %v", tt.event, err)
		}
	}
}

func TestFindStack(t *testing.T) {
	const two = "version: 1\nstacks:\n  - {name: a, path: one, deploy: /srv/a}\n  - {name: b, path: two}\n"
	for _, tt := range []struct {
		name, yml, stack, path, want, err string
	}{
		{name: "the only one", yml: "version: 1\nstacks:\n  - {name: a, path: ., deploy: /srv/a}\n", want: "/srv/a"},
		{name: "by its name", yml: two, stack: "a", want: "/srv/a"},
		{name: "by its folder", yml: two, path: "./one/", want: "/srv/a"},
		{name: "which", yml: two, err: "input stack: name one of: a, b"},
		{name: "another", yml: two, stack: "c", err: "there are: a, b"},
		{name: "not on a host", yml: two, stack: "b", err: "stack b has no `deploy:`"},
		{name: "no file", err: "belay.yml names no stack"},
		{name: "damaged", yml: "version: 1\nstacks:\n  - {name: a, path: ., deploy: srv}\n", err: "belay.yml:3:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ws := t.TempDir()
			put(t, ws, map[string]string{"one/compose.yaml": "services: {}\n", "two/compose.yaml": "services: {}\n", "compose.yaml": "services: {}\n"})
			if tt.yml != "" {
				put(t, ws, map[string]string{"belay.yml": tt.yml})
			}
			env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": ws, "INPUT_STACK": tt.stack, "INPUT_PATH": tt.path}
			var said bytes.Buffer
			a := &app{getenv: func(k string) string { return env[k] }, stderr: &said}
			r := &relocation{app: a}
			err := r.findStack()
			a.fail(err)
			if got := r.stack.Deploy; got != tt.want || (err == nil) != (tt.err == "") || !strings.Contains(said.String(), tt.err) {
				t.Errorf("%q, %v, %s", got, err, said.String())
			}
		})
	}
}

// A checkout removes what git does not track from the runner's folders, all of them.
func TestOutsideWorkspace(t *testing.T) {
	for _, tt := range []struct {
		workspace, path string
		ok              bool
	}{
		{"/home/r/_work/shop/shop", "/srv/shop", true},
		{"/home/r/_work/shop/shop", "/home/r/shop", true},
		{"/home/r/_work/shop/shop", "/home/r/_work/shop/shop", false},
		{"/home/r/_work/shop/shop", "/home/r/_work/shop/shop/volumes", false},
		{"/home/r/_work/shop/shop", "/home/r/_work/shop", false},
		{"/home/r/_work/shop/shop", "/home/r/_work/other/data", false},
		{"/home/r/_work/shop/shop", "/home/r", false}, // it would be mounted with the checkout in it
		{"/runner/shop/shop", "/runner/data", true},
		{"/runner/shop/shop", "/runner/shop-data", true},
	} {
		r := &relocation{stack: config.Stack{Name: "shop"}, workspace: tt.workspace}
		if err := r.outsideWorkspace(tt.path); (err == nil) != tt.ok {
			t.Errorf("%s of %s: %v", tt.path, tt.workspace, err)
		}
	}
}

func TestHostArgs(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"upgrade --hold=20m", "upgrade --hold=20m --from=/ws/a -- /srv/a"},
		{"plan", "plan --from=/ws/a -- /srv/a"},
		{"rollback --accept-data-loss=true -- 2026", "rollback --accept-data-loss=true --project-directory=/srv/a -- 2026"},
		{"rollback --service=api --to=-x", "rollback --service=api --to=-x --project-directory=/srv/a"},
		{"recover", "recover -- /srv/a"},
	} {
		r := &relocation{args: strings.Fields(tt.args), stack: config.Stack{Deploy: "/srv/a"}}
		r.command = r.args[0]
		if got := strings.Join(r.hostArgs("/ws/a"), " "); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.args, got, tt.want)
		}
	}
}

// Only a line with the seal is what the sibling says; everything else passes through, also
// what looks like it.
func TestSealed(t *testing.T) {
	var out bytes.Buffer
	held := 0
	w := &sealed{seal: "s3al", out: &out, held: func() { held++ }}
	for _, part := range []string{"one\ntw", "o\n {\"exit\":9}\ns3al {\"exit\":0,\"held\":tr", "ue}\n x s3al {\"exit\":7}\n", "s3al {\"exit\":4}\ns3al {cut\nlast"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	w.flush()
	if want := "one\ntwo\n {\"exit\":9}\n x s3al {\"exit\":7}\nlast\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	if held != 1 || w.last == nil || w.last.Exit != 4 || w.last.Held {
		t.Errorf("%d, %+v", held, w.last)
	}
}

// Tokens of the runner stay with it.
func TestSecrets(t *testing.T) {
	for _, name := range []string{"GITHUB_TOKEN", "INPUT_TOKEN", "ACTIONS_RUNTIME_TOKEN", "RUNNER_TEMP", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT"} {
		t.Setenv(name, "x")
	}
	t.Setenv("DIFY_KEY", "a=b\nc")
	t.Setenv("DOCKER_AUTH_CONFIG", "{}")
	got := (&relocation{}).secrets()
	for name := range got {
		if prefix, _, _ := strings.Cut(name, "_"); name != "DOCKER_AUTH_CONFIG" && slices.Contains([]string{"GITHUB", "INPUT", "ACTIONS", "RUNNER", "DOCKER", "PATH", "HOME"}, prefix) {
			t.Errorf("%s is handed over", name)
		}
	}
	if got["DIFY_KEY"] != "a=b\nc" || got["DOCKER_AUTH_CONFIG"] != "{}" {
		t.Errorf("%q", got["DIFY_KEY"])
	}
}

// What a run made of files is told to the repository, and nothing else of the host.
func TestDiffering(t *testing.T) {
	folder, ws, state := t.TempDir(), t.TempDir(), t.TempDir()
	put(t, folder, map[string]string{"compose.yaml": "# record\nnew\n", "same.conf": "same\n", ".env": "S=canary\n", ".env.local": "S=canary\n", "own.yaml": "host's own\n", "restored.conf": "old\n"})
	put(t, ws, map[string]string{"apps/compose.yaml": "new\n", "apps/same.conf": "same\n", "apps/.env": "S=\n", "apps/.env.local": "S=\n", "apps/gone.conf": "of the change\n"})
	record := &deployed.Record{Run: "r", Files: []deployed.File{{Path: filepath.Join(folder, "restored.conf"), Checkout: true}, {Path: filepath.Join(folder, "own.yaml")}}}
	if err := record.Write(state); err != nil {
		t.Fatal(err)
	}
	at := func(name string) steps.File { return steps.File{Path: filepath.Join(folder, name)} }
	p := pastRun{spec: steps.Spec{Project: docker.Project{Dir: folder, Files: []string{filepath.Join(folder, "compose.yaml")}},
		Files: []steps.File{at("same.conf"), at(".env"), at(".env.local"), at("own.yaml"), at("restored.conf"), at("gone.conf"), {Path: "/etc/passwd"}}}}
	h := &host{app: &app{getenv: func(k string) string { return map[string]string{"GITHUB_WORKSPACE": ws}[k] }}, state: state}
	got, err := (&sibling{checkout: filepath.Join(ws, "apps")}).differing(h, p)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{"apps/compose.yaml": []byte("# record\nnew\n"), "apps/restored.conf": []byte("old\n"), "apps/gone.conf": nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var again ending // nil must come through as nil
	data, err := json.Marshal(ending{Repository: got})
	if err != nil || json.Unmarshal(data, &again) != nil || again.Repository["apps/gone.conf"] != nil || len(again.Repository) != 3 {
		t.Errorf("%s, %v", data, err)
	}
}

// The sibling asks for what it does not see, and never for what would hide its own.
func TestUnseen(t *testing.T) {
	bind := func(path string) docker.Mount { return docker.Mount{Type: "bind", Source: path} }
	h := &host{state: "/var/lib/belay/shop", stack: &wanted.Deployed{Project: docker.Project{Dir: "/srv/shop", Files: []string{"/srv/shop/compose.yaml", "/srv/common/base.yaml"}},
		Containers: []docker.Container{{Mounts: []docker.Mount{bind("/srv/shop/volumes/db"), bind("/mnt/data"), bind("/home/r/_work/shop/shop/uploads"), bind("/"), bind("/var/run/docker.sock"), bind("/proc"), bind("/usr/local"), {Type: "volume", Source: "/var/lib/docker/volumes/x"}}}}}}
	h.store = &backup.Store{Dir: "/mnt/backups/shop"}
	h.conf.Identity = "/etc/belay/age.txt"
	// Data in the checkout were taken for seen, since that is mounted too.
	h.app = &app{getenv: func(string) string { return "/home/r/_work/shop/shop" }}
	got := (&sibling{sees: []string{"/srv/shop", "/home/r/_work/shop/shop", "/var/lib/belay"}}).unseen(h)
	if want := []string{"/srv/common/base.yaml", "/mnt/backups", "/etc/belay/age.txt", "/mnt/data", "/home/r/_work/shop/shop/uploads"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Nothing but belay and docker is in the Action's image.
func TestRunnable(t *testing.T) {
	h := &host{app: &app{sibling: &sibling{}}}
	h.conf.Verify = []steps.Command{{Name: "in", Service: "api", Run: []string{"none-of-this"}}, {Name: "own", Image: "x", Run: []string{"none-of-this"}}, {Name: "here", Run: []string{"go", "version"}}}
	if err := h.runnable(); err != nil {
		t.Error(err)
	}
	h.conf.BackUp = []steps.Command{{Name: "objects", Run: []string{"none-of-this", "canary"}}}
	if err := h.runnable(); err == nil || !strings.Contains(err.Error(), "command objects of belay.yml is for the host, and the Action's image has no none-of-this") || strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
	h.sibling = nil
	if err := h.runnable(); err != nil {
		t.Errorf("on the host: %v", err)
	}
}

// Runs in a state folder that the sibling did not see were taken for none: recover found
// nothing to do, and commit nothing that was held.
func TestUnseenState(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	put(t, dir, map[string]string{"belay.yml": "version: 1\nstate: " + state + "\n"})
	s := &sibling{sees: []string{dir}}
	h := &host{app: &app{getenv: func(string) string { return "" }, sibling: s}, stack: &wanted.Deployed{Project: docker.Project{Dir: dir}}}
	if _, err := h.projectOf(&flags{}); err == nil || errors.Is(err, errNoRuns) || !slices.Equal(s.end.Needs, []string{state}) {
		t.Errorf("%v, needs %q", err, s.end.Needs)
	}
	s.sees = append(s.sees, state)
	if _, err := h.projectOf(&flags{}); !errors.Is(err, errNoRuns) || len(s.end.Needs) > 0 {
		t.Errorf("%v, needs %q", err, s.end.Needs)
	}
}

func TestCodeOfOutcome(t *testing.T) {
	for o, want := range map[report.Outcome]int{report.Done: 0, report.Nothing: 0, report.Held: 0, report.RolledBack: 4, report.Stuck: 5, report.Refused: 11, report.Cancelled: 130, report.Failed: 3} {
		if got := codeOfOutcome(o); got != want {
			t.Errorf("%s: %d, want %d", o, got, want)
		}
		if got := resultOf(&ending{Exit: want}); want != 0 && got != string(o) {
			t.Errorf("exit %d is told as %s, want %s", want, got, o)
		}
	}
}
