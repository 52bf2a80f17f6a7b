package base

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/belaystack/belay/lint/source"
)

func TestHostileTrees(t *testing.T) {
	r := newRepo(t)
	blob := r.blob("image: x")
	outside := t.TempDir()
	write(t, filepath.Join(outside, "victim.yml"), "untouched")
	sub := r.tree(entry("victim.yml", filemode.Regular, blob))
	deep := sub
	for range maxDepth + 2 {
		deep = r.tree(entry("d", filemode.Dir, deep))
	}
	for name, test := range map[string]struct {
		tree plumbing.Hash
		want string
	}{
		"parent":            {r.tree(entry("..", filemode.Dir, sub)), "is no name for a file"},
		"dot":               {r.tree(entry(".", filemode.Dir, sub)), "is no name for a file"},
		"slash":             {r.tree(entry("../x.yml", filemode.Regular, blob)), "is no name for a file"},
		"absolute":          {r.tree(entry("/tmp/x.yml", filemode.Regular, blob)), "is no name for a file"},
		"git":               {r.tree(entry(".GIT", filemode.Dir, sub)), "is no name for a file"},
		"twice":             {r.tree(entry("x.yml", filemode.Regular, blob), entry("x.yml", filemode.Regular, blob)), "file exists"},
		"link and folder":   {r.tree(entry("d", filemode.Symlink, r.blob(outside)), entry("d", filemode.Dir, sub)), "file exists"},
		"deep":              {deep, "nested more than"},
		"missing":           {r.tree(entry("x.yml", filemode.Regular, plumbing.NewHash(strings.Repeat("ab", 20)))), "is not in this clone"},
		"blob as tree":      {r.tree(entry("x", filemode.Dir, blob)), "cannot be read"},
		"newline in a name": {r.tree(entry("a\n::error::x.yml", filemode.Regular, blob), entry("a\n::error::x.yml", filemode.Regular, blob)), `a\n::error`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := files(t, r.dir, Options{Ref: r.commitTree(test.tree).String()})
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v; want %q", err, test.want)
			}
		})
	}
	if b, _ := os.ReadFile(filepath.Join(outside, "victim.yml")); string(b) != "untouched" {
		t.Errorf("a file outside was written: %q", b)
	}
}

// A tree that holds the same tree twice, thirty levels deep, has a thousand
// million folders in thirty objects.
func TestLimits(t *testing.T) {
	r := newRepo(t)
	bomb := r.tree(entry("x.md", filemode.Regular, r.blob("x")))
	for range 30 {
		bomb = r.tree(entry("a", filemode.Dir, bomb), entry("b", filemode.Dir, bomb))
	}
	for want, tree := range map[string]plumbing.Hash{
		"more than 1000 files and folders": bomb,
		"more than 20 compose":             r.tree(numbered(21, filemode.Regular, r.blob(""))...),
		"more than 100 bytes together":     r.tree(numbered(11, filemode.Regular, r.blob("0123456789"))...),
		"":                                 r.tree(numbered(10, filemode.Regular, r.blob("0123456789"))...),
	} {
		repo, err := openRepository(r.dir)
		if err != nil {
			t.Fatal(err)
		}
		repo.limits = limits{files: 20, bytes: 100, entries: 1000}
		c, err := repo.resolve(r.commitTree(tree).String())
		if err != nil {
			t.Fatal(err)
		}
		temp := t.TempDir()
		b, err := repo.materialise(t.Context(), c, Options{Temp: temp})
		if err == nil && want == "" {
			err = b.Close()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v; want %q", err, want)
		}
		if left, _ := os.ReadDir(temp); len(left) > 0 {
			t.Errorf("%q: files left", want)
		}
		repo.close()
	}
}

func TestLinksSubmodulesAndLargeFiles(t *testing.T) {
	r := newRepo(t)
	blob := r.blob("image: x")
	c := r.commitTree(r.tree(
		entry("compose.yaml", filemode.Symlink, r.blob("real/compose.yaml")),
		entry("escape.yml", filemode.Symlink, r.blob("/proc/self/environ")),
		entry("exec.yml", filemode.Executable, blob),
		entry("large.yml", filemode.Regular, r.blob(strings.Repeat("x", source.MaxSize+1))),
		entry("module", filemode.Submodule, plumbing.NewHash(strings.Repeat("cd", 20))),
		entry("real", filemode.Dir, r.tree(entry("compose.yaml", filemode.Regular, blob))),
	))
	b, err := Open(t.Context(), openRoot(t, r.dir), Options{Ref: c.String(), Temp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if f, err := b.Root.Read("compose.yaml"); err != nil || string(f.Data) != "image: x" {
		t.Errorf("through the link: %v", err)
	}
	if _, err := b.Root.Read("escape.yml"); !errors.Is(err, source.ErrOutside) {
		t.Errorf("escape.yml: got %v; want outside", err)
	}
	if _, err := b.Root.Read("large.yml"); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("large.yml: got %v; want its size", err)
	}
	if _, err := os.Lstat(b.Root.Abs("module")); err == nil {
		t.Error("a submodule was written")
	}
	if b.Commit != c.String() {
		t.Errorf("Commit %s, want %s", b.Commit, c)
	}
}

// numbered gives n entries of the same content.
func numbered(n int, mode filemode.FileMode, h plumbing.Hash) []object.TreeEntry {
	var out []object.TreeEntry
	for i := range n {
		out = append(out, entry(fmt.Sprintf("%05d.yml", i), mode, h))
	}
	return out
}

// A blob of zeros takes a thousandth of its size in .git: it must not be
// unpacked to learn that it is too large.
func TestLargeBlobIsNotUnpacked(t *testing.T) {
	r := newRepo(t)
	c := r.commitTree(r.tree(entry("bomb.yml", filemode.Regular, r.blob(strings.Repeat("\x00", 96<<20)))))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := files(t, r.dir, Options{Ref: c.String()}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 48<<20 {
		t.Errorf("%d MB allocated", n>>20)
	}
}
