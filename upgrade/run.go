package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/belaystack/belay/upgrade/journal"
)

// Journal is the part of a *journal.Log that a run uses. Entries has what a
// later process would read, also after a failed Append.
type Journal interface {
	Append(ev journal.Event, step string, data json.RawMessage) error
	Entries() []journal.Entry
}

var _ Journal = (*journal.Log)(nil)

// What Watch is told besides the events of the journal.
const (
	Checking journal.Event = "checking" // the step's check begins
	Starting journal.Event = "starting" // the step begins; undoing with a step is the same for its undo
	Detail   journal.Event = "detail"   // the step has got on
)

// Progress is one thing that happened in a run.
type Progress struct {
	Run    string
	Step   string        // may be empty
	Event  journal.Event // of the journal, or one of the above
	Time   time.Time
	Detail string // what failed and why, or how far the step is
}

// Run carries steps out, so that they are all done or all undone.
type Run struct {
	ID      string
	Journal Journal // of this run alone
	Steps   []Task
	After   []Task // once the steps are committed or returned; they only go forward
	Return  bool   // undo the steps when all are done: a backup is such a run

	// Ready waits until the steps can work again, a bounded time: what made a
	// step fail may have been a docker engine that died. Nil: at once.
	Ready func(ctx context.Context) error
	// Abort, when closed, stops an undo, which no cancelled context does.
	Abort <-chan struct{}
	// Next is the command that goes on with a stuck run: "belay recover".
	Next string
	// Redact takes secrets out of the texts of errors. Nil: there are none.
	Redact func(string) string
	// Watch is told what happens, one call at a time. Nil: nobody is.
	Watch func(Progress)
	// Now gives the times that Watch is told.
	Now func() time.Time

	watching sync.Mutex
}

// Apply carries the run out. header is what a later process needs to build the
// same steps; it goes into the journal as JSON, before anything else happens.
//
// Nil means that the steps are done, verified and committed, or undone when the
// run is to return. *RefusedError, *RolledBackError and ErrNothing mean that the
// stack is as it was, *AfterError that it is the new one. *StuckError means that a
// person has to look. After any other error nothing was changed.
func (r *Run) Apply(ctx context.Context, header any) error {
	if err := r.named(); err != nil {
		return fmt.Errorf("start run: %w", err)
	}
	if len(r.Journal.Entries()) > 0 {
		return errors.New("start run: its journal tells of another one already")
	}
	raw, err := marshal("header", header)
	if err == nil {
		err = r.append(journal.Begun, "", raw)
	}
	if err != nil {
		return fmt.Errorf("start run: %w", err)
	}
	if err := r.checks(ctx); err != nil {
		return r.turnDown(ctx, err)
	}
	for _, s := range r.Steps {
		if err := r.forward(ctx, s); err != nil {
			return r.takeBack(ctx, s.Name, err)
		}
	}
	end, outcome := journal.Committed, Committed
	if r.Return {
		end, outcome = journal.Returning, Returned
	}
	// When it was written but not flushed, a later process may find it, so it
	// counts: to undo now would contradict the journal.
	if err := r.append(end, "", nil); err != nil && !r.has(end, "") {
		return r.takeBack(ctx, "commit", err)
	}
	ctx, stop := r.sheltered(ctx)
	defer stop()
	return r.finish(ctx, outcome)
}

// checks runs the check of every step, and gives all that they say. It stops
// early only when ctx ends.
func (r *Run) checks(ctx context.Context) error {
	var all []error
	for _, s := range append(append([]Task{}, r.Steps...), r.After...) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.tell(Checking, s.Name, "")
		_, err := guarded(func() (struct{}, error) { return struct{}{}, s.check(ctx) })
		if err == nil {
			continue
		}
		reasons, _ := refusals(err)
		for _, one := range reasons {
			one.Step = s.Name
		}
		if len(reasons) == 0 {
			err = fmt.Errorf("check %s: %w", s.Name, err)
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

// turnDown ends a run whose checks said no, or could not be made.
func (r *Run) turnDown(ctx context.Context, cause error) error {
	reasons, others := refusals(cause)
	err := cause
	switch {
	case ctx.Err() != nil:
		err = cancelled(ctx, cause)
	case len(reasons) > 0:
		err = &RefusedError{reasons, others}
	case errors.Is(cause, ErrNothing):
		_ = r.append(journal.Nothing, "", nil)
		return errors.Join(ErrNothing, r.close(Unchanged, nil))
	}
	r.fail("", Failure{Error: err.Error(), Refused: true, Cancelled: ctx.Err() != nil})
	if c := r.close(Turned, nil); c != nil {
		return errors.Join(err, c)
	}
	return err
}

// forward carries one step out. What its undo needs is durable before Do.
func (r *Run) forward(ctx context.Context, s Task) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.tell(Starting, s.Name, "")
	raw, err := guarded(func() (json.RawMessage, error) { return s.capture(ctx) })
	if err != nil {
		return err
	}
	if err := r.append(journal.Captured, s.Name, raw); err != nil {
		return err
	}
	result, err := guarded(func() (json.RawMessage, error) { return s.do(ctx, raw) })
	if err != nil {
		return err
	}
	return r.append(journal.Done, s.Name, result)
}

// finish takes the way forward that is left once there is none back: the undo of
// a returning run, then the later steps, each whatever becomes of the others.
// Those that an earlier process finished are not repeated.
func (r *Run) finish(ctx context.Context, outcome Outcome) error {
	if outcome == Returned {
		if err := r.undo(ctx, errReturning); err != nil {
			return err
		}
	}
	var failed []error
	for _, s := range r.After {
		if r.has(journal.Done, s.Name) {
			continue
		}
		if err := r.after(ctx, s); err != nil {
			err = fmt.Errorf("%s: %w", s.Name, err)
			failed = append(failed, err)
			r.fail(s.Name, Failure{Error: err.Error(), After: true})
		}
	}
	if err := r.close(outcome, failed); err != nil {
		failed = append(failed, err)
	}
	if len(failed) > 0 {
		return &AfterError{failed}
	}
	return nil
}

var errReturning = errors.New("all steps are done and were to be undone")

func (r *Run) after(ctx context.Context, s Task) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.tell(Starting, s.Name, "")
	result, err := guarded(func() (json.RawMessage, error) {
		raw, err := s.capture(ctx)
		if err != nil {
			return nil, err
		}
		return s.do(ctx, raw)
	})
	if err != nil {
		return err
	}
	return r.append(journal.Done, s.Name, result)
}

// named checks that a journal can tell the steps apart.
func (r *Run) named() error {
	seen := map[string]bool{"": true}
	for _, s := range append(append([]Task{}, r.Steps...), r.After...) {
		if seen[s.Name] {
			return fmt.Errorf("step %q: no name, or that of another", s.Name)
		}
		seen[s.Name] = true
	}
	return nil
}
