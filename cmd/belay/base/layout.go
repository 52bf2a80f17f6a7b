package base

import (
	"errors"
	"fmt"
	"os"
	"path"

	"github.com/belaystack/belay/lint/source"
)

// limits are what is taken from one commit. The largest repository of compose
// files we know has 4,000 of them in 20 MB, and the Linux kernel 90,000 entries.
type limits struct {
	files   int   // written, and symlinks
	bytes   int64 // written
	entries int   // read
}

func defaultLimits() limits { return limits{files: 20_000, bytes: 128 << 20, entries: 1_000_000} }

// layout is the temporary folder that the files of a base are written to.
type layout struct {
	ref    string
	dir    *os.Root
	also   map[string]bool
	limits limits
	left   limits
}

// layOut makes the folder, has fill write the files of commit into it, and
// opens it. On an error nothing is left.
func layOut(o Options, most limits, commit string, fill func(*layout) error) (_ *Base, err error) {
	temp, err := os.MkdirTemp(o.Temp, "belay-base-") // 0700
	if err != nil {
		return nil, &Error{o.Ref, "temporary folder: " + err.Error(), "", err}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	dir, err := os.OpenRoot(temp)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	l := &layout{ref: o.Ref, dir: dir, also: map[string]bool{}, limits: most, left: most}
	for _, name := range o.Also {
		l.also[path.Clean(name)] = true
	}
	if err := fill(l); err != nil {
		return nil, err
	}
	root, err := source.OpenRoot(temp)
	if err != nil {
		return nil, err
	}
	return &Base{Root: root, Commit: commit, temp: temp}, nil
}

// wants reports whether a file, named from the folder, may belong to a stack.
func (l *layout) wants(name string) bool { return wanted(path.Base(name)) || l.also[name] }

func (l *layout) count() error {
	if l.left.files--; l.left.files < 0 {
		return l.fail("more than %d compose, env and YAML files", l.limits.files)
	}
	return nil
}

func (l *layout) fail(format string, args ...any) error {
	return &Error{Ref: l.ref, Msg: fmt.Sprintf(format, args...), Next: "give --base a folder with the files instead"}
}

// cause is err without its path, which may hold anything and is quoted already.
func cause(err error) error {
	var p *os.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}
