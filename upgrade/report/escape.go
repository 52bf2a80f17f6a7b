package report

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The most characters that are shown of a text.
const (
	maxName  = 120  // of a name, in a line of a terminal or a cell
	maxText  = 600  // of a sentence
	maxWhole = 4000 // of a line of output or a command
)

// clean gives s on one line, without control, bidirectional and other
// characters that do not show, and cut at max characters. Nothing in it is a
// command of a runner's log.
func clean(s string, max int) string {
	if len(s) <= max && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f }) < 0 {
		return harmless(strings.TrimSpace(s)) // most of all text
	}
	var b strings.Builder
	b.Grow(min(len(s), max))
	n := 0
	for _, r := range s {
		switch {
		case r >= ' ' && r < 0x7f:
		case r == '\n' || r == '\t' || r == '\r':
			r = ' '
		case !unicode.IsGraphic(r), r == utf8.RuneError, unicode.In(r, unicode.Other_Default_Ignorable_Code_Point),
			unicode.Is(unicode.Variation_Selector, r) && r != '\ufe0f':
			continue
		}
		if n++; n > max {
			b.WriteString("…")
			break
		}
		b.WriteRune(r)
	}
	return harmless(strings.TrimSpace(b.String()))
}

// harmless breaks what a runner's log would read as a command: "::" that begins
// a line, "##[" anywhere in it (runner, ActionCommand.cs).
func harmless(s string) string {
	s = strings.ReplaceAll(s, "##[", `##\[`)
	if strings.HasPrefix(strings.TrimSpace(s), "::") {
		return `\` + strings.TrimSpace(s)
	}
	return s
}

// lines cleans lines of output, whose indentation stays.
func lines(all []string) []string {
	var out []string
	for _, text := range all {
		for l := range strings.SplitSeq(strings.TrimRight(text, "\r\n"), "\n") {
			l = strings.ReplaceAll(l, "\t", "    ")
			indent := l[:len(l)-len(strings.TrimLeft(l, " "))]
			out = append(out, strings.TrimRight(indent[:min(len(indent), 40)]+clean(l, maxWhole), " "))
		}
	}
	return out
}

// lineTotal is how many lines that gives.
func lineTotal(all []string) int {
	n := len(all)
	for _, text := range all {
		n += strings.Count(strings.TrimRight(text, "\r\n"), "\n")
	}
	return n
}

// gap is a zero-width space. It parts what GitHub would link in text: an @ from
// a name, a # from a number, a scheme from its slashes.
const gap = "&#8203;"

// text gives plain text for a line or a cell of Markdown.
func text(s string, max int) string {
	s = strings.Join(strings.Fields(clean(s, max)), " ")
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(escaped(s, i))
	}
	return b.String()
}

// escaped gives the byte s[i] as Markdown, and GitHub after it, reads as just
// that.
func escaped(s string, i int) string {
	c, rest := s[i], s[i+1:]
	start := i == 0 || strings.Trim(s[:i], "0123456789") == "" // where it may be the mark of a list
	switch {
	case strings.IndexByte("`|<>&", c) >= 0: // a pipe ends a cell even in code
		return fmt.Sprintf("&#%d;", c)
	case strings.IndexByte("\\*[]~$", c) >= 0, c == '_' && !(i > 0 && alnum(s[i-1]) && rest != "" && alnum(rest[0])),
		i == 0 && strings.IndexByte("+-=:", c) >= 0, start && (c == '.' || c == ')') && (rest == "" || rest[0] == ' '), c == '!' && rest == "":
		return `\` + string(c) + after(s, i)
	case c == '.' && (hasFold(s[:i], "www") || hasFold(s[:i], "github")):
		return gap + "."
	}
	return string([]byte{c}) + after(s, i)
}

// after gives the gap that s[i] needs behind it.
func after(s string, i int) string {
	rest := s[i+1:]
	switch {
	case s[i] == '@', s[i] == '#', s[i] == ':' && strings.HasPrefix(rest, "//"), s[i] == '-' && hasFold(s[:i], "gh"):
		return gap
	}
	return ""
}

func hasFold(s, end string) bool {
	return len(s) >= len(end) && strings.EqualFold(s[len(s)-len(end):], end)
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf
}

// code gives a name in the type of code, "" for none.
func code(s string, max int) string {
	s = clean(s, max)
	switch {
	case s == "":
		return ""
	case strings.ContainsAny(s, "|\\`"):
		return text(s, max)
	}
	return "`" + s + "`"
}

// fence gives lines as a block of code.
func fence(lang string, all []string) string {
	body := strings.Join(lines(all), "\n")
	longest, run := 0, 0
	for _, c := range body {
		if c != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	ticks := strings.Repeat("`", max(3, longest+1))
	return ticks + lang + "\n" + body + "\n" + ticks + "\n"
}

// inTag gives plain text for inside a tag of HTML that stands in Markdown, where
// nothing but HTML counts: after it GitHub looks for mentions and references.
func inTag(s string, max int) string {
	var b strings.Builder
	s = clean(s, max)
	for i, c := range s {
		switch {
		case after(s, i) != "":
			fmt.Fprintf(&b, "&#%d;%s", c, gap)
		case c == '.' && hasFold(s[:i], "www"):
			b.WriteString(gap + ".")
		case strings.ContainsRune("<>&\"'`*_[]|\\~$:", c):
			fmt.Fprintf(&b, "&#%d;", c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// address gives a URL that may be linked to, "" for none.
func address(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || len(s) > 300 || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Opaque != "" ||
		strings.Trim(strings.ToLower(u.Host), "abcdefghijklmnopqrstuvwxyz0123456789.-:") != "" {
		return ""
	}
	var b strings.Builder
	for _, c := range []byte(u.String()) {
		if c >= 0x80 || c <= ' ' || strings.IndexByte("()<>[]\\`'\"|^{}$", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
