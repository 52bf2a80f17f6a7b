package dotenv

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"

	"github.com/belaystack/belay/lint/source"
)

// Addition is what Append would add to a .env.
type Addition struct {
	Path  string
	Data  []byte   // the whole new file; the old bytes are its beginning
	Added []string // keys with a value
	Asked []string // secret keys, left empty: a person has to give them a value

	lines []string // the new lines
	after int      // the number of the last old line
}

// Append adds the keys of missing that env does not set, with the defaults of
// their examples, below a comment that carries date ("2026-01-31"); of drifts
// other than Missing and Added nothing is written. A
// secret's public default is never written: the key is left empty. No line of
// env is changed; the line break of env is kept. An Addition that adds
// nothing has Data equal to env's.
func Append(env *File, missing []Drift, date string) (*Addition, error) {
	a := &Addition{Path: env.Path, after: lineCount(env)}
	var lines []string
	seen := env.named()
	for _, d := range missing {
		if seen[d.Key] || d.Kind != Missing && d.Kind != Added {
			continue
		}
		seen[d.Key] = true
		if d.asks() {
			a.Asked = append(a.Asked, d.Key)
			lines = append(lines, "# a secret: give it a value of your own", d.Line())
			continue
		}
		a.Added = append(a.Added, d.Key)
		lines = append(lines, d.Line())
	}
	if len(lines) == 0 {
		a.Data = env.Data
		return a, nil
	}
	head := fmt.Sprintf("# added by belay env --write on %s", date)
	a.lines = append([]string{head}, lines...)
	if len(env.Data) > 0 {
		a.lines = append([]string{""}, a.lines...)
	}
	a.Data = a.append(env.Data)
	return a, a.verify(env)
}

// asks reports whether a person has to find the value.
func (d Drift) asks() bool { return d.Secret || secret(d.Key, d.Default) }

// Line is what to write into a .env for the key: the public default of the
// example, and nothing behind the "=" for a secret, which no example may give.
func (d Drift) Line() string {
	if d.asks() {
		return d.Key + "="
	}
	return d.Key + "=" + d.Default.quote()
}

// append gives data with the new lines behind it.
func (a *Addition) append(data []byte) []byte {
	eol := "\n"
	if i := bytes.IndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		eol = "\r\n"
	}
	out := bytes.NewBuffer(append([]byte(nil), data...))
	if len(data) > 0 && data[len(data)-1] != '\n' {
		out.WriteString(eol)
	}
	for _, line := range a.lines {
		out.WriteString(line + eol)
	}
	return out.Bytes()
}

// verify reads the result, so that a value which would swallow what follows
// it is never written.
func (a *Addition) verify(env *File) error {
	got, err := Parse(source.New(a.Path, a.Data), nil)
	if err != nil {
		return fmt.Errorf("%s: what would be appended does not read back: %w", a.Path, err)
	}
	before, err := Parse(env.File, nil)
	if err != nil {
		return err
	}
	if want := len(before.Keys()) + len(a.Added) + len(a.Asked); len(got.Keys()) != want {
		return fmt.Errorf("%s: %w", a.Path, errNotReadBack)
	}
	return nil
}

var errNotReadBack = errors.New("what would be appended does not read back as the same keys")

// named gives the keys that f has a line for, commented-out ones aside.
func (f *File) named() map[string]bool {
	keys := map[string]bool{}
	for _, e := range f.Entries {
		if !e.Commented {
			keys[e.Key] = true
		}
	}
	return keys
}

func lineCount(f *File) int {
	if len(f.Data) == 0 {
		return 0
	}
	return f.Lines()
}

// Patch shows the addition as a diff without context, since the lines around
// it hold values. New lines hold public defaults of keys that are not secret.
func (a *Addition) Patch() string {
	if len(a.lines) == 0 {
		return ""
	}
	var b strings.Builder
	name := path.Clean(a.Path)
	fmt.Fprintf(&b, "--- a/%s\n+++ b/%s\n@@ -%d,0 +%d,%d @@\n", name, name, a.after, a.after+1, len(a.lines))
	for _, line := range a.lines {
		fmt.Fprintf(&b, "+%s\n", strings.ReplaceAll(strings.Map(visible, line), "\n", "\n+"))
	}
	return b.String()
}

// visible keeps what an example holds from steering a terminal or a log.
func visible(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return unicode.ReplacementChar
	}
	return r
}

// plain is a value that needs no quotes.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]*$`)

// quote gives v as it can be written behind "KEY=". A value that came from a
// .env file is written as it was there, so that ${A:-x} stays a reference.
func (v Value) quote() string {
	if v.text != nil && (*v.text).quoted != "" {
		return (*v.text).quoted
	}
	return quote(v.Reveal())
}

// quote writes s so that compose reads s: in single quotes where it can, as
// nothing is special in them but the quote and, before it, the backslash.
func quote(s string) string {
	if plain.MatchString(s) {
		return s
	}
	if !strings.ContainsAny(s, `'\`) {
		return "'" + s + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(s) + `"`
}
