package upgrade

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
)

// Action is one reversible change to a stack. S is what Undo needs to know that
// only the world before Do can tell; it goes through JSON, also on its way to
// Do, so that Do never knows more than an Undo in a later process.
type Action[S any] interface {
	// Check reports whether the action can work at all: a *Refusal, or
	// several that are joined, for what a person has to change; another error
	// when it cannot be told. The checks of all steps run before the first
	// Do. It changes nothing.
	Check(ctx context.Context) error

	// Capture reads the state that Do is about to destroy. It changes
	// nothing. Its result is on disk before Do is called.
	Capture(ctx context.Context) (S, error)

	// Do makes the change and gives its result for later steps and the
	// report, or nil. It may be large as a journal's line, not larger.
	Do(ctx context.Context, saved S) (any, error)

	// Undo puts back what Capture saw. It is called after Do succeeded,
	// failed or was killed halfway, and again when it was itself killed, so
	// it is right from any of those states.
	Undo(ctx context.Context, saved S) error
}

// Task is a step that can be carried out: an Action whose state is JSON.
type Task struct {
	Name    string
	check   func(context.Context) error
	capture func(context.Context) (json.RawMessage, error)
	do      func(context.Context, json.RawMessage) (json.RawMessage, error)
	undo    func(context.Context, json.RawMessage) error
}

// NewStep names an action. The name goes into journals, so to rename a step
// makes runs that are under way unrecoverable by the new version.
func NewStep[S any](name string, a Action[S]) Task {
	return Task{
		Name:  name,
		check: a.Check,
		capture: func(ctx context.Context) (json.RawMessage, error) {
			s, err := a.Capture(ctx)
			if err != nil {
				return nil, err
			}
			return marshal("captured state", s)
		},
		do: func(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
			s, err := saved[S](raw)
			if err != nil {
				return nil, err
			}
			result, err := a.Do(ctx, s)
			if err != nil || result == nil {
				return nil, err
			}
			return marshal("result", result)
		},
		undo: func(ctx context.Context, raw json.RawMessage) error {
			s, err := saved[S](raw)
			if err != nil {
				return err
			}
			return a.Undo(ctx, s)
		},
	}
}

// Forward names a step of Run.After, which has nothing to undo. do may run
// again after it succeeded.
func Forward(name string, do func(ctx context.Context) (any, error)) Task {
	return NewStep(name, forward(do))
}

type forward func(context.Context) (any, error)

func (forward) Check(context.Context) error                       { return nil }
func (forward) Capture(context.Context) (struct{}, error)         { return struct{}{}, nil }
func (f forward) Do(ctx context.Context, _ struct{}) (any, error) { return f(ctx) }
func (forward) Undo(context.Context, struct{}) error              { return nil }

func marshal(what string, v any) (json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", what, err)
	}
	return b, nil
}

func saved[S any](raw json.RawMessage) (s S, err error) {
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("read captured state: %w", err)
	}
	return s, nil
}

// PanicError is a step that panicked. It counts as a step that failed: what it
// changed is undone.
type PanicError struct {
	Value any
	Stack []byte // addresses of arguments, no values
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// guarded gives what f gives, or a *PanicError.
func guarded[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{r, debug.Stack()}
		}
	}()
	return f()
}
