package steps

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A Belay that was killed between writing a file of the stack and putting it in place
// left .belay-1234 in the user's folder for ever.
func TestNothingUnfinishedStays(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(path string) error
		want string // content; "" for no file
	}{
		{"written again", func(path string) error { return replace(path, []byte("new"), 0o644, -1, -1) }, "new"},
		{"through a link", func(path string) error {
			if err := os.Symlink(path, path+".link"); err != nil {
				return err
			}
			return replace(path+".link", []byte("new"), 0o644, -1, -1)
		}, "new"},
		{"right as it is", func(path string) error {
			return (&applyFiles{&Host{}}).set(kept{Path: path}, "old", hash([]byte("old")))
		}, "old"},
		{"to be removed", func(path string) error { return (&applyFiles{&Host{}}).set(kept{Path: path}, "old", "") }, ""},
	} {
		path := filepath.Join(t.TempDir(), "compose.yaml")
		for name, text := range map[string]string{path: "old", temporary(path): "half"} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.do(path); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if _, err := os.Lstat(temporary(path)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: what was not finished is still there: %v", c.name, err)
		}
		if got, err := os.ReadFile(path); string(got) != c.want || (c.want == "") != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

// Folders that were made for files of the new version stayed when those were taken away.
func TestNewFoldersGoAgain(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	h := &Host{Spec: Spec{State: state, Run: "r", Files: []File{{Path: filepath.Join(dir, "a/b/c"), New: hash([]byte("new"))}, {Path: filepath.Join(dir, "a/d"), New: hash([]byte("new"))}}}}
	if err := os.MkdirAll(h.folder("files", "new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.folder("files", "new", hash([]byte("new"))), []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	var a applied
	for _, f := range h.Spec.Files {
		a.Files = append(a.Files, kept{Path: f.Path, Mode: 0o644, UID: -1, GID: -1, Below: nearest(f.Path)})
	}
	for _, stranger := range []bool{false, true} {
		if err := (&applyFiles{h}).files(a, "new"); err != nil {
			t.Fatal(err)
		}
		if stranger {
			if err := os.WriteFile(filepath.Join(dir, "a/own"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // the second after a process that died
			if err := (&applyFiles{h}).files(a, "old"); err != nil {
				t.Fatal(err)
			}
		}
		left, err := filepath.Glob(filepath.Join(dir, "*/*"))
		if _, there := os.Stat(filepath.Join(dir, "a")); err != nil || (there == nil) != stranger || len(left) > 1 {
			t.Errorf("with a file of somebody else: %t: left %v, a: %v", stranger, left, there)
		}
	}
}

// A Belay that was killed while it copied .env left the half of it in the run's folder.
func TestDropUnfinished(t *testing.T) {
	run := t.TempDir()
	kept := filepath.Join(run, "files", "kept")
	if err := os.MkdirAll(filepath.Join(kept, ".belay-folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(kept, hash([]byte("new")))
	for _, path := range []string{copied, temporary(copied), filepath.Join(run, "journal")} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := DropUnfinished(run); err != nil {
		t.Fatal(err)
	}
	var left []string
	err := filepath.WalkDir(run, func(path string, _ fs.DirEntry, err error) error {
		left = append(left, filepath.Base(path))
		return err
	})
	if want := []string{filepath.Base(run), "files", "kept", ".belay-folder", filepath.Base(copied), "journal"}; err != nil || !slices.Equal(left, want) {
		t.Errorf("%q, %v", left, err)
	}
}

// A file that Belay wrote a new data volume into, with the new image in it by hand, is
// neither the old nor the new one when the run begins.
func TestFilesTheRunKnows(t *testing.T) {
	f := File{Old: "a", New: "b", Now: "c"}
	for hash, want := range map[string]bool{"a": true, "b": true, "c": true, "d": false, "": false} {
		if f.is(hash) != want {
			t.Errorf("%q: %t", hash, !want)
		}
	}
	if (File{Old: "a", New: "b"}).is("") || !(File{New: "b"}).is("") {
		t.Error("a file that is gone")
	}
}
