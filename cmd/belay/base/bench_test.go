package base

import (
	"fmt"
	"path/filepath"
	"testing"
)

// BenchmarkOpen opens the base of a repository of 5,000 files, of which a
// fifth belongs to stacks, once packed as a clone has it.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	gitProgram(b, dir, "init", "-q", ".")
	for i := range 1000 {
		folder := filepath.Join(dir, fmt.Sprintf("apps/%02d/%03d", i%40, i))
		write(b, filepath.Join(folder, "compose.yaml"), fmt.Sprintf("services:\n  a%d:\n    image: n8nio/n8n:1.%d.0\n", i, i))
		for j := range 4 {
			write(b, filepath.Join(folder, fmt.Sprintf("file%d.md", j)), fmt.Sprint("text ", i, j))
		}
	}
	gitProgram(b, dir, "add", "-A")
	gitProgram(b, dir, "commit", "-q", "-m", "x")
	gitProgram(b, dir, "gc", "-q")
	root, temp := openRoot(b, dir), b.TempDir()
	for b.Loop() {
		base, err := Open(b.Context(), root, Options{Ref: "HEAD", Temp: temp})
		if err != nil {
			b.Fatal(err)
		}
		if err := base.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
