package base

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/belaystack/belay/lint/source"
)

const (
	maxDepth  = 64       // of folders
	maxTree   = 64 << 20 // bytes of one tree object
	maxTarget = 4096     // bytes of a symlink's target
)

// limits are what is taken from one commit. The largest repository of compose
// files we know has 4,000 of them in 20 MB, and the Linux kernel 90,000 entries.
type limits struct {
	files   int   // written, and symlinks
	bytes   int64 // written
	entries int   // read
}

func defaultLimits() limits { return limits{files: 20_000, bytes: 128 << 20, entries: 1_000_000} }

// tree copies the part of a commit that stacks refer to below a folder.
type tree struct {
	repo  *repository
	ref   string
	dir   *os.Root
	also  map[string]bool
	links []link // made last, so that no file is written through one
	left  limits
}

type link struct{ name, target string }

// materialise writes the files of c that a stack can refer to.
func (r *repository) materialise(ctx context.Context, c *object.Commit, o Options) (_ *Base, err error) {
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
	t := &tree{repo: r, ref: o.Ref, dir: dir, also: map[string]bool{}, left: r.limits}
	for _, name := range o.Also {
		t.also[path.Clean(name)] = true
	}
	top, err := t.find(c.TreeHash, r.prefix)
	if err == nil && top != plumbing.ZeroHash {
		err = t.walk(ctx, top, &folder{path: ".", root: dir}, 0)
	}
	if err == nil {
		err = t.makeLinks()
	}
	if err != nil {
		return nil, err
	}
	root, err := source.OpenRoot(temp)
	if err != nil {
		return nil, err
	}
	return &Base{Root: root, Commit: c.Hash.String(), temp: temp}, nil
}

// find gives the tree at prefix, or the zero hash when it did not exist.
func (t *tree) find(h plumbing.Hash, prefix string) (plumbing.Hash, error) {
	if prefix == "." {
		return h, nil
	}
	for name := range strings.SplitSeq(prefix, "/") {
		entries, err := t.read(h)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == name && e.Mode == filemode.Dir })
		if i < 0 {
			return plumbing.ZeroHash, nil
		}
		h = entries[i].Hash
	}
	return h, nil
}

// read gives the entries of a tree, their names checked.
func (t *tree) read(h plumbing.Hash) ([]object.TreeEntry, error) {
	o, err := t.object(h, maxTree)
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, t.fail("a folder is larger than %d bytes", maxTree)
	}
	tr, err := object.DecodeTree(t.repo.store, o)
	if err != nil {
		return nil, t.fail("tree %s cannot be read: %v", short(h), err)
	}
	if t.left.entries -= len(tr.Entries); t.left.entries < 0 {
		return nil, t.fail("more than %d files and folders", t.repo.limits.entries)
	}
	for _, e := range tr.Entries {
		if !safe(e.Name) {
			return nil, t.fail("%q is no name for a file", e.Name)
		}
	}
	return tr.Entries, nil
}

// object reads an object, or nil when it is larger than limit. The size is
// asked for first, so that a small pack cannot fill the memory.
func (t *tree) object(h plumbing.Hash, limit int64) (plumbing.EncodedObject, error) {
	if n, err := t.repo.store.EncodedObjectSize(h); err == nil && n > limit {
		return nil, nil
	}
	o, err := t.repo.store.EncodedObject(plumbing.AnyObject, h)
	if err != nil {
		return nil, t.repo.missing(t.ref, h, err)
	}
	if o.Size() > limit { // of an alternate, whose sizes cannot be asked for
		return nil, nil
	}
	return o, nil
}

func (t *tree) walk(ctx context.Context, h plumbing.Hash, f *folder, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		return t.fail("folders nested more than %d deep", maxDepth)
	}
	entries, err := t.read(h)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(f.path, e.Name)
		switch {
		case e.Mode == filemode.Dir:
			below := &folder{parent: f, name: e.Name, path: name}
			err = errors.Join(t.walk(ctx, e.Hash, below, depth+1), below.close())
		case e.Mode == filemode.Symlink:
			err = t.keepLink(name, e.Hash)
		case e.Mode.IsRegular() || e.Mode == filemode.Executable || e.Mode == filemode.Deprecated:
			if wanted(e.Name) || t.also[name] {
				err = t.writeFile(f, e.Name, e.Hash)
			}
		} // a submodule is another repository
		if err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes one file. One that is too large to be read as a user's
// file is written too large again, so that reading it says so.
func (t *tree) writeFile(in *folder, name string, h plumbing.Hash) error {
	if err := t.count(); err != nil {
		return err
	}
	o, err := t.object(h, source.MaxSize)
	if err != nil {
		return err
	}
	dir, err := in.open()
	if err != nil {
		return t.fail("%q: %v", in.path, cause(err))
	}
	f, err := dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return t.fail("%q: %v", path.Join(in.path, name), cause(err))
	}
	if o == nil {
		err = f.Truncate(source.MaxSize + 1) // sparse: takes no space
	} else {
		err = t.copy(f, o)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return t.fail("%q: %v", path.Join(in.path, name), cause(err))
	}
	return nil
}

func (t *tree) copy(w io.Writer, o plumbing.EncodedObject) error {
	if t.left.bytes -= o.Size(); t.left.bytes < 0 {
		return fmt.Errorf("the files of stacks have more than %d bytes together", t.repo.limits.bytes)
	}
	r, err := o.Reader()
	if err != nil {
		return err
	}
	_, err = io.Copy(w, io.LimitReader(r, source.MaxSize))
	return errors.Join(err, r.Close())
}

func (t *tree) keepLink(name string, h plumbing.Hash) error {
	if err := t.count(); err != nil {
		return err
	}
	o, err := t.object(h, maxTarget)
	if err != nil || o == nil {
		return err
	}
	r, err := o.Reader()
	if err != nil {
		return t.fail("%q: %v", name, cause(err))
	}
	defer r.Close()
	target, err := io.ReadAll(io.LimitReader(r, maxTarget))
	if err != nil {
		return t.fail("%q: %v", name, cause(err))
	}
	t.links = append(t.links, link{name, string(target)})
	return nil
}

func (t *tree) makeLinks() error {
	for _, l := range t.links {
		if err := t.dir.MkdirAll(path.Dir(l.name), 0o700); err != nil {
			return t.fail("%q: %v", l.name, cause(err))
		}
		if err := t.dir.Symlink(l.target, l.name); err != nil {
			return t.fail("%q: %v", l.name, cause(err))
		}
	}
	return nil
}

func (t *tree) count() error {
	if t.left.files--; t.left.files < 0 {
		return t.fail("more than %d compose, env and YAML files", t.repo.limits.files)
	}
	return nil
}

func (t *tree) fail(format string, args ...any) error {
	return &Error{Ref: t.ref, Msg: fmt.Sprintf(format, args...), Next: "give --base a folder with the files instead"}
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
