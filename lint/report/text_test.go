package report

import (
	"strings"
	"testing"

	"github.com/belaystack/belay/lint"
)

func TestText(t *testing.T) {
	got := render(t, "text", sample(), Options{})
	must(t, got,
		"compose.yaml:4:12: error: n8nio/n8n:latest names no version [image-tag-floating]\n"+
			"  |     image: n8nio/n8n:latest\n"+
			"  |            ^~~~~~~~~~~~~~~~\n"+
			"  hint: write the version that runs now\n"+
			"  see compose.yaml:2:1: prod asks for an exact version\n",
		".env.example:30:1: added: DB_TYPE: the example has it since the base, your file does not\n",
		"notice: .env is not in the repository: only the examples were compared\n",
		"\n2 errors, 1 warning, 1 note, drift of 1 key in 2 stacks (9 images), environment prod; 1 suppressed, 2 in the baseline\n")
	mustNot(t, got, "\x1b", "  | \n")

	clean := render(t, "text", &Result{Stacks: []Stack{{Name: "a", Images: 1}}, Environment: lint.Dev}, Options{})
	if want := "no findings in 1 stack (1 image), environment dev\n"; clean != want {
		t.Errorf("got %q, want %q", clean, want)
	}
}

func TestTextColours(t *testing.T) {
	got := render(t, "text", sample(), Options{Color: true})
	must(t, got, "\x1b[1;31merror:\x1b[0m", "\x1b[1;33mwarning:\x1b[0m")
	if plain := render(t, "text", sample(), Options{}); ansi.ReplaceAllString(got, "") != plain {
		t.Error("colours change the text")
	}
}

// The caret stands under the region's first character in a terminal, whatever
// the characters before it take.
func TestCaret(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		col, n       int
		line, mark   string
	}{
		{"ascii", "image: redis", 8, 5, "image: redis", "       ^~~~~"},
		{"one", "image: redis", 8, 1, "image: redis", "       ^"},
		{"unknown length", "image: redis", 8, 0, "image: redis", "       ^"},
		{"tabs", "\timage:\tredis", 9, 5, "\timage:\tredis", "\t      \t^~~~~"},
		{"wide", "# 数据库 redis", 7, 5, "# 数据库 redis", "         ^~~~~"},
		{"wide region", "a: 数据", 4, 6, "a: 数据", "   ^~~~"},
		{"fullwidth and emoji", "Ａ😀: x", 5, 1, "Ａ😀: x", "      ^"},
		{"combining", "cafe\u0301: x", 8, 1, "cafe\u0301: x", "      ^"},
		{"hangul jamo", "\u1112\u1161\u11ab x", 5, 1, "\u1112\u1161\u11ab x", "   ^"},
		{"escape before", "\x1b[31m x", 7, 1, `\x1b[31m x`, "         ^"},
		{"command before", "##[x] y", 7, 1, `##\[x] y`, "       ^"},
		{"bom", "\ufeffname: x", 7, 1, "name: x", "      ^"},
		{"past the end", "ab", 3, 0, "ab", "  ^"},
		{"far past the end", "ab", 90, 5, "ab", "  ^"},
		{"region over the end", "abc", 2, 50, "abc", " ^~"},
		{"invalid byte", "a\xffb", 3, 1, `a\xffb`, "     ^"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line, mark := excerpt(lint.Finding{Span: at("f", 1, tt.col, 0, tt.n), Source: tt.source})
			if line != tt.line || mark != tt.mark {
				t.Errorf("got\n%s\n%s\nwant\n%s\n%s", line, mark, tt.line, tt.mark)
			}
		})
	}
}

func TestLongSourceLineIsCutAroundTheCaret(t *testing.T) {
	source := strings.Repeat("a", 5000) + "HERE" + strings.Repeat("b", 5000)
	line, mark := excerpt(lint.Finding{Span: at("f", 1, 5001, 0, 4), Source: source})
	if n := cells(line); n != maxSource+2 {
		t.Errorf("the line takes %d columns", n)
	}
	if line[len("…")+strings.Index(mark, "^")-1:][:4] != "HERE" || !strings.HasSuffix(mark, " ^~~~") {
		t.Errorf("the mark is not under the region:\n%s\n%s", line, mark)
	}
	line, _ = excerpt(lint.Finding{Span: at("f", 1, 1, 0, 4), Source: source})
	if !strings.HasPrefix(line, "aaa") || !strings.HasSuffix(line, "a…") {
		t.Errorf("the start of a long line: %s", line)
	}
}

func TestVisible(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"plain [text] 100%", "plain [text] 100%"},
		{"naïve 数据 é", "naïve 数据 é"},
		{"a\x1b[31mb", `a\x1b[31mb`},
		{"a\r\nb\tc\x00", `a\r\nb\tc\x00`},
		{"\u202ereversed\u2066", `\u202ereversed\u2066`},
		{"line\u2028para\u2029nel\u0085", `line\u2028para\u2029nel\x85`},
		{"zero\u200bwidth\ufeff\u00ad", `zero\u200bwidth\ufeff\xad`},
		{"##[error]x", `##\[error]x`},
		{"#\u200b#[error]", `#\u200b#[error]`},
		{"⚠\ufe0f ok", "⚠\ufe0f ok"},
		{"#\ufe0f#[x]", `#\ufe0f#[x]`},
		{"tag\U000e0041", `tag\U000e0041`},
		{"bad\xff\xfe", `bad\xff\xfe`},
		{"\u3164\u034f", `\u3164\u034f`},
		{"a\u00a0\u3000b", "a\u00a0\u3000b"},
	} {
		if got := visible(tt.in); got != tt.want {
			t.Errorf("visible(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"::error::x", `\::error::x`},
		{"ok\n \u3000::add-mask::x\nok", "ok\n \u3000\\::add-mask::x\nok"},
		{"a ::error::x", "a ::error::x"},
		{":: alone", `\:: alone`},
		{"a\r::error::x", `a\r::error::x`},
	} {
		if got := Printable(tt.in); got != tt.want {
			t.Errorf("Printable(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestLongTextIsCut(t *testing.T) {
	got := brief(strings.Repeat("é", 3*maxText))
	if want := strings.Repeat("é", maxText) + "…"; got != want {
		t.Errorf("%d characters, want %d", len([]rune(got)), maxText+1)
	}
}
