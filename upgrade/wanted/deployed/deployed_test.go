package deployed

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRecord: what is written is read again, by nobody else, and the bytes with it.
func TestRecord(t *testing.T) {
	state := t.TempDir()
	if _, err := Read(state); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("nothing deployed: %v", err)
	}
	dir := filepath.Join(state, "runs", "r1", "files", "new")
	sum, err := Keep(dir, []byte("services: {}\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := &Record{Run: "r1", Time: time.Unix(5, 0).UTC(), Commit: "abc", Images: map[string]Image{"a": {Ref: "redis:7", ID: "sha256:1"}},
		Files: []File{{Path: "/b"}, {Path: "/a", SHA256: sum, Mode: 0o644, UID: 1, GID: 2, Checkout: true}}}
	if err := r.Write(state); err != nil {
		t.Fatal(err)
	}
	got, err := Read(state)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, got); diff != "" || got.Files[0].Path != "/a" {
		t.Error(diff)
	}
	for _, path := range []string{filepath.Join(state, Name), filepath.Join(dir, sum)} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", path, info, err)
		}
	}
	f, ok := got.File("/a")
	if data, err := got.Bytes(state, f); !ok || err != nil || string(data) != "services: {}\n" {
		t.Errorf("%q %v", data, err)
	}
	if err := got.Update(state, "/a", []byte("# record\nservices: {}\n")); err != nil {
		t.Fatal(err)
	}
	f, _ = got.File("/a")
	if data, err := got.Bytes(state, f); err != nil || string(data) != "# record\nservices: {}\n" {
		t.Errorf("%q %v", data, err)
	}
}

// TestRefused: damage is told from nothing.
func TestRefused(t *testing.T) {
	for name, text := range map[string]string{"cut": `{"version":1,"run":"r`, "newer": `{"version":2,"run":"r"}`, "no run": `{"version":1}`, "a run that is a path": `{"version":1,"run":"../x"}`} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			if err := os.WriteFile(filepath.Join(state, Name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if r, err := Read(state); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%+v %v", r, err)
			}
		})
	}
	state := t.TempDir()
	r := &Record{Run: "r1"}
	sum, err := Keep(filepath.Join(state, "runs", "r1", "files", "new"), []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(state, "runs", "r1", "files", "new", sum), []byte("y"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sum := range []string{sum, "../../../../etc/passwd", ""} {
		if data, err := r.Bytes(state, File{SHA256: sum}); err == nil {
			t.Errorf("%q: %q", sum, data)
		}
	}
	// Keep mends a copy that is not whole.
	if _, err := Keep(filepath.Join(state, "runs", "r1", "files", "new"), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if data, err := r.Bytes(state, File{SHA256: sum}); err != nil || string(data) != "x" {
		t.Errorf("%q %v", data, err)
	}
}
