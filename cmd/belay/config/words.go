package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// quote shows text of the file on one line, cut to a readable length.
func quote(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strconv.Quote(s)
}

// kindWords names JSON types in the words of a person.
func kindWords(types []string) string {
	var words []string
	for _, t := range types {
		switch t {
		case "object":
			t = "keys with values"
		case "array":
			t = "a list"
		case "string":
			t = "text"
		case "number":
			t = "a number"
		case "integer":
			t = "a whole number"
		case "boolean":
			t = "true or false"
		case "null":
			t = "nothing"
		}
		words = append(words, t)
	}
	slices.Sort(words)
	return strings.Join(words, " or ")
}

func texts(values []any) []string {
	var out []string
	for _, v := range values {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

func sortedCopy(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}
