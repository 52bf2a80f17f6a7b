package markdown

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// hostile are texts that try to get out of where they are put, or to cost much.
var hostile = []string{
	"@user @org/team .@a (@b) @<b></b>c &#64;d \\@e **@f** [@g](http://x.io) `@h` @@i @-j é@k",
	"<!-- belay:dossier -->\n<!-- belay:dossier --> x <!-- \nx",
	"</details>\n\n</details></td></table> x </details>",
	"::set-output name=x::y\n\n- ::error::x\n\n> ::add-mask::a\n\n##[group]x ##[b](http://x.io) #<i></i>#[c]",
	"[a](javascript:alert(1)) <javascript:alert(1)> [b](JaVaScRiPt&colon;x) [c](data:text/html,x) <vbscript:x> [d](//e.io) [e](\\/\\/f.io)",
	"https://github.com/o/r/pull/1, (https://github.com/o/r/issues/2). \"https://github.com/o/r/commit/abcdef1\" www.github.com/o/r/pull/3 http://a.io/?q=@user#1",
	"[x](https://GitHub.com:443/o/r/%70ulls/../pull/1?a=b#issuecomment-1) [y](https://github.com./o/r/compare/a...b) [z](https://u@github.com/o/r/pull/1)",
	"o/r#1 #1 GH-1 gh-2 o/r@0123456789 #<b>1</b> &#35;1 #&#49; #![](x)1 GH<i></i>-1 GH-![](x)1 GH&#45;1",
	"```\nnever closed\n# x\n<!-- y",
	"~~~~ `x`\n```\n~~~\n````\n",
	"a\u202e\u2066b\u200f\u061c\u200b\U000e0041 &#x202e;&#8203;&rlm;&zwj;&shy;\x00\x1b[31m\x85\u2028",
	"> - > 1. > - a\n> > b\nc\n\n    d\n- e\n\n  f\n5. g\n6) h",
	"| a | b |\n|---|:-:|\n| `x|y` | p \\| q |\n| `a\\|b` | <b>|\n|| \\\\| |\n|@u|#1|x|y|",
	"|a|\n|-|\nb\n::c\n##[d]\n\n`a``b` ``c`d`` ```e``` `` ` ``",
	"*a **b*c** ***d*** __e_f__ ~~g~h~~ *i*<b></b>*j* **k**<b></b>**l** `m`<b></b>`n` a*\"b\"*c",
	"[x]: http://x.io '@u'\n[x] [x][] [y][x] ![x] [^1]\n\n[^1]: http://y.io\n[^2]: note",
	"&amp;lt; &lt;script&gt; \\<b\\> &copy; &#0; &#x110000; &bogus; &amp &#60;!-- x --&#62;",
	"a\nb\n===\n\nc\n---\n\n# # d #\n#5\n\n- # e\n- f\n  ---\n\n+ - * 1. g\n",
	"<div>\n<p>@u</p><script>x</script>y<img src=x onerror=y>\n</div>\n<details open><summary>**z** @s</summary>\n\n- w\n</details>",
	"> [!WARNING]\n> a\n\n> [!NOTE] b\n\n> [!important]\n\n- > [!TIP]\n  > c\n\n> [!CAUTION]\n> ```\n> d",
	"- a\n\n      code\n- \n- ```\n  x\n-     y\n\t- z\n",
	"a  \nb\\\nc<br>d<br/>\n\\\n e \\",
	"1. a\n   2. b\n10. c\n999999999. d\n0. e\n1) f",
	"$`x`$ $$y$$ :tada: ^[x] {#id} {{ x }} %}",
	"GH-[](0)1 #[](0)1 GH-****1 GH-*<b>*1 http:[](0)//x",
	"a\x01b &#1; `c\x01`", "-\n\n-\n- -\n", "[](x) [ ](http://x.io) [![](y)](http://x.io) [*a*<b>](http://x.io)",
	"[a\nb](http://x.io) [`c]`](http://x.io) [d\\](http://x.io)](http://y.io) <http://z.io/`a`|b>",
	"http://a.io/* *b http://x.io/_c_ http://a.io/&copy; http://a.io/&amp;copy= http://[::1]/ http://ａ.io http://a.io\\@b",
	"[a](http://x.io/()\"<>`|*_~\\&copy;%zz) [b](<http://x.io/a b>) [c](http://x.io/%0a%00) [d](http:x) [e](http:///x) [f](https:/x.io)",
}

