package report

import "strings"

// table writes the head of a table.
func (m *page) table(heads ...string) {
	m.printf("| %s |\n%s|\n", strings.Join(heads, " | "), strings.Repeat("|---", len(heads)))
}

// row gives a row of a table; cells are Markdown of one line without pipes.
func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |" }

// picture is the cell of an image.
func picture(i Image) string {
	switch {
	case i == Image{}:
		return unknown
	case i.Ref == "":
		return code(short(i.Digest), maxName)
	case i.Digest == "" || strings.Contains(i.Ref, i.Digest):
		return code(i.Ref, maxName)
	}
	return code(i.Ref, maxName) + " " + code(short(i.Digest), maxName)
}

func (m *page) services(all []Service) {
	if len(all) == 0 {
		return
	}
	heads := []string{"service", "before", "after", "health", "note"}
	tried := anyWanted(all)
	if tried {
		heads[4] = "tried"
		heads = append(heads, "note")
	}
	m.table(heads...)
	limited(m, byMove(all), m.rows, "service", func(s Service) string {
		after := picture(s.After)
		if !moved(s) {
			after = "the same"
		}
		cells := []string{code(s.Name, maxName), picture(s.Before), after, text(s.Health, maxName)}
		if tried {
			cells = append(cells, picture(s.Wanted))
		}
		return row(append(cells, text(s.Detail, maxText))...)
	})
}

func anyWanted(all []Service) bool {
	for _, s := range all {
		if s.Wanted != (Image{}) {
			return true
		}
	}
	return false
}

func (m *page) files(all []File) {
	limited(m, all, m.rows, "file", func(f File) string { return "- " + text(f.Change, 20) + " " + code(f.Path, maxText) })
}

func (m *page) databases(all []Database) {
	if len(all) == 0 {
		return
	}
	m.table("database", "service", "size", "tables", "rows before", "rows after", "compared")
	limited(m, all, m.rows, "database", func(d Database) string {
		before, after := totals(d)
		return row(code(d.Name, maxName), code(d.Service, maxName), known(d.Size), number(int64(len(d.Tables))), rows(before), rows(after), text(proofWord(d.Proof), maxName))
	})
	for i, d := range all {
		if i < m.rows {
			m.differences(d)
		}
	}
}

// known is size where 0 stands for not known.
func known(n int64) string {
	if n == 0 {
		return unknown
	}
	return size(n)
}

// differences are the tables of one database that differ, and what else does.
func (m *page) differences(d Database) {
	tables := differing(d)
	if len(tables)+len(d.Differs) == 0 {
		return
	}
	m.blank()
	m.printf("In %s of %s:\n\n", code(d.Name, maxName), code(d.Service, maxName))
	if len(d.Differs) > 0 {
		limited(m, d.Differs, m.tables, "difference", func(s string) string { return "- " + text(s, maxText) })
		m.WriteString("\n")
	}
	if len(tables) == 0 {
		return
	}
	m.table("table", "rows before", "rows after", "difference", "rule")
	limited(m, tables, m.tables, "table", func(t Table) string {
		rule := ""
		if t.Rule != "" {
			rule = "❌ " + text(t.Rule, maxText)
		}
		return row(code(t.Name, maxName), rows(t.Before), rows(t.After), growth(t), rule)
	})
}

func (m *page) volumes(all []Volume) {
	if len(all) == 0 {
		return
	}
	m.table("volume", "service", "size", "compared")
	limited(m, all, m.rows, "volume", func(v Volume) string {
		return row(code(v.Name, maxName), code(v.Service, maxName), known(v.Size), text(proofWord(v.Proof), maxName))
	})
}

func (m *page) facts(all []Fact) {
	if len(all) == 0 {
		return
	}
	m.table("application", "asked", "before", "after", "result")
	limited(m, all, m.rows, "fact", func(f Fact) string {
		return row(text(ofService(f), maxName), text(f.Name, maxName), text(f.Before, maxText), text(f.After, maxText), text(factWord(f), maxText))
	})
}

func (m *page) probes(all []Probe) {
	if len(all) == 0 {
		return
	}
	m.table("probe", "service", "before", "after")
	limited(m, all, m.rows, "probe", func(p Probe) string {
		return row(text(p.Name, maxName), code(p.Service, maxName), text(answer(p.Before), maxText), text(answer(p.After), maxText))
	})
}

func (m *page) commands(all []Command) {
	if len(all) == 0 {
		return
	}
	m.table("name", "at", "command", "where", "result", "took")
	limited(m, all, m.rows, "command", func(c Command) string {
		return row(text(c.Name, maxName), text(c.Step, maxName), code(c.Line, maxText), text(c.Where, maxName), text(result(c), maxText), tookOf(c))
	})
	for i, c := range all {
		if i < m.rows {
			m.fold("Last lines of <b>"+inTag(c.Name, maxName)+"</b>: "+inTag(result(c), maxName), c.Output, !good(c))
		}
	}
}

func (m *page) logs(all []Log) {
	if !m.folds {
		limited(m, all, m.rows, "service", func(l Log) string {
			return "- " + code(l.Service, maxName) + ": " + count(max(l.Total, lineTotal(l.Lines)), "line")
		})
		return
	}
	for i, l := range all {
		if i == m.rows {
			m.left(len(all)-i, "service")
			break
		}
		m.fold("<b>"+inTag(l.Service, maxName)+"</b>: "+lineCount(l), l.Lines, len(all) == 1)
	}
}

func (m *page) downtime(d *Downtime) {
	if d == nil {
		return
	}
	if d.To.IsZero() {
		m.printf("**Still down**, since %s", moment(d.From))
	} else {
		m.printf("**%s**, from %s to %s", between(d.From, d.To), moment(d.From), moment(d.To))
	}
	if len(d.Parts) > 0 {
		m.WriteString(":\n\n")
		m.table("part", "took")
		limited(m, d.Parts, m.rows, "part", func(p Part) string { return row(text(partName(p), maxName), partLength(p)) })
		return
	}
	m.WriteString("\n")
}

func (m *page) steps(all []Step) {
	if len(all) == 0 {
		return
	}
	m.table("step", "state", "took", "undo took", "detail")
	limited(m, all, m.rows, "step", func(s Step) string {
		return row(text(s.Name, maxName), text(stepWord(s), maxName), between(s.Started, s.Ended), undone(s), text(said(s), maxText))
	})
}

func (m *page) stats(all []Stat) {
	if len(all) == 0 {
		return
	}
	m.table("service", "memory before", "memory after", "CPU before", "CPU after", "restarts before", "restarts after")
	limited(m, all, m.rows, "service", func(s Stat) string {
		return row(code(s.Service, maxName), usage(s.Before), usage(s.After), load(s.Before), load(s.After), restarts(s.Before), restarts(s.After))
	})
}

func (m *page) backups(all []Saved) {
	limited(m, all, m.rows, "backup", func(b Saved) string {
		return "- " + code(b.ID, maxName) + " · " + text(kept(b), maxText) + " · " + code(b.Path, maxText)
	})
}
