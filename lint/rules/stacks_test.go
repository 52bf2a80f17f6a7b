package rules

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/catalog"
)

// place is a rule and where it fires.
type place struct {
	file string
	line int
	rule string
}

func (p place) String() string { return fmt.Sprintf("%s:%d %s", p.file, p.line, p.rule) }

// A comment `# mistake: RULE RULE` marks the next line that is no such
// comment, `# mistake here: RULE` the line it stands on, and `# mistake 2
// below: RULE` the second line below it, for a block that no comment may split.
var mark = regexp.MustCompile(`# mistake(?: (here|\d below))?: ([a-z -]+)$`)

// marks gives the marks in the files below dir.
func marks(t *testing.T, dir string) []place {
	t.Helper()
	var out []place
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		out = append(out, marksIn(filepath.ToSlash(rel), strings.Split(string(data), "\n"))...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func marksIn(name string, lines []string) []place {
	var out []place
	var pending []string // for the next line that is no mark
	for i, line := range lines {
		m := mark.FindStringSubmatch(line)
		below := 0
		switch {
		case m == nil:
		case m[1] == "":
			pending = append(pending, strings.Fields(m[2])...)
			continue
		case m[1] != "here":
			below = int(m[1][0] - '0')
			fallthrough
		default:
			for _, rule := range strings.Fields(m[2]) {
				out = append(out, place{name, i + 1 + below, rule})
			}
			continue
		}
		for _, rule := range pending {
			out = append(out, place{name, i + 1, rule})
		}
		pending = nil
	}
	return out
}

// readStack loads the stack in dir as a repository of its own.
func readStack(t *testing.T, dir string) (*compose.Stack, *dotenv.Set) {
	t.Helper()
	root, err := source.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	s, err := compose.Load(t.Context(), compose.Options{Root: root, Dir: "."})
	if err != nil {
		t.Fatal(err)
	}
	set, err := dotenv.ReadSet(".", dotenv.FindExamples(root.FS(), "."), root.Read)
	if err != nil {
		t.Fatal(err)
	}
	return s, set
}

// findings runs every rule on the stack in head; base may be "".
func findings(t *testing.T, head, base string, policy *lint.Policy) []*lint.Finding {
	t.Helper()
	stack, examples := readStack(t, head)
	for _, problem := range stack.Problems {
		t.Errorf("%s: docker compose refuses the stack: %s", problem.Span, problem.Msg)
	}
	var before *compose.Stack
	if base != "" {
		before, _ = readStack(t, base)
	}
	pass := lint.NewPass(lint.Input{Stack: stack, Base: before, Policy: policy, Env: lint.Prod,
		Catalog: catalog.Load(), Examples: examples, LabelsOK: true})
	var out []*lint.Finding
	for _, r := range All() {
		if r.NeedsBase && before == nil {
			continue
		}
		out = append(out, pass.Run(r)...)
	}
	return out
}

// compareMarks fails for each finding without a mark and each mark without a finding.
func compareMarks(t *testing.T, fs []*lint.Finding, want []place) {
	t.Helper()
	var got []place
	for _, f := range fs {
		at := place{f.File, f.Line, f.Rule}
		got = append(got, at)
		if !slices.Contains(want, at) {
			t.Errorf("no mark for %s: %s: %s", at, f.Severity, f.Message)
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("marked, and nothing fired: %s", w)
		}
	}
}

// The handbook's stack is clean in prod.
func TestStackIsClean(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata", "stacks", "n8n-dify")
	compareMarks(t, findings(t, dir, "", lint.BuiltIn()), nil)
}

// Each mistake is found at its line, nothing else is, and no rule that needs
// no base is without a mistake.
func TestStackMistakes(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata", "stacks", "n8n-dify-mistakes")
	want := marks(t, dir)
	config, err := os.ReadFile(filepath.Join(dir, "belay.yml"))
	if err != nil {
		t.Fatal(err)
	}
	policy := (&example{files: map[string]string{"belay.yml": string(config)}}).policy(t)
	compareMarks(t, findings(t, dir, "", policy), want)
	for _, r := range All() {
		if !r.NeedsBase && !slices.ContainsFunc(want, func(w place) bool { return w.rule == r.ID }) {
			t.Errorf("%s: no mistake seeded", r.ID)
		}
	}
}

// The same for a change: what the rules with a base find is marked in head.
func TestStackChange(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata", "stacks", "n8n-dify-change")
	want := marks(t, filepath.Join(dir, "head"))
	compareMarks(t, findings(t, filepath.Join(dir, "head"), filepath.Join(dir, "base"), lint.BuiltIn()), want)
	for _, r := range All() {
		if r.ID == "env-file-added" {
			continue // it asks for a base without an env file; its documentation has one
		}
		if r.NeedsBase && !slices.ContainsFunc(want, func(w place) bool { return w.rule == r.ID }) {
			t.Errorf("%s: no mistake seeded", r.ID)
		}
	}
}

// What is found in Dify's own files is printed with -v, so that each line can be
// defended; it fails when there is more than a maintainer would read.
func TestDifyIsQuiet(t *testing.T) {
	for _, tc := range []struct {
		commit string
		env    bool // .env is copied from its example, as the installation guide says
		most   int
	}{
		{"59b879d2df", true, 6}, // 1.16.1
		{"59b879d2df", false, 4},
		{"59639ca9b2", true, 5}, // 1.13.3
		{"59639ca9b2", false, 3},
	} {
		t.Run(fmt.Sprintf("%s env=%v", tc.commit, tc.env), func(t *testing.T) {
			corpus := filepath.Join("..", "..", "..", "shared", "corpus", "langgenius__dify", tc.commit, "docker")
			if _, err := os.Stat(corpus); err != nil {
				t.Skip("the corpus is not here")
			}
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(corpus)); err != nil {
				t.Fatal(err)
			}
			if tc.env {
				example, err := os.ReadFile(filepath.Join(dir, ".env.example"))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, ".env"), example, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			fs := findings(t, dir, "", lint.BuiltIn())
			slices.SortFunc(fs, func(a, b *lint.Finding) int {
				return cmp.Or(a.Span.Compare(b.Span.Pos), strings.Compare(a.Rule, b.Rule))
			})
			loud := 0
			for _, f := range fs {
				t.Logf("%s: %s: %s [%s]", f.Span, f.Severity, f.Message, f.Rule)
				if f.Severity > lint.Note {
					loud++
				}
			}
			if loud > tc.most {
				t.Errorf("want at most %d findings above a note, got %d", tc.most, loud)
			}
		})
	}
}
