package wanted

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/belaystack/belay/lint/source"
)

// What is taken from one checkout.
const (
	maxFiles = 20_000
	maxBytes = 128 << 20
)

// checkout is a folder of a git worktree, and the commit that it holds. Objects,
// refs and the index are read, and nothing else of git is used: no hook, filter or
// alias runs.
type checkout struct {
	repo   *git.Repository
	head   *object.Commit
	dir    string // the folder, symlinks resolved
	prefix string // its path in the repository, "" for the top
}

// blob is a tracked file.
type blob struct {
	data []byte
	hash plumbing.Hash
	mode os.FileMode
}

// openCheckout opens the repository that dir lies in. The error is a *Refused.
func openCheckout(dir string) (*checkout, error) {
	bad := func(reason, found, next string) error { return refuse(Ancestry, reason, found, "a git checkout", next) }
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, bad("folder of the checkout", err.Error(), "check the repository out first")
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	repo, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if err != nil {
		return nil, bad(dir+" is no git checkout that can be read", err.Error(), "check the repository out with actions/checkout or git clone")
	}
	wt, err := repo.Worktree()
	if err != nil {
		return nil, bad(dir+" has no worktree", err.Error(), "check the repository out")
	}
	ref, err := repo.Head()
	if err != nil {
		return nil, bad(dir+": HEAD has no commit", err.Error(), "check a commit out")
	}
	head, err := repo.CommitObject(ref.Hash())
	if err != nil {
		return nil, bad(dir+": the commit of HEAD cannot be read", err.Error(), "fetch it again")
	}
	top, err := filepath.EvalSymlinks(wt.Filesystem.Root())
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(top, dir)
	if err != nil {
		return nil, err
	}
	c := &checkout{repo: repo, head: head, dir: dir, prefix: filepath.ToSlash(rel)}
	if c.prefix == "." {
		c.prefix = ""
	}
	return c, nil
}

// name is a tracked file as the repository has it.
func (c *checkout) name(file string) string { return path.Join(c.prefix, file) }

// files gives the tracked files of the folder, by their path in it, as the commit
// has them. A symlink or a submodule among them is refused; names that lead out of
// the folder, or into .git, go-git refuses itself.
func (c *checkout) files() (map[string]blob, error) {
	tree, err := c.folder(c.head)
	if err != nil {
		return nil, refuse(Ancestry, "the commit has no folder "+c.prefix, err.Error(), "", "name the folder of the stack in the checkout")
	}
	walk := object.NewTreeWalker(tree, true, nil)
	defer walk.Close()
	out := map[string]blob{}
	left := int64(maxBytes)
	for {
		name, entry, err := walk.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, refuse(Ancestry, "the files of the commit cannot be read", err.Error(), "", "fetch it whole: fetch-depth: 0, no filter")
		}
		if entry.Mode == filemode.Dir {
			continue
		}
		if !entry.Mode.IsRegular() && entry.Mode != filemode.Executable && entry.Mode != filemode.Deprecated {
			return nil, refuse(Files, "a tracked file is no regular file: "+c.name(name), entry.Mode.String(), "", "replace the symlink or submodule by files")
		}
		b, err := c.blob(entry.Hash, left)
		if err != nil {
			return nil, refuse(Files, "a tracked file cannot be read: "+c.name(name), err.Error(), "", "keep large files out of the stack's folder")
		}
		b.mode = 0o644
		if entry.Mode == filemode.Executable {
			b.mode = 0o755
		}
		if left -= int64(len(b.data)); len(out) >= maxFiles {
			return nil, refuse(Files, "the stack's folder in the checkout has too many files", "", fmt.Sprintf("at most %d", maxFiles), "name the folder of the stack alone")
		}
		out[name] = b
	}
}

// folder is the tree of the folder at a commit.
func (c *checkout) folder(at *object.Commit) (*object.Tree, error) {
	tree, err := at.Tree()
	if err != nil || c.prefix == "" {
		return tree, err
	}
	return tree.Tree(c.prefix)
}

func (c *checkout) blob(h plumbing.Hash, limit int64) (blob, error) {
	o, err := c.repo.BlobObject(h)
	if err != nil {
		return blob{}, err
	}
	if o.Size > min(source.MaxSize, limit) {
		return blob{}, fmt.Errorf("%d bytes, which is too large", o.Size)
	}
	r, err := o.Reader()
	if err != nil {
		return blob{}, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return blob{data: data, hash: h}, err
}

// clean refuses a checkout whose tracked files are not those of its commit.
func (c *checkout) clean(files map[string]blob) error {
	dirty := func(name, how string) error {
		return refuse(Ancestry, "the checkout is not its commit: "+c.name(name)+" "+how, "", "", "commit the change, or check the commit out afresh")
	}
	index, err := c.repo.Storer.Index()
	if err != nil {
		return refuse(Ancestry, "the index of the checkout cannot be read", err.Error(), "", "check the repository out afresh")
	}
	skipped := map[string]bool{}
	staged := 0
	for _, e := range index.Entries {
		name, ok := strings.CutPrefix(e.Name, c.prefix+"/")
		if c.prefix == "" {
			name, ok = e.Name, true
		}
		if !ok {
			continue
		}
		staged++
		skipped[name] = e.SkipWorktree
		if b, tracked := files[name]; !tracked || b.hash != e.Hash {
			return dirty(name, "is staged with a change")
		}
	}
	for _, name := range sorted(files) {
		if _, ok := skipped[name]; !ok {
			return dirty(name, "is staged to be removed")
		}
		if skipped[name] {
			continue // a sparse checkout
		}
		f, err := readFile(filepath.Join(c.dir, name))
		if err != nil {
			return dirty(name, "is missing or no file")
		}
		if plumbing.ComputeHash(plumbing.BlobObject, f.Data) != files[name].hash && !sameLines(f.Data, files[name].data) {
			return dirty(name, "was changed")
		}
	}
	return nil
}

// sameLines reports whether two texts differ in their line breaks alone, as a
// checkout with eol=crlf does.
func sameLines(a, b []byte) bool {
	unix := func(s []byte) string { return strings.ReplaceAll(string(s), "\r\n", "\n") }
	return unix(a) == unix(b)
}
