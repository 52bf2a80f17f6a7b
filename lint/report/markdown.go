package report

import (
	"fmt"
	"strings"
)

// markdown gives untrusted text as it may stand in a cell or a line of GitHub
// Markdown and show as written: whatever Markdown, HTML or GitHub would make
// something of becomes a character reference, so that there is no emphasis,
// code, link, image, table, comment, heading or tag of the text's own. A
// mention, a reference to an issue or an address, which GitHub looks for after
// rendering, is broken by a zero-width space.
func markdown(s string) string {
	var b strings.Builder
	s = strings.TrimSpace(brief(s))
	for i, r := range s {
		switch {
		case r == '@' || r == '#' || strings.HasPrefix(s[i:], "://"):
			fmt.Fprintf(&b, "&#%d;&#8203;", r)
		case strings.ContainsRune("\\`*_[]<>|~&$:", r), special(s, i):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// special reports whether the character of s at byte i means something only
// there: "www.", or at the start of a line "- ", "+ ", "=", "1." and "1)".
func special(s string, i int) bool {
	before := s[:i]
	switch s[i] {
	case '-', '+', '=':
		return strings.TrimSpace(before) == ""
	case '.', ')':
		return strings.Trim(before, " 0123456789") == "" || strings.HasSuffix(strings.ToLower(before), "www")
	}
	return false
}

// code gives untrusted text in the type of code. Mentions are not looked for
// inside it.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "<code>" + markdown(s) + "</code>"
}
