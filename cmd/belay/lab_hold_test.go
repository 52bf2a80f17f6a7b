package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The version that these plays go to.
const toHold = "langgenius/dify-api=1.14.0"

// held: a verified stack waits closed for its verdict, which another command gives; nothing
// else begins meanwhile.
func (l *labStack) held() {
	before := l.world()
	out := l.belay(0, "upgrade", "--set", toHold, "--hold", "10m")
	l.says(out, "verified, and held", "held until 20", "closed to the outside", "Without a verdict until then it is rolled back", "docker run --rm --network "+filepath.Base(l.dir)+"_default",
		"belay commit "+l.dir, "belay rollback --project-directory "+l.dir)
	if l.answers() {
		l.Error("a stack that is held closed answers the outside")
	}
	l.says(l.compose("exec", "-T", "dify-worker", "curl", "-fsS", "http://dify-api:5001/health"), "1.14.0")
	for _, args := range [][]string{{"upgrade"}, {"upgrade", "--hold", "1m"}, {"backup"}, {"rollback", "--service", "dify-api"}, {"recover"}} {
		l.says(l.belay(10, args...), "is held until", "belay commit "+l.dir)
	}
	l.says(l.belay(0, "status"), "held until 20", "belay commit "+l.dir+", or belay rollback")
	l.says(l.belay(0, "history"), "held until")
	l.says(l.belay(2, "rollback", "--keep-data"), "goes back with its data")
	l.says(l.belay(0, "rollback"), "taken back: belay rollback, ", "failed and was rolled back")
	l.same(before, "a held run was taken back")
	l.says(l.belay(11, "commit"), "no run is held", "its verdict was rollback")
	l.says(l.belay(11, "upgrade", "--set", toHold), "was tried in run")

	l.belay(0, "upgrade", "--retry", "--set", toHold, "--hold", "10m")
	out = l.belay(0, "commit")
	l.says(out, "done and verified", "verdict: commit by belay commit, ", "committed: the new stack is verified")
	l.noSecret("commit", out)
	l.runsOn("langgenius/dify-api:1.14.0", "dify-api", "dify-worker")
	if !l.answers() {
		l.Error("a stack that was committed does not answer")
	}
	l.script("inert")
	l.says(l.belay(11, "commit"), "no run is held", "done at")
	l.reset()
}

// unheard: without a verdict a closed stack goes back, and one that is open stays.
func (l *labStack) unheard() {
	before := l.world()
	out := l.belay(0, "upgrade", "--set", toHold, "--hold", "2s")
	l.over("rolled-back")
	l.says(l.shown(), "hold: taken back: no verdict until 20")
	l.same(before, out)

	l.write("belay.yml", l.config("hold: {on-timeout: rollback}\n"))
	l.says(l.belay(11, "upgrade", "--retry", "--set", toHold, "--hold", "2s", "--hold-open"), "on-timeout: rollback", "accept-data-loss: true")
	l.write("belay.yml", l.config("hold: {on-timeout: rollback, accept-data-loss: true}\n"))
	before = l.world()
	l.says(l.belay(0, "upgrade", "--retry", "--set", toHold, "--hold", "10s", "--hold-open"), "and what was written to it is lost")
	l.write3()
	l.over("rolled-back")
	l.same(before, l.shown())
	l.write("belay.yml", l.config(""))

	out = l.belay(0, "upgrade", "--retry", "--set", toHold, "--hold", "2s", "--hold-open")
	l.says(out, "Without a verdict until then it is committed")
	l.over("done")
	l.says(l.shown(), "verdict: commit by no verdict until")
	l.runsOn("langgenius/dify-api:1.14.0", "dify-api", "dify-worker")
	l.script("inert")
	l.reset()
}

// regretted: what was written to a stack that is held open is not lost without a word.
func (l *labStack) regretted() {
	before := l.world()
	l.says(l.belay(0, "upgrade", "--set", toHold, "--hold", "10m", "--hold-open"), "verified and open")
	if !l.answers() {
		l.Error("a stack that is held open does not answer")
	}
	l.write3()
	l.says(l.belay(11, "rollback"), "rows were written since the opening", "messages", "--accept-data-loss gives them up", "belay commit "+l.dir)
	l.says(l.belay(0, "status"), "held until")
	if n := l.written(); n != "3" {
		l.Errorf("%s rows are there, want the 3 that were written", n)
	}
	l.belay(0, "rollback", "--accept-data-loss")
	l.same(before, "a run that was held open was taken back")
}

