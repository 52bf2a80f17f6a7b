// Package markdown reads other people's Markdown, release notes and change
// logs, and writes it anew so that it can stand in a comment, a job summary
// or a report of ours.
//
// What comes out is neutral: it calls nobody, links back to no issue, holds no
// HTML and no image, breaks out of nothing, and each block of it is whole by
// itself, so that a text may be cut between any two blocks. The source is
// parsed, and what the tree says is rendered in one canonical form in which
// everything that could be markup is escaped; nothing of the source is ever
// copied through. The tests hold this against the HTML that the output gives.
//
// A new kind of section needs a line in kind.go, a new inline or block element
// a case in inline.go or block.go.
package markdown

import (
	"cmp"
	"strings"
)

// MaxSize is how many bytes of one release's body are read.
const MaxSize = 1 << 20

// Options say where the text comes from and where it goes.
type Options struct {
	Repo   string // "langgenius/dify" on github.com; "" when not known
	Ref    string // the git tag, for relative links
	Demote int    // by how many levels headings go down (h1+2 = h3; at most 6)
}

// Kind is what a section is about, in order of importance.
type Kind int

// The kinds, most important first.
const (
	Danger      Kind = iota // warnings, duties, what cannot be undone
	Breaking                // breaking changes
	Security                // security fixes and advisories
	Migration               // of databases and data
	Environment             // variables and settings
	Upgrade                 // the guide for containers
	Notable                 // important notes, alerts NOTE and TIP
	Features
	Fixes
	Other
	Changes     // lists of all pull requests, links to the full change log
	Boilerplate // for people who run from source, thanks, assets
)

var kindNames = [...]string{"danger", "breaking", "security", "migration", "environment", "upgrade",
	"notable", "features", "fixes", "other", "changes", "boilerplate"}

// String gives "danger", "breaking" and so on.
func (k Kind) String() string { return kindNames[k] }

// Block is a piece of a section that can be kept or dropped alone: a
// paragraph, one item of a top-level list with all that is in it, a fence, a
// table, an alert.
type Block struct {
	Markdown string // neutral, self-contained, balanced; ends in one newline
	Hash     uint64 // of its plain text without case; equal for blocks copied from one release to the next
	Kind     Kind   // its section's, unless it says more itself
	Item     bool   // a list item: may follow another without a blank line
}

// Section is a heading and what follows it.
type Section struct {
	Kind   Kind
	Title  string // Markdown on one line, neutral, without markup and emoji; "" before the first heading
	Level  int    // in the source; 0 before the first heading
	Blocks []Block
}

// Notes is one release's body, read.
type Notes struct {
	Sections   []Section // in the order of the source
	Env        []EnvChange
	Commands   []Command // that the notes tell to run, without those every guide has
	Advisories []string  // CVE-2026-41948, GHSA-xxxx-xxxx-xxxx, once each, wherever they stand
	Migrations bool      // says that the release has database migrations
	Refs       []int     // pull requests and issues that list items name
	Truncated  bool      // the body was longer than MaxSize and its end is missing
}

// EnvChange is one variable of a section on environment variables. All of it
// is plain text, not Markdown.
type EnvChange struct {
	Key      string
	Op       string // added, removed or modified
	Old, New string // as the notes give them, else ""
	File     string // the example file that the notes name, else ""
}

// Command is a command that notes tell to run. It is data, to be shown and
// never executed.
type Command struct {
	Text    string // plain text, one line
	Section string // Title of the section it stands in
}

// Read parses one body. It never fails: what it cannot make sense of is Other.
func Read(src []byte, o Options) *Notes {
	doc := parse(src, o)
	rd := &reader{source: doc, notes: &Notes{Truncated: doc.truncated}}
	rd.read()
	return rd.notes
}

// Neutral renders the whole text, neutral.
func Neutral(src []byte, o Options) string {
	doc := parse(src, o)
	var b strings.Builder
	for n := doc.root.FirstChild(); n != nil; n = n.NextSibling() {
		doc.plain = doc.plain[:0]
		md := doc.block(n, 0)
		if md == "" || footer(strings.ToLower(string(doc.plain))) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString(md)
		b.WriteString("\n")
	}
	return b.String()
}

// shift gives the level of a heading in our text.
func (o Options) shift(level int) int { return min(6, max(1, level+o.Demote)) }

// raise gives the more important of two kinds.
func raise(a, b Kind) Kind {
	if cmp.Less(b, a) {
		return b
	}
	return a
}
