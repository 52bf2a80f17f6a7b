package markdown

import (
	"bytes"
)

// Entry is one version's part of a change log.
type Entry struct {
	Version  string // "1.99.0", as in the heading, without a v
	Date     string // 2025-06-16, or ""
	Body     []byte // a slice of the file, heading excluded
	Released bool   // false when the heading says unreleased
}

var (
	versionTitle = lazy(`^\[?v?(\d+\.\d+(?:\.\d+)*(?:[-+][0-9A-Za-z]+(?:[.-][0-9A-Za-z]+)*)?)(?:[\])\s:(,]|$)`)
	isoDate      = lazy(`\b\d{4}-\d{2}-\d{2}\b`)
	unreleased   = lazy(`(?i)\bunreleased\b`)
)

// title is a heading that begins with a version.
type title struct {
	level      int
	start, end int // of the line
	entry      Entry
}

// Changelog splits a change log at the headings that begin with a version:
// "## 1.2.3 (2026-01-31)", "# [1.2.3](url)", "## v1.2.3". Nothing else of the
// file is parsed, fences are respected. A file may repeat a version.
//
// n8n has # for minors and ## for patches, and both split; elsewhere a version
// in a heading below that of a version is part of the text (a list of what a
// dependency changed). What tells them apart is the date: where most headings
// of the usual level have one, those of a deeper level that have one split too.
func Changelog(src []byte) []Entry {
	var entries []Entry
	titles := versionTitles(src)
	usual, dated := usualLevel(titles)
	from := 0
	for _, t := range titles {
		if t.level > usual && !(dated && t.entry.Date != "") {
			continue
		}
		if len(entries) > 0 {
			entries[len(entries)-1].Body = src[from:t.start]
		}
		entries = append(entries, t.entry)
		from = t.end
	}
	if len(entries) > 0 {
		entries[len(entries)-1].Body = src[from:]
	}
	return entries
}

// usualLevel is the level most version headings have, and whether most of
// those have a date.
func usualLevel(titles []title) (usual int, dated bool) {
	var all, withDate [7]int
	for _, t := range titles {
		all[t.level]++
		if t.entry.Date != "" {
			withDate[t.level]++
		}
	}
	for l, n := range all {
		if n > all[usual] {
			usual = l
		}
	}
	return usual, withDate[usual]*2 > all[usual]
}

// versionTitles finds the headings that begin with a version, outside of
// fences.
func versionTitles(src []byte) []title {
	var out []title
	var open fenceLine
	for at := 0; at < len(src); {
		end := len(src)
		if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		line := bytes.TrimRight(src[at:end], "\r\n")
		text := bytes.TrimLeft(line, " ")
		switch indent := len(line) - len(text); {
		case open.length > 0 && open.indent >= 2 && indent == 0 && len(text) > 0 && text[0] == '#':
			open = fenceLine{} // a fence in a list ends with the list
			fallthrough
		case open.length == 0 && indent <= 3:
			if t, ok := versionHeading(text); ok {
				t.start, t.end = at, end
				out = append(out, t)
			}
			fallthrough
		case len(text) > 2:
			open = open.next(text, indent)
		}
		at = end
	}
	return out
}

// fenceLine is the line that opened a fence; none when its length is 0.
type fenceLine struct {
	char           byte
	length, indent int
}

// next gives the fence that is open after a line.
func (f fenceLine) next(text []byte, indent int) fenceLine {
	if len(text) == 0 || text[0] != '`' && text[0] != '~' {
		return f
	}
	n := 0
	for n < len(text) && text[n] == text[0] {
		n++
	}
	switch rest := bytes.TrimSpace(text[n:]); {
	case n < 3:
	case f.length == 0 && (text[0] == '~' || bytes.IndexByte(rest, '`') < 0):
		return fenceLine{text[0], n, indent}
	case f.length > 0 && text[0] == f.char && n >= f.length && len(rest) == 0:
		return fenceLine{}
	}
	return f
}

func versionHeading(line []byte) (title, bool) {
	text := bytes.TrimLeft(line, "#")
	level := len(line) - len(text)
	if level < 1 || level > 6 || len(text) == 0 || text[0] != ' ' && text[0] != '\t' || len(text) > 1000 {
		return title{}, false
	}
	text = bytes.TrimSpace(text)
	m := versionTitle().FindSubmatchIndex(text)
	if m == nil {
		return title{}, false
	}
	return title{level: level, entry: Entry{
		Version:  string(text[m[2]:m[3]]),
		Date:     string(isoDate().Find(text[m[3]:])),
		Released: !unreleased().Match(text),
	}}, true
}
