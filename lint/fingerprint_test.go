package lint_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

func finding(change func(*lint.Finding)) lint.Finding {
	f := lint.Finding{
		Rule: "image-tag-floating", Severity: lint.Error, Message: "latest names no version",
		Span:    source.Span{Pos: source.Pos{File: "compose.yaml", Line: 3, Col: 12, Offset: 30}, Len: 16},
		Service: "n8n", Stack: "n8n", Source: "    image: n8nio/n8n:latest",
	}
	if change != nil {
		change(&f)
	}
	return f
}

func TestFingerprintsTellFindingsApart(t *testing.T) {
	base := lint.Fingerprints([]lint.Finding{finding(nil)})[0]
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(base) {
		t.Errorf("fingerprint %q is not 32 hex digits", base)
	}
	for _, tt := range []struct {
		name   string
		change func(*lint.Finding)
		same   bool
	}{
		{"line moved", func(f *lint.Finding) { f.Line, f.Offset = 90, 4000 }, true},
		{"indented", func(f *lint.Finding) { f.Col, f.Source = 20, "\t\timage:   n8nio/n8n:latest  " }, true},
		{"worded anew", func(f *lint.Finding) { f.Message = "the tag floats (see line 8)" }, true},
		{"severity", func(f *lint.Finding) { f.Severity = lint.Note }, true},
		{"hint", func(f *lint.Finding) { f.Hint = "write a version" }, true},
		{"stack renamed", func(f *lint.Finding) { f.Stack = "prod" }, true},
		{"rule", func(f *lint.Finding) { f.Rule = "image-pin-exact" }, false},
		{"file", func(f *lint.Finding) { f.File = "prod/compose.yaml" }, false},
		{"service", func(f *lint.Finding) { f.Service = "worker" }, false},
		{"source line", func(f *lint.Finding) { f.Source = "    image: n8nio/n8n:next" }, false},
		{"another key", func(f *lint.Finding) { f.Message = "DB_HOST is missing" }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := lint.Fingerprints([]lint.Finding{finding(tt.change)})[0]
			if (got == base) != tt.same {
				t.Errorf("same = %v, want %v", got == base, tt.same)
			}
		})
	}
}

func TestFingerprintsOfEqualFindingsDiffer(t *testing.T) {
	got := lint.Fingerprints([]lint.Finding{finding(nil), finding(nil), finding(nil)})
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != 3 {
		t.Errorf("%d different fingerprints of 3 findings", n)
	}
}

// Adding a missing key must not give its name to a finding that was there.
func TestFingerprintsOfMissingKeysStay(t *testing.T) {
	missing := func(key string) lint.Finding {
		return finding(func(f *lint.Finding) {
			f.Rule, f.File, f.Service, f.Source, f.Message = "env-key-missing", ".env", "", "", key+" is not set"
		})
	}
	before := lint.Fingerprints([]lint.Finding{missing("DB_HOST"), missing("DB_PORT")})
	after := lint.Fingerprints([]lint.Finding{missing("A_KEY"), missing("DB_HOST"), missing("DB_PORT")})
	if !slices.Equal(before, after[1:]) {
		t.Errorf("fingerprints moved: %v, then %v", before, after)
	}
	if slices.Contains(before, after[0]) {
		t.Error("the new finding took the name of an old one")
	}
}
