package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// UPDATE=1 go test ./lint/rules writes the page.
func TestMarkdownIsPublished(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "rules.md")
	want := Markdown()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/rules.md is not what the rules say: run UPDATE=1 go test ./lint/rules")
	}
}

func TestMarkdownFences(t *testing.T) {
	if got := fenced("a: ```\n"); !strings.HasPrefix(got, "````yaml\n") || !strings.HasSuffix(got, "\n````\n") {
		t.Errorf("got %q", got)
	}
}
