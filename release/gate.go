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
		p.Do = append(p.Do, Action{When: a.When, Text: neutral(a.Text), Command: a.Command})
	}
	touched := false
	for _, t := range g.Touches {
		task, holds := s.touch(t, g.App)
		touched = touched || holds
		if task.Text != "" {
			p.Here = append(p.Here, task)
		}
	}
	return p, touched || !g.OnlyIf || len(p.Here) > 0
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
