package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

// attacks are texts that try to be more than text.
func attacks() []string {
	return []string{
		"::error::owned", "  ::add-mask::owned", "\u3000::error file=a::owned", "x\n::error::owned", "x\r::error::owned", "x\r\n::error::owned",
		"##[add-mask]owned", "a ##[error]owned", "#\u200b#[error]owned", "##\u00ad[error]owned", "\u200b::error::owned", ":\u200d:error::owned",
		"%0A::error::owned", "%0D%0A::error::owned", "%250A::error::owned", "a\u2028::error::owned", "a\u2029::error::owned", "a\u0085::error::owned",
		"a,line=1::owned", "::stop-commands::owned", "::belay-07070707070707070707070707070707::", "::endgroup::", "::owned::",
		"\x1b[2J\x1b]0;owned\x07", "\u202eowned\u202c", "\u2066owned\u2069", "\x00\xff\xfe",
		"</details></table><script>alert(1)</script>", "<!-- owned -->", "`owned`", "```\nowned\n```", "| a | b |\n| - | - |", "[owned](https://owned.example)",
		"![owned](https://owned.example/x.png)", "https://owned.example/x", "www.owned.example", "owned@owned.example", "@owned", "@org/owned", "owner/repo#1", "#1", "# owned",
		"**owned**", "_owned_", "~~owned~~", "- owned", "1. owned", ":smile:", "$owned$", "<https://owned.example>", "&lt;script&gt;", "\\", "|", "]]>", "&#96;",
	}
}

// hostile puts text wherever a stranger can: names, paths, messages, source lines.
func hostile(text string) *Result {
	span := source.Span{Pos: source.Pos{File: text, Line: 3, Col: 2, Offset: 9}, Len: 4}
	f := lint.Finding{
		Rule: "image-tag-floating", Severity: lint.Error, Span: span, Message: text, Hint: text, Stack: text, Service: text, Source: text,
		Related: []lint.Related{{Span: span, Message: text}, {Message: text}},
		Edits:   []source.Edit{{Pos: span.Pos, Old: text, New: text}},
	}
	g := f
	g.Severity, g.Message, g.File = lint.Note, "said "+text+" here", "a/"+text+"/b.yml"
	h := f
	h.Span = source.Span{}
	return &Result{
		Version: "1", Environment: lint.Environment(text), Stacks: []Stack{{Name: text, Dir: text, Files: []string{text}}},
		Findings: []lint.Finding{f, g, h}, Notices: []string{text},
		Drift: []Drift{{Span: span, Stack: text, Key: text, Kind: text, Text: text}},
	}
}

// checkLog fails unless a log written by a format holds exactly the commands
// that the format means to give.
func checkLog(t *testing.T, format, log string, text string) {
	t.Helper()
	var r runner
	r.feed(log)
	want := []string{}
	if format == "github" {
		want = []string{"error", "error", "notice", "notice", "group", "stop-commands", "endgroup"}
		for _, c := range r.commands {
			if len(c.props) > 6 {
				t.Errorf("%q: a property of its own: %v", text, c.props)
			}
		}
	}
	got := []string{}
	for _, c := range r.commands {
		got = append(got, c.name)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s, %q: commands %v, want %v in:\n%s", format, text, got, want, log)
	}
	if r.stop != "" {
		t.Errorf("%s, %q: commands stay stopped", format, text)
	}
}

// checkShown fails when a log holds characters that do not show.
func checkShown(t *testing.T, format, log string) {
	t.Helper()
	for _, c := range log {
		if c != '\n' && !prints(c) && c != '\ufe0f' && c != '\ufe0e' {
			t.Errorf("%s: holds %q:\n%q", format, c, log)
			return
		}
	}
}

func TestNothingInjectsACommand(t *testing.T) {
	for _, text := range attacks() {
		for _, f := range Formats() {
			out := render(t, f.Name, hostile(text), Options{Rules: docs()})
			checkLog(t, f.Name, out, text)
			checkShown(t, f.Name, out)
		}
		colour := render(t, "text", hostile(text), Options{Color: true})
		checkLog(t, "text", colour, text)
		checkShown(t, "text", ansi.ReplaceAllString(colour, ""))
		checkLog(t, "Printable", Printable(text), text)
	}
}

