package dotenv

import (
	"regexp"
	"strings"
)

// helpBlock gathers the comment lines directly above a key.
type helpBlock struct {
	lines []string
	end   int // byte offset behind the last line
}

// add appends a comment line; one after an empty line begins a new block.
func (h *helpBlock) add(data string, start, end int) {
	if strings.Count(data[h.end:start], "\n") > 1 {
		h.lines = nil
	}
	h.end = end
	line := strings.TrimSpace(strings.TrimLeft(data[start:end], "#"))
	if strings.Trim(line, "-=*#_~ ") == "" { // a ruler, or nothing
		return
	}
	h.lines = append(h.lines, line)
}

// take gives the block that ends right above start, and begins a new one.
func (h *helpBlock) take(data string, start int) string {
	lines := h.lines
	if strings.Count(data[min(h.end, start):start], "\n") > 1 {
		lines = nil
	}
	h.lines, h.end = nil, start
	return strings.Join(lines, "\n")
}

// commentedKey is a key commented out. Prose also holds "=", so the key is in
// capitals right behind the "#", or one space on; and what follows is one
// word, or in quotes, unless the "#" stands tight before the key.
var commentedKey = regexp.MustCompile(`^#+( ?)(?:export +)?([A-Z_][A-Z0-9_]+)=(.*?)[ \t\r]*$`)

// comment adds the comment line to the help of the next key, or as an entry
// of its own when it is a key commented out.
func (r *reader) comment(start, end int) {
	line := r.scan.data[start:end]
	if st, ok := r.commentedOut(line, start, end); ok {
		e := r.entry(st)
		if value, _, err := r.value(st, e.Key); err == nil {
			e.Commented, e.Value = true, value
			e.Help = r.help.take(r.scan.data, start)
			r.file.add(e)
			return
		}
	}
	r.help.add(r.scan.data, start, end)
}

// commentedOut reads the comment line at start as a statement.
func (r *reader) commentedOut(line string, start, end int) (statement, bool) {
	m := commentedKey.FindStringSubmatchIndex(line)
	if m == nil || (m[2] != m[3] && !oneWord(line[m[6]:m[7]])) {
		return statement{}, false
	}
	inner := scanner{src: r.scan.src, data: r.scan.data[:end], pos: start + m[4]}
	st, err := inner.statement()
	st.export = strings.Contains(line[:m[4]], "export")
	return st, err == nil
}

func oneWord(s string) bool {
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		return len(s) > 1 && strings.IndexByte(s[1:], s[0]) == len(s)-2
	}
	s, _, _ = strings.Cut(s, " #")
	return !strings.ContainsAny(strings.TrimSpace(s), " \t")
}
