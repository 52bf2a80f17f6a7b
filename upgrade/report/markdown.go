package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of GitHub, with room for what a client adds.
const (
	CommentLimit = 60_000      // UTF-16 units of a comment; GitHub takes 65,536
	SummaryLimit = 1<<20 - 512 // bytes of a job summary; GitHub takes 1 MiB
)

// Options say where Markdown goes.
type Options struct {
	Limit int    // most UTF-16 units of the result; 0: no limit. Below 300 nothing but the verdict is sure to fit
	Bytes bool   // Limit counts bytes
	More  string // https URL of where the whole stands; "" none
}

// Markdown gives r as a comment or a job summary.
func Markdown(r *Run, o Options) string {
	if o.Limit <= 0 {
		o.Limit = int(^uint(0) >> 1)
	}
	for _, d := range details {
		if s := whole(r, o, d, nil); o.fits(s) {
			return s
		}
	}
	return least(r, o)
}

// page is Markdown as it is written.
type page struct {
	strings.Builder
	detail
	o   Options
	cut bool // something was left out
}

func (m *page) printf(format string, args ...any) { fmt.Fprintf(m, format, args...) }

// blank puts one empty line before what follows.
func (m *page) blank() {
	if s := m.String(); s != "" && !strings.HasSuffix(s, "\n\n") {
		m.WriteByte('\n')
	}
}

// whole gives r with so much detail, without some sections.
func whole(r *Run, o Options, d detail, without map[string]bool) string {
	m := &page{o: o, detail: d}
	m.title(r)
	m.decisive(r)
	var gone []string
	for _, s := range sections {
		p := &page{o: o, detail: d}
		s.write(p, r)
		if p.Len() == 0 {
			continue
		}
		if without[s.title] {
			gone = append(gone, "“"+s.title+"”")
			continue
		}
		m.heading(s.title)
		m.WriteString(p.String())
		m.cut = m.cut || p.cut
	}
	if len(gone) > 0 {
		m.blank()
		m.printf("*✂️ %s: %s*\n", strings.Join(gone, ", "), o.where())
	}
	m.footer(r)
	return m.String()
}

// title is the least that is shown of a run.
func (m *page) title(r *Run) {
	v := verdictOf(r)
	m.printf("### ⚓ Belay · %s\n\n**%s %s**\n", orText(r.Project, 60, "stack"), v.Sign, v.Line)
}

// orText is text, or other where there is none.
func orText(s string, max int, other string) string {
	if s = text(s, max); s == "" {
		return other
	}
	return s
}

// decisive is what a person must know: why it ended so, what to do, what was
// refused and what was skipped on purpose.
func (m *page) decisive(r *Run) {
	var about []string
	for _, f := range facts(r) {
		value := text(f[1], maxName)
		if f[0] == "run" || f[0] == "commit" {
			value = code(f[1], maxName)
		}
		about = append(about, f[0]+" "+value)
	}
	if len(about) > 0 {
		m.printf("\n%s\n", strings.Join(about, " · "))
	}
	if r.Reason != "" {
		m.printf("\n%s\n", text(r.Reason, maxText))
	}
	m.bullets("What stands where", r.Stands)
	m.next(r.Next)
	if len(r.Refusals) > 0 {
		m.heading("Refused because")
		limited(m, r.Refusals, m.rows, "refusal", func(f Refusal) string { return refusal(f) })
	}
	if len(r.Accepted) > 0 {
		m.heading("Skipped or allowed on purpose")
		limited(m, r.Accepted, m.rows, "flag", func(s string) string { return "- ⚠️ " + code(s, maxName) })
	}
	m.bullets("Notes", r.Notes)
}

func refusal(f Refusal) string {
	s := "- "
	if f.Step != "" {
		s += "**" + text(f.Step, maxName) + "**: "
	}
	s += text(f.Reason, maxText)
	if f.Found != "" {
		s += "; found " + text(f.Found, maxName)
	}
	if f.Needed != "" {
		s += "; needed " + text(f.Needed, maxName)
	}
	if f.Hint != "" {
		s += " → " + text(f.Hint, maxText)
	}
	return s
}

func (m *page) heading(s string) {
	m.blank()
	m.printf("#### %s\n\n", s)
}

func (m *page) bullets(title string, all []string) {
	if len(all) == 0 {
		return
	}
	m.heading(title)
	limited(m, all, m.rows, "line", func(s string) string { return "- " + text(s, maxText) })
}

// next is the block of the commands to go on with; a command is never cut.
func (m *page) next(all []string) {
	if len(all) == 0 {
		return
	}
	m.heading("What to do next")
	m.WriteString(fence("sh", all))
}

// limited writes a line for each of the first most, and says how many more
// there are.
func limited[T any](m *page, all []T, most int, noun string, line func(T) string) {
	for i, x := range all {
		if i == most {
			break
		}
		m.WriteString(line(x) + "\n")
	}
	m.left(len(all)-most, noun)
}

// left says that n things were left out.
func (m *page) left(n int, noun string) {
	if n <= 0 {
		return
	}
	m.cut = true
	m.blank()
	m.printf("*✂️ %s more: %s*\n", count(n, noun), m.o.where())
}

// footer says who speaks, and where the whole stands.
func (m *page) footer(r *Run) {
	s := strings.TrimSpace("⚓ Belay " + text(r.Belay, 40))
	if m.cut {
		s += " · ✂️ shortened"
	}
	if to := address(m.o.More); to != "" {
		s += " · [whole report](" + strings.ReplaceAll(to, "&", "&amp;") + ")"
	}
	m.blank()
	m.printf("<sub>%s</sub>\n", s)
}

// fold is a block of lines below a summary, the last of them where there are
// too many.
func (m *page) fold(summary string, output []string, open bool) {
	all := lines(output)
	if len(all) == 0 || !m.folds {
		return
	}
	if n := len(all) - m.lines; n > 0 {
		m.cut = true
		all = append([]string{fmt.Sprintf("[%s before left out]", count(n, "line"))}, all[n:]...)
	}
	for i, l := range all {
		if utf8.RuneCountInString(l) > maxText {
			all[i] = string([]rune(l)[:maxText]) + "…"
		}
	}
	attr := ""
	if open {
		attr = " open"
	}
	m.blank()
	m.printf("<details%s><summary>%s</summary>\n\n%s\n</details>\n", attr, summary, fence("", all))
}
