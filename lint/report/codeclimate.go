package report

import (
	"io"

	"github.com/belaystack/belay/lint"
)

// codeQuality is one entry of GitLab's code quality report, with the fields
// that its documentation lists as required ("Code Quality report format").
type codeQuality struct {
	Description string              `json:"description"`
	CheckName   string              `json:"check_name"`
	Fingerprint string              `json:"fingerprint"`
	Severity    string              `json:"severity"`
	Location    codeQualityLocation `json:"location"`
}

type codeQualityLocation struct {
	Path  string           `json:"path"`
	Lines codeQualityLines `json:"lines"`
}

type codeQualityLines struct {
	Begin int `json:"begin"`
	End   int `json:"end"`
}

// writeCodeClimate writes GitLab's code quality report: a list of findings,
// "[]" when there are none. It has no place for what could not be known. A
// finding that stands in no file is put into the stack's folder, since GitLab
// refuses a report with an entry that has no path.
func writeCodeClimate(w io.Writer, r *Result, o Options) error {
	all := r.all()
	names := lint.Fingerprints(all)
	out := make([]codeQuality, len(all))
	for i, f := range all {
		at := regionOf(f)
		out[i] = codeQuality{
			Description: message(f), CheckName: f.Rule, Fingerprint: names[i], Severity: codeQualitySeverity(f.Severity),
			Location: codeQualityLocation{o.path(fileOf(f, r)), codeQualityLines{at.line, at.line}},
		}
	}
	return encodeJSON(w, out)
}

func codeQualitySeverity(s lint.Severity) string {
	switch s {
	case lint.Error:
		return "major"
	case lint.Warning:
		return "minor"
	}
	return "info"
}

// fileOf is a finding's file; for one that stands in none the first compose
// file of its stack, else the root.
func fileOf(f lint.Finding, r *Result) string {
	if !f.IsZero() {
		return f.File
	}
	for _, s := range r.Stacks {
		if s.Name == f.Stack && len(s.Files) > 0 {
			return s.Files[0]
		}
	}
	return "."
}
