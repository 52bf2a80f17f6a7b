package dotenv

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/lint/source"
)

const chart = `# Header.

image:
  # -- The image.
  repository: n8nio/n8n
  tag: "1.2.3" # pinned
hosts: [a, "b c"]
empty: {}
nothing:
env:
  # The database.
  - name: DB_HOST
    value: db
  - name: DB_PASSWORD
    value: public
probes:
  - path: /a
  - path: /b
"a.b/c": 1
base: &base
  cpu: 1
  mem: 日本
big:
  <<: *base
  cpu: 2
same: *base
`

func TestParseValues(t *testing.T) {
	f, err := ParseValues(source.New("values.yaml", []byte(chart)))
	if err != nil {
		t.Fatal(err)
	}
	want := `5:3 image.repository="n8nio/n8n" help="The image."
6:3 image.tag="1.2.3" help=""
7:1 hosts="[\"a\", \"b c\"]" help=""
8:1 empty="" help=""
9:1 nothing="" help=""
12:5 env[DB_HOST].name="DB_HOST" help="The database."
13:5 env[DB_HOST].value="db" help=""
14:5 env[DB_PASSWORD].name="DB_PASSWORD" help=""
15:5 env[DB_PASSWORD].value="public" help=""
17:5 probes[0].path="/a" help=""
18:5 probes[1].path="/b" help=""
19:1 ["a.b/c"]="1" help=""
21:3 base.cpu="1" help=""
22:3 base.mem="日本" help=""
22:3 big.mem="日本" help=""
25:3 big.cpu="2" help=""
21:3 same.cpu="1" help=""
22:3 same.mem="日本" help=""
`
	if got := show(f); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if e, _ := f.Lookup("image.tag"); e.Span.Offset != strings.Index(chart, "tag:") || e.Span.Len != 3 || e.At.Col != 8 {
		t.Errorf("image.tag at %+v, %+v", e.Span, e.At)
	}
}

func TestCompareValues(t *testing.T) {
	set := func(text string) *Set {
		f, err := ParseValues(source.New("values.yaml", []byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		return &Set{Files: []*File{f}}
	}
	old := set("image:\n  tag: 1.0.0\n  pull: Always\n# How many.\nreplicas: 1\nenv:\n- {name: A, value: x}\n- {name: B, value: y}\nauth: {password: p}\n")
	reordered := set("auth: {password: p}\nenv:\n- {name: B, value: y}\n- {name: A, value: x}\n# How many.\nreplicas: 1\nimage: {pull: Always, tag: 1.0.0}\n")
	if got := Compare(old, reordered, Yours{}); len(got) != 0 {
		t.Errorf("order counts\n%s", lines(got))
	}
	next := set("image:\n  tag: 1.1.0\n# How many pods.\nreplicas: 1\nenv:\n- {name: A, value: z}\n- {name: B, value: y}\nauth: {password: q, user: u}\n")
	mine, err := ParseValues(source.New("mine.yaml", []byte("image: {tag: 1.0.0}\nauth: {password: p}\n")))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, lines(Compare(old, next, Yours{File: mine})), `
pinned values.yaml:2 values.yaml:2 mine.yaml:1 [old default] image.tag has a new default, and yours is still the old one
default-changed values.yaml:7 values.yaml:6 - [none] env[A].value has a new default, and you do not set it
default-changed values.yaml:9 values.yaml:8 mine.yaml:2 [set] auth.password has a new default, and you set it
added - values.yaml:8 - [none] auth.user is new, with a default, and you do not set it
removed values.yaml:3 - - [none] image.pull is gone from the examples
help-changed values.yaml:5 values.yaml:4 - [none] replicas has another comment above it, and perhaps another meaning
`)
}

func TestParseValuesErrors(t *testing.T) {
	for text, want := range map[string]string{
		"a: \"c4n4ry\n":          "values.yaml:",
		"a: 1\n\tb: c4n4ry\n":    "values.yaml:2:1: not YAML: a tab in the indentation",
		"- c4n4ry\n":             "values.yaml:1:1: not a mapping",
		"a: *c4n4ry\n":           "values.yaml:1:4: not YAML",
		"? [c4n4ry]\n: 1\n":      "values.yaml:1:3: a key that is no text",
		"a: &a [*a, {b: 1}]\n":   "values.yaml:1:",
		"a: &a\n  <<: *a\n":      "values.yaml:",
		"a: &a {b: {c: *a}}\n":   "values.yaml:1:",
		bomb(9, 9):               "values.yaml:",
		nested("a: {", 200) + "": "values.yaml:",
	} {
		start := time.Now()
		_, err := ParseValues(source.New("values.yaml", []byte(text)))
		var e *source.Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
			continue
		}
		if out := fmt.Sprintf("%v %+v %v", err, *e, e.Err); strings.Contains(out, "c4n4ry") {
			t.Errorf("%.40q: shows the value: %s", text, out)
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%.40q: %v", text, took)
		}
	}
	for _, text := range []string{"", "# nothing\n", "---\n", "null\n", "{}\n", "\ufeff# x\n"} {
		if f, err := ParseValues(source.New("values.yaml", []byte(text))); err != nil || len(f.Entries) != 0 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// bomb is levels of lists that each name the one before width times.
func bomb(levels, width int) string {
	text := "l0: &l0 {k: v}\n"
	for i := 1; i <= levels; i++ {
		text += fmt.Sprintf("l%d: &l%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d, ", i-1), width), ", "))
	}
	return text
}

