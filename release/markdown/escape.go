package markdown

import (
	"bytes"
	"unicode/utf8"

	"github.com/yuin/goldmark/util"
)

// gap is a zero-width space as an entity. It parts what GitHub would link: an @
// from a name, a # from a number, a scheme from its slashes. Renovate does the
// same. A link or a code span would do too, but not inside of a link, and they
// show; a backslash does not, since GitHub looks for names in the HTML.
const gap = "&#8203;"

// gapRune is what stands in code, where entities mean nothing.
const gapRune = "\u200b"

// special marks the bytes of plain text that escape looks at.
var special = func() (t [256]bool) {
	for _, c := range "\\`*_[]<&|~$!#@:.-" {
		t[c] = true
	}
	return t
}()

// place is where text stands: in a cell of a table, in the text of a link,
// where GitHub looks for no numbers.
type place struct{ cell, link bool }

// escape appends text so that Markdown, and GitHub after it, reads it as just
// that, anywhere but at the start of a line (lineStart sees to that).
// The text must be clean and must not be continued by more text.
func escape(out, s []byte, in place) []byte {
	from := 0
	for i, c := range s {
		if !special[c] {
			continue
		}
		out = append(out, s[from:i]...)
		from = i + 1
		switch rest := s[i+1:]; c {
		case '`':
			out = append(out, "&#96;"...) // an escaped backtick may not stand before a code span
		case '|':
			if in.cell {
				out = append(out, "&#124;"...)
			} else {
				out = append(out, `\|`...)
			}
		case '_':
			if i == 0 || len(rest) == 0 || !alnum(s[i-1]) || !alnum(rest[0]) {
				out = append(out, '\\')
			}
			out = append(out, '_')
		case '&':
			out = append(out, '&')
			if len(rest) == 0 || rest[0] == '#' || alnum(rest[0]) {
				out = append(out, "amp;"...)
			}
		case '!':
			if len(rest) == 0 {
				out = append(out, '\\')
			}
			out = append(out, '!')
		case '@':
			out = append(out, "@"+gap...)
		case '#', ':', '.', '-':
			if gapBefore(s, i) {
				out = append(out, gap...)
			}
			out = append(out, c)
			if gapAfter(s, i) && !(in.link && c == '#') {
				out = append(out, gap...)
			}
		default:
			out = append(out, '\\', c)
		}
	}
	return append(out, s[from:]...)
}

func alnum(c byte) bool {
	return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// gapAfter says whether s[i] begins what GitHub would link: #1, GH-1, a URL.
func gapAfter(s []byte, i int) bool {
	rest := s[i+1:]
	switch s[i] {
	case '#':
		return len(rest) == 0 || digit(rest[0])
	case ':':
		return bytes.HasPrefix(rest, []byte("//"))
	case '-':
		return i >= 2 && bytes.EqualFold(s[i-2:i], []byte("gh")) && len(rest) > 0 && digit(rest[0])
	}
	return false
}

// gapBefore says whether the point at s[i] ends www or github.
func gapBefore(s []byte, i int) bool {
	return s[i] == '.' && (i >= 3 && bytes.EqualFold(s[i-3:i], []byte("www")) ||
		i >= 6 && bytes.EqualFold(s[i-6:i], []byte("github")))
}

// lineStart escapes what would make a block, or a command of a runner's log,
// at the start of a line of escaped text.
func lineStart(line []byte) []byte {
	if len(line) == 0 {
		return line
	}
	switch c := line[0]; c {
	case '#':
		if len(line) == 1 || line[1] == '#' || line[1] == ' ' {
			return append([]byte{'\\'}, line...)
		}
	case '>', '-', '+', '=', ':':
		return append([]byte{'\\'}, line...)
	default:
		n := 0
		for n < len(line) && digit(line[n]) {
			n++
		}
		if n > 0 && n < len(line) && (line[n] == '.' || line[n] == ')') && (n+1 == len(line) || line[n+1] == ' ') {
			return append(append(bytes.Clone(line[:n]), '\\'), line[n:]...)
		}
	}
	return line
}

// decode appends the text that a piece of Markdown source stands for: escapes
// and entities resolved, cleaned again since entities can name anything.
func decode(out, s []byte) []byte {
	if bytes.IndexByte(s, '\\') < 0 && bytes.IndexByte(s, '&') < 0 {
		return append(out, s...)
	}
	for i := 0; i < len(s); {
		if s[i] == '\\' && i+1 < len(s) && util.IsPunct(s[i+1]) {
			out = append(out, s[i+1])
			i += 2
			continue
		}
		if s[i] == '&' {
			if end := bytes.IndexByte(s[i:min(len(s), i+40)], ';'); end > 0 {
				entity := s[i : i+end+1]
				if v := util.ResolveEntityNames(util.ResolveNumericReferences(entity)); !bytes.Equal(v, entity) {
					out = append(out, oneLine(clean(bytes.Clone(v)))...)
					i += end + 1
					continue
				}
			}
		}
		out = append(out, s[i])
		i++
	}
	return out
}

// oneLine turns line breaks and tabs into spaces.
func oneLine(s []byte) []byte {
	if !bytes.ContainsAny(s, "\n\t") {
		return s
	}
	return bytes.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, s)
}
