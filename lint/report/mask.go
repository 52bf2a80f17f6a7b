package report

import (
	"io"
	"strings"
	"unicode/utf8"
)

// minMask is the length, in characters, from which a value is masked. A
// shorter one would turn unrelated words of the log into "***".
const minMask = 8

// WriteMasks tells the runner to hide values in the log, line by line, since
// it masks no value of several lines. It must come before all other output.
// Lines shorter than 8 characters and common words are left out; the caller
// passes the values of secret keys alone.
func WriteMasks(w io.Writer, values []string) error {
	var b strings.Builder
	seen := map[string]bool{}
	for _, v := range values {
		for line := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == '\n' || r == '\r' }) {
			line = strings.TrimSpace(line)
			if seen[line] || utf8.RuneCountInString(line) < minMask || commonWord(line) {
				continue
			}
			seen[line] = true
			b.WriteString("::add-mask::" + escapeData(line) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// commonWord reports whether a value of 8 characters or more stands in every
// log of such a stack, whatever key it belongs to.
func commonWord(s string) bool {
	switch strings.ToLower(s) {
	case "compose.yaml", "containers", "database", "development", "disabled", "internal", "langgenius",
		"localhost", "opensearch", "password", "postgres", "postgresql", "production", "required", "weaviate":
		return true
	}
	return false
}
