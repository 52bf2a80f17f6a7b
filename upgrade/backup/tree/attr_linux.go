package tree

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A node is something that has attributes: an open file, or a name in an open
// folder, which is reached through /proc so that no part of a path is resolved.
type node struct {
	fd   int    // the file; -1: only a name
	dir  int    // the folder it is in
	name string // in that folder; "." for the folder itself
}

func (n node) path() string { return fmt.Sprintf("/proc/self/fd/%d/%s", n.dir, n.name) }

func (n node) list(buf []byte) (int, error) {
	if n.fd >= 0 {
		return unix.Flistxattr(n.fd, buf)
	}
	return unix.Llistxattr(n.path(), buf)
}

func (n node) get(attr string, buf []byte) (int, error) {
	if n.fd >= 0 {
		return unix.Fgetxattr(n.fd, attr, buf)
	}
	return unix.Lgetxattr(n.path(), attr, buf)
}

func (n node) set(attr string, value []byte) error {
	if n.fd >= 0 {
		return unix.Fsetxattr(n.fd, attr, value, 0)
	}
	return unix.Lsetxattr(n.path(), attr, value, 0)
}

func (n node) remove(attr string) error {
	if n.fd >= 0 {
		return unix.Fremovexattr(n.fd, attr)
	}
	return unix.Lremovexattr(n.path(), attr)
}

// attrs gives the attributes that are copied, sorted. A file system without any
// has none.
func (n node) attrs() ([]Attr, error) {
	list, err := sized(func(b []byte) (int, error) { return n.list(b) })
	if err == unix.ENOTSUP || len(list) == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list attributes: %w", err)
	}
	var attrs []Attr
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if hostAttr(name) {
			continue
		}
		value, err := sized(func(b []byte) (int, error) { return n.get(name, b) })
		if err != nil {
			return nil, fmt.Errorf("read attribute %q: %w", name, err)
		}
		attrs = append(attrs, Attr{name, value})
	}
	slices.SortFunc(attrs, func(a, b Attr) int { return strings.Compare(a.Name, b.Name) })
	return attrs, nil
}

// sized reads what is of a size that only the reading tells.
func sized(read func([]byte) (int, error)) ([]byte, error) {
	for {
		n, err := read(nil)
		if err != nil || n == 0 {
			return nil, err
		}
		b := make([]byte, n)
		if n, err = read(b); errors.Is(err, unix.ERANGE) {
			continue // it grew meanwhile
		}
		return b[:max(n, 0)], err
	}
}

// setAttrs makes the attributes those that are wanted, and no others: a folder's
// default ACL gives new files some that nobody asked for.
func (n node) setAttrs(want []Attr) error {
	have, err := n.attrs()
	if err != nil {
		return err
	}
	for _, h := range have {
		if !slices.ContainsFunc(want, func(w Attr) bool { return w.Name == h.Name }) {
			if err := n.remove(h.Name); err != nil {
				return fmt.Errorf("remove attribute %q: %w", h.Name, err)
			}
		}
	}
	for _, w := range want {
		same := func(h Attr) bool { return h.Name == w.Name && bytes.Equal(h.Value, w.Value) }
		if slices.ContainsFunc(have, same) {
			continue
		}
		if err := n.set(w.Name, w.Value); err != nil {
			return fmt.Errorf("set attribute %q: %w", w.Name, err)
		}
	}
	return nil
}
