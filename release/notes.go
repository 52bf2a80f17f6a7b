package release

import (
	"context"
	"strings"
	"time"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
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
