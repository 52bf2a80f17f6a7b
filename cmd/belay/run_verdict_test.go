package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/report"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted"
)

// heldAt is a host whose state folder has a run with these entries, and who holds it.
func heldAt(t *testing.T, kind steps.Kind, events ...[2]any) (*host, pastRun, *journal.Hold) {
	t.Helper()
	h := &host{app: &app{now: time.Now, getenv: func(string) string { return "" }, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}, state: t.TempDir(), mask: func(s string) string { return s },
		docker: &docker.Client{}, stack: &wanted.Deployed{}}
	h.tell = &lineTeller{out: h.stderr}
	spec := steps.Spec{Run: "20261122T030000Z-0000", Kind: kind, State: h.state, Project: docker.Project{Name: "shop", Dir: "/srv/shop"}}
	keep(t, h.state, spec, events...)
	lock, err := journal.Lock(filepath.Join(h.state, "lock"), journal.Owner{PID: 1, Run: spec.Run, Command: "belay upgrade"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lock.Release() }) // it may be released already
	r, err := readRun(h.state, spec.Run)
	if err != nil {
		t.Fatal(err)
	}
	return h, r, lock
}

var isHeld = [2]any{"captured hold", steps.Holding{Until: time.Date(2026, 11, 22, 3, 20, 0, 0, time.UTC), Default: steps.Decision{Verdict: steps.TakeBack}, Network: "shop_default"}}

