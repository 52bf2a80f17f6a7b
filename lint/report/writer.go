package report

import (
	"errors"
	"io"
	"syscall"
	"time"
)

// Writer writes whole to a slow reader. A pipe that some other process made
// non-blocking (node does) answers EAGAIN when it is full, which the os
// package passes on for a file that it opened as blocking, such as stdout;
// and a write may take only a part. Writer goes on until everything is
// written or the pipe breaks.
//
// A broken pipe is returned as an error that is syscall.EPIPE. On file
// descriptors 1 and 2 the Go runtime ends the process instead, unless it
// listens for SIGPIPE.
type Writer struct {
	w io.Writer
}

// NewWriter gives a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w} }

// How long to wait for a full pipe, at first and at most.
const (
	firstWait = time.Millisecond
	lastWait  = 20 * time.Millisecond
)

// Write writes all of p, or gives the error that ended it.
func (w *Writer) Write(p []byte) (int, error) {
	done, wait := 0, firstWait
	for done < len(p) {
		n, err := w.w.Write(p[done:])
		if n > 0 {
			done += n
			wait = firstWait
		}
		switch {
		case errors.Is(err, syscall.EAGAIN):
			time.Sleep(wait)
			wait = min(2*wait, lastWait)
		case errors.Is(err, syscall.EINTR), errors.Is(err, io.ErrShortWrite) && n > 0:
		case err != nil:
			return done, err
		case n <= 0:
			return done, io.ErrNoProgress
		}
	}
	return done, nil
}
