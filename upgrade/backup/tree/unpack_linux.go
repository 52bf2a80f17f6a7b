package tree

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Unpack makes the folder root exactly what the archive holds: what came later is
// removed, what is missing is made, what is equal stays. It leaves alone what was
// left out when the archive was packed, by a pattern or because something was
// mounted there. Root itself is never replaced: it may be a mount point. When
// Unpack returns nil everything is on disk.
//
// It may be killed, and begun again. After an error the tree is a mixture; a cut
// archive is [ErrCut], so verify an archive before there is a tree to lose.
func Unpack(ctx context.Context, root string, r io.Reader) (Summary, error) {
	s, err := unpack(ctx, root, r)
	if err != nil {
		return Summary{}, fmt.Errorf("%s: %w", root, err)
	}
	return s, nil
}

func unpack(ctx context.Context, root string, r io.Reader) (Summary, error) {
	a, err := newReader(r)
	if err != nil {
		return Summary{}, err
	}
	fd, err := openRoot(root)
	if err != nil {
		return Summary{}, err
	}
	defer unix.Close(fd)
	u := &unpacker{archive: a, root: fd, tally: newTally(nil), content: newContentHash(), other: make([]byte, bufSize)}
	defer u.close()
	for {
		e, err := a.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return Summary{}, err
		}
		if err := u.entry(ctx, e); err != nil {
			return Summary{}, pathError(e.Path, err)
		}
	}
	s, err := a.agrees(u.tally)
	if err != nil {
		return Summary{}, err
	}
	for len(u.open) > 0 { // only now: a cut archive removes no more than it must
		if err := u.leave(); err != nil {
			return Summary{}, err
		}
	}
	return s, unix.Syncfs(fd)
}

// An unpacker unpacks one archive.
type unpacker struct {
	archive *reader
	root    int
	mount   uint64
	open    []*folder // the root, and the folders down to the current entry
	tally   *tally
	content *contentHash
	other   []byte // what a file has at the moment
}

// A folder is one that is being filled.
type folder struct {
	fd    int
	entry *Entry
	have  *names // what was in it at first
	next  int    // the first of these that the archive has not passed yet
}

func (u *unpacker) close() {
	for _, f := range u.open {
		if f.fd != u.root {
			unix.Close(f.fd)
		}
	}
}

func (u *unpacker) entry(ctx context.Context, e *Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(u.open) == 0 {
		st, err := stat(u.root, "")
		if err != nil {
			return err
		}
		u.mount = mountID(st)
		return u.enter(e, u.root)
	}
	parent, name := split(e.Path)
	for u.top().entry.Path != parent { // the reader made sure that it is there
		if err := u.leave(); err != nil {
			return err
		}
	}
	st, err := u.meet(name)
	if err != nil {
		return err
	}
	at := node{fd: -1, dir: u.top().fd, name: name}
	if e.Type == TypeDir {
		return u.folder(at, e, st)
	}
	sum, err := u.leaf(ctx, at, e, st)
	if err != nil {
		return err
	}
	u.tally.add(e, sum)
	return nil
}

func (u *unpacker) top() *folder { return u.open[len(u.open)-1] }

// meet removes what sorts before name in the current folder, and so is not in the
// archive, and gives what has the name now; nil for nothing.
func (u *unpacker) meet(name string) (*unix.Statx_t, error) {
	if err := u.removeBefore(name); err != nil {
		return nil, err
	}
	f := u.top()
	if f.next < f.have.len() && string(f.have.get(f.next)) == name {
		f.next++
	}
	st, err := stat(f.fd, name)
	if err == unix.ENOENT {
		return nil, nil
	}
	if err == nil && mountID(st) != u.mount {
		err = errors.New("something is mounted there")
	}
	return st, err
}

// removeBefore removes what was in the current folder and sorts before name; all
// the rest with "".
func (u *unpacker) removeBefore(name string) error {
	f := u.top()
	for ; f.next < f.have.len(); f.next++ {
		old := string(f.have.get(f.next))
		if name != "" && old >= name {
			return nil
		}
		path := join(f.entry.Path, old)
		if excluded(u.archive.pre.Exclude, path) {
			continue
		}
		st, err := stat(f.fd, old)
		if err == nil && mountID(st) != u.mount {
			continue // as when it was packed
		}
		if err == nil {
			err = u.remove(f.fd, old, st)
		}
		if err != nil && err != unix.ENOENT {
			return pathError(path, fmt.Errorf("remove: %w", err))
		}
	}
	return nil
}

// remove removes a name, and all that is below it, but nothing mounted there.
func (u *unpacker) remove(dir int, name string, st *unix.Statx_t) error {
	if mountID(st) != u.mount {
		return fmt.Errorf("%q: something is mounted there", name)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return unix.Unlinkat(dir, name, 0)
	}
	fd, err := openDir(dir, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	list, err := readNames(fd)
	if err != nil {
		return err
	}
	for i := range list.len() {
		below := string(list.get(i))
		st, err := stat(fd, below)
		if err == nil {
			err = u.remove(fd, below, st)
		}
		if err != nil {
			return err
		}
	}
	return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
}

// folder enters a folder, which it makes when there is none.
func (u *unpacker) folder(at node, e *Entry, st *unix.Statx_t) error {
	if st != nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if err := u.remove(at.dir, at.name, st); err != nil {
			return err
		}
		st = nil
	}
	if st == nil {
		if err := unix.Mkdirat(at.dir, at.name, 0o700); err != nil {
			return err
		}
	}
	fd, err := openDir(at.dir, at.name)
	if err != nil {
		return err
	}
	return u.enter(e, fd)
}

func openDir(dir int, name string) (int, error) {
	return retry(func() (int, error) {
		return unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
}

func (u *unpacker) enter(e *Entry, fd int) error {
	f := &folder{fd: fd, entry: e}
	u.open = append(u.open, f)
	u.tally.add(e, nil)
	var err error
	f.have, err = readNames(fd)
	return err
}

// leave ends the current folder: nothing is left in it that the archive has not,
// and its own attributes and time are set, which its filling has changed.
func (u *unpacker) leave() error {
	f := u.top()
	err := u.removeBefore("")
	if err == nil {
		err = setMeta(node{fd: f.fd, dir: f.fd, name: "."}, f.entry)
	}
	if err != nil {
		return pathError(f.entry.Path, err)
	}
	u.open = u.open[:len(u.open)-1]
	if f.fd != u.root {
		return unix.Close(f.fd)
	}
	return nil
}

// setMeta sets what an entry has beside its content. The order matters: a change
// of owner takes setuid and capabilities away, and everything changes the time.
func setMeta(n node, e *Entry) error {
	if n.fd >= 0 {
		if err := unix.Fchown(n.fd, int(e.UID), int(e.GID)); err != nil {
			return fmt.Errorf("set owner: %w", err)
		}
		if err := unix.Fchmod(n.fd, e.Mode); err != nil {
			return fmt.Errorf("set mode: %w", err)
		}
	} else {
		if err := unix.Fchownat(n.dir, n.name, int(e.UID), int(e.GID), unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return fmt.Errorf("set owner: %w", err)
		}
		if e.Type != TypeSymlink { // a link has no mode
			if err := unix.Fchmodat(n.dir, n.name, e.Mode, 0); err != nil {
				return fmt.Errorf("set mode: %w", err)
			}
		}
	}
	if err := n.setAttrs(e.Attrs); err != nil {
		return err
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, {Sec: e.Mtime.Sec, Nsec: e.Mtime.Nsec}}
	if err := unix.UtimesNanoAt(n.dir, n.name, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set time: %w", err)
	}
	return nil
}
