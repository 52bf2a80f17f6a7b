package wanted

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// clone is the work tree of the repository that a stack is kept in, below docker/.
type clone struct {
	t    *testing.T
	dir  string
	repo *git.Repository
	n    int
}

func newClone(t *testing.T, files map[string]string) *clone {
	dir := t.TempDir()
	repo, err := git.PlainInit(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	c := &clone{t: t, dir: dir, repo: repo}
	c.commit(files)
	return c
}

// commit commits files of the folder docker; "" removes one.
func (c *clone) commit(files map[string]string) string {
	c.t.Helper()
	wt, err := c.repo.Worktree()
	if err != nil {
		c.t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join("docker", name)
		if text == "" {
			_, err = wt.Remove(path)
		} else {
			writeFiles(c.t, filepath.Join(c.dir, "docker"), map[string]string{name: text})
			_, err = wt.Add(path)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	c.n++
	h, err := wt.Commit("change", &git.CommitOptions{AllowEmptyCommits: true,
		Author: &object.Signature{Name: "a", Email: "a@example.org", When: time.Unix(int64(1e9+c.n), 0)}})
	if err != nil {
		c.t.Fatal(err)
	}
	return h.String()
}

func (c *clone) mode() Mode { return Mode{From: &From{Dir: filepath.Join(c.dir, "docker")}} }

// TestUnsafeTree: objects that were packed by hand can name what git would refuse.
func TestUnsafeTree(t *testing.T) {
	for _, name := range []string{"..", ".git"} {
		c := newClone(t, map[string]string{"a": "a\n"})
		store := c.repo.Storer
		o := store.NewEncodedObject()
		o.SetType(plumbing.BlobObject)
		blob, err := store.SetEncodedObject(o)
		if err != nil {
			t.Fatal(err)
		}
		put := func(mode, name string, h plumbing.Hash) plumbing.Hash {
			o := store.NewEncodedObject()
			o.SetType(plumbing.TreeObject)
			w, err := o.Writer()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(append([]byte(mode+" "+name+"\x00"), h[:]...)); err != nil {
				t.Fatal(err)
			}
			w.Close()
			h, err = store.SetEncodedObject(o)
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		tree := put("40000", "docker", put("40000", name, put("100644", "x", blob)))
		at, err := openCheckout(filepath.Join(c.dir, "docker"))
		if err != nil {
			t.Fatal(err)
		}
		at.head.TreeHash = tree
		files, err := at.files()
		if err == nil {
			t.Fatalf("%s: %v", name, files)
		}
		refused(t, err, Ancestry, "invalid path")
	}
}
