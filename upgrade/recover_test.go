package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestUnknownStep: a captured step that the recovering binary does not know used
// to be skipped, and "rolled back" to be reported.
func TestUnknownStep(t *testing.T) {
	w, path := fresh("c:do c:undo"), newPath(t)
	life(t, path, w, "", apply)
	clear(w.fail)
	w.trace = nil
	err, _ := life(t, path, w, "without-b", again)
	stuck, unknown := (*StuckError)(nil), (*UnknownStepError)(nil)
	if !errors.As(err, &stuck) || !errors.As(err, &unknown) || unknown.Step != "b" || len(w.trace) > 0 {
		t.Fatalf("err %v, trace %v", err, w.trace)
	}
	if got := stuck.Hint(); !strings.HasSuffix(got, "; then belay recover") {
		t.Errorf("hint %q", got)
	}
	if err, _ := life(t, path, w, "", again); err != nil {
		t.Fatal(err)
	}
	if _, allOld := w.steps(); !allOld {
		t.Errorf("world %v", w.kv)
	}
}

// agreeing is what WrittenError is: one flag more and the undo goes on.
type agreeing struct{}

func (agreeing) Error() string   { return "12 rows were written" }
func (agreeing) Hint() string    { return "to lose them" }
func (agreeing) Consent() string { return "--accept-data-loss" }

func TestStuckForConsent(t *testing.T) {
	e := &StuckError{Step: "open", Cause: ErrInterrupted, UndoErr: agreeing{}, Next: "belay recover /srv"}
	if got := e.Hint(); got != "to lose them: belay recover /srv --accept-data-loss" {
		t.Errorf("hint %q", got)
	}
}

// TestUnknownStepUndone: one that is undone already needs nobody who knows it.
func TestUnknownStepUndone(t *testing.T) {
	w, path := fresh("c:do a:undo"), newPath(t)
	life(t, path, w, "", apply)
	clear(w.fail)
	if err, _ := life(t, path, w, "without-b", again); err != nil {
		t.Fatal(err)
	}
}

// TestAbort: a second signal stops an undo, and recover goes on with it.
func TestAbort(t *testing.T) {
	w, path := fresh("c:do"), newPath(t)
	err, _ := life(t, path, w, "", func(ctx context.Context, r *Run) error {
		abort := make(chan struct{})
		r.Abort = abort
		r.Steps[1].undo = func(ctx context.Context, _ json.RawMessage) error {
			close(abort)
			select {
			case <-ctx.Done():
				return errors.New("docker: signal: interrupt")
			case <-time.After(time.Minute):
				return errors.New("not stopped")
			}
		}
		return apply(ctx, r)
	})
	stuck := (*StuckError)(nil)
	if !errors.As(err, &stuck) || stuck.Step != "b" || !errors.Is(err, ErrAborted) || stuck.Next != "belay recover" {
		t.Fatalf("err %v", err)
	}
	if err, _ := life(t, path, w, "", again); err != nil {
		t.Fatal(err)
	}
	if _, allOld := w.steps(); !allOld {
		t.Errorf("world %v", w.kv)
	}
}

// TestRecoverStops: the end of its context stops a recovery between two steps.
func TestRecoverStops(t *testing.T) {
	w, path := fresh("c:do c:undo"), newPath(t)
	life(t, path, w, "", apply)
	clear(w.fail)
	w.fail["c:undo"] = "late"
	err, _ := life(t, path, w, "", again)
	if stuck := (*StuckError)(nil); !errors.As(err, &stuck) || stuck.Step != "b" || !errors.Is(err, context.Canceled) {
		t.Fatalf("err %v", err)
	}
	if got := events(t, path); !strings.HasSuffix(got, "c:undone") {
		t.Errorf("journal %s", got)
	}
}

// TestAfterOnce: a later step whose end is recorded is not repeated by recovery.
func TestAfterOnce(t *testing.T) {
	w, path := fresh(""), newPath(t)
	first, _ := life(t, path, w, "", func(ctx context.Context, r *Run) error {
		r.Journal = &badLog{Log: r.Journal.(tickingLog).Log, at: 10}
		return apply(ctx, r)
	})
	if got := events(t, path); !errors.As(first, new(*AfterError)) || !strings.HasSuffix(got, "committed d:done") {
		t.Fatalf("%v, journal %s", first, got)
	}
	if err, _ := life(t, path, w, "", again); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.trace, " "); got != "a:do b:do c:do d:do" {
		t.Errorf("trace %s", got)
	}
}

// TestNoUndoUnrecorded: without a journal to say so nothing is undone, or the
// next process would undo it again, after people had gone on with the old stack.
func TestNoUndoUnrecorded(t *testing.T) {
	for at, want := range map[int]string{8: "a:do b:do c:do", 9: "a:do b:do c:do c:undo"} {
		w, path := fresh("c:do"), newPath(t)
		err, _ := life(t, path, w, "", func(ctx context.Context, r *Run) error {
			r.Journal = &badLog{Log: r.Journal.(tickingLog).Log, at: at, forGood: true}
			return apply(ctx, r)
		})
		if got := strings.Join(w.trace, " "); got != want || !errors.As(err, new(*StuckError)) {
			t.Errorf("full from entry %d: trace %s, err %v", at, got, err)
		}
	}
}

// TestRecoverOutcomes: recovery says how a run ended, also one that had ended.
func TestRecoverOutcomes(t *testing.T) {
	for setup, want := range map[string]Outcome{
		"": Committed, "c:do": RolledBack, "return": Returned, "b:do=refuse": Turned, "b:do=nothing": Unchanged, "d:do": Committed,
	} {
		path := newPath(t)
		life(t, path, fresh(setup), setup, apply)
		w := fresh(setup)
		life(t, path, w, setup, func(ctx context.Context, r *Run) error {
			if got, err := r.Recover(ctx); got != want || err != nil || len(w.trace) > 0 {
				t.Errorf("%s: %s, %v, trace %v", setup, got, err, w.trace)
			}
			return nil
		})
	}
}

// TestCommittedNotReady: a committed run whose engine stays away is not closed,
// and nobody is told that something has to be undone.
func TestCommittedNotReady(t *testing.T) {
	w, path := fresh(""), newPath(t)
	life(t, path, w, "", func(ctx context.Context, r *Run) error {
		r.Journal = &badLog{Log: r.Journal.(tickingLog).Log, at: 9, forGood: true}
		return apply(ctx, r)
	})
	w.fail["ready:do"] = ""
	life(t, path, w, "", func(ctx context.Context, r *Run) error {
		got, err := r.Recover(ctx)
		stuck := (*StuckError)(nil)
		if got != Committed || !errors.As(err, &stuck) || !stuck.Committed || strings.Contains(err.Error(), "undone") {
			t.Errorf("%s, %v", got, err)
		}
		return nil
	})
	if got := events(t, path); !strings.HasSuffix(got, "committed") {
		t.Errorf("journal %s", got)
	}
}
