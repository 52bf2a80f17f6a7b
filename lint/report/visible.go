package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable makes text safe to print to a terminal and to a job log, on stdout
// or stderr: control characters, escape sequences, bidirectional overrides and
// invisible characters become visible (\x1b, \u202e), and no line can be read
// as a workflow command. Line feeds stay. For error messages; the formats do
// it by themselves.
func Printable(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = lineStart(visible(l))
	}
	return strings.Join(lines, "\n")
}

// visible gives s on one line with everything that does not print by itself
// written out. It also breaks "##[", which the runner reads as the start of a
// command anywhere in a line (runner, ActionCommand.TryParse). The result is
// for reading: it cannot be turned back.
func visible(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		text, size := visibleAt(s, i)
		b.WriteString(text)
		i += size
	}
	return b.String()
}

// plain reports whether s is printable ASCII without a "[", the common case.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' || s[i] == '[' {
			return false
		}
	}
	return true
}

// visibleAt gives what to print for the character of s at byte i, and its
// size in bytes.
func visibleAt(s string, i int) (string, int) {
	r, size := utf8.DecodeRuneInString(s[i:])
	switch {
	case r == utf8.RuneError && size == 1:
		return fmt.Sprintf(`\x%02x`, s[i]), 1
	case r == '[' && strings.HasSuffix(s[:i], "##"):
		return `\[`, 1
	case r == '\n':
		return `\n`, 1
	case r == '\r':
		return `\r`, 1
	case r == '\t':
		return `\t`, 1
	case prints(r) || presentation(s, i, r):
		return s[i : i+size], size
	case r <= 0xff:
		return fmt.Sprintf(`\x%02x`, r), size
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r), size
	}
	return fmt.Sprintf(`\U%08x`, r), size
}

// prints reports whether r shows by itself. Characters that a culture-aware
// comparison skips do not: the runner is a .NET program, whose StartsWith and
// IndexOf see "::" and "##[" through them.
func prints(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// presentation reports whether r, at byte i of s, is a variation selector that
// only asks for the coloured or plain form of the symbol before it, as in
// many comments: no use to anyone who wants to hide something.
func presentation(s string, i int, r rune) bool {
	if r != '\ufe0e' && r != '\ufe0f' {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	return unicode.Is(unicode.So, before)
}

// lineStart gives a line that does not begin with "::", which the runner
// reads as a command after trimming leading space (ActionCommand.TryParseV2).
func lineStart(line string) string {
	trimmed := strings.TrimLeftFunc(line, unicode.IsSpace)
	if !strings.HasPrefix(trimmed, "::") {
		return line
	}
	return line[:len(line)-len(trimmed)] + `\` + trimmed
}

// maxText bounds, in characters, what is printed of one message or name for
// people to read. Machine formats carry it whole.
const maxText = 2000

// brief is visible s, cut when it is too long for anyone to read.
func brief(s string) string {
	if len(s) <= maxText {
		return visible(s)
	}
	n := 0
	for i := range s {
		if n++; n > maxText {
			return visible(s[:i]) + "…"
		}
	}
	return visible(s)
}
