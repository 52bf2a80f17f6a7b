package report

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// escapeData escapes the text of a workflow command, as escapeData of
// actions/toolkit's command.ts does.
func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// escapeProperty escapes a property of a workflow command, as escapeProperty
// of actions/toolkit's command.ts does.
func escapeProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

// property is one name=value of a workflow command.
type property struct{ name, value string }

// number makes a property of n, left out when it is not positive.
func number(name string, n int) property {
	if n <= 0 {
		return property{name, ""}
	}
	return property{name, strconv.Itoa(n)}
}

// command gives one workflow command with its line feed. Empty properties are
// left out. The text's line feeds are kept, every other character that does
// not show is made visible: the runner copies it to the log.
func command(name, text string, properties ...property) string {
	var b strings.Builder
	b.WriteString("::" + name)
	sep := " "
	for _, p := range properties {
		if p.value == "" {
			continue
		}
		b.WriteString(sep + p.name + "=" + escapeProperty(visible(p.value)))
		sep = ","
	}
	b.WriteString("::" + escapeData(cut(Printable(text), maxAnnotation)) + "\n")
	return b.String()
}

// maxAnnotation is where the runner cuts the message of an annotation, in the
// UTF-16 units of its strings (runner, ExecutionContext.cs). It would cut in
// the middle of a character.
const maxAnnotation = 4096

// cut shortens s to at most limit UTF-16 units, between two characters and
// not before a mark that stands on the last one.
func cut(s string, limit int) string {
	units, fits := 0, 0 // fits: the bytes that leave room for the "…"
	for i, r := range s {
		if units <= limit-1 && !unicode.In(r, unicode.Mn, unicode.Me) {
			fits = i
		}
		if units += utf16.RuneLen(validRune(r)); units > limit {
			return s[:fits] + "…"
		}
	}
	return s
}

func validRune(r rune) rune {
	if utf16.RuneLen(r) < 0 {
		return utf8.RuneError
	}
	return r
}
