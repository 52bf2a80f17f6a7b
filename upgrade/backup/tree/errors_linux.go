package tree

import (
	"errors"
	"fmt"
)

// errGone is a name that is not there any more.
var errGone = errors.New("vanished while it was read")

// errChanged is a file or folder that is not what it was.
var errChanged = errors.New("changed while it was read")

func pathError(path string, err error) error {
	var p *pathErr
	if errors.As(err, &p) {
		return err
	}
	return &pathErr{path, err}
}

// A pathErr says once where it happened.
type pathErr struct {
	path string
	err  error
}

func (e *pathErr) Error() string { return fmt.Sprintf("%q: %v", e.path, e.err) }
func (e *pathErr) Unwrap() error { return e.err }
