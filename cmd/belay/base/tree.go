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

// tree copies the part of a commit that stacks refer to below a folder.
type tree struct {
	*layout
	repo  *repository
	links []link // made last, so that no file is written through one
}

type link struct{ name, target string }

// open writes the files of c that a stack can refer to. Where their objects
// are missing, as in a partial clone, the remote has them.
func (r *repository) open(ctx context.Context, c *object.Commit, o Options) (*Base, error) {
	b, err := r.materialise(ctx, c, o)
	if o.Remote != nil && notHere(err) {
		return r.fetch(ctx, c.Hash.String(), o)
	}
	return b, err
}

func (r *repository) materialise(ctx context.Context, c *object.Commit, o Options) (*Base, error) {
	return layOut(o, r.limits, c.Hash.String(), func(l *layout) error {
		t := &tree{layout: l, repo: r}
		top, err := t.find(c.TreeHash, r.prefix)
		if err == nil && top != plumbing.ZeroHash {
			err = t.walk(ctx, top, &folder{path: ".", root: l.dir}, 0)
		}
		if err == nil {
			err = t.makeLinks()
		}
		return err
	})
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
		return nil, t.fail("more than %d files and folders", t.limits.entries)
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
			if t.wants(name) {
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
		return fmt.Errorf("the files of stacks have more than %d bytes together", t.limits.bytes)
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
