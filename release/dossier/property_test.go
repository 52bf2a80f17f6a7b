package dossier

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/markdown"
)

// filler fills a dossier by reflection.
type filler struct {
	*rand.Rand
	words    []string
	markdown func(string) release.Markdown
	least    int // of a list
	most     int
}

func (f *filler) word() string { return f.words[f.IntN(len(f.words))] }

func (f *filler) fill(v reflect.Value) {
	switch v.Interface().(type) {
	case release.Markdown:
		v.SetString(string(f.markdown(f.word() + " " + f.word())))
		return
	case catalog.Level:
		v.SetUint(f.Uint64N(3))
		return
	case release.Section:
		v.FieldByName("Title").SetString(string(f.markdown(f.word())))
		v.FieldByName("Kind").SetString(markdown.Kind(f.IntN(int(markdown.Boilerplate) + 1)).String())
		f.fill(v.FieldByName("Blocks"))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(f.word())
	case reflect.Bool:
		v.SetBool(f.IntN(2) == 0)
	case reflect.Int:
		v.SetInt(f.Int64N(1000))
	case reflect.Slice:
		n := f.least + f.IntN(f.most-f.least+1)
		if f.most > 2 && f.IntN(30) == 0 {
			n *= 20
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			f.fill(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				f.fill(v.Field(i))
			}
		}
	}
}

// someDossier gives the same dossier for the same seed.
func someDossier(seed uint64, untrusted bool, most int, words []string) *release.Dossier {
	f := &filler{Rand: rand.New(rand.NewPCG(seed, 7)), words: words, most: most}
	f.markdown = func(s string) release.Markdown {
		if untrusted {
			return release.Markdown(s)
		}
		return release.Markdown(markdown.Neutral([]byte(s), markdown.Options{}))
	}
	d := &release.Dossier{}
	f.fill(reflect.ValueOf(d).Elem())
	return d
}

// checkFit renders and checks everything that must hold whatever d is.
func checkFit(d *release.Dossier, o Options) error {
	md := Markdown(d, o)
	size := markdown.Length(md)
	if o.Bytes {
		size = len(md)
	}
	if size > o.Limit {
		return fmt.Errorf("%d, the limit is %d", size, o.Limit)
	}
	if !strings.Contains(md, "**"+sign(d.Verdict.Level)+" "+capital(d.Verdict.Level)+" risk") || !strings.Contains(md, "<sub>⚓ Belay") {
		return fmt.Errorf("no verdict or no footer in %.500q", md)
	}
	if Markdown(d, o) != md {
		return fmt.Errorf("another run gives another text")
	}
	if err := checkMarkdown(md); err != nil {
		return err
	}
	return checkLog(md)
}

func TestFits(t *testing.T) {
	for seed := range uint64(120) {
		untrusted := seed%2 == 0
		o := options()
		o.Untrusted, o.Bytes = untrusted, seed%5 == 0
		o.Limit = 2000 + int(seed*7919%63_536)
		if seed%7 == 0 {
			o.More, o.Command, o.Link = "", "", nil
		}
		if err := checkFit(someDossier(seed, untrusted, 2+int(seed%6), hostile()), o); err != nil {
			t.Errorf("seed %d, limit %d: %v", seed, o.Limit, err)
		}
	}
}

// The first lines and the last have room in 2,000, though every character of
// them has to be escaped.
func TestFirstLinesFit(t *testing.T) {
	for _, c := range []string{"@", "#", "|", "図", "<", "`", "\\", "x"} {
		d := whole(strings.Repeat(c, 2000))
		for _, bytes := range []bool{false, true} {
			o := Options{Limit: 2000, Bytes: bytes, Untrusted: true, Command: strings.Repeat(c, 2000), More: "https://example.com/" + strings.Repeat("x", maxMore)}
			if err := checkFit(d, o); err != nil {
				t.Errorf("%s, bytes %v: %v", c, bytes, err)
			}
			if strings.Contains(Markdown(d, o), o.More) {
				t.Errorf("%s, bytes %v: an address that is too long to repeat", c, bytes)
			}
			if o.More = o.More[:maxMore]; !strings.Contains(Markdown(d, o), o.More) {
				t.Errorf("%s, bytes %v: no link to the whole", c, bytes)
			}
		}
	}
}

