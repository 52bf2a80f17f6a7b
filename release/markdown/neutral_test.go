package markdown

import (
	"bytes"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	rhtml "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"
)

// asGitHub renders Markdown with raw HTML let through, so that any that is
// left shows up as an element.
var asGitHub = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(rhtml.WithUnsafe()))

func render(t testing.TB, md string) string {
	t.Helper()
	var b bytes.Buffer
	if err := asGitHub.Convert([]byte(md), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	elements = strings.Fields(`html head body h1 h2 h3 h4 h5 h6 p br ul ol li blockquote pre code strong em del a
		table thead tbody tr th td`)
	// called matches what GitHub makes a link of in text.
	called = regexp.MustCompile(`(?i)@[a-z0-9]|#[0-9]|\bgh-[0-9]|://|\bwww\.|\bgithub\.com/`)
	// runner matches what a log would take for a command.
	runner = regexp.MustCompile(`(?m)^\s*::|##\[`)
	traces = []string{"issues", "pull", "pulls", "discussions", "commit", "commits", "compare"}
)

// offences lists what in neutral Markdown is not: judged by its HTML.
func offences(t testing.TB, md, rendered string) []string {
	t.Helper()
	var bad []string
	add := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	for _, r := range md {
		if r != '\n' && r != '\t' && r != '\u200b' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			add("character %U", r)
		}
	}
	if m := runner.FindString(md); m != "" {
		add("log command %q", m)
	}
	if md != "" && !strings.HasSuffix(md, "\n") {
		add("no line end")
	}
	doc, err := html.Parse(strings.NewReader(rendered))
	if err != nil {
		t.Fatal(err)
	}
	var walk func(n *html.Node, code, link bool)
	walk = func(n *html.Node, code, link bool) {
		switch n.Type {
		case html.CommentNode, html.DoctypeNode:
			add("comment %q", n.Data)
		case html.TextNode:
			if m := called.FindString(n.Data); m != "" && !code && (!link || m[0] == '@') {
				add("link in text %q of %q", m, n.Data)
			}
		case html.ElementNode:
			if !slices.Contains(elements, n.Data) {
				add("element %q", n.Data)
			}
			for _, a := range n.Attr {
				bad = append(bad, attribute(n.Data, a)...)
			}
			code = code || n.Data == "code" || n.Data == "pre"
			link = link || n.Data == "a"
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, code, link)
		}
	}
	walk(doc, false, false)
	return bad
}

func attribute(element string, a html.Attribute) []string {
	switch element + " " + a.Key {
	case "a href":
		u, err := url.Parse(a.Val)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Host == "" {
			return []string{"link to " + a.Val}
		}
		parts := strings.Split(strings.ToLower(path.Clean("/"+u.Path)), "/")
		name := strings.TrimPrefix(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), "www.")
		if name == "github.com" && len(parts) > 3 && slices.Contains(traces, parts[3]) {
			return []string{"link back " + a.Val}
		}
	case "code class", "ol start", "th align", "td align", "th style", "td style":
	default:
		return []string{fmt.Sprintf("attribute %s of %s", a.Key, element)}
	}
	return nil
}

func checkNeutral(t testing.TB, md string) {
	t.Helper()
	if bad := offences(t, md, render(t, md)); len(bad) > 0 {
		t.Errorf("not neutral: %q\nin:\n%s", bad, md)
	}
}

// here is where the texts of the tests come from.
var here = Options{Repo: "langgenius/dify", Ref: "1.15.0", Demote: 2}