func nested(open string, n int) string { return strings.Repeat(open, n) + strings.Repeat("}", n) }

func TestParseValuesIsBounded(t *testing.T) {
	for name, text := range map[string]string{
		"one line":    "{" + strings.Repeat("a: 1, ", 20_000) + "}",
		"too long":    strings.Repeat("a: 1\n", 400_000),
		"long text":   "l: &l [" + strings.Repeat("x", 1<<20) + "]\nm: [" + strings.Repeat("{a: *l},", 5_000) + "]\n",
		"long key":    strings.Repeat("k", 1<<16) + ": {" + strings.Repeat("a: 1, ", 10_000) + "}",
		"many items":  "a: [" + strings.Repeat("{name: x}, ", 10_000) + "]",
		"many merges": "a: &a {x: 1}\nb: {" + strings.Repeat("<<: *a, ", 5_000) + "}",
	} {
		start := time.Now()
		_, err := ParseValues(source.New("values.yaml", []byte(text)))
		took := time.Since(start)
		t.Logf("%s: %v %v", name, took, err)
		if took > 30*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}

func valuesFiles(t testing.TB) []*source.File {
	t.Helper()
	var files []*source.File
	root := shared(t, "corpus")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() != "values.yaml" {
			return err
		}
		data, err := os.ReadFile(path)
		files = append(files, source.New(filepath.ToSlash(strings.TrimPrefix(path, root+"/")), data))
		return err
	})
	if err != nil || len(files) < 8 {
		t.Fatalf("%d values files, %v", len(files), err)
	}
	return files
}

func TestCorpusValues(t *testing.T) {
	charts := map[string]*File{}
	for _, src := range valuesFiles(t) {
		f, err := ParseValues(src)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Keys()) < 50 {
			t.Errorf("%s: %d paths", src.Path, len(f.Keys()))
		}
		for _, e := range f.Entries {
			if e.Span.Len > 0 && src.At(e.Span.Offset, e.Span.Len) != e.Span {
				t.Errorf("%s: %s: %+v, want %+v", src.Path, e.Key, e.Span, src.At(e.Span.Offset, e.Span.Len))
			}
			if at := src.Data[e.Span.Offset:]; !bytes.HasPrefix(at, []byte(lastKey(e.Key))) && e.Span.Len > 0 && !strings.HasSuffix(e.Key, "]") {
				t.Errorf("%s: %s: its place shows %.20q", src.Path, e.Key, at)
			}
		}
		charts[src.Path] = f
	}
	old, new := charts["douban__charts/9dc3ca2926/charts/dify/values.yaml"], charts["douban__charts/bc922d9ee7/charts/dify/values.yaml"]
	drifts := lines(Compare(&Set{Files: []*File{old}}, &Set{Files: []*File{new}}, Yours{}))
	if !strings.HasPrefix(drifts, "default-changed values.yaml:20 values.yaml:23 - [] global.image.tag") || strings.Contains(drifts, "moved") {
		t.Errorf("drift\n%s", drifts)
	}
}

func lastKey(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
