package dotenv

import (
	"bytes"
	"errors"
	"testing"

	"github.com/belaystack/belay/lint/source"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{"A=1\n", "export A='1'\n", "A=\"x\\\"y\n\" # c\nB", "#A_B=1\n# text\nC=${A:-x}\n", "\ufeffA:1\r\nB=2\r\n", "A B=1", "=x",
		"export \n=1", "A=\"x\"B='y'\n", "A[0].b-c=$$x\n", "A=\u00a0x\u0085\n", "A = # c\n", "A\tB=1\n", "export\nA=1\n", "A=${B?x}", "é=\xff", "A=$A\nA=${A-$B}\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<12 || bytes.Count(data, []byte("$")) > 20 {
			return // the bounds are ours, not compose's
		}
		agree(t, source.New(".env", data))
	})
}

func FuzzParseValues(f *testing.F) {
	for _, s := range []string{chart, "a: &a [*a]\n", "a: {<<: {b: 1}}\n", "- x", "a: |\n  b\n", "? a\n: b\n", "{a: 1, a: 2}", "\ufeffa: 1\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		src := source.New("values.yaml", data)
		got, err := ParseValues(src)
		var e *source.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%v is no *source.Error", err)
		}
		for _, e := range got.Entries {
			if e.Span.Offset < 0 || e.Span.Offset+e.Span.Len > len(data) || e.Key == "" {
				t.Fatalf("%q at %+v", e.Key, e.Span)
			}
		}
	})
}

func FuzzReadState(f *testing.F) {
	for _, s := range []string{"", stateVersion + "\nA set\n", stateVersion + "\r\nA set\r\nB empty\r\n", stateVersion + "\n# c\n\nSECRET_KEY differs\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		state, err := ReadState(source.New(StateFile, data))
		var e *source.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%v is no *source.Error", err)
		}
		if err == nil && state.Has("") {
			t.Fatal("a state names the empty key")
		}
	})
}
