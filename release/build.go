package release

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/markdown"
)

// Input is what a dossier is made of besides the stack itself.
type Input struct {
	Environment string
	Findings    []Finding
	Drift       []Drift
	Reader      Reader // nil: the network is not asked
	Missing     []string
	NoExamples  bool   // the repository carries no env examples of its own: upstream's are compared
	Uncompared  bool   // there is a base, but not of this stack
	Temp        string // a folder for upstream's files while they are read
}

// Build makes the dossier of a stack's change. Upgrade and the steps of
// Rollback are the caller's to add. What ctx does not leave time for is missing.
func (s *Stack) Build(ctx context.Context, in Input) *Dossier {
	d := &Dossier{Stack: s.Head.Name, Dir: s.Head.Dir, Environment: in.Environment, Findings: in.Findings, Drift: in.Drift,
		Missing: slices.Clone(in.Missing)}
	if s.Base != nil {
		d.Changes = s.joined().changes(s.Catalog)
		d.Structure = s.joined().structure()
		d.Gates = s.gates(d.Changes)
		d.Notes = s.Notes(ctx, d.Changes, in.Reader)
		s.upstream(ctx, d, in)
		d.Missing = append(d.Missing, s.floating(d)...)
	}
	s.finish(d)
	if in.Uncompared {
		d.Verdict.Level = max(d.Verdict.Level, catalog.Medium)
		d.Verdict.Line = "compared with nothing: the base has no such stack; " + d.Verdict.Line
	}
	return d
}

// Plan makes the dossier without release notes: what can be told of the
// change from the files and the catalog.
func (s *Stack) Plan(environment string) *Dossier {
	d := &Dossier{Stack: s.Head.Name, Dir: s.Head.Dir, Environment: environment}
	d.Changes = s.joined().changes(s.Catalog)
	d.Structure = s.joined().structure()
	d.Gates = s.gates(d.Changes)
	s.finish(d)
	return d
}

// finish adds what follows from the rest of d.
func (s *Stack) finish(d *Dossier) {
	d.Rollback = s.rollback(d)
	d.Verdict = s.verdict(d)
	d.Checklist = checklist(d)
}

// Only gives the dossier of a stack of which nothing but findings is known:
// one that is gone.
func Only(stack, dir, environment string, findings []Finding) *Dossier {
	d := &Dossier{Stack: stack, Dir: dir, Environment: environment, Findings: findings}
	Finish(d)
	return d
}

// Finish adds to d, of which nothing but drift and findings is known, what
// follows from them.
func Finish(d *Dossier) { (&Stack{}).finish(d) }

// Between makes the dossier of one image on its way from old to now, whatever
// stack it is in.
func Between(ctx context.Context, cat *catalog.Catalog, old, now image.Ref, r Reader) *Dossier {
	s := &Stack{Head: &compose.Stack{}, Catalog: cat}
	d := &Dossier{Stack: now.Familiar(), Dir: "."}
	d.Changes = []Change{newChange(cat, sideOfRef(old), sideOfRef(now))}
	d.Changes[0].Disabled = false
	d.Gates = s.gates(d.Changes)
	d.Notes = s.Notes(ctx, d.Changes, r)
	s.finish(d)
	return d
}