// TestHeldRun: a run is held while the process lives that waits, and no longer.
func TestHeldRun(t *testing.T) {
	h, r, lock := heldAt(t, steps.Upgrade, isHeld)
	if outcome, _ := outcomeOf(r); outcome != report.Held || lineOf(r).Until == nil {
		t.Errorf("%s %+v", outcome, lineOf(r))
	}
	text := report.Text(h.report(r, nil, nil), 0, false)
	for _, want := range []string{"and held", "held until 2026-11-22 03:20:00 UTC", "closed to the outside", "it is rolled back", "belay commit /srv/shop", "belay rollback --project-directory /srv/shop", "--network shop_default"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if _, err := h.toCommit(); err != nil {
		t.Error(err)
	}
	var held *heldRun
	_, err := journal.Lock(filepath.Join(h.state, "lock"), journal.Owner{})
	if err := h.busy(err); !errors.As(err, &held) || runCode(err) != exitHeld || !strings.Contains(held.Hint(), "belay commit /srv/shop") {
		t.Errorf("%v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if outcome, _ := outcomeOf(r); outcome != report.Running || lineOf(r).Until != nil || !r.abandoned() {
		t.Errorf("its process is gone: %s %+v", outcome, lineOf(r))
	}
	if r, err := h.toCommit(); err != nil || r.alive() {
		t.Errorf("its process is gone: %v", err)
	}
	if run, ok := h.underWay(); !ok || run.id != r.id {
		t.Error("its process is gone, and so is the run")
	}
}

// TestNothingToCommit: only a run that waits is committed, and what there is instead is said.
func TestNothingToCommit(t *testing.T) {
	for name, c := range map[string]struct {
		kind   steps.Kind
		events [][2]any
		want   string
	}{
		"committed":   {steps.Upgrade, [][2]any{{"committed", nil}, {"closed", upgrade.Closure{Outcome: upgrade.Committed}}}, "20261122T030000Z-0000, done at 20"},
		"rolled back": {steps.Upgrade, [][2]any{{"failed", upgrade.Failure{Error: "verify: no"}}, {"closed", upgrade.Closure{Outcome: upgrade.RolledBack}}}, "rolled-back at"},
		"not yet":     {steps.Upgrade, [][2]any{{"captured verify", nil}}, "under way, and not held"},
		"no longer":   {steps.Upgrade, [][2]any{isHeld, {"done hold", nil}}, "under way, and not held"},
		"a backup":    {steps.Backup, [][2]any{{"captured backup", nil}}, "backup run 20261122T030000Z-0000 is under way"},
		"no upgrade":  {steps.Backup, [][2]any{{"closed", upgrade.Closure{Outcome: upgrade.Returned}}}, "there was no upgrade"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _, _ := heldAt(t, c.kind, c.events...)
			_, err := h.toCommit()
			var e *exitError
			if !errors.As(err, &e) || e.code != exitRefused || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestFollow: what another process writes is told as that one tells it, to its end.
func TestFollow(t *testing.T) {
	h, r, lock := heldAt(t, steps.Upgrade, isHeld)
	go func() {
		log, err := journal.Open(filepath.Join(h.runFolder(r.id), "journal"), time.Now)
		if err != nil {
			t.Error(err)
			return
		}
		data, _ := json.Marshal(upgrade.Closure{Outcome: upgrade.RolledBack})
		for _, e := range []struct {
			ev   journal.Event
			step string
			data string
		}{{journal.Failed, "hold", `{"error":"hold: taken back: by one"}`}, {journal.Undoing, "", `{"error":"x"}`}, {journal.Undone, "hold", ""}, {journal.Closed, "", string(data)}} {
			if err := log.Append(e.ev, e.step, json.RawMessage(e.data)); err != nil {
				t.Error(err)
			}
		}
		_, _ = log.Close(), lock.Release() // both end with the process as well
	}()
	end, err := h.follow(t.Context(), r)
	if err != nil || end.open() || end.exit() != exitRolledBack || end.abandoned() {
		t.Errorf("%v, exit %d", err, end.exit())
	}
	told := h.stderr.(*bytes.Buffer).String()
	for _, want := range []string{"failed: hold: taken back: by one\n", "taking back what was done\n", "undo hold   "} {
		if !strings.Contains(told, want) {
			t.Errorf("it does not tell %q: %q", want, told)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h, r, _ = heldAt(t, steps.Upgrade, isHeld)
	var e *exitError
	if _, err := h.follow(ctx, r); !errors.As(err, &e) || e.code != exitCancelled || !strings.Contains(err.Error(), "goes on without this command") {
		t.Errorf("%v", err)
	}
}

// TestUntilTakenBack: a verdict ends an upgrade that is under way, but not one that waits
// for it itself.
func TestUntilTakenBack(t *testing.T) {
	h, r, _ := heldAt(t, steps.Upgrade)
	ctx, _ := h.untilTakenBack(t.Context(), r.id)
	held, enough := h.untilTakenBack(t.Context(), r.id)
	enough()
	if _, err := steps.Decide(h.runFolder(r.id), steps.Decision{Verdict: steps.TakeBack, By: "belay rollback"}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on")
	}
	if err := context.Cause(ctx); runCode(err) != exitCancelled || err.Error() != "taken back: belay rollback" {
		t.Errorf("%v", err)
	}
	if held.Err() != nil {
		t.Error("a run that is held was cancelled")
	}
	kept, r, _ := heldAt(t, steps.Upgrade)
	ctx, _ = kept.untilTakenBack(t.Context(), r.id)
	if _, err := steps.Decide(kept.runFolder(r.id), steps.Decision{Verdict: steps.Keep}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1200 * time.Millisecond) // two looks
	if ctx.Err() != nil {
		t.Error("a verdict to keep it cancelled the run")
	}
}

// TestApart: a process of its own is followed to its end or until the run is held, and
// lives on then.
func TestApart(t *testing.T) {
	begin := func() (*apart, *bytes.Buffer, *bytes.Buffer) {
		var out, errs bytes.Buffer
		return &apart{app: &app{stdout: &out, stderr: &errs}, folder: t.TempDir()}, &out, &errs
	}
	p, out, _ := begin()
	if err := p.run(t.Context(), []string{"version"}); err != nil || !strings.HasPrefix(out.String(), "belay ") {
		t.Errorf("%v %q", err, out)
	}
	p, _, errs := begin()
	var e *exitError
	if err := p.run(t.Context(), []string{"nonsense"}); !errors.As(err, &e) || e.code != exitUsage || e.err != nil || !strings.Contains(errs.String(), "unknown command") {
		t.Errorf("%v %q", err, errs)
	}

	p, _, _ = begin()
	if err := os.WriteFile(filepath.Join(p.folder, heldFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("RUNNER_TRACKING_ID", "github_1")
	if err := p.run(t.Context(), []string{"__tree", "hold"}); err != nil {
		t.Errorf("held: %v", err)
	}
	if sid, _, e := syscall.Syscall(syscall.SYS_GETSID, uintptr(p.process.Pid), 0, 0); e != 0 || int(sid) != p.process.Pid {
		t.Errorf("the process is in session %d: %v", sid, e)
	}
	env, err := os.ReadFile("/proc/" + strconv.Itoa(p.process.Pid) + "/environ")
	if err != nil || bytes.Contains(env, []byte("RUNNER_TRACKING_ID")) || !bytes.Contains(env, []byte("PATH=")) {
		t.Errorf("%v: a runner would end it, or it has no environment", err)
	}
	if err := p.process.Kill(); err != nil {
		t.Error(err)
	}

	p, _, _ = begin()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begun := time.Now()
	if err := p.run(ctx, []string{"__tree", "hold"}); !errors.As(err, &e) && err != nil || time.Since(begun) > 20*time.Second {
		t.Errorf("it was not told to end: %v", err)
	}
	if p.process.Signal(syscall.Signal(0)) == nil {
		t.Error("it lives on")
	}
}

// TestInsert: flags stand before the operands.
func TestInsert(t *testing.T) {
	for _, c := range []struct{ args, want string }{{"upgrade x", "upgrade x --a"}, {"upgrade -- x --", "upgrade --a -- x --"}, {"upgrade", "upgrade --a"}} {
		if got := strings.Join(insert(strings.Fields(c.args), []string{"--a"}), " "); got != c.want {
			t.Errorf("%s: %s", c.args, got)
		}
	}
}
