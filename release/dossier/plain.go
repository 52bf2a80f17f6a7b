package dossier

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"golang.org/x/text/width"

	"github.com/belaystack/belay/release"
)

var gfm = sync.OnceValue(func() goldmark.Markdown { return goldmark.New(goldmark.WithExtensions(extension.GFM)) })

// plain gives neutral Markdown as the lines that a person would have typed:
// no marks but those of lists, code as it is, links as their text.
func plain(m release.Markdown) string {
	src := []byte(m)
	p := &plainer{src: src}
	p.blocks(gfm().Parser().Parse(text.NewReader(src)))
	lines := strings.Split(strings.Trim(p.b.String(), "\n"), "\n")
	for i, l := range lines {
		indent := len(l) - len(strings.TrimLeft(l, " "))
		lines[i] = strings.TrimRight(l[:indent]+clean(l[indent:], 20*maxWhole), " ")
	}
	return strings.Join(lines, "\n")
}

// isInline reports whether md is one line that reads the same within another:
// the text of one paragraph.
func isInline(md string) bool {
	if md == "" || strings.Contains(md, "\n") {
		return false
	}
	only := gfm().Parser().Parse(text.NewReader([]byte(md))).FirstChild()
	return only != nil && only.NextSibling() == nil && only.Kind() == ast.KindParagraph
}

type plainer struct {
	src []byte
	b   strings.Builder
}

// put writes lines of a block below one another.
func (p *plainer) put(mark, s string) {
	for i, l := range strings.Split(strings.TrimRight(s, "\n"), "\n") {
		if i > 0 {
			mark = strings.Repeat(" ", len(mark))
		}
		p.b.WriteString(mark + l + "\n")
	}
}

func (p *plainer) blocks(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			p.put("  ", string(n.Lines().Value(p.src)))
		case *ast.List:
			p.list(n)
		case *ast.Blockquote:
			inner := &plainer{src: p.src}
			inner.blocks(n)
			p.put("", alert.ReplaceAllString(inner.b.String(), "$1: "))
		case *extast.Table:
			p.table(n)
		case *ast.HTMLBlock, *ast.ThematicBreak:
		default:
			p.put("", p.inline(n))
		}
	}
}

// listMark is the mark of an item of a list.
var listMark = regexp.MustCompile(`^(- |[0-9]+\. )`)

// alert is the mark of an alert of GitHub.
var alert = regexp.MustCompile(`^\[!([A-Z]+)\] ?`)

func (p *plainer) list(l *ast.List) {
	n := l.Start
	for item := l.FirstChild(); item != nil; item = item.NextSibling() {
		inner := &plainer{src: p.src}
		inner.blocks(item)
		mark := "- "
		if l.IsOrdered() {
			mark = strconv.Itoa(n) + ". "
			n++
		}
		p.put(mark, inner.b.String())
	}
}

func (p *plainer) table(t ast.Node) {
	for row := t.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []string
		for c := row.FirstChild(); c != nil; c = c.NextSibling() {
			cells = append(cells, strings.TrimSpace(p.inline(c)))
		}
		p.put("", strings.Join(cells, " | "))
	}
}

// inline gives the text of n.
func (p *plainer) inline(n ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			s := n.Segment.Value(p.src)
			if n.IsRaw() || n.Parent().Kind() == ast.KindCodeSpan {
				b.Write(s)
			} else {
				b.WriteString(unescape(string(s)))
			}
			if n.SoftLineBreak() {
				b.WriteByte(' ')
			} else if n.HardLineBreak() {
				b.WriteByte('\n')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			b.Write(n.Label(p.src))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// unescape resolves backslashes and entities.
func unescape(s string) string {
	if !strings.ContainsAny(s, `\&`) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			break
		}
		b.WriteString(html.UnescapeString(s[:i]))
		if c := s[i+1]; c < utf8.RuneSelf && (unicode.IsPunct(rune(c)) || unicode.IsSymbol(rune(c))) {
			b.WriteByte(c)
		} else {
			b.WriteString(s[i : i+2])
		}
		s = s[i+2:]
	}
	return b.String() + html.UnescapeString(s)
}

// minRoom is how many columns text is wrapped at at least.
const minRoom = 20

// hangPlain writes text behind a mark and an indentation, what follows its
// first line below its start, lines broken at width where there is a space.
func hangPlain(indent, under int, mark, text string, width int) string {
	var b strings.Builder
	lead := strings.Repeat(" ", indent)
	if width > 0 && columns(mark) > width/2 && text != "" { // nothing sensible fits behind it
		b.WriteString(lead + strings.TrimRight(mark, " ") + "\n")
		indent = min(under, indent+4)
		under, mark, lead = indent, "", strings.Repeat(" ", indent)
	}
	hang := strings.Repeat(" ", under)
	for i, l := range strings.Split(text, "\n") {
		own := l[:len(l)-len(strings.TrimLeft(l, " "))]
		own += strings.Repeat(" ", len(listMark.FindString(l[len(own):])))
		room := width - under
		if i == 0 {
			room = width - indent - columns(mark)
		}
		for j, part := range wrap(l, room, width-under-len(own), width > 0) {
			switch {
			case i == 0 && j == 0:
				part = lead + mark + part
			case j == 0:
				part = hang + part
			default:
				part = hang + own + part
			}
			if mark == "" || i+j > 0 {
				part = part[:len(part)-len(strings.TrimLeft(part, " "))] + harmless(strings.TrimLeft(part, " "))
			}
			b.WriteString(strings.TrimRight(part, " ") + "\n")
		}
	}
	return b.String()
}

// wrap breaks one line at spaces such that its first part takes at most first
// columns and each other at most rest; a word that is longer stays whole.
func wrap(line string, first, rest int, really bool) []string {
	if !really || columns(line) <= first {
		return []string{line}
	}
	width := max(first, 10)
	var out []string
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	now, used := indent, len(indent)
	empty := true
	for word := range strings.FieldsSeq(line) {
		size := columns(word)
		if !empty && used+1+size > width {
			out = append(out, now)
			now, used, empty = "", 0, true
			width = max(rest, minRoom)
		}
		if !empty {
			now += " "
			used++
		}
		now, used, empty = now+word, used+size, false
	}
	return append(out, now)
}

// columns counts the columns of a terminal that s takes; colours take none.
func columns(s string) int {
	n, escape := 0, false
	for _, r := range s {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r != 'm'
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case width.LookupRune(r).Kind() == width.EastAsianWide, width.LookupRune(r).Kind() == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
