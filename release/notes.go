package release

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/markdown"
)

// Reader reads what an upstream publishes. An error of it is put into the
// dossier in its own words, which must be fit to print.
type Reader interface {
	// Releases gives the releases of a repository page by page, until enough
	// says so or there are no more.
	Releases(ctx context.Context, repo string, enough func(page []Published) bool) ([]Published, error)
	// File gives a file at a git tag.
	File(ctx context.Context, repo, path, ref string) ([]byte, error)
	// Tree gives the text files below a folder at a git tag, by their paths
	// in it.
	Tree(ctx context.Context, repo, dir, ref string, want func(path string) bool) (map[string][]byte, error)
	// Repository gives the repository that an image says it was built from,
	// "owner/name" on github.com; "" when it does not say.
	Repository(ctx context.Context, ref image.Ref) (string, error)
}

// Published is a release as its repository publishes it.
type Published struct {
	Tag  string
	Body string
	URL  string
	Date time.Time
}

// trip is one way from an old release to a new one: images of one upstream
// that make it together share its notes.
type trip struct {
	upstream catalog.Upstream
	labelled bool // by the image itself, which may say what it likes
	images   []string
	old, now side
	changes  []*Change
}

// tripKey is what the images of one trip have in common. A tag that a variable
// holds and one that a file names do not go together: the notes of the one
// would tell the other, or not be read.
type tripKey struct {
	repo, old, now         string
	writtenOld, writtenNow string // where one of them is hidden
}

func (t *trip) key() tripKey {
	k := tripKey{repo: t.upstream.Repo, old: t.old.ref.Tag, now: t.now.ref.Tag}
	if t.old.hidden || t.now.hidden {
		k.writtenOld, k.writtenNow = t.old.tag, t.now.tag
	}
	return k
}

// Notes reads the release notes of every changed image, in the order of the
// changes. What cannot be had is in Missing of its Notes. Registries are asked
// where an image comes from only after the notes of the known ones were read:
// a slow one costs nobody else's.
func (s *Stack) Notes(ctx context.Context, changes []Change, r Reader) []Notes {
	known, unknown := s.trips(changes)
	read := map[*Change]Notes{}
	for _, t := range known {
		read[t.changes[0]] = s.notesOf(ctx, t, r)
	}
	for i := range unknown {
		t := &unknown[i]
		t.upstream, t.labelled = s.labelled(ctx, t.changes[0], r), true
	}
	for _, t := range together(unknown) {
		read[t.changes[0]] = s.notesOf(ctx, t, r)
	}
	var out []Notes
	for i := range changes {
		if n, ok := read[&changes[i]]; ok {
			out = append(out, n)
		}
	}
	return out
}

func (s *Stack) notesOf(ctx context.Context, t trip, r Reader) Notes {
	n := Notes{Image: strings.Join(t.images, ", "), Old: t.old.tag, New: t.now.tag}
	if t.upstream.Repo != "" {
		n.Source = "github.com/" + t.upstream.Repo
		if t.labelled {
			n.Source += ", as the image's label says"
		}
	}
	n.URL = t.page()
	if why := t.silent(); why != "" {
		n.Missing = []string{why}
	} else {
		s.read(ctx, &n, t, r)
	}
	return n
}

// trips gives the ways of all changes, apart by whether the catalog knows
// where the image comes from.
func (s *Stack) trips(changes []Change) (known, unknown []trip) {
	for i := range changes {
		c := &changes[i]
		if c.Disabled || !c.newer() && c.Jump != Floating && c.Jump != Unclear {
			continue
		}
		t := trip{images: []string{c.Image}, old: c.old, now: c.now, changes: []*Change{c}}
		if u, ok := s.Catalog.Upstream(c.now.ref); ok {
			t.upstream = u
			known = append(known, t)
		} else {
			unknown = append(unknown, t)
		}
	}
	return together(known), unknown
}

// together joins the trips that are one.
func together(trips []trip) []trip {
	var out []trip
	index := map[tripKey]int{}
	for _, t := range trips {
		j, ok := index[t.key()]
		if !ok || t.upstream.Repo == "" {
			index[t.key()] = len(out)
			out = append(out, t)
			continue
		}
		out[j].images, out[j].changes = append(out[j].images, t.images...), append(out[j].changes, t.changes...)
	}
	return out
}

// labelled asks the image itself where it comes from.
func (s *Stack) labelled(ctx context.Context, c *Change, r Reader) catalog.Upstream {
	if c.now.hidden || r == nil {
		return catalog.Upstream{Why: "belay does not know where this image comes from; `upstreams:` in belay.yml can say"}
	}
	repo, err := r.Repository(ctx, c.now.ref)
	switch {
	case err != nil:
		return catalog.Upstream{Why: "belay does not know where this image comes from, and its registry did not say: " + err.Error() + "; `upstreams:` in belay.yml can say"}
	case repo == "":
		return catalog.Upstream{Why: "belay does not know where this image comes from, and it has no label org.opencontainers.image.source; `upstreams:` in belay.yml can say"}
	}
	return catalog.Upstream{Repo: repo, Releases: true}
}

