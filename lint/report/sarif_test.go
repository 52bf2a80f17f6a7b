package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint"
)

// The schema of SARIF 2.1.0 as the package @microsoft/jest-sarif 1.0.0-beta.0
// (MIT) carries it.
const sarifSchema = "testdata/sarif-2.1.0.schema.json"

// readSARIF gives what a reader sees.
func readSARIF(t *testing.T, r *Result, o Options) sarifLog {
	t.Helper()
	var log sarifLog
	if err := json.Unmarshal([]byte(render(t, "sarif", r, o)), &log); err != nil {
		t.Fatal(err)
	}
	return log
}

func TestSARIFIsValid(t *testing.T) {
	valid(t, sarifSchema, render(t, "sarif", sample(), Options{Rules: docs()}))
	valid(t, sarifSchema, render(t, "sarif", &Result{}, Options{}))
	for _, text := range attacks() {
		valid(t, sarifSchema, render(t, "sarif", hostile(text), Options{}))
	}
}

func TestSARIFRunsAreStacks(t *testing.T) {
	r := sample()
	r.Stacks = append(r.Stacks, Stack{Name: "a/b"}, Stack{Name: "a b"})
	r.Findings = append(r.Findings, lint.Finding{Rule: "config", Severity: lint.Warning, Span: at("belay.yml", 2, 1, 4, 3)})
	var got []string
	for _, run := range readSARIF(t, r, Options{}).Runs {
		got = append(got, fmt.Sprint(run.Automation.ID, " ", len(run.Results)))
	}
	want := []string{"belay/ai/ 5", "belay/proxy/ 0", "belay/a-b/ 0", "belay/a-b-2/ 0", "belay/ 1"}
	if !slices.Equal(got, want) {
		t.Errorf("runs %q, want %q", got, want)
	}
}

func TestSARIFLimits(t *testing.T) {
	r := &Result{}
	for i := range 50 {
		name := fmt.Sprint("s", i)
		r.Stacks = append(r.Stacks, Stack{Name: name, Files: []string{name + "/compose.yaml"}})
		r.Findings = append(r.Findings, lint.Finding{Rule: "x", Severity: lint.Error, Stack: name, Span: at("f", i+1, 1, 0, 0)})
	}
	r.Findings = append(r.Findings, lint.Finding{Rule: "x", Severity: lint.Error, Span: at("f", 90, 1, 0, 0)})
	log := readSARIF(t, r, Options{})
	results := 0
	for _, run := range log.Runs {
		results += len(run.Results)
	}
	if len(log.Runs) != maxSARIFRuns || results != 51 {
		t.Errorf("%d runs with %d results, want %d with 51", len(log.Runs), results, maxSARIFRuns)
	}

	fs := make([]lint.Finding, 10)
	for i := range fs {
		fs[i] = lint.Finding{Severity: lint.Warning}
	}
	fs[2].Severity, fs[3].Severity, fs[9].Severity = lint.Note, lint.Note, lint.Error
	kept, dropped := mostSevere(fs, 8)
	if dropped != 2 || !slices.Equal(kept, []int{0, 1, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("kept %v, dropped %d", kept, dropped)
	}
}

func TestSARIFCountsWhatItDrops(t *testing.T) {
	f := lint.Finding{Rule: "x", Severity: lint.Note, Span: at("f", 1, 1, 0, 1)}
	run := readSARIF(t, &Result{Findings: slices.Repeat([]lint.Finding{f}, maxSARIFResults+3)}, Options{}).Runs[0]
	if len(run.Results) != maxSARIFResults {
		t.Errorf("%d results", len(run.Results))
	}
	if n := run.Invocations[0].Notifications; len(n) != 1 || !strings.HasPrefix(n[0].Message.Text, "3 findings more") {
		t.Errorf("notifications %v", n)
	}
}

func TestSARIFResult(t *testing.T) {
	f := lint.Finding{Rule: "x", Severity: lint.Note, Stack: "s", Message: "see [a](b) of ${KEY}", Hint: "do",
		Source: "名: x", Span: at("dir 1/a:b%.yaml", 3, 4, 9, 0)}
	nowhere := lint.Finding{Rule: "x", Severity: lint.Note, Stack: "s"}
	r := &Result{Stacks: []Stack{{Name: "s", Files: []string{"compose.yaml"}}}, Findings: []lint.Finding{f, nowhere}}
	results := readSARIF(t, r, Options{Prefix: "p"}).Runs[0].Results
	got := results[0]
	if want := `see \[a\](b) of ${KEY}` + "\ndo"; got.Message.Text != want {
		t.Errorf("message %q, want %q", got.Message.Text, want)
	}
	if uri := got.Locations[0].Physical.Artifact.URI; uri != "p/dir%201/a%3Ab%25.yaml" {
		t.Errorf("uri %q", uri)
	}
	if region := got.Locations[0].Physical.Region; region != (sarifRegion{3, 4, 3, 5}) {
		t.Errorf("region %v: has no width, or counts bytes", region)
	}
	if uri := results[1].Locations[0].Physical.Artifact.URI; uri != "p/compose.yaml" {
		t.Errorf("a finding without a place stands in %q", uri)
	}
	if a, b := got.Fingerprints["belayFinding/v1"], results[1].Fingerprints["belayFinding/v1"]; a == b || len(a) != 32 {
		t.Errorf("fingerprints %q and %q", a, b)
	}
}
