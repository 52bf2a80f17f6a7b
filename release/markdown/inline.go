package markdown

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
)

// hardBreak stands for a hard line break until the lines of a paragraph are
// put together. Clean text holds no such byte.
const hardBreak = '\x01'

// line writes inline nodes. Text is held back until something else follows, so
// that text on both sides of a node that is dropped is escaped as one.
type line struct {
	*source
	out, held []byte
	place
	marks      string // the delimiters that are open: * ** ~~
	punctuated bool   // out ends in a closing delimiter after punctuation
}

func (l *line) children(n ast.Node) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		l.node(c)
	}
}

func (l *line) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.Text:
		l.text(decode(nil, n.Segment.Value(l.src)))
		if n.HardLineBreak() {
			l.lineBreak(hardBreak)
		} else if n.SoftLineBreak() {
			l.lineBreak('\n')
		}
	case *ast.String:
		l.text(oneLine(clean(bytes.Clone(n.Value))))
	case *ast.CodeSpan:
		l.code(n)
	case *ast.Emphasis:
		l.mark("**"[:min(2, n.Level)], n)
	case *extast.Strikethrough:
		l.mark("~~", n)
	case *ast.Link:
		l.anchor(n)
	case *ast.AutoLink:
		l.autoLink(n)
	case *ast.Image:
		outer := l.link
		l.link = true // a link in the text for an image is none
		l.children(n)
		l.link = outer
	case *ast.RawHTML:
		if breaks(n.Segments.Value(l.src)) {
			l.lineBreak(hardBreak)
		}
	case *extast.TaskCheckBox:
		if n.IsChecked {
			l.text([]byte("[x] "))
		} else {
			l.text([]byte("[ ] "))
		}
	default:
		l.children(n)
	}
}

// breaks says whether a tag is <br>.
func breaks(tag []byte) bool {
	return len(tag) >= 4 && bytes.EqualFold(tag[:3], []byte("<br")) && !alnum(tag[3]) && tag[3] != '-'
}

func (l *line) text(s []byte) {
	l.held = append(l.held, s...)
	l.plain = append(l.plain, s...)
}

func (l *line) lineBreak(c byte) {
	l.plain = append(l.plain, ' ')
	if l.cell || l.link {
		l.held = append(l.held, ' ')
		return
	}
	l.flush()
	l.out = append(l.out, c)
}

// flush escapes the text that is held back.
func (l *line) flush() {
	if len(l.held) == 0 {
		return
	}
	if r, _ := utf8.DecodeRune(l.held); l.punctuated && !unicode.IsSpace(r) && !punct(r) {
		l.out = append(l.out, gap...)
	}
	l.out = escape(l.out, l.held, l.place)
	l.held, l.punctuated = l.held[:0], false
}

