package docker

import (
	"fmt"
	"io"
	"log/slog"
)

const hidden = "[hidden]"

// Secret is a value that must not be seen: whatever prints or marshals it gives
// "[hidden]", but for JSON where it is the key of a map. Only Reveal gives the value.
type Secret string

// Reveal is the value.
func (s Secret) Reveal() string { return string(s) }

// String is "[hidden]".
func (s Secret) String() string { return hidden }

// Format writes "[hidden]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalJSON is "[hidden]"; so is MarshalText.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText is "[hidden]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue is "[hidden]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
