// Package dotenv reads .env files with positions, and finds how they drift
// from their examples.
//
// What must stay true: a value is what docker compose reads, because
// compose-go reads it; this package only finds where keys, values and
// comments stand. No value reaches an error, a note or anything that prints.
//
// To add a kind of drift: a constant in drift.go with its place in kindOrder,
// and a sentence in message.go.
package dotenv

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/belaystack/belay/lint/source"
)

// File is a .env file or an example of one.
type File struct {
	*source.File
	Entries []Entry // in file order; duplicates and commented-out ones too

	holds map[string]int // the entry that holds for a key
	muted map[string]int // the last entry that has a key commented out
}

// Entry is one KEY=value, set or commented out.
type Entry struct {
	Key       string
	Span      source.Span // the key
	At        source.Span // the value as written, with its quotes; Len covers all lines of it
	Commented bool        // "# KEY=value"
	Export    bool
	Inherited bool   // KEY alone, without "=": the value comes from the environment
	Unset     bool   // inherited, and the environment has none: compose sets nothing
	Help      string // the comment lines above, without "#"
	Value     Value
}

// Parse reads f as docker compose does. lookup answers for the variables
// that its values interpolate, before f's own keys as in compose; it may be
// nil. The error is a *source.Error where compose refuses the file, and comes
// with the entries before that place.
func Parse(f *source.File, lookup func(string) (string, bool)) (*File, error) {
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	r := reader{
		file: &File{File: f, holds: map[string]int{}, muted: map[string]int{}},
		scan: newScanner(f),
		env:  environment{outer: lookup, own: map[string]string{}},
	}
	err := r.read()
	return r.file, err
}

// Lookup gives the entry that holds for key: the last that is not commented out.
func (f *File) Lookup(key string) (Entry, bool) {
	if f == nil {
		return Entry{}, false
	}
	i, ok := f.index().holds[key]
	if !ok {
		return Entry{}, false
	}
	return f.Entries[i], true
}

// commented gives the last entry of f that has key commented out.
func (f *File) commented(key string) (Entry, bool) {
	if f == nil {
		return Entry{}, false
	}
	i, ok := f.index().muted[key]
	if !ok {
		return Entry{}, false
	}
	return f.Entries[i], true
}

// index gives f with its maps; one that was not made here has none.
func (f *File) index() *File {
	if f.holds != nil {
		return f
	}
	g := &File{holds: map[string]int{}, muted: map[string]int{}}
	for _, e := range f.Entries {
		g.add(e)
	}
	return g
}

func (f *File) add(e Entry) {
	switch {
	case e.Commented:
		f.muted[e.Key] = len(f.Entries)
	case e.sets():
		f.holds[e.Key] = len(f.Entries)
	}
	f.Entries = append(f.Entries, e)
}

// sets reports whether the entry gives its key a value.
func (e Entry) sets() bool { return !e.Commented && !e.Unset }

// Keys gives every key that is set, once, in the order of its first entry.
func (f *File) Keys() []string {
	if f == nil {
		return nil
	}
	seen := make(map[string]bool, len(f.Entries))
	keys := make([]string, 0, len(f.Entries))
	for _, e := range f.Entries {
		if e.sets() && !seen[e.Key] {
			seen[e.Key] = true
			keys = append(keys, e.Key)
		}
	}
	return keys
}

// Format prints the path alone, since the content holds values.
func (f File) Format(s fmt.State, _ rune) { io.WriteString(s, f.path()) }

// MarshalJSON gives the path and the keys.
func (f File) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Path string
		Keys []string
	}{f.path(), f.Keys()})
}

func (f File) path() string {
	if f.File == nil {
		return ""
	}
	return f.Path
}
