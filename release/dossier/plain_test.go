package dossier

import (
	"strings"
	"testing"

	"github.com/belaystack/belay/release"
)

func TestPlain(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"paragraph", "**bold** and `co*de` and [a link](https://e.example/)", "bold and co*de and a link"},
		{"escapes", `1\. a\_b &#96; @&#8203;octocat \# &amp;lt;`, "1. a_b ` @octocat # &lt;"},
		{"code keeps its backslash", "`a\\_b`", `a\_b`},
		{"list", "- a\n  - b\n- c", "- a\n  - b\n- c"},
		{"numbers", "3. a\n4. b", "3. a\n4. b"},
		{"fence", "```sh\nls -l\n\n  x\n```", "  ls -l\n\n    x"},
		{"alert", "> [!WARNING]\n> Read **this**.", "WARNING: Read this."},
		{"table", "| a | b |\n|---|---|\n| `c` | d |", "a | b\nc | d"},
		{"line break", "a\\\nb", "a\nb"},
		{"hidden", "a\u202eb\x1b[31m", "ab[31m"},
		{"command", "text\\\n::error::x", "text\n\\::error::x"},
		{"none", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := plain(release.Markdown(tt.in)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHang(t *testing.T) {
	for _, tt := range []struct {
		name, mark, text, want string
		indent, width          int
	}{
		{"short", "- ", "abc", "  - abc\n", 2, 40},
		{"wrapped", "- ", "aaaa bbbb cccc dddd eeee ffff", "- aaaa bbbb cccc\n  dddd eeee ffff\n", 0, 17},
		{"long word", "", strings.Repeat("x", 50) + " y", strings.Repeat("x", 50) + "\ny\n", 0, 40},
		{"list in it", "", "- aaaa bbbb cccc dddd\n- b", "- aaaa bbbb\n  cccc dddd\n- b\n", 0, 13},
		{"wide", "", "図図図図図 図図図図図 図", "図図図図図\n図図図図図 図\n", 0, 20},
		{"colours take no room", "\x1b[1mhigh\x1b[0m ", "aaaa bbbb", "\x1b[1mhigh\x1b[0m aaaa bbbb\n", 0, 14},
		{"no wrapping", "", strings.Repeat("word ", 100) + "end", strings.Repeat("word ", 100) + "end\n", 0, 0},
		{"a command at a break", "", "aaaa ::error::x bbbb cccc dddd", "aaaa\n\\::error::x bbbb cccc\ndddd\n", 0, 12},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := hangPlain(tt.indent, tt.indent+columns(tt.mark), tt.mark, tt.text, tt.width); got != tt.want {
				t.Errorf("got\n%q, want\n%q", got, tt.want)
			}
		})
	}
}

func TestColumns(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "図": 2, "e\u0301": 1, "\x1b[1;31mhigh\x1b[0m": 4} {
		if got := columns(s); got != want {
			t.Errorf("%q takes %d columns, want %d", s, got, want)
		}
	}
}

// No line is wider than asked for, but those that are to be copied.
func TestTextWidth(t *testing.T) {
	for _, width := range []int{40, 60, 100} {
		for l := range strings.SplitSeq(Text(rich(), width, false), "\n") {
			if columns(l) > width && strings.Contains(strings.TrimSpace(l), " ") && !strings.Contains(l, "docker compose") && !strings.Contains(l, "compose.yaml:") && !strings.Contains(l, "cp docker") {
				t.Errorf("width %d: %d columns: %s", width, columns(l), l)
			}
		}
	}
}

// Colours come only when they are asked for, and say nothing that the words do
// not.
func TestTextColor(t *testing.T) {
	colored, plain := Text(rich(), 80, true), Text(rich(), 80, false)
	if !strings.Contains(colored, "\x1b[1;31mHigh\x1b[0m") || strings.Contains(plain, "\x1b") {
		t.Error("colours where none are asked for, or none where they are")
	}
	var b strings.Builder
	for part := range strings.SplitSeq(colored, "\x1b[") {
		if b.Len() > 0 {
			_, part, _ = strings.Cut(part, "m")
		}
		b.WriteString(part)
	}
	if got := b.String(); got != plain && got[strings.Index(got, "m")+1:] != plain {
		t.Errorf("other words with colours:\n%s", got)
	}
}

func TestProse(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"write `redis:7.4.2` here", "write `redis:7.4.2` here"},
		{"one ` alone", "one &#96; alone"},
		{"`a|b` is text", "a&#124;b is text"},
		{"`@x` @y", "`@x` @&#8203;y"},
		{"a*b", `a\*b`},
	} {
		if got := (&render{}).prose(tt.in, 100); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
	if got := prose("a `b<c` d"); got != "a <code>b&lt;c</code> d" {
		t.Errorf("got %q", got)
	}
}

// 100 versions of about 5 KB each, in a comment that has room for some.
func BenchmarkMarkdown(b *testing.B) {
	d := small()
	body := bullets(50)
	v := d.Notes[0].Versions[0]
	v.Sections = []release.Section{{Kind: "breaking", Title: "Breaking", Blocks: body[:1]}, {Kind: "features", Title: "Features", Blocks: body[1:10]}, {Kind: "changes", Title: "Changes", Blocks: body[10:]}}
	for range 99 {
		d.Notes[0].Versions = append(d.Notes[0].Versions, v)
	}
	for _, bm := range []struct {
		name string
		o    Options
	}{{"comment", options()}, {"whole", Options{}}, {"untrusted", Options{Limit: CommentLimit, Untrusted: true}}} {
		b.Run(bm.name, func(b *testing.B) {
			for b.Loop() {
				b.SetBytes(int64(len(Markdown(d, bm.o))))
			}
		})
	}
	b.Run("html", func(b *testing.B) {
		for b.Loop() {
			HTML([]*release.Dossier{d}, Options{})
		}
	})
}
