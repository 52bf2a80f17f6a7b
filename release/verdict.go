package release

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/markdown"
)

// verdict weighs everything that d holds already.
func (s *Stack) verdict(d *Dossier) Verdict {
	var v Verdict
	add := func(risk catalog.Risk, level catalog.Level, text string, evidence ...string) {
		v.Reasons = append(v.Reasons, Reason{risk, level, text, slices.DeleteFunc(evidence, func(e string) bool { return e == "" })})
	}
	gate := func(risk catalog.Risk, g Passed) {
		add(risk, g.Level, g.Title, append([]string{g.ID}, g.Sources[:min(1, len(g.Sources))]...)...)
	}
	for _, g := range d.Gates { // each once, in the first of its categories
		if len(g.Risks) > 0 {
			gate(g.Risks[0], g)
		}
	}
	for i := range d.Changes {
		s.weigh(&d.Changes[i], add)
	}
	for _, p := range d.Structure {
		if p.Kind == "volume" && p.What != "added" {
			add(catalog.DataRisk, catalog.High, "volume "+p.Name+" is "+p.What, p.Place.String())
		}
	}
	breaking := 0
	for _, n := range d.Notes {
		here, advisories := n.weight()
		breaking += here
		if here > 0 {
			add(catalog.APIRisk, catalog.Medium, fmt.Sprintf("%s: the notes name breaking changes or warn in %s", n.Image, count(here, "release")), n.first(Version.warns))
		}
		if len(advisories) > 0 {
			add(catalog.DependencyRisk, catalog.Low, n.Image+": new releases mend "+strings.Join(advisories, ", "), n.first(func(v Version) bool { return len(v.Advisories) > 0 }))
		}
		if len(n.Missing) > 0 && len(n.Versions) == 0 {
			level := catalog.Medium
			if n.Source == "" { // there may be none
				level = catalog.Low
			}
			add(catalog.APIRisk, level, n.Image+": the release notes were not to be had", n.URL)
		}
	}
	for _, g := range d.Gates { // nor is a category passed over that only a gate of another falls into
		for _, risk := range g.Risks {
			if !slices.ContainsFunc(v.Reasons, func(r Reason) bool { return r.Risk == risk }) {
				gate(risk, g)
			}
		}
	}
	weighed := map[Place]bool{}
	for _, c := range d.Changes {
		for _, at := range c.Places {
			weighed[at] = true
		}
	}
	errs := 0
	for _, f := range d.Findings {
		if f.Severity != "error" {
			continue
		}
		errs++
		v.Level = max(v.Level, catalog.Medium)
		if f.Guards && !weighed[f.Place] {
			add(catalog.DataRisk, catalog.High, f.Message, f.Rule, f.Place.String())
		}
	}
	for _, r := range v.Reasons {
		v.Level = max(v.Level, r.Level)
	}
	slices.SortStableFunc(v.Reasons, func(a, b Reason) int { return int(b.Level) - int(a.Level) })
	v.Line = line(d, errs, breaking)
	return v
}

