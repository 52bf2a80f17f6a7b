package dossier

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	nethtml "golang.org/x/net/html"
)

// github renders as GitHub does, raw HTML with it.
var github = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(parser.WithAutoHeadingID()), goldmark.WithRendererOptions(gmhtml.WithUnsafe()))

// ours is the only HTML that the Markdown may hold.
var ours = regexp.MustCompile(`^(<details><summary>[^<>\n]*(<b>[^<>\n]*</b>[^<>\n]*)?</summary>|</details>|</?sub>)$`)

// checkMarkdown gives what is wrong with a rendering.
func checkMarkdown(md string) error {
	src := []byte(md)
	var err error
	_ = ast.Walk(github.Parser().Parse(text.NewReader(src)), func(n ast.Node, in bool) (ast.WalkStatus, error) {
		var raw string
		switch n := n.(type) {
		case *ast.RawHTML:
			raw = string(n.Segments.Value(src))
		case *ast.HTMLBlock:
			raw = string(n.Lines().Value(src))
		case *ast.Image:
			raw = "an image"
		}
		if in && raw != "" && err == nil && !ours.MatchString(strings.TrimSpace(raw)) {
			err = fmt.Errorf("HTML that is not ours: %.200q", raw)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := github.Convert(src, &page); err != nil {
		return err
	}
	return checkPage(page.String(), true)
}

// What GitHub would make a link of in text.
var called = regexp.MustCompile(`@[A-Za-z0-9]|(^|[^&\w])#[0-9]|\bGH-[0-9]|://|(?i:www\.[a-z])`)

// void elements have no end.
var void = map[string]bool{"br": true, "hr": true, "input": true, "meta": true}

// checkPage checks that tags are balanced and do no harm, and of a comment that
// text outside of code and links calls nobody and links to nothing.
func checkPage(page string, comment bool) error {
	z := nethtml.NewTokenizer(strings.NewReader(page))
	var open []string
	quiet := 0
	for {
		switch z.Next() {
		case nethtml.ErrorToken:
			if z.Err() != io.EOF {
				return z.Err()
			}
			if len(open) > 0 {
				return fmt.Errorf("not closed: %v", open)
			}
			return nil
		case nethtml.StartTagToken:
			t := z.Token()
			if err := checkTag(t); err != nil {
				return err
			}
			if !void[t.Data] {
				open = append(open, t.Data)
			}
			if isQuiet(t.Data) {
				quiet++
			}
		case nethtml.EndTagToken:
			name := z.Token().Data
			if len(open) == 0 || open[len(open)-1] != name {
				return fmt.Errorf("</%s> closes %v", name, open)
			}
			open = open[:len(open)-1]
			if isQuiet(name) {
				quiet--
			}
		case nethtml.CommentToken:
			return fmt.Errorf("a comment: %.100q", z.Token().Data)
		case nethtml.TextToken:
			s := z.Token().Data
			if m := called.FindString(s); comment && quiet == 0 && m != "" {
				return fmt.Errorf("%q in text calls: %.200q", m, s)
			}
			if i := strings.IndexAny(s, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\x00\x1b"); i >= 0 {
				return fmt.Errorf("%q: a control or bidi character", s)
			}
		}
	}
}

func isQuiet(tag string) bool { return tag == "code" || tag == "a" || tag == "style" || tag == "title" }

func checkTag(t nethtml.Token) error {
	switch t.Data {
	case "script", "img", "iframe", "object", "embed", "link", "base", "form", "svg", "math":
		return fmt.Errorf("a tag %s", t.String())
	}
	for _, a := range t.Attr {
		v := strings.ToLower(a.Val)
		switch {
		case strings.HasPrefix(a.Key, "on"), a.Key == "style" && !strings.HasPrefix(v, "text-align:"), a.Key == "src":
			return fmt.Errorf("an attribute %s", t.String())
		case a.Key != "href":
		case strings.HasPrefix(v, "#"), strings.HasPrefix(v, "https://"), strings.HasPrefix(v, "http://"):
			if backlink.MatchString(v) {
				return fmt.Errorf("a back-link %s", t.String())
			}
		default:
			return fmt.Errorf("a link %s", t.String())
		}
	}
	return nil
}

var backlink = regexp.MustCompile(`^https?://(www\.)?github\.com/[^/]+/[^/]+/(issues|pull|discussions|commit|compare)/`)

// checkLog gives what a runner would read as a command.
func checkLog(s string) error {
	for l := range strings.SplitSeq(s, "\n") {
		if strings.HasPrefix(strings.TrimSpace(l), "::") || strings.Contains(l, "##[") {
			return fmt.Errorf("a workflow command: %.100q", l)
		}
	}
	return nil
}
