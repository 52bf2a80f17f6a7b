package release

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

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

	join *joined
}

// gates gives the gates that the changes pass, each once, the worst first. Of
// a change whose tag is hidden it notes that they tell of it: a gate that is
// not told costs more.
func (s *Stack) gates(changes []Change) []Passed {
	var out []Passed
	told, asked := map[string]bool{}, map[[2]string]bool{}
	for i := range changes {
		c := &changes[i]
		if c.Disabled {
			continue // nothing starts it, so that nothing is passed
		}
		for _, g := range s.Catalog.Gates(c.old.ref, c.now.ref) {
			if told[g.ID] || asked[[2]string{g.ID, g.Text}] {
				continue // what of it touches the stack is the same for each change
			}
			asked[[2]string{g.ID, g.Text}] = true
			if p, ok := s.passed(g); ok {
				p.Image = c.Image
				told[g.ID] = true
				out = append(out, p)
				c.noteRange()
			}
		}
	}
	worstFirst(out)
	return out
}

// passed joins a gate with the stack; false where it is no matter of this one.
func (s *Stack) passed(g catalog.Gate) (p Passed, ok bool) {
	p = Passed{ID: g.ID, Title: g.Title, Text: neutral(g.Text), Duty: g.Duty, Level: g.Level, Risks: g.Risks, Back: g.Back, Sources: g.Sources}
	for _, a := range g.Do {
		p.Do = append(p.Do, Action{When: a.When, Text: neutral(a.Text), Command: s.command(a.Command)})
	}
	touched := false
	for _, t := range g.Touches {
		task, holds := s.touch(t, g.App)
		touched = touched || holds
		if task.Text != "" {
			p.Here = append(p.Here, task)
		}
	}
	if settled(g, p.Here) {
		return p, false
	}
	if s.brought(g) {
		p.Level = catalog.Low
		if len(p.Here) > 0 {
			p.Level = catalog.Medium
		}
		p.Do = slices.DeleteFunc(p.Do, func(a Action) bool { return a.When == catalog.BeforeMerge })
		p.Here = append(p.Here, Task{Text: "the services that the release adds are in this stack"})
	}
	return p, touched || !g.OnlyIf || len(p.Here) > 0
}

// settled reports whether a gate is about nothing but keys that a stack leaves
// to their default, and this one is known to set them all.
func settled(g catalog.Gate, here []Task) bool {
	return len(g.Touches) > 0 && len(here) == 0 && !slices.ContainsFunc(g.Touches, func(t catalog.Touch) bool {
		return t.Key == "" || t.Is != catalog.Unset && t.Is != catalog.Empty || t.Service != "" || t.NoService != "" || t.App != "" || t.NoApp != ""
	})
}

// brought reports whether the stack has all services that a gate asks for.
func (s *Stack) brought(g catalog.Gate) bool {
	asked := false
	for _, t := range g.Touches {
		if t.NoService == "" {
			continue
		}
		asked = true
		if s.joined().now[t.NoService] == nil {
			return false
		}
	}
	return asked && g.Duty == catalog.Services
}

// The commands of the catalog call services as upstream's compose file does.
var execRE = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\bexec( -T)? (api|db) `) })

// command puts the stack's own names of the services into a command.
func (s *Stack) command(text string) string {
	return execRE().ReplaceAllStringFunc(text, func(m string) string {
		id, theirs := catalog.DifyAPI, "api"
		if strings.HasSuffix(m, " db ") {
			id, theirs = catalog.Postgres, "db"
		}
		ours := ""
		for i := range s.joined().pairs {
			if p := &s.joined().pairs[i]; p.app.ID == id && p.starts() && (ours == "" || p.svc.Name == theirs) {
				ours = p.svc.Name
			}
		}
		if ours == "" || strings.HasPrefix(ours, "-") {
			return m
		}
		return strings.TrimSuffix(m, theirs+" ") + ours + " "
	})
}

func worstFirst(gates []Passed) {
	slices.SortStableFunc(gates, func(a, b Passed) int { return int(b.Level) - int(a.Level) })
}

// neutral makes a text of the catalog, or of a belay.yml, fit to stand in ours.
func neutral(text string) Markdown {
	return Markdown(strings.TrimSpace(markdown.Neutral([]byte(text), markdown.Options{Demote: 3})))
}

// touch says whether t, of a gate of app, holds for the stack, and what to
// print of it: also that it cannot be known.
func (s *Stack) touch(t catalog.Touch, app string) (task Task, holds bool) {
	var subjects []string
	var places placeList
	say := func(subject string, at ...Place) {
		subjects = append(subjects, subject)
		for _, p := range at {
			if p.File != "" {
				places.add(p)
			}
		}
	}
	services := s.joined().now
	if t.Service != "" {
		svc := services[t.Service]
		if svc == nil {
			return Task{}, false
		}
		say("this stack has the service "+markdown.Code(t.Service), placeOf(svc.Key.Pos))
	}
	if t.NoService != "" {
		if services[t.NoService] != nil {
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
		a := s.setting(t, app)
		if !a.known {
			return Task{Text: neutral("not known here: whether " + settingText(t, false) + ", " + t.Text)}, false
		}
		if !a.holds {
			return Task{}, false
		}
		say(settingText(t, a.hidden), a.at...)
	}
	return Task{Text: neutral(strings.Join(subjects, " and ") + ", " + t.Text), Places: places.all}, true
}

// running finds what t asks for among the images that are started: a
// PostgreSQL of a version, or an app.
func (s *Stack) running(t catalog.Touch) (name string, at []Place) {
	for _, p := range s.joined().pairs {
		if !p.okNow || !p.starts() {
			continue
		}
		app := p.app
		major, ok := image.PostgresMajor(p.now.ref)
		switch {
		case t.App != "" && app.ID != t.App, t.Postgres > 0 && (!ok || major < t.Postgres):
			continue
		case t.App != "":
			name = app.Title
		default:
			name = fmt.Sprintf("PostgreSQL %d or newer", t.Postgres)
		}
		at = append(at, placeOf(p.svc.Image.Span.Pos))
	}
	return name, at
}

func (s *Stack) title(app string) string {
	if i := slices.IndexFunc(s.Catalog.Apps, func(a catalog.App) bool { return a.ID == app }); i >= 0 {
		return s.Catalog.Apps[i].Title
	}
	return app
}
