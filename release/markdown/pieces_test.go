package markdown

import (
	"strings"
	"testing"
)

func TestPieces(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Text("# 1. @u\n*b* <i> #5 ##[x] ::y", 100), `\# 1. @` + gap + `u \*b\* \<i> #` + gap + `5 ##\[x\] ::y`},
		{Text("::x", 9), `\::x`},
		{Text("1. x", 9), `1\. x`},
		{Text("0.8.7", 9), `0.8.7`},
		{Text("abcdef", 4), "abc…"},
		{Text("äöü", 3), "äöü"},
		{Text("a\u202eb", 9), "ab"},
		{Text("", 9), ""},
		{Code("a`b``c"), "```a`b``c```"},
		{Code("`a"), "`` `a ``"},
		{Code(" a "), "`  a  `"},
		{Code("a\r\nb"), "`a b`"},
		{Code(""), "` `"},
		{Code("  "), "`  `"},
		{Code("##[x]"), "`##" + gapRune + "[x]`"},
		{Fence("sh", "a\n```\nb"), "````sh\na\n```\nb\n````\n"},
		{Fence("a`b", "x\n"), "```\nx\n```\n"},
		{Fence("", ""), "```\n```\n"},
		{Cell(Code("a|b") + Text("c|d", 9)), "`a\\|b`c\\|d"},
		{Cell(`a\\|b`), `a\\\|b`},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	if got := Length("aé🔴"); got != 4 {
		t.Errorf("length %d", got)
	}
}

func TestHTML(t *testing.T) {
	for _, c := range []struct{ md, want string }{
		{"[x](https://a.io)", `<p><a href="https://a.io" rel="noopener noreferrer">x</a></p>`},
		{"<https://a.io>", `<p><a href="https://a.io" rel="noopener noreferrer">https://a.io</a></p>`},
		{"[x](javascript:y) <vbscript:z>", `<p><a href="#" rel="noopener noreferrer">x</a> vbscript:z</p>`},
		{"a<b>c</b> ![d](e.png)\n\n<i>\nx</i>", "<p>ac d</p>"},
		{"a\nb", "<p>a<br>\nb</p>"},
		{"> [!WARNING]\n>\n> x", "<blockquote class=\"alert warning\"><p><strong>Warning</strong></p>\n<p>x</p>\n</blockquote>"},
	} {
		if got := strings.TrimSpace(HTML(c.md)); got != c.want {
			t.Errorf("HTML(%q)\n got %q\nwant %q", c.md, got, c.want)
		}
	}
}
