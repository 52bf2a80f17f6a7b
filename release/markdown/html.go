package markdown

import (
	"bytes"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// report makes HTML of our Markdown as GitHub does of comments: a line end in
// a paragraph is a line break.
var report = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.GFM),
		goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(safeTree{}, 1000))),
		goldmark.WithRendererOptions(html.WithHardWraps(), renderer.WithNodeRenderers(util.Prioritized(nothing{}, 1))),
	)
})

// HTML renders neutral Markdown (ours) as HTML for a self-contained report.
// Should something else slip in, raw HTML is left out, images become their
// text, and links lead to http and https only.
func HTML(md string) string {
	var b bytes.Buffer
	if err := report().Convert([]byte(md), &b); err != nil {
		return "" // a bytes.Buffer does not fail
	}
	return b.String()
}

// safeTree prepares links and alerts.
type safeTree struct{}

// Transform implements parser.ASTTransformer.
func (safeTree) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	r := &source{src: reader.Source()}
	var unlink []*ast.AutoLink
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			n.Title = nil
			if !web(string(n.Destination)) {
				n.Destination = []byte("#")
			}
			n.SetAttributeString("rel", []byte("noopener noreferrer"))
		case *ast.AutoLink:
			n.SetAttributeString("rel", []byte("noopener noreferrer"))
			if !web(string(n.URL(r.src))) {
				unlink = append(unlink, n)
			}
		case *ast.Blockquote:
			if kind := r.alert(n); kind != "" {
				nameAlert(n, strings.ToLower(kind))
			}
		}
		return ast.WalkContinue, nil
	})
	for _, n := range unlink {
		n.Parent().ReplaceChild(n.Parent(), n, ast.NewString(n.Label(r.src)))
	}
}

// nameAlert puts the kind of an alert in bold where [!KIND] stands.
func nameAlert(n ast.Node, kind string) {
	p := n.FirstChild()
	dropLine(p)
	bold := ast.NewEmphasis(2)
	bold.AppendChild(bold, ast.NewString([]byte(strings.ToUpper(kind[:1])+kind[1:])))
	first := ast.NewParagraph()
	first.AppendChild(first, bold)
	n.InsertBefore(n, p, first)
	n.SetAttributeString("class", []byte("alert "+kind))
	if !p.HasChildren() {
		n.RemoveChild(n, p)
	}
}

func web(dest string) bool {
	s := strings.ToLower(dest)
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

// nothing renders raw HTML as nothing and an image as its text.
type nothing struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (nothing) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	skip := func(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
		return ast.WalkSkipChildren, nil
	}
	reg.Register(ast.KindRawHTML, skip)
	reg.Register(ast.KindHTMLBlock, skip)
	reg.Register(ast.KindImage, func(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
		return ast.WalkContinue, nil
	})
}
