package tree

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/sys/unix"
)

// A walker reads a tree in the order of an archive. Each entry is given to visit;
// a file with its open descriptor, to read the content from.
type walker struct {
	opts  Options
	tally *tally
	mount uint64 // the id of the root's
	links map[inode]*manyNamed
	visit func(ctx context.Context, e *Entry, fd int) ([]byte, error)
}

// An inode is what hard links have in common.
type inode struct{ dev, ino uint64 }

// manyNamed is a file with several names, not all of which were seen.
type manyNamed struct {
	first string
	left  uint32
}

func walk(ctx context.Context, root string, w *walker) error {
	for _, pattern := range w.opts.Exclude {
		if !doublestar.ValidatePattern(pattern) {
			return fmt.Errorf("exclude %q: is no pattern", pattern)
		}
	}
	fd, err := openRoot(root)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	st, err := stat(fd, "")
	if err != nil {
		return fmt.Errorf("%s: %w", root, err)
	}
	w.mount, w.links = mountID(st), map[inode]*manyNamed{}
	if err := w.dir(ctx, node{fd: fd, dir: fd}, ".", st); err != nil {
		return fmt.Errorf("%s: %w", root, err)
	}
	w.outside()
	return nil
}

// outside notes the files some of whose names were not seen.
func (w *walker) outside() {
	var paths []string
	for _, l := range w.links {
		paths = append(paths, l.first)
	}
	slices.Sort(paths)
	for _, p := range paths {
		w.tally.Outside++
		w.tally.note("link", p)
	}
}

func openRoot(root string) (int, error) {
	fd, err := retry(func() (int, error) {
		return unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", root, err)
	}
	return fd, nil
}

// dir reads a folder that is open, and what is in it.
func (w *walker) dir(ctx context.Context, n node, path string, st *unix.Statx_t) error {
	e := newEntry(path, TypeDir, st)
	var err error
	if e.Attrs, err = n.attrs(); err != nil {
		return pathError(path, err)
	}
	list, err := readNames(n.fd)
	if err != nil {
		return pathError(path, err)
	}
	if err := w.emit(ctx, e, -1); err != nil {
		return err
	}
	for i := range list.len() {
		name := string(list.get(i))
		if err := w.child(ctx, n.fd, name, join(path, name)); err != nil {
			return err
		}
	}
	after, err := stat(n.fd, "")
	if err == nil && changed(st, after) {
		err = errChanged
	}
	return w.tolerate(path, err)
}

// child reads one name of a folder.
func (w *walker) child(ctx context.Context, dir int, name, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if excluded(w.opts.Exclude, path) {
		w.tally.Excluded++
		return nil
	}
	st, err := stat(dir, name)
	if err != nil {
		return w.tolerate(path, gone(err))
	}
	if mountID(st) != w.mount {
		w.tally.Mounts++
		w.tally.note("mount", path)
		return nil
	}
	n := node{fd: -1, dir: dir, name: name}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		w.tally.Sockets++
		return nil
	case unix.S_IFDIR, unix.S_IFREG:
		return w.opened(ctx, n, path, st)
	}
	if first := w.link(st); first != "" {
		return w.emit(ctx, &Entry{Path: path, Type: TypeLink, Link: first}, -1)
	}
	return w.special(ctx, n, path, st)
}

// opened reads a folder or a file. It is opened before it is believed to be what
// stat saw.
func (w *walker) opened(ctx context.Context, n node, path string, st *unix.Statx_t) error {
	isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if !isDir {
		if first := w.link(st); first != "" {
			return w.emit(ctx, &Entry{Path: path, Type: TypeLink, Link: first}, -1)
		}
	}
	flags := unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK
	if isDir {
		flags |= unix.O_DIRECTORY
	}
	fd, err := retry(func() (int, error) { return unix.Openat(n.dir, n.name, flags, 0) })
	if err != nil {
		return w.tolerate(path, gone(err))
	}
	defer unix.Close(fd)
	now, err := stat(fd, "")
	if err != nil || now.Ino != st.Ino || now.Mode&unix.S_IFMT != st.Mode&unix.S_IFMT {
		return w.tolerate(path, errors.Join(errChanged, err))
	}
	n.fd = fd
	if isDir {
		return w.dir(ctx, n, path, now)
	}
	return w.file(ctx, n, path, now)
}

