// Package lint runs rules over stacks and says what they find.
//
// What must stay true: findings come out sorted by file, line, column and
// rule, never by map order; a rule's message never holds a value of an env
// file; a rule that cannot run is an error, not a finding.
//
// To add a rule: one new file in lint/rules and one line in its all.go.
package lint

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/belaystack/belay/lint/source"
)

// Severity is how much a finding matters.
type Severity uint8

// The severities. Off silences a rule; it is never the severity of a finding.
const (
	Off Severity = iota
	Note
	Warning
	Error
)

var severityNames = [...]string{"off", "note", "warning", "error"}

func (s Severity) String() string { return severityNames[s] }

// MarshalText gives "off", "note", "warning" or "error".
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Severity) UnmarshalText(b []byte) error {
	i := slices.Index(severityNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("severity %q: want error, warning, note or off", b)
	}
	*s = Severity(i)
	return nil
}

// Finding is one thing that lint has to say. It is a value, not an error: a
// file full of findings was linted successfully.
type Finding struct {
	Rule     string
	Severity Severity
	source.Span
	Message string
	Hint    string        // what to do, never what is wrong
	Stack   string        // the stack's name
	Service string        // the service it is about, if one
	Related []Related     // the other places it speaks of
	Edits   []source.Edit // the repair, when no person is needed to choose it
	Source  string        // the source line as it may be printed: values of env files masked
}

// Related is another place that a finding names.
type Related struct {
	source.Span
	Message string
}

// Sort puts findings in their one order.
func Sort(fs []Finding) {
	slices.SortStableFunc(fs, func(a, b Finding) int {
		return cmp.Or(a.Span.Compare(b.Span.Pos), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
}
