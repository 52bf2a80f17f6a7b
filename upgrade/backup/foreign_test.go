package backup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A folder that someone else could have written is refused, with the reason.
func TestForeignFolder(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(dir string) error // the store's folder; its backup is b1
		want  string
	}{
		"writable store":  {func(dir string) error { return os.Chmod(dir, 0o770) }, "writable for others"},
		"writable backup": {func(dir string) error { return os.Chmod(dir+"/b1", 0o702) }, "writable for others"},
		"writable file":   {func(dir string) error { return os.Chmod(dir+"/b1/manifest.json", 0o622) }, "writable for others"},
		"link for a file": {func(dir string) error {
			return errors.Join(os.Rename(dir+"/b1/db-001.dump.zst", dir+"/x"), os.Symlink("../x", dir+"/b1/db-001.dump.zst"))
		}, "no regular file"},
		"link for the backup": {func(dir string) error {
			return errors.Join(os.Rename(dir+"/b1", dir+"/b2"), os.Symlink("b2", dir+"/b1"))
		}, "symbolic link"},
		"another id": {func(dir string) error {
			return errors.Join(os.Rename(dir+"/b1", dir+"/b2"), os.Rename(dir+"/b2", dir+"/b1"), os.Mkdir(dir+"/b3", 0o700), os.RemoveAll(dir+"/b3"), swapID(dir))
		}, `is of "b2"`},
		"missing file": {func(dir string) error { return os.Remove(dir + "/b1/globals-001.sql.zst") }, "is missing"},
		"extra file":   {func(dir string) error { return os.WriteFile(dir+"/b1/extra", nil, 0o600) }, "not in the manifest"},
		"extra folder": {func(dir string) error { return os.Mkdir(dir+"/b1/extra", 0o700) }, "no regular file"},
		"no sum":       {func(dir string) error { return os.Remove(dir + "/b1/manifest.json.sha256") }, "cannot be read"},
		"no manifest":  {func(dir string) error { return os.Remove(dir + "/b1/manifest.json") }, "incomplete"},
		"foreign": {func(dir string) error {
			if os.Geteuid() != 0 {
				return os.Chmod(dir, 0o777)
			}
			return os.Chown(dir+"/b1/manifest.json", 1000, 1000)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Store{Dir: filepath.Join(t.TempDir(), "b")}
			makeBackup(t, s, "b1", 1000)
			if _, err := s.Open("b1"); err != nil {
				t.Fatal(err)
			}
			check(t, c.spoil(s.Dir))
			if _, err := s.Open("b1"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open = %v, want %q", err, c.want)
			}
		})
	}
}

// swapID puts the manifest of another backup into b1.
func swapID(dir string) error {
	s := &Store{Dir: dir}
	w, err := s.Create("b2")
	if err != nil {
		return err
	}
	if _, err := w.Commit(Manifest{Detail: &Detail{}}); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(dir+"/b1"), os.Rename(dir+"/b2", dir+"/b1"))
}
