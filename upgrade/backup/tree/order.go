package tree

import (
	"fmt"
	"strings"
)

// An order knows which entries may follow: a folder before what is in it, names
// sorted by their bytes, each folder whole before the next.
type order struct {
	begun bool
	dirs  []string // the open folders below the root
	last  []string // the last name in the root and in each of them
}

func (o *order) check(e *Entry) error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	if (e.Path == ".") == o.begun || !o.begun && e.Type != TypeDir {
		return fmt.Errorf("path %q: the root must come first, once", e.Path)
	}
	if !o.begun {
		o.begun, o.last = true, []string{""}
		return nil
	}
	parent, name := split(e.Path)
	for len(o.dirs) > 0 && o.dirs[len(o.dirs)-1] != parent {
		o.dirs, o.last = o.dirs[:len(o.dirs)-1], o.last[:len(o.last)-1]
	}
	if len(o.dirs) == 0 && parent != "." {
		return fmt.Errorf("path %q: its folder is not open", e.Path)
	}
	if top := len(o.last) - 1; name <= o.last[top] {
		return fmt.Errorf("path %q: out of order", e.Path)
	}
	o.last[len(o.last)-1] = name
	if e.Type == TypeDir {
		o.dirs, o.last = append(o.dirs, e.Path), append(o.last, "")
	}
	return nil
}

// split gives the path of the folder and the name in it.
func split(path string) (dir, name string) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return ".", path
}

// checkPath refuses a path that no archive of ours has.
func checkPath(path string) error {
	if path == "." {
		return nil
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || strings.Contains(part, "\x00") {
			return fmt.Errorf("path %q leads out of the tree", path)
		}
	}
	return nil
}
