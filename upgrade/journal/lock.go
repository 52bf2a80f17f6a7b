package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// Owner describes who holds a lock, for people: nothing is decided by it.
type Owner struct {
	PID     int       `json:"pid"`
	Run     string    `json:"run,omitempty"`
	Host    string    `json:"host,omitempty"`
	BootID  string    `json:"boot_id,omitempty"` // /proc/sys/kernel/random/boot_id
	Started time.Time `json:"started"`
	Command string    `json:"command,omitempty"` // "belay upgrade", without values
	URL     string    `json:"url,omitempty"`     // of the CI job
}

// Hold is a lock that this process has. The kernel lets go of it when the last
// process is gone that has its File, whatever ends them; nobody can forget to.
type Hold struct{ file, own *os.File }

// File is what each child process is to inherit (exec.Cmd.ExtraFiles), so that
// the lock is free only when the last of them is gone.
func (h *Hold) File() *os.File { return h.file }

// Release gives up this process's part of the lock. Children that inherited it
// keep theirs.
func (h *Hold) Release() error { return errors.Join(h.own.Close(), h.file.Close()) }

// HeldError means that another process has the lock.
type HeldError struct {
	Path    string
	Owner   Owner     // zero when the description cannot be read
	Running bool      // the owner itself lives; else only what it started
	Others  []Process // when the owner is gone: those that have the lock, as far as this process may see them
}

func (e *HeldError) Error() string {
	if e.Running {
		return fmt.Sprintf("lock %s: held by %s", e.Path, e.Owner)
	}
	return fmt.Sprintf("lock %s: held by what %s started, which is itself gone: %s", e.Path, e.Owner, list(e.Others))
}

// Hint names the next move.
func (e *HeldError) Hint() string {
	if e.Running {
		return "belay status shows how far it is; start again when it is done"
	}
	return "belay recover waits for them, then finishes or undoes the run"
}

func (o Owner) String() string {
	if o.PID == 0 {
		return "an unknown process"
	}
	s := fmt.Sprintf("%s, process %d on %s since %s", o.Command, o.PID, o.Host, o.Started.UTC().Format(time.RFC3339))
	if o.Run != "" {
		s += ", run " + o.Run
	}
	if o.URL != "" {
		s += ", " + o.URL
	}
	return s
}

// Lock takes the lock at path, whose folder exists, for o. When it is held it
// gives a *HeldError at once. The file path + ".owner" is locked by the owner
// alone, never by its children; that tells whether the owner lives, also across
// containers, where process ids do not.
func Lock(path string, o Owner) (*Hold, error) {
	f, err := openLock(path)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, held(path, f)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	own, err := openLock(path + ".owner")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	h := &Hold{f, own}
	// Others hold this one for an instant only, to see whether it is free.
	if err := errors.Join(flock(own, syscall.LOCK_EX), describe(f, o)); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), h.Release())
	}
	return h, nil
}

// Wait takes the lock for a recovery: while only children of a dead owner have
// it, it asks again every so often, and tells report of each time. When the
// owner itself lives, or ctx ends, it gives the *HeldError.
func Wait(ctx context.Context, path string, o Owner, every time.Duration, report func(*HeldError)) (*Hold, error) {
	for {
		h, err := Lock(path, o)
		held := (*HeldError)(nil)
		if !errors.As(err, &held) || held.Running {
			return h, err
		}
		report(held)
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(every):
		}
	}
}

// describe writes o without an instant at which the file holds no description:
// a reader takes the first JSON value, and what follows it is cut off after.
func describe(f *os.File, o Owner) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if _, err := f.WriteAt(b, 0); err != nil {
		// The description is for people, and a full disk must not keep them
		// from recovering.
		return f.Truncate(0)
	}
	return f.Truncate(int64(len(b)))
}

func held(path string, f *os.File) *HeldError {
	e := &HeldError{Path: path}
	if json.NewDecoder(io.LimitReader(f, 1<<16)).Decode(&e.Owner) != nil {
		e.Owner = Owner{}
	}
	if own, err := os.Open(path + ".owner"); err == nil {
		e.Running = errors.Is(flock(own, syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
		own.Close()
	}
	if !e.Running {
		e.Others = holders(f)
	}
	return e
}

func openLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
}

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
