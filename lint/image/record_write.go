package image

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/belaystack/belay/lint/source"
)

// WriteRecord gives the bytes of f, a compose file, with entries as its
// record: in the place of the one that it has, else at its top. Every other
// byte stays, the line breaks of the block are f's, and writing the same
// entries again gives the same bytes. An error is that of ReadRecord, since a
// block that cannot be read is not overwritten, or tells of an entry without
// service or image.
func WriteRecord(f *source.File, entries []RecordEntry) ([]byte, error) {
	for i, e := range entries {
		if e.Service == "" || e.Image == "" {
			return nil, fmt.Errorf("write record: entry %d: no service or no image", i)
		}
	}
	r, _, err := ReadRecord(f)
	if err != nil {
		return nil, err
	}
	r.Entries = entries
	e, change := r.Edit(f)
	if !change {
		return slices.Clone(f.Data), nil
	}
	return source.Apply(f.Data, []source.Edit{e})
}

// StripRecord gives data, a compose file, without its record: two files that
// differ in nothing else are the same to a comparison. A block that ReadRecord
// refuses stays where it is.
func StripRecord(data []byte) []byte {
	r, _, err := ReadRecord(source.New("", data))
	if err != nil {
		return slices.Clone(data)
	}
	return slices.Concat(data[:r.Span.Offset], data[r.Span.Offset+r.Span.Len:])
}

// Edit gives the edit that writes r into f in the place of r.Span, with f's
// line breaks. ok is false when f holds it to the letter already.
func (r Record) Edit(f *source.File) (e source.Edit, ok bool) {
	from, to := r.Span.Offset, r.Span.Offset+r.Span.Len
	eol := lineBreak(f)
	e = source.Edit{Pos: r.Span.Pos, Old: string(f.Data[from:to]), New: r.text(eol)}
	if r.Span.Len == 0 && len(r.Entries) == 0 {
		return e, false
	}
	if swallowed(string(f.Data[to:])) {
		e.New += recordEnd + eol
	}
	return e, e.Old != e.New
}

// swallowed reports whether a reader would take what follows a block for a
// part of it.
func swallowed(rest string) bool {
	first := rest
	if i := strings.IndexAny(rest, "\r\n"); i >= 0 {
		first = rest[:i]
	}
	return strings.HasPrefix(first, recordEntry) || first == recordEnd
}

func lineBreak(f *source.File) string {
	if i := strings.IndexByte(string(f.Data), '\n'); i > 0 && f.Data[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// text is the block in columns.
func (r Record) text(eol string) string {
	rows := make([][5]string, len(r.Entries))
	var width [5]int
	for i, e := range r.Entries {
		rows[i] = [5]string{word(e.Service), word(e.Image), word(e.Digest), word(e.Date), word(e.Run)}
		for c := range rows[i] {
			width[c] = max(width[c], len(rows[i][c]))
		}
	}
	var b strings.Builder
	b.WriteString(recordHead + eol)
	for _, row := range rows {
		fmt.Fprintf(&b, "#   %-*s  %-*s  %-*s  %-*s  %s%s", width[0], row[0], width[1], row[1], width[2], row[2], width[3], row[3], row[4], eol)
	}
	return b.String()
}

// word writes a text so that splitWords reads it back.
func word(s string) string {
	switch {
	case s == "":
		return "-"
	case s == "-", s[0] == '"', strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }):
		return strconv.QuoteToASCII(s)
	}
	return s
}
