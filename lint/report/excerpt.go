package report

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"

	"github.com/belaystack/belay/lint"
)

// The part of a long source line that is shown, in characters.
const (
	maxSource  = 160
	beforeMark = 60
)

// excerpt gives a finding's source line as it may be printed, and the line
// below it that marks the region: "^" at its start, "~" under the rest. Tabs
// stay tabs in both, so that they line up whatever a tab is worth.
func excerpt(f lint.Finding) (line, mark string) {
	at := regionOf(f)
	text := strings.TrimPrefix(f.Source, bom)
	total := utf8.RuneCountInString(text)
	first, last := window(total, at.col)
	var out, pad strings.Builder
	if first > 1 {
		out.WriteString("…")
		pad.WriteString(" ")
	}
	marked, col := 0, 0
	for i := 0; i < len(text); {
		shown, size := visibleAt(text, i)
		if text[i] == '\t' {
			shown = "\t"
		}
		i += size
		if col++; col < first || col > last {
			continue
		}
		out.WriteString(shown)
		switch {
		case col >= at.end:
		case col >= at.col:
			marked += cells(shown)
		case shown == "\t":
			pad.WriteByte('\t')
		default:
			pad.WriteString(strings.Repeat(" ", cells(shown)))
		}
	}
	if last < total {
		out.WriteString("…")
	}
	return out.String(), pad.String() + "^" + strings.Repeat("~", max(0, marked-1))
}

// window gives the first and last column to show of a line of total
// characters, such that col is among them.
func window(total, col int) (first, last int) {
	if total <= maxSource {
		return 1, total
	}
	first = max(1, min(col-beforeMark, total-maxSource+1))
	return first, min(total, first+maxSource-1)
}

// cells counts the terminal columns that text takes. A tab counts as one.
func cells(text string) int {
	n := 0
	for _, r := range text {
		n += runeCells(r)
	}
	return n
}

// runeCells is 0 for marks that stand on the character before, 2 for the wide
// characters of UAX 11, else 1.
func runeCells(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me), 0x1160 <= r && r <= 0x11ff: // Hangul vowels join their consonant
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
