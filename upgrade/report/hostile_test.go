package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

const wholeReport = "https://github.com/acme/infra/actions/runs/4711"

// hostile gives text that tries to be more than text.
func hostile() []string {
	return []string{
		"plain", "", " ", ":", "@octocat", "a@octocat.com", "@acme/team", "#123", "GH-123", "gh-1", "acme/infra#1", "acme/infra@0123456789abcdef0123456789abcdef01234567",
		"</details>", "</summary></details><details>", "<details><summary>x", "<!-- belay:run -->", "<!--", "-->", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</table>", "<b>", "</sub>",
		"</style><script>", "</title><script>alert(1)</script>", "</svg><script>", "</code></pre><h1>x", "<text>",
		"| a | b |\n|---|---|\n| c | d |", "a|b", `a\|b`, `a\`, "|", `\`, "`", "``", "```", "````\n~~~", "~~~", "```\n</details>\n```", "`a`b`", "`@x`|`",
		"::set-output name=x::y", "\n::add-mask::x", "  ::error::x", "##[add-mask]x", "x ##[group]y", "\u200b::error::x", "a ::error::x",
		"![x](https://evil.example/x.png)", "[x](javascript:alert(1))", "[x](https://evil.example/)", "https://github.com/acme/infra/issues/1", "www.example.com", "//evil.example", "<https://evil.example>", "mailto:a@b.example",
		"# heading", "- item", "+ item", "1. one", "12) two", "> quote", "> [!WARNING]\n> x", "===", "---", "***", "___", "    code", "[x]: https://evil.example", "[^1]", "[ ] task",
		"&#64;octocat", "&lt;!-- x", "&amp;", "&", "$x$", "**bold", "_x_", "a_b_c", "~~x~~", "a\nb\n\n# c", "\r\nx", "\x00", "\x1b[31mred", "\x1b]0;title\x07", "\u009b31m", "\xff\xfe", "\u202egpj.exe", "\u2066x", "a\u200bb", "\U000e0041", "x\u2028::error::",
		"../../../etc/passwd", strings.Repeat("@a ", 300), strings.Repeat("<", 500), strings.Repeat("図", 400), strings.Repeat("🛑", 300), strings.Repeat("x", 5000), "{{.}}", "\"'><x", "javascript:alert(1)", "wow!", "!", "1.", "=", "0.4.0",
	}
}

// filler fills a run by reflection.
type filler struct {
	*rand.Rand
	word        func(path string) string
	least, most int // of a list
}

func (f *filler) fill(path string, v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(at(f.Float64() * 5000)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(f.word(path))
	case reflect.Bool:
		v.SetBool(f.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(f.Int64() >> f.IntN(64))
	case reflect.Float64:
		v.SetFloat([]float64{0, 1.5, -1, math.NaN(), math.Inf(1), 1e300}[f.IntN(6)])
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(path, v.Elem())
	case reflect.Slice:
		n := f.least + f.IntN(f.most-f.least+1)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			f.fill(path, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	default:
		panic(v.Kind())
	}
}

// someRun gives the same run for the same seed.
func someRun(seed uint64, most int, words []string) *Run {
	f := &filler{Rand: rand.New(rand.NewPCG(seed, 7)), most: most}
	f.word = func(string) string { return words[f.IntN(len(words))] }
	r := &Run{}
	f.fill("", reflect.ValueOf(r).Elem())
	return r
}

// check renders and checks everything that must hold whatever r is.
func check(r *Run, limit int) error {
	for _, o := range []Options{{Limit: limit}, {Limit: limit, Bytes: true, More: wholeReport}} {
		md := Markdown(r, o)
		size := len(utf16.Encode([]rune(md)))
		if o.Bytes {
			size = len(md)
		}
		if size > limit {
			return fmt.Errorf("comment: %d, the limit is %d", size, limit)
		}
		if v := verdictOf(r); !strings.Contains(md, "**"+v.Sign+" "+v.Line+"**") {
			return fmt.Errorf("comment: no verdict in %.300q", md)
		}
		if err := checkMarkdown(md, wholeReport); err != nil {
			return fmt.Errorf("comment: %w", err)
		}
		if Markdown(r, o) != md {
			return fmt.Errorf("comment: another run gives another text")
		}
	}
	page := string(HTML(r))
	if err := checkPage(page); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	if err := checkLog(page); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	colours := regexp.MustCompile("\x1b\\[[0-9;]+m")
	for _, width := range []int{0, 40, 100} {
		if err := checkLog(Text(r, width, false)); err != nil {
			return fmt.Errorf("text: %w", err)
		}
		if got := colours.ReplaceAllString(Text(r, width, true), ""); got != Text(r, width, false) {
			return fmt.Errorf("text: colours change it")
		}
	}
	return nil
}

// Every field of text holds a hostile one: each form stays what it is.
func TestHostileFields(t *testing.T) {
	for _, word := range hostile() {
		f := &filler{Rand: rand.New(rand.NewPCG(1, 1)), least: 1, most: 2, word: func(string) string { return word }}
		r := &Run{}
		f.fill("", reflect.ValueOf(r).Elem())
		if err := check(r, 1<<30); err != nil {
			t.Errorf("%.60q: %v", word, err)
		}
	}
}

// Whatever a run holds, Markdown keeps to its limit.
func TestFits(t *testing.T) {
	for seed := range uint64(40) {
		limit := 300 + int(seed*seed*38)
		if err := check(someRun(seed, 1+int(seed%12), hostile()), limit); err != nil {
			t.Errorf("seed %d, limit %d: %v", seed, limit, err)
		}
	}
}

// A run of any size: the comment fits, and nothing takes long.
func TestVast(t *testing.T) {
	r := stuck()
	for i := range 5_000 {
		r.Databases[0].Tables = append(r.Databases[0].Tables, Table{Name: fmt.Sprint("public.t", i), Before: n(1), After: n(2)})
		r.Logs[0].Lines = append(r.Logs[0].Lines, strings.Repeat("x", 200))
	}
	for range 300 {
		r.Services = append(r.Services, r.Services[0])
		r.Commands = append(r.Commands, r.Commands[1])
	}
	start := time.Now()
	if err := check(r, CommentLimit); err != nil {
		t.Error(err)
	}
	md := Markdown(r, Options{Limit: CommentLimit})
	for _, want := range append([]string{"must not lose rows", "tables more: left out for length", "lines before left out"}, r.Next...) {
		if !strings.Contains(md, want) {
			t.Errorf("no %q", want)
		}
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}

// Less room leaves less, but what decides goes last, and what is gone is named.
func TestWhatGoesFirst(t *testing.T) {
	r := stuck()
	last := ""
	for limit := 1500; limit < 8000; limit += 250 {
		md := Markdown(r, Options{Limit: limit})
		for _, want := range append([]string{r.Reason, "What stands where"}, r.Next...) {
			if !strings.Contains(md, want) {
				t.Errorf("limit %d: no %q", limit, want)
			}
		}
		for _, s := range sections {
			named, there := strings.Contains(md, "“"+s.title+"”"), strings.Contains(md, "#### "+s.title+"\n")
			if has := s.title != "Files" && s.title != "New error lines"; named && there || has && !named && !there {
				t.Errorf("limit %d: %s is there: %v, said to be gone: %v", limit, s.title, there, named)
			}
		}
		last = md
	}
	if strings.Contains(last, "✂️") {
		t.Errorf("8,000 should be enough:\n%s", last)
	}
}

// Every field of text is shown by the forms that are whole.
func TestEveryFieldIsShown(t *testing.T) {
	var words []string
	f := &filler{Rand: rand.New(rand.NewPCG(3, 3)), least: 1, most: 1}
	f.word = func(path string) string {
		w := fmt.Sprintf("f%dx", len(words))
		words = append(words, path)
		return w
	}
	r := &Run{}
	f.fill("", reflect.ValueOf(r).Elem())
	r.Databases[0].Tables[0].Before, r.Databases[0].Tables[0].After = n(1), n(2)
	md, page := Markdown(r, Options{}), string(HTML(r))
	if len(words) < 60 {
		t.Fatalf("only %d fields", len(words))
	}
	skip := map[string]bool{".Kind": true, ".Outcome": true, ".Commands.Output": false}
	for i, path := range words {
		w := fmt.Sprintf("f%dx", i)
		if !skip[path] && !strings.Contains(md, w) {
			t.Errorf("%s is not in the Markdown", path)
		}
		if path != ".Outcome" && !strings.Contains(page, w) {
			t.Errorf("%s is not in the page", path)
		}
	}
}

func FuzzRun(f *testing.F) {
	for i, s := range hostile() {
		f.Add(uint64(i), s)
	}
	f.Fuzz(func(t *testing.T, seed uint64, s string) {
		if len(s) > 300 {
			return
		}
		if err := check(someRun(seed, 1, []string{s, "word"}), 3000); err != nil {
			t.Error(err)
		}
	})
}
