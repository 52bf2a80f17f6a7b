package release

import (
	"slices"
	"time"

	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/markdown"
)

// version is one release, what matters most first.
func (s *Stack) version(b body, breaking, notes *markdown.Notes) Version {
	v := Version{Name: b.Tag, URL: b.url}
	if !b.Date.IsZero() {
		v.Date = b.Date.UTC().Format(time.DateOnly)
	}
	for _, n := range []*markdown.Notes{breaking, notes} {
		for _, sec := range n.Sections {
			if n == breaking {
				sec.Kind = min(sec.Kind, markdown.Breaking)
			}
			v.add(sec)
		}
		for _, a := range n.Advisories {
			if !slices.Contains(v.Advisories, a) {
				v.Advisories = append(v.Advisories, a)
			}
		}
		for _, c := range n.Commands {
			if !slices.Contains(v.Commands, c.Text) {
				v.Commands = append(v.Commands, c.Text)
			}
		}
		v.Migrations = v.Migrations || n.Migrations
		if n.Truncated {
			v.add(markdown.Section{Kind: markdown.Other, Blocks: []markdown.Block{{Kind: markdown.Other, Markdown: "The text is longer than belay reads; its end is missing here.\n"}}})
		}
		v.Here = append(v.Here, s.here(b.Tag, n.Env)...)
	}
	slices.SortStableFunc(v.Sections, func(a, b Section) int { return kindOrder(a.Kind) - kindOrder(b.Kind) })
	return v
}

// add takes a section over. A block that matters more than its section, a
// warning among features, becomes a section of its own.
func (v *Version) add(sec markdown.Section) {
	own := len(v.Sections)
	for _, b := range sec.Blocks {
		kind := min(b.Kind, sec.Kind)
		name := kind.String()
		i := slices.IndexFunc(v.Sections[own:], func(s Section) bool { return s.Kind == name })
		if i < 0 {
			i = len(v.Sections) - own
			v.Sections = append(v.Sections, Section{Kind: name, Title: Markdown(sec.Title)})
		}
		v.Sections[own+i].Blocks = append(v.Sections[own+i].Blocks, Markdown(b.Markdown))
	}
}

func kindOrder(name string) int {
	for k := markdown.Danger; k <= markdown.Boilerplate; k++ {
		if k.String() == name {
			return int(k)
		}
	}
	return int(markdown.Other)
}

// here says which of the variables that a release removes or changes this
// stack sets.
func (s *Stack) here(tag string, env []markdown.EnvChange) []Task {
	var out []Task
	for _, e := range env {
		if e.Op == "added" {
			continue
		}
		t := catalog.Touch{Key: e.Key, Is: catalog.Set}
		a := s.setting(t, "")
		if !a.holds || !a.known || len(a.at) == 0 {
			continue
		}
		what := "removes " + markdown.Code(e.Key) + ", which you set"
		if e.Op == "modified" {
			what = "changes the default of " + markdown.Code(e.Key) + ", which you set"
		}
		out = append(out, Task{Text: Markdown(markdown.Code(tag) + " " + what), Places: a.at})
	}
	return out
}
