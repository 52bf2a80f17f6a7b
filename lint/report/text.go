package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

// writeText writes for people: each finding as
//
//	file:line:col: severity: message [rule]
//	  | the source line
//	  |     ^~~~~~
//	  hint: what to do
//	  see file:line:col: another place
//
// then drift, notices, and one line that sums up. The first line's form is
// what .github/belay-matcher.json matches.
func writeText(w io.Writer, r *Result, o Options) error {
	var b bytes.Buffer
	p := painter(o.Color)
	for _, f := range r.Findings {
		textFinding(&b, f, p)
	}
	for _, d := range r.Drift {
		fmt.Fprintf(&b, "%s %s: %s: %s\n", p.bold(place(d.Span, d.Stack)), p.kind(brief(d.Kind)), brief(d.Key), brief(d.Text))
	}
	for _, n := range r.Notices {
		fmt.Fprintf(&b, "%s %s\n", p.kind("notice:"), brief(n))
	}
	fmt.Fprintln(&b, p.bold(sumUp(r)))
	_, err := w.Write(b.Bytes())
	return err
}

func textFinding(b *bytes.Buffer, f lint.Finding, p painter) {
	fmt.Fprintf(b, "%s %s %s %s\n", p.bold(place(f.Span, f.Stack)), p.severity(f.Severity, f.Severity.String()+":"),
		brief(f.Message), p.dim("["+brief(f.Rule)+"]"))
	if f.Source != "" && f.Line > 0 {
		line, mark := excerpt(f)
		fmt.Fprintf(b, "  | %s\n  | %s\n", line, p.severity(f.Severity, mark))
	}
	if f.Hint != "" {
		fmt.Fprintf(b, "  hint: %s\n", brief(f.Hint))
	}
	for _, rel := range f.Related {
		fmt.Fprintf(b, "  see %s %s\n", place(rel.Span, f.Stack), brief(rel.Message))
	}
}

// place is where a line of text points: "file:line:col:", or the stack's name
// for what stands in no file.
func place(span source.Span, stack string) string {
	at := brief(span.Pos.String())
	switch {
	case !span.IsZero():
	case stack != "":
		at = brief(stack)
	default:
		at = "belay"
	}
	return lineStart(at + ":")
}

// sumUp says in one line what was looked at and what came out.
func sumUp(r *Result) string {
	var parts []string
	for _, s := range []lint.Severity{lint.Error, lint.Warning, lint.Note} {
		if n := r.Count(s); n > 0 {
			parts = append(parts, count(n, s.String()))
		}
	}
	line := "no findings"
	if len(parts) > 0 {
		line = strings.Join(parts, ", ")
	}
	if n := len(r.Drift); n > 0 {
		line += ", drift of " + count(n, "key")
	}
	images := 0
	for _, s := range r.Stacks {
		images += s.Images
	}
	line += fmt.Sprintf(" in %s (%s)", count(len(r.Stacks), "stack"), count(images, "image"))
	if r.Environment != "" {
		line += ", environment " + visible(string(r.Environment))
	}
	var quiet []string
	if r.Suppressed > 0 {
		quiet = append(quiet, fmt.Sprintf("%d suppressed", r.Suppressed))
	}
	if r.Baselined > 0 {
		quiet = append(quiet, fmt.Sprintf("%d in the baseline", r.Baselined))
	}
	if len(quiet) > 0 {
		line += "; " + strings.Join(quiet, ", ")
	}
	return line
}

// count gives "1 stack", "2 stacks".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// painter colours text, or not.
type painter bool

func (p painter) paint(code, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p painter) bold(s string) string { return p.paint("1", s) }
func (p painter) dim(s string) string  { return p.paint("2", s) }
func (p painter) kind(s string) string { return p.paint("36", s) }

func (p painter) severity(s lint.Severity, text string) string {
	switch s {
	case lint.Error:
		return p.paint("1;31", text)
	case lint.Warning:
		return p.paint("1;33", text)
	}
	return p.paint("1;36", text)
}