// TestNeutral holds what is shown against what was meant.
func TestNeutral(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"plain", "Just *some* **text** with `code`, and ~~this~~.", "Just *some* **text** with `code`, and ~~this~~.\n"},
		{"mention", "thanks @user and @org/team, mail a@b.io", "thanks @&#8203;user and @&#8203;org/team, mail a@&#8203;b.io\n"},
		{"mention over a dropped node", "@<b></b>user", "@&#8203;user\n"},
		{"mention as an entity", "&#64;user \\@user &commat;user", "@&#8203;user @&#8203;user @&#8203;user\n"},
		{"mention in a link", "[@user](https://example.com)", "[@&#8203;user](https://example.com)\n"},
		{"references", "#123 o/r#1 GH-1 o/r@abcdef1", "#&#8203;123 o/r#&#8203;1 GH-&#8203;1 o/r@&#8203;abcdef1\n"},
		{"reference over nodes", "#<i></i>12 #![](x)3", "#&#8203;12 #&#8203;3\n"},
		{"no reference", "C# and issue # of", "C# and issue # of\n"},
		{"issue, bare", "in https://github.com/langgenius/dify/pull/33539.",
			"in [#33539](https://redirect.github.com/langgenius/dify/pull/33539).\n"},
		{"issue elsewhere, bare", "<https://www.GitHub.com/o/r/issues/1>", "[o/r#1](https://redirect.github.com/o/r/issues/1)\n"},
		{"issue by a detour", "[x](https://github.com/o/r/blob/../%70ull/1)", "[x](https://redirect.github.com/o/r/pull/1)\n"},
		{"compare", "https://github.com/n8n-io/n8n/compare/n8n@1.98.0...n8n@1.99.0",
			"[n8n@&#8203;1.98.0...n8n@&#8203;1.99.0](https://redirect.github.com/n8n-io/n8n/compare/n8n@1.98.0...n8n@1.99.0)\n"},
		{"url in text", `"https://github.com/o/r/pull/1" and xwww.a.b`, "\"https:&#8203;//github&#8203;.com/o/r/pull/1\" and xwww&#8203;.a.b\n"},
		{"url at the end", "see https://example.com/a_(b).", "see <https://example.com/a_%28b%29>.\n"},
		{"title", `[x](http://example.com "tooltip @user")`, "[x](http://example.com)\n"},
		{"bad links", "[a](javascript:x) [b](data:x) [c](//evil.example) [d](#frag) [e](mailto:a@b.io) [f](http://u@h.io) [g](VBScript:x) [h](//evil.example/x)",
			"a b c d e f g h\n"},
		{"relative", "[x](docs/a b.md#L1) [y](../../../etc) [z](/README.md)",
			`\[x\](docs/a b.md#L1) [y](https://github.com/langgenius/dify/blob/1.15.0/etc) [z](https://github.com/langgenius/dify/blob/1.15.0/README.md)` + "\n"},
		{"definition", "[x][y]\n\n[y]: https://example.com 'title'", "[x](https://example.com)\n"},
		{"image", "![alt @u](https://t.example/p.png) [![badge](x.png)](https://example.com)", "alt @&#8203;u [badge](https://example.com)\n"},
		{"inline html", "a<br>b <span title=x>c</span> <!-- belay:dossier --> d", "a\\\nb c  d\n"},
		{"marker", "<!-- belay:dossier -->\ntext\n", "text\n"},
		{"details", "<details><summary>More & more</summary>\n\n- a\n\n</details>\n</details>", "**More & more**\n\n- a\n"},
		{"html table", "<table><tr><td>a</td><td>@b</td></tr><tr><td>c</td></tr></table>", "a · @&#8203;b\n\nc\n"},
		{"script", "<script>alert(1)</script>\n\nx", "x\n"},
		{"headings", "# One\n\nTwo\n===\n\n###### Six #5", "### One\n\n### Two\n\n###### Six #&#8203;5\n"},
		{"heading in a list", "- # One", "- **One**\n"},
		{"line starts", "\\# a\n\\- b\n1\\. c\n\\> d\n\\+ e\n: f\n\\=\n1.5 g", "\\# a\n\\- b\n1\\. c\n\\> d\n\\+ e\n\\: f\n\\=\n1.5 g\n"},
		{"log commands", "::set-output name=x::y\n##[error]z\n\n`##[x]`\n\n```\n  ::warning::x\n##[a]\n```",
			"\\::set-output name=x::y\n\\##\\[error\\]z\n\n`##\u200b[x]`\n\n```\n  :\u200b:warning::x\n##\u200b[a]\n```\n"},
		{"log command over nodes", "##[x](https://example.com)", "\\##&#8203;[x](https://example.com)\n"},
		{"fence left open", "```sh\nx\n# y", "```sh\nx\n# y\n```\n"},
		{"fence in a fence", "~~~\n```\n~~~", "````\n```\n````\n"},
		{"drawn fence", "```mermaid\nx\n```", "```\nx\n```\n"},
		{"indented code", "    <!-- @x -->", "```\n<!-- @x -->\n```\n"},
		{"code span", "`` a`b ``", "``a`b``\n"},
		{"code beside code", "`a`<b></b>`b`", "`a`&#8203;`b`\n"},
		{"code over a line", "`a\nb`", "`a b`\n"},
		{"list", "* a\n  b\n    1) c\n\n    2) d\n+ e", "- a\n  b\n  1. c\n  2. d\n\n- e\n"},
		{"quote", "> a\nlazy\n> > b", "> a\n> lazy\n>\n> > b\n"},
		{"alert", "> [!warning]\n> Mind @you", "> [!WARNING]\n>\n> Mind @&#8203;you\n"},
		{"alert in a list", "- > [!NOTE]\n  > x", "- > **Note**\n  >\n  > x\n"},
		{"no alert", "> [!WARNING] x", "> \\[!WARNING\\] x\n"},
		{"table", "| a | b\n|:-|--:|\n| `x\\|y` | p \\| q | r |\n| s |", "| a | b |\n| :--- | ---: |\n| `x\\|y` | p &#124; q |\n| s |  |\n"},
		{"table, code with backslash", "|a|\n|-|\n|`x\\\\|y`|", "| a |\n| --- |\n| x\\\\&#124;y |\n"},
		{"footnote", "a[^1]\n\n[^1]: b", "a^1\n"},
		{"entities", "&lt;b&gt; &amp;lt; &#x202e;x&#0; &nbsp;", "\\<b> &amp;lt; x\uFFFD \u00a0\n"},
		{"invisible", "a\u202eb\u2066c\u200fd\u200be\U000e0041f\U000e0101\x00g\ufeff\x1bh", "abcdefgh\n"},
		{"not utf-8", "a\xffb", "a\uFFFDb\n"},
		{"task", "- [x] a\n- [ ] b", "- \\[x\\] a\n- \\[ \\] b\n"},
		{"bang before a link", "\\![x](https://example.com)", "\\![x](https://example.com)\n"},
		{"rule", "a\n\n---\n\nb", "a\n\nb\n"},
		{"math", "$a$ and $$b$$", "\\$a\\$ and \\$\\$b\\$\\$\n"},
		{"names", "SOME_ENV_KEY _em_ a_", "SOME_ENV_KEY *em* a\\_\n"},
		{"bold after a word", "a**b**c **d:**<i>e</i>", "a**b**c **d:**&#8203;e\n"},
		{"emphasis in emphasis", "**a **b** c** ***d***", "**a b c** ***d***\n"},
		{"bot", "[Review in cubic](https://cubic.dev/pr/1)\n\nx", "x\n"},
		{"nothing", "  \n\n<!-- x -->\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Neutral([]byte(c.src), here)
			if got != c.want {
				t.Errorf("Neutral(%q)\n got %q\nwant %q", c.src, got, c.want)
			}
			checkNeutral(t, got)
			again := Neutral([]byte(got), here)
			checkNeutral(t, again)
		})
	}
}
