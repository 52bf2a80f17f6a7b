// Package report writes what lint found in the formats that people and
// machines read.
//
// What must stay true:
//   - Names, messages and source lines are untrusted. In no format can they
//     become a workflow command of the Actions runner, an escape sequence of a
//     terminal, or Markdown, HTML, XML or JSON of their own.
//   - Nothing is written that the Result does not hold; values of env files
//     are not in it.
//   - The same Result gives the same bytes, apart from the random stop token
//     of the github format.
//
// To add a format: one new file with a function as Format.Write, its test, and
// one line in Formats.
package report

import (
	"cmp"
	"encoding/json"
	"io"
	"path"
	"slices"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

// Result is what one run of check, lint or env has to say.
type Result struct {
	Version     string            // of Belay: "1.2.3"
	Environment lint.Environment  // what the policy was applied for
	Stacks      []Stack           // in the order of belay.yml, else of their folders
	Findings    []lint.Finding    // in the order of lint.Sort
	Drift       []Drift           // how .env departs from its examples
	Notices     []string          // what could not be known, and why
	Dossiers    []json.RawMessage // what the change of each stack means, by docs/schema/dossier.schema.json; for the json format
	Suppressed  int               // findings that a belay:ignore comment silenced
	Baselined   int               // findings that the baseline file holds
}

// Stack is a stack that was looked at.
type Stack struct {
	Name     string
	Dir      string   // relative to the root, with slashes; "." is the root
	Files    []string // compose files, in the order compose reads them
	Services int
	Images   int // services that have an image
}

// Drift is one way in which an env file departs from its examples. It is
// news, not a finding: formats that know only findings carry it as a note.
type Drift struct {
	source.Span        // where the key stands, or should
	Stack       string // the stack's name
	Key         string // "DB_HOST", or a path of Helm values: "image.tag"
	Kind        string // a word in kebab-case: "added", "default-changed"
	Text        string // one sentence without a value
}

// Rule is a rule's documentation as the formats that carry one need it.
type Rule struct {
	Title string // one line, no full stop
	Why   string // a paragraph of Markdown
	URI   string // its page
}

// Options are what a format needs besides the result. The zero value works.
type Options struct {
	Color  bool            // ANSI colours in the text format
	Rules  map[string]Rule // documentation by rule ID; one that is absent is named by its ID alone
	Prefix string          // folder of the root relative to the workspace, with slashes: "" when they are the same
	Random io.Reader       // source of the github format's stop token; nil is crypto/rand
}

// path gives a finding's path relative to the workspace, as platforms expect.
func (o Options) path(file string) string {
	if file == "" || o.Prefix == "" {
		return file
	}
	return path.Join(o.Prefix, file)
}

// driftRule is the rule ID under which formats that know only findings carry
// drift of a kind.
func driftRule(kind string) string { return "drift-" + kind }

// all gives the findings, followed by the drift as notes.
func (r *Result) all() []lint.Finding {
	out := slices.Clone(r.Findings)
	for _, d := range r.Drift {
		out = append(out, lint.Finding{Rule: driftRule(d.Kind), Severity: lint.Note, Span: d.Span,
			Stack: d.Stack, Message: d.Key + ": " + d.Text})
	}
	return out
}

// Count says how many findings have a severity. Drift does not count.
func (r *Result) Count(s lint.Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// bySeverity gives findings with the most severe first, else in their order.
func bySeverity(fs []lint.Finding) []lint.Finding {
	fs = slices.Clone(fs)
	slices.SortStableFunc(fs, func(a, b lint.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return fs
}

// message is what a finding says and what to do about it, for formats with
// one text for both.
func message(f lint.Finding) string {
	if f.Hint == "" {
		return f.Message
	}
	return f.Message + "\n" + f.Hint
}
