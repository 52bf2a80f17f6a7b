package source

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestPositions(t *testing.T) {
	f := New("a", []byte("\ufeffab\r\n名x\ry\n"))
	for _, tt := range []struct {
		offset int
		want   string
	}{{0, "a:1:1"}, {3, "a:1:1"}, {4, "a:1:2"}, {7, "a:2:1"}, {10, "a:2:2"}, {12, "a:3:1"}, {14, "a:4:1"}, {99, "a:4:1"}, {-1, "a:1:1"}} {
		if got := f.At(tt.offset, 0).String(); got != tt.want {
			t.Errorf("offset %d: %s, want %s", tt.offset, got, tt.want)
		}
	}
	if got := f.Line(2); got != "名x" || f.Lines() != 3 || f.Line(9) != "" {
		t.Errorf("line 2 is %q of %d lines", got, f.Lines())
	}
	if got := f.At(12, 50).Len; got != 2 {
		t.Errorf("a span past the end has length %d", got)
	}
}

func TestRootConfines(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	repo := filepath.Join(dir, "repo")
	os.MkdirAll(filepath.Join(repo, "sub"), 0o755)
	os.WriteFile(outside, []byte("secret"), 0o644)
	os.WriteFile(filepath.Join(repo, "a"), []byte("text"), 0o644)
	os.WriteFile(filepath.Join(repo, "big"), make([]byte, MaxSize+1), 0o644)
	os.WriteFile(filepath.Join(repo, "binary"), []byte("x\x00"), 0o644)
	os.Symlink("../a", filepath.Join(repo, "sub", "in"))
	os.Symlink("../outside", filepath.Join(repo, "out"))
	os.Symlink("/proc/self/environ", filepath.Join(repo, "environ"))
	os.Symlink("gone", filepath.Join(repo, "dangling"))
	syscall.Mkfifo(filepath.Join(repo, "pipe"), 0o644)
	root, err := OpenRoot(repo)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, tt := range []struct {
		name string
		is   error
		msg  string
	}{
		{"a", nil, ""},
		{"sub/../a", nil, ""},
		{filepath.Join(repo, "a"), nil, ""},
		{"sub/in", nil, ""},
		{"none", fs.ErrNotExist, "no such file"},
		{"dangling", fs.ErrNotExist, "no such file"},
		{"../outside", ErrOutside, "outside the repository"},
		{outside, ErrOutside, "outside the repository"},
		{"/etc/passwd", ErrOutside, "outside the repository"},
		{"out", ErrOutside, "the symlink leads outside"},
		{"environ", ErrOutside, "the symlink leads outside"},
		{"sub", fs.ErrInvalid, "a folder"},
		{"pipe", fs.ErrInvalid, "a pipe"},
		{"big", fs.ErrInvalid, "at most 8388608 are read"},
		{"binary", fs.ErrInvalid, "a NUL byte"},
	} {
		_, err := root.Read(tt.name)
		if !errors.Is(err, tt.is) || err != nil && !strings.Contains(err.Error(), tt.msg) {
			t.Errorf("%s: %v", tt.name, err)
		}
		var at *Error
		if err != nil && (!errors.As(err, &at) || at.Pos.Line < 1) {
			t.Errorf("%s: no position in %v", tt.name, err)
		}
		if root.Exists(tt.name) != (err == nil || tt.name == "big" || tt.name == "binary") {
			t.Errorf("%s: Exists is %v", tt.name, root.Exists(tt.name))
		}
	}
	for name, want := range map[string]bool{"out": true, "dangling": true, "none": false} {
		if root.Present(name) != want {
			t.Errorf("%s: Present is %v", name, !want)
		}
	}
}

func TestInstead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Instead(filepath.Join(r.Dir(), "a"), []byte("new")); err != nil {
		t.Fatal(err)
	}
	if f, err := r.Read("./a"); err != nil || string(f.Data) != "new" {
		t.Errorf("%v, %v", f, err)
	}
	if err := r.Instead("/elsewhere", nil); !errors.Is(err, ErrOutside) {
		t.Error(err)
	}
}

func TestApply(t *testing.T) {
	at := func(offset int, old, new string) Edit { return Edit{Pos: Pos{"a", 1, 1, offset}, Old: old, New: new} }
	for _, tt := range []struct {
		name  string
		edits []Edit
		want  string
		err   string
	}{
		{"in any order", []Edit{at(4, "two", "2"), at(0, "one", "1")}, "1 2", ""},
		{"the same one twice", []Edit{at(0, "one", "1"), at(0, "one", "1")}, "1 two", ""},
		{"insertion", []Edit{at(3, "", "!")}, "one! two", ""},
		{"overlap", []Edit{at(0, "one", "1"), at(2, "e", "x")}, "", "two repairs touch the same place"},
		{"stale", []Edit{at(0, "uno", "1")}, "", "the file changed"},
		{"past the end", []Edit{at(6, "oo", "1")}, "", "the file changed"},
	} {
		got, err := Apply([]byte("one two"), tt.edits)
		if string(got) != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	name, link := filepath.Join(dir, "a"), filepath.Join(dir, "link")
	os.WriteFile(name, []byte("old"), 0o644)
	os.Chmod(name, 0o640)
	os.Chown(name, 12, 34)
	os.Symlink("a", link)
	if err := Replace(link, []byte("old"), []byte("new")); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(name)
	info, _ := os.Stat(name)
	if string(data) != "new" || info.Mode() != 0o640 {
		t.Errorf("%q, mode %v", data, info.Mode())
	}
	if st := info.Sys().(*syscall.Stat_t); os.Geteuid() == 0 && (st.Uid != 12 || st.Gid != 34) {
		t.Errorf("owner %d:%d", st.Uid, st.Gid)
	}
	if l, err := os.Readlink(link); l != "a" || err != nil {
		t.Errorf("the symlink became %q (%v)", l, err)
	}
	if err := Replace(name, []byte("old"), []byte("newer")); err == nil {
		t.Error("a file that changed meanwhile was replaced")
	}
	if err := Create(name, []byte("x"), 0o644, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create over a file: %v", err)
	}
	if err := Create(link, []byte("x"), 0o644, true); err == nil {
		t.Error("a symlink was followed or replaced")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".belay-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestOutput: --output /dev/null must not put a file in the place of the device.
func TestOutput(t *testing.T) {
	dir := t.TempDir()
	name, link, pipe := filepath.Join(dir, "a"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	for _, text := range []string{"one", "two"} {
		if err := Output(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if data, _ := os.ReadFile(name); string(data) != text {
			t.Errorf("%q, want %q", data, text)
		}
	}
	os.Symlink("a", link)
	if err := Output(link, []byte("three")); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(name); string(data) != "three" {
		t.Errorf("through a symlink: %q", data)
	}
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		data, _ := os.ReadFile(pipe)
		got <- string(data)
	}()
	if err := Output(pipe, []byte("four")); err != nil {
		t.Fatal(err)
	}
	if text := <-got; text != "four" {
		t.Errorf("through a pipe: %q", text)
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the pipe became %v (%v)", info.Mode(), err)
	}
	if err := Output(filepath.Join(dir, "no", "such"), nil); err == nil {
		t.Error("a folder that is not there")
	}
}
