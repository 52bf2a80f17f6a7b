// Package dossier shows a release.Dossier: as a comment of a pull request or a
// job summary, as a page of HTML, as text for a terminal; and reads one back
// from the result file of a run that could not comment itself.
//
// What must stay true: a result fits its limit, whatever the dossier holds; it
// is cut between pieces only, never inside one, and says what was cut; no field
// becomes markup, a mention, a comment of HTML or a workflow command; equal
// dossiers give equal bytes.
//
// To show another field: a leaf in the file of its section, with the tier that
// says when it may be left out; its line in text.go and page.html; its bounds
// in schema.go if it is a list.
package dossier

import (
	"cmp"
	"strings"

	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/markdown"
)

// Limits of GitHub, with room for what the client adds.
const (
	CommentLimit = 60_000      // UTF-16 units of a comment; GitHub takes 65,536
	SummaryLimit = 1<<20 - 512 // bytes of a job summary; GitHub takes 1 MiB
)

// Options say where a dossier goes.
type Options struct {
	Limit     int                        // most UTF-16 units of the result; 0: no limit
	Bytes     bool                       // Limit counts bytes
	More      string                     // URL of where the whole stands; "" none
	Link      func(release.Place) string // URL of a place at the head commit; nil or "": not linked
	Untrusted bool                       // it was read from a result file: its Markdown is made neutral again, links must be https, and a line says so
	Command   string                     // how a person sees the whole: "belay check --base main"
}

// render is one rendering.
type render struct {
	o   Options
	dir string // of the stack: places within are named without it
}

// maxMore is the longest address of the whole report: each note of something
// left out repeats it.
const maxMore = 200

func newRender(d *release.Dossier, o Options) *render {
	if len(o.More) > maxMore {
		o.More = ""
	}
	return &render{o, d.Dir}
}

// size is what s takes of the limit.
func (r *render) size(s string) int {
	if r.o.Bytes {
		return len(s)
	}
	return markdown.Length(s)
}

// md gives a field of Markdown that is safe to write, without white space
// around it.
func (r *render) md(m release.Markdown) string {
	s := string(m)
	if r.o.Untrusted {
		s = markdown.Neutral([]byte(s), markdown.Options{})
	}
	return strings.Trim(s, "\n")
}

// Markdown gives d as a comment or a job summary. The marker by which a comment
// is found again is the client's to add.
func Markdown(d *release.Dossier, o Options) string {
	r := newRender(d, o)
	root := &node{kids: []*node{
		r.head(d),
		r.reasons(d.Verdict.Reasons),
		r.checklist(d.Checklist),
		r.changes(d.Changes),
		r.structure(d.Structure),
		r.findings(d.Findings),
		r.drift(d.Drift),
		r.gates(d.Gates),
		r.notes(d.Notes),
		r.upgrade(d.Upgrade),
		r.rollback(d.Rollback),
		r.missing(d.Missing),
	}}
	return r.write(root, r.footer())
}

// Resolved gives what a comment that exists becomes when d has nothing to tell
// any more.
func Resolved(d *release.Dossier, o Options) string {
	r := newRender(d, o)
	text := "**✅ Resolved.** As it is now, this pull request changes no image, no service and no env key of this stack, " +
		"and nothing is found in it that needs a look. What stood here before is in the history of this comment.\n"
	head := leaf(must, r.title(d)+text)
	return r.write(&node{kids: []*node{head, r.missing(d.Missing)}}, r.footer())
}

// title is the first line, and the word of warning where there is one.
func (r *render) title(d *release.Dossier) string {
	s := "### ⚓ Belay · " + r.text(cmp.Or(d.Stack, d.Dir, "stack"), 60) + "\n\n"
	if r.o.Untrusted {
		s += "> ⚠️ Computed by a run that unreviewed code could touch: a help for reading, not a proof.\n\n"
	}
	return s
}

// footer says who speaks, and where the whole stands.
func (r *render) footer() *node {
	s := "<sub>⚓ Belay"
	if r.o.Command != "" {
		s += " · all of it: " + r.code(clean(r.o.Command, 80))
	}
	if more := r.link("whole report", r.o.More); more != "whole report" {
		s += " · " + more
	}
	return leaf(must, s+"</sub>")
}
