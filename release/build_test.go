package release

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestProse(t *testing.T) {
	for in, want := range map[string]string{
		"keep `name:` and *that*": "keep `name:` and \\*that\\*",
		"`a` `b`":                 "`a` `b`",
		"an odd ` one":            "an odd &#96; one",
		"ask @you":                "ask @&#8203;you",
		"":                        "",
	} {
		if got := prose(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestProseIsBounded(t *testing.T) {
	for name, in := range map[string]string{
		"text":  strings.Repeat("é", 5000),
		"code":  "`" + strings.Repeat("é", 5000) + "`",
		"parts": strings.Repeat("four `code` ", 500),
		"odd":   "`" + strings.Repeat("`a`", 2000),
		"spans": strings.Repeat("`a`", 2000),
	} {
		got := prose(in)
		plain := strings.NewReplacer("`", "", "&#96;", "`").Replace(got)
		if n := utf8.RuneCountInString(plain); n > maxProse+1 || n < maxProse/2 || !strings.Contains(got, "…") {
			t.Errorf("%s: %d characters: %.80s", name, n, got)
		}
	}
}
