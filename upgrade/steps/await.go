package steps

import (
	"cmp"
	"context"
	"strings"
	"time"
)

// await holds the run: the new stack is up and was looked at, and somebody else has the
// last word, by a file in the run's folder. Without a word in time it goes as was said
// before.
type await struct{ *Host }

// Holding is how a run is held. It is in the journal before the wait begins, so that any
// process can tell that the run is held, and until when.
type Holding struct {
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Open    bool      `json:"open,omitempty"`    // to the outside
	Default Decision  `json:"default"`           // what holds without a verdict until then
	Network string    `json:"network,omitempty"` // one of the stack, by which tests reach one that is closed
}

// Check refuses a rollback by itself of a stack that is open, unless belay.yml says that
// what was written since may be lost.
func (s *await) Check(context.Context) error {
	if c := s.Spec.Config; s.Spec.Options.HoldOpen && c.OnTimeout == TakeBack && !c.LoseOnTimeout {
		return &Refusal{Reason: "without a verdict an open stack would be rolled back, and what was written to it lost", Found: "hold: {on-timeout: rollback} in " + cmp.Or(c.File, "belay.yml"),
			Next: "write accept-data-loss: true below hold: there, or leave on-timeout out, or hold the stack closed: without --hold-open"}
	}
	return nil
}

// Capture says from when until when.
func (s *await) Capture(ctx context.Context) (Holding, error) {
	now := s.Now().UTC().Truncate(time.Second)
	held := Holding{Since: now, Until: now.Add(time.Duration(s.Spec.Options.Hold)), Open: s.Spec.Options.HoldOpen}
	held.Default = Decision{Verdict: TakeBack, By: "no verdict until " + held.Until.Format(time.RFC3339), At: held.Until}
	if held.Open && s.Spec.Config.OnTimeout != TakeBack {
		held.Default.Verdict = Keep
	}
	held.Default.LoseData = held.Open && held.Default.Verdict == TakeBack
	if !held.Open {
		held.Network = strings.TrimPrefix(s.network(ctx), "none")
	}
	return held, nil
}

// waitEvery is the time between two looks for a verdict.
const waitEvery = 500 * time.Millisecond

// Do waits for the verdict. To take the run back is an error, as of a step that failed.
func (s *await) Do(ctx context.Context, held Holding) (any, error) {
	s.say(Progress{What: "until " + held.Until.Format(time.RFC3339) + ", for belay commit or belay rollback"})
	if s.Held != nil {
		s.Held(held)
	}
	for {
		d, ok, err := Decided(s.folder())
		if err != nil {
			return nil, err
		}
		if !ok && !s.Now().Before(held.Until) {
			ok = true
			if d, err = Decide(s.folder(), held.Default); err != nil {
				d = held.Default // nobody else can write one there either
			}
		}
		switch {
		case ok && d.Verdict == Keep:
			return d, nil
		case ok:
			return nil, &TakenBackError{d}
		}
		if err := pause(ctx, waitEvery); err != nil {
			return nil, err
		}
	}
}

// Undo has nothing to put back: a wait changes nothing.
func (s *await) Undo(context.Context, Holding) error { return nil }

// TakenBackError is a verdict against a run.
type TakenBackError struct{ Decision }

func (e *TakenBackError) Error() string { return "taken back: " + e.By }
