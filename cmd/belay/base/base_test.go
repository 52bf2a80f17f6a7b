package base

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/lint/source"
)

// list gives the files and links of root with their text.
func list(t testing.TB, root *source.Root) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(root.Dir(), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(root.Dir(), p)
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(p)
			got[rel] = "-> " + target
			return err
		}
		b, err := os.ReadFile(p)
		got[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// files opens ref in dir and gives the files, after checking that Close leaves nothing.
func files(t *testing.T, dir string, o Options) (map[string]string, error) {
	t.Helper()
	o.Temp = t.TempDir()
	b, err := Open(t.Context(), openRoot(t, dir), o)
	var got map[string]string
	if err == nil {
		got = list(t, b.Root)
		if b.temp != "" {
			if info, err := os.Stat(b.temp); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("temporary folder: %v, %v; want mode 0700", info.Mode(), err)
			}
		}
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	left, _ := os.ReadDir(o.Temp)
	if len(left) > 0 {
		t.Errorf("%d files left in the temporary folder", len(left))
	}
	return got, err
}

func TestOpenRef(t *testing.T) {
	r := newRepo(t)
	first := r.commit("compose.yaml", "one", "app/.env.example", "A=1", "README.md", "no", "app/main.go", "no", "belay.yml", "version: 1", "deploy/stack.tmpl", "also")
	tag, err := r.repo.CreateTag("v1", first, &git.CreateTagOptions{Tagger: r.author(), Message: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	r.setRef("refs/remotes/origin/main", first)
	r.setRef("refs/remotes/origin/release", first)
	second := r.commit("compose.yaml", "two")
	r.setRef("refs/heads/feature/x", second)

	one := map[string]string{"compose.yaml": "one", "app/.env.example": "A=1", "belay.yml": "version: 1"}
	two := map[string]string{"compose.yaml": "two", "app/.env.example": "A=1", "belay.yml": "version: 1"}
	for ref, want := range map[string]map[string]string{
		"HEAD": two, "@": two, "HEAD~1": one, "HEAD^": one, "HEAD~": one, "HEAD^1": one, "HEAD^0": two, "HEAD~0^": one, "master": two, "feature/x": two,
		"feature/x~1": one, "v1": one, tag.Name().String(): one, "refs/tags/v1": one, tag.Hash().String(): one,
		first.String(): one, second.String()[:9]: two, first.String()[:12]: one, strings.ToUpper(first.String()): one,
		"origin/main": one, "release": one, "remotes/origin/main": one,
	} {
		got, err := files(t, r.dir, Options{Ref: ref})
		if err != nil {
			t.Errorf("%s: %v", ref, err)
		} else if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s:\n%s", ref, d)
		}
	}
	got, err := files(t, r.dir, Options{Ref: "HEAD", Also: []string{"./deploy/stack.tmpl", "absent.txt"}})
	if err != nil || got["deploy/stack.tmpl"] != "also" {
		t.Errorf("Also: %v %v", got, err)
	}
}

func TestOpenRefErrors(t *testing.T) {
	r := newRepo(t)
	r.commit("compose.yaml", "one")
	write(t, filepath.Join(r.dir, "old", "compose.yaml"), "folder")
	t.Chdir(r.dir)
	for ref, want := range map[string][2]string{
		"nothing":     {"no such branch, tag or commit", "git fetch origin nothing"},
		"a b;rm":      {"no such branch, tag or commit", "git fetch origin THE-REF"},
		"old":         {"no such branch, tag or commit", "write ./old for the folder"},
		"HEAD~1":      {"has 0 parents", ""},
		"HEAD^2":      {"has 0 parents", ""},
		"HEAD~99999":  {"not a ref that is understood", "give a branch"},
		"HEAD^{/x}":   {"not a ref that is understood", "give a branch"},
		"HEAD~1x":     {"not a ref that is understood", "give a branch"},
		"HEAD@{1}":    {"no such branch", ""},
		"../absent":   {"no such folder", ""},
		"config":      {"no such branch", ""}, // a file of .git, not a ref
		"":            {"no such branch", ""},
		"^":           {"no such branch", ""},
		"../../etc~1": {"no such folder", ""},
		"deadbeefdeadbeefdeadbeefdeadbeefdeadbeef": {"object deadbeefdead is not in this clone", "git fetch origin"},
	} {
		_, err := files(t, r.dir, Options{Ref: ref})
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), want[0]) || !strings.Contains(e.Hint(), want[1]) {
			t.Errorf("%q: got %v, hint %q; want %q", ref, err, hint(err), want)
		}
	}
}

func hint(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Next
	}
	return ""
}

// A pull request that adds a folder named like its base branch must not be
// compared with that folder.
func TestFolderDoesNotShadowRef(t *testing.T) {
	r := newRepo(t)
	r.commit("compose.yaml", "true base")
	r.setRef("refs/heads/main", r.commit())
	write(t, filepath.Join(r.dir, "main", "compose.yaml"), "planted")
	t.Chdir(r.dir)
	got, err := files(t, r.dir, Options{Ref: "main"})
	if err != nil || got["compose.yaml"] != "true base" {
		t.Errorf("got %v, %v", got, err)
	}
	got, err = files(t, r.dir, Options{Ref: "./main"})
	if err != nil || got["compose.yaml"] != "planted" {
		t.Errorf("./main: got %v, %v", got, err)
	}
}

func TestOpenFolderOutsideOfGit(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "base", "compose.yaml"), "folder")
	t.Chdir(dir)
	for _, ref := range []string{"base", "./base", filepath.Join(dir, "base")} {
		got, err := files(t, dir, Options{Ref: ref, MergeBase: true})
		if err != nil || got["compose.yaml"] != "folder" {
			t.Errorf("%s: got %v, %v", ref, got, err)
		}
	}
	if _, err := files(t, dir, Options{Ref: "absent"}); hint(err) == "" {
		t.Errorf("absent: %v", err)
	}
}

func TestSubfolder(t *testing.T) {
	r := newRepo(t)
	r.commit("compose.yaml", "outside", "deploy/prod/compose.yaml", "one")
	write(t, filepath.Join(r.dir, "new", "compose.yaml"), "two")
	got, err := files(t, filepath.Join(r.dir, "deploy"), Options{Ref: "HEAD"})
	if d := cmp.Diff(map[string]string{"prod/compose.yaml": "one"}, got); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	got, err = files(t, filepath.Join(r.dir, "new"), Options{Ref: "HEAD"})
	if err != nil || len(got) != 0 {
		t.Errorf("a folder that is new has an empty base: %v, %v", got, err)
	}
}

func TestCancelled(t *testing.T) {
	r := newRepo(t)
	r.commit("compose.yaml", "one")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	temp := t.TempDir()
	if _, err := Open(ctx, openRoot(t, r.dir), Options{Ref: "HEAD", Temp: temp}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Error("a cancelled Open left files")
	}
}
