// Package base opens what a change is compared with: a folder, or the
// repository as it was at a git ref.
//
// What must stay true: git objects are read and nothing else of git is used.
// No git program runs, no hook, filter, alias or configuration of the
// repository takes effect, and nobody's ownership of it matters. Names in a
// tree are somebody else's text: they cannot write outside the temporary
// folder, and their number and size are bounded.
//
// Objects of another object store that .git/objects/info/alternates names are
// read as well: `git clone --shared` and the caches of CI systems need it. They
// are found by the hash of their content alone, and who can write into .git
// could copy them there anyway.
//
// A shallow checkout holds neither the base nor the history. What it lacks a
// Remote answers, when there is one, and what it answers is held to the same
// names and bounds as a tree of git.
package base

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	pathpkg "path"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/belaystack/belay/lint/source"
)

// Options say what to open.
type Options struct {
	// Ref is a folder, or a branch, tag or commit id of the repository that
	// the root is in, with any number of ~N and ^N behind it. A folder is
	// written with ./, ../ or / in front, relative to the working directory:
	// a bare name is a ref, so that a change cannot put a folder in the place
	// of its base. Outside of a git repository a bare name is a folder too.
	Ref string
	// Temp is an existing folder for the files of a git ref.
	Temp string
	// MergeBase asks for the commit where HEAD left Ref, not for Ref itself.
	// It means nothing for a folder.
	MergeBase bool
	// Also are paths relative to the root, with slashes, that are wanted
	// although their names do not say that a stack refers to them.
	Also []string
	// Remote reads the repository where the object store does not hold the
	// commit, or the history that leads to it; nil: that is an error.
	Remote Remote
	// Head is the commit id of the change as the event has it, for Remote: HEAD
	// of the checkout may be the merge that GitHub makes of it and its base
	// branch. Empty is HEAD.
	Head string
}

// Base is an opened base. Close it when done.
type Base struct {
	Root   *source.Root // what was the root then; empty when it did not exist
	Commit string       // the commit in full, 40 hex digits; "" for a folder

	temp string
	repo *repository // nil for a folder
}

// Brings reports whether the commit that is checked out holds a file at path,
// relative to the root: what it does not hold lies there for another reason
// than the change, as a .env does on a host. Where that cannot be read it is
// taken for held. Of a base that is a folder nothing is brought.
func (b *Base) Brings(path string) bool {
	if b.repo == nil {
		return false
	}
	head, err := b.repo.resolve("HEAD")
	if err != nil {
		return true
	}
	tree, err := object.GetTree(b.repo.store, head.TreeHash)
	if err != nil {
		return true
	}
	_, err = tree.FindEntry(pathpkg.Join(b.repo.prefix, path))
	return !errors.Is(err, object.ErrEntryNotFound) && !errors.Is(err, object.ErrDirectoryNotFound)
}

// Error is a base that cannot be opened.
type Error struct {
	Ref  string
	Msg  string
	Next string // what to do about it; may be empty
	Err  error  // the cause, for errors.Is; may be nil
}

func (e *Error) Error() string { return fmt.Sprintf("base %q: %s", e.Ref, e.Msg) }

// Hint names the next move.
func (e *Error) Hint() string  { return e.Next }
func (e *Error) Unwrap() error { return e.Err }

// Open opens the base of root. The error is an *Error, or ctx's.
func Open(ctx context.Context, root *source.Root, o Options) (*Base, error) {
	if isPath(o.Ref) {
		return openFolder(o.Ref)
	}
	repo, err := openRepository(root.Dir())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		b, folderErr := openFolder(o.Ref)
		if folderErr != nil {
			return nil, &Error{o.Ref, "no such folder, and not in a git repository", "name a folder, or run inside of a git checkout", err}
		}
		return b, nil
	case err != nil:
		return nil, &Error{o.Ref, "git repository: " + err.Error(), "", err}
	}
	b, err := repo.openBase(ctx, o)
	if err != nil {
		repo.close()
		return nil, err
	}
	b.repo = repo
	return b, nil
}

func (r *repository) openBase(ctx context.Context, o Options) (*Base, error) {
	commit, err := r.commit(ctx, o.Ref, o.MergeBase)
	switch {
	case o.Remote != nil && notHere(err):
		return r.openRemote(ctx, o)
	case err != nil:
		return nil, explain(err, o.Ref)
	}
	return r.open(ctx, commit, o)
}

// Close removes what was written, and lets go of the folder.
func (b *Base) Close() error {
	err := b.Root.Close()
	if b.repo != nil {
		b.repo.close()
	}
	if b.temp != "" {
		err = errors.Join(err, os.RemoveAll(b.temp))
	}
	return err
}

func isPath(ref string) bool {
	return filepath.IsAbs(ref) || ref == "." || ref == ".." || strings.HasPrefix(ref, "./") || strings.HasPrefix(ref, "../")
}

func openFolder(name string) (*Base, error) {
	root, err := source.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{name, "no such folder", "", err}
	}
	if err != nil {
		return nil, &Error{name, "folder: " + err.Error(), "", err}
	}
	return &Base{Root: root}, nil
}

// explain adds to a missing ref that there is a folder of that name.
func explain(err error, ref string) error {
	var e *Error
	if info, statErr := os.Stat(ref); errors.As(err, &e) && errors.Is(err, errNoRef) && statErr == nil && info.IsDir() {
		e.Next = fmt.Sprintf("write ./%s for the folder of that name", strings.TrimSuffix(ref, "/"))
	}
	return err
}
