package image

import (
	"strconv"
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
// Words are separated by blanks, and "-" stands for what is not known. A word
// with a blank or a character that is not ASCII in it is quoted as in Go:
// "redis:${TAG:?say which}". The block ends before the first line that is no
// comment with two spaces, or with a line "# belay:end", which is only written
// where a comment of the user's with two spaces follows.
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
	recordEnd   = "# belay:end"

	// yamlBreaks end a line, and with it a comment, to YAML readers, but not to
	// source.File.
	yamlBreaks = "\u0085\u2028\u2029"
)

// ReadRecord reads the record of f, a compose file. A file without one gives
// an empty Record whose Span is where one belongs, and false. The error is a
// *source.Error: a version that is not 1, or a line that is no entry.
func ReadRecord(f *source.File) (Record, bool, error) {
	for n := 1; n <= f.Lines(); n++ {
		line := f.Line(n)
		if n == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
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
	if version, more, _ := strings.Cut(head, " "); version != "1" || strings.ContainsAny(more, yamlBreaks) {
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
	if f.Line(n) == recordEnd {
		n++
	}
	r.Span = f.At(start, f.LineStart(n)-start)
	return r, true, nil
}

func parseEntry(line string) (RecordEntry, bool) {
	words, ok := splitWords(line[1:])
	if !ok || len(words) < 2 || len(words) > 5 {
		return RecordEntry{}, false
	}
	words = append(words, make([]string, 5-len(words))...)
	e := RecordEntry{Service: words[0], Image: words[1], Digest: words[2], Date: words[3], Run: words[4]}
	return e, e.Service != "" && e.Image != ""
}

// splitWords gives the words of an entry's line, "" for what is not known.
func splitWords(line string) (words []string, ok bool) {
	if strings.ContainsAny(line, yamlBreaks) {
		return nil, false
	}
	for line = strings.TrimLeft(line, " \t"); line != ""; line = strings.TrimLeft(line, " \t") {
		end := strings.IndexAny(line, " \t")
		if end < 0 {
			end = len(line)
		}
		word := line[:end]
		if quoted, err := strconv.QuotedPrefix(line); err == nil && line[0] == '"' {
			end = len(quoted)
			word, _ = strconv.Unquote(quoted)
			if end < len(line) && line[end] != ' ' && line[end] != '\t' {
				return nil, false
			}
		} else if word == "-" {
			word = ""
		}
		words, line = append(words, word), line[end:]
	}
	return words, true
}