// weigh says what a change of an image is by itself.
func (s *Stack) weigh(c *Change, add func(catalog.Risk, catalog.Level, string, ...string)) {
	if c.Disabled {
		return
	}
	name := strings.TrimSpace(c.App)
	if name == "" {
		name = c.Image
	}
	at := ""
	if len(c.Places) > 0 {
		at = c.Places[0].String()
	}
	what := fmt.Sprintf("%s %s → %s", name, c.Old, c.New)
	switch {
	case c.Jump == PostgresMajor:
		add(catalog.DataRisk, catalog.High, what+": the data folder does not carry over", at)
	case c.Jump == Downgrade && c.shipped:
		add(catalog.DependencyRisk, catalog.Medium, what+": lower, but what the release ships", at)
	case c.Jump == Downgrade && c.Stateful:
		add(catalog.DataRisk, catalog.High, what+": older software on newer data", at)
	case c.Jump == Downgrade:
		add(catalog.DependencyRisk, catalog.Medium, what+": a downgrade", at)
	case c.Jump == OtherImage && c.Stateful:
		add(catalog.DataRisk, catalog.Medium, "another image on the same data: "+c.OldImage+":"+c.Old+" → "+c.Image+":"+c.New, at)
	case c.Jump == OtherImage:
		add(catalog.DependencyRisk, catalog.Medium, "another image: "+what, at)
	case c.Jump == Major && c.Stateful:
		add(catalog.DataRisk, catalog.High, what+": a major version of something that keeps data", at)
	case c.Jump == Major:
		add(catalog.APIRisk, catalog.Medium, what+": a major version", at)
	case c.resorts():
		add(catalog.DataRisk, catalog.High, what+": another C library or another release of it may sort text in another way, and indexes on text are then wrong without a word", at)
	case (c.Jump == Floating || c.Jump == Unclear) && c.Stateful:
		add(catalog.DataRisk, catalog.Medium, what+": how far it goes is not known", at)
	}
	if its, _ := s.Catalog.App(c.now.ref); its.ID != catalog.DifyAPI || c.hidden() {
		return
	}
	if n, known := s.Catalog.Migrations(c.old.ref, c.now.ref); known && n > 0 {
		level := catalog.Low
		if n > 4 {
			level = catalog.Medium
		}
		add(catalog.DataRisk, level, fmt.Sprintf("%s: %s of its schema", what, count(n, "migration")), at)
	} else if n, known := s.Catalog.Migrations(c.now.ref, c.old.ref); known && n > 0 {
		add(catalog.DataRisk, catalog.High, fmt.Sprintf("%s: %s of the schema that the older image does not know", what, count(n, "migration")), at)
	}
}

// warns reports whether the notes of the release warn or break something.
func (v Version) warns() bool {
	return slices.ContainsFunc(v.Sections, func(s Section) bool {
		return s.Kind == markdown.Danger.String() || s.Kind == markdown.Breaking.String()
	})
}

// first is where the newest release that fits is described.
func (n *Notes) first(is func(Version) bool) string {
	if i := slices.IndexFunc(n.Versions, is); i >= 0 && n.Versions[i].URL != "" {
		return n.Versions[i].URL
	}
	return n.URL
}

// weight counts the releases that warn or break something, and lists the
// advisories that the notes name.
func (n *Notes) weight() (breaking int, advisories []string) {
	for _, v := range n.Versions {
		if v.warns() {
			breaking++
		}
		for _, a := range v.Advisories {
			if !slices.Contains(advisories, a) {
				advisories = append(advisories, a)
			}
		}
	}
	return breaking, advisories
}

// line is the whole in one sentence.
func line(d *Dossier, errs, breaking int) string {
	var parts []string
	switch n := len(d.Changes); {
	case n > 0:
		parts = append(parts, count(n, "image")+" "+verb(n, "changes", "change"))
	case len(d.Structure) > 0:
		parts = append(parts, "the set of services or volumes changes")
	}
	if errs > 0 {
		parts = append(parts, count(errs, "error")+" to mend first")
	}
	switch d.Rollback.Back {
	case catalog.BackNever:
		parts = append(parts, "one gate has no way back for the data")
	case catalog.BackRestore:
		parts = append(parts, "the way back needs the backup of before")
	}
	manual := 0
	for _, g := range d.Gates {
		for _, a := range g.Do {
			if a.Command != "" {
				manual++
			}
		}
	}
	if manual > 0 {
		parts = append(parts, count(manual, "command")+" by hand")
	}
	if breaking > 0 {
		parts = append(parts, count(breaking, "release")+" with breaking changes or warnings")
	}
	if len(parts) == 0 && len(d.Drift) > 0 {
		parts = append(parts, count(len(d.Drift), "key")+" of the env file "+verb(len(d.Drift), "departs", "depart")+" from the examples")
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing to do")
	}
	return strings.Join(parts, "; ")
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// count is n of a noun whose plural takes an s.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// String gives file:line:col, as far as it is known.
func (p Place) String() string {
	switch {
	case p.File == "" || p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}