func FuzzNeutral(f *testing.F) {
	for _, s := range hostile {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		md := Neutral(src, here)
		checkNeutral(t, md)
		again := Neutral([]byte(md), here)
		checkNeutral(t, again)
		if got := HTML(md); strings.Contains(got, "<!--") || strings.Contains(strings.ToLower(got), "<img") {
			t.Errorf("HTML of %q: %q", md, got)
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, s := range hostile {
		f.Add([]byte(s), uint32(0))
		f.Add([]byte(s), uint32(0x5a5a5a5a))
	}
	f.Fuzz(func(t *testing.T, src []byte, drop uint32) {
		n := Read(src, here)
		i := 0
		for _, s := range n.Sections {
			if s.Title != "" {
				checkNeutral(t, "### "+s.Title+"\n")
			}
			var kept []Block
			for _, b := range s.Blocks {
				checkNeutral(t, b.Markdown)
				if drop>>(i%32)&1 == 0 {
					kept = append(kept, b)
				}
				i++
			}
			checkWhole(t, kept)
		}
	})
}

// paste puts blocks together the way a comment does.
func paste(blocks []Block) string {
	var b strings.Builder
	for i, x := range blocks {
		if i > 0 && !(x.Item && blocks[i-1].Item) {
			b.WriteByte('\n')
		}
		b.WriteString(x.Markdown)
	}
	return b.String()
}

// checkWhole says whether blocks read the same together as apart.
func checkWhole(t testing.TB, blocks []Block) {
	t.Helper()
	var apart strings.Builder
	for _, b := range blocks {
		apart.WriteString(render(t, b.Markdown))
	}
	together := render(t, paste(blocks))
	if a, b := outline(t, apart.String()), outline(t, together); a != b {
		t.Errorf("blocks leak\n%s\napart\n%s\ntogether\n%s", paste(blocks), a, b)
	}
}

// outline writes HTML so that neighbouring lists of one sort are one, and
// loose ones are as tight ones.
func outline(t testing.TB, s string) string {
	doc, err := html.Parse(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		list := ""
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if c.Type == html.TextNode {
				if text := strings.TrimSpace(c.Data); text != "" {
					b.WriteString(text + "\n")
				}
				continue
			}
			sort := c.Data
			if sort != "ul" && sort != "ol" {
				sort = ""
			}
			inside := c.Data == "p" && n.Data == "li"
			if !inside && (sort == "" || sort != list) {
				b.WriteString("<" + c.Data + ">\n")
			}
			list = sort
			walk(c)
			if !inside && sort == "" {
				b.WriteString("</" + c.Data + ">\n")
			}
		}
	}
	walk(doc)
	return b.String()
}

func FuzzChangelog(f *testing.F) {
	for _, s := range []string{
		"# [1.2.0](http://x) (2025-01-02)\n\na\n## 1.1.9 (2025-01-01)\nb\n```\n# 1.0.0\n```\n", "## v1.0\n### 0.9\n## 0.8 (unreleased)",
		"- x\n  ```\n# 1.0.0\n~~~\n# 2.0", "#1.0\n# 1\n####### 1.0\n# 1.0",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		rest := src
		for _, e := range Changelog(src) {
			if e.Version == "" || e.Version[0] == 'v' {
				t.Errorf("version %q", e.Version)
			}
			i := bytes.Index(rest, e.Body)
			if i < 0 {
				t.Fatalf("body %q is not in order", e.Body)
			}
			rest = rest[i+len(e.Body):]
		}
	})
}

// TestHostile runs the seeds of the fuzz targets through both of them, and
// holds the output against GitHub's own parser where that is installed.
func TestHostile(t *testing.T) {
	for _, s := range hostile {
		checkNeutral(t, Neutral([]byte(s), here))
		for _, sec := range Read([]byte(s), here).Sections {
			for _, b := range sec.Blocks {
				checkNeutral(t, b.Markdown)
			}
			checkWhole(t, sec.Blocks)
		}
	}
}

// TestCmark judges by the HTML of cmark-gfm, which is what GitHub runs.
func TestCmark(t *testing.T) {
	if _, err := exec.LookPath("cmark-gfm"); err != nil {
		if strings.Contains(os.Getenv("BELAY_TEST_REQUIRE"), "cmark") {
			t.Fatal(err)
		}
		t.Skip("cmark-gfm is not installed")
	}
	texts := slices.Clone(hostile)
	for _, name := range slices.Sorted(maps.Keys(costly)) {
		texts = append(texts, costly[name](8<<10))
	}
	var all []string
	for _, s := range texts {
		all = append(all, Neutral([]byte(s), here))
	}
	const mark = "\n\n```\n-------- next --------\n```\n\n"
	cmd := exec.Command("cmark-gfm", "--unsafe", "-e", "table", "-e", "strikethrough", "-e", "autolink", "-e", "tasklist")
	cmd.Stdin = strings.NewReader(strings.Join(all, mark))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(out), "<pre><code>-------- next --------\n</code></pre>\n")
	if len(parts) != len(all) {
		t.Fatalf("%d texts came back of %d: one is not closed", len(parts), len(all))
	}
	for i, md := range all {
		if bad := offences(t, md, parts[i]); len(bad) > 0 {
			t.Errorf("not neutral: %q\nof %q\nin:\n%s", bad, texts[i], md)
		}
	}
}