// The runner of this test must itself see what it is there to catch.
func TestRunnerSeesCommands(t *testing.T) {
	for _, line := range []string{"::error::x", " \u3000::error file=a,line=1::x", "text ##[add-mask]x", "a\r::error::x", "\u200b::error::x", "#\u200b#[error]x", "::ERROR::x"} {
		var r runner
		r.feed(line)
		if len(r.commands) != 1 {
			t.Errorf("%q: %d commands", line, len(r.commands))
		}
	}
	for _, line := range []string{"a ::error::x", ":: error::x", "::nothing::x", "##[nothing]", "##[error", "\\::error::x"} {
		var r runner
		r.feed(line)
		if len(r.commands) != 0 {
			t.Errorf("%q: is a command", line)
		}
	}
}

// renderHTML gives what GitHub Markdown makes of text.
func renderHTML(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	if err := md.Convert([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// checkSummary fails when a hostile summary renders to other elements than
// one of the same shape with a harmless text.
func checkSummary(t *testing.T, text string) {
	t.Helper()
	o := Options{Rules: docs()}
	want := elements(renderHTML(t, Summary(hostile("harmless"), o, maxSummary)))
	page := Summary(hostile(text), o, maxSummary)
	if got := elements(renderHTML(t, page)); got != want {
		t.Errorf("%q: elements\n%s\nwant\n%s\nin:\n%s", text, got, want, page)
	}
	mustNot(t, renderHTML(t, page), "@owned", "@org", "repo#1", "<script", "://owned")
	checkShown(t, "summary", page)
}

// elements gives the tags of a page, in order.
func elements(page string) string {
	var tags []string
	for _, part := range strings.Split(page, "<")[1:] {
		tag, _, _ := strings.Cut(part, ">")
		tags = append(tags, tag)
	}
	return strings.Join(tags, " ")
}

func TestNothingInjectsMarkdown(t *testing.T) {
	for _, text := range attacks() {
		checkSummary(t, text)
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, text := range attacks() {
		f.Add(text)
	}
	page := func(text string) string {
		return "- " + markdown(text) + "\n\n" + row("a", "b", "c") + row("-", "-", "-") + row(markdown(text), "x "+markdown(text)+" y", code(text+"."))
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := elements(renderHTML(t, page("harmless")))
		if got := elements(renderHTML(t, page(text))); got != want {
			t.Errorf("%q: elements\n%s\nwant\n%s\nin:\n%s", text, got, want, page(text))
		}
	})
}

func FuzzInjection(f *testing.F) {
	for _, text := range attacks() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 || strings.TrimSpace(text) == "" {
			return
		}
		for _, format := range Formats() {
			out := render(t, format.Name, hostile(text), Options{Rules: docs()})
			checkShown(t, format.Name, out)
			if format.Name == "github" {
				checkLog(t, format.Name, out, text)
				continue
			}
			var r runner
			r.feed(out)
			if len(r.commands) > 0 {
				t.Errorf("%s: command %v", format.Name, r.commands)
			}
		}
		checkShown(t, "summary", Summary(hostile(text), Options{}, maxSummary))
	})
}

// What command escapes, the runner must read back as it was.
func FuzzCommand(f *testing.F) {
	for _, text := range attacks() {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, value, data string) {
		var r runner
		r.feed(command("error", data, property{"title", value}, property{"file", "a"}))
		if len(r.commands) != 1 {
			t.Fatalf("%d commands of title %q, text %q", len(r.commands), value, data)
		}
		c := r.commands[0]
		if want := cut(Printable(data), maxAnnotation); c.data != want {
			t.Errorf("text %q, want %q", c.data, want)
		}
		if c.props["title"] != visible(value) || c.props["file"] != "a" || len(c.props) > 2 {
			t.Errorf("properties %v", c.props)
		}
	})
}
