package tree

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// leaf makes what is no folder, and gives the hash of its content. What is there
// stays when it is equal and has no other name: with another name it is not known
// who else would see a change.
func (u *unpacker) leaf(ctx context.Context, at node, e *Entry, st *unix.Statx_t) ([]byte, error) {
	if e.Type == TypeLink {
		return nil, u.link(at, e, st)
	}
	if st != nil && !u.keeps(at, e, st) {
		if err := u.remove(at.dir, at.name, st); err != nil {
			return nil, fmt.Errorf("remove: %w", err)
		}
		st = nil
	}
	if e.Type == TypeFile {
		return u.file(ctx, at, e, st != nil)
	}
	if st == nil {
		if err := makeSpecial(at, e); err != nil {
			return nil, err
		}
	}
	return nil, setMeta(at, e)
}

// keeps says whether what is there can become the entry without being replaced.
func (u *unpacker) keeps(at node, e *Entry, st *unix.Statx_t) bool {
	if st.Nlink != 1 {
		return false
	}
	switch typ := st.Mode & unix.S_IFMT; e.Type {
	case TypeFile:
		return typ == unix.S_IFREG
	case TypeSymlink:
		link := ""
		if typ == unix.S_IFLNK {
			link, _ = readlink(at.dir, at.name)
		}
		return link == e.Link
	case TypeFIFO:
		return typ == unix.S_IFIFO
	case TypeChar:
		return typ == unix.S_IFCHR && st.Rdev_major == e.Major && st.Rdev_minor == e.Minor
	case TypeBlock:
		return typ == unix.S_IFBLK && st.Rdev_major == e.Major && st.Rdev_minor == e.Minor
	}
	return false
}

func makeSpecial(at node, e *Entry) error {
	switch e.Type {
	case TypeSymlink:
		return unix.Symlinkat(e.Link, at.dir, at.name)
	case TypeFIFO:
		return unix.Mknodat(at.dir, at.name, unix.S_IFIFO|0o600, 0)
	case TypeChar:
		return unix.Mknodat(at.dir, at.name, unix.S_IFCHR|0o600, int(unix.Mkdev(e.Major, e.Minor)))
	default:
		return unix.Mknodat(at.dir, at.name, unix.S_IFBLK|0o600, int(unix.Mkdev(e.Major, e.Minor)))
	}
}

// link gives an earlier entry a further name.
func (u *unpacker) link(at node, e *Entry, st *unix.Statx_t) error {
	dir, name, err := u.walkTo(e.Link)
	if err != nil {
		return fmt.Errorf("link to %q: %w", e.Link, err)
	}
	defer unix.Close(dir)
	first, err := stat(dir, name)
	if err != nil {
		return fmt.Errorf("link to %q: %w", e.Link, err)
	}
	if first.Mode&unix.S_IFMT == unix.S_IFDIR || mountID(first) != u.mount {
		return fmt.Errorf("link to %q: is no file of the archive", e.Link)
	}
	if st != nil {
		if inodeOf(st) == inodeOf(first) {
			return nil
		}
		if err := u.remove(at.dir, at.name, st); err != nil {
			return fmt.Errorf("remove: %w", err)
		}
	}
	return unix.Linkat(dir, name, at.dir, at.name, 0)
}

// walkTo opens the folder of a path, part by part from the root, through no link.
func (u *unpacker) walkTo(path string) (int, string, error) {
	dir, err := unix.FcntlInt(uintptr(u.root), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, "", err
	}
	for {
		part, rest, more := strings.Cut(path, "/")
		if !more {
			return dir, part, nil
		}
		next, err := openDir(dir, part)
		unix.Close(dir)
		if err != nil {
			return -1, "", err
		}
		dir, path = next, rest
	}
}

// file makes a file, or makes one that is there equal.
func (u *unpacker) file(ctx context.Context, at node, e *Entry, there bool) ([]byte, error) {
	flags := unix.O_RDWR | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK
	if !there {
		flags |= unix.O_CREAT | unix.O_EXCL
	}
	fd, err := retry(func() (int, error) { return unix.Openat(at.dir, at.name, flags, 0o600) })
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	at.fd = fd
	f := &filling{fd: fd, size: e.Size, equal: there, other: u.other}
	u.content.reset()
	err = u.archive.content(ctx, func(off int64, p []byte) error {
		_ = u.content.at(off, p)
		return f.put(off, p)
	})
	if err == nil {
		u.content.skip(e.Size - u.content.pos())
		err = f.end()
	}
	if err != nil {
		return nil, err
	}
	return u.content.sum(), setMeta(at, e)
}

// A filling gives a file its content. As long as what it has already is equal it
// is only read; from the first difference on it is cut off and written.
type filling struct {
	fd    int
	size  int64
	pos   int64 // up to where it is as it shall be
	equal bool
	other []byte
}

// put writes a piece; what lies between pos and off is a hole.
func (f *filling) put(off int64, p []byte) error {
	if err := f.hole(off); err != nil {
		return err
	}
	if f.equal && f.has(off, p) {
		f.pos = off + int64(len(p))
		return nil
	}
	if err := f.cut(); err != nil {
		return err
	}
	for f.pos = off; len(p) > 0; {
		n, err := retry(func() (int, error) { return unix.Pwrite(f.fd, p, f.pos) })
		if err != nil {
			return err
		}
		p, f.pos = p[n:], f.pos+int64(n)
	}
	return nil
}

// has says whether the file has the bytes p at off.
func (f *filling) has(off int64, p []byte) bool {
	b := f.other[:len(p)]
	return readAt(f.fd, b, off) == nil && bytes.Equal(b, p)
}

// hole makes the file zeros up to off.
func (f *filling) hole(off int64) error {
	if f.equal && f.pos < off {
		data, err := unix.Seek(f.fd, f.pos, unix.SEEK_DATA)
		if err != nil && err != unix.ENXIO {
			return err
		}
		if err == nil && data < off { // not a hole: zeros may be stored, but need not be
			if err := f.cut(); err != nil {
				return err
			}
		}
	}
	f.pos = max(f.pos, off)
	return nil
}

// cut ends what was equal.
func (f *filling) cut() error {
	if !f.equal {
		return nil
	}
	f.equal = false
	return unix.Ftruncate(f.fd, f.pos)
}

// end makes the rest a hole, and the size right.
func (f *filling) end() error {
	if err := f.hole(f.size); err != nil {
		return err
	}
	return unix.Ftruncate(f.fd, f.size)
}
