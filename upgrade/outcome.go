package upgrade

import (
	"errors"
	"fmt"
	"strings"
)

// Outcome is how a run ended.
type Outcome string

// The outcomes of a run.
const (
	Committed  Outcome = "committed"   // the new stack, verified
	Returned   Outcome = "returned"    // all steps done, and undone on purpose
	RolledBack Outcome = "rolled-back" // the old stack
	Turned     Outcome = "refused"     // turned down by a check or an early step; the old stack
	Unchanged  Outcome = "nothing"     // there was nothing to change
)

// Closure is the data of a journal's closed entry.
type Closure struct {
	Outcome  Outcome  `json:"outcome"`
	Warnings []string `json:"warnings,omitempty"` // what failed after the commit
}

// Failure is the data of a journal's failed entry, and of undoing.
type Failure struct {
	Error     string `json:"error"`
	Refused   bool   `json:"refused,omitempty"`
	Cancelled bool   `json:"cancelled,omitempty"` // nothing failed: the run was asked to stop
	Undo      bool   `json:"undo,omitempty"`      // the undo failed, not the step
	After     bool   `json:"after,omitempty"`     // a step after the commit failed
}

// ErrNothing is what a Do gives when there is nothing to change. What was done
// so far is undone, without a word about a failure.
var ErrNothing = errors.New("nothing to change")

// ErrInterrupted is the cause of an undo in a recovery.
var ErrInterrupted = errors.New("the run was interrupted")

// ErrAborted ends an undo that was asked to stop.
var ErrAborted = errors.New("stopped by a second signal")

// Refusal is a reason not to start. Nothing in it is secret.
type Refusal struct {
	Step   string // filled in by the run
	Reason string // "backup folder: too little room"
	Found  string // "1.2 GB"; may be empty
	Needed string // "3.4 GB"; may be empty
	Next   string // what to do
}

func (r *Refusal) Error() string {
	s := r.Reason
	if r.Found != "" {
		s += ": found " + r.Found
	}
	if r.Needed != "" {
		s += ", needed " + r.Needed
	}
	return s
}

// Hint names the next move.
func (r *Refusal) Hint() string { return r.Next }

// refusals gives every refusal in err's tree, and what is joined to them. Without
// a refusal it gives err itself.
func refusals(err error) (out []*Refusal, rest []error) {
	if r, ok := err.(*Refusal); ok {
		return []*Refusal{r}, nil
	}
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			o, r := refusals(one)
			out, rest = append(out, o...), append(rest, r...)
		}
		if len(out) > 0 {
			return out, rest
		}
	case interface{ Unwrap() error }:
		if out, rest := refusals(e.Unwrap()); len(out) > 0 {
			return out, rest
		}
	}
	return nil, []error{err}
}

// RefusedError means that the run was turned down and the stack is as it was.
type RefusedError struct {
	Refusals []*Refusal // in the order of steps; at least one
	Others   []error    // checks that could not be made
}

func (e *RefusedError) Error() string {
	var parts []string
	for _, err := range e.Unwrap() {
		parts = append(parts, err.Error())
	}
	return "refused: " + strings.Join(parts, "; ")
}

// Unwrap gives the refusals, then the others.
func (e *RefusedError) Unwrap() []error {
	var out []error
	for _, r := range e.Refusals {
		out = append(out, r)
	}
	return append(out, e.Others...)
}

// RolledBackError means that a step failed and the stack is as it was. A run
// that was cancelled has context.Canceled among its causes.
type RolledBackError struct {
	Step  string
	Cause error
}

func (e *RolledBackError) Error() string { return fmt.Sprintf("%s: %v (rolled back)", e.Step, e.Cause) }
func (e *RolledBackError) Unwrap() error { return e.Cause }

// StuckError means that undoing failed too. What was undone is recorded; the
// steps before Step are not undone yet.
type StuckError struct {
	Step    string // whose undo failed; "" before the first undo, or after the last
	Cause   error  // why there was something to undo
	UndoErr error
	Next    string // the command that goes on

	// Committed means that nothing is to be undone: the new stack is verified,
	// and it is the steps after that which cannot be done.
	Committed bool
}

func (e *StuckError) Error() string {
	if e.Committed {
		return fmt.Sprintf("%v; the new stack is verified, but the run cannot be finished: %v", e.Cause, e.UndoErr)
	}
	at := ""
	if e.Step != "" {
		at = e.Step + ": "
	}
	return fmt.Sprintf("%v; and it cannot be undone: %s%v", e.Cause, at, e.UndoErr)
}

// Unwrap gives both causes.
func (e *StuckError) Unwrap() []error { return []error{e.Cause, e.UndoErr} }

// Consent is the flag by which a person agrees to what the undo did not do unasked;
// "" when it is no agreement that lacks.
func (e *StuckError) Consent() string {
	var c interface{ Consent() string }
	if errors.As(e.UndoErr, &c) {
		return c.Consent()
	}
	return ""
}

// Hint names the next move.
func (e *StuckError) Hint() string {
	var h interface{ Hint() string }
	if flag := e.Consent(); flag != "" && errors.As(e.UndoErr, &h) {
		return h.Hint() + ": " + e.Next + " " + flag
	}
	if errors.As(e.UndoErr, &h) && h.Hint() != "" {
		return h.Hint() + "; then " + e.Next
	}
	return e.Next
}

// UnknownStepError means that a run took a step that this version of belay does
// not have, so that only another version can undo it.
type UnknownStepError struct{ Step string }

func (e *UnknownStepError) Error() string { return "step " + e.Step + ": not known to this version" }

// Hint names the next move.
func (e *UnknownStepError) Hint() string {
	return "use the version of belay that began the run; its journal names it"
}

// AfterError means that the new stack is verified and committed, but that some
// of the steps after that failed.
type AfterError struct{ Failed []error }

func (e *AfterError) Error() string {
	return "done and verified, but: " + strings.ReplaceAll(errors.Join(e.Failed...).Error(), "\n", "; ")
}

// Unwrap gives what failed.
func (e *AfterError) Unwrap() []error { return e.Failed }
