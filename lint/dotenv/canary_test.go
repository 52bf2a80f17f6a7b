package dotenv

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/belaystack/belay/lint/source"
)

const canary = "c4n4ry"

// poison puts the canary in every value of f, set or commented out.
func poison(t testing.TB, f *source.File, with string) *source.File {
	t.Helper()
	parsed, err := Parse(f, environ)
	if err != nil && len(parsed.Entries) == 0 {
		t.Fatal(err)
	}
	text := string(f.Data)
	for i := len(parsed.Entries) - 1; i >= 0; i-- {
		e := parsed.Entries[i]
		if e.Inherited {
			continue
		}
		at := e.At.Offset
		if e.At.Len > 0 && strings.ContainsRune(`"'`, rune(text[at])) {
			at++
		}
		text = text[:at] + with + text[at:]
	}
	return source.New(".env", []byte(text))
}

// No value of any .env is in anything that this package prints or returns as
// text, whatever goes wrong.
func TestNoValueIsEverPrinted(t *testing.T) {
	old, example := difySet(t, "1.15.0", "root .env.example"), difySet(t, "1.16.1", "root .env.example")
	if old == nil || example == nil {
		t.Fatal("no examples")
	}
	read := 0
	var log strings.Builder
	logrus.SetOutput(&log) // compose-go logs the names of variables that are not set
	defer logrus.SetOutput(os.Stderr)
	for _, f := range envFiles(t) {
		// A value, an unset variable, a broken reference, a required variable, an open quote.
		for _, with := range []string{canary, "$" + canary + " ", "${" + canary, "${" + canary + ":?" + canary + "}", "'\"" + canary} {
			out, err := Parse(poison(t, f, with), nil)
			said := print(out, err)
			if err == nil && with == canary {
				read++
				said += everything(out, old, example)
			}
			if i := strings.Index(said, canary); i >= 0 {
				t.Fatalf("%s with %s: %q", f.Path, with, said[max(0, i-200):i+50])
			}
		}
	}
	if read < 200 {
		t.Errorf("only %d files could be read with the canary in", read)
	}
	if strings.Contains(log.String(), canary) {
		t.Errorf("compose-go logs: %.200s", log.String())
	}
}

// everything runs all that can speak of env, and gives what it says.
func everything(env *File, old, new *Set) string {
	self := &Set{Dir: ".", Files: []*File{env}}
	three, two := Compare(old, new, Yours{File: env}), Check(env, new, []Use{{Name: "NOWHERE"}})
	said := print(three, two, self, env.Entries, SecretDefaults(env, self)) + lines(three) + lines(two) + lines(Check(env, self, nil))
	state, err := WriteState(env, new)
	said += print(string(state), err)
	_, err = WriteState(env, self)
	said += print(err)
	if read, err := ReadState(source.New(StateFile, state)); err == nil {
		said += print(read) + lines(Compare(old, new, Yours{State: read}))
	}
	a, err := Append(env, append(two, three...), "2026-01-31")
	said += print(err, Yours{File: env}.Limits())
	if a != nil {
		said += a.Patch()
	}
	_, err = ReadState(env.File)
	said += print(err)
	_, err = ParseValues(env.File)
	return said + print(err)
}

func print(things ...any) string {
	var b strings.Builder
	for _, thing := range things {
		out, _ := json.Marshal(thing)
		fmt.Fprintf(&b, "%v %+v %#v %s %q %s\n", thing, thing, thing, thing, thing, out)
	}
	return b.String()
}
