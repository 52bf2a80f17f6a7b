package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// labJob is a step of a job that uses the Action.
type labJob struct {
	*labRunner
	name    string // of its container
	temp    string
	out     bytes.Buffer
	done    chan struct{}
	process *exec.Cmd
}

// labEnd is how it ended.
type labEnd struct {
	code    int
	log     string
	outputs map[string]string
	summary string
}

// workflow begins a new run of a workflow; again makes another attempt of the one that was.
func (l *labRunner) workflow() { l.run++; l.attempt, l.step = 1, 0 }
func (l *labRunner) again()    { l.attempt++; l.step = 0 }

// start begins a step with what GitHub's runner gives a container action: its mounts, its
// environment, each variable by its name alone, and no more of the host than the socket.
func (l *labRunner) start(event string, inputs ...string) *labJob {
	l.Helper()
	l.step++
	head := l.head()
	j := &labJob{labRunner: l, name: fmt.Sprintf("runner-%s-%d-%d-%d-%d", filepath.Base(l.dir), os.Getpid(), l.run, l.attempt, l.step), temp: filepath.Join(filepath.Dir(filepath.Dir(l.ws)), "_temp"), done: make(chan struct{})}
	if err := os.RemoveAll(j.temp); err != nil {
		l.Fatal(err)
	}
	payload := `{"ref":"refs/heads/main"}`
	ref := "refs/heads/main"
	if event == "pull_request" {
		pulls := l.github.Pulls(labRepo)
		p := pulls[len(pulls)-1]
		ref = fmt.Sprintf("refs/pull/%d/merge", p.Number)
		payload = fmt.Sprintf(`{"number":%d,"pull_request":{"number":%d,"base":{"sha":%q},"head":{"sha":%q}}}`, p.Number, p.Number, p.BaseSHA, p.HeadSHA)
	}
	put(l.T, j.temp, map[string]string{"_github_home/.keep": "\n", "_github_workflow/event.json": payload, "_runner_file_commands/output": "\n", "_runner_file_commands/summary": "\n"})
	env := map[string]string{
		"HOME": "/github/home", "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_ACTION": fmt.Sprintf("__belaystack_belay_%d", l.step), "GITHUB_ACTOR": "dev", "GITHUB_API_URL": l.github.URL, "GITHUB_GRAPHQL_URL": l.github.URL + "/graphql",
		"GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": "/github/workflow/event.json", "GITHUB_JOB": "upgrade", "GITHUB_OUTPUT": "/github/file_commands/output", "GITHUB_REF": ref,
		"GITHUB_REF_NAME": strings.SplitN(ref, "/", 3)[2], "GITHUB_REPOSITORY": labRepo, "GITHUB_REPOSITORY_OWNER": "acme", "GITHUB_RUN_ATTEMPT": fmt.Sprint(l.attempt), "GITHUB_RUN_ID": fmt.Sprint(l.run), "GITHUB_SERVER_URL": "https://github.com",
		"GITHUB_SHA": head, "GITHUB_STEP_SUMMARY": "/github/file_commands/summary", "GITHUB_WORKFLOW": "upgrade", "GITHUB_WORKSPACE": "/github/workspace", "RUNNER_ENVIRONMENT": "self-hosted", "RUNNER_NAME": "host", "RUNNER_OS": "Linux",
		"RUNNER_TEMP": "/github/runner_temp", "RUNNER_WORKSPACE": filepath.Dir(l.ws), "ACTIONS_RUNTIME_TOKEN": "canary-runtime-token",
		"SHOP_KEY": "canary-secret-of-the-job", // the workflow's own
	}
	for _, in := range actionInputs {
		env[inputVariable(in.name)] = in.fallback
	}
	env[inputVariable("token")] = labToken
	for _, in := range inputs {
		name, value, _ := strings.Cut(in, "=")
		env[inputVariable(name)] = value
	}
	args := []string{"run", "--name", j.name, "--label", "lab.runner=1", "--workdir", "/github/workspace", "--rm"}
	cmd := exec.Command("docker")
	cmd.Env = os.Environ()
	for _, name := range sortedKeys(env) {
		if name == "HOME" { // docker's own
			args = append(args, "-e", name+"="+env[name])
			continue
		}
		args, cmd.Env = append(args, "-e", name), append(cmd.Env, name+"="+env[name])
	}
	for _, mount := range []string{strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://") + ":/var/run/docker.sock", j.temp + ":/github/runner_temp", j.temp + "/_github_home:/github/home",
		j.temp + "/_github_workflow:/github/workflow", j.temp + "/_runner_file_commands:/github/file_commands", l.ws + ":/github/workspace"} {
		args = append(args, "-v", mount)
	}
	cmd.Args = append(append(cmd.Args, args...), "belay:full")
	cmd.Stdout, cmd.Stderr = &j.out, &j.out
	j.process = cmd
	if err := cmd.Start(); err != nil {
		l.Fatal(err)
	}
	go func() { _ = cmd.Wait(); close(j.done) }() // its exit code is looked at
	return j
}

