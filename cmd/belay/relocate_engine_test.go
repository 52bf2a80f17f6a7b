package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// onHost is a stack on the host of an engine, and the checkout of a runner.
type onHost struct {
	*testing.T
	docker    func(args ...string) ([]byte, error)
	folder    string // that the stack runs from
	ws        string // the checkout
	project   string
	name      string // of the container of the action that runs now
	event     string
	job       string
	socket    string
	files     string        // of the runner
	container string        // of the sibling for upgrades
	done      chan finished // what the job wrote
}

const hostStack = `name: PROJECT
services:
  db:
    image: pgvector/pgvector:pg17
    restart: always
    environment: {POSTGRES_PASSWORD: "${PASSWORD}"}
    command: [postgres, -c, "log_min_messages=LEVEL"]
    volumes: ["./data:/var/lib/postgresql/data"]
`

const hostPassword = "canary-of-the-host"

func newOnHost(t *testing.T) *onHost {
	docker := dockerImage(t, "belay:full")
	if _, err := docker("image", "inspect", "pgvector/pgvector:pg17"); err != nil {
		if out, err := docker("pull", "-q", "pgvector/pgvector:pg17"); err != nil {
			if strings.Contains(os.Getenv("BELAY_TEST_REQUIRE"), "docker") {
				t.Fatalf("%s", out)
			}
			t.Skipf("needs pgvector/pgvector:pg17: %s", out)
		}
	}
	top := t.TempDir()
	l := &onHost{T: t, docker: docker, folder: filepath.Join(top, "srv"), ws: filepath.Join(top, "work", "shop", "shop"), files: filepath.Join(top, "runner"), event: "push", job: "1",
		project: fmt.Sprintf("onhost%d", time.Now().UnixNano()%1e6), socket: strings.TrimPrefix(os.Getenv("BELAY_TEST_DOCKER_HOST"), "unix://")}
	yml := fmt.Sprintf("version: 1\nstate: %s\nbackup: {directory: %s}\nlaunch: {window: 1s}\nstacks:\n  - {name: shop, path: ., deploy: %s}\n", filepath.Join(top, "state"), filepath.Join(top, "backups"), l.folder)
	for _, dir := range []string{"state", "backups"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	put(t, l.folder, map[string]string{"compose.yaml": l.stack("warning"), ".env": "PASSWORD=" + hostPassword + "\n", "belay.yml": yml})
	put(t, l.ws, map[string]string{"belay.yml": yml, ".gitignore": ".env\ndata/\n"})
	l.commit("warning")
	t.Cleanup(func() {
		r := &relocation{}
		r.stack.Deploy = l.folder
		for _, c := range hostCommands {
			docker("rm", "-f", r.siblingName(c))
		}
		docker("rm", "-f", l.name)
		l.compose("down", "--volumes", "--timeout", "1")
		docker("volume", "rm", "belay-state-"+l.project)
		docker("run", "--rm", "-v", top+":/top", "--entrypoint", "sh", "pgvector/pgvector:pg17", "-c", "rm -rf /top/srv/data")
	})
	if out, err := l.compose("up", "-d", "--pull", "never", "--wait"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l.waitFor("the server", func() bool {
		_, err := l.compose("exec", "-T", "db", "pg_isready", "-q", "-h", "127.0.0.1")
		return err == nil
	})
	r := &relocation{}
	r.stack.Deploy = l.folder
	l.container = r.siblingName("upgrade")
	return l
}

func (l *onHost) stack(level string) string {
	return strings.NewReplacer("PROJECT", l.project, "LEVEL", level).Replace(hostStack)
}

func (l *onHost) compose(args ...string) ([]byte, error) {
	return l.docker(append([]string{"compose", "--project-directory", l.folder, "-f", filepath.Join(l.folder, "compose.yaml")}, args...)...)
}

// commit puts a version of the stack into the repository that the runner has checked out.
func (l *onHost) commit(level string) {
	l.Helper()
	put(l.T, l.ws, map[string]string{"compose.yaml": l.stack(level)})
	repo, err := git.PlainOpen(l.ws)
	if errors.Is(err, git.ErrRepositoryNotExists) {
		repo, err = git.PlainInit(l.ws, false)
	}
	if err != nil {
		l.Fatal(err)
	}
	wt, err := repo.Worktree()
	if err == nil {
		err = wt.AddWithOptions(&git.AddOptions{All: true})
	}
	if err == nil {
		_, err = wt.Commit(level, &git.CommitOptions{Author: &object.Signature{Name: "t", Email: "t@example.com", When: time.Now()}})
	}
	if err != nil {
		l.Fatal(err)
	}
}

type finished struct {
	out []byte
	err error
}

// ran is how a job ended.
type ran struct {
	code    int
	log     string
	outputs string
}

// start begins a job as the runner does: its mounts, its environment, its name for what may
// be killed.
func (l *onHost) start(more []string, inputs ...string) func() ran {
	l.Helper()
	l.name = fmt.Sprintf("action-%s-%d", l.project, time.Now().UnixNano())
	put(l.T, l.files, map[string]string{"output": "\n", "summary": "\n", "temp/.keep": "\n"})
	args := []string{"run", "--rm", "--name", l.name, "--workdir", "/github/workspace", "-e", "GITHUB_ACTIONS=true", "-e", "CI=true", "-e", "GITHUB_WORKSPACE=/github/workspace",
		"-e", "GITHUB_REPOSITORY=acme/shop", "-e", "GITHUB_API_URL=http://127.0.0.1:1", "-e", "GITHUB_RUN_ID=" + l.job, "-e", "GITHUB_JOB=upgrade", "-e", "GITHUB_EVENT_NAME=" + l.event,
		"-e", "GITHUB_OUTPUT=/files/output", "-e", "GITHUB_STEP_SUMMARY=/files/summary", "-e", "RUNNER_TEMP=/files/temp", "-e", "INPUT_TOKEN=ghs_secretoftherunner", "-e", "SHOP_KEY=secret-of-the-job",
		"-v", l.files + ":/files", "-v", l.ws + ":/github/workspace"}
	if more == nil {
		more = []string{"-v", l.socket + ":/var/run/docker.sock"}
	}
	for _, in := range inputs {
		name, value, _ := strings.Cut(in, "=")
		args = append(args, "-e", inputVariable(name)+"="+value)
	}
	done := make(chan finished, 1)
	l.done = done
	go func() {
		out, err := l.docker(append(append(args, more...), "belay:full")...)
		done <- finished{out, err}
	}()
	return func() ran {
		l.Helper()
		r := <-done
		out := ran{log: string(r.out), outputs: read(l.T, filepath.Join(l.files, "output"))}
		var exit *exec.ExitError
		if errors.As(r.err, &exit) {
			out.code = exit.ExitCode()
		} else if r.err != nil {
			l.Fatal(r.err)
		}
		for _, secret := range []string{hostPassword, "ghs_secretoftherunner", "secret-of-the-job"} {
			if strings.Contains(out.log+out.outputs, secret) {
				l.Errorf("%s is in the log:\n%s", secret, out.log)
			}
		}
		return out
	}
}

func (l *onHost) run(more []string, inputs ...string) ran {
	l.Helper()
	return l.start(more, inputs...)()
}

func (l *onHost) waitFor(what string, there func() bool) {
	l.Helper()
	for begun := time.Now(); !there(); time.Sleep(200 * time.Millisecond) {
		if time.Since(begun) > 3*time.Minute {
			logs, _ := l.docker("logs", "--tail", "30", l.container)
			l.Fatalf("waited for %s:\n%s", what, logs)
		}
	}
}

// at waits until the run on the host has come to a step.
func (l *onHost) at(step string) {
	l.Helper()
	l.waitFor(step, func() bool {
		logs, err := l.docker("logs", l.container)
		if len(l.done) > 0 {
			l.Fatalf("the job ended before %s:\n%s", step, (<-l.done).out)
		}
		return err == nil && bytes.Contains(logs, []byte(step))
	})
}

func (l *onHost) level() string {
	l.Helper()
	out, err := l.compose("exec", "-T", "db", "psql", "-U", "postgres", "-XAtc", "SHOW log_min_messages")
	if err != nil {
		l.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// A job's container works on the host where the paths are the host's; what it began goes on
// without it, and the next attempt of the job tells how it ended.
func TestOnHost(t *testing.T) {
	l := newOnHost(t)
	socket := []string{"-v", l.socket + ":/var/run/docker.sock"}
	for _, tt := range []struct {
		name, want string
		event      string
		more       []string
		before     func()
	}{
		{name: "no socket", more: []string{"-v", "/dev/null:/dev/null"}, want: "no engine answers here"},
		{name: "a pull request", event: "issue_comment", want: "for no event that a pull request or a fork can cause"},
		{name: "an engine elsewhere", more: append([]string{"-e", "DOCKER_HOST=tcp://10.0.0.1:2375"}, socket...), want: "DOCKER_HOST leads to an engine on another machine"},
		{name: "no folder", want: "a folder of the stack is not on this host: found " + l.folder + "-none", before: func() {
			put(t, l.ws, map[string]string{"belay.yml": strings.Replace(read(t, filepath.Join(l.ws, "belay.yml")), l.folder+"}", l.folder+"-none}", 1)})
		}},
		{name: "in the checkout", want: "in the runner's working folder", before: func() {
			put(t, l.ws, map[string]string{"belay.yml": strings.Replace(read(t, filepath.Join(l.ws, "belay.yml")), l.folder+"}", l.ws+"/stack}", 1)})
		}},
	} {
		keep := read(t, filepath.Join(l.ws, "belay.yml"))
		if tt.before != nil {
			tt.before()
		}
		if l.event = "push"; tt.event != "" {
			l.event = tt.event
		}
		if got := l.run(tt.more, "command=upgrade"); got.code != exitRefused || !strings.Contains(strings.Join(strings.Fields(got.log), " "), tt.want) {
			t.Errorf("%s: exit %d\n%s", tt.name, got.code, got.log)
		}
		put(t, l.ws, map[string]string{"belay.yml": keep})
	}
	l.event = "push"

	// The job dies with its container; a sibling goes on.
	l.commit("error")
	wait := l.start(nil, "command=upgrade")
	l.at("halt")
	inspected, err := l.docker("inspect", l.container)
	if err != nil {
		t.Fatalf("%v\n%s", err, inspected)
	}
	for _, secret := range []string{hostPassword, "ghs_secretoftherunner", "secret-of-the-job"} {
		if bytes.Contains(inspected, []byte(secret)) {
			t.Errorf("docker inspect shows %s", secret)
		}
	}
	if out, err := l.docker("kill", l.name); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := wait(); got.code != 137 {
		t.Errorf("the job that was killed: exit %d", got.code)
	}
	l.job = "other"
	if got := l.run(nil, "command=upgrade"); got.code != exitHeld || !strings.Contains(got.log, "another job has belay upgrade under way") {
		t.Errorf("another job meanwhile: exit %d\n%s", got.code, got.log)
	}
	l.job = "1"
	if got := l.run(nil, "command=upgrade"); got.code != exitOK || !strings.Contains(got.log, "going on with what an earlier attempt") || !strings.Contains(got.outputs, "\ndone\n") || !regexp.MustCompile(`run-id<<\S+\n\d{8}T\d{6}Z-`).MatchString(got.outputs) {
		t.Errorf("the next attempt: exit %d\n%s\n%s", got.code, got.log, got.outputs)
	}
	if got := l.level(); got != "error" {
		t.Errorf("the server has %s", got)
	}
	if out, err := l.docker("inspect", l.container); err == nil {
		t.Errorf("still there:\n%s", out)
	}

	// The sibling itself is killed: the next attempt has it recover.
	l.commit("fatal")
	wait = l.start(nil, "command=upgrade")
	l.at("clone")
	if out, err := l.docker("kill", l.container, l.name); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wait()
	if got := l.run(nil, "command=upgrade"); got.code != exitRolledBack || !strings.Contains(got.log, "started again: recovering") || !strings.Contains(got.outputs, "\nrolled-back\n") {
		t.Errorf("after a kill: exit %d\n%s\n%s", got.code, got.log, got.outputs)
	}
	if got := l.level(); got != "error" {
		t.Errorf("the server has %s", got)
	}

	// A job that is cancelled takes back what it began. The runner sends two signals.
	l.job = "2"
	wait = l.start(nil, "command=upgrade")
	l.at("clone")
	for _, signal := range []string{"INT", "TERM"} {
		if out, err := l.docker("kill", "--signal", signal, l.name); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		time.Sleep(500 * time.Millisecond)
	}
	if got := wait(); got.code != exitCancelled || !strings.Contains(got.log, "cancelled: what was begun on the host is taken back") || !strings.Contains(got.outputs, "\ncancelled\n") {
		t.Errorf("cancelled: exit %d\n%s\n%s", got.code, got.log, got.outputs)
	}
	if got := l.level(); got != "error" {
		t.Errorf("the server has %s", got)
	}
}
