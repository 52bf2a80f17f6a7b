package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
)

var created = time.Date(2026, 11, 22, 3, 15, 0, 123, time.UTC)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// add stores a content and gives its name.
func add(t testing.TB, w *Writer, kind Kind, data []byte) string {
	t.Helper()
	c, err := w.Add(kind)
	check(t, err)
	_, err = io.Copy(c, bytes.NewReader(data))
	check(t, err)
	check(t, c.Close())
	return c.Name()
}

// noise is what does not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// makeBackup makes a backup of a database, its globals, a volume of two services and
// the files, with size bytes of noise in all kind.
func makeBackup(t testing.TB, s *Store, id string, size int) (sum string, want Manifest, data map[string][]byte) {
	t.Helper()
	w, err := s.Create(id)
	check(t, err)
	d := Detail{
		Moment:   Moment{Consistent: true, Halted: created},
		Engine:   json.RawMessage(`{"version":"28.5.1"}`),
		Services: []Service{{Name: "db", Image: "postgres:17", ImageID: "sha256:abc"}},
		Commands: []Command{{Name: "s3", Exit: 0, Duration: time.Second, Output: "copied <b>"}},
		Excludes: []string{"**/*.tmp"},
	}
	data = map[string][]byte{}
	store := func(kind Kind, b []byte) string {
		name := add(t, w, kind, b)
		data[name] = b
		return name
	}
	d.Databases = []Database{{Service: "db", Name: "../secretive", Server: "17.5", Definition: json.RawMessage(`{"owner":"x"}`), Content: store(KindDatabase, noise(size/2))}}
	d.Globals = []Globals{{Service: "db", Content: store(KindGlobals, []byte("CREATE ROLE canary;"))}}
	vol := store(KindVolume, append(noise(size/4), bytes.Repeat([]byte("canary"), 1000)...))
	d.Volumes = []Volume{
		{Service: "api", Destination: "/data", Type: "volume", Name: "p_data", Tree: "t", Content: vol},
		{Service: "worker", Destination: "/data", Type: "volume", Name: "p_data", Tree: "t", Content: vol},
	}
	d.Files = []File{{Path: ".env", Mode: 0o600, SHA256: strings.Repeat("0", 64)}}
	d.FilesIn = store(KindFiles, noise(size/4))
	want = Manifest{Run: "run", Project: "p", Created: created, Belay: "dev", Detail: &d}
	sum, err = w.Commit(want)
	check(t, err)
	return sum, want, data
}

func identity(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	check(t, err)
	return id
}

func TestStore(t *testing.T) {
	key := identity(t)
	for name, s := range map[string]*Store{
		"mask 0777": {Dir: filepath.Join(t.TempDir(), "new/backups")},
		"clear":     {Dir: filepath.Join(t.TempDir(), "backups")},
		"age":       {Dir: filepath.Join(t.TempDir(), "backups"), Recipients: []age.Recipient{key.Recipient()}, Identities: []age.Identity{key}},
	} {
		t.Run(name, func(t *testing.T) {
			mask := 0
			if name == "mask 0777" {
				mask = 0o777
			}
			old := syscall.Umask(mask)
			defer syscall.Umask(old)
			sum, want, data := makeBackup(t, s, "b1", 64<<10)
			b, err := s.Open("b1")
			check(t, err)
			if b.Checksum != sum {
				t.Errorf("checksum = %s, Commit said %s", b.Checksum, sum)
			}
			d, err := b.Details()
			check(t, err)
			d.Plain = nil
			if diff := cmp.Diff(want.Detail, d, cmp.Transformer("compact", compact)); diff != "" {
				t.Errorf("detail:\n%s", diff)
			}
			b, err = s.Open("b1")
			check(t, err)
			v, err := b.Verify(context.Background())
			if err != nil || !v.Opened || v.Contents != len(b.Contents) || v.Plain < 64<<10 {
				t.Errorf("Verify = %+v, %v", v, err)
			}
			for name, want := range data {
				r, err := b.Reader(name)
				check(t, err)
				got, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(want))
				}
				check(t, r.Close())
			}
			if _, err := b.Reader("../../etc/passwd"); err == nil {
				t.Error("Reader took a name that is not in the manifest")
			}
			checkModes(t, s.Dir)
		})
	}
}

