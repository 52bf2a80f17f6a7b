package source

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Edit replaces Old, found at Pos.Offset, by New. Old is checked before
// anything is written, so that an edit computed from a stale read fails
// instead of corrupting the file. An insertion has an empty Old.
type Edit struct {
	Pos Pos
	Old string
	New string

	Secret bool // it lies in an env file: neither text may be printed
}

// Apply gives data with edits made. Edits must not overlap; two equal ones
// count as one, since several findings may ask for the same repair.
func Apply(data []byte, edits []Edit) ([]byte, error) {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return a.Pos.Offset - b.Pos.Offset })
	edits = slices.Compact(edits)
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		end := e.Pos.Offset + len(e.Old)
		if e.Pos.Offset < at {
			return nil, &Error{e.Pos, "two repairs touch the same place", "apply one, then run again", nil}
		}
		if end > len(data) || string(data[e.Pos.Offset:end]) != e.Old {
			return nil, &Error{e.Pos, "the file changed since it was read", "run again", nil}
		}
		out.Write(data[at:e.Pos.Offset])
		out.WriteString(e.New)
		at = end
	}
	out.Write(data[at:])
	return out.Bytes(), nil
}

// Replace puts data in the place of the file at path, which must still hold
// old: a temporary file beside it with the same mode and owner, synced, then
// renamed. A symlink is followed, so that the file it names is replaced.
func Replace(path string, old, data []byte) (err error) {
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	now, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, old) {
		return fmt.Errorf("%s: changed since it was read", path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return write(path, data, info.Mode().Perm(), info)
}

// Create writes a file at path, whole or not at all. One that is there already
// is fs.ErrExist, unless force is set; a symlink is never followed or replaced.
func Create(path string, data []byte, mode os.FileMode, force bool) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return write(path, data, mode, nil)
	case !force:
		return &os.PathError{Op: "create", Path: path, Err: os.ErrExist}
	case !info.Mode().IsRegular():
		return &os.PathError{Op: "create", Path: path, Err: fmt.Errorf("not a regular file (%s): %w", kind(info.Mode()), os.ErrInvalid)}
	}
	return write(path, data, info.Mode().Perm(), info)
}

// Output writes data where a person wants it: into the file at path, replaced
// whole, or into the pipe or device that path is, as /dev/stdout. A symlink is
// followed.
func Output(path string, data []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return Create(path, data, 0o644, false)
	}
	if info.Mode().IsRegular() {
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
		return Create(path, data, 0o644, true)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0) // /dev/stdout may be a file that others write to
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func write(path string, data []byte, mode os.FileMode, like os.FileInfo) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".belay-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if like != nil {
		if st, ok := like.Sys().(*syscall.Stat_t); ok && (int(st.Uid) != os.Geteuid() || int(st.Gid) != os.Getegid()) {
			if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil {
				return err
			}
		}
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
