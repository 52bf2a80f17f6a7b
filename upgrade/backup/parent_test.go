package backup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestParent: a folder of ours in one where anyone may put another in its place used to
// be taken.
func TestParent(t *testing.T) {
	for name, c := range map[string]struct {
		mode  os.FileMode
		owner int // -1: us
		want  string
	}{
		"ours":            {0o755, -1, ""},
		"for all":         {0o777, -1, "writable for others"},
		"of a group":      {0o775, -1, "writable for others"},
		"for all, sticky": {0o777 | os.ModeSticky, -1, ""},
		"of another":      {0o755, 4711, "belongs to user 4711"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.owner >= 0 && os.Geteuid() != 0 {
				t.Skip("root is needed to give a folder away")
			}
			dir := t.TempDir()
			check(t, os.Chmod(dir, c.mode))
			check(t, os.Chown(dir, c.owner, -1))
			err := (&Store{Dir: filepath.Join(dir, "chat")}).Check()
			var folder *FolderError
			if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &folder) || folder.Path != dir || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("Check() = %v, want %q", err, c.want)
			}
		})
	}
}
