package release

import "testing"

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
