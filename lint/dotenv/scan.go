package dotenv

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/belaystack/belay/lint/source"
)

// scanner finds statements and comments in the bytes of a file. It follows
// the grammar of compose-go v2.16.2, dotenv/parser.go, to the letter: where a
// statement ends decides where the next key begins.
type scanner struct {
	src    *source.File
	data   string
	pos    int
	cursor source.Span // of the last position given, so that one long line is counted once
}

// statement is one KEY=value as it stands in the file, in byte offsets.
type statement struct {
	start, end       int // all of it, without the newline that ends it
	keyStart, keyEnd int
	valStart, valEnd int // as written, with its quotes, without a trailing comment
	quote            byte
	export           bool
	inherited        bool
}

func newScanner(f *source.File) *scanner {
	s := &scanner{src: f, data: string(f.Data), cursor: f.Start()}
	if strings.HasPrefix(s.data, "\ufeff") {
		s.pos = len("\ufeff")
	}
	return s
}

// span gives the position of n bytes at offset. Offsets mostly grow, and then
// the whole file is counted once.
func (s *scanner) span(offset, n int) source.Span {
	c := s.cursor
	if offset < c.Offset || strings.ContainsAny(s.data[c.Offset:offset], "\r\n") || c.Offset == 0 {
		s.cursor = s.src.At(offset, 0)
	} else {
		s.cursor.Col += utf8.RuneCountInString(s.data[c.Offset:offset])
		s.cursor.Offset = offset
	}
	at := s.cursor
	at.Len = n
	return at
}

// next skips to the first byte that is not white space.
func (s *scanner) next() bool {
	i := strings.IndexFunc(s.data[s.pos:], func(r rune) bool { return !unicode.IsSpace(r) })
	if i < 0 {
		s.pos = len(s.data)
		return false
	}
	s.pos += i
	return true
}

// comment takes the comment that begins here, to the end of its line.
func (s *scanner) comment() (start, end int) {
	start = s.pos
	end = len(s.data)
	if i := strings.IndexByte(s.data[start:], '\n'); i >= 0 {
		end = start + i
	}
	s.pos = end
	return start, end
}

// statement takes the statement that begins here.
func (s *scanner) statement() (statement, error) {
	st := statement{start: s.pos, keyStart: s.pos}
	if s.takeExport() {
		st.export = true
		st.keyStart = s.pos
		if s.pos == len(s.data) {
			return st, s.fail(st.start, "export without a key", "name the key, or delete the line")
		}
	}
	sep, err := s.key(&st)
	if err != nil {
		return st, err
	}
	switch sep {
	case 0: // the file ends in a bare word: compose gives it to the key ""
		st.end, s.pos = len(s.data), len(s.data)
		st.valStart, st.valEnd = st.end, st.end
		return st, nil
	case '\n':
		st.inherited = true
		st.end = s.pos + 1 // compose wants the newline to see that there is no value
		st.valStart, st.valEnd = st.keyEnd, st.keyEnd
		s.pos = st.end
		return st, nil
	}
	s.pos++
	s.skipBlank()
	return st, s.value(&st)
}

// takeExport skips a leading "export" that is followed by white space.
func (s *scanner) takeExport() bool {
	rest, ok := strings.CutPrefix(s.data[s.pos:], "export")
	if !ok || rest == "" || !strings.ContainsRune("\t\n\f\r ", rune(rest[0])) {
		return false
	}
	s.pos = len(s.data) - len(rest)
	s.skipBlank()
	return true
}

func (s *scanner) skipBlank() {
	s.pos = len(s.data) - len(strings.TrimLeftFunc(s.data[s.pos:], isBlank))
}

// key finds the end of the key and what ends it: '=', ':', a newline, or 0 at
// the end of the file.
func (s *scanner) key(st *statement) (sep rune, err error) {
	for i, r := range s.data[s.pos:] {
		at := s.pos + i
		switch {
		case isBlank(r), unicode.IsLetter(r), unicode.IsNumber(r), strings.ContainsRune("_.-[]", r):
			continue
		case r != '=' && r != ':' && r != '\n':
			return 0, s.fail(at, "a character that no key may hold", `write KEY=value: letters, digits and _ . - make a key; begin a comment with "#"`)
		}
		key := strings.TrimRightFunc(s.data[s.pos:at], unicode.IsSpace)
		if j := strings.IndexByte(key, ' '); j >= 0 {
			return 0, s.fail(s.pos+j, "a key with a space in it", `write KEY=value, or begin a comment with "#"`)
		}
		st.keyEnd = s.pos + len(key)
		s.pos = at
		return r, nil
	}
	st.keyEnd = st.keyStart
	return 0, nil
}

// value finds the end of the value that begins here.
func (s *scanner) value(st *statement) error {
	st.valStart = s.pos
	if s.pos < len(s.data) && (s.data[s.pos] == '"' || s.data[s.pos] == '\'') {
		st.quote = s.data[s.pos]
		for i := s.pos + 1; i < len(s.data); i++ {
			switch s.data[i] {
			case '\\':
				i++
			case st.quote:
				st.valEnd, st.end, s.pos = i+1, i+1, i+1
				return nil
			}
		}
		return s.fail(st.valStart, "a quote that nothing closes", "close the quote at the end of the value")
	}
	line, _, _ := strings.Cut(s.data[s.pos:], "\n")
	st.end = s.pos + len(line)
	line, _, _ = strings.Cut(line, " #")
	st.valEnd = s.pos + len(strings.TrimRightFunc(line, unicode.IsSpace))
	s.pos = st.end
	return nil
}

func (s *scanner) fail(offset int, msg, next string) error {
	return &source.Error{Pos: s.src.At(offset, 1).Pos, Msg: msg, Next: next}
}

// isBlank is white space that does not end a line, as compose has it.
func isBlank(r rune) bool {
	switch r {
	case '\t', '\v', '\f', '\r', ' ', 0x85, 0xA0:
		return true
	}
	return false
}
