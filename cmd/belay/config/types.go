package config

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/image"
)

// FailOn is the severity from which findings make a check fail: error,
// warning, note or never.
type FailOn string

var failOnNames = [...]string{"error", "warning", "note", "never"}

// ParseFailOn reads a FailOn, as a flag gives it.
func ParseFailOn(s string) (FailOn, error) {
	if !slices.Contains(failOnNames[:], s) {
		return "", fmt.Errorf("fail-on %q: want error, warning, note or never", s)
	}
	return FailOn(s), nil
}

// Fails reports whether a finding of severity s makes a check fail. Without a
// word, an error does.
func (f FailOn) Fails(s lint.Severity) bool {
	if f == "never" {
		return false
	}
	var from lint.Severity
	if from.UnmarshalText([]byte(f)) != nil {
		from = lint.Error
	}
	return s >= from
}

// Pin is an image.Pin by the word that belay.yml uses; "" is not said.
type Pin string

// pins are the words in the order of image.Pin, loosest first.
func pins() []string {
	var names []string
	for p := image.Floating; p <= image.Digest; p++ {
		names = append(names, p.String())
	}
	return names
}

// or gives the pin, or def when none is said.
func (p Pin) or(def image.Pin) image.Pin {
	if i := slices.Index(pins(), string(p)); i >= 0 {
		return image.Floating + image.Pin(i)
	}
	return def
}

// Texts is a list of texts; a file may write a single one without the list.
type Texts []string

// UnmarshalJSON reads a list, or one text as a list of one.
func (t *Texts) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = Texts{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// LintPolicy gives builtIn with what the file says in front of it. builtIn is
// not changed.
func (c *Config) LintPolicy(builtIn *lint.Policy) *lint.Policy {
	own := &lint.Policy{Rules: c.Rules, ReviewLabel: c.ReviewLabel, Protected: c.Policy.Protected}
	for _, i := range c.Policy.Images {
		own.Images = append(own.Images, lint.ImagePolicy{Match: i.Match, Dev: i.Dev.or(image.Floating),
			Prod: i.Prod.or(image.Major), Digest: i.Digest, Review: i.Review})
	}
	for _, g := range c.Policy.Groups {
		own.Groups = append(own.Groups, lint.Group{Name: g.Name, Images: g.Images})
	}
	return builtIn.With(own)
}
