package report

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

const (
	minWidth = 40 // text is wrapped at no less
	tail     = 15 // lines of an output or a log that a terminal gets
	few      = 10 // items of a list that a terminal gets
)

// Text gives r for a terminal, wrapped at width; 0 does not wrap. It is short:
// what decides, what differs and what failed. Nothing in it moves a cursor,
// changes the direction of text or is a command for a runner.
func Text(r *Run, width int, color bool) string {
	if width > 0 {
		width = max(width, minWidth)
	}
	t := &terminal{width: width, color: color}
	t.head(r)
	t.list("What stands where", r.Stands)
	t.next(r.Next)
	t.refusals(r.Refusals)
	t.list("Skipped or allowed on purpose", r.Accepted)
	t.list("Notes", r.Notes)
	t.services(r.Services)
	t.data(r)
	t.checks(r)
	t.logs("Last lines of what did not get well", r.Logs)
	t.logs("New error lines", r.Errors)
	t.downtime(r.Downtime)
	t.backups(r.Backups)
	return t.String()
}

// terminal writes lines.
type terminal struct {
	strings.Builder
	width int
	color bool
}

func (t *terminal) paint(code, s string) string {
	if !t.color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// title begins a part.
func (t *terminal) title(s string) { t.WriteString("\n" + t.paint("1", s) + "\n") }

// item writes text behind a mark, wrapped and hung below its start.
func (t *terminal) item(mark, s string) {
	hang := columns(mark)
	room := t.width - hang
	now, used := "", 0
	put := func() {
		t.WriteString(strings.TrimRight(mark+harmless(now), " ") + "\n")
		mark, now, used = strings.Repeat(" ", hang), "", 0
	}
	for word := range strings.FieldsSeq(clean(s, maxWhole)) {
		n := columns(word)
		if t.width > 0 && used > 0 && used+1+n > room {
			put()
		}
		if used > 0 {
			now, used = now+" ", used+1
		}
		now, used = now+word, used+n
	}
	put()
}

// columns counts the columns of a terminal that s takes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		k := width.LookupRune(r).Kind()
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case k == width.EastAsianWide, k == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

func (t *terminal) head(r *Run) {
	v := verdictOf(r)
	colour := map[string]string{"good": "1;32", "neutral": "1;33", "bad": "1;31"}[v.Level]
	t.WriteString(t.paint("1", harmless(cmp.Or(clean(r.Project, 60), "stack"))) + " · " + t.paint(colour, v.Line) + "\n")
	var about []string
	for _, f := range facts(r) {
		about = append(about, f[0]+" "+clean(f[1], maxName))
	}
	t.item("  ", strings.Join(about, " · "))
	if r.Reason != "" {
		t.item("  ", r.Reason)
	}
}

func (t *terminal) list(title string, all []string) {
	if len(all) == 0 {
		return
	}
	t.title(title)
	for _, s := range all {
		t.item("  - ", s)
	}
}

// next writes the commands unwrapped: somebody will copy them.
func (t *terminal) next(all []string) {
	if len(all) == 0 {
		return
	}
	t.title("What to do next")
	for _, l := range lines(all) {
		t.WriteString("  " + l + "\n")
	}
}

func (t *terminal) refusals(all []Refusal) {
	if len(all) == 0 {
		return
	}
	t.title("Refused because")
	for _, f := range all {
		s := f.Reason
		if f.Step != "" {
			s = f.Step + ": " + s
		}
		if f.Found != "" {
			s += "; found " + f.Found
		}
		if f.Needed != "" {
			s += "; needed " + f.Needed
		}
		t.item("  - ", s)
		if f.Hint != "" {
			t.item("    hint: ", f.Hint)
		}
	}
}

// plainImage is picture without Markdown.
func plainImage(i Image) string {
	switch {
	case i == Image{}:
		return "none"
	case i.Ref == "" || i.Digest == "" || strings.Contains(i.Ref, i.Digest):
		return cmp.Or(i.Ref, short(i.Digest))
	}
	return i.Ref + " (" + short(i.Digest) + ")"
}

// services are those whose image changed or was to change.
func (t *terminal) services(all []Service) {
	shown := byMove(all)
	shown = slices.DeleteFunc(shown, func(s Service) bool { return !moved(s) && s.Wanted == Image{} })
	if len(shown) == 0 {
		return
	}
	t.title("Services")
	for _, s := range shown {
		text := s.Name + ": " + plainImage(s.Before)
		if moved(s) {
			text += " -> " + plainImage(s.After)
		}
		if s.Wanted != (Image{}) {
			text += ", tried " + plainImage(s.Wanted)
		}
		if s.Health != "" {
			text += ", " + s.Health
		}
		if s.Detail != "" {
			text += "; " + s.Detail
		}
		t.item("  ", text)
	}
}

// data says what became of databases and volumes.
func (t *terminal) data(r *Run) {
	if len(r.Databases)+len(r.Volumes) == 0 {
		return
	}
	t.title("Data")
	for _, d := range r.Databases {
		before, after := totals(d)
		t.item("  ", "database "+d.Name+" of "+d.Service+": "+proofWord(d.Proof)+", rows "+rows(before)+" -> "+rows(after))
		tables := differing(d)
		for _, b := range tables[:min(few, len(tables))] {
			s := b.Name + ": " + rows(b.Before) + " -> " + rows(b.After) + " (" + growth(b) + ")"
			if b.Rule != "" {
				s += " ❌ " + b.Rule
			}
			t.item("    - ", s)
		}
		t.more(len(tables), "table")
		for _, s := range d.Differs[:min(few, len(d.Differs))] {
			t.item("    - ", s)
		}
		t.more(len(d.Differs), "difference")
	}
	for _, v := range r.Volumes {
		t.item("  ", "volume "+v.Name+": "+proofWord(v.Proof)+", "+known(v.Size))
	}
}

// more says how many of n things are not shown.
func (t *terminal) more(n int, noun string) {
	if n > few {
		t.item("    ", count(n-few, "more "+noun))
	}
}

// checks are facts of applications, probes and commands; of those that failed, what they said.
func (t *terminal) checks(r *Run) {
	if len(r.Facts)+len(r.Probes)+len(r.Commands) == 0 {
		return
	}
	t.title("Checks")
	for _, f := range r.Facts {
		s := ofService(f) + ", " + f.Name + ": "
		switch {
		case f.Unasked != "":
			s += factWord(f)
		case f.After == "":
			s += f.Before
		default:
			s += f.Before + " -> " + f.After + " " + factWord(f)
		}
		t.item("  ", s)
	}
	for _, p := range r.Probes {
		t.item("  ", "probe "+p.Name+": "+answer(p.Before)+" -> "+answer(p.After))
	}
	for _, c := range r.Commands {
		s := "command " + c.Name + ": " + result(c) + " in " + tookOf(c)
		if c.Step != "" {
			s += " (" + c.Step + ")"
		}
		t.item("  ", s)
		if !good(c) {
			t.tail(c.Output)
		}
	}
}

// tail writes the last lines of an output.
func (t *terminal) tail(output []string) {
	all := lines(output)
	for _, l := range all[max(0, len(all)-tail):] {
		t.WriteString(strings.TrimRight("    | "+l, " ") + "\n")
	}
}

func (t *terminal) logs(title string, all []Log) {
	if len(all) == 0 {
		return
	}
	t.title(title)
	for _, l := range all {
		t.item("  ", l.Service+": "+count(max(l.Total, lineTotal(l.Lines)), "line"))
		t.tail(l.Lines)
	}
}

func (t *terminal) downtime(d *Downtime) {
	if d == nil {
		return
	}
	t.title("Downtime")
	if d.To.IsZero() {
		t.item("  ", "still down, since "+moment(d.From))
	} else {
		t.item("  ", between(d.From, d.To)+", from "+moment(d.From)+" to "+moment(d.To))
	}
	var parts []string
	for _, p := range d.Parts {
		parts = append(parts, partName(p)+" "+partLength(p))
	}
	if len(parts) > 0 {
		t.item("  ", strings.Join(parts, ", "))
	}
}

func (t *terminal) backups(all []Saved) {
	if len(all) == 0 {
		return
	}
	t.title("Backups")
	for _, b := range all {
		t.item("  ", b.ID+" · "+kept(b)+" · "+b.Path)
	}
}
