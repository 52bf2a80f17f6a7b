package image

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint/source"
)

// written gives what WriteRecord makes of a file, and checks that nothing but
// the record differs, that it reads back and that a second writing is none.
func written(t *testing.T, text string, entries []RecordEntry) string {
	t.Helper()
	data, err := WriteRecord(source.New("compose.yaml", []byte(text)), entries)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if was, is := StripRecord([]byte(text)), StripRecord(data); !bytes.Equal(was, is) {
		t.Errorf("%q: other bytes changed: %q, was %q", text, is, was)
	}
	f := source.New("compose.yaml", data)
	r, ok, err := ReadRecord(f)
	for i := range r.Entries {
		r.Entries[i].Span = source.Span{}
	}
	if len(entries) > 0 && (!ok || err != nil || !reflect.DeepEqual(r.Entries, entries)) {
		t.Errorf("%q: wrote %q, read %+v, %v, %v; want %+v", text, data, r.Entries, ok, err, entries)
	}
	if again, err := WriteRecord(f, entries); err != nil || !bytes.Equal(again, data) {
		t.Errorf("%q: a second writing gave %q, %v; want %q", text, again, err, data)
	}
	return string(data)
}

func TestWriteRecordText(t *testing.T) {
	const head = "# belay:record 1 (service, image, digest, date, run)\n"
	entries := []RecordEntry{{Service: "a", Image: "x:1", Digest: "sha256:00", Date: "2026-11-22", Run: "r"}, {Service: "longer", Image: "y:10"}}
	const block = head + "#   a       x:1   sha256:00  2026-11-22  r\n#   longer  y:10  -          -           -\n"
	for text, want := range map[string]string{
		"services: {}\n":            block + "services: {}\n",
		"":                          block,
		"\ufeff# x\r\nservices: {}": "\ufeff" + strings.ReplaceAll(block, "\n", "\r\n") + "# x\r\nservices: {}",
		"---\n# mine\n" + head + "#   b c\n# its\na: 1": "---\n# mine\n" + block + "# its\na: 1",
		// A comment of the user's with two spaces below the block used to become an entry of it.
		"#  The shop.\nservices: {}\n":             block + "# belay:end\n#  The shop.\nservices: {}\n",
		head + "# belay:end\n#   b c\na: 1\n":      block + "# belay:end\n#   b c\na: 1\n",
		head + "#   b c\n# belay:end\n# d\na: 1\n": block + "# d\na: 1\n",
		"# belay:end\na: 1\n":                      block + "# belay:end\n# belay:end\na: 1\n",
		"# belay:end":                              block + "# belay:end\n# belay:end",
		head + "#   b c\n" + head + "#   d e\n":    block + head + "#   d e\n",                 // the first is the record
		"# a\n\ufeff" + head + "#   b c\n":         block + "# a\n\ufeff" + head + "#   b c\n", // a byte order mark begins no line but the first
	} {
		if got := written(t, text, entries); got != want {
			t.Errorf("%q: want %q, got %q", text, want, got)
		}
	}
	// Words that hold a blank or the end of a comment used to be lost, or to become YAML.
	odd := []RecordEntry{{Service: "-", Image: "redis:${TAG:?say which}", Digest: "-", Date: "\"", Run: "a\u2028b:"}}
	if got, want := written(t, "a: 1\n", odd), head+`#   "-"  "redis:${TAG:?say which}"  "-"  "\""  "a\u2028b:"`+"\na: 1\n"; got != want {
		t.Errorf("want %s, got %s", want, got)
	}
}

func TestWriteRecordRefuses(t *testing.T) {
	f := func(text string) *source.File { return source.New("compose.yaml", []byte(text)) }
	for _, e := range []RecordEntry{{Service: "a"}, {Image: "a"}} {
		if data, err := WriteRecord(f(""), []RecordEntry{e}); err == nil {
			t.Errorf("%+v: written as %q", e, data)
		}
	}
	for _, text := range []string{
		"# belay:record 2\n#   a b\n",
		"# belay:record 1\n#   a\n",
		"# belay:record 1\n#   a \"b\"c\n",
		// A YAML reader sees a key on a line of its own here, which writing used to delete.
		"# belay:record 1 x\u0085services: {}\n",
		"# belay:record 1\n#   a b\u2028services: {}\n",
	} {
		if data, err := WriteRecord(f(text), []RecordEntry{{Service: "a", Image: "b"}}); err == nil {
			t.Errorf("%q: overwritten by %q", text, data)
		}
		if got := StripRecord([]byte(text)); string(got) != text {
			t.Errorf("%q: stripped to %q", text, got)
		}
	}
}

// FuzzWriteRecord: whatever stands in a file and in entries, they are read
// back and no other byte changes.
func FuzzWriteRecord(f *testing.F) {
	for _, s := range []string{recordText, "", "# belay:record 1", "\ufeff# belay:record 1\r\n#   a b\r\n", "#   a b\n", "# belay:end\n", "# belay:record 1\n# belay:end\n#  x", "a: 1\rb: 2\r\n", "%YAML 1.2\n---\n# belay:record 1\n"} {
		f.Add(s, "api", "redis:7", "sha256:00", "2026-11-22", "r-1", 2)
		f.Add(s, "-", "a b\u2028", "\"", "\xff", "\r\n", 1)
	}
	f.Fuzz(func(t *testing.T, text, service, image, digest, date, run string, n int) {
		if _, _, err := ReadRecord(source.New("", []byte(text))); err != nil || service == "" || image == "" {
			return
		}
		var entries []RecordEntry
		for range n & 3 {
			entries = append(entries, RecordEntry{Service: service, Image: image, Digest: digest, Date: date, Run: run})
			service, image, digest, date, run = image, service, date, run, digest
		}
		written(t, text, entries)
	})
}
