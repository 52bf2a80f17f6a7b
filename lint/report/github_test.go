package report

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/belaystack/belay/lint"
)

// many gives n findings of each severity.
func many(errors, warnings, notes int) *Result {
	r := &Result{}
	for s, n := range map[lint.Severity]int{lint.Error: errors, lint.Warning: warnings, lint.Note: notes} {
		for i := range n {
			r.Findings = append(r.Findings, lint.Finding{Rule: "r", Severity: s, Message: fmt.Sprint(s, i), Span: at("f", i+1, 1, 0, 1)})
		}
	}
	lint.Sort(r.Findings)
	return r
}

func TestGitHub(t *testing.T) {
	got := render(t, "github", sample(), Options{Rules: docs(), Prefix: "deploy/prod"})
	var r runner
	r.feed(got)
	if n := len(r.named("error")) + len(r.named("warning")) + len(r.named("notice")); n != 5 {
		t.Errorf("%d annotations, want 4 findings and 1 drift", n)
	}
	c := r.named("error")[1]
	want := map[string]string{"file": "deploy/prod/compose.yaml", "line": "4", "endLine": "4", "col": "12", "endColumn": "28",
		"title": "image-tag-floating: The tag names no version"}
	if fmt.Sprint(c.props) != fmt.Sprint(want) {
		t.Errorf("properties %v, want %v", c.props, want)
	}
	if c.data != "n8nio/n8n:latest names no version\nwrite the version that runs now" {
		t.Errorf("message %q", c.data)
	}
	must(t, got, "\n::group::Belay: all findings\n::stop-commands::belay-", "\n::endgroup::\n2 errors, 1 warning")
}

// The runner keeps 10 annotations of a type: the sum of the others must be
// one of them.
func TestGitHubLimits(t *testing.T) {
	for _, tt := range []struct {
		errors, warnings, notes int
		shown                   [3]int
		left                    string
	}{
		{10, 10, 10, [3]int{10, 10, 10}, ""},
		{0, 0, 0, [3]int{0, 0, 0}, ""},
		{11, 0, 0, [3]int{10, 0, 1}, "1 error more"},
		{30, 12, 10, [3]int{10, 10, 10}, "20 errors, 2 warnings, 1 note more"},
		{0, 0, 11, [3]int{0, 0, 10}, "2 notes more"},
		{0, 11, 9, [3]int{0, 10, 10}, "1 warning more"},
	} {
		var r runner
		r.feed(render(t, "github", many(tt.errors, tt.warnings, tt.notes), Options{}))
		got := [3]int{len(r.named("error")), len(r.named("warning")), len(r.named("notice"))}
		if got != tt.shown {
			t.Errorf("%d/%d/%d: %v annotations, want %v", tt.errors, tt.warnings, tt.notes, got, tt.shown)
		}
		last := ""
		if n := r.named("notice"); len(n) > 0 && n[len(n)-1].props["title"] == "Belay" {
			last = n[len(n)-1].data
		}
		if tt.left == "" && last != "" || !strings.HasPrefix(last, tt.left) {
			t.Errorf("%d/%d/%d: sum %q, want %q", tt.errors, tt.warnings, tt.notes, last, tt.left)
		}
	}
}

func TestGitHubSortsBySeverity(t *testing.T) {
	var r runner
	r.feed(render(t, "github", many(3, 3, 3), Options{}))
	var names []string
	for _, c := range r.commands[:9] {
		names = append(names, c.name)
	}
	if got := strings.Join(names, " "); got != "error error error warning warning warning notice notice notice" {
		t.Errorf("order %s", got)
	}
}

func TestGitHubNeedsRandomness(t *testing.T) {
	err := writeGitHub(&strings.Builder{}, sample(), Options{Random: strings.NewReader("short")})
	if err == nil || !strings.HasPrefix(err.Error(), "random delimiter: ") {
		t.Errorf("error %v", err)
	}
	var a, b strings.Builder
	if writeGitHub(&a, sample(), Options{}) != nil || writeGitHub(&b, sample(), Options{}) != nil || a.String() == b.String() {
		t.Error("two runs have the same stop token")
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		in    string
		limit int
		want  string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdef", 5, "abcd…"},
		{"a😀b😀", 6, "a😀b😀"},
		{"a😀b😀", 5, "a😀b…"},
		{"a😀b😀", 4, "a😀…"},
		{"a😀b😀", 3, "a…"},
		{"abe\u0301fg", 4, "ab…"},
		{"", 5, ""},
	} {
		if got := cut(tt.in, tt.limit); got != tt.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
	long := strings.Repeat("数据😀%\n", 4000)
	var r runner
	r.feed(command("error", long))
	if n := len(utf16.Encode([]rune(r.commands[0].data))); n > maxAnnotation || n < maxAnnotation-2 {
		t.Errorf("a long message has %d units", n)
	}
}
