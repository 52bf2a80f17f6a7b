package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint"
)

// Cases beside the examples of the rules: what they must find, and above all
// what they must not. A finding is "FILE:LINE SEVERITY".
func TestCases(t *testing.T) {
	for _, tc := range slices.Concat(envCases, stackCases, postgresCases, baseCases) {
		t.Run(tc.rule+"/"+tc.name, func(t *testing.T) {
			i := slices.IndexFunc(All(), func(r *lint.Rule) bool { return r.ID == tc.rule })
			if i < 0 {
				t.Fatal("no such rule")
			}
			var got []string
			for _, f := range parseExample(t, tc.text).check(t, All()[i]) {
				checkFinding(t, f)
				got = append(got, fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Severity))
			}
			slices.Sort(got)
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// No value of an env file is printed in any of the cases.
func TestCasesPrintNoValue(t *testing.T) {
	for _, tc := range slices.Concat(envCases, stackCases, postgresCases, baseCases) {
		i := slices.IndexFunc(All(), func(r *lint.Rule) bool { return r.ID == tc.rule })
		for _, mark := range []func(string) string{
			func(string) string { return "canary" },
			func(v string) string { return v + ",canary" },
			func(v string) string { return "/canary/" + v },
		} {
			ex := parseExample(t, tc.text)
			if !ex.markEnv(mark) {
				continue
			}
			for _, f := range ex.check(t, All()[i]) {
				text := f.Message + f.Hint
				for _, r := range f.Related {
					text += r.Message
				}
				if strings.Contains(text, "canary") {
					t.Errorf("%s/%s prints a value: %s", tc.rule, tc.name, text)
				}
			}
		}
	}
}

type ruleCase struct {
	rule, name string
	text       string // as in the rules' documentation
	want       []string
}