func compact(m json.RawMessage) string {
	var b bytes.Buffer
	_ = json.Compact(&b, m)
	return b.String()
}

// checkModes wants everything to be the owner's alone.
func checkModes(t *testing.T, dir string) {
	t.Helper()
	check(t, filepath.Walk(dir, func(path string, fi os.FileInfo, err error) error {
		want := os.FileMode(0o600)
		if fi.IsDir() {
			want = 0o700
		}
		if fi.Mode().Perm() != want {
			t.Errorf("%s has mode %o", path, fi.Mode().Perm())
		}
		return err
	}))
}

// A source that fails leaves no content, and a writer that is not committed no backup.
func TestSourceFails(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "b")}
	w, err := s.Create("b1")
	check(t, err)
	c, err := w.Add(KindDatabase)
	check(t, err)
	_, _ = c.Write(noise(1 << 20))
	if _, err := w.Add(KindGlobals); err == nil {
		t.Error("Add took a second content while one is open")
	}
	if _, err := w.Commit(Manifest{Detail: &Detail{}}); err == nil {
		t.Error("Commit took a content that is open")
	}
	cause := errors.New("pg_dump: exit code 1")
	if err := c.CloseWithError(cause); !errors.Is(err, cause) {
		t.Errorf("CloseWithError = %v", err)
	}
	if left, _ := os.ReadDir(filepath.Join(s.Dir, "b1")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write after Close = %v", err)
	}
	name := add(t, w, KindDatabase, []byte("again"))
	if name != "db-001.dump.zst" {
		t.Errorf("the next content is %s", name)
	}
	if _, err := w.Commit(Manifest{Detail: &Detail{}}); err == nil || !strings.Contains(err.Error(), "belongs to nothing") {
		t.Errorf("Commit of a content that nothing names = %v", err)
	}
	if _, err := w.Commit(Manifest{Detail: &Detail{Globals: []Globals{{Content: "x"}}}}); err == nil || !strings.Contains(err.Error(), "not there") {
		t.Errorf("Commit of a name without a content = %v", err)
	}
	var incomplete *IncompleteError
	if _, err := s.Open("b1"); !errors.As(err, &incomplete) {
		t.Errorf("Open before Commit = %v", err)
	}
	check(t, w.Abort())
	if left, _ := os.ReadDir(s.Dir); len(left) != 0 {
		t.Errorf("left after Abort: %v", left)
	}
	check(t, w.Abort())
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(dir+"/file", nil, 0o600))
	check(t, os.Symlink(dir, dir+"/link"))
	check(t, os.Mkdir(dir+"/open", 0o700))
	check(t, os.Chmod(dir+"/open", 0o777))
	for path, want := range map[string]string{
		"relative":       "absolute",
		dir + "/file":    "cannot be made",
		dir + "/link":    "symbolic link",
		dir + "/open":    "writable for others",
		"/proc/backups":  "cannot be made",
		dir + "/new/sub": "",
	} {
		err := (&Store{Dir: path}).Check()
		if want == "" && err == nil {
			continue
		}
		var folder *FolderError
		if !errors.As(err, &folder) || !strings.Contains(err.Error(), want) || folder.Hint() == "" {
			t.Errorf("Check(%s) = %v, want %q", path, err, want)
		}
	}
	if left, _ := os.ReadDir(dir + "/new/sub"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	for _, id := range []string{"", ".", "..", "a/b", ".hidden", strings.Repeat("x", 65)} {
		if _, err := (&Store{Dir: dir + "/new"}).Create(id); err == nil {
			t.Errorf("Create(%q) = nil", id)
		}
	}
}
