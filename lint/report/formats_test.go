package report

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

func TestJUnit(t *testing.T) {
	for _, r := range []*Result{sample(), {}, hostile("\x00]]>\ufffe\x1b\xff")} {
		var doc junitSuites
		if err := xml.Unmarshal([]byte(render(t, "junit", r, Options{})), &doc); err != nil {
			t.Fatal(err)
		}
		tests, failures := 0, 0
		for _, s := range doc.Suites {
			n := 0
			for _, c := range s.Cases {
				if c.Failure != nil {
					n++
				}
			}
			if len(s.Cases) != s.Tests || n != s.Failures {
				t.Errorf("suite %q counts %d/%d, has %d/%d", s.Name, s.Tests, s.Failures, len(s.Cases), n)
			}
			tests, failures = tests+s.Tests, failures+s.Failures
		}
		if doc.Tests != tests || doc.Failures != failures || len(doc.Suites) == 0 {
			t.Errorf("counts %d/%d, suites have %d/%d", doc.Tests, doc.Failures, tests, failures)
		}
	}
	got := render(t, "junit", sample(), Options{})
	must(t, got, `<failure type="error"`, `<failure type="warning"`, `<testcase name="proxy/compose.yaml"`, "were compared</system-out>")
	mustNot(t, got, `type="note"`)
	if _, ok := strings.CutPrefix(got, xml.Header); !ok {
		t.Error("no XML header")
	}
}

func TestCodeClimate(t *testing.T) {
	r := sample()
	r.Findings = append(r.Findings, r.Findings[0], lint.Finding{Rule: "x", Severity: lint.Error, Stack: "proxy"})
	var got []codeQuality
	if err := json.Unmarshal([]byte(render(t, "codeclimate", r, Options{Prefix: "p"})), &got); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range got {
		if c.Description == "" && c.CheckName != "x" || c.Location.Path == "" || c.Location.Lines.Begin < 1 || seen[c.Fingerprint] {
			t.Errorf("entry %+v lacks something, or has another's fingerprint", c)
		}
		seen[c.Fingerprint] = true
	}
	if len(got) != 7 || got[5].Location.Path != "p/proxy/compose.yaml" || got[0].Severity != "major" || got[1].Severity != "info" || got[3].Severity != "minor" {
		t.Errorf("entries %+v", got)
	}
	if empty := render(t, "codeclimate", &Result{}, Options{}); empty != "[]\n" {
		t.Errorf("no findings: %q, want an empty list", empty)
	}
}

// The schema is the one of reviewdog v0.21.0 (MIT), proto/rdf/jsonschema.
const rdjsonSchema = "testdata/rdjson.schema.json"

func TestRDJSONIsValid(t *testing.T) {
	valid(t, rdjsonSchema, render(t, "rdjson", sample(), Options{Rules: docs()}))
	valid(t, rdjsonSchema, render(t, "rdjson", &Result{}, Options{}))
}

// Columns count bytes, and a suggestion replaces exactly the old text.
func TestRDJSONSuggestions(t *testing.T) {
	line := "  图片: \"n8nio/n8n:latest\""
	edit := func(file string, line, col, offset int, old, text string) source.Edit {
		return source.Edit{Pos: source.Pos{File: file, Line: line, Col: col, Offset: offset}, Old: old, New: text}
	}
	for _, tt := range []struct {
		name  string
		edits []source.Edit
		want  string
	}{
		{"same line", []source.Edit{edit("c.yaml", 4, 18, 125, "latest", "2.1")}, `[{"range":{"start":{"line":4,"column":22},"end":{"line":4,"column":28}},"text":"2.1"}]`},
		{"whole lines above", []source.Edit{edit("c.yaml", 1, 1, 0, "# a\n# b\n", "# c\n")}, `[{"range":{"start":{"line":1,"column":1},"end":{"line":3,"column":1}},"text":"# c\n"}]`},
		{"insertion", []source.Edit{edit("c.yaml", 4, 18, 125, "", "x")}, `[{"range":{"start":{"line":4,"column":22},"end":{"line":4,"column":22}},"text":"x"}]`},
		{"unknown column", []source.Edit{edit("c.yaml", 6, 9, 200, "latest", "2.1")}, `null`},
		{"another file", []source.Edit{edit("d.yaml", 4, 18, 125, "latest", "2.1")}, `null`},
		{"two edits", []source.Edit{edit("c.yaml", 4, 18, 125, "a", "b"), edit("c.yaml", 1, 1, 0, "a", "b")}, `null`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(suggestions(lint.Finding{Span: at("c.yaml", 4, 8, 115, 16), Source: line, Edits: tt.edits}))
			if err != nil || string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	if start := strings.Index(line, "latest") + 1; start != 22 {
		t.Fatalf("the table is wrong: latest begins at byte %d", start)
	}
}

// The repair of an env file holds its value.
func TestRDJSONKeepsEnvFilesSecret(t *testing.T) {
	f := lint.Finding{Rule: "x", Severity: lint.Error, Span: at(".env", 2, 1, 10, 3), Source: "KEY=(hidden)",
		Edits: []source.Edit{{Pos: source.Pos{File: ".env", Line: 2, Col: 5, Offset: 14}, Old: "canary-old", New: "canary-new"}}}
	for _, format := range Formats() {
		mustNot(t, render(t, format.Name, &Result{Findings: []lint.Finding{f}}, Options{}), "canary")
	}
}
