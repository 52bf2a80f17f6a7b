package image

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint/source"
)

const recordText = `# The shop.
# belay:record 1 (service, image, digest, date, run)
#   api  langgenius/dify-api:1.13.3  sha256:4f53  2026-07-28  r-0042
#   db   postgres:15-alpine          -            2026-07-28  -
# More of the shop.
services: {}
`

func TestReadRecord(t *testing.T) {
	for _, eol := range []string{"\n", "\r\n"} {
		f := source.New("compose.yaml", []byte("\ufeff"+strings.ReplaceAll(recordText, "\n", eol)))
		r, ok, err := ReadRecord(f)
		if err != nil || !ok || len(r.Entries) != 2 {
			t.Fatalf("got %+v, %v, %v", r, ok, err)
		}
		for i := range r.Entries {
			if r.Entries[i].Span.Line != 3+i {
				t.Errorf("entry %d: line %d", i, r.Entries[i].Span.Line)
			}
			r.Entries[i].Span = source.Span{}
		}
		want := []RecordEntry{
			{Service: "api", Image: "langgenius/dify-api:1.13.3", Digest: "sha256:4f53", Date: "2026-07-28", Run: "r-0042"},
			{Service: "db", Image: "postgres:15-alpine", Date: "2026-07-28"},
		}
		if !reflect.DeepEqual(r.Entries, want) {
			t.Errorf("want %+v, got %+v", want, r.Entries)
		}
		if e, change := r.Edit(f); change {
			t.Errorf("writing what is written: %+v", e)
		}
	}
}

// Whatever is written is read back, every other byte stays, and a second
// writing changes nothing.
func TestWriteRecord(t *testing.T) {
	entries := []RecordEntry{{Service: "cache", Image: "redis:7-alpine", Date: "2026-08-01", Run: "r-0043"}, {Service: "n8n", Image: "n8nio/n8n:2.41.3"}}
	for _, text := range []string{"", "services: {}\n", "\ufeffservices: {}\r\n", recordText, "# belay:record 1", "# belay:record 1\n#   a  b", "---\n" + recordText} {
		f := source.New("compose.yaml", []byte(text))
		r, had, err := ReadRecord(f)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		block := string(f.Data[r.Span.Offset : r.Span.Offset+r.Span.Len])
		r.Entries = entries
		e, change := r.Edit(f)
		if !change {
			t.Fatalf("%q: want an edit", text)
		}
		data, err := source.Apply(f.Data, []source.Edit{e})
		if err != nil {
			t.Fatal(err)
		}
		if rest := strings.Replace(string(data), e.New, "", 1); rest != strings.Replace(text, block, "", 1) {
			t.Errorf("%q: other bytes changed: %q", text, data)
		}
		g := source.New("compose.yaml", data)
		again, ok, err := ReadRecord(g)
		if err != nil || !ok || len(again.Entries) != 2 || again.Entries[0].Image != "redis:7-alpine" || again.Entries[1].Run != "" {
			t.Errorf("%q: had %v, read back %+v, %v, %v", text, had, again, ok, err)
		}
		if e, change := again.Edit(g); change {
			t.Errorf("%q: a second writing: %+v", text, e)
		}
		if strings.Contains(text, "\r\n") != strings.Contains(string(data), "\r\n") || strings.Count(string(data), "\n") != strings.Count(string(data), "\r\n") && strings.Contains(text, "\r\n") {
			t.Errorf("%q: line breaks changed: %q", text, data)
		}
	}
}

func TestReadRecordRefuses(t *testing.T) {
	for text, line := range map[string]int{
		"# belay:record 2\n":                        1,
		"# x\n# belay:record 1\n#   one\n":          3,
		"# belay:record 1\n#   a b c d e f\n":       2,
		"# belay:record 1\n#   a  -  sha256:00\n":   2,
		"# belay:record 1\n#   a b\n#   -  redis\n": 3,
	} {
		_, _, err := ReadRecord(source.New("c.yaml", []byte(text)))
		var at *source.Error
		if !errors.As(err, &at) || at.Pos.Line != line {
			t.Errorf("%q: want an error at line %d, got %v", text, line, err)
		}
	}
	if _, ok, err := ReadRecord(source.New("c.yaml", []byte("a: |\n  x\n# belay:record 2\n"))); ok || err != nil {
		t.Errorf("below the first key there is no record, got %v, %v", ok, err)
	}
}

func FuzzRecord(f *testing.F) {
	for _, s := range []string{recordText, "# belay:record 1", "# belay:record 2", "\ufeff# belay:record 1\r\n#   a b\r\n", "a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		file := source.New("c.yaml", []byte(s))
		r, _, err := ReadRecord(file)
		if err != nil {
			return
		}
		e, change := r.Edit(file)
		if !change {
			return
		}
		data, err := source.Apply(file.Data, []source.Edit{e})
		if err != nil {
			t.Fatal(err)
		}
		file = source.New("c.yaml", data)
		again, ok, err := ReadRecord(file)
		if err != nil || !ok || len(again.Entries) != len(r.Entries) {
			t.Fatalf("%q: written %q, read %+v, %v", s, data, again, err)
		}
		if e, change := again.Edit(file); change {
			t.Errorf("%q: a second writing: %+v", s, e)
		}
	})
}
