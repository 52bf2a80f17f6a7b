package rules

import (
	"fmt"
	"strings"

	"github.com/belaystack/belay/lint"
)

// Markdown gives docs/rules.md: what every rule says of itself, in the order
// of All.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# Rules\n\n" +
		"<!-- Written from the rules themselves: make docs. -->\n\n" +
		"The severity is that of a rule's worst findings; a lesser one is said in the text. On a service that no\n" +
		"enabled profile starts, every finding is a note. `belay.yml` sets another severity, or `off`, under `rules:`.\n\n" +
		"In the examples `-- name --` begins a file, and what is below `base/` is the state before the change. Each\n" +
		"first example breaks its rule and each second one does not; the tests run them.\n\n")
	b.WriteString("| rule | severity | what it finds |\n|---|---|---|\n")
	for _, r := range All() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", r.ID, r.ID, r.Severity, r.Doc.Title)
	}
	for _, r := range All() {
		b.WriteString(section(r))
	}
	return b.String()
}

func section(r *lint.Rule) string {
	base := ""
	if r.NeedsBase {
		base = " Needs a base (`--base`)."
	}
	return fmt.Sprintf("\n## %s\n\n%s. Severity: %s.%s\n\n%s\n\nBad:\n\n%s\nGood:\n\n%s",
		r.ID, r.Doc.Title, r.Severity, base, r.Doc.Why, fenced(r.Doc.Bad), fenced(r.Doc.Good))
}

// fenced puts text into a code block with a fence that the text does not hold.
func fenced(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "yaml\n" + strings.TrimRight(text, "\n") + "\n" + fence + "\n"
}
