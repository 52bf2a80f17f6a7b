package setup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
	"golang.org/x/tools/txtar"

	"github.com/belaystack/belay/lint"
)

// tree gives every file below dir with its text, and every folder with "/".
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, p)
		switch {
		case err != nil || rel == ".":
			return err
		case d.IsDir():
			got[rel] = "/"
			return nil
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

func TestWrite(t *testing.T) {
	files := []File{{"belay.yml", []byte("new")}, {".github/workflows/x.yml", []byte("new")}}
	written := map[string]string{"belay.yml": "new", ".github": "/", ".github/workflows": "/", ".github/workflows/x.yml": "new"}
	for name, test := range map[string]struct {
		repo  string
		force bool
		want  map[string]string // nil: as it was
		there []string
	}{
		"empty":            {"", false, written, nil},
		"all or nothing":   {"-- repo/.github/workflows/x.yml --\nold\n", false, nil, []string{".github/workflows/x.yml"}},
		"both there":       {"-- repo/belay.yml --\nold\n-- repo/.github/workflows/x.yml --\nold\n", false, nil, []string{"belay.yml", ".github/workflows/x.yml"}},
		"force":            {"-- repo/belay.yml --\nold\n", true, written, nil},
		"folder in place":  {"-- repo/belay.yml/file --\nold\n", true, nil, nil},
		"file as a folder": {"-- repo/.github --\nold\n", true, nil, nil},
		// The second file cannot be written: the first is taken back, or as it was.
		"taken back": {"-- repo/.github/workflows/.belay-init.tmp --\nbusy\n", false, nil, nil},
		"as it was":  {"-- repo/belay.yml --\nold\n-- repo/.github/workflows/.belay-init.tmp --\nbusy\n", true, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			root := repository(t, txtar.Parse([]byte(test.repo)))
			before := tree(t, root.Dir())
			err := Write(root, files, test.force)
			if (err == nil) != (test.want != nil) {
				t.Errorf("got error %v", err)
			}
			var exists *ExistsError
			if errors.As(err, &exists) != (test.there != nil) || exists != nil && !cmp.Equal(exists.Paths, test.there) {
				t.Errorf("got error %v; want %v there already", err, test.there)
			}
			want := test.want
			if want == nil {
				want = before
			}
			if d := cmp.Diff(want, tree(t, root.Dir())); d != "" {
				t.Error(d)
			}
		})
	}
}

// A .github that is a symlink out of the repository is not written through.
func TestWriteStaysInside(t *testing.T) {
	outside := t.TempDir()
	root := repository(t, &txtar.Archive{})
	if err := os.Symlink(outside, root.Abs(".github")); err != nil {
		t.Fatal(err)
	}
	if err := Write(root, []File{{"belay.yml", nil}, {".github/workflows/x.yml", nil}}, true); err == nil {
		t.Error("written through a symlink that leads outside")
	}
	if got := tree(t, outside); len(got) > 0 {
		t.Errorf("outside: %v", got)
	}
	if root.Exists("belay.yml") {
		t.Error("the first file was left")
	}
}

// With --force a symlink is not replaced by a file: what it names is the user's.
func TestWriteKeepsSymlinks(t *testing.T) {
	root := repository(t, txtar.Parse([]byte("-- repo/real.yml --\nold\n")))
	if err := os.Symlink("real.yml", root.Abs("belay.yml")); err != nil {
		t.Fatal(err)
	}
	if err := Write(root, []File{{"belay.yml", []byte("new")}}, true); err == nil {
		t.Error("a symlink was replaced")
	}
	if to, err := os.Readlink(root.Abs("belay.yml")); err != nil || to != "real.yml" {
		t.Errorf("got %q, %v", to, err)
	}
}

func TestLookFindsNothing(t *testing.T) {
	if _, err := Look(t.Context(), repository(t, &txtar.Archive{})); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestRenovateIsFound(t *testing.T) {
	compose := "-- repo/compose.yaml --\nservices: {}\n"
	for repo, want := range map[string]string{
		"":                               "",
		"-- repo/renovate.json --\n{}\n": "renovate.json",
		"-- repo/.renovaterc --\n{}\n":   ".renovaterc",
		"-- repo/package.json --\n{\"renovate\": {}}\n":       "package.json",
		"-- repo/package.json --\n{\"name\": \"renovate\"}\n": "",
		"-- repo/package.json --\nnot JSON\n":                 "",
		"-- repo/docs/renovate.json --\nof another program\n": "",
	} {
		found, err := Look(t.Context(), repository(t, txtar.Parse([]byte(compose+repo))))
		if err != nil || found.Renovate != want {
			t.Errorf("%q: got %q, %v; want %q", repo, found.Renovate, err, want)
		}
	}
}

func TestGuesses(t *testing.T) {
	for dir, want := range map[string]lint.Environment{".": lint.Prod, "docker": lint.Prod, "stacks/dev": lint.Dev, "n8n-local": lint.Dev, "devices": lint.Prod, "Test/x": lint.Dev} {
		if got := environment(dir); got != want {
			t.Errorf("environment of %s: %s, want %s", dir, got, want)
		}
	}
	for dir, want := range map[string]string{".": "main", "a/b c": "b-c", "环境": "main", "-x": "x", "a.b_c": "a.b_c"} {
		if got := stackName(dir); got != want {
			t.Errorf("name of %s: %s, want %s", dir, got, want)
		}
	}
	for text, want := range map[string]string{"a": "a", ".": ".", "on": `"on"`, "1": `"1"`, "a: b": `"a: b"`, "**/x": `"**/x"`, "a\nb": `"a\nb"`, "": `""`, "~": `"~"`} {
		if got := scalar(text); got != want {
			t.Errorf("%q as YAML: %s, want %s", text, got, want)
		}
	}
}

// FuzzScalar: whatever a folder is called, YAML reads the name back as text.
func FuzzScalar(f *testing.F) {
	for _, s := range []string{"", "a", "null", "a\x00b", "\u2028", "é", "\xff", "'", "#", "- a", "0x1", ".inf", "=", "<<"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return // YAML has no way to write it
		}
		var got string
		if err := yaml.Load([]byte(scalar(s)), &got); err != nil || got != s {
			t.Errorf("%q is written %s and read %q: %v", s, scalar(s), got, err)
		}
	})
}
