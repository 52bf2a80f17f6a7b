package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/belaystack/belay/upgrade/journal"
)

// badLog fails at its nth entry: that one is written though not flushed, or is
// not; and the later ones are written, or not.
type badLog struct {
	*journal.Log
	n, at     int
	written   bool
	forGood   bool
	committed bool // the bad entry was the commit
}

func (l *badLog) Append(ev journal.Event, step string, d json.RawMessage) error {
	l.n++
	if l.n < l.at || l.n > l.at && !l.forGood {
		return l.Log.Append(ev, step, d)
	}
	if l.n == l.at {
		l.committed = ev == journal.Committed
		if l.written {
			if err := l.Log.Append(ev, step, d); err != nil {
				return err
			}
		}
	}
	return syscall.EIO
}

// TestDoubtfulEntries: a commit that was written but not flushed used to be rolled
// back, and then to be found by the next process.
func TestDoubtfulEntries(t *testing.T) {
	root, all := memory(t), 0
	for _, setup := range []string{"", "c:do", "c:do b:undo", "return", "d:do", "b:do=nothing", "b:check=refuse"} {
		for at, met := 1, true; met; at++ {
			for mode := range 4 {
				w, path := fresh(setup), pathIn(t, root)
				bad := &badLog{at: at, written: mode&1 > 0, forGood: mode&2 > 0}
				first, _ := life(t, path, w, setup, func(ctx context.Context, r *Run) error {
					bad.Log = r.Journal.(tickingLog).Log
					r.Journal = bad
					return apply(ctx, r)
				})
				met = bad.n >= at
				says := fmt.Sprintf("setup %q, entry %d written %v, for good %v: first %v", setup, at, bad.written, bad.forGood, first)
				allNew, allOld := w.steps()
				after := (*AfterError)(nil)
				stuck := errors.As(first, new(*StuckError))
				switch {
				case bad.committed && bad.written && !allNew:
					t.Fatalf("%s: a commit that can be read back was undone", says)
				case first == nil && !allNew && setup != "return", errors.As(first, &after) && !allNew && setup != "return":
					t.Fatalf("%s: not new: %v", says, w.kv)
				case first != nil && after == nil && !stuck && !allOld:
					t.Fatalf("%s: not old: %v", says, w.kv)
				}
				clear(w.fail)
				got := conclude(t, w, path, setup, says)
				if verdict := first == nil || after != nil; verdict && allNew && got != Committed {
					t.Fatalf("%s: %s undone by recovery", says, got)
				}
				all++
			}
		}
	}
	t.Logf("%d runs with a journal that fails at one entry or from it on: none mixed, no verdict taken back", all)
}