func (w *walker) file(ctx context.Context, n node, path string, st *unix.Statx_t) error {
	e := newEntry(path, TypeFile, st)
	e.Size = int64(st.Size)
	var err error
	if e.Attrs, err = n.attrs(); err != nil {
		return pathError(path, err)
	}
	if int64(st.Blocks)*512 < e.Size { // only then it can have holes
		if e.Data, err = segments(n.fd, e.Size); err != nil {
			return pathError(path, err)
		}
	}
	w.remember(st, path)
	if err := w.emit(ctx, e, n.fd); err != nil {
		return err
	}
	after, err := stat(n.fd, "")
	if err == nil && changed(st, after) {
		err = errChanged
	}
	return w.tolerate(path, err)
}

// special reads what is neither folder nor file: only a name is to be had.
func (w *walker) special(ctx context.Context, n node, path string, st *unix.Statx_t) error {
	e := newEntry(path, 0, st)
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		e.Type, e.Mode = TypeSymlink, 0o777
		e.Link, err = readlink(n.dir, n.name)
	case unix.S_IFIFO:
		e.Type = TypeFIFO
	case unix.S_IFCHR:
		e.Type, e.Major, e.Minor = TypeChar, st.Rdev_major, st.Rdev_minor
	case unix.S_IFBLK:
		e.Type, e.Major, e.Minor = TypeBlock, st.Rdev_major, st.Rdev_minor
	default:
		err = fmt.Errorf("unknown type %o", st.Mode&unix.S_IFMT)
	}
	if err == nil {
		e.Attrs, err = n.attrs()
	}
	if err != nil {
		return w.tolerate(path, gone(err))
	}
	w.remember(st, path)
	return w.emit(ctx, e, -1)
}

func (w *walker) emit(ctx context.Context, e *Entry, fd int) error {
	content, err := w.visit(ctx, e, fd)
	if err != nil {
		return pathError(e.Path, err)
	}
	w.tally.add(e, content)
	return nil
}

// link gives the first name of a file that was seen before; "" otherwise.
func (w *walker) link(st *unix.Statx_t) string {
	l := w.links[inodeOf(st)]
	if st.Nlink < 2 || l == nil {
		return ""
	}
	if l.left--; l.left == 0 {
		delete(w.links, inodeOf(st))
	}
	return l.first
}

// remember keeps the first name of a file that has others.
func (w *walker) remember(st *unix.Statx_t, path string) {
	if st.Nlink > 1 {
		w.links[inodeOf(st)] = &manyNamed{first: path, left: st.Nlink - 1}
	}
}

func inodeOf(st *unix.Statx_t) inode {
	return inode{unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino}
}

// tolerate counts what changed meanwhile, where that is to be expected.
func (w *walker) tolerate(path string, err error) error {
	if err == nil {
		return nil
	}
	if w.opts.Online && (errors.Is(err, errGone) || errors.Is(err, errChanged)) {
		w.tally.Changed++
		return nil
	}
	return pathError(path, err)
}

func gone(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return errGone
	}
	return err
}

func newEntry(path string, typ Type, st *unix.Statx_t) *Entry {
	return &Entry{
		Path: path, Type: typ, Mode: uint32(st.Mode) & 0o7777, UID: st.Uid, GID: st.Gid,
		Mtime: Time{st.Mtime.Sec, int64(st.Mtime.Nsec)},
	}
}

// changed compares two looks at one file. Nothing changes a file without its time
// of change of the inode.
func changed(a, b *unix.Statx_t) bool {
	return a.Ctime != b.Ctime || a.Mtime != b.Mtime || a.Size != b.Size
}

// excluded says whether a pattern matches a path. What is below is not reached.
func excluded(patterns []string, path string) bool {
	for _, p := range patterns {
		if doublestar.MatchUnvalidated(p, path) {
			return true
		}
	}
	return false
}

func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}
