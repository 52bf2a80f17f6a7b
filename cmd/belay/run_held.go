package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/report"
	"github.com/belaystack/belay/upgrade/steps"
)

// holding is how the run waits, or waited when its process died, for its verdict.
func (r pastRun) holding() (held steps.Holding, ok bool) {
	if n := len(r.entries); n == 0 || r.entries[n-1].Event != journal.Captured || r.entries[n-1].Step != "hold" {
		return held, false
	}
	return held, r.read(journal.Captured, "hold", &held)
}

// held is how the run waits for its verdict; false when it does not, or nobody is there any
// more to hear it.
func (r pastRun) held() (steps.Holding, bool) {
	held, ok := r.holding()
	return held, ok && r.alive()
}

// alive reports whether the process that carries the run out has its lock.
func (r pastRun) alive() bool {
	o, running := ownerOf(r.spec.State)
	return running && o.Run == r.id
}

// ownerOf is who has the lock of a state folder, and whether that process lives.
func ownerOf(state string) (journal.Owner, bool) {
	path := filepath.Join(state, "lock")
	var o journal.Owner
	if data, err := os.ReadFile(path); err == nil {
		_ = json.NewDecoder(strings.NewReader(string(data))).Decode(&o) // one that cannot be read is unknown
	}
	return o, locked(path + ".owner")
}

// abandoned reports whether the run has no end, and died rather than failed.
func (r pastRun) abandoned() bool {
	outcome, _ := outcomeOf(r)
	return r.open() && r.damage == nil && outcome == report.Running
}

// exit is the code that the run itself ended with.
func (r pastRun) exit() int {
	outcome, _ := outcomeOf(r)
	switch outcome {
	case report.Done, report.Nothing:
		return exitOK
	case report.RolledBack:
		return exitRolledBack
	case report.Cancelled:
		return exitCancelled
	case report.Refused:
		return exitRefused
	}
	return exitStuck
}

func commitCommand(s steps.Spec) string { return "belay commit " + shellWord(s.Project.Dir) }

func rollbackCommand(s steps.Spec) string {
	return "belay rollback --project-directory " + shellWord(s.Project.Dir)
}

// heldRun is a run that waits for its verdict while another wants to begin.
type heldRun struct {
	pastRun
	until time.Time
	err   error
}

func (e *heldRun) Error() string {
	return fmt.Sprintf("%s run %s is held until %s", e.spec.Kind, e.id, e.until.Format(time.RFC3339))
}

func (e *heldRun) Unwrap() error { return e.err }

// Hint names the next move.
func (e *heldRun) Hint() string {
	return commitCommand(e.spec) + " keeps it, " + rollbackCommand(e.spec) + " takes it back"
}

// busy says of a lock that cannot be had, that a held run has it.
func (h *host) busy(err error) error {
	var lock *journal.HeldError
	if !errors.As(err, &lock) || !lock.Running {
		return err
	}
	if run, ok := h.underWay(); ok {
		if held, ok := run.held(); ok {
			return &heldRun{run, held.Until, lock}
		}
	}
	return err
}

// orBusy gives err, which refuses a stack as it is, or says that a run is under way, which
// is why it is so.
func (a *app) orBusy(ctx context.Context, f *flags, dir string, d deployment, err error) error {
	if !errors.As(err, new(*upgrade.Refusal)) {
		return err
	}
	h, e := a.hostOfDead(ctx, f, dir, d)
	if e != nil {
		return err
	}
	if o, running := ownerOf(h.state); running {
		return h.busy(&journal.HeldError{Path: filepath.Join(h.state, "lock"), Owner: o, Running: true})
	}
	return err
}
