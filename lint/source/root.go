package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"
)

// MaxSize bounds one file of the user's, in bytes. The largest real compose
// file we know has 80 KB; 5,000 services fit in 2 MB.
const MaxSize = 8 << 20

// ErrOutside is a path that leads out of the root, perhaps through a symlink.
var ErrOutside = errors.New("outside the repository")

// Root is the folder that nothing is read outside of.
type Root struct {
	dir  string // absolute, symlinks resolved
	root *os.Root

	instead map[string][]byte // by name relative to the root
}

// OpenRoot opens dir, which must be an existing folder.
func OpenRoot(dir string) (*Root, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return nil, err
	}
	r, err := os.OpenRoot(abs)
	if err != nil {
		return nil, err
	}
	return &Root{dir: abs, root: r}, nil
}

// Dir is the root's absolute path with symlinks resolved.
func (r *Root) Dir() string { return r.dir }

// Close lets go of the folder.
func (r *Root) Close() error { return r.root.Close() }

// FS is the tree below the root. Symlinks that lead out of it fail to open.
func (r *Root) FS() fs.FS { return r.root.FS() }

// Instead has Read give data for the file name, which is below the root, from now on.
func (r *Root) Instead(name string, data []byte) error {
	rel, err := r.Rel(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if r.instead == nil {
		r.instead = map[string][]byte{}
	}
	r.instead[rel] = data
	return nil
}

// Rel makes name relative to the root, with slashes. A relative name is
// taken as relative to the root already. ErrOutside when it is not below.
func (r *Root) Rel(name string) (string, error) {
	if filepath.IsAbs(name) {
		rel, err := filepath.Rel(r.dir, name)
		if err != nil {
			return "", err
		}
		name = rel
	}
	name = path.Clean(filepath.ToSlash(name))
	if name == ".." || strings.HasPrefix(name, "../") {
		return name, ErrOutside
	}
	return name, nil
}

// Abs is the path on disk of a name relative to the root.
func (r *Root) Abs(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(r.dir, filepath.FromSlash(name))
}

// Exists reports whether name is a regular file below the root.
func (r *Root) Exists(name string) bool {
	rel, err := r.Rel(name)
	if err != nil {
		return false
	}
	info, err := r.root.Stat(rel)
	return err == nil && info.Mode().IsRegular()
}

// Present reports whether anything at all stands at name, even a broken
// symlink or one that leads out of the root.
func (r *Root) Present(name string) bool {
	rel, err := r.Rel(name)
	if err != nil {
		return true
	}
	_, err = r.root.Lstat(rel)
	return err == nil
}

// Read reads a text file below the root. The error is an *Error at the
// file's start: missing (errors.Is fs.ErrNotExist), outside the root
// (ErrOutside), not a regular file, larger than MaxSize, or not UTF-8 text.
func (r *Root) Read(name string) (*File, error) {
	rel, err := r.Rel(name)
	if err != nil {
		return nil, &Error{Pos{File: rel, Line: 1, Col: 1}, ErrOutside.Error() + ": not read", "move the file into the repository", err}
	}
	fail := func(msg, next string, err error) (*File, error) {
		return nil, &Error{Pos{File: rel, Line: 1, Col: 1}, msg, next, err}
	}
	if data, ok := r.instead[rel]; ok {
		file := New(rel, data)
		return file, file.checkText()
	}
	info, err := r.root.Stat(rel)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail("no such file", "", err)
	case err != nil && escapes(err):
		return fail("the symlink leads "+ErrOutside.Error()+": not read", "replace the symlink by a file", ErrOutside)
	case err != nil:
		return fail("cannot be read: "+cause(err), "", err)
	case !info.Mode().IsRegular():
		return fail(fmt.Sprintf("not a regular file (%s)", kind(info.Mode())), "replace it by a file", fs.ErrInvalid)
	case info.Size() > MaxSize:
		return fail(fmt.Sprintf("%d bytes, and at most %d are read", info.Size(), MaxSize), "", fs.ErrInvalid)
	}
	f, err := r.root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fail("cannot be read: "+cause(err), "", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return fail("cannot be read: "+cause(err), "", err)
	}
	if len(data) > MaxSize {
		return fail(fmt.Sprintf("at most %d bytes are read", MaxSize), "", fs.ErrInvalid)
	}
	file := New(rel, data)
	return file, file.checkText()
}

// checkText refuses what no editor would show as text, at the first such byte.
func (f *File) checkText() error {
	if i := bytes.IndexByte(f.Data, 0); i >= 0 {
		return &Error{f.At(i, 1).Pos, "a NUL byte: a binary file, not text", "", fs.ErrInvalid}
	}
	for i := 0; i < len(f.Data); {
		c, n := utf8.DecodeRune(f.Data[i:])
		if c == utf8.RuneError && n == 1 {
			return &Error{f.At(i, 1).Pos, "not UTF-8 text", "save the file as UTF-8", fs.ErrInvalid}
		}
		i += n
	}
	return nil
}

func escapes(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p) && p.Err != nil && strings.Contains(p.Err.Error(), "escapes")
}

// cause is err without the path, which the position names already.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeSymlink != 0:
		return "a symlink"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return m.Type().String()
}