// Below what the first lines need, lines go, and the limit holds still.
func TestFitsIntoLittle(t *testing.T) {
	for limit := 1; limit < 2000; limit += 7 {
		o := options()
		o.Limit = limit
		md := Markdown(rich(), o)
		if n := markdown.Length(md); n > limit {
			t.Errorf("limit %d: %d", limit, n)
		}
		if err := checkMarkdown(md); err != nil {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

// What is left out is said, and nothing is both shown and said to be left out.
func TestCutIsCounted(t *testing.T) {
	d := small()
	d.Findings = findings(0, 500, 0)
	for limit := 2500; limit < 60_000; limit += 1500 {
		o := options()
		o.Limit = limit
		md := Markdown(d, o)
		shown := strings.Count(md, "| 🟡 warning |")
		left := 0
		if m := regexp.MustCompile(`(\d+) more warnings?[,:]`).FindStringSubmatch(md); m != nil {
			fmt.Sscan(m[1], &left)
		}
		if shown+left != 500 && !strings.Contains(md, "“Findings”") {
			t.Errorf("limit %d: %d shown and %d left out, want 500 together", limit, shown, left)
		}
	}
	full := Markdown(d, Options{})
	if strings.Contains(full, "✂️") || strings.Count(full, "| 🟡 warning |") != 500 {
		t.Error("without a limit something is left out")
	}
}

// A plan is cut at its end: a step that is too long takes those after it along.
func TestPlanHasNoHoles(t *testing.T) {
	d := small()
	d.Upgrade = []release.Step{{Name: "one"}, {Name: "two", Text: release.Markdown(strings.Repeat("long ", 2000))}, {Name: "three"}, {Name: "four"}}
	o := options()
	o.Limit = 5000
	md := Markdown(d, o)
	if !strings.Contains(md, "1. **one**") || strings.Contains(md, "**three**") || strings.Contains(md, "**four**") || !strings.Contains(md, "✂️ 3 more steps") {
		t.Errorf("want the first step and a note of 3:\n%s", md)
	}
}

// The order in which things go: full lists of changes, features and fixes of
// the oldest versions, notes, drift and warnings; last what decides.
func TestWhatGoesFirst(t *testing.T) {
	d := rich()
	d.Notes[0].Versions[1].Sections[0].Blocks = bullets(30)
	var previous map[string]bool
	marks := map[string]string{
		"changes": "fix: step 24 of", "features": "Trigger nodes", "warning": "cache_9", "drift": "LOG\\_LEVEL", "error": "they must be the same",
		"checklist": "- [ ] Set `PLUGIN", "gate": "cannot read the data of 14", "back": "**Way back:** the old images need", "change": "`langgenius/dify-web`", "danger": "takes hours",
	}
	for limit := 2000; limit <= 24_000; limit += 500 {
		o := options()
		o.Limit = limit
		md := Markdown(d, o)
		has := map[string]bool{}
		for name, mark := range marks {
			has[name] = strings.Contains(md, mark) || name == "drift" && strings.Contains(md, "- `LOG_LEVEL`")
		}
		for _, rule := range [][2]string{{"changes", "features"}, {"features", "danger"}, {"features", "drift"}, {"drift", "warning"}, {"warning", "error"}, {"warning", "gate"}, {"drift", "checklist"}, {"drift", "change"}, {"error", "back"}} {
			if has[rule[0]] && !has[rule[1]] {
				t.Errorf("limit %d: there is %s and no %s", limit, rule[0], rule[1])
			}
		}
		previous = has
	}
	for name, there := range previous {
		if !there {
			t.Errorf("no %s with the largest limit", name)
		}
	}
}

// Ten thousand findings, a block that is larger than any comment, 300 images
// and 1,000 versions.
func vast() *release.Dossier {
	d := rich()
	d.Findings = findings(4000, 3000, 3000)
	block := release.Markdown(strings.Repeat("long text ", 20_000))
	for i := range 300 {
		c := d.Changes[0]
		c.Image = fmt.Sprintf("example/image-%d", i)
		d.Changes = append(d.Changes, c)
		n := release.Notes{Image: c.Image, Old: "1", New: "2"}
		for j := range 1000 / 300 {
			n.Versions = append(n.Versions, release.Version{Name: fmt.Sprint("1.", j), Sections: []release.Section{{Kind: "features", Title: "Features", Blocks: bullets(20)}}})
		}
		d.Notes = append(d.Notes, n)
	}
	for i := range 1000 {
		v := d.Notes[0].Versions[0]
		v.Name = fmt.Sprint("0.", i)
		d.Notes[0].Versions = append(d.Notes[0].Versions, v)
	}
	first := &d.Notes[0].Versions[0]
	first.Sections = append([]release.Section{{Kind: "danger", Title: "Long", Blocks: []release.Markdown{block}}}, first.Sections...)
	return d
}

func TestVast(t *testing.T) {
	d := vast()
	for _, o := range []Options{{Limit: CommentLimit}, {Limit: SummaryLimit, Bytes: true}, {Limit: CommentLimit, Untrusted: true}} {
		start := time.Now()
		if err := checkFit(d, o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%+v took %s", o, took)
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	f.Add(uint64(1), 2000, "@octocat", "</details>")
	f.Add(uint64(2), 6000, "<!-- belay:dossier -->", "```\n| a |\n|---|")
	f.Fuzz(func(t *testing.T, seed uint64, limit int, a, b string) {
		if len(a)+len(b) > 4000 {
			return
		}
		o := options()
		o.Untrusted, o.Bytes = seed%2 == 0, seed%3 == 0
		o.Limit = 2000 + int(uint(limit)%63_536)
		if seed%5 == 0 {
			o.More, o.Link = a, func(release.Place) string { return b }
		}
		if err := checkFit(someDossier(seed, o.Untrusted, 2, []string{a, b, "word"}), o); err != nil {
			t.Error(err)
		}
	})
}
