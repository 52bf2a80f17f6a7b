package dotenv

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint/source"
)

// shared gives the folder of reference material beside the repository, and
// skips the test where there is none.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(append([]string{filepath.Dir(dir), "shared"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("reference files are absent: %v", err)
	}
	return path
}

// envFiles gives every env file of the corpus, by its path in it.
func envFiles(t testing.TB) []*source.File {
	t.Helper()
	root := shared(t, "corpus")
	var files []*source.File
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !looksLikeEnv(d.Name()) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		files = append(files, source.New(filepath.ToSlash(rel), data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 100 {
		t.Fatalf("corpus holds %d env files, want at least 100", len(files))
	}
	return files
}

func looksLikeEnv(name string) bool {
	for _, ext := range []string{".yaml", ".yml", ".sh", ".py", ".md", ".tsv"} {
		if strings.HasSuffix(name, ext) {
			return false
		}
	}
	return strings.Contains(name, "env")
}

// reading gives a reader of the files of fsys for ReadSet.
func reading(fsys fs.FS) func(string) (*source.File, error) {
	return func(path string) (*source.File, error) {
		data, err := fs.ReadFile(fsys, path)
		if err != nil {
			return nil, err
		}
		return source.New(path, data), nil
	}
}