// silent says why no notes are looked for; "" when they are.
func (t *trip) silent() string {
	switch {
	case t.upstream.Repo == "":
		return t.upstream.Why
	case t.old.hidden || t.now.hidden:
		return "the tag is a variable's of an env file, whose value is not printed, nor are the notes that would tell it: `belay notes IMAGE OLD NEW` on the host does"
	case t.now.ref.Pin() == image.Floating || t.old.ref.Pin() == image.Floating:
		return "a tag that names no version has no notes: the digest decides at run time what is new"
	}
	_, okOld := t.upstream.GitTag(t.old.ref)
	if _, ok := t.upstream.GitTag(t.now.ref); !ok || !okOld {
		return "the tags name no single release, so that none can be looked up"
	}
	return ""
}

func (t *trip) page() string {
	if t.now.hidden {
		return ""
	}
	tag, ok := t.upstream.GitTag(t.now.ref)
	switch {
	case !ok && t.upstream.Repo != "":
		return "https://github.com/" + t.upstream.Repo + "/releases"
	case t.upstream.Page != "":
		return strings.ReplaceAll(t.upstream.Page, "{version}", t.now.ref.Read().Version.String())
	case !ok || t.upstream.Repo == "":
		return ""
	}
	return "https://github.com/" + t.upstream.Repo + "/releases/tag/" + strings.ReplaceAll(tag, "@", "%40")
}

// body is one release on the way, not yet read.
type body struct {
	catalog.Tagged
	text, breaking []byte
	url            string
}

// read fills n with the releases on the way of t.
func (s *Stack) read(ctx context.Context, n *Notes, t trip, r Reader) {
	if r == nil {
		n.Missing = append(s.expected(t, nil, "the network was not to be asked"), s.unlisted(t)...)
		return
	}
	bodies, why := s.bodies(ctx, t, r)
	listed := len(bodies) > 0
	bodies, whyBreaking := s.breaking(ctx, t, r, bodies)
	n.Missing = s.expected(t, bodies, cmp.Or(why, "the repository has no release of this name"))
	if !listed {
		n.Missing = append(n.Missing, s.unlisted(t)...)
	}
	if whyBreaking != "" {
		n.Missing = append(n.Missing, whyBreaking)
	}
	var all []*markdown.Notes
	for _, b := range bodies {
		o := markdown.Options{Repo: t.upstream.Repo, Ref: b.Tag, Demote: 4}
		all = append(all, markdown.Read(b.breaking, o), markdown.Read(b.text, o))
	}
	markdown.Repeats(all)
	for i, b := range bodies {
		n.Versions = append(n.Versions, s.version(b, all[2*i], all[2*i+1]))
	}
}

// bodies gives the releases on the way with their texts, newest first: from
// the changelog at the new tag where the upstream keeps one, else from its
// releases. why says what could not be read.
func (s *Stack) bodies(ctx context.Context, t trip, r Reader) (out []body, why string) {
	u := t.upstream
	tag, _ := u.GitTag(t.now.ref)
	if u.Changelog != "" {
		data, err := r.File(ctx, u.Repo, u.Changelog, tag)
		if err == nil {
			if out = s.onPath(t, changelog(u, data, tag)); len(out) > 0 {
				return out, u.Changelog + " does not name it"
			}
		} else if !u.Releases {
			return nil, fmt.Sprintf("%s could not be read: %s", u.Changelog, err)
		}
	}
	if !u.Releases {
		return nil, u.Changelog + " does not name it"
	}
	list, err := r.Releases(ctx, u.Repo, func(page []Published) bool { return passed(u, s.Catalog, t.old.ref, page) })
	var all []body
	for _, p := range list {
		all = append(all, body{Tagged: catalog.Tagged{Tag: p.Tag, Date: p.Date}, text: []byte(p.Body), url: p.URL})
	}
	if err != nil {
		why = err.Error()
	}
	return s.onPath(t, all), why
}

// passed reports whether a page of releases holds none that is newer than old,
// so that no older page holds one either: backports come out of date order, but
// never before what they are of.
func passed(u catalog.Upstream, cat *catalog.Catalog, old image.Ref, page []Published) bool {
	known := false
	for _, p := range page {
		ref, ok := u.Ref(old, p.Tag)
		if !ok {
			continue
		}
		known = true
		if cat.Compare(old, ref) == image.Newer {
			return false
		}
	}
	return known
}

