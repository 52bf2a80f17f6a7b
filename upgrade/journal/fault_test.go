package journal

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// faulty is a file whose disk fails as told.
type faulty struct {
	*os.File
	write, sync, truncate func() error // nil: it works
	syncs                 int
}

func (f *faulty) WriteAt(b []byte, at int64) (int, error) {
	if f.write != nil {
		if err := f.write(); err != nil {
			n, _ := f.File.WriteAt(b[:len(b)/2], at)
			return n, err
		}
	}
	return f.File.WriteAt(b, at)
}

func (f *faulty) Sync() error {
	f.syncs++
	if f.sync != nil {
		return f.sync()
	}
	return nil
}

func (f *faulty) Truncate(n int64) error {
	if f.truncate != nil {
		if err := f.truncate(); err != nil {
			return err
		}
	}
	return f.File.Truncate(n)
}

func failing(t *testing.T) (*Log, *faulty, string) {
	l, path := create(t)
	f := &faulty{File: l.f.(*os.File)}
	l.f = f
	for _, ev := range []Event{Begun, Captured} {
		if err := l.Append(ev, "", json.RawMessage(`{"a":1}`)); err != nil {
			t.Fatal(err)
		}
	}
	return l, f, path
}

func always(err error) func() error { return func() error { return err } }

func once(err error) func() error {
	return func() (e error) { e, err = err, nil; return e }
}

// agrees checks that a later process reads what l says.
func agrees(t *testing.T, l *Log, path string, want int, at string) {
	t.Helper()
	got, err := Read(path)
	if d := cmp.Diff(l.Entries(), got); err != nil || d != "" || len(got) != want {
		t.Fatalf("%s: %d entries, want %d; %v %s", at, len(got), want, err, d)
	}
}

// TestFullThenFree: half a line, then space again: the next append used to
// succeed, and the next open to call the journal corrupt.
func TestFullThenFree(t *testing.T) {
	l, f, path := failing(t)
	f.write = always(syscall.ENOSPC)
	if err := l.Append(Done, "", nil); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	agrees(t, l, path, 2, "full")
	if _, err := os.Stat(reservePath(path)); err != nil {
		t.Error("the reserve was given up for a step that leads on: ", err)
	}
	f.write = nil
	if err := l.Append(Failed, "", nil); err != nil {
		t.Fatal(err)
	}
	agrees(t, l, path, 3, "free again")
}

// TestReserve: what undoes a run is written on a full disk.
func TestReserve(t *testing.T) {
	for _, ev := range []Event{Failed, Nothing, Returning, Undoing, Undone, Committed, Closed} {
		for _, where := range []string{"write", "sync"} {
			l, f, path := failing(t)
			full := func() error {
				if _, err := os.Stat(reservePath(path)); err == nil {
					return syscall.ENOSPC
				}
				return nil
			}
			if where == "write" {
				f.write = full
			} else {
				f.sync = full
			}
			if err := l.Append(ev, "", nil); err != nil {
				t.Errorf("%s, full at %s: %v", ev, where, err)
			}
			agrees(t, l, path, 3, string(ev))
		}
	}
}

// TestCannotTakeBack: with half a line that cannot be cut off, nothing more is
// written, and the next process reads what stands before it.
func TestCannotTakeBack(t *testing.T) {
	l, f, path := failing(t)
	f.write, f.truncate = always(syscall.EIO), always(syscall.EIO)
	if err := l.Append(Done, "", nil); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	f.write, f.truncate = nil, nil
	if err := l.Append(Failed, "", nil); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "cannot be taken back") {
		t.Fatalf("behind half a line: %v", err)
	}
	agrees(t, l, path, 2, "poisoned")
	next, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if err := next.Append(Failed, "", nil); err != nil {
		t.Fatal(err)
	}
	agrees(t, next, path, 3, "the next process")
}

// TestFlushFailsOnce: a failed fsync marks the bytes as written, so that a second
// one alone succeeds without them. They are written again.
func TestFlushFailsOnce(t *testing.T) {
	l, f, path := failing(t)
	writes := 0
	f.write = func() error { writes++; return nil }
	f.sync = once(syscall.EIO)
	if err := l.Append(Committed, "", nil); err != nil {
		t.Fatal(err)
	}
	if writes != 2 {
		t.Errorf("written %d times", writes)
	}
	agrees(t, l, path, 3, "flushed")
}

// TestFlushFails: a committed that was written but not flushed used to be rolled
// back, while the next process read it as committed.
func TestFlushFails(t *testing.T) {
	l, f, path := failing(t)
	f.sync = always(syscall.EIO)
	before := l.durable
	if err := l.Append(Committed, "", nil); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	agrees(t, l, path, 3, "written, not flushed")
	f.sync = nil
	// What the kernel could not write it may drop, and then shows the disk's bytes.
	i, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.File.WriteAt(make([]byte, i.Size()-before), before); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(Closed, "", nil); err != nil {
		t.Fatal(err)
	}
	agrees(t, l, path, 4, "flushed later")
	if i, _ := os.Stat(path); l.durable != i.Size() || before == l.durable || l.tail != nil {
		t.Errorf("durable %d → %d of %d bytes, tail %q", before, l.durable, i.Size(), l.tail)
	}
}

// TestAnyFaults: whatever the disk does, a later process reads what Entries says.
func TestAnyFaults(t *testing.T) {
	appends, failed, broken := 0, 0, 0
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		l, f, path := failing(t)
		maybe := func(p float64, errs ...error) func() error {
			return func() error {
				if rnd.Float64() < p {
					return errs[rnd.IntN(len(errs))]
				}
				return nil
			}
		}
		f.write, f.sync = maybe(0.3, syscall.ENOSPC, syscall.EIO), maybe(0.3, syscall.EDQUOT, syscall.EIO)
		f.truncate = maybe(0.2, syscall.EIO)
		for range 12 {
			before := len(l.Entries())
			err := l.Append([]Event{Captured, Done, Undone}[rnd.IntN(3)], "s", json.RawMessage(`"some data"`))
			appends++
			if err != nil {
				failed++
			} else if len(l.Entries()) != before+1 {
				t.Fatalf("seed %d: an append that succeeded is not among the entries", seed)
			}
			agrees(t, l, path, len(l.Entries()), "after an append")
		}
		if l.broken != nil {
			broken++
		}
		l.Close()
		next, err := Open(path, clock)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if d := cmp.Diff(l.Entries(), next.Entries()); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
		next.Close()
	}
	if failed == 0 || broken == 0 {
		t.Error("no faults")
	}
	t.Logf("%d appends, %d failed, %d of 300 journals closed to writing; every later reader agreed", appends, failed, broken)
}
