package dotenv

import (
	"fmt"
	"io"
	"log/slog"
)

// hidden stands wherever a value would be printed.
const hidden = "(hidden)"

// Value is the value of a key. It prints as "(hidden)" whatever the verb or
// the encoding; Reveal is for comparing and interpolating. The zero Value is
// the empty text.
//
// The text sits behind two pointers because fmt ignores the methods of
// unexported fields, and of one pointer it prints what it points to when the
// verb does not fit: for a pointer to a pointer it prints an address.
type Value struct {
	text **text
}

type text struct {
	value   string // as compose reads it
	written string // as it stands in the file, quotes removed, not interpolated
	quoted  string // the same with its quotes; "" when it was not read from a .env file
}

// NewValue makes a value that was written as it reads.
func NewValue(s string) Value { return newValue(text{value: s, written: s}) }

func newValue(t text) Value {
	p := &t
	return Value{&p}
}

// Reveal gives the text as compose reads it: for comparing, never for printing.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return (*v.text).value
}

// Written gives the text as it stands in the file, without its quotes and
// before interpolation: for comparing, never for printing.
func (v Value) Written() string {
	if v.text == nil {
		return ""
	}
	return (*v.text).written
}

// IsEmpty reports whether the key is set to nothing.
func (v Value) IsEmpty() bool { return v.Reveal() == "" }

// Same reports whether v and w are written alike or read alike: the
// reference "${A:-x}" is the same as itself whatever A is, and "x" in quotes
// the same as x without.
func (v Value) Same(w Value) bool {
	return v.Written() == w.Written() || v.Reveal() == w.Reveal()
}

// Equal reports whether v and w read alike.
func (v Value) Equal(w Value) bool { return v.Reveal() == w.Reveal() }

// Format prints "(hidden)" for every verb.
func (v Value) Format(s fmt.State, _ rune) { io.WriteString(s, hidden) }

// String gives "(hidden)".
func (v Value) String() string { return hidden }

// GoString gives "(hidden)".
func (v Value) GoString() string { return hidden }

// MarshalText gives "(hidden)".
func (v Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue gives "(hidden)".
func (v Value) LogValue() slog.Value { return slog.StringValue(hidden) }
