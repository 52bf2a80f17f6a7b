package dossier

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/belaystack/belay/release"
)

// hostile gives text that tries to be more than text.
func hostile() []string {
	return []string{
		"plain", "", " ", "langgenius/dify-api", "@octocat", "a@octocat.com", "@acme/team", "#123", "GH-123", "acme/infra#1", "acme/infra@0123456789abcdef0123456789abcdef01234567",
		"</details>", "</summary></details><details>", "<details><summary>x", "<!-- belay:dossier -->", "<!--", "-->", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</table>", "<b>", "</sub>", "<style>*{}</style>", "</style><script>",
		"| a | b |\n|---|---|\n| c | d |", "a|b", `a\|b`, `a\`, "|", `\`, "`", "``", "```", "````\n~~~", "~~~", "```\n</details>\n```", "`a`b`", "`@x`|`",
		"::set-output name=x::y", "\n::add-mask::x", "  ::error::x", "##[add-mask]x", "x ##[group]y", "\u200b::error::x",
		"![x](https://evil.example/x.png)", "[x](javascript:alert(1))", "[x](https://evil.example/)", "https://github.com/acme/infra/issues/1", "https://evil.example/)", "www.example.com", "http://evil.example", "//evil.example", "<https://evil.example>",
		"# heading", "- item", "1. one", "> quote", "> [!WARNING]\n> x", "===", "---", "***", "___", "    code", "[x]: https://evil.example", "[^1]", "[ ] task",
		"&#64;octocat", "&lt;!-- x", "&amp;", "$x$", "**bold", "_x_", "~~x~~", "a\nb\n\n# c", "\r\nx", "\x00", "\x1b[31mred", "\xff\xfe", "\u202egpj.exe", "\u2066x", "a\u200bb", "\U000e0041", "x\u2028::error::",
		"https://e.example/?a=1&copy;=2", "../../../etc/passwd", strings.Repeat("@a ", 300), strings.Repeat("<", 500), strings.Repeat("図", 400), "{{.}}", "\"'><x", "javascript:alert(1)", "data:text/html,x",
	}
}

// whole gives a dossier in which every list has one entry, and every text is
// word.
func whole(word string) *release.Dossier {
	f := &filler{Rand: rand.New(rand.NewPCG(1, 1)), words: []string{word}, least: 1, most: 1}
	f.markdown = func(s string) release.Markdown { return release.Markdown(s) }
	d := &release.Dossier{}
	f.fill(reflect.ValueOf(d).Elem())
	return d
}

// Every field of text holds a hostile one: each form stays what it is.
func TestHostileFields(t *testing.T) {
	for _, word := range hostile() {
		f := whole(word)
		for _, o := range []Options{
			{Untrusted: true, Limit: 30_000, Command: word, More: word, Link: func(release.Place) string { return word }},
			{Untrusted: true, Limit: 1 << 30},
		} {
			if err := checkFit(f, o); err != nil {
				t.Errorf("%q: comment: %v", word, err)
			}
			if err := checkMarkdown(Resolved(f, o)); err != nil {
				t.Errorf("%q: resolved: %v", word, err)
			}
			if err := checkHTML(string(HTML([]*release.Dossier{f, f}, o))); err != nil {
				t.Errorf("%q: page: %v", word, err)
			}
		}
		if err := checkText(Text(f, 80, false)); err != nil {
			t.Errorf("%q: text: %v", word, err)
		}
	}
}

// The test above sees every field only if the dossier has one of each.
func TestHostileDossierIsWhole(t *testing.T) {
	var empty []string
	var visit func(path string, v reflect.Value)
	visit = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Slice:
			if v.Len() == 0 {
				empty = append(empty, path)
				return
			}
			for i := range v.Len() {
				before := len(empty)
				if visit(path, v.Index(i)); len(empty) == before {
					return // one that is whole is enough
				} else if i < v.Len()-1 {
					empty = empty[:before]
				}
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					visit(path+"."+v.Type().Field(i).Name, v.Field(i))
				}
			}
		}
	}
	visit("", reflect.ValueOf(*whole("x")))
	if len(empty) > 0 {
		t.Errorf("empty %v", empty)
	}
}

// checkHTML gives what is wrong with a page.
func checkHTML(page string) error {
	return checkPage(strings.TrimPrefix(page, "<!doctype html>"), false)
}

// checkText gives what is wrong with text for a terminal.
func checkText(s string) error {
	if err := checkLog(s); err != nil {
		return err
	}
	for l := range strings.SplitSeq(s, "\n") {
		if got := strings.TrimSpace(clean(l, 1<<20)); got != strings.TrimSpace(l) {
			return &lineError{l}
		}
	}
	return nil
}

type lineError struct{ line string }

func (e *lineError) Error() string { return "a character that does not show in " + e.line }
