package dotenv

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	compose "github.com/compose-spec/compose-go/v2/dotenv"

	"github.com/belaystack/belay/lint/source"
)

// environ is an environment that has a variable only the corpus could ask for.
func environ(name string) (string, bool) {
	if name == "HOME" {
		return "/root", true
	}
	return "", false
}

// agree fails unless f reads as compose reads it.
func agree(t *testing.T, f *source.File) {
	t.Helper()
	want, wantErr := compose.ParseWithLookup(bytes.NewReader(f.Data), environ)
	got, err := Parse(f, environ)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%s: error %v, but compose refuses it: %t", f.Path, err, wantErr != nil)
	}
	delete(want, "") // "=x" and a last line without "=": nothing can name that variable
	gotKeys, wantKeys := slices.Sorted(slices.Values(got.Keys())), slices.Sorted(maps.Keys(want))
	if !slices.Equal(gotKeys, wantKeys) {
		t.Fatalf("%s: keys\n%q\ncompose reads\n%q", f.Path, gotKeys, wantKeys)
	}
	for _, key := range gotKeys {
		e, _ := got.Lookup(key)
		if e.Value.Reveal() != want[key] {
			t.Errorf("%s: %s reads %q, compose reads %q", e.Span, key, e.Value.Reveal(), want[key])
		}
		if at := string(f.Data[e.Span.Offset : e.Span.Offset+e.Span.Len]); at != key {
			t.Errorf("%s: span shows %q, want %q", e.Span, at, key)
		}
		if want := f.At(e.Span.Offset, e.Span.Len); e.Span != want {
			t.Errorf("%s: span %+v, want %+v", key, e.Span, want)
		}
		if want := f.At(e.At.Offset, e.At.Len); e.At != want {
			t.Errorf("%s: value span %+v, want %+v", key, e.At, want)
		}
	}
}

func TestCorpusReadsAsComposeReadsIt(t *testing.T) {
	keys := 0
	files := envFiles(t)
	for _, f := range files {
		agree(t, f)
		got, _ := Parse(f, environ)
		keys += len(got.Keys())
	}
	t.Logf("%d files, %d keys", len(files), keys)
}
