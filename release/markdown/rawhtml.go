package markdown

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark/ast"
	"golang.org/x/net/html"
)

// html gives the text in a block of HTML: a paragraph for each block element,
// a summary in bold. Of tags, attributes, comments, scripts and styles nothing
// is kept.
func (r *source) html(n *ast.HTMLBlock) string {
	var src []byte
	for i := range n.Lines().Len() {
		seg := n.Lines().At(i)
		src = append(src, seg.Value(r.src)...)
	}
	if n.HasClosure() {
		src = append(src, n.ClosureLine.Value(r.src)...)
	}
	w := htmlText{source: r}
	w.read(src)
	return strings.Join(w.out, "\n\n")
}

type htmlText struct {
	*source
	out  []string
	held []byte
	bold bool
	skip string // the element whose text is not shown
}

func (w *htmlText) read(src []byte) {
	z := html.NewTokenizer(bytes.NewReader(src))
	for {
		switch z.Next() {
		case html.ErrorToken:
			w.flush()
			return
		case html.TextToken:
			if w.skip == "" {
				w.held = append(w.held, oneLine(clean(bytes.Clone(z.Text())))...)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			w.tag(string(name), true)
		case html.EndTagToken:
			name, _ := z.TagName()
			w.tag(string(name), false)
		}
	}
}

func (w *htmlText) tag(name string, open bool) {
	switch name {
	case "script", "style", "template", "iframe", "noscript", "noembed", "noframes", "textarea", "title", "xmp":
		if open && w.skip == "" {
			w.skip = name
		} else if !open && w.skip == name {
			w.skip = ""
		}
	case "summary", "h1", "h2", "h3", "h4", "h5", "h6":
		w.flush()
		w.bold = open
	case "td", "th":
		if open && len(bytes.TrimSpace(w.held)) > 0 {
			w.held = append(w.held, " · "...)
		}
	case "b", "strong", "i", "em", "code", "kbd", "a", "span", "sub", "sup", "img", "del", "ins", "picture", "source":
	default:
		w.flush()
	}
}

// flush ends a paragraph.
func (w *htmlText) flush() {
	text := bytes.Join(bytes.Fields(w.held), []byte(" "))
	w.held = w.held[:0]
	if len(text) == 0 {
		return
	}
	w.plain = append(append(w.plain, text...), ' ')
	md := escape(nil, text, place{})
	if w.bold {
		md = strong(md)
	} else {
		md = lineStart(md)
	}
	w.out = append(w.out, string(md))
}
