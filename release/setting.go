package release

import (
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/markdown"
)

// fact is what is known of a key.
type fact struct {
	at     []Place
	holds  bool
	known  bool
	hidden bool // by a value of an env file, which is not printed
}

// settingText is what t asks of a key, as a clause. What a key lacks is the
// gate's word and not the user's; what a hidden one has or is would be both.
func settingText(t catalog.Touch, hidden bool) string {
	key, value := markdown.Code(t.Key), markdown.Code(t.Value)
	switch t.Is {
	case catalog.Unset:
		return key + " is not set"
	case catalog.Empty:
		return key + " is not set to anything"
	case catalog.Lacks:
		return key + " lacks " + value
	case catalog.Has:
		if hidden {
			return key + " names what this is about"
		}
		return key + " has " + value
	case catalog.Equals:
		if hidden {
			return key + " has the value that this is about"
		}
		return key + " is " + value
	}
	return key + " is set"
}

// setting says what is known of a key that app's gate asks about; app may be
// empty. What a service of the app gets comes first, because the env file
// alone sets nothing in a container; then the env file, then what the other
// services get. A key that none of them sets is known to be unset only where
// the env file is known. Of a secret nothing is said but whether it is set.
func (s *Stack) setting(t catalog.Touch, app string) fact {
	if dotenv.IsSecret(t.Key) {
		if t.Is == catalog.Empty {
			t.Is = catalog.Unset
		}
		if asksValue(t) {
			return fact{}
		}
	}
	if app != "" {
		of := func(a catalog.App) bool { return a.ID == app || app == catalog.Dify && a.Release == catalog.Dify }
		if a, decided, _ := s.given(t, of); decided {
			return a
		}
	}
	if a, decided := s.inEnvFile(t); decided {
		return a
	}
	a, decided, open := s.given(t, func(catalog.App) bool { return true })
	switch {
	case decided:
		return a
	case open, !s.Yours.Known() && s.mayBeSet(t.Key):
		return fact{}
	}
	return fact{known: true, holds: t.Is == catalog.Unset || t.Is == catalog.Empty}
}

func asksValue(t catalog.Touch) bool { return t.Is != catalog.Set && t.Is != catalog.Unset }

// inEnvFile looks for the key in the env file, or in its committed state.
func (s *Stack) inEnvFile(t catalog.Touch) (a fact, decided bool) {
	if f := s.Yours.File; f != nil {
		e, ok := f.Lookup(t.Key)
		switch {
		case !ok || e.Unset:
			return fact{}, false
		case asksValue(t) && concealed(e.Value):
			return fact{}, true
		}
		return fact{at: []Place{placeOf(e.Span.Pos)}, holds: answers(t, e.Value.Reveal()), known: true, hidden: true}, true
	}
	if s.Yours.State == nil || !s.Yours.State.Has(t.Key) {
		return fact{}, false
	}
	switch t.Is {
	case catalog.Set:
		return fact{at: []Place{placeOf(s.Yours.State.At(t.Key).Pos)}, holds: true, known: true}, true
	case catalog.Unset:
		return fact{known: true}, true
	}
	return fact{}, true
}

// given looks for the key in what the services of some apps get. open says
// that one of them gets a value which is not known, and that the others do not
// decide without it.
func (s *Stack) given(t catalog.Touch, of func(catalog.App) bool) (a fact, decided, open bool) {
	var at placeList
	for i := range s.joined().pairs {
		p := &s.joined().pairs[i]
		if !p.starts() || !of(p.app) {
			continue
		}
		v, ok := p.svc.Env(t.Key)
		switch {
		case !ok, t.Is == catalog.Unset && slices.ContainsFunc(v.Vars, func(x compose.Var) bool { return x.Name == t.Key && !x.Set }):
			continue // the default of ${KEY:-default} is none that a user set
		case s.isOpen(v):
			open = true
			continue
		case asksValue(t) && s.conceals(v):
			return fact{}, true, false
		}
		decided = true
		if answers(t, v.Reveal()) {
			at.add(placeOf(v.Span.Pos))
			a.holds, a.hidden = true, a.hidden || fromEnv(v)
		}
	}
	a.at, a.known = at.all, true
	open = open && !a.holds
	return a, decided && !open, open
}

// isOpen reports whether v depends on a variable that the env file may set,
// and what to is not known.
func (s *Stack) isOpen(v compose.Value) bool {
	return slices.ContainsFunc(v.Vars, func(x compose.Var) bool {
		return !x.Set && s.Yours.File == nil && (s.Yours.State == nil || s.Yours.State.Has(x.Name))
	})
}

// fromEnv reports whether an env file has a part in v.
func fromEnv(v compose.Value) bool {
	return slices.ContainsFunc(v.Vars, func(x compose.Var) bool { return x.Set }) ||
		slices.ContainsFunc(v.Via, func(x compose.Via) bool { return x.Kind == compose.ViaEnv })
}

// conceals reports whether v is of a kind of which not even a comparison with
// a public word may be told.
func (s *Stack) conceals(v compose.Value) bool {
	if concealed(dotenv.NewValue(v.Reveal())) {
		return true
	}
	secret := func(name string) bool {
		if dotenv.IsSecret(name) {
			return true
		}
		e, ok := s.Yours.File.Lookup(name)
		return ok && concealed(e.Value)
	}
	return slices.ContainsFunc(v.Vars, func(x compose.Var) bool { return secret(x.Name) }) ||
		slices.ContainsFunc(v.Via, func(x compose.Via) bool { return x.Kind == compose.ViaEnv && secret(x.Name) })
}

// concealed reports whether an env file's value is made of a secret, or holds
// one as the password in a URL.
func concealed(v dotenv.Value) bool {
	if dotenv.HasCredentials(v) {
		return true
	}
	_, behind, _ := strings.Cut(v.Written(), "$")
	for part := range strings.SplitSeq(behind, "$") {
		name := strings.TrimPrefix(part, "{")
		if end := strings.IndexFunc(name, func(r rune) bool { return r != '_' && !isAlphanumeric(r) }); end >= 0 {
			name = name[:end]
		}
		if dotenv.IsSecret(name) {
			return true
		}
	}
	return false
}

func isAlphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
}

// mayBeSet reports whether an env file that is not known could set key for a
// service: through ${key}, or as an env file of the service itself.
func (s *Stack) mayBeSet(key string) bool {
	return len(s.Head.Services) == 0 || s.joined().lost() ||
		slices.ContainsFunc(s.Head.Vars, func(v compose.Var) bool { return v.Name == key })
}

// answers reports whether a key that is set to value is as t asks.
func answers(t catalog.Touch, value string) bool {
	items := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	switch t.Is {
	case catalog.Set:
		return true
	case catalog.Empty:
		return value == ""
	case catalog.Lacks:
		return value != "" && !slices.Contains(items, t.Value)
	case catalog.Has:
		return slices.Contains(items, t.Value)
	case catalog.Equals:
		return value == t.Value
	}
	return false
}
