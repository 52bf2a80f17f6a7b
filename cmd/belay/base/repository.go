package base

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/config"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

const (
	gitName     = ".git"
	maxLink     = 4096     // bytes of a .git or commondir file: a path
	objectCache = 16 << 20 // bytes of objects kept in memory
)

// repository reads the objects and refs of a git repository.
type repository struct {
	store   *filesystem.Storage
	prefix  string // the root's path in the worktree, with slashes; "." is all of it
	shallow map[plumbing.Hash]bool
	limits  limits
	partial bool // a partial clone: objects may be missing that were not fetched yet
}

// openRepository finds the git repository that dir is in, as git does: the
// nearest folder upwards with a .git. fs.ErrNotExist when there is none.
func openRepository(dir string) (*repository, error) {
	top := dir
	for {
		if _, err := os.Lstat(filepath.Join(top, gitName)); err == nil {
			break
		}
		up := filepath.Dir(top)
		if up == top {
			return nil, fmt.Errorf("%s: not in a git repository: %w", dir, fs.ErrNotExist)
		}
		top = up
	}
	gitDir, err := resolveGitDir(filepath.Join(top, gitName))
	if err != nil {
		return nil, err
	}
	common, err := commonDir(gitDir)
	if err != nil {
		return nil, err
	}
	files := dotgit.NewRepositoryFilesystem(osfs.New(gitDir), osfs.New(common))
	store := filesystem.NewStorageWithOptions(files, cache.NewObjectLRU(objectCache),
		filesystem.Options{KeepDescriptors: true, AlternatesFS: osfs.New("/")})
	rel, err := filepath.Rel(top, dir)
	if err != nil {
		return nil, err
	}
	r := &repository{store: store, prefix: filepath.ToSlash(rel), limits: defaultLimits()}
	if err := r.inspect(common); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *repository) close() { r.store.Close() } // opened for reading: nothing can be lost

// DefaultBranch gives the name of the branch that work is merged into, as far as
// the repository of dir knows: what the remote said when it was cloned, else main
// or master where one of them is there, else what is checked out. "" when none tells.
func DefaultBranch(dir string) string {
	r, err := openRepository(dir)
	if err != nil {
		return ""
	}
	defer r.close()
	if ref, err := r.store.Reference("refs/remotes/origin/HEAD"); err == nil && ref.Type() == plumbing.SymbolicReference {
		return strings.TrimPrefix(ref.Target().String(), "refs/remotes/origin/")
	}
	for _, name := range []string{"main", "master"} {
		if _, err := r.store.Reference(plumbing.NewBranchReferenceName(name)); err == nil {
			return name
		}
	}
	ref, err := r.store.Reference(plumbing.HEAD)
	if err != nil || ref.Type() != plumbing.SymbolicReference {
		return ""
	}
	return ref.Target().Short()
}

// resolveGitDir follows a .git file, as worktrees and submodules have one.
func resolveGitDir(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil || info.IsDir() {
		return name, err
	}
	text, err := readLink(name)
	if err != nil {
		return "", err
	}
	dir, ok := strings.CutPrefix(text, "gitdir: ")
	if !ok {
		return "", fmt.Errorf("%s: no gitdir in it", name)
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(filepath.Dir(name), dir)
	}
	if _, err := os.Stat(dir); err != nil {
		// Not wrapped: a worktree whose repository is elsewhere, as in a
		// container that mounts the worktree alone, is not "no repository".
		return "", fmt.Errorf("%s points to %s, which is not there", name, dir)
	}
	return dir, nil
}

// commonDir gives the folder with the objects and refs of a worktree.
func commonDir(gitDir string) (string, error) {
	text, err := readLink(filepath.Join(gitDir, "commondir"))
	if errors.Is(err, fs.ErrNotExist) {
		return gitDir, nil
	}
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(text) {
		text = filepath.Join(gitDir, text)
	}
	return text, nil
}

func readLink(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxLink {
		return "", fmt.Errorf("%s: not a file with a path", name)
	}
	b, err := os.ReadFile(name)
	return strings.TrimRight(string(b), "\r\n"), err
}

// inspect reads what decides how the objects are to be understood, and
// refuses the formats that would be misread.
func (r *repository) inspect(common string) error {
	if _, err := os.Stat(filepath.Join(common, "reftable")); err == nil {
		return errors.New("refs are kept as reftable, which is not read: give --base a folder")
	}
	if cfg, err := r.store.Config(); err == nil && cfg.Raw != nil {
		ext := cfg.Raw.Section("extensions")
		if format := ext.Option("objectformat"); format != "" && !strings.EqualFold(format, "sha1") {
			return fmt.Errorf("objects are named by %s, and only sha1 is read: give --base a folder", strings.ToLower(format))
		}
		r.partial = ext.Option("partialclone") != "" || slices.ContainsFunc(cfg.Raw.Section("remote").Subsections,
			func(remote *config.Subsection) bool { return remote.Option("promisor") == "true" })
	}
	cut, err := r.store.Shallow()
	if err != nil {
		return fmt.Errorf("shallow: %w", err)
	}
	r.shallow = make(map[plumbing.Hash]bool, len(cut))
	for _, h := range cut {
		r.shallow[h] = true
	}
	return nil
}

func (r *repository) getCommit(h plumbing.Hash) (*object.Commit, error) {
	return object.GetCommit(r.store, h)
}
