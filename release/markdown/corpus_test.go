package markdown

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpus reads a file of the corpus of real notes, where there is one.
func corpus(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "corpus", "notes", name))
	if err != nil {
		t.Skip("the corpus of real notes is not here")
	}
	return b
}

func TestCorpusDify(t *testing.T) {
	n := Read(corpus(t, "dify/1.15.0.md"), here)
	ops := map[string]int{}
	for _, e := range n.Env {
		ops[e.Op]++
	}
	// The body counts 19 added, without the two of the plugin daemon.
	if d := cmp.Diff(map[string]int{"added": 21, "removed": 2, "modified": 1}, ops); d != "" {
		t.Errorf("variables (-want +got):\n%s", d)
	}
	if !slices.ContainsFunc(n.Commands, func(c Command) bool {
		return c.Text == "docker compose exec api flask backfill-plugin-auto-upgrade"
	}) || slices.ContainsFunc(n.Commands, func(c Command) bool { return strings.HasPrefix(c.Text, "uv ") }) {
		t.Errorf("commands %+v", n.Commands)
	}
	if d := cmp.Diff([]string{"CVE-2026-41948"}, n.Advisories); d != "" || !n.Migrations {
		t.Errorf("migrations %v, advisories (-want +got):\n%s", n.Migrations, d)
	}
	n = Read(corpus(t, "dify/1.13.3.md"), here)
	if n.Migrations || len(n.Commands) > 0 || len(n.Env) > 0 || !slices.Contains(n.Refs, 33619) || !slices.Contains(n.Refs, 33585) {
		t.Errorf("1.13.3: %v %v %v %v", n.Migrations, n.Commands, n.Env, n.Refs)
	}
	n = Read(corpus(t, "dify/1.13.2.md"), here)
	if want := []Command{{"docker compose --profile postgresql up -d", "Docker Compose Deployments"}}; !slices.Equal(n.Commands, want) {
		t.Errorf("1.13.2: %v", n.Commands)
	}
}

func TestCorpusChangelogs(t *testing.T) {
	for _, c := range []struct {
		file        string
		entries     int
		first, last string
		breaking    []string // versions, when not all
	}{
		{"n8n/CHANGELOG.md.1.99.0", 248, "1.99.0", "0.167.0", []string{"1.27.0", "1.0.0", "0.198.0"}},
		{"n8n/BREAKING-CHANGES.md.n8n-master-2025-06-19", 59, "1.98.0", "0.18.0", nil},
		{"pgvector/CHANGELOG.md", 43, "0.8.7", "0.1.0", []string{"0.8.0", "0.6.0", "0.4.0", "0.3.0"}},
	} {
		src := corpus(t, c.file)
		entries := Changelog(src)
		var breaking []string
		for _, e := range entries {
			for _, s := range Read(e.Body, Options{Repo: "n8n-io/n8n", Ref: "n8n@1.99.0"}).Sections {
				checkWhole(t, s.Blocks)
				for _, b := range s.Blocks {
					checkNeutral(t, b.Markdown)
					if b.Kind == Breaking && !slices.Contains(breaking, e.Version) {
						breaking = append(breaking, e.Version)
					}
				}
			}
		}
		if len(entries) != c.entries || entries[0].Version != c.first || entries[len(entries)-1].Version != c.last {
			t.Errorf("%s: %d entries, %s to %s", c.file, len(entries), entries[0].Version, entries[len(entries)-1].Version)
		}
		if c.breaking == nil {
			c.breaking = slices.Compact(versions(entries))
		}
		if d := cmp.Diff(c.breaking, breaking); d != "" {
			t.Errorf("%s, versions that break (-want +got):\n%s", c.file, d)
		}
		checkNeutral(t, Neutral(src, here))
	}
}

func versions(entries []Entry) (vs []string) {
	for _, e := range entries {
		vs = append(vs, e.Version)
	}
	return vs
}
