package dossier

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/belaystack/belay/release"
)

// minWidth is the least width that text is wrapped at.
const minWidth = 40

// Text gives d for a terminal, wrapped at width; 0 does not wrap. Nothing in it
// moves a cursor, changes the direction of text or is a command for a runner.
func Text(d *release.Dossier, width int, color bool) string {
	if width > 0 {
		width = max(width, minWidth)
	}
	t := &terminal{width: width, color: color}
	t.verdict(d)
	t.tasks("Before merging", "[ ] ", d.Checklist)
	t.changes(d.Changes)
	t.structure(d.Structure)
	t.findings(d.Findings)
	t.drift(d.Drift)
	for _, g := range worstFirst(d.Gates) {
		t.gate(g)
	}
	for _, n := range d.Notes {
		t.notes(n)
	}
	t.steps("Upgrade plan", d.Upgrade)
	t.rollback(d.Rollback)
	t.list("What could not be known", d.Missing)
	return t.b.String()
}

// terminal writes lines.
type terminal struct {
	b     strings.Builder
	width int
	color bool
}

func (t *terminal) paint(code, s string) string {
	if !t.color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// level gives the word of a level or a severity in its colour.
func (t *terminal) level(word string) string {
	switch word {
	case "high", "High", "error":
		return t.paint("1;31", word)
	case "medium", "Medium", "warning":
		return t.paint("1;33", word)
	case "low", "Low":
		return t.paint("1;32", word)
	}
	return t.paint("1;36", word)
}

// title begins a part.
func (t *terminal) title(s string) {
	if t.b.Len() > 0 {
		t.b.WriteByte('\n')
	}
	for _, part := range wrap(clean(s, maxLine), t.width, t.width, t.width > 0) {
		t.b.WriteString(t.paint("1", part) + "\n")
	}
}

// item writes a mark and text behind it, wrapped and hung below its start.
// Mark may hold colours; text is plain and may have several lines.
func (t *terminal) item(indent int, mark, text string) {
	t.b.WriteString(hangPlain(indent, indent+columns(mark), mark, text, t.width))
}

// about is item for marks of many widths: what follows hangs below all of them
// alike.
func (t *terminal) about(indent int, mark, text string) {
	t.b.WriteString(hangPlain(indent, indent+4, mark, text, t.width))
}

func (t *terminal) verdict(d *release.Dossier) {
	head := cmp.Or(d.Stack, d.Dir, "stack")
	if d.Environment != "" {
		head += " (" + d.Environment + ")"
	}
	t.title(head)
	line := "risk"
	if d.Verdict.Line != "" {
		line += ": " + clean(d.Verdict.Line, maxLine)
	}
	t.about(0, t.level(capital(d.Verdict.Level))+" ", line)
	for _, x := range grouped(d.Verdict.Reasons) {
		text := clean(cmp.Or(string(x.Risk), "other"), maxName) + ": " + clean(x.Text, maxLine)
		if len(x.Evidence) > 0 {
			text += " (" + names(x.Evidence) + ")"
		}
		t.about(2, t.level(x.Level.String())+" ", text)
	}
}

// names joins plain names.
func names(all []string) string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = clean(s, maxLine)
	}
	return strings.Join(out, ", ")
}

// plainTask is a task with its places behind it.
func plainTask(x release.Task) string {
	s := plain(x.Text)
	var at []string
	for _, p := range x.Places {
		if p.File != "" {
			at = append(at, clean(placeName(p), maxLine))
		}
	}
	if len(at) > 0 {
		s += " (" + strings.Join(at, ", ") + ")"
	}
	return s
}

func (t *terminal) tasks(title, mark string, tasks []release.Task) {
	if len(tasks) == 0 {
		return
	}
	t.title(title)
	for _, x := range tasks {
		t.item(2, mark, plainTask(x))
	}
}

func (t *terminal) changes(all []release.Change) {
	if len(all) == 0 {
		return
	}
	t.title("Changes")
	for _, c := range all {
		image := c.Image
		if c.OldImage != "" && c.OldImage != c.Image {
			image = c.OldImage + " -> " + c.Image
		}
		text := fmt.Sprintf("%s %s -> %s (%s): %s", clean(image, 2*maxName), clean(c.Old, maxName), clean(c.New, maxName),
			clean(string(c.Jump), maxName), names(c.Services))
		if note := changeNote(c); note != "" {
			text += "; " + clean(note, maxLine)
		}
		t.item(2, "", text)
	}
}

func (t *terminal) structure(parts []release.Part) {
	if len(parts) == 0 {
		return
	}
	t.title("Services and volumes")
	for _, p := range parts {
		text := p.Kind + " " + p.Name + " " + p.What
		if p.Was != "" {
			text += ", formerly " + p.Was
		}
		if p.Image != "" {
			text += ", image " + p.Image
		}
		t.item(2, "", clean(text, maxLine))
	}
}

func (t *terminal) findings(all []release.Finding) {
	if len(all) == 0 {
		return
	}
	t.title("Findings")
	for _, f := range bySeverity(all) {
		at := clean(cmp.Or(placeName(f.Place), "stack"), maxLine)
		if f.Place.Line > 0 && f.Place.Col > 0 {
			at += fmt.Sprintf(":%d", f.Place.Col)
		}
		t.about(2, at+": "+t.level(cmp.Or(clean(f.Severity, 20), "note"))+": ", clean(f.Message, maxLine)+" ["+clean(f.Rule, maxName)+"]")
		if f.Hint != "" {
			t.item(6, "hint: ", clean(f.Hint, maxLine))
		}
	}
}

func (t *terminal) drift(all []release.Drift) {
	if len(all) == 0 {
		return
	}
	t.title("Env file")
	for _, ds := range byKind(all) {
		t.item(2, "", count(len(ds), "key")+" "+clean(driftTitle(ds[0].Kind), maxName)+":")
		for _, d := range ds {
			text := clean(d.Key, maxName)
			if d.Text != "" {
				text += ": " + clean(d.Text, maxLine)
			}
			t.item(4, "- ", text)
		}
	}
	if lines := pasted(all); len(lines) > 0 {
		t.item(2, "", "to paste into the env file:")
		for _, l := range lines {
			t.verbatim(4, l)
		}
	}
}

// verbatim writes a line that is not wrapped: somebody will copy it.
func (t *terminal) verbatim(indent int, s string) {
	for l := range strings.SplitSeq(codeLines(s), "\n") {
		t.b.WriteString(strings.Repeat(" ", indent) + l + "\n")
	}
}
