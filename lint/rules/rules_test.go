package rules

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

func TestRules(t *testing.T) {
	seen := map[string]bool{}
	kebab := regexp.MustCompile(`^[a-z]+(-[a-z]+)+$`)
	for _, r := range All() {
		t.Run(r.ID, func(t *testing.T) {
			if !kebab.MatchString(r.ID) || seen[r.ID] {
				t.Errorf("id %q: want a kebab-case one that no other rule has", r.ID)
			}
			seen[r.ID] = true
			d := r.Doc
			if d.Title == "" || d.Why == "" || d.Bad == "" || d.Good == "" {
				t.Errorf("doc: want Title, Why, Bad and Good, got %+v", d)
			}
			if strings.Contains(d.Title, "\n") || strings.HasSuffix(d.Title, ".") {
				t.Errorf("title %q: want one line without full stop", d.Title)
			}
			if r.Severity == lint.Off || r.Check == nil {
				t.Error("want a severity and a Check")
			}
			bad := parseExample(t, d.Bad).check(t, r)
			if len(bad) == 0 {
				t.Errorf("Bad: want a finding, got none")
			}
			for _, f := range bad {
				checkFinding(t, f)
			}
			for _, f := range parseExample(t, d.Good).check(t, r) {
				t.Errorf("Good: want no finding, got %s: %s", f.Span, f.Message)
			}
		})
	}
}

// checkFinding checks what every finding must be, whichever rule made it.
func checkFinding(t *testing.T, f *lint.Finding) {
	t.Helper()
	if f.File == "" || f.Line < 1 || f.Col < 1 {
		t.Errorf("%s: want a position", f.Message)
	}
	if f.Hint == "" || strings.HasSuffix(f.Hint, ".") || strings.HasSuffix(f.Message, ".") {
		t.Errorf("want a message and a hint without full stop, got %q, %q", f.Message, f.Hint)
	}
	if strings.ContainsAny(f.Message+f.Hint, "\n\r") {
		t.Errorf("want one line each, got %q, %q", f.Message, f.Hint)
	}
	for _, r := range f.Related {
		if r.File == "" || r.Line < 1 || r.Message == "" {
			t.Errorf("%s: want a place and a message, got %+v", f.Message, r)
		}
	}
}

// The values of .env are replaced by marked ones, whole and at their end, and
// no rule may print a mark, whatever it finds then.
func TestNoValueOfEnvIsPrinted(t *testing.T) {
	marks := []func(string) string{
		func(string) string { return "canary" },
		func(v string) string { return v + "-canary" },
		func(v string) string { return "canary/" + v },
	}
	for _, r := range All() {
		for _, text := range []string{r.Doc.Bad, r.Doc.Good} {
			for _, mark := range marks {
				ex := parseExample(t, text)
				if !ex.markEnv(mark) {
					continue
				}
				for _, f := range ex.check(t, r) {
					all := []string{f.Message, f.Hint, f.Service, f.Stack}
					for _, rel := range f.Related {
						all = append(all, rel.Message)
					}
					for _, e := range f.Edits {
						if !e.Secret {
							all = append(all, e.Old, e.New)
						}
					}
					if i := slices.IndexFunc(all, func(s string) bool { return strings.Contains(s, "canary") }); i >= 0 {
						t.Errorf("%s prints a value of .env: %q", r.ID, all[i])
					}
				}
			}
		}
	}
}

// The edits of a rule repair its bad example: afterwards the rule offers none.
func TestEditsRepairOnce(t *testing.T) {
	for _, r := range All() {
		ex := parseExample(t, r.Doc.Bad)
		edits := map[string][]source.Edit{}
		for _, f := range ex.check(t, r) {
			for _, e := range f.Edits {
				edits[e.Pos.File] = append(edits[e.Pos.File], e)
			}
		}
		if len(edits) == 0 {
			continue
		}
		for file, es := range edits {
			data, err := source.Apply(ex.read(t, file), es)
			if err != nil {
				t.Fatalf("%s: %v", r.ID, err)
			}
			ex.files[file] = string(data)
		}
		for _, f := range ex.check(t, r) {
			if len(f.Edits) > 0 {
				t.Errorf("%s: a second run still edits: %s: %s", r.ID, f.Span, f.Message)
			}
		}
	}
}

// TestGuards: what a change adds to loosen its own check silences none of
// these, as design has it: reviews, protected keys, volumes, downgrades, gates.
func TestGuards(t *testing.T) {
	want := []string{"env-file-added", "image-downgrade", "image-major-jump", "postgres-libc-switch", "protected-key-changed", "review-required", "service-removed", "volume-renamed"}
	var got []string
	for _, r := range All() {
		if r.Guards {
			got = append(got, r.ID)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("guarding rules:\n got %v\nwant %v", got, want)
	}
}
