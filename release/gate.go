package release

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/markdown"
)

// Stack is one stack before and after the change, and what is known of its
// env file.
type Stack struct {
	Base    *compose.Stack // nil without a base
	Head    *compose.Stack
	Catalog *catalog.Catalog
	Yours   dotenv.Yours // the stack's own env file, or its committed state
}

// gates gives the gates that the changes pass, each once, the worst first.
func (s *Stack) gates(changes []Change) []Passed {
	var out []Passed
	for i := range changes {
		c := &changes[i]
		if c.Disabled {
			continue // nothing starts it, so that nothing is passed
		}
		for _, g := range s.Catalog.Gates(c.old.ref, c.now.ref) {
			if slices.ContainsFunc(out, func(p Passed) bool { return p.ID == g.ID }) {
				continue
			}
			p := Passed{ID: g.ID, Title: g.Title, Text: neutral(g.Text), Duty: g.Duty, Level: g.Level, Risks: g.Risks, Back: g.Back,
				Image: c.Image, Sources: g.Sources}
			for _, a := range g.Do {
				p.Do = append(p.Do, Action{When: a.When, Text: neutral(a.Text), Command: a.Command})
			}
			touched := false
			for _, t := range g.Touches {
				task, holds := s.touch(t)
				touched = touched || holds
				if task.Text != "" {
					p.Here = append(p.Here, task)
				}
			}
			if touched || !g.OnlyIf || len(p.Here) > 0 {
				out = append(out, p)
			}
		}
	}
	worstFirst(out)
	return out
}

func worstFirst(gates []Passed) {
	slices.SortStableFunc(gates, func(a, b Passed) int { return int(b.Level) - int(a.Level) })
}

// neutral makes a text of the catalog, or of a belay.yml, fit to stand in ours.
func neutral(text string) Markdown {
	return Markdown(strings.TrimSpace(markdown.Neutral([]byte(text), markdown.Options{Demote: 3})))
}

// touch says whether t holds for the stack, and what to print of it: also that
// it cannot be known.
func (s *Stack) touch(t catalog.Touch) (task Task, holds bool) {
	var subjects []string
	var places []Place
	say := func(subject string, at ...Place) {
		subjects = append(subjects, subject)
		for _, p := range at {
			if p.File != "" && !slices.Contains(places, p) {
				places = append(places, p)
			}
		}
	}
	if t.Service != "" {
		svc := s.Head.Service(t.Service)
		if svc == nil {
			return Task{}, false
		}
		say("this stack has the service "+markdown.Code(t.Service), placeOf(svc.Key.Pos))
	}
	if t.NoService != "" {
		if s.Head.Service(t.NoService) != nil {
			return Task{}, false
		}
		say("this stack has no service " + markdown.Code(t.NoService))
	}
	if t.Postgres > 0 || t.App != "" {
		name, at := s.running(t)
		if len(at) == 0 {
			return Task{}, false
		}
		say("this stack runs "+name, at...)
	}
	if t.NoApp != "" {
		if _, at := s.running(catalog.Touch{App: t.NoApp}); len(at) > 0 {
			return Task{}, false
		}
		say("this stack runs no " + s.title(t.NoApp))
	}
	if t.Key != "" {
		at, holds, known := s.setting(t)
		if !known {
			return Task{Text: neutral("not known here: whether " + settingText(t) + ", " + t.Text)}, false
		}
		if !holds {
			return Task{}, false
		}
		say(settingText(t), at...)
	}
	return Task{Text: neutral(strings.Join(subjects, " and ") + ", " + t.Text), Places: places}, true
}

// running finds what t asks for among the images that are started: a
// PostgreSQL of a version, or an app.
func (s *Stack) running(t catalog.Touch) (name string, at []Place) {
	for _, svc := range s.Head.Services {
		ref, err := image.Parse(svc.Image.Reveal())
		if err != nil || !svc.Enabled {
			continue
		}
		app, _ := s.Catalog.App(ref)
		major, ok := image.PostgresMajor(ref)
		switch {
		case t.App != "" && app.ID != t.App, t.Postgres > 0 && (!ok || major < t.Postgres):
			continue
		case t.App != "":
			name = app.Title
		default:
			name = fmt.Sprintf("PostgreSQL %d or newer", t.Postgres)
		}
		at = append(at, placeOf(svc.Image.Span.Pos))
	}
	return name, at
}

func (s *Stack) title(app string) string {
	if i := slices.IndexFunc(s.Catalog.Apps, func(a catalog.App) bool { return a.ID == app }); i >= 0 {
		return s.Catalog.Apps[i].Title
	}
	return app
}

// settingText is what t asks of a key, as a clause.
func settingText(t catalog.Touch) string {
	key, value := markdown.Code(t.Key), markdown.Code(t.Value)
	switch t.Is {
	case catalog.Unset:
		return key + " is not set"
	case catalog.Empty:
		return key + " is not set to anything"
	case catalog.Lacks:
		return key + " lacks " + value
	case catalog.Has:
		return key + " has " + value
	case catalog.Equals:
		return key + " is " + value
	}
	return key + " is set"
}

// setting looks for a key in the env file, then in what the services get. A
// key that neither sets is known to be unset only where the env file is known.
// Of a secret nothing is said but whether it is set.
func (s *Stack) setting(t catalog.Touch) (at []Place, holds, known bool) {
	if dotenv.IsSecret(t.Key) && t.Is != catalog.Set {
		t.Is = catalog.Unset
	}
	if f := s.Yours.File; f != nil {
		if e, ok := f.Lookup(t.Key); ok && !e.Unset {
			return []Place{placeOf(e.Span.Pos)}, answers(t, e.Value.Reveal()), true
		}
	} else if s.Yours.State != nil && s.Yours.State.Has(t.Key) {
		switch t.Is {
		case catalog.Set:
			return []Place{placeOf(s.Yours.State.At(t.Key).Pos)}, true, true
		case catalog.Unset:
			return nil, false, true
		}
		return nil, false, false
	}
	inCompose := false
	for _, svc := range s.Head.Services {
		v, ok := svc.Env(t.Key)
		if !ok || !svc.Enabled {
			continue
		}
		// ${KEY:-default}, and the env file does not set KEY: its default holds.
		if len(v.Vars) > 0 && slices.ContainsFunc(v.Vars, func(x compose.Var) bool { return x.Name == t.Key && !x.Set }) {
			if t.Is == catalog.Unset || !s.Yours.Known() {
				continue
			}
		}
		inCompose = true
		if answers(t, v.Reveal()) {
			if p := placeOf(v.Span.Pos); !slices.Contains(at, p) {
				at, holds = append(at, p), true
			}
		}
	}
	switch {
	case inCompose:
		return at, holds, true
	case !s.Yours.Known() && s.mayBeSet(t.Key):
		return nil, false, false
	}
	return nil, t.Is == catalog.Unset || t.Is == catalog.Empty, true
}

// mayBeSet reports whether an env file that is not known could set key for a
// service: through ${key}, or as an env file of the service itself.
func (s *Stack) mayBeSet(key string) bool {
	if len(s.Head.Services) == 0 || slices.ContainsFunc(s.Head.Vars, func(v compose.Var) bool { return v.Name == key }) {
		return true
	}
	return slices.ContainsFunc(s.Head.Services, func(svc *compose.Service) bool {
		return svc.Enabled && slices.ContainsFunc(svc.EnvFiles(), func(f compose.EnvFile) bool { return f.Missing })
	})
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
