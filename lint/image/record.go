package image

import (
	"fmt"
	"strings"

	"github.com/belaystack/belay/lint/source"
)

// Record is the block of comments at the top of a compose file that says
// which images ran after the last upgrade:
//
//	# belay:record 1 (service, image, digest, date, run)
//	#   api  langgenius/dify-api:1.13.3  sha256:4f53…  2026-07-28  r-0042
//	#   db   postgres:15-alpine          -             2026-07-28  r-0042
//
// Words are separated by white space, and "-" stands for what is not known.
// The block ends before the first line that is no comment with two spaces.
type Record struct {
	Entries []RecordEntry
	Span    source.Span // the whole block, with its last line break; Len 0 at the place to insert one
}

// RecordEntry is one service of a Record.
type RecordEntry struct {
	Service string
	Image   string      // as a compose file writes it: "redis:7-alpine"
	Digest  string      // "sha256:…", or ""
	Date    string      // "2026-07-28", or ""
	Run     string      // the run that wrote it, or ""
	Span    source.Span // its line; zero for one that is not written yet
}

const (
	recordMark  = "# belay:record "
	recordHead  = recordMark + "1 (service, image, digest, date, run)"
	recordEntry = "#  "
)

// ReadRecord reads the record of f, a compose file. A file without one gives
// an empty Record whose Span is where one belongs, and false. The error is a
// *source.Error: a version that is not 1, or a line that is no entry.
func ReadRecord(f *source.File) (Record, bool, error) {
	for n := 1; n <= f.Lines(); n++ {
		line := strings.TrimPrefix(f.Line(n), "\ufeff")
		if rest, ok := strings.CutPrefix(line, recordMark); ok {
			return readRecord(f, n, rest)
		}
		if t := strings.TrimSpace(line); t != "" && t != "---" && t[0] != '#' && t[0] != '%' {
			break
		}
	}
	return Record{Span: f.At(bomLen(f), 0)}, false, nil
}

func bomLen(f *source.File) int {
	if strings.HasPrefix(string(f.Data[:min(3, len(f.Data))]), "\ufeff") {
		return 3
	}
	return 0
}

func readRecord(f *source.File, first int, head string) (Record, bool, error) {
	start := max(f.LineStart(first), bomLen(f))
	if version, _, _ := strings.Cut(head, " "); version != "1" {
		return Record{}, true, &source.Error{Pos: f.At(start, 0).Pos, Msg: "a record of a version that this belay does not read: want 1",
			Next: "use a newer belay, or remove the block"}
	}
	var r Record
	n := first + 1
	for ; n <= f.Lines() && strings.HasPrefix(f.Line(n), recordEntry); n++ {
		e, ok := parseEntry(f.Line(n))
		e.Span = f.At(f.LineStart(n), len(f.Line(n)))
		if !ok {
			return Record{}, true, &source.Error{Pos: e.Span.Pos, Msg: "no entry of a record: want service, image, digest, date, run",
				Next: "write - for what is not known"}
		}
		r.Entries = append(r.Entries, e)
	}
	r.Span = f.At(start, f.LineStart(n)-start)
	return r, true, nil
}

func parseEntry(line string) (RecordEntry, bool) {
	words := strings.Fields(line[1:])
	if len(words) < 2 || len(words) > 5 {
		return RecordEntry{}, false
	}
	for len(words) < 5 {
		words = append(words, "-")
	}
	for i, w := range words {
		if w == "-" {
			words[i] = ""
		}
	}
	e := RecordEntry{Service: words[0], Image: words[1], Digest: words[2], Date: words[3], Run: words[4]}
	return e, e.Service != "" && e.Image != ""
}

// Edit gives the edit that writes r into f in the place of r.Span, with f's
// line breaks. ok is false when f holds it to the letter already.
func (r Record) Edit(f *source.File) (e source.Edit, ok bool) {
	from, to := r.Span.Offset, r.Span.Offset+r.Span.Len
	e = source.Edit{Pos: r.Span.Pos, Old: string(f.Data[from:to]), New: r.text(lineBreak(f))}
	if r.Span.Len == 0 && len(r.Entries) == 0 {
		return e, false
	}
	return e, e.Old != e.New
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
		rows[i] = [5]string{e.Service, e.Image, e.Digest, e.Date, e.Run}
		for c := range rows[i] {
			if rows[i][c] == "" {
				rows[i][c] = "-"
			}
			width[c] = max(width[c], len(rows[i][c]))
		}
	}
	var b strings.Builder
	b.WriteString(recordHead + eol)
	for _, row := range rows {
		line := fmt.Sprintf("#   %-*s  %-*s  %-*s  %-*s  %s", width[0], row[0], width[1], row[1], width[2], row[2], width[3], row[3], row[4])
		b.WriteString(strings.TrimRight(line, " ") + eol)
	}
	return b.String()
}
