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
