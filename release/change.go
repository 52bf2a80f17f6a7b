package release

import (
	"cmp"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// side is one side of a change.
type side struct {
	ref    image.Ref
	name   string // what may be printed of the name: "langgenius/dify-api", "${REGISTRY}/app"
	tag    string // likewise of tag and digest
	hidden bool   // a part of it is an env file's: never print from ref
}

// Changes gives the images that differ between base and head, one entry for
// all services that change alike, in the order of head's files. Services that
// only one of them has are Structure's matter.
func Changes(base, head *compose.Stack, cat *catalog.Catalog) []Change {
	return join(base, head, cat).changes(cat)
}

// changes takes services together only where all of both sides is the same: a
// tag that a file names beside one that a variable holds would tell its value.
func (j *joined) changes(cat *catalog.Catalog) []Change {
	var out []Change
	var places []placeList
	at := map[[2]side]int{}
	sure := map[int]bool{}
	for i := range j.pairs {
		p := &j.pairs[i]
		if !p.okOld || !p.okNow || p.old.ref == p.now.ref {
			continue
		}
		n, ok := at[[2]side{p.old, p.now}]
		if !ok {
			n = len(out)
			at[[2]side{p.old, p.now}] = n
			out, places = append(out, newChange(cat, p.old, p.now)), append(places, placeList{})
		}
		c := &out[n]
		c.Services = append(c.Services, p.svc.Name)
		c.Disabled = c.Disabled && !p.starts()
		sure[n] = sure[n] || p.sure()
		places[n].add(placeOf(p.svc.Image.Span.Pos))
	}
	j.prescribed(out, cat)
	for n := range out {
		out[n].Places = places[n].all
		if !out[n].Disabled && !sure[n] {
			out[n].say("started only if COMPOSE_PROFILES says so, which is not known here")
		}
	}
	return out
}

// prescribed marks the companions that a Dify release of the change ships with
// a lower tag than before: 1.13.3 goes back with its plugin daemon. Of a hidden
// tag it says nothing, because the release's own is public.
func (j *joined) prescribed(changes []Change, cat *catalog.Catalog) {
	seen := map[string]bool{}
	for _, p := range j.pairs {
		tag := p.now.ref.Tag
		if !p.okNow || p.now.hidden || p.app.Release != catalog.Dify || !p.svc.Enabled || seen[tag] {
			continue
		}
		seen[tag] = true
		r, known := cat.Release(tag)
		if !known {
			continue
		}
		for i := range changes {
			c := &changes[i]
			if c.Jump != Downgrade || c.hidden() {
				continue
			}
			if its, _ := cat.App(c.now.ref); r.Companions[its.ID] == c.now.ref.Tag {
				c.shipped, c.Note = true, "lower than before, and what Dify "+r.Version+" ships"
			}
		}
	}
}

func sideOf(svc *compose.Service) (side, bool) {
	ref, err := image.Parse(svc.Image.Reveal())
	if err != nil {
		return side{}, false
	}
	shown, err := image.Parse(svc.Image.Shown)
	if err != nil || shown != ref {
		return side{ref, image.SplitName(svc.Image.Shown), cmp.Or(image.SplitTag(svc.Image.Shown), "(hidden)"), true}, true
	}
	return sideOfRef(ref), true
}

func sideOfRef(ref image.Ref) side { return side{ref: ref, name: ref.Familiar(), tag: tagText(ref)} }

// tagText is tag and digest as a table shows them: "16-alpine", "7@sha256:0123456789ab…".
func tagText(ref image.Ref) string {
	digest := ref.Digest
	if hex, ok := strings.CutPrefix(digest, "sha256:"); ok && len(hex) > 12 {
		digest = "sha256:" + hex[:12] + "…"
	}
	switch {
	case digest == "":
		return cmp.Or(ref.Tag, "(no tag)")
	case ref.Tag == "":
		return "@" + digest
	}
	return ref.Tag + "@" + digest
}

func newChange(cat *catalog.Catalog, old, now side) Change {
	app, _ := cat.App(now.ref)
	c := Change{Image: now.name, Old: old.tag, New: now.tag, Jump: jump(cat, old.ref, now.ref),
		App: app.Title, Stateful: app.Stateful, Disabled: true, old: old, now: now}
	if old.name != now.name {
		c.OldImage = old.name
	}
	c.Note = note(c)
	return c
}

func note(c Change) string {
	floats := c.now.ref.Pin() == image.Floating
	switch {
	case c.Jump == Downgrade && c.Stateful:
		return "older than what runs: its data may not open; the way down is a rollback"
	case c.Jump == Downgrade:
		return "older than what runs; the way down is a rollback"
	case c.Jump == DigestOnly && floats:
		return "the tag stays and names no version: only the digest says what runs"
	case c.Jump == DigestOnly:
		return "the tag stays: another build of it"
	case floats:
		return "the new tag names no version: the digest decides at run time"
	case c.Jump == Floating:
		return "the old tag names no version: what runs today is known on the host alone"
	case c.hidden():
		return hiddenNote
	}
	return ""
}

const hiddenNote = "the tag is a variable's, whose value is not printed"

func (c *Change) hidden() bool { return c.old.hidden || c.now.hidden }

func (c *Change) say(note string) {
	if c.Note != "" {
		note = c.Note + "; " + note
	}
	c.Note = note
}

// noteRange says of a hidden tag that a gate is told which the change passes.
func (c *Change) noteRange() {
	const told = hiddenNote + "; the gates below may tell its range"
	switch {
	case !c.hidden() || strings.Contains(c.Note, told):
	case strings.Contains(c.Note, hiddenNote):
		c.Note = strings.Replace(c.Note, hiddenNote, told, 1)
	default:
		c.say(told)
	}
}

// jump says how far it is from old to now.
func jump(cat *catalog.Catalog, old, now image.Ref) Jump {
	before, okOld := image.PostgresMajor(old)
	after, okNow := image.PostgresMajor(now)
	oldApp, knownOld := cat.App(old)
	nowApp, knownNow := cat.App(now)
	same := old.Familiar() == now.Familiar() || image.Compare(old, now) != image.Unknown
	switch {
	case okOld && okNow && before < after:
		return PostgresMajor
	case okOld && okNow && before > after:
		return Downgrade
	case !same && (!knownOld || !knownNow || oldApp.ID != nowApp.ID || okOld && okNow):
		return OtherImage // another maker's PostgreSQL too: its libc, its extensions
	case old.Tag == now.Tag && old.Familiar() != now.Familiar():
		return OtherImage // a mirror may hold what it likes under the tag
	case old.Tag == now.Tag:
		return DigestOnly
	case old.Pin() == image.Floating || now.Pin() == image.Floating:
		return Floating
	}
	switch cat.Compare(old, now) {
	case image.Older:
		return Downgrade
	case image.Equal:
		return Rebuild
	case image.Newer:
		return distance(old.Read().Version, now.Read().Version)
	}
	return Unclear
}

// distance is how far v is below w, which is newer.
func distance(v, w image.Version) Jump {
	old, now := v.Numbers(), w.Numbers()
	switch {
	case w.Prerelease():
		return PreRelease
	case len(old) == 0 || len(now) == 0:
		return Unclear
	case slices.Equal(old, now) && !v.Prerelease():
		return PostRelease
	case old[0] != now[0] && !w.Calendar():
		return Major
	case old[0] != now[0], len(old) > 1 && len(now) > 1 && old[1] != now[1]:
		return Minor
	}
	return Patch
}

// Refused reports whether an upgrade does not go this way: to software that is
// older than the data it would find. A companion that a release ships with a
// lower tag is no such thing.
func (c *Change) Refused() bool { return c.Jump == Downgrade && !c.shipped && !c.Disabled }

// resorts reports whether the change may move PostgreSQL's text to another
// sort order: the same release, built on another system.
func (c *Change) resorts() bool {
	_, server := image.PostgresMajor(c.now.ref)
	return server && c.Jump == Rebuild
}

// OldIs reports whether name, as a compose file writes it, is the old image.
// It is no image of which a part must not be printed.
func (c *Change) OldIs(name string) bool {
	ref, err := image.Parse(name)
	return err == nil && !c.old.hidden && ref == c.old.ref
}

// newer reports whether the change goes up, so that there are releases on its way.
func (c *Change) newer() bool {
	switch c.Jump {
	case Patch, Minor, Major, PostgresMajor, PostRelease, PreRelease, Backport:
		return true
	}
	return false
}
