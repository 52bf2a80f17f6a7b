package dotenv

import (
	"cmp"
	"slices"

	"github.com/belaystack/belay/lint/source"
)

// Kind says in what way a key drifts.
type Kind string

// The kinds, in the order in which Sort puts them: what stops a stack first.
const (
	Missing        Kind = "missing"         // in an example, or interpolated without default, and not in .env
	Pinned         Kind = "pinned"          // the default changed and .env still has the old one
	DefaultChanged Kind = "default-changed" // the default changed; Have says what .env has
	Overridden     Kind = "overridden"      // the default changed and .env has a value of its own
	Added          Kind = "added"           // new in the examples
	Renamed        Kind = "renamed"         // a guess: Key was called Pair
	Removed        Kind = "removed"         // gone from the examples; the program may still read it
	CommentedOut   Kind = "commented-out"   // Yours: in .env; New: in the new examples
	Duplicate      Kind = "duplicate"       // Yours sets again what Old set; the last one holds
	HelpChanged    Kind = "help-changed"    // the comment above it, so perhaps its meaning
	Moved          Kind = "moved"           // to another example file
	Unknown        Kind = "unknown"         // in .env, and in no example and no compose file
)

var kindOrder = [...]Kind{Missing, Pinned, DefaultChanged, Overridden, Added, Renamed, Removed, CommentedOut,
	Duplicate, HelpChanged, Moved, Unknown}

// Have says what the user's file has for a key, without its value.
type Have string

// What the user's file may have. For secret keys only HaveUnknown, HaveNone
// and HaveSet are used.
const (
	HaveUnknown Have = ""            // the file is not known, or the state cannot say
	HaveNone    Have = "none"        // no such key
	HaveEmpty   Have = "empty"       // set to nothing
	HaveSet     Have = "set"         // set
	HaveOld     Have = "old default" // set to the default that the old examples give
	HaveNew     Have = "new default" // set to the default that the new examples give
)

// Drift is one way in which .env departs from its examples, or the examples
// from what they were. Nothing in it prints a value.
type Drift struct {
	Kind       Kind
	Key        string
	Pair       string // the other name, of a guessed renaming
	Old        source.Span
	New        source.Span
	Yours      source.Span // in the user's file
	Have       Have
	HasDefault bool   // the new examples, or for a removed key the old ones, give a text that is not empty
	Default    Value  // that text
	Needed     bool   // a compose file interpolates the key without a default
	Secret     bool   // by its name, or because it is a URL with a password
	Note       string // why it is guessed, or what else is known; no values
}

// Sort puts drifts in their one order: kind, then place, then key.
func Sort(ds []Drift) {
	slices.SortStableFunc(ds, func(a, b Drift) int {
		return cmp.Or(
			cmp.Compare(slices.Index(kindOrder[:], a.Kind), slices.Index(kindOrder[:], b.Kind)),
			a.place().Compare(b.place()), cmp.Compare(a.Key, b.Key))
	})
}

// place is where a reader would look first.
func (d Drift) place() source.Pos {
	for _, s := range []source.Span{d.New, d.Yours, d.Old} {
		if !s.Pos.IsZero() {
			return s.Pos
		}
	}
	return source.Pos{}
}

// Yours is what is known of the user's file: the file, or what a state says
// of it, or nothing.
type Yours struct {
	File  *File
	State *State
}

// Known reports whether anything is known.
func (y Yours) Known() bool { return y.File != nil || y.State != nil }

// at gives where the user's file, or the state of it, names key.
func (y Yours) at(key string) source.Span {
	if e, ok := y.File.Lookup(key); ok {
		return e.Span
	}
	if y.File == nil && y.State != nil {
		return y.State.At(key)
	}
	return source.Span{}
}

// have says what the user has for key, given its old and new defaults.
func (y Yours) have(key string, old, new Entry, secret bool) Have {
	switch {
	case y.File != nil:
		e, ok := y.File.Lookup(key)
		return haveEntry(e, ok, old, new, secret)
	case y.State != nil:
		return y.State.have(key, old, new, secret)
	}
	return HaveUnknown
}

func haveEntry(e Entry, ok bool, old, new Entry, secret bool) Have {
	switch {
	case !ok:
		return HaveNone
	case secret || HasCredentials(e.Value):
		return HaveSet
	case new.Key != "" && e.Value.Same(new.Value):
		return HaveNew
	case old.Key != "" && e.Value.Same(old.Value):
		return HaveOld
	case e.Value.IsEmpty():
		return HaveEmpty
	}
	return HaveSet
}
