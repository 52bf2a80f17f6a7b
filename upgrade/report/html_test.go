package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	nethtml "golang.org/x/net/html"
)

// The page loads nothing, and says so to the browser.
func TestPageIsSelfContained(t *testing.T) {
	for name, r := range runs() {
		page := string(HTML(r))
		if err := checkPage(page); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.HasPrefix(page, "<!doctype html>") || !strings.Contains(page, `content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"`) {
			t.Errorf("%s: no doctype or no policy: %.300s", name, page)
		}
		if m := regexp.MustCompile(`@import|url\(|expression\(|\ssrc=|<a href="[^#]`).FindString(page); m != "" {
			t.Errorf("%s: %q would load something", name, m)
		}
	}
}

// Text is in the page as it is: what a browser shows of it is what it was.
func TestPageKeepsText(t *testing.T) {
	for _, word := range hostile() {
		r := upgraded()
		r.Reason, r.Notes, r.Services[0].Detail, r.Commands[0].Output = word, []string{word}, word, []string{word}
		doc, err := nethtml.Parse(strings.NewReader(string(HTML(r))))
		if err != nil {
			t.Fatal(err)
		}
		found, want := 0, clean(word, maxWhole)
		block := strings.Join(lines([]string{word}), "\n") // output keeps its lines
		for n := range doc.Descendants() {
			if n.Type == nethtml.TextNode && (strings.TrimSpace(n.Data) == want || n.Data == block) {
				found++
			}
		}
		if found < 4 && want != "" {
			t.Errorf("%.60q stands there %d times, want 4", word, found)
		}
	}
}

// Every address within the page leads somewhere, and no two places are called
// the same.
func TestPageAnchors(t *testing.T) {
	page := string(HTML(stuck()))
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
	if len(links) != 3 {
		t.Errorf("%d addresses within, want the skip link and the names of two drawings", len(links))
	}
}

// No level of headings is left out, for those who go by them, and no heading
// stands over nothing.
func TestPageHeadings(t *testing.T) {
	for name, r := range runs() {
		page := string(HTML(r))
		last := 0
		for _, m := range regexp.MustCompile(`<h([1-6])`).FindAllStringSubmatch(page, -1) {
			level := int(m[1][0] - '0')
			if level > last+1 {
				t.Errorf("%s: a heading of level %d after one of %d", name, level, last)
			}
			last = level
		}
		if name == "empty" && last != 1 {
			t.Errorf("a section of nothing:\n%s", page)
		}
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

// coordinates are the numbers of a drawing.
var coordinates = regexp.MustCompile(`<rect [^>]*x="(-?[0-9.]+)" y="(-?[0-9.]+)" width="(-?[0-9.]+)" height="(-?[0-9.]+)"`)

// Whatever the times and the numbers are, each bar lies within its drawing.
func TestDrawings(t *testing.T) {
	all := []*Run{upgraded(), stuck(), backedUp()}
	for seed := range uint64(100) {
		f := &filler{Rand: rand.New(rand.NewPCG(seed, 5)), least: 1, most: 6, word: func(string) string { return "x" }}
		r := someRun(seed, 6, []string{"x"})
		if f.IntN(2) == 0 {
			for i := range r.Steps {
				r.Steps[i].Undo = Span{}
			}
			r.Downtime = &Downtime{From: at(float64(f.IntN(5000)))}
		}
		all = append(all, r)
	}
	bars := 0
	for i, r := range all {
		page := string(HTML(r))
		for _, drawing := range regexp.MustCompile(`(?s)<svg viewBox="0 0 ([0-9.]+) ([0-9.]+)".*?</svg>`).FindAllStringSubmatch(page, -1) {
			width, height := decimal(t, drawing[1]), decimal(t, drawing[2])
			found := coordinates.FindAllStringSubmatch(drawing[0], -1)
			if n := strings.Count(drawing[0], "<rect "); n != len(found) {
				t.Errorf("run %d: %d of %d bars have numbers", i, len(found), n)
			}
			for _, m := range found {
				x, y, w, h := decimal(t, m[1]), decimal(t, m[2]), decimal(t, m[3]), decimal(t, m[4])
				bars++
				if x < 0 || y < 0 || w < 0 || x+w > width || y+h > height {
					t.Errorf("run %d: a bar %s in %v x %v", i, m[0], width, height)
				}
			}
			if strings.Contains(drawing[0], "NaN") || strings.Contains(drawing[0], "Inf") {
				t.Errorf("run %d: no number in %s", i, drawing[0])
			}
			if n := strings.Count(drawing[0], `class="tick"`); n > maxTicks {
				t.Errorf("run %d: %d ticks", i, n)
			}
		}
	}
	if bars < 500 {
		t.Errorf("only %d bars seen", bars)
	}
}

func decimal(t *testing.T, s string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The time line of an upgrade: bars are as long as the steps were, and the
// downtime is marked from the first stop to the opening.
func TestTimeline(t *testing.T) {
	r := &Run{Steps: []Step{{Name: "a", State: StepDone, Started: at(0), Ended: at(50)}, {Name: "b", State: StepFailed, Started: at(50), Ended: at(75), Undo: Span{at(75), at(100)}}},
		Downtime: &Downtime{From: at(50), To: at(100)}}
	l := timelineOf(r)
	unit := px(trackWidth / 100)
	for name, pair := range map[string][2]stroke{
		"a": {l.Rows[0].Do, {nameWidth, 50 * unit}}, "b": {l.Rows[1].Do, {nameWidth + 50*unit, 25 * unit}},
		"undo": {l.Rows[1].Undo, {nameWidth + 75*unit, 25 * unit}}, "down": {l.Down, {nameWidth + 50*unit, 50 * unit}}, "no undo": {l.Rows[0].Undo, {}},
	} {
		if math.Abs(float64(pair[0].X-pair[1].X)) > .01 || math.Abs(float64(pair[0].W-pair[1].W)) > .01 {
			t.Errorf("%s: %v, want %v", name, pair[0], pair[1])
		}
	}
	if l.DownLabel != "down for 50 s" || l.Rows[1].Label != "25 s, undo 25 s" || len(l.Ticks) != 6 || l.Ticks[5].Label != "1 m 40 s" {
		t.Errorf("%q, %q, %v", l.DownLabel, l.Rows[1].Label, l.Ticks)
	}
	r.Downtime.To = time.Time{}
	if l := timelineOf(r); l.DownLabel != "still down" || l.Down.X+l.Down.W != nameWidth+trackWidth {
		t.Errorf("still down: %+v", l)
	}
	r.Steps = append(r.Steps, Step{Name: "at the end", Started: at(100), Ended: at(100)})
	if l := timelineOf(r); l.Rows[2].Do != (stroke{nameWidth + trackWidth - leastBar, leastBar}) {
		t.Errorf("a step without length: %+v", l.Rows[2].Do)
	}
	r.Steps[2].Ended = at(90 * 86400)
	if l := timelineOf(r); len(l.Ticks) > maxTicks || len(l.Ticks) < 3 {
		t.Errorf("90 days have ticks %v", l.Ticks)
	}
	if timelineOf(&Run{Steps: []Step{{Name: "a", State: StepPending}}}) != nil || timelineOf(refused()) == nil {
		t.Error("a time line is there if a step took time")
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
				x, y := luminance(t, colors[text]), luminance(t, colors[back])
				if c := (max(x, y) + 0.05) / (min(x, y) + 0.05); c < 4.5 {
					t.Errorf("scheme %d: %s on %s has %.2f", i, text, back, c)
				}
			}
		}
	}
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
