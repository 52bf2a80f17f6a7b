package report

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	gmtext "github.com/yuin/goldmark/text"
	nethtml "golang.org/x/net/html"
)

// github renders as GitHub does, raw HTML with it.
func github() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(gmhtml.WithUnsafe()))
}

// ours is the only HTML that the Markdown may hold.
var ours = regexp.MustCompile(`^(<details( open)?><summary>[^<>\n]*(<b>[^<>\n]*</b>[^<>\n]*)?</summary>|</details>|</?sub>)$`)

// checkMarkdown gives what is wrong with a rendering whose only link may lead to
// more.
func checkMarkdown(md, more string) error {
	src := []byte(md)
	gm := github()
	var err error
	_ = ast.Walk(gm.Parser().Parse(gmtext.NewReader(src)), func(n ast.Node, in bool) (ast.WalkStatus, error) {
		var bad string
		switch n := n.(type) {
		case *ast.RawHTML:
			bad = string(n.Segments.Value(src))
		case *ast.HTMLBlock:
			bad = string(n.Lines().Value(src))
		case *ast.Image:
			bad = "an image"
		case *ast.Link:
			if string(n.Destination) != more {
				bad = "a link to " + string(n.Destination)
			}
		case *ast.AutoLink:
			bad = "a link"
		case *ast.Blockquote, *ast.ThematicBreak, *ast.CodeBlock:
			bad = fmt.Sprintf("a %T", n)
		}
		if in && bad != "" && err == nil && !ours.MatchString(strings.TrimSpace(bad)) {
			err = fmt.Errorf("not ours: %.200q", bad)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return err
	}
	if err := checkTables(md); err != nil {
		return err
	}
	var page bytes.Buffer
	if err := gm.Convert(src, &page); err != nil {
		return err
	}
	if err := checkTags(page.String(), map[string]bool{"a": true, "h3": true, "h4": true, "p": true, "strong": true, "em": true, "code": true, "pre": true, "ul": true, "li": true,
		"table": true, "thead": true, "tbody": true, "tr": true, "th": true, "td": true, "details": true, "summary": true, "b": true, "sub": true}, true); err != nil {
		return err
	}
	return checkLog(md)
}

// checkTables gives the first row that has another number of cells than its
// head: GitHub drops what is too much.
func checkTables(md string) error {
	fenced, cells := "", 0
	for l := range strings.SplitSeq(md, "\n") {
		ticks := l[:len(l)-len(strings.TrimLeft(l, "`"))]
		switch {
		case fenced != "":
			if l == fenced {
				fenced = ""
			}
		case len(ticks) >= 3:
			fenced = ticks
		case !strings.HasPrefix(l, "|"):
			cells = 0
		case cells == 0:
			cells = strings.Count(l, "|")
		case strings.Count(l, "|") != cells:
			return fmt.Errorf("%d bars in a row, %d in its head: %.200q", strings.Count(l, "|"), cells, l)
		}
	}
	return nil
}

// checkPage gives what is wrong with a page of HTML.
func checkPage(page string) error {
	allowed := map[string]bool{}
	for tag := range strings.FieldsSeq("html head meta title style body a header p code main h1 h2 h3 small section b dl div dt dd ul li pre br span details summary table thead tbody tr th td svg line text rect footer") {
		allowed[tag] = true
	}
	return checkTags(strings.TrimPrefix(page, "<!doctype html>"), allowed, false)
}

// What GitHub would make a link of in text.
var called = regexp.MustCompile(`@[A-Za-z0-9]|#[0-9]|(?i)\bGH-[0-9]|://|www\.[a-z]`)

// checkTags checks that tags are balanced and known, that attributes do no harm
// and, of a comment, that text outside of code and links calls nobody.
func checkTags(page string, allowed map[string]bool, comment bool) error {
	void := map[string]bool{"br": true, "meta": true}
	z := nethtml.NewTokenizer(strings.NewReader(page))
	var open []string
	quiet := 0
	for {
		kind := z.Next()
		token := z.Token()
		switch kind {
		case nethtml.ErrorToken:
			if z.Err() != io.EOF || len(open) > 0 {
				return fmt.Errorf("%w, not closed: %v", z.Err(), open)
			}
			return nil
		case nethtml.StartTagToken, nethtml.SelfClosingTagToken:
			if !allowed[token.Data] {
				return fmt.Errorf("a tag %s", token)
			}
			if err := checkAttributes(token, comment); err != nil {
				return err
			}
			if kind == nethtml.StartTagToken && !void[token.Data] {
				open = append(open, token.Data)
			}
			if token.Data == "code" || token.Data == "a" {
				quiet++
			}
		case nethtml.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				return fmt.Errorf("</%s> closes %v", token.Data, open)
			}
			open = open[:len(open)-1]
			if token.Data == "code" || token.Data == "a" {
				quiet--
			}
		case nethtml.CommentToken:
			return fmt.Errorf("a comment: %.100q", token.Data)
		case nethtml.TextToken:
			if m := called.FindString(token.Data); comment && quiet == 0 && m != "" {
				return fmt.Errorf("%q in text calls: %.200q", m, token.Data)
			}
			if err := checkShown(token.Data); err != nil {
				return err
			}
		}
	}
}

func checkAttributes(t nethtml.Token, comment bool) error {
	for _, a := range t.Attr {
		switch {
		case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "src", strings.Contains(a.Key, ":"),
			a.Key == "href" && !comment && a.Val != "#main":
			return fmt.Errorf("an attribute in %s", t)
		}
	}
	return nil
}

// checkShown gives the first character that changes how others show.
func checkShown(s string) error {
	if i := strings.IndexAny(s, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028\u2029\x00\x07\x1b\u009b"); i >= 0 {
		return fmt.Errorf("a control or bidi character in %.100q", s)
	}
	return nil
}

// checkLog gives what a runner would read as a command.
func checkLog(s string) error {
	for l := range strings.SplitSeq(s, "\n") {
		if strings.HasPrefix(strings.TrimSpace(l), "::") || strings.Contains(l, "##[") {
			return fmt.Errorf("a workflow command: %.100q", l)
		}
	}
	return checkShown(s)
}
