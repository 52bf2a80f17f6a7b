package report

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
)

// rendered gives the text that Markdown shows.
func rendered(md string) (string, error) {
	var b bytes.Buffer
	if err := github().Convert([]byte(md), &b); err != nil {
		return "", err
	}
	s := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(b.String(), "")
	return strings.ReplaceAll(html.UnescapeString(strings.TrimSpace(s)), "\u200b", ""), nil
}

// sameText gives how text that is escaped reads otherwise than it was.
func sameText(s string) error {
	want := strings.Join(strings.Fields(clean(s, 200)), " ")
	for _, around := range [][2]string{{"", ""}, {"- ", ""}, {"x ", " y"}, {"| a |\n|---|\n| ", " |"}, {"**", "**"}} {
		md := around[0] + text(s, 200) + around[1]
		got, err := rendered(md)
		if err != nil {
			return err
		}
		switch around[0] {
		case "x ":
			got = strings.TrimSuffix(strings.TrimPrefix(got, "x "), " y")
		case "| a |\n|---|\n| ":
			got = strings.TrimSpace(strings.TrimPrefix(got, "a"))
		case "**":
			got = strings.Trim(got, "*") // emphasis of nothing, or of what does not touch it, is none
		}
		if got != want && !(around[0] == "**" && got == strings.Trim(want, "*")) && !(want == "" && strings.Trim(got, "x y") == "") {
			return fmt.Errorf("%q shows as %q, want %q", md, got, want)
		}
	}
	return nil
}

func TestTextStaysItself(t *testing.T) {
	for _, s := range hostile() {
		if err := sameText(s); err != nil {
			t.Error(err)
		}
	}
}

// Lines in a block of code are there as they are, indented as they are.
func TestFence(t *testing.T) {
	for _, s := range hostile() {
		got, err := rendered(fence("", []string{s, "  next"}))
		if err != nil {
			t.Fatal(err)
		}
		all := lines([]string{s, "  next"})
		if n := lineTotal([]string{s, "  next"}); n != len(all) {
			t.Errorf("%q: %d lines, counted %d", s, len(all), n)
		}
		if want := strings.TrimSpace(strings.Join(all, "\n")); got != want {
			t.Errorf("%q shows as %q, want %q", s, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 300 {
			return
		}
		if err := sameText(s); err != nil {
			t.Error(err)
		}
	})
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		wholeReport: wholeReport, "https://ghe.example:8443/a?b=1&c=2": "https://ghe.example:8443/a?b=1&c=2", "http://example.com": "", "javascript:alert(1)": "",
		"https://u@example.com/": "", "//example.com/x": "", "https://e.com/)[x](y": "https://e.com/%29%5Bx%5D%28y", "https://e.com/\"><script>`|": "https://e.com/%22%3E%3Cscript%3E%60%7C",
		"https://e.com/" + strings.Repeat("x", 300): "", "": "",
	} {
		if got := address(in); got != want {
			t.Errorf("address of %q: %q, want %q", in, got, want)
		}
	}
}