// floating says which images have a tag that names no version and stays: the
// change moves something, and they may move with it.
func (s *Stack) floating(d *Dossier) []string {
	if len(d.Changes)+len(d.Structure) == 0 {
		return nil
	}
	var names []string
	seen := map[image.Ref]bool{}
	for _, p := range s.joined().pairs {
		ref := p.now.ref
		if p.okNow && p.okOld && p.starts() && !p.now.hidden && ref.Pin() == image.Floating && p.old.ref == ref && !seen[ref] {
			seen[ref] = true
			names = append(names, markdown.Code(ref.String()))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{strings.Join(names, ", ") + " " + verb(len(names), "stays and names", "stay and name") +
		" no version: the digest decides at run time what it is, and a pull moves it with the rest"}
}

// rollback says where one comes back to, and whether the data does.
func (s *Stack) rollback(d *Dossier) Rollback {
	if len(d.Changes) == 0 && len(d.Structure) == 0 {
		return Rollback{}
	}
	r := Rollback{Back: catalog.BackImages}
	var unknown []string
	for _, g := range d.Gates {
		r.Back = worse(r.Back, g.Back)
	}
	for i := range d.Changes {
		c := &d.Changes[i]
		to := c.Image
		if c.OldImage != "" {
			to = c.OldImage
		}
		r.To = append(r.To, fmt.Sprintf("%s %s", to, c.Old))
		if c.Disabled {
			continue
		}
		if c.App == "" && c.Jump != DigestOnly {
			unknown = append(unknown, markdown.Code(c.Image))
		}
		n, known := s.Catalog.Migrations(c.old.ref, c.now.ref)
		if c.Stateful && c.Jump != DigestOnly && c.Jump != Rebuild || c.resorts() || known && n > 0 {
			r.Back = worse(r.Back, catalog.BackRestore)
		}
	}
	if r.Back != catalog.BackImages {
		r.Needs = append(r.Needs,
			Task{Text: "a backup taken with everything stopped that writes, and restored once to prove it: every database with its roles, every volume, the `.env`"},
			Task{Text: "the key material of the same moment: `N8N_ENCRYPTION_KEY` or n8n's own folder, Dify's `storage/privkeys`, as far as the stack has them"})
	}
	r.Needs = append(r.Needs, Task{Text: "the digests of the images that run today, and the images themselves on the host: a tag that moved does not lead back"})
	floats := slices.ContainsFunc(d.Changes, func(c Change) bool { return c.old.ref.Pin() < image.Exact })
	if floats {
		r.Needs = append(r.Needs, Task{Text: "of the old tags that move, which digest they stood for: the record block of the compose file, or `docker image inspect` before the pull"})
	}
	switch r.Back {
	case catalog.BackImages:
		r.Data = "Going back to the old images is enough: nothing in this change is known to rewrite data."
		if len(unknown) > 0 {
			r.Data += Markdown(" Whether " + strings.Join(unknown, ", ") + " keeps any is not known to belay: back it up all the same.")
		}
	case catalog.BackRestore:
		r.Data = "Data goes back only as a whole, from the backup: the old images do not run on what the new ones have migrated. " +
			"Until the stack is opened to its users nothing is lost by that; what is written after that is lost, and has to be weighed first."
	case catalog.BackNever:
		r.Data = "One of the gates has no way back but the backup of the whole, volumes included; no downgrade in place and no partial restore is possible. " +
			"Decide before the stack is opened to its users: what is written after that is lost by going back."
	}
	return r
}

func worse(a, b catalog.Back) catalog.Back {
	order := []catalog.Back{catalog.BackImages, catalog.BackRestore, catalog.BackNever}
	return order[max(slices.Index(order, a), slices.Index(order, b), 0)]
}

// checklist is what has to be done before the merge, in the order of doing it.
func checklist(d *Dossier) []Task {
	var out []Task
	for _, f := range d.Findings {
		if f.Severity != "error" {
			continue
		}
		text := prose(f.Message)
		if f.Hint != "" {
			text += " — " + prose(f.Hint)
		}
		out = append(out, Task{Text: Markdown(text), Places: []Place{f.Place}})
	}
	for _, g := range d.Gates {
		here := places(g.Here)
		for _, a := range g.Do {
			if a.When == catalog.BeforeMerge {
				out = append(out, Task{Text: sentence(a.Text), Places: here})
			}
		}
		if g.Duty == catalog.Stop || g.Duty == catalog.Forbid {
			if !slices.ContainsFunc(g.Do, func(a Action) bool { return a.When == catalog.BeforeMerge }) {
				out = append(out, Task{Text: "Do not merge as it is: " + Markdown(markdown.Text(g.Title, 300)), Places: here})
			}
		}
	}
	if keys := missingKeys(d.Drift); len(keys) > 0 {
		out = append(out, Task{Text: Markdown("Set in the `.env` of the host: " + strings.Join(keys, ", "))})
	}
	for _, n := range d.Notes {
		if breaking, _ := n.weight(); breaking > 0 {
			out = append(out, Task{Text: Markdown(fmt.Sprintf("Read what breaks in %s of %s", count(breaking, "release"), markdown.Code(n.Image)))})
		}
		for _, v := range n.Versions {
			out = append(out, v.Here...)
		}
		if len(n.Missing) > 0 && n.URL != "" {
			out = append(out, Task{Text: Markdown(fmt.Sprintf("Read the notes of %s that belay could not: <%s>", markdown.Code(n.Image), n.list()))})
		}
	}
	return once(out)
}

// once gives each task once, with the places of all that ask for it: several
// gates want the compose file of the release.
func once(tasks []Task) []Task {
	var out []Task
	var at []placeList
	index := map[Markdown]int{}
	for _, t := range tasks {
		i, ok := index[t.Text]
		if !ok {
			i = len(out)
			index[t.Text] = i
			out, at = append(out, Task{Text: t.Text}), append(at, placeList{})
		}
		for _, p := range t.Places {
			at[i].add(p)
		}
	}
	for i := range out {
		out[i].Places = at[i].all
	}
	return out
}

// maxProse bounds a finding's message or hint, in characters.
const maxProse = 600

// list is where a person finds the notes that belay did not: the page of a
// release that may not be there is none.
func (n *Notes) list() string {
	if i := strings.Index(n.URL, "/releases/tag/"); i >= 0 {
		return n.URL[:i] + "/releases"
	}
	return n.URL
}

// prose is a plain text in which pairs of backticks make code, cut to maxProse.
func prose(s string) string {
	parts := strings.Split(s, "`")
	if len(parts)%2 == 0 {
		return markdown.Text(s, maxProse)
	}
	var out strings.Builder
	left := maxProse
	for i, p := range parts {
		n := utf8.RuneCountInString(p)
		switch {
		case p == "":
			continue
		case left <= 0:
			out.WriteString("…")
			return out.String()
		case i%2 == 1 && n > left:
			out.WriteString(markdown.Code(string([]rune(p)[:left-1]) + "…"))
			return out.String()
		case i%2 == 1:
			out.WriteString(markdown.Code(p))
		case n > left:
			out.WriteString(spaced(strings.TrimRight(p, " "), markdown.Text(p, left)))
			return out.String()
		default:
			out.WriteString(spaced(p, markdown.Text(p, left)))
		}
		left -= n
	}
	return out.String()
}

// spaced gives text the spaces back that plain has around it.
func spaced(plain, text string) string {
	if strings.HasPrefix(plain, " ") {
		text = " " + text
	}
	if strings.HasSuffix(plain, " ") && strings.TrimSpace(plain) != "" {
		text += " "
	}
	return text
}

// sentence begins text with a capital letter.
func sentence(text Markdown) Markdown {
	if text != "" && 'a' <= text[0] && text[0] <= 'z' {
		return Markdown(strings.ToUpper(string(text[:1]))) + text[1:]
	}
	return text
}

func places(tasks []Task) []Place {
	var out []Place
	for _, t := range tasks {
		out = append(out, t.Places...)
	}
	return out
}

// missingKeys are those that a stack cannot start right without.
func missingKeys(drift []Drift) []string {
	var out []string
	for _, d := range drift {
		if d.Kind == "missing" && d.Needed {
			if len(out) == 12 {
				return append(out, "and more, below")
			}
			out = append(out, markdown.Code(d.Key))
		}
	}
	return out
}
