package markdown

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
)

// block renders one block without the line end that closes it, "" when there
// is nothing to show. depth is how many quotes and lists it stands in.
func (r *source) block(n ast.Node, depth int) string {
	switch n := n.(type) {
	case *ast.Paragraph, *ast.TextBlock:
		return string(r.paragraph(n))
	case *ast.Heading:
		return r.heading(n, depth)
	case *ast.FencedCodeBlock:
		return r.code(n.Language(r.src), n)
	case *ast.CodeBlock:
		return r.code(nil, n)
	case *ast.Blockquote:
		return r.quote(n, depth)
	case *ast.List:
		return r.list(n, depth)
	case *ast.HTMLBlock:
		return r.html(n)
	case *extast.Table:
		return r.table(n)
	case *ast.ThematicBreak, *ast.LinkReferenceDefinition:
		return ""
	}
	return r.blocks(n, depth)
}

// blocks renders the blocks in a container.
func (r *source) blocks(n ast.Node, depth int) string {
	var b strings.Builder
	var before ast.Node
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		r.plain = append(r.plain, ' ')
		md := r.block(c, depth)
		if md == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n")
			if !adjacent(before, c) {
				b.WriteString("\n")
			}
		}
		b.WriteString(md)
		before = c
	}
	return b.String()
}

// adjacent says whether b may stand right below a without being drawn into it.
func adjacent(a, b ast.Node) bool {
	if a.Kind() != ast.KindTextBlock {
		return false
	}
	list, ok := b.(*ast.List)
	return ok && (!list.IsOrdered() || list.Start == 1) || b.Kind() == ast.KindFencedCodeBlock
}

func (r *source) heading(n *ast.Heading, depth int) string {
	title := r.oneLiner(n, false)
	switch {
	case len(title) == 0:
		return ""
	case depth > 0: // a heading of its own would cut the text of ours in two
		return string(strong(title))
	}
	return strings.Repeat("#", r.o.shift(n.Level)) + " " + string(title)
}

// strong makes a line bold that may hold bold text.
func strong(s []byte) []byte {
	if bytes.Contains(s, []byte("**")) {
		return lineStart(s)
	}
	return append(append([]byte("**"), s...), "**"...)
}

func (r *source) code(lang []byte, n ast.Node) string {
	var code []byte
	for i := range n.Lines().Len() {
		seg := n.Lines().At(i)
		code = append(code, seg.Value(r.src)...)
	}
	r.plain = append(r.plain, oneLine(code)...)
	return string(fence(lang, code))
}

// alerts are GitHub's, by what stands in their first line.
var alerts = map[string]string{
	"[!note]": "NOTE", "[!tip]": "TIP", "[!important]": "IMPORTANT", "[!warning]": "WARNING", "[!caution]": "CAUTION",
}

// alert gives the kind of alert that a quote is, or "".
func (r *source) alert(n ast.Node) string {
	p, ok := n.FirstChild().(*ast.Paragraph)
	if n.Kind() != ast.KindBlockquote || !ok || p.Lines().Len() == 0 {
		return ""
	}
	seg := p.Lines().At(0)
	line := bytes.TrimSpace(seg.Value(r.src))
	if len(line) > 20 {
		return ""
	}
	return alerts[strings.ToLower(string(line))]
}

func (r *source) quote(n *ast.Blockquote, depth int) string {
	kind := r.alert(n)
	if kind != "" {
		dropLine(n.FirstChild())
	}
	inner := r.blocks(n, depth+1)
	if inner == "" || depth >= maxDepth {
		return inner
	}
	switch {
	case kind != "" && depth == 0:
		inner = "[!" + kind + "]\n\n" + inner
	case kind != "": // GitHub has alerts at the top only
		inner = "**" + kind[:1] + strings.ToLower(kind[1:]) + "**\n\n" + inner
	}
	return indent(inner, "> ", "> ")
}

// dropLine removes the first line of a paragraph.
func dropLine(p ast.Node) {
	for c := p.FirstChild(); c != nil; c = p.FirstChild() {
		p.RemoveChild(p, c)
		if t, ok := c.(*ast.Text); ok && (t.SoftLineBreak() || t.HardLineBreak()) {
			return
		}
	}
}

// indent puts first before the first line of s and next before the others.
func indent(s, first, next string) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/8)
	for prefix := first; ; prefix = next {
		line, rest, more := strings.Cut(s, "\n")
		if line == "" {
			prefix = strings.TrimRight(prefix, " ")
		}
		b.WriteString(prefix)
		b.WriteString(line)
		if !more {
			return b.String()
		}
		b.WriteByte('\n')
		s = rest
	}
}

func (r *source) list(n *ast.List, depth int) string {
	var b strings.Builder
	i := 0
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		md := r.item(n, c, i, depth)
		if md == "" {
			continue
		}
		if i++; b.Len() > 0 {
			b.WriteString("\n")
			if depth >= maxDepth {
				b.WriteString("\n")
			}
		}
		b.WriteString(md)
	}
	return b.String()
}

// item renders the item of a list that is shown at place i.
func (r *source) item(list *ast.List, n ast.Node, i, depth int) string {
	inner := r.blocks(n, depth+1)
	if inner == "" || depth >= maxDepth {
		return inner
	}
	first := "- "
	if list.IsOrdered() {
		first = strconv.Itoa(min(list.Start+i, 999_999_999)) + ". "
	}
	return indent(inner, first, strings.Repeat(" ", len(first)))
}

var alignments = map[extast.Alignment]string{
	extast.AlignLeft: ":---", extast.AlignRight: "---:", extast.AlignCenter: ":---:", extast.AlignNone: "---",
}

func (r *source) table(n *extast.Table) string {
	var b strings.Builder
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		cells := 0
		for c := row.FirstChild(); c != nil && cells < len(n.Alignments); c = c.NextSibling() {
			b.WriteString("| ")
			b.Write(r.oneLiner(c, true))
			b.WriteByte(' ')
			r.plain = append(r.plain, ' ')
			cells++
		}
		b.WriteString(strings.Repeat("| ", len(n.Alignments)-cells) + "|")
		if row == n.FirstChild() {
			b.WriteString("\n")
			for _, a := range n.Alignments {
				b.WriteString("| " + alignments[a] + " ")
			}
			b.WriteString("|")
		}
	}
	return b.String()
}