func punct(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

// part puts a gap between what stands and a delimiter that would join it.
func (l *line) part(c byte) {
	if n := len(l.out); n > 0 && l.out[n-1] == c {
		l.out = append(l.out, gap...)
	}
}

func (l *line) code(n *ast.CodeSpan) {
	var s []byte
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			s = append(s, t.Segment.Value(l.src)...)
		}
	}
	s = oneLine(s)
	l.plain = append(l.plain, s...)
	if l.cell && bytes.Contains(s, []byte("|")) {
		if bytes.Contains(s, []byte(`\`)) { // \| cannot be told from | in the code of a cell
			l.held = append(l.held, s...)
			return
		}
		s = bytes.ReplaceAll(s, []byte("|"), []byte(`\|`))
	}
	l.flush()
	l.part('`')
	l.out = codeSpan(l.out, s)
	l.punctuated = false
}

// mark writes emphasis. Inside of itself it means nothing new and is dropped.
func (l *line) mark(delim string, n ast.Node) {
	for i := range len(l.marks) / 2 {
		if l.marks[2*i:2*i+2] == (delim + " ")[:2] {
			l.children(n)
			return
		}
	}
	in := line{source: l.source, place: l.place, marks: l.marks + (delim + " ")[:2]}
	in.children(n)
	in.flush()
	inner := bytes.Trim(in.out, " \n\x01")
	if len(inner) == 0 {
		l.held = append(l.held, bytes.Trim(in.out, "\n\x01")...)
		return
	}
	l.flush()
	lead := in.out[:bytes.Index(in.out, inner)]
	l.out = append(l.out, lead...)
	first, _ := utf8.DecodeRune(inner)
	if before, _ := utf8.DecodeLastRune(l.out); len(l.out) > 0 && punct(first) && !punct(before) && !unicode.IsSpace(before) && before != hardBreak {
		l.out = append(l.out, gap...)
	}
	l.part(delim[0])
	l.out = append(append(append(l.out, delim...), inner...), delim...)
	last, _ := utf8.DecodeLastRune(inner)
	l.punctuated = punct(last)
	if tail := in.out[len(lead)+len(inner):]; len(tail) > 0 {
		l.out, l.punctuated = append(l.out, tail...), false
	}
}

// anchor writes a link, or its text when its target is not to be linked.
func (l *line) anchor(n *ast.Link) {
	note := n.Reference != nil && bytes.HasPrefix(n.Reference.Value, []byte("^")) // to a footnote
	to := ""
	if !l.link && !note {
		to = l.target(decode(nil, n.Destination))
	}
	if to == "" {
		l.children(n)
		return
	}
	l.links = append(l.links, to)
	in := line{source: l.source, place: place{l.cell, true}, marks: l.marks}
	in.children(n)
	in.flush()
	l.linked(bytes.TrimSpace(in.out), to)
}

func (l *line) linked(inner []byte, to string) {
	if len(inner) == 0 {
		return // and the text on both sides stays one
	}
	l.flush()
	l.out = append(append(l.out, '['), inner...)
	l.out = destination(append(l.out, "]("...), to)
	l.out = append(l.out, ')')
	l.punctuated = false
}

func (l *line) autoLink(n *ast.AutoLink) {
	to := ""
	if n.AutoLinkType == ast.AutoLinkURL && !l.link {
		to = l.target(n.URL(l.src))
	}
	if to == "" {
		l.text(n.Label(l.src))
		return
	}
	l.links = append(l.links, to)
	label := l.label(to)
	l.plain = append(l.plain, label...)
	if label == to && bare(to) {
		l.flush()
		l.out = append(append(append(l.out, '<'), to...), '>')
		l.punctuated = false
		return
	}
	l.linked(escape(nil, []byte(label), place{l.cell, true}), to)
}

// inline gives the children of n as escaped lines, without line starts.
func (r *source) inline(n ast.Node, cell bool) []byte {
	l := line{source: r, place: place{cell: cell}}
	l.children(n)
	l.flush()
	return l.out
}

// paragraph gives the lines of a paragraph.
func (r *source) paragraph(n ast.Node) []byte {
	return lines(r.inline(n, false))
}

// lines puts escaped text together as a paragraph: no line is empty, none
// begins with a blank or with what would make another block of it.
func lines(s []byte) []byte {
	var out []byte
	var end byte
	for len(s) > 0 {
		text, brk := s, byte(0)
		if i := bytes.IndexAny(s, "\n\x01"); i >= 0 {
			text, brk, s = s[:i], s[i], s[i+1:]
		} else {
			s = nil
		}
		text = bytes.Trim(text, " ")
		if len(text) > 0 {
			if len(out) > 0 {
				if end == hardBreak {
					out = append(out, '\\')
				}
				out = append(out, '\n')
			}
			out, end = append(out, lineStart(text)...), 0
		}
		if end != hardBreak {
			end = brk
		}
	}
	return out
}

// oneLiner gives the children of n on one line.
func (r *source) oneLiner(n ast.Node, cell bool) []byte {
	s := r.inline(n, cell)
	for i, c := range s {
		if c == '\n' || c == hardBreak {
			s[i] = ' '
		}
	}
	return bytes.Trim(s, " ")
}
