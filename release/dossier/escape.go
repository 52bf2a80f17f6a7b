package dossier

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/markdown"
)

// The most characters that are shown of a plain field.
const (
	maxName  = 120 // of a name: an image, a file, a key
	maxLine  = 400 // of a message
	maxWhole = 4000
)

// text gives plain text as it may stand in a line or a cell of Markdown, of at
// most max characters. Text that is full of what must be escaped is cut shorter
// still, so that it takes at most twice max.
func (r *render) text(s string, max int) string {
	for n := max; ; n /= 2 {
		out := markdown.Text(s, n)
		out = strings.ReplaceAll(strings.ReplaceAll(out, `\|`, "&#124;"), "|", "&#124;") // it may stand in a table
		if r.size(out) <= 2*max || n < 8 {
			return out
		}
	}
}

// code gives a name in the type of code, "" for none.
func (r *render) code(s string) string {
	s = clean(s, maxName)
	switch {
	case s == "":
		return ""
	case strings.ContainsAny(s, "|\\`"): // a pipe ends the cell of a table even in code
		return r.text(s, maxName)
	}
	return markdown.Code(s)
}

// prose is text in which `backticks` mark code, as messages of lint have them.
func (r *render) prose(s string, max int) string {
	parts := strings.Split(clean(s, max), "`")
	if len(parts) < 3 || len(parts)%2 == 0 || len(parts) > 30 {
		return r.text(s, max)
	}
	var b strings.Builder
	for i, p := range parts {
		switch {
		case i%2 == 1:
			b.WriteString(r.code(p))
		case p != "":
			b.WriteString(p[:len(p)-len(strings.TrimLeft(p, " "))] + r.text(p, max))
			if t := strings.TrimRight(p, " "); t != "" {
				b.WriteString(p[len(t):])
			}
		}
	}
	return b.String()
}

// codes gives a list of names, at most most of them.
func (r *render) codes(names []string, most int) string {
	var out []string
	for i, n := range names {
		if i == most {
			return strings.Join(out, ", ") + fmt.Sprintf(" and %d more", len(names)-most)
		}
		out = append(out, r.code(n))
	}
	return strings.Join(out, ", ")
}

// fence gives commands or lines of a file as a block of code.
func fence(lang string, lines []string) string {
	kept := make([]string, len(lines))
	for i, l := range lines {
		kept[i] = codeLines(l)
	}
	return strings.TrimRight(markdown.Fence(lang, strings.Join(kept, "\n")), "\n") + "\n"
}

// codeLines is clean for text of several lines.
func codeLines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = harmless(clean(l, maxWhole))
	}
	return strings.Join(lines, "\n")
}

// harmless breaks what a runner's log would read as a command: "::" that
// begins a line, "##[" anywhere in it (runner, ActionCommand.cs).
func harmless(s string) string {
	s = strings.ReplaceAll(s, "##[", `##\[`)
	if trimmed := strings.TrimSpace(s); strings.HasPrefix(trimmed, "::") {
		return `\` + trimmed
	}
	return s
}

// clean gives s on one line, without control, bidirectional and other
// characters that do not show, and cut at max characters.
func clean(s string, max int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		switch {
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

// inTag gives plain text for inside a tag of HTML that stands in Markdown, where
// nothing but HTML counts: after it GitHub looks for mentions and references.
func inTag(s string, max int) string {
	var b strings.Builder
	s = clean(s, max)
	for i, c := range s {
		switch {
		case c == '@' || c == '#' || c == '-' && i > 1 && strings.EqualFold(s[i-2:i], "gh") ||
			c == '.' && i > 2 && strings.EqualFold(s[i-3:i], "www") || c == ':' && strings.HasPrefix(s[i:], "://"):
			fmt.Fprintf(&b, "&#%d;&#8203;", c)
		case strings.ContainsRune("<>&\"'`*_[]|\\~$:", c):
			fmt.Fprintf(&b, "&#%d;", c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// address gives a URL that may be linked to, or "". On github.com an address of
// an issue, a pull request or a commit is written such that no back-link
// appears there.
func (r *render) address(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || len(s) > 1000 || u.Host == "" || u.User != nil || u.Opaque != "" {
		return ""
	}
	if u.Scheme != "https" && (u.Scheme != "http" || r.o.Untrusted) {
		return ""
	}
	host := strings.ToLower(u.Host)
	if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:") != "" {
		return ""
	}
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if strings.TrimPrefix(name, "www.") == "github.com" {
		if p := strings.Split(strings.ToLower(path.Clean(u.Path)), "/"); len(p) > 3 {
			switch p[3] {
			case "issues", "pull", "pulls", "discussions", "commit", "commits", "compare":
				u.Host = "redirect.github.com"
			}
		}
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

// link gives label, which is Markdown, as a link where the URL may be linked to.
func (r *render) link(label, target string) string {
	to := r.address(target)
	if to == "" {
		return label
	}
	return "[" + label + "](" + strings.ReplaceAll(to, "&", "&amp;") + ")"
}

// place gives a place as "file:line", linked where the caller knows the head.
func (r *render) place(p release.Place) string {
	whole := p
	p.File = strings.TrimPrefix(p.File, strings.TrimSuffix(r.dir, "/")+"/")
	name := r.code(placeName(p))
	if r.o.Link == nil || name == "" {
		return name
	}
	return r.link(name, r.o.Link(whole))
}

// placeName gives "file:line", "" for no place.
func placeName(p release.Place) string {
	if p.File == "" || p.Line <= 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// places gives a few places for the end of a line, with what stands before
// them.
func (r *render) places(before string, ps []release.Place) string {
	const most = 4
	var out []string
	for i, p := range ps {
		if i == most {
			out = append(out, fmt.Sprintf("%d more", len(ps)-most))
			break
		}
		if s := r.place(p); s != "" {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return before + strings.Join(out, ", ")
}

// opener is how a block begins that cannot follow text on its line. Neutral
// Markdown begins a paragraph with nothing of the kind.
var opener = regexp.MustCompile("^(```|~~~|[-+*>#|=_]|[0-9]+[.)] | )")

// after puts Markdown behind words on the line of these, or below them where it
// begins with another block than a paragraph.
func after(words, md string) string {
	if md == "" || opener.MatchString(md) {
		return strings.TrimRight(words, " ") + "\n\n" + md
	}
	return words + md
}

// hang writes text behind a mark of a list, and what follows its first line
// below it.
func hang(mark string, indent int, text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i, l := range lines {
		if i > 0 && l != "" {
			lines[i] = strings.Repeat(" ", indent) + l
		}
	}
	return mark + strings.Join(lines, "\n") + "\n"
}