// head is the commit that is checked out.
func (l *labRunner) head() string {
	l.Helper()
	repo, _ := l.tree()
	head, err := repo.Head()
	if err != nil {
		l.Fatal(err)
	}
	return head.Hash().String()
}

// wait gives how a step ended. Nothing that it printed or wrote holds a secret, and the
// checkout is as it was.
func (j *labJob) wait() labEnd {
	j.Helper()
	select {
	case <-j.done:
	case <-time.After(10 * time.Minute):
		j.Fatalf("the job does not end:\n%s", j.out.String())
	}
	end := labEnd{code: j.process.ProcessState.ExitCode(), log: j.out.String()}
	commands := filepath.Join(j.temp, "_runner_file_commands")
	end.summary = read(j.T, filepath.Join(commands, "summary"))
	end.outputs = labOutputs(read(j.T, filepath.Join(commands, "output")))
	j.said += end.log + end.summary
	reports, err := filepath.Glob(filepath.Join(j.temp, "*.json"))
	if err != nil {
		j.Fatal(err)
	}
	for _, name := range append(reports, filepath.Join(commands, "output")) {
		j.said += read(j.T, name)
	}
	_, wt := j.tree()
	if st, err := wt.Status(); err != nil || !st.IsClean() {
		j.Errorf("the job left something in the checkout: %v\n%s", err, st)
	}
	return end
}

// does runs a step to its end, and fails unless it ends with this code.
func (l *labRunner) does(code int, event string, inputs ...string) labEnd {
	l.Helper()
	end := l.start(event, inputs...).wait()
	if end.code != code {
		l.Fatalf("%s %s: exit code %d, want %d\n%s", event, strings.Join(inputs, " "), end.code, code, end.log)
	}
	return end
}

// labOutputs reads the outputs of a step.
func labOutputs(text string) map[string]string {
	out := map[string]string{}
	for lines := strings.Split(text, "\n"); len(lines) > 0; lines = lines[1:] {
		name, delimiter, ok := strings.Cut(lines[0], "<<")
		if !ok {
			continue
		}
		var value []string
		for lines = lines[1:]; len(lines) > 0 && lines[0] != delimiter; lines = lines[1:] {
			value = append(value, lines[0])
		}
		out[name] = strings.Join(value, "\n")
	}
	return out
}

// quiet fails when a secret is in anything that left the host: logs, outputs, reports, what
// GitHub holds and was asked, containers other than the stack's own. Nor in the journals.
func (l *labRunner) quiet() {
	l.Helper()
	state, err := json.Marshal(l.github.State(labRepo))
	if err != nil {
		l.Fatal(err)
	}
	requests, err := json.Marshal(l.github.Requests())
	if err != nil {
		l.Fatal(err)
	}
	l.noSecret("what jobs said", l.said)
	l.noSecret("GitHub", string(state), string(requests))
	seen, leaks := l.watch.take()
	if seen == 0 {
		l.Error("no container was looked at")
	}
	for _, leak := range leaks {
		l.Error(leak)
	}
}

// inspecting looks at each container that is made in the engine, but for those of the stack
// itself, the runner's and the lab's.
type inspecting struct {
	project string

	mu    sync.Mutex
	seen  int
	leaks []string
}

func inspect(t *testing.T, project string) *inspecting {
	w := &inspecting{project: project}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		for ctx.Err() == nil { // the engine may be killed
			w.follow(ctx)
			time.Sleep(200 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { cancel(); <-over })
	return w
}

func (w *inspecting) follow(ctx context.Context) {
	cmd := exec.CommandContext(ctx, "docker", "events", "--filter", "type=container", "--filter", "event=create", "--filter", "event=start", "--format", "{{.ID}}")
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return // it is tried again
	}
	for scan := bufio.NewScanner(out); scan.Scan(); {
		w.look(scan.Text())
	}
	_ = cmd.Wait() // likewise
}

// look inspects one container. One that is gone already is looked at in vain.
func (w *inspecting) look(id string) {
	out, err := exec.Command("docker", "inspect", id).Output()
	var found []struct {
		Name   string
		Config struct{ Labels map[string]string }
	}
	if err != nil || json.Unmarshal(out, &found) != nil || len(found) != 1 {
		return
	}
	labels := found[0].Config.Labels
	if labels["com.docker.compose.project"] == w.project || labels["lab.runner"] != "" || labels["lab.world"] != "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen++
	if i := bytes.Index(out, []byte("canary-")); i >= 0 {
		w.leaks = append(w.leaks, fmt.Sprintf("docker inspect %s shows a secret: %s", found[0].Name, out[max(0, i-60):min(len(out), i+40)]))
	}
}

// take gives what was seen since it was last called.
func (w *inspecting) take() (int, []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen, leaks := w.seen, w.leaks
	w.seen, w.leaks = 0, nil
	return seen, leaks
}
