package tree

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func pack(t *testing.T, root string, opts Options) ([]byte, Summary) {
	t.Helper()
	var b bytes.Buffer
	c := NewCheck(&b)
	s, err := Pack(context.Background(), root, opts, c)
	must(t, err)
	if got, err := c.Summary(); err != nil || cmp.Diff(s, got) != "" {
		t.Fatalf("Check.Summary = %+v, %v; want %+v", got, err, s)
	}
	if got, err := Verify(context.Background(), bytes.NewReader(b.Bytes())); err != nil || cmp.Diff(s, got) != "" {
		t.Fatalf("Verify = %+v, %v; want %+v", got, err, s)
	}
	return b.Bytes(), s
}

func unpackTo(t *testing.T, root string, archive []byte) {
	t.Helper()
	if _, err := Unpack(context.Background(), root, bytes.NewReader(archive)); err != nil {
		t.Fatal(err)
	}
}

func hashOf(t *testing.T, root string) string {
	t.Helper()
	s, err := Hash(context.Background(), root, Options{})
	must(t, err)
	return s.Hash
}

func TestRoundTrip(t *testing.T) {
	needRoot(t)
	src, dst := t.TempDir(), t.TempDir()
	hardTree(t, src)
	before := look(t, src)
	archive, s := pack(t, src, Options{})
	if diff := cmp.Diff(before, look(t, src)); diff != "" {
		t.Errorf("packing changed the tree:\n%s", diff)
	}
	if got := hashOf(t, src); got != s.Hash {
		t.Errorf("Hash = %s, Pack says %s", got, s.Hash)
	}
	unpackTo(t, dst, archive)
	if diff := cmp.Diff(before, look(t, dst)); diff != "" {
		t.Errorf("the copy differs:\n%s", diff)
	}
	if got := hashOf(t, dst); got != s.Hash {
		t.Errorf("hash of the copy = %s, want %s", got, s.Hash)
	}
	if a, b := blocks(t, src), blocks(t, dst); b > a {
		t.Errorf("the copy takes %d blocks, the original %d: holes were filled", b, a)
	}
	if len(archive) > 4<<20 {
		t.Errorf("archive of %d bytes: holes were stored", len(archive))
	}
	again, _ := pack(t, dst, Options{})
	if !bytes.Equal(archive, again) {
		t.Error("the archive of the copy is another one")
	}
}

// GNU tar extracts the same tree, without a word.
func TestGNUTar(t *testing.T) {
	needRoot(t)
	src, dst := t.TempDir(), t.TempDir()
	hardTree(t, src)
	archive, _ := pack(t, src, Options{Exclude: []string{"nothing/**"}})
	cmd := exec.Command("tar", "--warning=no-timestamp", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", "-", "-C", dst)
	cmd.Stdin = bytes.NewReader(archive)
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	if diff := cmp.Diff(look(t, src), look(t, dst)); diff != "" {
		t.Errorf("what tar extracted differs:\n%s", diff)
	}
	if a, b := blocks(t, src), blocks(t, dst); b > a {
		t.Errorf("what tar extracted takes %d blocks, the original %d", b, a)
	}
}

// A socket is left out, counted, and gone after unpacking: nobody listens to it.
func TestSocket(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	must(t, syscall.Mknod(filepath.Join(src, "s"), syscall.S_IFSOCK|0o600, 0))
	must(t, syscall.Mknod(filepath.Join(dst, "old"), syscall.S_IFSOCK|0o600, 0))
	archive, s := pack(t, src, Options{})
	if s.Sockets != 1 || s.Entries != 1 {
		t.Errorf("summary = %+v", s)
	}
	unpackTo(t, dst, archive)
	if left, _ := os.ReadDir(dst); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// What a pattern leaves out is neither packed nor touched.
func TestExclude(t *testing.T) {
	src := t.TempDir()
	for _, d := range []string{"models/big", "cache", "data"} {
		must(t, os.MkdirAll(filepath.Join(src, d), 0o755))
	}
	write(t, filepath.Join(src, "models/big/x"), "large")
	write(t, filepath.Join(src, "cache/y"), "y")
	write(t, filepath.Join(src, "data/z.tmp"), "z")
	write(t, filepath.Join(src, "data/z"), "z")
	opts := Options{Exclude: []string{"models/*", "**/*.tmp"}}
	archive, s := pack(t, src, opts)
	if s.Excluded != 2 || s.Files != 2 || bytes.Contains(archive, []byte("large")) {
		t.Errorf("summary = %+v", s)
	}
	write(t, filepath.Join(src, "models/big/x"), "larger")
	write(t, filepath.Join(src, "data/later"), "l")
	write(t, filepath.Join(src, "data/later.tmp"), "l")
	unpackTo(t, src, archive)
	for name, want := range map[string]string{"models/big/x": "larger", "data/later.tmp": "l", "data/later": "", "data/z.tmp": "z"} {
		if got, _ := os.ReadFile(filepath.Join(src, name)); string(got) != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if got, err := Hash(context.Background(), src, opts); err != nil || got.Hash != s.Hash {
		t.Errorf("Hash = %s, %v; want %s", got.Hash, err, s.Hash)
	}
	if _, err := Hash(context.Background(), src, Options{Exclude: []string{"[a"}}); err == nil {
		t.Error("a pattern that is none was taken")
	}
}

// What is mounted in the tree is another tree: named, and not touched.
func TestMount(t *testing.T) {
	needRoot(t)
	src, other := t.TempDir(), t.TempDir()
	write(t, filepath.Join(other, "precious"), "p")
	write(t, filepath.Join(src, "own"), "o")
	archive, _ := pack(t, src, Options{})
	mount := func(p string) {
		must(t, os.MkdirAll(p, 0o755))
		must(t, unix.Mount(other, p, "", unix.MS_BIND, "")) // the same file system: no other device
		t.Cleanup(func() { _ = unix.Unmount(p, unix.MNT_DETACH) })
	}
	mount(filepath.Join(src, "mnt"))
	packed, s := pack(t, src, Options{})
	if s.Mounts != 1 || !cmp.Equal(s.Notes, []string{`mount "mnt"`}) || bytes.Contains(packed, []byte("precious")) {
		t.Errorf("summary = %+v", s)
	}
	unpackTo(t, src, archive)
	mount(filepath.Join(src, "later/mnt"))
	if _, err := Unpack(context.Background(), src, bytes.NewReader(archive)); err == nil || !strings.Contains(err.Error(), "mounted there") {
		t.Errorf("Unpack over a folder with a mount in it = %v", err)
	}
	if _, err := os.Stat(filepath.Join(other, "precious")); err != nil {
		t.Errorf("what is mounted was removed: %v", err)
	}
}
