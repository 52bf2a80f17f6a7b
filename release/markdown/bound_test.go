package markdown

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// costly are texts of n bytes that take a parser quadratic time or more, in
// one way or another.
var costly = map[string]func(n int) string{
	"quotes":            func(n int) string { return strings.Repeat(">", n) },
	"quotes, then text": func(n int) string { return strings.Repeat(">", n/2) + strings.Repeat("\na", n/4) },
	"lists":             func(n int) string { return strings.Repeat("- ", n/2) },
	"lists, then lines": func(n int) string { return strings.Repeat("- ", n/4) + "a" + strings.Repeat("\n", n/2) },
	"numbers":           func(n int) string { return strings.Repeat("1. ", n/6) + "a" + strings.Repeat("\n", n/2) },
	"mixed markers":     func(n int) string { return strings.Repeat("> - 1) + ", n/18) + "a" + strings.Repeat("\n", n/2) },
	"stairs": func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n/2; i++ {
			b.WriteString(strings.Repeat(" ", 2*i) + "- a\n")
		}
		return b.String() + strings.Repeat("\n", n/2)
	},
	"brackets":        func(n int) string { return strings.Repeat("[", n) },
	"links":           func(n int) string { return strings.Repeat("[a](", n/4) },
	"links, lines":    func(n int) string { return strings.Repeat("[a](\n", n/5) },
	"links, heading":  func(n int) string { return strings.Repeat("[a](\n", n/5) + "===\n" },
	"links, headings": func(n int) string { return strings.Repeat("# "+strings.Repeat("[a](", 255)+"\n", n/1023) },
	"links, cells":    func(n int) string { return "|a|\n|-|\n" + strings.Repeat(strings.Repeat("[a](", 255)+"|\n", n/1022) },
	"images":          func(n int) string { return strings.Repeat("![a](", n/5) },
	"emphasis":        func(n int) string { return strings.Repeat("*a ", n/3) },
	"emphasis, mixed": func(n int) string { return strings.Repeat("a*_", n/3) },
	"emphasis, lines": func(n int) string { return strings.Repeat("a*_~~\n", n/6) },
	"emphasis, nested": func(n int) string {
		return strings.Repeat("**a *b ", n/14) + strings.Repeat(" c* d**", n/14)
	},
	"backticks": func(n int) string {
		var b strings.Builder
		for i := 1; b.Len() < n; i++ {
			b.WriteString("a" + strings.Repeat("`", i))
		}
		return b.String()
	},
	"comments":         func(n int) string { return strings.Repeat("a <!--", n/6) },
	"cdata":            func(n int) string { return strings.Repeat("a <![CDATA[", n/11) },
	"instructions":     func(n int) string { return strings.Repeat("a <?", n/4) },
	"tags":             func(n int) string { return strings.Repeat("<a b='", n/6) },
	"html":             func(n int) string { return "<div>\n" + strings.Repeat("<a <!", n/5) },
	"html blocks":      func(n int) string { return strings.Repeat("<div>\n\n", n/7) },
	"urls":             func(n int) string { return strings.Repeat("(http://a.", n/10) },
	"mail":             func(n int) string { return strings.Repeat(" a@", n/3) },
	"backslashes":      func(n int) string { return "[" + strings.Repeat(`\`, n) },
	"entities":         func(n int) string { return strings.Repeat("&#", n/2) },
	"definitions":      func(n int) string { return strings.Repeat("[a]: b\n", n/7) },
	"open definitions": func(n int) string { return strings.Repeat("[a\n", n/3) },
	"uses": func(n int) string {
		return "[a]: http://x.io/" + strings.Repeat("b", n/2) + "\n\n" + strings.Repeat("[a]\n", n/8)
	},
	"uses of one that is not too long": func(n int) string {
		return "[a]: http://x.io/" + strings.Repeat("b", 1900) + "\n\n" + strings.Repeat("[a]\n", n/4)
	},
	"wide table": func(n int) string {
		return strings.Repeat("|a", n/6) + "|\n" + strings.Repeat("|-", n/6) + "|\n" + strings.Repeat("|\n", n/6)
	},
	"narrow tables": func(n int) string { return strings.Repeat("|a|a|a|\n|-|-|-|\n"+strings.Repeat("|\n", 20)+"\n", n/57) },
	"table":         func(n int) string { return "|a|\n|-|\n" + strings.Repeat("|b|\n", n/4) },
	"lines":         func(n int) string { return strings.Repeat("a\n", n/2) },
	"items":         func(n int) string { return strings.Repeat("- a\n", n/4) },
	"headings":      func(n int) string { return strings.Repeat("# a\n", n/4) },
	"deep lines":    func(n int) string { return strings.Repeat(strings.Repeat(">", 19)+"a\n", n/21) },
	"advisories":    func(n int) string { return strings.Repeat("- #1 CVE-2020-1234\n", n/19) },
	"refs": func(n int) string {
		var b strings.Builder
		for i := 1; b.Len() < n; i++ {
			fmt.Fprintf(&b, "- #%d CVE-2020-%d\n", i, i+1000)
		}
		return b.String()
	},
	"one line": func(n int) string { return strings.Repeat("word ", n/5) },
	"nul":      func(n int) string { return strings.Repeat("\x00", n) },
	"bytes":    func(n int) string { return strings.Repeat("\xff", n) },
}

// TestCost reads each costly text at a quarter of the full size. Without the
// bounds of bound and splitter a dozen of them take from seconds to hours.
func TestCost(t *testing.T) {
	const size, limit = MaxSize / 4, 15 * time.Second // 0.3 s is usual, and a quadratic one takes minutes
	for name, text := range costly {
		t.Run(name, func(t *testing.T) {
			src := []byte(text(size))
			start := time.Now()
			n := Read(src, here)
			took := time.Since(start)
			grown := 0
			for _, s := range n.Sections {
				for _, b := range s.Blocks {
					grown += len(b.Markdown)
				}
			}
			t.Logf("%v, %d bytes", took.Round(time.Millisecond), grown)
			if took > limit {
				t.Errorf("took %v", took)
			}
			if grown > 24*size {
				t.Errorf("grew to %d bytes", grown)
			}
		})
	}
}
