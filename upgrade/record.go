package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/belaystack/belay/upgrade/journal"
)

// Header reads the header of the run that entries tell of.
func Header(entries []journal.Entry, into any) error {
	if len(entries) == 0 || entries[0].Event != journal.Begun {
		return errors.New("read header of run: its journal does not begin with one")
	}
	if err := json.Unmarshal(entries[0].Data, into); err != nil {
		return fmt.Errorf("read header of run: %w", err)
	}
	return nil
}

// Result reads what Do of a step gave, and reports whether that step is done.
// It is there for later steps and for the undo of any, also in another process.
func (r *Run) Result(step string, into any) (ok bool, err error) {
	for _, e := range r.Journal.Entries() {
		if e.Event != journal.Done || e.Step != step {
			continue
		}
		if e.Data == nil {
			return true, nil
		}
		if err := json.Unmarshal(e.Data, into); err != nil {
			return true, fmt.Errorf("read result of %s: %w", step, err)
		}
		return true, nil
	}
	return false, nil
}

// Saved reads what Capture of a step gave, and reports whether there is any.
func (r *Run) Saved(step string, into any) (ok bool, err error) {
	for _, e := range r.Journal.Entries() {
		if e.Event != journal.Captured || e.Step != step {
			continue
		}
		if err := json.Unmarshal(e.Data, into); err != nil {
			return true, fmt.Errorf("read what %s captured: %w", step, err)
		}
		return true, nil
	}
	return false, nil
}

// Started reports whether Do of a step may have begun, whatever came later.
func (r *Run) Started(step string) bool { return r.has(journal.Captured, step) }

// Report gives a step the way to say how far it is.
func (r *Run) Report(step string) func(detail string) {
	return func(detail string) { r.tell(Detail, step, detail) }
}

func (r *Run) has(ev journal.Event, step string) bool {
	for _, e := range r.Journal.Entries() {
		if e.Event == ev && e.Step == step {
			return true
		}
	}
	return false
}

func (r *Run) append(ev journal.Event, step string, data json.RawMessage) error {
	if err := r.Journal.Append(ev, step, data); err != nil {
		return err
	}
	r.tell(ev, step, "")
	return nil
}

// fail records a failure, if it can: the error goes to the caller too, and no
// recovery depends on the record.
func (r *Run) fail(step string, f Failure) { _ = r.note(journal.Failed, step, f) }

func (r *Run) note(ev journal.Event, step string, f Failure) error {
	f.Error = r.clean(f.Error)
	raw, err := marshal("failure", f)
	if err == nil {
		err = r.Journal.Append(ev, step, raw)
	}
	r.tell(ev, step, f.Error)
	return err
}

// close ends the run. An entry that may be there counts: nothing is left to do.
func (r *Run) close(outcome Outcome, failed []error) error {
	c := Closure{Outcome: outcome}
	for _, err := range failed {
		c.Warnings = append(c.Warnings, r.clean(err.Error()))
	}
	raw, err := marshal("outcome", c)
	if err == nil {
		err = r.append(journal.Closed, "", raw)
	}
	if err != nil && !journal.Ended(r.Journal.Entries()) {
		return fmt.Errorf("close run: %w", err)
	}
	return nil
}

// maxText bounds the text of an error in the journal, in bytes: the record of an
// undo has to fit into the reserve.
const maxText = 4 << 10

func (r *Run) clean(text string) string {
	if r.Redact != nil {
		text = r.Redact(text)
	}
	if len(text) > maxText {
		text = text[:maxText] + " …"
	}
	return strings.ToValidUTF8(text, "�")
}

func (r *Run) tell(ev journal.Event, step, detail string) {
	if r.Watch == nil {
		return
	}
	p := Progress{Run: r.ID, Step: step, Event: ev, Detail: detail}
	if r.Now != nil {
		p.Time = r.Now()
	}
	r.watching.Lock()
	defer r.watching.Unlock()
	r.Watch(p)
}

// sheltered gives a context that ends when the run is aborted, not when ctx does:
// what made a run fail may have been the end of ctx.
func (r *Run) sheltered(ctx context.Context) (context.Context, func()) {
	return r.abortable(context.WithoutCancel(ctx))
}

func (r *Run) abortable(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-r.Abort:
			cancel(ErrAborted)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
