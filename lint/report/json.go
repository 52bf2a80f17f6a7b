package report

import (
	"encoding/json"
	"io"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

// Version is the version of the json format. It grows when a field
// changes its meaning or goes away; new fields may come without notice.
const Version = 1

// document is the json format. docs/schema/report.schema.json is generated
// from it; UPDATE=1 go test ./lint/report writes it anew.
type document struct {
	Version     int               `json:"version" jsonschema:"enum=1" jsonschema_description:"Version of this format."`
	Belay       string            `json:"belay" jsonschema_description:"Version of Belay."`
	Environment string            `json:"environment" jsonschema_description:"Environment that the policy was applied for."`
	Summary     documentSummary   `json:"summary"`
	Stacks      []documentStack   `json:"stacks"`
	Findings    []documentFinding `json:"findings" jsonschema_description:"Sorted by file, line, column and rule."`
	Drift       []documentDrift   `json:"drift" jsonschema_description:"How env files depart from their examples."`
	Notices     []string          `json:"notices" jsonschema_description:"What could not be known, and why."`
	Dossiers    []json.RawMessage `json:"dossiers,omitempty" jsonschema_description:"What the change of each stack means."`
}

type documentSummary struct {
	Errors     int `json:"errors"`
	Warnings   int `json:"warnings"`
	Notes      int `json:"notes"`
	Drift      int `json:"drift"`
	Suppressed int `json:"suppressed" jsonschema_description:"Findings that a belay:ignore comment silenced."`
	Baselined  int `json:"baselined" jsonschema_description:"Findings that the baseline file holds."`
}

type documentStack struct {
	Name     string   `json:"name"`
	Dir      string   `json:"dir" jsonschema_description:"Project directory, relative to the repository."`
	Files    []string `json:"files" jsonschema_description:"Compose files, in the order compose reads them."`
	Services int      `json:"services"`
	Images   int      `json:"images" jsonschema_description:"Services that have an image."`
}

type documentPlace struct {
	File      string `json:"file,omitempty" jsonschema_description:"Relative to the repository, with slashes."`
	Line      int    `json:"line,omitempty" jsonschema_description:"From 1; absent when only the file is known."`
	Column    int    `json:"column,omitempty" jsonschema_description:"From 1, in characters."`
	EndColumn int    `json:"endColumn,omitempty" jsonschema_description:"Exclusive, in characters."`
}

type documentFinding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity" jsonschema:"enum=error,enum=warning,enum=note"`
	documentPlace
	Message     string            `json:"message"`
	Hint        string            `json:"hint,omitempty" jsonschema_description:"What to do."`
	Stack       string            `json:"stack,omitempty"`
	Service     string            `json:"service,omitempty"`
	Source      string            `json:"source,omitempty" jsonschema_description:"The source line, values of env files masked."`
	Fixable     bool              `json:"fixable" jsonschema_description:"lint --fix repairs it."`
	Fingerprint string            `json:"fingerprint" jsonschema:"pattern=^[0-9a-f]{32}$" jsonschema_description:"The same when lines move."`
	Related     []documentRelated `json:"related,omitempty" jsonschema_description:"The other places it speaks of."`
}

type documentRelated struct {
	documentPlace
	Message string `json:"message"`
}

type documentDrift struct {
	documentPlace
	Stack string `json:"stack,omitempty"`
	Key   string `json:"key"`
	Kind  string `json:"kind"`
	Text  string `json:"text"`
}

// writeJSON writes everything the result holds, for programs. Paths are as in
// the result, relative to the root.
func writeJSON(w io.Writer, r *Result, _ Options) error {
	d := document{
		Version: Version, Belay: r.Version, Environment: string(r.Environment),
		Summary: documentSummary{r.Count(lint.Error), r.Count(lint.Warning), r.Count(lint.Note),
			len(r.Drift), r.Suppressed, r.Baselined},
		Stacks: []documentStack{}, Findings: []documentFinding{}, Drift: []documentDrift{},
		Notices: append([]string{}, r.Notices...), Dossiers: r.Dossiers,
	}
	for _, s := range r.Stacks {
		d.Stacks = append(d.Stacks, documentStack{s.Name, s.Dir, append([]string{}, s.Files...), s.Services, s.Images})
	}
	prints := lint.Fingerprints(r.Findings)
	for i, f := range r.Findings {
		d.Findings = append(d.Findings, jsonFinding(f, prints[i]))
	}
	for _, v := range r.Drift {
		d.Drift = append(d.Drift, documentDrift{jsonPlace(v.Span, ""), v.Stack, v.Key, v.Kind, v.Text})
	}
	return encodeJSON(w, d)
}

func jsonFinding(f lint.Finding, fingerprint string) documentFinding {
	out := documentFinding{
		Rule: f.Rule, Severity: f.Severity.String(), documentPlace: jsonPlace(f.Span, f.Source),
		Message: f.Message, Hint: f.Hint, Stack: f.Stack, Service: f.Service, Source: f.Source,
		Fixable: len(f.Edits) > 0, Fingerprint: fingerprint,
	}
	for _, rel := range f.Related {
		out.Related = append(out.Related, documentRelated{jsonPlace(rel.Span, ""), rel.Message})
	}
	return out
}

func jsonPlace(span source.Span, line string) documentPlace {
	p := documentPlace{File: span.File}
	if span.Line > 0 {
		at := placed(span, line)
		p.Line, p.Column, p.EndColumn = at.line, at.col, at.end
	}
	return p
}
