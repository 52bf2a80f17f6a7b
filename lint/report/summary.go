package report

import (
	"fmt"
	"html"
	"os"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

// maxSummary is what a step's summary file may hold, in bytes. Over it the
// runner drops the whole summary (runner, CreateStepSummaryCommand).
const maxSummary = 1 << 20

// AppendSummary appends the Markdown summary to the job summary file at path
// (GITHUB_STEP_SUMMARY), which may hold other text already, whole or not at
// all. It is cut to what the file has room for.
func AppendSummary(path string, r *Result, o Options) error {
	return AppendMarkdown(path, func(room int) string { return Summary(r, o, room) })
}

// AppendMarkdown appends to the job summary file at path what text makes of
// the room that is left, in bytes.
func AppendMarkdown(path string, text func(room int) string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return appendWhole(path, text(maxSummary-int(info.Size())-1))
}

// Summary gives the result as Markdown of at most limit bytes: what was
// found, by severity, in tables. Rows that do not fit are counted, the least
// severe first, and no table is cut inside a row.
func Summary(r *Result, o Options, limit int) string {
	p := page{limit: limit}
	p.add("## Belay\n\n" + markdown(sumUp(r)) + "\n")
	tables := summaryTables(r, o)
	for i, t := range tables {
		p.table(t, (len(tables)-1-i)*cutRoom)
	}
	return p.b.String()
}

// table is a section of the summary.
type table struct {
	head string   // the heading and the table's first two rows
	rows []string // with their line feeds
	noun string   // of a row
}

// summaryTables gives the sections that have rows.
func summaryTables(r *Result, o Options) []table {
	findings := table{"\n### Findings\n\n| | Where | What | Rule |\n| --- | --- | --- | --- |\n", nil, "finding"}
	for _, f := range bySeverity(r.Findings) {
		findings.rows = append(findings.rows, row(severityCell(f.Severity), placeCell(f.Span, f.Stack, o),
			messageCell(f), ruleCell(f.Rule, o)))
	}
	drift := table{"\n### Drift of env files\n\n| Key | | Where | What |\n| --- | --- | --- | --- |\n", nil, "key"}
	for _, d := range r.Drift {
		drift.rows = append(drift.rows, row(code(d.Key), code(d.Kind), placeCell(d.Span, d.Stack, o), markdown(d.Text)))
	}
	notices := table{"\n### What could not be known\n\n", nil, "notice"}
	for _, n := range r.Notices {
		notices.rows = append(notices.rows, "- "+markdown(n)+"\n")
	}
	stacks := table{"\n### Stacks\n\n| Stack | Folder | Services | Images |\n| --- | --- | --- | --- |\n", nil, "stack"}
	for _, s := range r.Stacks {
		stacks.rows = append(stacks.rows, row(code(s.Name), code(s.Dir), fmt.Sprint(s.Services), fmt.Sprint(s.Images)))
	}
	return slices.DeleteFunc([]table{findings, drift, notices, stacks}, func(t table) bool { return len(t.rows) == 0 })
}

// page is text that stops growing at a limit.
type page struct {
	b     strings.Builder
	limit int
}

// room for the line that says what was cut.
const cutRoom = 80

// add writes s if it fits.
func (p *page) add(s string) bool {
	if p.b.Len()+len(s) > p.limit {
		return false
	}
	p.b.WriteString(s)
	return true
}

// table writes t, or as many of its rows as leave room to say how many were
// left out. The last reserve bytes are for the tables that follow to say so.
func (p *page) table(t table, reserve int) {
	room := p.limit - p.b.Len() - len(t.head) - reserve
	fit := fitting(t.rows, room)
	if fit < len(t.rows) {
		fit = fitting(t.rows, room-cutRoom)
	}
	if fit > 0 {
		p.add(t.head + strings.Join(t.rows[:fit], ""))
	}
	if left := len(t.rows) - fit; left > 0 {
		p.add(fmt.Sprintf("\n%s more: see the log of this step.\n", count(left, t.noun)))
	}
}

// fitting counts the first rows that fit into room bytes.
func fitting(rows []string, room int) int {
	for i, r := range rows {
		if room -= len(r); room < 0 {
			return i
		}
	}
	return len(rows)
}

func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

func severityCell(s lint.Severity) string {
	switch s {
	case lint.Error:
		return "🔴 error"
	case lint.Warning:
		return "🟡 warning"
	}
	return "🔵 note"
}

func placeCell(span source.Span, stack string, o Options) string {
	if span.IsZero() {
		return code(stack)
	}
	span.File = o.path(span.File)
	return code(span.Pos.String())
}

func messageCell(f lint.Finding) string {
	cell := markdown(f.Message)
	if f.Hint != "" {
		cell += "<br><em>" + markdown(f.Hint) + "</em>"
	}
	return cell
}

// ruleCell names the rule, with a link to its page. Titles and addresses are
// our own text.
func ruleCell(id string, o Options) string {
	if uri := o.Rules[id].URI; uri != "" {
		return `<a href="` + html.EscapeString(uri) + `">` + code(id) + `</a>`
	}
	return code(id)
}
