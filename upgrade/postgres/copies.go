package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Kind says what a database that Belay made is for.
type Kind string

// The kinds of databases that Belay makes.
const (
	Clone   Kind = "clone"   // as it was before the upgrade, for a rollback
	Fresh   Kind = "fresh"   // filled from a dump, to be swapped in
	Failed  Kind = "failed"  // what was swapped out; kept until retention
	Scratch Kind = "scratch" // filled from a dump to prove it, then dropped
)

// marks are the parts of names that tell the kinds.
var marks = map[Kind]string{Clone: "belay", Fresh: "fresh", Failed: "failed", Scratch: "scratch"}

// Copy is a database that Belay made beside one of the user's, in one run.
type Copy struct {
	Kind Kind   `json:"kind"`
	Run  string `json:"run"` // id of the run: 20261122T031500Z-4f2a
	Of   string `json:"of"`  // the user's database; "" in what Copies finds of one whose name was cut
}

// Name of the copy: "dify__belay_20261122t031500z4f2a". PostgreSQL keeps 63
// bytes of a name (NAMEDATALEN): of a database with a longer name the start and
// a part of its hash stand there. The comment has the full name.
func (c Copy) Name() string {
	run := strings.ReplaceAll(strings.ToLower(c.Run), "-", "")
	tail := "__" + marks[c.Kind] + "_" + run
	of := c.Of
	if len(of)+len(tail) > 63 {
		sum := sha256.Sum256([]byte(of))
		id := "_" + hex.EncodeToString(sum[:4])
		cut := max(63-len(tail)-len(id), 0)
		for cut > 0 && !utf8.RuneStart(of[cut]) {
			cut--
		}
		of = of[:cut] + id
	}
	return of + tail
}

var (
	runID   = regexp.MustCompile(`^\d{8}T\d{6}Z-[0-9a-f]{4}$`)
	cutName = regexp.MustCompile(`_[0-9a-f]{8}$`)
	copied  = regexp.MustCompile(`(?s)^(.+)__(belay|fresh|failed|scratch)_(\d{8}t\d{6}z)([0-9a-f]{4})$`)
)

// valid refuses a copy whose name would not be recognised again.
func (c Copy) valid() error {
	if c.Of == "" || marks[c.Kind] == "" || !runID.MatchString(c.Run) {
		return fmt.Errorf("database %q name a %s of it in run %q: the parts make no name", c.Of, c.Kind, c.Run)
	}
	return nil
}

// comment marks a database as a complete copy.
func (c Copy) comment() string {
	return fmt.Sprintf("belay:%s %s of %s", c.Kind, c.Run, c.Of)
}

// ours tells a copy by its name and comment: "" is the comment of one that was
// not finished. A user's database with such a name has a comment of its own, or
// is not recognised at all.
func ours(name, comment string) (Copy, bool) {
	m := copied.FindStringSubmatch(name)
	if m == nil {
		return Copy{}, false
	}
	c := Copy{Run: strings.ToUpper(m[3]) + "-" + m[4]}
	for kind, mark := range marks {
		if mark == m[2] {
			c.Kind = kind
		}
	}
	of, complete := strings.CutPrefix(comment, fmt.Sprintf("belay:%s %s of ", c.Kind, c.Run))
	switch {
	case complete:
		c.Of = of
		return c, c.Name() == name
	case comment != "" || c.Kind == Failed: // a failed one has had its comment since it got its name
		return Copy{}, false
	}
	if c.Of = m[1]; len(name) >= 60 && cutName.MatchString(c.Of) {
		c.Of = ""
	}
	return c, true
}
