package dossier

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/belaystack/belay/release"
)

// The page loads nothing, and says so to the browser.
func TestPageIsSelfContained(t *testing.T) {
	page := string(HTML([]*release.Dossier{rich(), small()}, options()))
	if err := checkHTML(page); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(page, "<!doctype html>") || !strings.Contains(page, `content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"`) {
		t.Errorf("no doctype or no policy: %.300s", page)
	}
	if m := regexp.MustCompile(`@import|url\(|expression\(|\ssrc=`).FindString(page); m != "" {
		t.Errorf("%q would load something", m)
	}
}

// Every address within the page leads somewhere, and no two places are called
// the same.
func TestPageAnchors(t *testing.T) {
	page := string(HTML([]*release.Dossier{rich(), small(), gone()}, options()))
	ids := map[string]int{}
	for _, m := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]]++; ids[m[1]] > 1 {
			t.Errorf("id %q stands there twice", m[1])
		}
	}
	links := regexp.MustCompile(`(?:href="#|aria-labelledby=")([^"]*)"`).FindAllStringSubmatch(page, -1)
	for _, m := range links {
		if ids[m[1]] != 1 {
			t.Errorf("nothing is called %q", m[1])
		}
	}
	if len(links) != 1+3+3 {
		t.Errorf("%d addresses within, want the skip link, and for each stack a line of contents and its name", len(links))
	}
	if one := string(HTML([]*release.Dossier{rich()}, Options{})); strings.Contains(one, "<nav") {
		t.Error("contents of one stack")
	}
}

// No level of headings is left out, for those who go by them.
func TestPageHeadings(t *testing.T) {
	page := string(HTML([]*release.Dossier{rich(), small()}, options()))
	last := 0
	for _, m := range regexp.MustCompile(`<h([1-6])`).FindAllStringSubmatch(page, -1) {
		level := int(m[1][0] - '0')
		if level > last+1 {
			t.Errorf("a heading of level %d after one of %d", level, last)
		}
		last = level
	}
	if last == 0 {
		t.Error("no headings")
	}
}

// What a shut details holds must print: browsers print it only by
// ::details-content, since no script may open it.
func TestPagePrints(t *testing.T) {
	_, print, ok := strings.Cut(pageStyle, "@media print")
	if !ok || !strings.Contains(print, "details::details-content { content-visibility: visible; block-size: auto;") {
		t.Error("details stay shut in print")
	}
}

// Text has the contrast that WCAG 2 asks for at level AA, 4.5, in both schemes
// and in print.
func TestContrast(t *testing.T) {
	schemes := regexp.MustCompile(`:root \{([^}]*)\}`).FindAllStringSubmatch(pageStyle, -1)
	if len(schemes) != 3 {
		t.Fatalf("%d schemes, want light, dark and print", len(schemes))
	}
	for i, s := range schemes {
		colors := map[string]string{}
		for _, m := range regexp.MustCompile(`--(\w+): #([0-9a-f]{3,6})`).FindAllStringSubmatch(s[1], -1) {
			colors[m[1]] = m[2]
		}
		for _, text := range []string{"text", "soft", "link", "high", "medium", "low", "note"} {
			for _, back := range []string{"back", "box"} {
				if c := contrast(t, colors[text], colors[back]); c < 4.5 {
					t.Errorf("scheme %d: %s on %s has %.2f", i, text, back, c)
				}
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = fmt.Sprintf("%c%[1]c%c%[2]c%c%[3]c", hex[0], hex[1], hex[2])
	}
	var c [3]uint8
	if _, err := fmt.Sscanf(hex, "%02x%02x%02x", &c[0], &c[1], &c[2]); err != nil {
		t.Fatalf("colour %q: %v", hex, err)
	}
	var l float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v := float64(c[i]) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		l += weight * v
	}
	return l
}
