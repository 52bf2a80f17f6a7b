package dotenv

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/belaystack/belay/lint/source"
)

// StateFile is the name of the committed state of a .env that is not in the
// repository itself.
const StateFile = "belay.env-state"

const (
	stateVersion = "belay.env-state 1"
	stateComment = "# What .env sets, written by `belay env --state` on the host. No values, and of secrets only that they are set."
)

// The words that a state has for a key.
const (
	stateSet     = "set"     // like its example, or it has none, or it is secret
	stateEmpty   = "empty"   // set to nothing
	stateDiffers = "differs" // set to something else than its example
)

// State is what a belay.env-state says of a .env: which keys it sets, and
// roughly how. It holds no value.
type State struct {
	Path string
	keys map[string]stateEntry
}

type stateEntry struct {
	word string
	span source.Span
}

// Has reports whether the state names key.
func (s *State) Has(key string) bool {
	_, ok := s.keys[key]
	return ok
}

// At gives where the state names key; zero where it does not.
func (s *State) At(key string) source.Span { return s.keys[key].span }

// have says what the .env had when the state was written. "set" then meant:
// like the example of that time, which is the old one.
func (s *State) have(key string, old, new Entry, secret bool) Have {
	e, ok := s.keys[key]
	switch {
	case !ok:
		return HaveNone
	case secret:
		return HaveSet
	case e.word == stateEmpty:
		empty := Entry{Value: NewValue("")}
		return haveEntry(empty, true, old, new, false)
	case e.word == stateSet && old.Key != "":
		return HaveOld
	}
	return HaveSet
}

// Limits says what cannot be known of the user's file; "" when it is known.
func (y Yours) Limits() string {
	switch {
	case y.File != nil:
		return ""
	case y.State != nil:
		return y.State.Path + " knows no values, and nothing that changed in .env since it was written: " +
			"duplicate and commented-out keys, secrets that have an old default, and keys that came into an example later are not seen"
	}
	return "the .env is not in the repository: what it sets is not known"
}

// SecretDefaultsError is a .env whose secrets still have the public values of
// its examples. Keys may be named to a person on the host, and nowhere else;
// the error text does not name them.
type SecretDefaultsError struct {
	Keys []string // in file order
}

func (e *SecretDefaultsError) Error() string {
	if len(e.Keys) == 1 {
		return "env state: 1 secret key still has the public value of its example"
	}
	return fmt.Sprintf("env state: %d secret keys still have the public values of their examples", len(e.Keys))
}

// Hint names the next move.
func (e *SecretDefaultsError) Hint() string {
	return "give each a value of its own; `belay env` on the host names them"
}

// SecretDefaults gives the secret keys whose value in env is that of one of
// the examples, in file order. Naming them is for the host alone.
func SecretDefaults(env *File, examples *Set) []string {
	var keys []string
	for _, key := range env.Keys() {
		e, _ := env.Lookup(key)
		if e.Value.IsEmpty() {
			continue
		}
		if slices.ContainsFunc(examples.All(key), func(x Entry) bool {
			return secret(key, e.Value, x.Value) && !x.Value.IsEmpty() && e.Value.Same(x.Value)
		}) {
			keys = append(keys, key)
		}
	}
	return keys
}

// WriteState gives the state of env. It refuses with a *SecretDefaultsError
// while a secret still has its public value. A key with white space in its
// name, which compose allows, is left out.
func WriteState(env *File, examples *Set) ([]byte, error) {
	if keys := SecretDefaults(env, examples); len(keys) > 0 {
		return nil, &SecretDefaultsError{keys}
	}
	keys := env.Keys()
	slices.Sort(keys)
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s\n", stateVersion, stateComment)
	for _, key := range keys {
		if strings.ContainsFunc(key, unicode.IsSpace) {
			continue
		}
		e, _ := env.Lookup(key)
		is, ok := examples.Lookup(key)
		word := stateSet
		switch {
		case secret(key, e.Value, is.Value):
		case e.Value.IsEmpty():
			word = stateEmpty
		case ok && !e.Value.Same(is.Value):
			word = stateDiffers
		}
		fmt.Fprintf(&b, "%s %s\n", key, word)
	}
	return b.Bytes(), nil
}

// ReadState reads what WriteState wrote. It is strict: another version, an
// unknown word, keys out of order and a secret of which more is said than
// that it is set are a *source.Error.
func ReadState(f *source.File) (*State, error) {
	s := &State{Path: f.Path, keys: map[string]stateEntry{}}
	rewrite := "write it again: belay env --state"
	if f.Line(1) != stateVersion {
		return nil, &source.Error{Pos: f.Start().Pos, Msg: fmt.Sprintf("not a state of this version: want %q", stateVersion), Next: rewrite}
	}
	last := ""
	for n := 2; n <= f.Lines(); n++ {
		line := f.Line(n)
		if line == "" || line[0] == '#' {
			continue
		}
		key, word, ok := strings.Cut(line, " ")
		at := f.At(f.LineStart(n), len(key))
		if msg := refuseState(key, word, last, ok); msg != "" {
			return nil, &source.Error{Pos: at.Pos, Msg: msg, Next: rewrite}
		}
		s.keys[key] = stateEntry{word, at}
		last = key
	}
	return s, nil
}

// refuseState says what is wrong with a line. It quotes nothing of it: who
// edits the file by hand may have put a value there.
func refuseState(key, word, last string, ok bool) string {
	switch {
	case !ok || key == "" || strings.ContainsFunc(key, unicode.IsSpace):
		return "not a line of a state: want KEY and one of set, empty, differs"
	case strings.ContainsFunc(key, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("_.-[]", r)
	}):
		return "a key with a character that no key may hold"
	case word != stateSet && word != stateEmpty && word != stateDiffers:
		return "a key must be followed by set, empty or differs"
	case word != stateSet && IsSecret(key):
		return "of a secret key a state says only that it is set"
	case key == last:
		return "a key that is named twice"
	case key < last:
		return "keys out of order"
	}
	return ""
}
