package dossier

import (
	"strings"
	"testing"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// The line that GitHub puts in is the line that was asked for, whatever is in
// it; the message before it is a paragraph and offers nothing.
func TestSuggest(t *testing.T) {
	for _, tt := range []struct{ name, message, line string }{
		{"line", "redis:latest names no version", "    image: redis:7.4.2"},
		{"backticks", "a `message`", "    image: redis:7.4.2 # was `latest`"},
		{"only backticks", "m", "```"},
		{"fence inside", "m", "# ```suggestion"},
		{"fence of its own", "m", "```suggestion"},
		{"longer fence", "m", "  ````` x"},
		{"other fence", "m", "~~~"},
		{"tabs", "m", "\timage:\tredis:7.4.2\t# tab"},
		{"spaces at the end", "m", "image: redis:7.4.2  "},
		{"empty", "m", ""},
		{"markup", "m", "<!-- x --> @octocat #1 &amp; \\` </details>"},
		{"message with a fence", "x\n```suggestion\nimage: evil\n```\n", "image: redis:7.4.2"},
		{"message with HTML", "<details>@octocat #12 ```suggestion", "image: redis:7.4.2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			md, exact := Suggest(tt.message, "image-tag-floating", tt.line)
			if !exact {
				t.Error("not offered")
			}
			if err := checkMarkdown(md); err != nil {
				t.Error(err)
			}
			src := []byte(md)
			said := github.Parser().Parse(text.NewReader(src)).FirstChild()
			offered, ok := said.NextSibling().(*ast.FencedCodeBlock)
			if said.Kind() != ast.KindParagraph || !ok || offered.NextSibling() != nil {
				t.Fatalf("want a paragraph and a fence:\n%s", md)
			}
			want := tt.line
			if want != "" {
				want += "\n"
			}
			if lang, got := offered.Language(src), string(offered.Lines().Value(src)); string(lang) != "suggestion" || got != want {
				t.Errorf("language %q, offered %q, want %q", lang, got, want)
			}
			if !strings.Contains(md, " `image-tag-floating`\n") {
				t.Errorf("no rule in %q", md)
			}
		})
	}
}

// A line of which not every character is printed is not offered: accepting it
// would write another one.
func TestSuggestExact(t *testing.T) {
	for _, line := range []string{"::add-mask::x", "image: a # ##[group]", "image: a\u202e # b", "image: a\u200b"} {
		if _, ok := Suggest("m", "r", line); ok {
			t.Errorf("%q is offered", line)
		}
	}
}
