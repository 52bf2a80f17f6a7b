package backup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// mounted is a small file system of its own; it needs root, and
// BELAY_TEST_REQUIRE=root makes its lack an error.
func mounted(t *testing.T, flags uintptr, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		if slices.Contains(strings.Split(os.Getenv("BELAY_TEST_REQUIRE"), ","), "root") {
			t.Fatal("root is needed to mount a file system")
		}
		t.Skip("root is needed to mount a file system")
	}
	dir := t.TempDir()
	check(t, unix.Mount("tmpfs", dir, "tmpfs", flags, "mode=0700,"+options))
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func TestReadOnly(t *testing.T) {
	dir := mounted(t, unix.MS_RDONLY, "size=1m")
	for _, path := range []string{dir, filepath.Join(dir, "sub")} {
		err := (&Store{Dir: path}).Check()
		var folder *FolderError
		if !errors.As(err, &folder) || !errors.Is(err, unix.EROFS) {
			t.Errorf("Check(%s) = %v", path, err)
		}
	}
}

// A full file system ends a content, and the manifest too: neither is left, and
// what was is gone after Abort.
func TestFull(t *testing.T) {
	dir := mounted(t, 0, "size=1m")
	s := &Store{Dir: filepath.Join(dir, "b")}
	w, err := s.Create("b1")
	check(t, err)
	c, err := w.Add(KindVolume)
	check(t, err)
	_, err = c.Write(noise(4 << 20))
	if err := c.CloseWithError(err); !isFull(err) {
		t.Errorf("a content: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Join(s.Dir, "b1")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	name := add(t, w, KindVolume, noise(900<<10))
	big := Detail{Volumes: []Volume{{Content: name, Source: strings.Repeat("s", 1<<20)}}}
	if _, err := w.Commit(Manifest{Detail: &big}); !isFull(err) {
		t.Errorf("Commit: %v", err)
	}
	var incomplete *IncompleteError
	if _, err := s.Open("b1"); !errors.As(err, &incomplete) {
		t.Errorf("Open: %v", err)
	}
	check(t, w.Abort())
	if left, _ := os.ReadDir(s.Dir); len(left) != 0 {
		t.Errorf("left after Abort: %v", left)
	}
}

func isFull(err error) bool {
	var space *SpaceError
	return errors.As(err, &space) && errors.Is(err, unix.ENOSPC)
}
