package dotenv

import (
	"bytes"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/source"
)

// span gives where n stands; its length only where the file shows its text
// there as it reads.
func (v *values) span(n *yaml.Node) source.Span {
	if n == nil {
		return v.src.Start()
	}
	if at, ok := v.spans[n]; ok {
		return at
	}
	v.at.move(v.src, n.Line, n.Column)
	at := source.Span{Pos: source.Pos{File: v.src.Path, Line: n.Line, Col: n.Column, Offset: v.at.offset}}
	if n.Kind == yaml.ScalarNode && n.Value != "" && bytes.HasPrefix(v.src.Data[v.at.offset:], []byte(n.Value)) {
		at.Len = len(n.Value)
	}
	v.spans[n] = at
	return at
}

// cursor is a place in a file as the YAML reader counts: lines and characters.
type cursor struct{ line, col, offset int }

// move goes to line and col; on one line it goes on from where it is.
func (c *cursor) move(f *source.File, line, col int) {
	if line != c.line || col < c.col || c.offset == 0 {
		*c = cursor{line, 1, f.LineStart(line)}
		if line == 1 && bytes.HasPrefix(f.Data, []byte("\ufeff")) {
			c.offset = len("\ufeff")
		}
	}
	for ; c.col < col && c.offset < len(f.Data); c.col++ {
		_, n := utf8.DecodeRune(f.Data[c.offset:])
		c.offset += n
	}
}
