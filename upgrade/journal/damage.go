package journal

import (
	"errors"
	"fmt"
	"time"
)

// DamagedError means that a journal cannot be read to its end. What was done
// after the damage is not known, and nothing is undone on a guess.
type DamagedError struct {
	Path   string
	Entry  int // the first that cannot be read, from 1
	Offset int // where it begins, in bytes
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("journal is damaged at entry %d, byte %d", e.Entry, e.Offset)
}

// Hint names the next move.
func (e *DamagedError) Hint() string {
	return "keep " + e.Path + " as it is; belay status shows the entries before the damage, and belay backups list the backup of this run, if it got that far"
}

func named(err error, path string) error {
	if d := (*DamagedError)(nil); errors.As(err, &d) {
		d.Path = path
	}
	return err
}

// FutureError means that the last entry of a journal is later than now, so that
// one of the two times is wrong and nothing that depends on age can be decided.
type FutureError struct{ Last, Now time.Time }

func (e *FutureError) Error() string {
	return fmt.Sprintf("last journal entry is of %s, %s from now", e.Last.Format(time.RFC3339), e.Last.Sub(e.Now).Round(time.Second))
}

// Hint names the next move.
func (e *FutureError) Hint() string {
	return "set the clock of this host right: it says " + e.Now.UTC().Format(time.RFC3339)
}

// CheckClock gives a *FutureError when the last of entries is more than a second
// later than now. A new run is refused then; a recovery may still undo, which
// depends on no time.
func CheckClock(entries []Entry, now time.Time) error {
	if len(entries) == 0 {
		return nil
	}
	if last := entries[len(entries)-1].Time; last.After(now.Add(time.Second)) {
		return &FutureError{Last: last, Now: now}
	}
	return nil
}
