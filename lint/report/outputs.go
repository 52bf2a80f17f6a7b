package report

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// Output is one output of the action.
type Output struct {
	Name  string // letters, digits, "-" and "_"
	Value string // any text; the runner refuses one that holds a masked value
}

// maxOutputs is what the outputs of a job may hold, in bytes (GitHub's
// documentation of job outputs).
const maxOutputs = 1 << 20

var outputName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// WriteOutputs appends outputs to the file at path (GITHUB_OUTPUT), all of
// them or none. Every value stands between lines of a random delimiter that it
// does not hold, so that no value can end its block and set another output;
// random is where delimiters come from, nil is crypto/rand.
//
// go-githubactions is not used for it: version 1.3.0 writes a delimiter that
// is the same everywhere.
func WriteOutputs(path string, values []Output, random io.Reader) error {
	var b strings.Builder
	for _, v := range values {
		if !outputName.MatchString(v.Name) {
			return fmt.Errorf("output %q: not a name", v.Name)
		}
		delimiter, err := unguessable(random, v.Value)
		if err != nil {
			return fmt.Errorf("output %s: %w", v.Name, err)
		}
		fmt.Fprintf(&b, "%s<<%s\n%s\n%s\n", v.Name, delimiter, v.Value, delimiter)
	}
	if b.Len() > maxOutputs {
		return fmt.Errorf("outputs: %d bytes, and a job may have %d", b.Len(), maxOutputs)
	}
	return appendWhole(path, b.String())
}

// appendWhole appends text to an existing file, on a line of its own. When
// that fails half-way, the file is cut back to what it was.
func appendWhole(path, text string) (err error) {
	if text == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("append: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("append to %s: %w", path, err)
	}
	size := info.Size()
	if size > 0 {
		var last [1]byte
		if _, err := f.ReadAt(last[:], size-1); err != nil {
			return fmt.Errorf("append to %s: %w", path, err)
		}
		if last[0] != '\n' {
			text = "\n" + text
		}
	}
	if err := writeAll(f, text); err != nil {
		return errors.Join(fmt.Errorf("append to %s: %w", path, err), f.Truncate(size))
	}
	return nil
}

// writeAll writes text to w; a write that is short without saying why is an error.
func writeAll(w io.Writer, text string) error {
	n, err := io.WriteString(w, text)
	if err == nil && n < len(text) {
		return io.ErrShortWrite
	}
	return err
}
