package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// killed: the job's container is killed at random instants of an upgrade, every second time
// with the one on the host, which the engine starts again. The job run again tells how it
// ended. BELAY_TEST_RUNNER_KILLS says how often, BELAY_TEST_RUNNER_SEED repeats the instants.
func (l *labRunner) killed() {
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return otherwise
	}
	kills, seed := number("BELAY_TEST_RUNNER_KILLS", 4), number("BELAY_TEST_RUNNER_SEED", 1)
	instants := rand.New(rand.NewPCG(uint64(seed), 0))
	l.pushed(1, labImage, labOld, labNew)
	l.workflow()
	begun := time.Now()
	l.does(0, "push", "command=upgrade")
	took := time.Since(begun)
	rows := l.rows()
	for i := range kills {
		l.quiet()
		l.fresh("")
		before := l.world()
		l.pushed(1, labImage, labOld, labNew)
		l.workflow()
		after := time.Duration(instants.Int64N(int64(took)))
		job := l.start("push", "command=upgrade")
		time.Sleep(after)
		what := "killed the job"
		if i%2 == 1 && l.crash("upgrade") {
			what += " and its work on the host"
		}
		if out, code := l.labStack.run("docker", "kill", job.name); code != 0 {
			what = "too late, or too early: " + strings.TrimSpace(out)
		}
		job.wait()
		l.again()
		end := l.start("push", "command=upgrade").wait()
		l.Logf("seed %d, kill %d after %s of %s: %s: then %d %s", seed, i, after.Round(time.Millisecond), took.Round(time.Second), what, end.code, end.outputs["result"])
		l.safe(end, before, rows)
	}
}

// safe fails unless a job ended with the new stack, verified, or the old one as before; and
// GitHub knows.
func (l *labRunner) safe(end labEnd, before, rows string, without ...string) {
	l.Helper()
	for n, d := range l.github.Deployments(labRepo) {
		if last := len(d.Statuses); last == 0 || d.Statuses[last-1].State == "in_progress" {
			l.Errorf("deployment %d did not end: %+v", n, d.Statuses)
		}
	}
	switch {
	case end.code == 0 && (end.outputs["result"] == "done" || end.outputs["result"] == "nothing"):
		l.upgraded(labNew)
		if d := differs(rows, l.rows()); d != "" {
			l.Errorf("the data are not those of an upgrade that nobody disturbed:\n%s\n%s", d, end.log)
		}
	case end.code == exitRolledBack && end.outputs["result"] == "rolled-back":
		l.same(before, end.log, without...)
	default:
		l.Errorf("%d %v\n%s", end.code, end.outputs, end.log)
	}
}

// dated is a table in which a migration writes the time.
var dated = regexp.MustCompile(`^(tables postgres dify dify_app\.human_input_forms \d+ )\S+`)

// rows are what the stack's databases hold after an upgrade, whenever that was.
func (l *labRunner) rows() string {
	l.Helper()
	var out []string
	for line := range strings.Lines(l.world()) {
		if strings.HasPrefix(line, "tables ") || strings.HasPrefix(line, "schema ") || strings.HasPrefix(line, "blobs ") {
			out = append(out, dated.ReplaceAllString(line, "$1"))
		}
	}
	return strings.Join(out, "")
}

// crash kills the process that works on the host as the kernel does where memory lacks; the
// engine starts its container again. It is false when there is none.
func (l *labRunner) crash(command string) bool {
	out, code := l.labStack.run("docker", "inspect", "--format", "{{ .State.Pid }}", l.sibling(command))
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	return code == 0 && err == nil && pid > 0 && syscall.Kill(pid, syscall.SIGKILL) == nil
}

// rests waits until the container that carries a command out on the host has done so.
func (l *labRunner) rests(command string) {
	l.Helper()
	var out string
	for begun := time.Now(); time.Since(begun) < 4*time.Minute; time.Sleep(time.Second) {
		var code int
		if out, code = l.labStack.run("docker", "inspect", "--format", "{{ .State.Status }} {{ .HostConfig.RestartPolicy.Name }}", l.sibling(command)); code == 0 && strings.TrimSpace(out) == "exited no" {
			return
		}
	}
	logs, _ := l.labStack.run("docker", "logs", "--tail", "30", l.sibling(command))
	l.Fatalf("the container on the host is %s:\n%s", out, logs)
}

// rebooted: everything dies at once in the middle of an upgrade, or the engine some time
// before the rest. When the host is back the container there heals the stack by itself, and
// the job run again tells.
func (l *labRunner) rebooted() {
	for i, c := range []struct {
		step  string
		later time.Duration
	}{{"clone", 15 * time.Second}, {"clone", 0}, {"verify", 0}} {
		if i > 0 {
			l.quiet()
			l.fresh("")
		}
		before := l.world("unlogged ") // the server empties these after a crash
		l.pushed(1, labImage, labOld, labNew)
		l.workflow()
		job := l.start("push", "command=upgrade")
		l.reaches(job, c.step)
		if c.later > 0 {
			l.engine("kill")
			time.Sleep(c.later)
		}
		l.engine("kill", "--all")
		job.wait()
		l.engine("start")
		l.rests("upgrade")
		healed, _ := l.labStack.run("docker", "logs", l.sibling("upgrade"))
		l.same(before, "after a reboot at "+c.step+":\n"+healed, "unlogged ")
		l.again()
		end := l.start("push", "command=upgrade").wait()
		l.says(end.log, "going on with what an earlier attempt")
		l.safe(end, before, "", "unlogged ")
		l.deployed(2, l.head(), "in_progress", "failure")
	}
}

// recovered: a person removes the container on the host in the middle of an upgrade, and lets
// a job recover.
func (l *labRunner) recovered() {
	before := l.world()
	l.pushed(1, labImage, labOld, labNew)
	l.workflow()
	job := l.start("push", "command=upgrade")
	l.reaches(job, "apply-files")
	if out, code := l.labStack.run("docker", "rm", "-f", l.sibling("upgrade"), job.name); code != 0 {
		l.Fatal(out)
	}
	job.wait()
	l.workflow()
	end := l.does(0, "workflow_dispatch", "command=recover")
	l.same(before, end.log)
	l.states(0, "in_progress", "failure")
	l.says(l.issue(false).Title, "failed and was rolled back")
	l.workflow()
	l.says(l.does(0, "workflow_dispatch", "command=recover").log, "nothing to recover")
}

// reaches waits until the work on the host has come to a step.
func (l *labRunner) reaches(job *labJob, step string) {
	l.Helper()
	for begun := time.Now(); time.Since(begun) < 3*time.Minute; time.Sleep(100 * time.Millisecond) {
		select {
		case <-job.done:
			l.Fatalf("the job ended before %s:\n%s", step, job.out.String())
		default:
		}
		for _, path := range l.journals() {
			if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), `"event":"captured","step":"`+step+`"`) {
				return
			}
		}
	}
	l.Fatalf("it never comes to %s", step)
}

// engine does something to the one that the stack is on.
func (l *labRunner) engine(args ...string) {
	l.Helper()
	name := strings.TrimPrefix(strings.TrimPrefix(filepath.Base(filepath.Dir(strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://"))), "engine"), "-")
	cmd := exec.Command(filepath.Join("..", "..", ".ci", "engine"), args...)
	cmd.Env = append(os.Environ(), "BELAY_ENGINE="+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.Fatalf("engine %v: %v: %s", args, err, out)
	}
}
