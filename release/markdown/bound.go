package markdown

import (
	"bytes"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// The parser is not linear in everything: nested containers with many lines,
// "[a](" and "*_" over and over in one paragraph, definitions in a row, wide
// tables with empty rows take it quadratic time (tens of seconds for 1 MB).
// These bounds keep each such thing small; no text written by people meets
// them.
const (
	maxIndent      = 120  // columns at the start of a line
	maxBlank       = 16   // blank lines in a row, each of which costs in each open list
	maxMarkers     = 20   // of quotes and lists at the start of a line
	maxDepth       = 20   // of quotes and lists in the output
	paragraphBytes = 4096 // of one paragraph or line
	paragraphLinks = 64   // "](" in one paragraph or long line
	paragraphRuns  = 512  // runs of * _ ~ in one paragraph or long line
	tableBytes     = 16 << 10
	shortLine      = 1024 // lines up to this need no counting
	maxColumns     = 40
)

// bound breaks what would cost the parser too much: deep nesting at the start
// of a line, very long lines, many blank lines.
func bound(src []byte) []byte {
	out := make([]byte, 0, len(src)+64)
	copied, blank := 0, 0
	for at := 0; at < len(src); {
		end := len(src)
		if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		line := src[at:end]
		if len(bytes.TrimSpace(line)) == 0 {
			blank++
		} else {
			blank = 0
		}
		if blank > maxBlank {
			out, copied = append(out, src[copied:at]...), end
		} else if fixed, changed := boundLine(line); changed {
			out = append(append(out, src[copied:at]...), fixed...)
			copied = end
		}
		at = end
	}
	return append(out, src[copied:]...)
}

func boundLine(line []byte) ([]byte, bool) {
	changed := false
	if indent := len(line) - len(bytes.TrimLeft(line, " \t")); indent > maxIndent {
		line, changed = line[indent-maxIndent:], true
	}
	if c := firstByte(line); c == '>' || c == '-' || c == '+' || c == '*' || c >= '0' && c <= '9' {
		if at := markers(line); at >= 0 {
			rest := bytes.TrimLeft(line[at:], " \t>-+*0123456789.)")
			line, changed = append(bytes.Clone(line[:at]), rest...), true
		}
	}
	if len(line) > shortLine {
		if pieces := segments(line, 0); len(pieces) > 1 {
			var b []byte
			for _, p := range pieces {
				b = append(append(b, line[p[0]:p[1]]...), '\n')
			}
			return bytes.TrimSuffix(b, []byte("\n")), true
		}
	}
	return line, changed
}

func firstByte(line []byte) byte {
	if t := bytes.TrimLeft(line, " \t"); len(t) > 0 {
		return t[0]
	}
	return 0
}

// markers gives where the marker after the last allowed one begins, or -1.
func markers(line []byte) int {
	n := 0
	for i := 0; i < len(line); n++ {
		for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
			i++
		}
		if n == maxMarkers {
			return i
		}
		size := marker(line[i:])
		if size == 0 {
			return -1
		}
		i += size
	}
	return -1
}

// marker is the length of the marker of a quote or list item at the start of
// line.
func marker(line []byte) int {
	n := 0
	for n < len(line) && n < 9 && line[n] >= '0' && line[n] <= '9' {
		n++
	}
	switch {
	case len(line) == 0:
		return 0
	case line[0] == '>':
		return 1
	case n == 0 && (line[0] == '-' || line[0] == '+' || line[0] == '*'),
		n > 0 && n < len(line) && (line[n] == '.' || line[n] == ')'):
		if n++; n == len(line) || bytes.IndexByte([]byte(" \t\n"), line[n]) >= 0 {
			return n
		}
	}
	return 0
}

// segments cuts a long line into pieces that keep the bounds, at spaces where
// there are some. base is what the paragraph holds already.
func segments(line []byte, base int) [][2]int {
	var out [][2]int
	start, space, links, runs := 0, 0, 0, 0
	for i := range line {
		c := line[i]
		switch {
		case c == ' ':
			space = i + 1
		case c == '(' && i > 0 && line[i-1] == ']':
			links++
		case c == '*' || c == '_' || c == '~':
			if i == 0 || line[i-1] != c {
				runs++
			}
		}
		if i-start+base < paragraphBytes && links < paragraphLinks && runs < paragraphRuns || !utf8.RuneStart(c) {
			continue
		}
		at := i
		if space > start && i-space < paragraphBytes/8 {
			at = space
		}
		if at == start {
			continue
		}
		out = append(out, [2]int{start, at})
		start, space, links, runs, base = at, at, 0, 0, 0
	}
	return append(out, [2]int{start, len(line)})
}

// splitter makes several paragraphs of one that is too long.
type splitter struct{ first int }

// Transform implements parser.ParagraphTransformer.
func (s splitter) Transform(node *ast.Paragraph, reader text.Reader, _ parser.Context) {
	lines, src := node.Lines(), reader.Source()
	first := s.first
	if first == tableBytes && wide(lines, src) {
		first = 0
	}
	keep := fit(lines, 0, first, src)
	if keep == lines.Len() {
		return
	}
	last := ast.Node(node)
	for at := keep; at < lines.Len(); {
		n := fit(lines, at, paragraphBytes, src)
		p := ast.NewParagraph()
		p.SetBlankPreviousLines(true)
		rest := text.NewSegments()
		rest.AppendAll(lines.Sliced(at, at+n))
		p.SetLines(rest)
		node.Parent().InsertAfter(node.Parent(), last, p)
		last, at = p, at+n
	}
	lines.SetSliced(0, keep)
}

// fit is how many lines from at on fit into one paragraph, at least one.
func fit(lines *text.Segments, at, limit int, src []byte) int {
	bytesLeft, links, runs := limit, paragraphLinks*limit/paragraphBytes, paragraphRuns*limit/paragraphBytes
	for i := at; i < lines.Len(); i++ {
		seg := lines.At(i)
		line := seg.Value(src)
		bytesLeft -= len(line)
		links -= bytes.Count(line, []byte("]("))
		for _, c := range line {
			if c == '*' || c == '_' || c == '~' {
				runs--
			}
		}
		if i > at && (bytesLeft < 0 || links < 0 || runs < 0) || limit == 0 {
			return max(1, i-at)
		}
	}
	return lines.Len() - at
}

// wide says whether a table with these lines would have more cells than its
// text has room for.
func wide(lines *text.Segments, src []byte) bool {
	size, columns := 0, 0
	for i := range lines.Len() {
		seg := lines.At(i)
		line := seg.Value(src)
		size += len(line)
		if i > 0 && len(bytes.Trim(line, "|:- \t\n")) == 0 {
			columns = max(columns, bytes.Count(line, []byte("|"))+1)
		}
	}
	return columns > maxColumns || columns > 2 && columns*lines.Len() > size
}
