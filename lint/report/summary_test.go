package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint"
)

func TestSummary(t *testing.T) {
	got := Summary(sample(), Options{Rules: docs(), Prefix: "deploy"}, maxSummary)
	must(t, got, "## Belay\n\n2 errors, 1 warning", "🔴 error | <code>deploy/compose.yaml&#58;4&#58;12</code>",
		`<a href="https://example.org/rules#image-tag-floating"><code>image-tag-floating</code></a>`,
		"### Drift of env files", "<code>DB&#95;TYPE</code>", "### What could not be known", "| <code>proxy</code> | <code>proxy</code> | 1 | 1 |")
	if e, w := strings.Index(got, "image-tag-floating"), strings.Index(got, "record-stale"); e > w {
		t.Error("a note stands before an error")
	}
	mustNot(t, Summary(&Result{}, Options{}, maxSummary), "###", "| --- |")
}

// A summary over the limit would be dropped whole; a table cut inside a row
// would break the page.
func TestSummaryIsCutBetweenRows(t *testing.T) {
	r := many(200, 200, 200)
	r.Notices = []string{"n"}
	full := Summary(r, Options{}, 1<<30)
	for limit := 0; limit < len(full)+50; limit += 397 {
		got := Summary(r, Options{}, limit)
		if len(got) > limit {
			t.Fatalf("limit %d: %d bytes", limit, len(got))
		}
		rows := strings.Count(got, "🔴 error") + strings.Count(got, "🟡 warning") + strings.Count(got, "🔵 note")
		if rows < 600 && rows > 0 && !strings.Contains(got, fmt.Sprintf("\n%d finding", 600-rows)) {
			t.Errorf("limit %d: %d rows, and it does not say how many are left out", limit, rows)
		}
		if strings.Contains(got, "🔵") && strings.Count(got, "🔴") < 200 {
			t.Errorf("limit %d: a note took the place of an error", limit)
		}
		for line := range strings.SplitSeq(got, "\n") {
			if strings.HasPrefix(line, "|") && !strings.HasSuffix(line, "|") {
				t.Fatalf("limit %d: half a row: %q", limit, line)
			}
		}
	}
	if got := Summary(r, Options{}, len(full)+cutRoom); got != full {
		t.Error("cut although it fits")
	}
}

func TestAppendSummary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary")
	before := strings.Repeat("x", maxSummary-5000)
	if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := AppendSummary(path, many(500, 0, 0), Options{}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) > maxSummary || !strings.HasPrefix(string(got), before+"\n## Belay\n") {
		t.Errorf("%d bytes, or the other text is gone", len(got))
	}
	must(t, string(got[len(before):]), "findings more: see the log")
	if err := AppendSummary(path+"-none", &Result{}, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: error %v", err)
	}
}

// A finding with all its parts must not break the page's size by itself.
func TestSummaryOfHugeText(t *testing.T) {
	huge := strings.Repeat("<", 2<<20)
	r := &Result{Findings: []lint.Finding{{Rule: huge, Message: huge, Hint: huge, Span: at(huge, 1, 1, 0, 0)}}, Notices: []string{huge}}
	if n := len(Summary(r, Options{}, maxSummary)); n > 100_000 || n < 10_000 {
		t.Errorf("%d bytes", n)
	}
}
