package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// encodeJSON writes v as indented JSON that is safe in a job log and on a
// terminal: "##[", which the runner reads as a command anywhere in a line, and
// characters that do not show are written as \u escapes. They can only stand
// inside strings, so the document's meaning does not change.
func encodeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeInvisible(bytes.ReplaceAll(b.Bytes(), []byte("##["), []byte(`##\u005b`))))
	return err
}

// escapeInvisible writes the characters of a JSON document that do not show
// by themselves as \u escapes.
func escapeInvisible(doc []byte) []byte {
	out := make([]byte, 0, len(doc))
	for i := 0; i < len(doc); {
		r, size := utf8.DecodeRune(doc[i:])
		switch {
		case r < unicode.MaxASCII, prints(r):
			out = append(out, doc[i:i+size]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	return out
}
