package compose

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/template"

	"github.com/belaystack/belay/lint/source"
)

// FuzzLoad: whatever the files say, loading ends without a panic, and every
// position lies in the file that it names.
func FuzzLoad(f *testing.F) {
	for _, seed := range []struct{ compose, env string }{
		{"services:\n  a:\n    image: x/api:${V:-latest}\n", "V=1\n"},
		{"x-b: &b {image: redis:7}\nservices:\n  a: {<<: *b, extends: c}\n  c: {image: \"$$x${A:+${B-c}}\"}\n", "A='1\n2'\n"},
		{"name: ${N}\ninclude: [{path: [a.yaml, compose.yaml], env_file: .env}]\n", "N=compose.yaml\nCOMPOSE_PROFILES=a,b\n"},
		{"services:\n  a: !reset null\n  b: !override {image: x}\n---\nservices: {c: {image: y, environment: [A=1, B]}}\n", "COMPOSE_FILE=compose.yaml:.env\n"},
		{"a: &a [*a]\n", ""},
	} {
		f.Add([]byte(seed.compose), []byte(seed.env))
	}
	f.Fuzz(func(t *testing.T, compose, env []byte) {
		dir := t.TempDir()
		os.WriteFile(filepath.Join(dir, "compose.yaml"), compose, 0o644)
		os.WriteFile(filepath.Join(dir, ".env"), env, 0o644)
		root, err := source.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		s, err := Load(t.Context(), Options{Root: root})
		if err != nil {
			return
		}
		check := func(at source.Span) {
			file := s.File(at.File)
			if at.IsZero() || file == nil {
				return
			}
			if at.Offset < 0 || at.Offset+at.Len > len(file.Data) || at.Line < 1 || at.Line > file.Lines()+1 || at.Col < 1 {
				t.Errorf("position %+v in a file of %d bytes", at, len(file.Data))
			}
		}
		for _, p := range s.Problems {
			check(p.Span)
		}
		for _, v := range s.Vars {
			check(v.Span)
			check(v.Default)
			check(v.Def)
		}
		for _, svc := range s.Services {
			check(svc.Key)
			check(svc.Image.Span)
			check(svc.Image.Use)
			for _, key := range svc.EnvKeys() {
				v, _ := svc.Env(key)
				check(v.Span)
			}
		}
	})
}

// FuzzPlain: what plain passes, compose-go finds no fault with.
func FuzzPlain(f *testing.F) {
	for _, seed := range []string{"a", "$", "$$", "${A", "${A:-${B}}", "${A:-$}", "$1", "${A-${B:?$$}}x$C", "${}", "a$", "${A+\n}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var bad *template.InvalidTemplateError
		_, err := template.SubstituteWithOptions(text, func(string) (string, bool) { return "", false }, template.WithoutLogging)
		if plain(text) && errors.As(err, &bad) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
