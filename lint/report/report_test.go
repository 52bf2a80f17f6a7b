package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

// at makes a span.
func at(file string, line, col, offset, n int) source.Span {
	return source.Span{Pos: source.Pos{File: file, Line: line, Col: col, Offset: offset}, Len: n}
}

// sample is a result with one of everything.
func sample() *Result {
	return &Result{
		Version: "1.2.3", Environment: lint.Prod,
		Stacks: []Stack{
			{Name: "ai", Dir: ".", Files: []string{"compose.yaml", "compose.override.yaml"}, Services: 9, Images: 8},
			{Name: "proxy", Dir: "proxy", Files: []string{"proxy/compose.yaml"}, Services: 1, Images: 1},
		},
		Findings: []lint.Finding{
			{
				Rule: "env-secret-default", Severity: lint.Error, Span: at(".env", 7, 1, 120, 10), Stack: "ai",
				Message: "1 secret key still has the example's public value", Hint: "run `belay env` on the host",
			},
			{
				Rule: "record-stale", Severity: lint.Note, Span: at("compose.yaml", 1, 1, 0, 3), Stack: "ai",
				Message: "the record block names an older n8n", Source: "# belay:record",
			},
			{
				Rule: "image-tag-floating", Severity: lint.Error, Span: at("compose.yaml", 4, 12, 40, 16), Stack: "ai",
				Service: "n8n", Message: "n8nio/n8n:latest names no version", Hint: "write the version that runs now",
				Source: "    image: n8nio/n8n:latest", Related: []lint.Related{{Span: at("compose.yaml", 2, 1, 8, 8), Message: "prod asks for an exact version"}},
			},
			{
				Rule: "group-tag-mismatch", Severity: lint.Warning, Span: at("compose.yaml", 9, 32, 160, 6), Stack: "ai",
				Service: "worker", Message: "dify-api has 1.13.2, dify-web 1.13.3", Source: "    image: langgenius/dify-api:1.13.2",
				Edits: []source.Edit{{Pos: source.Pos{File: "compose.yaml", Line: 9, Col: 32, Offset: 160}, Old: "1.13.2", New: "1.13.3"}},
			},
		},
		Drift: []Drift{
			{Span: at(".env.example", 30, 1, 900, 7), Stack: "ai", Key: "DB_TYPE", Kind: "added", Text: "the example has it since the base, your file does not"},
		},
		Notices:    []string{".env is not in the repository: only the examples were compared"},
		Suppressed: 1, Baselined: 2,
	}
}

// docs are the rules' documentation for sample.
func docs() map[string]Rule {
	return map[string]Rule{
		"image-tag-floating": {"The tag names no version", "A floating tag moves **under** you.", "https://example.org/rules#image-tag-floating"},
		"group-tag-mismatch": {"Images of a group have different tags", "They are released together.", "https://example.org/rules#group-tag-mismatch"},
	}
}

// fixed is a source of randomness that always gives b.
type fixed byte

func (f fixed) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(f)
	}
	return len(p), nil
}

// rising is a source of randomness that gives another byte at each draw.
type rising byte

func (r *rising) Read(p []byte) (int, error) {
	defer func() { *r++ }()
	return fixed(*r).Read(p)
}

// render gives what a format writes.
func render(t *testing.T, name string, r *Result, o Options) string {
	t.Helper()
	f, err := FormatNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	if o.Random == nil {
		o.Random = new(rising(7))
	}
	var b bytes.Buffer
	if err := f.Write(&b, r, o); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b.String()
}

// golden compares got with testdata/name. UPDATE=1 in the environment writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (UPDATE=1 writes it):\n%s", path, diff)
	}
}

// must fails for each text that got lacks.
func must(t *testing.T, got string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if !strings.Contains(got, s) {
			t.Errorf("lacks %q in:\n%s", s, got)
		}
	}
}

// mustNot fails for each text that got holds.
func mustNot(t *testing.T, got string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if strings.Contains(got, s) {
			t.Errorf("holds %q in:\n%s", s, got)
		}
	}
}

func TestFormatsGolden(t *testing.T) {
	for _, f := range Formats() {
		t.Run(f.Name, func(t *testing.T) {
			o := Options{Rules: docs()}
			if f.Name != "text" {
				o.Prefix = "deploy"
			}
			golden(t, "sample."+f.Name, render(t, f.Name, sample(), o))
		})
	}
	golden(t, "sample.summary.md", Summary(sample(), Options{Rules: docs()}, maxSummary))
}

func TestFormatNamed(t *testing.T) {
	for _, f := range Formats() {
		if got, err := FormatNamed(f.Name); err != nil || got.Name != f.Name {
			t.Errorf("FormatNamed(%q) = %q, %v", f.Name, got.Name, err)
		}
	}
	_, err := FormatNamed("yaml")
	if err == nil {
		t.Fatal("an unknown format is no error")
	}
	want := `format "yaml": want text, json, github, sarif, junit, codeclimate or rdjson`
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

// Every format must manage with nothing at all, and with findings without
// place, source or stack.
func TestFormatsOfLittle(t *testing.T) {
	for name, r := range map[string]*Result{
		"nothing": {},
		"bare":    {Findings: []lint.Finding{{Severity: lint.Error}, {Rule: "x", Severity: lint.Note, Span: at("f", 0, 0, 0, 0)}}},
		"beyond":  {Findings: []lint.Finding{{Rule: "x", Severity: lint.Error, Span: at("f", 3, 900, 9, 90), Source: "short"}}},
	} {
		for _, f := range Formats() {
			t.Run(name+"/"+f.Name, func(t *testing.T) {
				if out := render(t, f.Name, r, Options{}); !strings.HasSuffix(out, "\n") {
					t.Errorf("does not end in a line feed: %q", out)
				}
			})
		}
	}
}

func TestWriteErrorsArePassedOn(t *testing.T) {
	for _, f := range Formats() {
		if err := f.Write(brokenWriter{}, sample(), Options{Random: fixed(1)}); err != errBroken {
			t.Errorf("%s: error %v, want the writer's own", f.Name, err)
		}
	}
}