// bereft: the process that holds a run dies, or is told to end.
func (l *labStack) bereft() {
	before := l.world()
	for _, c := range []struct {
		code int
		args []string
		says string
	}{{exitRolledBack, []string{"commit"}, "nobody watched the stack since"}, {0, []string{"rollback"}, "it is rolled back"}, {0, []string{"recover"}, "rolled back"}} {
		l.belay(0, "upgrade", "--retry", "--set", toHold, "--hold", "10m")
		l.signalHolder(syscall.SIGKILL)
		l.says(l.belay(0, "history"), "running")
		l.says(l.belay(0, "status"), "belay recover "+l.dir)
		l.says(l.belay(c.code, c.args...), c.says)
		l.same(before, strings.Join(c.args, " "))
	}

	l.belay(0, "upgrade", "--retry", "--set", toHold, "--hold", "10m")
	l.signalHolder(syscall.SIGTERM)
	l.over("cancelled")
	l.same(before, "the holder was told to end")

	out, code := l.until(`"event":"captured","step":"launch"`, syscall.SIGINT, l.bin, "upgrade", "--retry", "--set", toHold, "--hold", "10m")
	if code != exitCancelled {
		l.Errorf("exit code %d", code)
	}
	l.says(out, "cancelled by SIGINT", "cancelled and rolled back")
	l.same(before, out)

}

// overtaken: an upgrade is taken back by another command while it is under way.
func (l *labStack) overtaken() {
	before := l.world()
	out, code := l.when(`"event":"captured","step":"clone"`, func() bool {
		l.says(l.belay(0, "rollback"), "cancelled and rolled back", "taken back: belay rollback")
		return true
	}, 0, l.bin, "upgrade", "--retry", "--set", toHold)
	if code != exitCancelled {
		l.Errorf("exit code %d", code)
	}
	l.says(out, "taken back: belay rollback")
	l.same(before, out)
}

// answers reports whether the stack answers on the port that it publishes.
func (l *labStack) answers() bool {
	l.Helper()
	_, rest, _ := strings.Cut(l.read(".env"), "LAB_PORT=")
	port, _, _ := strings.Cut(rest, "\n")
	c := http.Client{Timeout: 5 * time.Second}
	r, err := c.Get("http://127.0.0.1:" + port + "/console/api/setup")
	if err != nil {
		return false
	}
	_ = r.Body.Close() // nothing of it is wanted
	return r.StatusCode == http.StatusOK
}

// over waits until the last run has ended so.
func (l *labStack) over(outcome string) {
	l.Helper()
	var last status
	for begun := time.Now(); time.Since(begun) < 3*time.Minute; time.Sleep(500 * time.Millisecond) {
		last = status{}
		if err := json.Unmarshal([]byte(l.belay(0, "status", "--format", "json")), &last); err != nil {
			l.Fatal(err)
		}
		if last.Open == nil && last.Holder == "" {
			break
		}
	}
	if last.Last == nil || last.Last.Outcome != outcome {
		l.Fatalf("the last run is %+v, want %s", last.Last, outcome)
	}
}

// shown is the report of the last run.
func (l *labStack) shown() string {
	l.Helper()
	all := l.journals()
	return l.belay(0, "history", "show", filepath.Base(filepath.Dir(all[len(all)-1])))
}

// signalHolder signals the process that has the lock, and waits until it is gone if that
// kills it.
func (l *labStack) signalHolder(sig syscall.Signal) {
	l.Helper()
	state := filepath.Join(l.state, filepath.Base(l.dir))
	o, running := ownerOf(state)
	if !running {
		l.Fatalf("nobody holds the run: %s", o)
	}
	p, err := os.FindProcess(o.PID)
	if err == nil {
		err = p.Signal(sig)
	}
	if err != nil {
		l.Fatal(err)
	}
	for begun := time.Now(); sig == syscall.SIGKILL && running && time.Since(begun) < time.Minute; time.Sleep(50 * time.Millisecond) {
		_, running = ownerOf(state)
	}
}
