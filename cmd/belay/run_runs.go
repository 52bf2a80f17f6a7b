package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
)

// pastRun is a run as its journal tells of it.
type pastRun struct {
	id      string
	spec    steps.Spec
	entries []journal.Entry
	damage  error // why the journal cannot be read to its end
}

// readRun reads a run's journal, as far as it goes.
func readRun(state, id string) (pastRun, error) {
	r := pastRun{id: id}
	var err error
	r.entries, err = journal.Read(filepath.Join(state, "runs", id, "journal"))
	var damaged *journal.DamagedError
	if errors.As(err, &damaged) {
		r.damage, err = err, nil
	}
	if err == nil && len(r.entries) > 0 {
		err = upgrade.Header(r.entries, &r.spec)
	}
	return r, err
}

// readRuns reads the journals of all runs of a state folder, the newest first. A
// folder without a begun journal is none.
func readRuns(state string) ([]pastRun, error) {
	dirs, err := os.ReadDir(filepath.Join(state, "runs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []pastRun
	for _, dir := range slices.Backward(dirs) {
		r, err := readRun(state, dir.Name())
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(r.entries) == 0 && r.damage == nil {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", dir.Name(), err)
		}
		out = append(out, r)
	}
	return out, nil
}

// open reports whether something is left to do: a run that only began has changed
// nothing, but its end is not written either.
func (r pastRun) open() bool { return !journal.Ended(r.entries) }

func (r pastRun) began() time.Time {
	if len(r.entries) == 0 {
		return time.Time{}
	}
	return r.entries[0].Time
}

// at gives the first entry of an event of a step.
func (r pastRun) at(ev journal.Event, step string) (journal.Entry, bool) {
	i := slices.IndexFunc(r.entries, func(e journal.Entry) bool { return e.Event == ev && e.Step == step })
	if i < 0 {
		return journal.Entry{}, false
	}
	return r.entries[i], true
}

// read decodes what Do (journal.Done) or Capture (journal.Captured) of a step gave;
// false when there is none.
func (r pastRun) read(ev journal.Event, step string, into any) bool {
	e, ok := r.at(ev, step)
	return ok && e.Data != nil && json.Unmarshal(e.Data, into) == nil
}

// closure is how the run ended; zero while it is open.
func (r pastRun) closure() upgrade.Closure {
	var c upgrade.Closure
	r.read(journal.Closed, "", &c)
	return c
}

func (r pastRun) committed() bool { return r.closure().Outcome == upgrade.Committed }

// ended is the time of the end; zero while it is open.
func (r pastRun) ended() time.Time {
	e, _ := r.at(journal.Closed, "")
	return e.Time
}

// cancelled reports whether the run ended because it was asked to, not because
// something failed.
func (r pastRun) cancelled() bool {
	return slices.ContainsFunc(r.entries, func(e journal.Entry) bool {
		var f upgrade.Failure
		return e.Event == journal.Failed && json.Unmarshal(e.Data, &f) == nil && f.Cancelled
	})
}

// failed reports whether a step of the run failed, of itself.
func (r pastRun) failed() bool {
	return !r.cancelled() && slices.ContainsFunc(r.entries, func(e journal.Entry) bool {
		var f upgrade.Failure
		return e.Event == journal.Failed && json.Unmarshal(e.Data, &f) == nil && !f.Undo && !f.After
	})
}

// openRuns are the runs whose journals have no end, the newest first.
func (h *host) openRuns() ([]pastRun, error) {
	all, err := readRuns(h.state)
	return slices.DeleteFunc(all, func(r pastRun) bool { return !r.open() }), err
}

// noOpenRun refuses where a run has not ended, and where the clock was set back
// since the last one.
func (h *host) noOpenRun() error {
	all, err := readRuns(h.state)
	if err != nil {
		return stuckError(err)
	}
	for _, r := range all {
		if r.open() {
			return stuckError(&openRun{r})
		}
	}
	if len(all) > 0 {
		return runError(journal.CheckClock(all[0].entries, h.now()))
	}
	return nil
}

// openRun is a run that has not ended.
type openRun struct{ pastRun }

func (e *openRun) Error() string {
	if e.damage != nil {
		return fmt.Sprintf("%s run %s has not ended: %v", e.spec.Kind, e.id, e.damage)
	}
	return fmt.Sprintf("%s run %s has not ended", e.spec.Kind, e.id)
}

// Hint names the next move.
func (e *openRun) Hint() string {
	var h interface{ Hint() string }
	if errors.As(e.damage, &h) {
		return h.Hint()
	}
	return recoverCommand(e.spec) + " finishes or undoes it"
}

// recoverCommand is what goes on with a run.
func recoverCommand(s steps.Spec) string {
	return "belay recover " + shellWord(s.Project.Dir)
}

// shellWord quotes a path where a shell would not take it for one word.
func shellWord(s string) string {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') && !slices.Contains([]rune("/._-+@:,"), r) {
			return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
	}
	return s
}
