package docker

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// recordWriter remembers the first error of its writer. Without it, a full disk under
// the backup reads as "broken pipe", which is what the docker command makes of it.
type recordWriter struct {
	w      io.Writer
	mu     sync.Mutex
	failed error
}

func (r *recordWriter) Write(b []byte) (int, error) {
	n, err := r.w.Write(b)
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.failed = errors.Join(r.failed, err)
	}
	return n, err
}

func (r *recordWriter) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// input copies a reader to the process. os/exec would do it too, and then wait for the
// reader for ever, also when the process is long gone. A nil *input is none.
type input struct {
	r      io.Reader
	pipe   io.WriteCloser // closed by exec's Wait as well
	begun  bool
	copied chan struct{}
	mu     sync.Mutex
	err    error
}

func openInput(p *exec.Cmd, r io.Reader) (*input, error) {
	pipe, err := p.StdinPipe()
	return &input{r: r, pipe: pipe, copied: make(chan struct{})}, err
}

// copy begins to copy. An error of the reader is known before the process sees the end
// of its input; an error of the pipe says that the process wants no more.
func (i *input) copy() {
	if i == nil {
		return
	}
	i.begun = true
	go func() {
		defer close(i.copied)
		defer i.pipe.Close()
		_, _ = io.Copy(i.pipe, i)
	}()
}

// Read reads for copy.
func (i *input) Read(b []byte) (int, error) {
	n, err := i.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.err = err
	}
	return n, err
}

// leave waits for a read that is under way, but no longer than d.
func (i *input) leave(d time.Duration) {
	switch {
	case i == nil:
		return
	case !i.begun:
		_ = i.pipe.Close()
		return
	}
	select {
	case <-i.copied:
	case <-time.After(d):
	}
}

func (i *input) failed() error {
	if i == nil {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.err
}

const (
	keepLines = 10   // of stderr, for an error
	keepBytes = 4096 // of one line
)

// lineWriter passes on whole lines, and keeps the last few. Only one goroutine
// writes; last and flush come after it.
type lineWriter struct {
	line func(string) // nil for none
	part []byte
	kept []string
}

func (l *lineWriter) Write(b []byte) (int, error) {
	n := len(b)
	for {
		i := bytes.IndexAny(b, "\n\r")
		if i < 0 {
			l.add(b)
			return n, nil
		}
		l.add(b[:i])
		l.flush()
		b = b[i+1:]
	}
}

// add drops what makes a line longer than anyone reads.
func (l *lineWriter) add(b []byte) {
	l.part = append(l.part, b[:min(len(b), keepBytes-len(l.part))]...)
}

// flush passes on a last line that has no end.
func (l *lineWriter) flush() {
	s := strings.TrimRight(string(l.part), " \t")
	l.part = l.part[:0]
	if s == "" {
		return
	}
	if l.line != nil {
		l.line(s)
	}
	l.kept = append(l.kept, s)
	if len(l.kept) > keepLines {
		l.kept = append(l.kept[:0], l.kept[len(l.kept)-keepLines:]...)
	}
}

func (l *lineWriter) last() string { return strings.Join(l.kept, "\n") }

// stamp is a time as docker's --since reads it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// sharedWriter writes lines of two streams, and remembers the first error.
type sharedWriter struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

func (s *sharedWriter) line(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		_, s.err = io.WriteString(s.w, line+"\n")
	}
}
