package dossier

import (
	"fmt"
	"strings"

	"github.com/belaystack/belay/release"
)

// table is a container whose kids are rows.
func table(unit string, heads ...string) *node {
	return &node{
		open:  "| " + strings.Join(heads, " | ") + " |\n" + strings.Repeat("|---", len(heads)) + "|\n",
		tight: true,
		unit:  unit,
	}
}

// row gives a row of a table; cells are Markdown of one line without pipes.
func row(t tier, unit string, cells ...string) *node {
	return line(t, unit, "| "+strings.Join(cells, " | ")+" |")
}

// changes is the table of the images.
func (r *render) changes(all []release.Change) *node {
	if len(all) == 0 {
		return nil
	}
	t := table("", "image", "from", "to", "jump", "services", "note")
	for i, c := range all {
		image := r.code(c.Image)
		if c.OldImage != "" && c.OldImage != c.Image {
			image = r.code(c.OldImage) + " → " + image
		}
		t.kids = append(t.kids, row(early(i, 20), "image", image, r.code(c.Old), r.code(c.New), r.text(string(c.Jump), 40),
			r.codes(c.Services, 12), r.noted(c)))
	}
	return section("Changes", t)
}

// noted is the cell of what is to be known of a change, and its places.
func (r *render) noted(c release.Change) string {
	note, at := r.prose(changeNote(c), maxLine), r.places("", c.Places)
	if note != "" && at != "" {
		note += " · "
	}
	return note + at
}

// changeNote puts what is to be known of a change in words.
func changeNote(c release.Change) string {
	var notes []string
	if c.Stateful {
		notes = append(notes, "keeps data")
	}
	if c.Disabled {
		notes = append(notes, "no enabled profile starts it")
	}
	if c.Note != "" {
		notes = append(notes, c.Note)
	}
	return strings.Join(notes, "; ")
}

// structure is the list of services and volumes that came or went.
func (r *render) structure(parts []release.Part) *node {
	var kids []*node
	for i, p := range parts {
		t := plans
		if i >= 50 {
			t = bulk
		}
		s := "- " + r.text(p.Kind, 20) + " " + r.code(p.Name) + " " + r.text(p.What, 20)
		if p.Was != "" {
			s += ", formerly " + r.code(p.Was)
		}
		if p.Image != "" {
			s += ", image " + r.code(p.Image)
		}
		kids = append(kids, line(t, "service or volume", s+r.places(" · ", []release.Place{p.Place})))
	}
	return section("Services and volumes", kids...)
}

// openFindings is how many findings are shown without a click.
const openFindings = 10

// severities in the order of the table.
var severities = [...]string{"error", "warning", "note"}

// severitySign has a severity's light beside its word.
func severitySign(s string) string {
	switch s {
	case "error":
		return "🔴 error"
	case "warning":
		return "🟡 warning"
	}
	return "🔵 note"
}

// bySeverity gives the findings with errors first, else in their order.
func bySeverity(all []release.Finding) []release.Finding {
	var out []release.Finding
	for _, s := range severities {
		for _, f := range all {
			if f.Severity == s || s == "note" && f.Severity != "error" && f.Severity != "warning" {
				out = append(out, f)
			}
		}
	}
	return out
}

// findings is the table of what lint says, the first of it open.
func (r *render) findings(all []release.Finding) *node {
	if len(all) == 0 {
		return nil
	}
	heads := []string{"severity", "place", "message", "what to do"}
	open := table("", heads...)
	rest := table("", heads...)
	for i, f := range bySeverity(all) {
		t := open
		if i >= openFindings {
			t = rest
		}
		t.kids = append(t.kids, row(findingTier(i, f.Severity), findingUnit(f.Severity), severitySign(f.Severity), r.places("", []release.Place{f.Place}),
			r.prose(f.Message, maxLine)+" "+r.code(f.Rule), r.prose(f.Hint, maxLine)))
	}
	kids := []*node{open}
	if n := len(rest.kids); n > 0 {
		kids = append(kids, fold(count(n, "more finding"), rest))
	}
	return section("Findings", kids...)
}

func findingTier(i int, severity string) tier {
	switch {
	case severity == "error":
		return early(i, 25)
	case i < 100:
		return warnings
	}
	return bulk
}

func findingUnit(severity string) string {
	if severity == "error" || severity == "warning" {
		return severity
	}
	return "note"
}

// fold is a container that is shut until it is clicked on. Summary is what inTag
// gives.
func fold(summary string, kids ...*node) *node {
	return &node{
		open: fmt.Sprintf("<details><summary>%s</summary>\n", summary),
		shut: "</details>\n",
		kids: kids,
	}
}
