package dotenv

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"
)

// A Value hides its text however it is printed, alone or inside of anything.
func TestValueIsHidden(t *testing.T) {
	const canary = "c4n4ry"
	v := NewValue(canary)
	f := parse(t, ".env", "SECRET_KEY="+canary+"\n")
	type holder struct{ v Value }
	things := []any{v, &v, holder{v}, &holder{v}, []Value{v}, map[string]Value{"k": v}, f, *f, f.Entries[0], &f.Entries, &Set{Files: []*File{f}},
		Drift{Key: "A", Default: v}, []Drift{{Default: v}}, Yours{File: f}, errors.Join(fmt.Errorf("%v", v))}
	for _, thing := range things {
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %t %T") {
			if out := fmt.Sprintf(verb, thing); leaks(out, canary) {
				t.Errorf("%T with %s: %s", thing, verb, out)
			}
		}
		var b bytes.Buffer
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "thing", thing)
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "thing", thing)
		out, err := json.Marshal(thing)
		b.Write(out)
		if err := template.Must(template.New("").Parse("{{.}}")).Execute(&b, thing); err != nil {
			t.Error(err)
		}
		if leaks(b.String(), canary) {
			t.Errorf("%T encoded: %s %v", thing, b.String(), err)
		}
	}
	if v.Reveal() != canary {
		t.Errorf("reveal gives %q", v.Reveal())
	}
	if got := fmt.Sprintf("%v %q", v, v); got != "(hidden) (hidden)" {
		t.Errorf("prints %s", got)
	}
}

// leaks reports whether out holds canary as text, in hexadecimal, base64 or
// as a list of bytes.
func leaks(out, canary string) bool {
	bytesList := strings.Trim(fmt.Sprint([]byte(canary)), "[]")
	b64, _ := json.Marshal([]byte("SECRET_KEY=" + canary + "\n"))
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), bytesList, strings.Trim(string(b64), `"`)} {
		if strings.Contains(out, form) {
			return true
		}
	}
	return false
}
