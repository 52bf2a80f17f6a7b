package markdown

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is a line of plain text (a release's name, a file name) as Markdown: no
// markup, no mention, no reference, no line break. A text of more than limit
// characters is cut, and ends in an ellipsis.
func Text(s string, limit int) string {
	s = strings.Join(strings.Fields(string(oneLine(clean([]byte(s))))), " ")
	if utf8.RuneCountInString(s) > limit {
		s = strings.TrimSpace(string([]rune(s)[:max(0, limit-1)])) + "…"
	}
	return string(lineStart(escape(nil, []byte(s), place{})))
}

// Code is s as a code span, whatever backticks it holds; line breaks become
// spaces. In a table put it through Cell.
func Code(s string) string {
	return string(codeSpan(nil, oneLine(clean([]byte(s)))))
}

func codeSpan(out, s []byte) []byte {
	s = quiet(s)
	ticks := bytes.Repeat([]byte("`"), longest(s)+1)
	blank := len(bytes.Trim(s, " ")) == 0
	pad := !blank && (s[0] == '`' || s[len(s)-1] == '`' || s[0] == ' ' && s[len(s)-1] == ' ')
	out = append(out, ticks...)
	if pad || len(s) == 0 {
		out = append(out, ' ')
	}
	out = append(out, s...)
	if pad {
		out = append(out, ' ')
	}
	return append(out, ticks...)
}

// longest is the length of the longest run of backticks.
func longest(s []byte) int {
	most, run := 0, 0
	for _, c := range s {
		if c != '`' {
			run = 0
			continue
		}
		run++
		most = max(most, run)
	}
	return most
}

// quiet breaks what a runner's log would take for a command, in code: "##["
// anywhere, and "::" at the start of a line.
func quiet(s []byte) []byte {
	if bytes.Contains(s, []byte("##[")) {
		s = bytes.ReplaceAll(s, []byte("##["), []byte("##"+gapRune+"["))
	}
	if !bytes.Contains(s, []byte("::")) {
		return s
	}
	lines := bytes.Split(s, []byte("\n"))
	for i, line := range lines {
		text := bytes.TrimLeftFunc(line, unicode.IsSpace)
		if bytes.HasPrefix(text, []byte("::")) {
			lines[i] = []byte(string(line[:len(line)-len(text)]) + ":" + gapRune + string(text[1:]))
		}
	}
	return bytes.Join(lines, []byte("\n"))
}

// Fence is a fenced code block that s cannot end. Languages that GitHub draws
// instead of showing (mermaid, geojson, math and so on) are not named.
func Fence(lang, s string) string {
	return string(fence([]byte(lang), clean([]byte(s)))) + "\n"
}

func fence(lang, code []byte) []byte {
	code = quiet(bytes.TrimSuffix(code, []byte("\n")))
	ticks := bytes.Repeat([]byte("`"), max(3, longest(code)+1))
	out := append(append(bytes.Clone(ticks), language(lang)...), '\n')
	if len(code) > 0 {
		out = append(append(out, code...), '\n')
	}
	return append(out, ticks...)
}

func language(lang []byte) []byte {
	if len(lang) > 30 {
		return nil
	}
	for _, c := range lang {
		if !alnum(c) && c != '+' && c != '-' && c != '_' || c >= utf8.RuneSelf {
			return nil
		}
	}
	switch strings.ToLower(string(lang)) {
	case "mermaid", "geojson", "topojson", "stl", "math", "suggestion":
		return nil
	}
	return lang
}

// Cell is a line of neutral Markdown (ours) for a cell of a table: what Text
// and Code give, with every | escaped.
func Cell(md string) string {
	var b strings.Builder
	slashes := 0
	for i := range len(md) {
		if md[i] == '|' && slashes%2 == 0 {
			b.WriteByte('\\')
		}
		slashes++
		if md[i] != '\\' {
			slashes = 0
		}
		b.WriteByte(md[i])
	}
	return b.String()
}

// Length counts as GitHub does at most: in UTF-16 code units. Measured, GitHub
// takes pull request bodies of 65,536 code points and comments of 262,144
// bytes (dead-claudia/github-limits#13); 65,536 of these units keep both.
func Length(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}
