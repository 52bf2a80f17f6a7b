// Package image reads image references: their parts, how tightly a tag is
// pinned, and which of two versions is the newer one.
//
// What must stay true: nothing here guesses. A tag that cannot be read as a
// version has none, two tags that cannot be compared are Unknown, and a caller
// makes no finding of that. No error holds the text it was given, since that
// may come from an env file.
//
// To teach it another way of writing tags: a scheme in scheme.go and its rows
// in the tests.
package image

import (
	"errors"
	"path"
	"strings"

	"github.com/distribution/reference"
)

// Ref is an image reference by the distribution reference rules.
type Ref struct {
	Registry string // "docker.io", "ghcr.io"
	Path     string // "library/redis", "n8nio/n8n"
	Tag      string // "" when none is written
	Digest   string // "sha256:…", "" when none
}

// Pin is how tightly a tag is fixed.
type Pin uint8

// The pins, loosest first.
const (
	Floating Pin = iota // no tag, latest, stable, main …: names no version
	Major               // 7-alpine, pg16: a major version
	Minor               // 7.2
	Exact               // 1.13.3
	Digest              // @sha256:…
)

var pinNames = [...]string{"floating", "major", "minor", "exact", "digest"}

// String gives the word that belay.yml uses: floating, major, minor, exact or
// digest.
func (p Pin) String() string { return pinNames[p] }

// errSyntax stands for every reason why a text is no reference; the reasons
// of the reference package quote the text.
var errSyntax = errors.New("image reference: not of the form name[:tag][@digest], in lower case")

// Parse reads a reference as it stands in a compose file, a familiar name
// included: "redis" is docker.io/library/redis. The error never quotes s.
func Parse(s string) (Ref, error) {
	named, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		return Ref{}, errSyntax
	}
	ref := Ref{Registry: reference.Domain(named), Path: reference.Path(named)}
	if t, ok := named.(reference.Tagged); ok {
		ref.Tag = t.Tag()
	}
	if d, ok := named.(reference.Digested); ok {
		ref.Digest = d.Digest().String()
	}
	return ref, nil
}

// String gives the reference in its short form: "redis:7-alpine".
func (r Ref) String() string {
	s := r.Familiar()
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest
	}
	return s
}

// Familiar is the name without tag and digest, as people write it: "redis",
// "langgenius/dify-api", "ghcr.io/n8n-io/n8n".
func (r Ref) Familiar() string {
	if r.Registry != "docker.io" {
		return r.Registry + "/" + r.Path
	}
	return strings.TrimPrefix(r.Path, "library/")
}

// Match reports whether r's name fits pattern: "*" stands for any text within
// one path segment, "**" for any number of segments, none included. So
// "**/langgenius/dify-api" is the image itself and every mirror of it.
func (r Ref) Match(pattern string) bool {
	pattern = strings.TrimPrefix(strings.TrimPrefix(pattern, "docker.io/"), "library/")
	return match(strings.Split(pattern, "/"), strings.Split(r.Familiar(), "/"))
}

func match(pattern, name []string) bool {
	for ; len(pattern) > 0; pattern, name = pattern[1:], name[1:] {
		if pattern[0] == "**" {
			for i := range len(name) + 1 {
				if match(pattern[1:], name[i:]) {
					return true
				}
			}
			return false
		}
		if len(name) == 0 {
			return false
		}
		if ok, err := path.Match(pattern[0], name[0]); err != nil || !ok {
			return false
		}
	}
	return len(name) == 0
}

// CheckPattern says what is wrong with a pattern for Match, or gives nil.
func CheckPattern(pattern string) error {
	if strings.Count(pattern, "**") > 3 {
		return errors.New("pattern: at most three ** are read")
	}
	if strings.Contains(pattern, "@") || SplitTag(pattern) != "" {
		return errors.New("pattern: want a name without tag and digest")
	}
	for seg := range strings.SplitSeq(pattern, "/") {
		if seg == "" {
			return errors.New("pattern: an empty path segment")
		}
		if _, err := path.Match(seg, ""); err != nil {
			return errors.New("pattern: a [ without ]")
		}
	}
	return nil
}

// SplitTag gives what stands behind the last colon of the name, also where
// the text holds ${VARIABLE}s and is no reference: "${T:-1.0}" of
// "${R:-host:5000}/app:${T:-1.0}@sha256:…". It is "" where no tag is written.
func SplitTag(s string) string {
	if name, end := bounds(s); name < end {
		return s[name+1 : end]
	}
	return ""
}

// SplitName gives what stands before tag and digest, likewise.
func SplitName(s string) string {
	name, _ := bounds(s)
	return s[:name]
}

// bounds gives where the name of a reference ends, and where its tag does.
func bounds(s string) (name, tag int) {
	colon, depth := -1, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '$' && i+1 < len(s) && s[i+1] == '{':
			depth++
			i++
		case c == '}' && depth > 0:
			depth--
		case depth > 0:
		case c == '/':
			colon = -1
		case c == ':':
			colon = i
		case c == '@':
			s = s[:i]
		}
	}
	if colon < 0 {
		return len(s), len(s)
	}
	return colon, len(s)
}
