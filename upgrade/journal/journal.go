// Package journal keeps the durable record of one run, and the lock that lets
// one run at a time touch a stack.
//
// What must stay true: an entry that Append reported written survives a power
// cut; a reader sees a prefix of what was written or is told of damage, and is
// never given a guess; what Entries says is what a later process will read.
// There is one file per run. A second run in it would make a recovery of the
// second see the commit of the first.
package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// file is the part of an *os.File that a journal is written through.
type file interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
}

// Log is a journal that is being written. One goroutine uses it at a time, and
// the process that has it holds the lock.
type Log struct {
	path    string
	f       file
	close   func() error
	now     func() time.Time
	entries []Entry
	durable int64  // bytes that are certainly on disk
	tail    []byte // bytes behind them that a reader finds but a power cut may take; written again by the next append
	broken  error  // why nothing more may be written
}

// Create makes the journal at path and the reserve beside it. It fails when
// path exists: a run has a journal of its own. now gives the entries' times.
func Create(path string, now func() time.Time) (*Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	err = errors.Join(f.Chmod(0o600), reserve(path)) // whatever the umask
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err == nil {
		err = syncDir(filepath.Dir(filepath.Dir(path))) // the run's folder is new too
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create journal %s: %w", path, err), f.Close(), release(path), os.Remove(path))
	}
	return &Log{path: path, f: f, close: f.Close, now: now}, nil
}

// Open opens the journal at path to go on with the run that it tells of. A torn
// last line is cut off. Damage is a *DamagedError. The reserve is made again
// where there is room.
func Open(path string, now func() time.Time) (*Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	l := &Log{path: path, f: f, close: f.Close, now: now}
	if err := l.load(f); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", path, err), f.Close())
	}
	if !Ended(l.entries) {
		// Without room for it a run can still be undone: the entries of an
		// undo may find room after the first step is undone.
		_ = reserve(path)
	}
	return l, nil
}

func (l *Log) load(f *os.File) error {
	data, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	c, err := parse(data)
	if err != nil {
		return named(err, l.path)
	}
	if err := f.Truncate(int64(c.good)); err != nil {
		return err
	}
	// The process that wrote these may have died before its fsync.
	if err := f.Sync(); err != nil {
		return err
	}
	l.entries, l.durable = c.entries, int64(c.good)
	if !c.ended {
		l.tail = []byte("\n")
	}
	return nil
}

// Read gives the entries of the journal at path, also while another process
// writes it. With a *DamagedError it gives those before the damage.
func Read(path string) ([]Entry, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	c, err := parse(data)
	if err != nil {
		return c.entries, fmt.Errorf("read journal %s: %w", path, named(err, path))
	}
	return c.entries, nil
}

// Ended reports whether a run with these entries has nothing left to do.
func Ended(entries []Entry) bool {
	return len(entries) > 0 && entries[len(entries)-1].Event == Closed
}

// Append writes one entry and returns once it would survive a power cut. data
// is JSON or nil.
//
// After an error the entry may still be there, when it was written but could
// not be flushed; Entries then has it, as a later process would.
func (l *Log) Append(ev Event, step string, data json.RawMessage) error {
	if l.broken != nil {
		return fmt.Errorf("append to journal %s: %w", l.path, l.broken)
	}
	e := Entry{Seq: len(l.entries) + 1, Time: l.now().UTC().Round(0), Event: ev, Step: step, Data: data}
	line, err := encode(e)
	if err != nil {
		return fmt.Errorf("append to journal %s: %w", l.path, err)
	}
	if err := l.write(line, ev.reserved()); err != nil {
		if l.settle(line) {
			l.entries = append(l.entries, e)
		}
		return fmt.Errorf("append to journal %s: %w", l.path, err)
	}
	l.entries = append(l.entries, e)
	if ev == Closed {
		_ = release(l.path) // the run is over, whether or not this works
	}
	return nil
}

// write makes line durable, if it can in two attempts. The second writes the
// bytes anew, since a failed fsync leaves them marked as written.
func (l *Log) write(line []byte, useReserve bool) error {
	all := append(slices.Clone(l.tail), line...)
	err := l.flush(all)
	if err != nil && full(err) && useReserve {
		_ = release(l.path) // without more room the second attempt says why it fails
	}
	if err != nil {
		err = l.flush(all)
	}
	if err != nil {
		return err
	}
	l.durable += int64(len(all))
	l.tail = nil
	return nil
}

func (l *Log) flush(b []byte) error {
	if _, err := l.f.WriteAt(b, l.durable); err != nil {
		return err
	}
	return l.f.Sync()
}

// settle makes the file and l agree after a failed write, and reports whether
// the entry counts: it does when it can be read back whole, since a later
// process would read it too. Otherwise the file is cut back, and when even that
// fails, nothing more is written: a line behind half a line is damage.
func (l *Log) settle(line []byte) bool {
	all := append(slices.Clone(l.tail), line...)
	back := make([]byte, len(all))
	if n, _ := l.f.ReadAt(back, l.durable); n == len(all) && string(back) == string(all) {
		l.tail = all
		return true
	}
	if err := l.f.Truncate(l.durable + int64(len(l.tail))); err != nil {
		l.broken = fmt.Errorf("an earlier entry was cut short and cannot be taken back: %w", err)
	}
	return false
}

// Entries gives what is written, in order. The caller does not change them.
func (l *Log) Entries() []Entry { return l.entries }

// Close closes the file. It writes nothing.
func (l *Log) Close() error { return l.close() }

func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
