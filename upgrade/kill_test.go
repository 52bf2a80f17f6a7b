package upgrade

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/belaystack/belay/upgrade/journal"
)

// killSetups are what the runs that are killed meet. What fails in the first two
// lives is repaired afterwards. Those marked * have each second kill tried.
var killSetups = []string{
	"*", "*c:do", "*c:do b:undo", "*return", "d:do",
	"a:do", "b:do", "c:do=panic", "b:capture", "a:check=refuse", "b:do=refuse", "c:do=nothing",
	"b:do=cancel", "c:do=late", "c:do a:undo=panic", "c:do ready:do",
	"return b:do", "return b:undo", "return d:do",
}

// tally counts the ends of killed runs.
type tally struct {
	sync.Mutex
	all      int
	outcomes map[Outcome]int
}

func (y *tally) add(o Outcome) {
	y.Lock()
	defer y.Unlock()
	y.all++
	y.outcomes[o]++
}

// TestKillAnywhere kills runs at every instant, half lines of the journal
// included, then kills their recovery at every (or every third) instant, and
// expects a whole old or a whole new world each time, and a journal that says
// which.
func TestKillAnywhere(t *testing.T) {
	y := &tally{outcomes: map[Outcome]int{}}
	t.Cleanup(func() { t.Logf("%d combinations of setup and two kills: %v, none mixed", y.all, y.outcomes) })
	for _, setup := range killSetups {
		setup, each := strings.CutPrefix(setup, "*")
		t.Run(setup, func(t *testing.T) {
			t.Parallel()
			root := memory(t)
			for k1, died1 := 1, true; died1; k1++ {
				first, every := 1, 1
				if !each {
					first, every = 1+k1%3, 3
				}
				for k2, died2 := first, true; died2; k2 += every {
					w, path := fresh(setup), pathIn(t, root)
					_, died1 = life(t, path, w, setup, withFuse(w, k1, apply))
					_, died2 = life(t, path, w, setup, withFuse(w, k2, again))
					clear(w.fail)
					y.add(conclude(t, w, path, setup, fmt.Sprintf("killed at %d, then at %d", k1, k2)))
				}
			}
		})
	}
}

// TestKillThrice kills the recovery of a recovery too.
func TestKillThrice(t *testing.T) {
	y := &tally{outcomes: map[Outcome]int{}}
	t.Cleanup(func() { t.Logf("%d combinations of setup and three kills: %v, none mixed", y.all, y.outcomes) })
	for _, setup := range []string{"", "c:do b:undo", "return"} {
		t.Run(setup, func(t *testing.T) {
			t.Parallel()
			root := memory(t)
			for k1, died1 := 3, true; died1; k1 += 3 {
				for k2, died2 := 1, true; died2; k2 += 2 {
					for k3, died3 := 1+k2%3, true; died3; k3 += 3 {
						w, path := fresh(setup), pathIn(t, root)
						_, died1 = life(t, path, w, setup, withFuse(w, k1, apply))
						_, died2 = life(t, path, w, setup, withFuse(w, k2, again))
						clear(w.fail)
						_, died3 = life(t, path, w, setup, withFuse(w, k3, again))
						y.add(conclude(t, w, path, setup, fmt.Sprintf("killed at %d, %d, %d", k1, k2, k3)))
					}
				}
			}
		})
	}
}

// conclude recovers for the last time and compares the world with what the
// journal says became of the run.
func conclude(t *testing.T, w *world, path, setup, at string) Outcome {
	t.Helper()
	var got Outcome
	for range 2 { // and once more, when there is nothing left to do
		err, died := life(t, path, w, setup, withFuse(w, 0, func(ctx context.Context, r *Run) (err error) {
			got, err = r.Recover(ctx)
			return err
		}))
		if died || err != nil {
			t.Fatalf("%s: last recovery: died %v, err %v, journal %s", at, died, err, events(t, path))
		}
	}
	allNew, allOld := w.steps()
	later := w.kv["d"] == "new"
	warned := setup == "d:do" || setup == "return d:do" // the run may have closed with a warning
	ok := false
	switch got {
	case Committed:
		ok = allNew && (later || warned)
	case Returned:
		ok = allOld && (later || warned)
	case RolledBack, Turned, Unchanged:
		ok = allOld && !later
	}
	if !ok {
		t.Fatalf("%s: outcome %s, world %v, journal %s", at, got, w.kv, events(t, path))
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "reserve")); err == nil {
		t.Fatalf("%s: the reserve is left", at)
	}
	if entries, err := journal.Read(path); err != nil || !journal.Ended(entries) {
		t.Fatalf("%s: journal not closed: %v", at, err)
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	return got
}

func withFuse(w *world, fuse int, f func(context.Context, *Run) error) func(context.Context, *Run) error {
	return func(ctx context.Context, r *Run) error {
		w.fuse = fuse
		return f(ctx, r)
	}
}
