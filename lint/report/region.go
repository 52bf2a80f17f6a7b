package report

import (
	"strings"
	"unicode/utf8"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

const bom = "\ufeff"

// region is a place on one line, in the units that formats ask for. Columns
// count from 1; ends are exclusive and always behind their start, since a
// region of no width confuses what reads it.
type region struct {
	line, col, end   int  // col and end in characters
	byteCol, byteEnd int  // col and end in bytes
	exact            bool // the byte columns come from the source line, not from a guess
}

// regionOf places a finding. Only a masked source line is known, so where a
// value was masked before the end of the region, the end is a guess.
func regionOf(f lint.Finding) region {
	return placed(f.Span, f.Source)
}

// placed gives span's region on line, which may be unknown ("").
func placed(span source.Span, line string) region {
	r := region{line: max(1, span.Line), col: max(1, span.Col)}
	if line == "" {
		r.byteCol = r.col
		r.end = r.col + max(1, span.Len)
		r.byteEnd = r.end
		return r
	}
	text, skipped := strings.CutPrefix(line, bom)
	start := byteOffset(text, r.col)
	stop := min(len(text), start+max(0, span.Len))
	r.end = r.col + max(1, utf8.RuneCountInString(text[start:stop]))
	r.byteCol = start + 1
	if skipped {
		r.byteCol += len(bom)
	}
	r.byteEnd = r.byteCol + max(1, stop-start)
	r.exact = r.col <= utf8.RuneCountInString(text)+1
	return r
}

// byteOffset gives the byte at which column col of text begins; its length
// past the end.
func byteOffset(text string, col int) int {
	n := 1
	for i := range text {
		if n == col {
			return i
		}
		n++
	}
	return len(text)
}
