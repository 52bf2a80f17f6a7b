package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade/journal"
)

// stopped is the cause of a context that a signal ended.
type stopped struct{}

func (stopped) Error() string        { return "cancelled by SIGTERM" }
func (stopped) Is(target error) bool { return target == context.Canceled }

// TestCancelledBy: the reason of a run that was stopped used to be the docker command
// that heard of it first.
func TestCancelledBy(t *testing.T) {
	for name, c := range map[string]struct {
		said string // by the step, beside the cause
		want string
	}{
		"the command that heard of it": {"docker compose up: %w", "verify: cancelled by SIGTERM"},
		"something else":               {"no space left on device", "verify: cancelled by SIGTERM: no space left on device"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			log, err := journal.Create(filepath.Join(t.TempDir(), "journal"), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close()
			step := doing(func(ctx context.Context) error {
				cancel(stopped{})
				if c.said[len(c.said)-2:] == "%w" {
					return fmt.Errorf(c.said, context.Cause(ctx))
				}
				return errors.New(c.said)
			})
			r := &Run{ID: "r", Journal: log, Now: time.Now, Steps: []Task{NewStep("verify", step)}}
			err = r.Apply(ctx, struct{}{})
			var back *RolledBackError
			if !errors.As(err, &back) || !errors.Is(err, context.Canceled) || err.Error() != c.want+" (rolled back)" {
				t.Errorf("%T %v", err, err)
			}
			var f Failure
			for _, e := range log.Entries() {
				if e.Event == journal.Failed {
					err = json.Unmarshal(e.Data, &f)
				}
			}
			if f.Error != c.want || !f.Cancelled {
				t.Errorf("the journal has %+v: %v", f, err)
			}
		})
	}
}

// doing is a step that only does.
type doing func(context.Context) error

func (doing) Check(context.Context) error                       { return nil }
func (doing) Capture(context.Context) (struct{}, error)         { return struct{}{}, nil }
func (f doing) Do(ctx context.Context, _ struct{}) (any, error) { return nil, f(ctx) }
func (doing) Undo(context.Context, struct{}) error              { return nil }