// changelog takes a file that holds the notes of every version apart.
func changelog(u catalog.Upstream, data []byte, tag string) []body {
	var out []body
	for _, e := range markdown.Changelog(data) {
		if !e.Released {
			continue
		}
		b := body{Tagged: catalog.Tagged{Tag: u.Prefix + e.Version}, text: e.Body}
		b.Date, _ = time.Parse(time.DateOnly, e.Date)
		b.url = "https://github.com/" + u.Repo + "/blob/" + strings.ReplaceAll(tag, "@", "%40") + "/" + u.Changelog
		out = append(out, b)
	}
	return out
}

// onPath leaves those of all that lie on the way of t, newest first, and
// notices when the new one is a backport.
func (s *Stack) onPath(t trip, all []body) []body {
	var tagged []catalog.Tagged
	for _, b := range all {
		tagged = append(tagged, b.Tagged)
	}
	if t.changes[0].Jump == Patch && backport(t, s.Catalog, tagged) {
		for _, c := range t.changes {
			c.Jump = Backport
		}
	}
	var out []body
	for _, on := range s.Catalog.Path(t.upstream, t.old.ref, t.now.ref, tagged) {
		if i := slices.IndexFunc(all, func(b body) bool { return b.Tag == on.Tag }); i >= 0 {
			out = append(out, all[i])
		}
	}
	return out
}

// backportAfter is how long a later line must have been out for a patch of an
// earlier one to be called a backport: n8n promotes a line a week or two after
// its first release.
const backportAfter = 14 * 24 * time.Hour

// backport reports whether a release of a later line was published before the
// one that t ends at.
func backport(t trip, cat *catalog.Catalog, all []catalog.Tagged) bool {
	tag, _ := t.upstream.GitTag(t.now.ref)
	i := slices.IndexFunc(all, func(x catalog.Tagged) bool { return x.Tag == tag })
	if i < 0 || all[i].Date.IsZero() {
		return false
	}
	return slices.ContainsFunc(all, func(x catalog.Tagged) bool {
		ref, ok := t.upstream.Ref(t.now.ref, x.Tag)
		return ok && !x.Date.IsZero() && x.Date.Add(backportAfter).Before(all[i].Date) && !ref.Read().Version.Prerelease() &&
			cat.Compare(t.now.ref, ref) == image.Newer && !ref.Read().Version.SameLine(t.now.ref.Read().Version)
	})
}

// breaking adds what the upstream's own lists of breaking changes say of the
// releases on the way. why names the lists that could not be read.
func (s *Stack) breaking(ctx context.Context, t trip, r Reader, on []body) (out []body, why string) {
	u := t.upstream
	tag, _ := u.GitTag(t.now.ref)
	for _, path := range u.Breaking {
		data, err := r.File(ctx, u.Repo, path, tag)
		if err != nil {
			why = fmt.Sprintf("%s, where breaking changes stand, could not be read: %s", path, err)
			continue
		}
		for _, e := range markdown.Changelog(data) {
			at := u.Prefix + e.Version
			i := slices.IndexFunc(on, func(b body) bool { return b.Tag == at })
			if i < 0 {
				if len(s.Catalog.Path(u, t.old.ref, t.now.ref, []catalog.Tagged{{Tag: at}})) == 0 {
					continue
				}
				i = s.insert(&on, t, body{Tagged: catalog.Tagged{Tag: at}})
			}
			on[i].breaking = append(append(on[i].breaking, e.Body...), '\n', '\n')
		}
	}
	return on, why
}

// insert puts b where its version belongs among on, newest first.
func (s *Stack) insert(on *[]body, t trip, b body) int {
	ref, _ := t.upstream.Ref(t.now.ref, b.Tag)
	i := slices.IndexFunc(*on, func(o body) bool {
		other, ok := t.upstream.Ref(t.now.ref, o.Tag)
		return ok && s.Catalog.Compare(other, ref) == image.Newer
	})
	if i < 0 {
		i = len(*on)
	}
	*on = slices.Insert(*on, i, b)
	return i
}

// unlisted says that there may be more releases than are named, unless the
// catalog knows them all.
func (s *Stack) unlisted(t trip) []string {
	if _, ok := s.Catalog.Release(t.now.ref.Tag); ok && t.upstream.Compose != "" {
		return nil
	}
	return []string{fmt.Sprintf("which other releases lie between %s and %s could not be listed", t.old.tag, t.now.tag)}
}

// expected says which releases on the way of t are not among found, each with
// the reason: those that the catalog knows, and the new one itself.
func (s *Stack) expected(t trip, found []body, why string) []string {
	tag, _ := t.upstream.GitTag(t.now.ref)
	want := s.Catalog.Known(t.upstream, t.old.ref, t.now.ref)
	if !slices.ContainsFunc(want, func(k catalog.Tagged) bool { return k.Tag == tag }) {
		want = slices.Insert(want, 0, catalog.Tagged{Tag: tag})
	}
	var out []string
	for _, k := range want {
		if !slices.ContainsFunc(found, func(b body) bool { return b.Tag == k.Tag }) {
			out = append(out, k.Tag+": "+why)
		}
	}
	return out
}

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
