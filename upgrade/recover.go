package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/belaystack/belay/upgrade/journal"
)

// Recover ends a run that another process left, from its journal alone: it goes
// forward when the run was committed, and undoes it when not. It is safe to kill
// and run again. A run that had ended gives its outcome and nothing happens.
//
// The caller has the lock, and has waited for what the dead process started.
// The errors are *StuckError, and *AfterError with the outcome beside it. The end
// of ctx stops it, as a *StuckError: what is left is done by the next Recover.
func (r *Run) Recover(ctx context.Context) (Outcome, error) {
	if err := r.named(); err != nil {
		return "", fmt.Errorf("recover run: %w", err)
	}
	entries := r.Journal.Entries()
	if journal.Ended(entries) {
		var c Closure
		if err := json.Unmarshal(entries[len(entries)-1].Data, &c); err != nil {
			return "", fmt.Errorf("recover run: read its outcome: %w", err)
		}
		return c.Outcome, nil
	}
	ctx, stop := r.abortable(ctx)
	defer stop()
	if r.has(journal.Committed, "") {
		if err := r.ready(ctx); err != nil {
			return Committed, &StuckError{Cause: ErrInterrupted, UndoErr: err, Next: r.Next, Committed: true}
		}
		return Committed, r.finish(ctx, Committed)
	}
	if r.has(journal.Returning, "") {
		return settled(Returned, r.finish(ctx, Returned))
	}
	outcome, cause := r.why()
	if err := r.undo(ctx, cause); err != nil {
		return "", err
	}
	return settled(outcome, r.stuckClosing(cause, r.close(outcome, nil)))
}

// settled gives no outcome to a run that has none yet.
func settled(o Outcome, err error) (Outcome, error) {
	if stuck := (*StuckError)(nil); errors.As(err, &stuck) {
		return "", err
	}
	return o, err
}

// why reads from the journal why the run ended early, and so as what.
func (r *Run) why() (Outcome, error) {
	entries := r.Journal.Entries()
	if len(entries) == 0 {
		return Unchanged, ErrInterrupted
	}
	for _, e := range entries {
		var f Failure
		switch {
		case e.Event == journal.Nothing:
			return Unchanged, ErrNothing
		case e.Event != journal.Failed || json.Unmarshal(e.Data, &f) != nil || f.Undo:
		case f.Refused:
			return Turned, errors.New(f.Error)
		default:
			return RolledBack, errors.New(f.Error)
		}
	}
	return RolledBack, ErrInterrupted
}

// takeBack undoes what was done before a step failed, that step included.
func (r *Run) takeBack(ctx context.Context, step string, cause error) error {
	reasons, others := refusals(cause)
	for _, one := range reasons {
		one.Step = step
	}
	outcome := RolledBack
	var verdict error = &RolledBackError{step, cause}
	switch {
	case ctx.Err() != nil:
		cause = cancelled(ctx, cause)
		verdict = &RolledBackError{step, cause}
	case len(reasons) > 0:
		outcome, verdict = Turned, &RefusedError{reasons, others}
	case errors.Is(cause, ErrNothing):
		outcome, verdict = Unchanged, ErrNothing
	}
	if outcome == Unchanged {
		_ = r.append(journal.Nothing, step, nil)
	} else {
		r.fail(step, Failure{Error: fmt.Sprintf("%s: %v", step, cause), Refused: outcome == Turned, Cancelled: ctx.Err() != nil})
	}
	ctx, stop := r.sheltered(ctx)
	defer stop()
	if err := r.undo(ctx, cause); err != nil {
		return err
	}
	if err := r.stuckClosing(cause, r.close(outcome, nil)); err != nil {
		return err
	}
	return verdict
}

// cancelled says by whom the run was stopped. What the step says is but the command
// that heard of it first, unless it is about something else.
func cancelled(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if !errors.Is(cause, ctx.Err()) {
		cause = fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	if errors.Is(err, ctx.Err()) || errors.Is(err, cause) {
		return cause
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// undo undoes every step that may have begun and is not undone, last first. It
// stops at the first that fails: to start the old version, which an earlier step's
// undo does, is right only when a later one's has given it its data back.
func (r *Run) undo(ctx context.Context, cause error) error {
	left, err := r.left()
	if err != nil {
		return r.stuck("", cause, err)
	}
	if len(left) == 0 {
		return nil
	}
	// What cannot be recorded is not undone: a later process would undo it
	// again, and with it what people did in the meantime.
	if err := r.note(journal.Undoing, "", Failure{Error: cause.Error()}); err != nil {
		return r.stuck("", cause, err)
	}
	if err := r.ready(ctx); err != nil {
		return r.stuck("", cause, err)
	}
	for _, one := range left {
		if ctx.Err() != nil {
			return r.stuck(one.task.Name, cause, context.Cause(ctx))
		}
		if err := r.undoOne(ctx, one); err != nil {
			if ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)) {
				err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
			}
			return r.stuck(one.task.Name, cause, err)
		}
	}
	return nil
}

func (r *Run) undoOne(ctx context.Context, one begun) error {
	r.tell(journal.Undoing, one.task.Name, "")
	_, err := guarded(func() (struct{}, error) { return struct{}{}, one.task.undo(ctx, one.saved) })
	if err != nil {
		r.fail(one.task.Name, Failure{Error: err.Error(), Undo: true})
		return err
	}
	return r.append(journal.Undone, one.task.Name, nil)
}

// begun is a step that may have begun.
type begun struct {
	task  Task
	saved json.RawMessage
}

// left gives the steps to undo, last first, in the order in which they began.
// A step that is not known is an error before any is undone.
func (r *Run) left() ([]begun, error) {
	var out []begun
	for _, e := range slices.Backward(r.Journal.Entries()) {
		if e.Event != journal.Captured || r.has(journal.Undone, e.Step) {
			continue
		}
		i := slices.IndexFunc(r.Steps, func(s Task) bool { return s.Name == e.Step })
		if i < 0 {
			return nil, &UnknownStepError{e.Step}
		}
		out = append(out, begun{r.Steps[i], e.Data})
	}
	return out, nil
}

func (r *Run) ready(ctx context.Context) error {
	if r.Ready == nil {
		return nil
	}
	_, err := guarded(func() (struct{}, error) { return struct{}{}, r.Ready(ctx) })
	return err
}

func (r *Run) stuck(step string, cause, err error) error {
	return &StuckError{Step: step, Cause: cause, UndoErr: err, Next: r.Next}
}

func (r *Run) stuckClosing(cause, err error) error {
	if err != nil {
		return r.stuck("", cause, fmt.Errorf("every step is undone, but that cannot be recorded: %w", err))
	}
	return nil
}
