package dossier

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/markdown"
)

// Blocks of danger that are few and short stand above the notes they are from.
const (
	maxLifted     = 6
	maxLiftedSize = 1500
)

// kindOf gives the kind that a section names.
func kindOf(name string) markdown.Kind {
	for k := markdown.Danger; k <= markdown.Boilerplate; k++ {
		if k.String() == name {
			return k
		}
	}
	return markdown.Other
}

// kindTier says when a block of a kind may be left out.
func kindTier(k markdown.Kind) tier {
	switch {
	case k <= markdown.Notable:
		return details
	case k < markdown.Changes:
		return features
	case k == markdown.Changes:
		return lists
	}
	return boiler
}

// kindUnit is what a block of a kind is called.
func kindUnit(k markdown.Kind) string {
	switch k {
	case markdown.Danger:
		return "warning"
	case markdown.Breaking:
		return "breaking change"
	case markdown.Security:
		return "security note"
	case markdown.Migration:
		return "note on migration"
	case markdown.Environment:
		return "note on settings"
	case markdown.Upgrade:
		return "note on upgrading"
	case markdown.Features:
		return "feature"
	case markdown.Fixes:
		return "fix"
	case markdown.Changes:
		return "entry of the change list"
	}
	return "block"
}

// metaKind is the kind that the parts of a version have which are not sections
// of its notes: after what asks for something, before what is only of interest.
const metaKind = markdown.Notable

// notes is what the releases say, image by image.
func (r *render) notes(all []release.Notes) *node {
	var kids []*node
	for _, n := range all {
		kids = append(kids, r.imageNotes(n))
	}
	return section("Release notes", kids...)
}

func (r *render) imageNotes(n release.Notes) *node {
	image := &node{unit: "image", notes: true, open: "##### " + r.code(n.Image) + " " + r.code(n.Old) + " → " + r.code(n.New) + "\n"}
	lifted := r.lift(n.Versions)
	for i, v := range n.Versions {
		if len(lifted[i]) == 0 {
			continue
		}
		from := &node{open: "From " + r.code(v.Name) + ":\n"}
		for _, b := range lifted[i] {
			from.kids = append(from.kids, block(first, i, b.kind, b.text))
		}
		image.kids = append(image.kids, from)
	}
	if len(n.Versions) > 0 {
		list := fold(inTag(summary(n), 200))
		list.notes = true
		if n.URL != "" && r.address(n.URL) != "" {
			list.kids = append(list.kids, block(details, 0, metaKind, "From "+r.link(r.text(cmp.Or(n.Source, shortAddress(n.URL)), maxName), n.URL)))
		}
		for i, v := range n.Versions {
			list.kids = append(list.kids, r.version(i, v, lifted[i] != nil))
		}
		image.kids = append(image.kids, list)
	}
	if len(n.Missing) > 0 {
		gaps := &node{open: "Not to be had:\n"}
		for i, m := range n.Missing {
			t := plans
			if i >= 20 {
				t = bulk
			}
			gaps.kids = append(gaps.kids, line(t, "release without notes", "- "+r.prose(m, maxLine)))
		}
		image.kids = append(image.kids, gaps)
	}
	if len(image.kids) == 0 {
		image.kids = append(image.kids, leaf(plans, "No release notes."))
	}
	return image
}

// summary counts what the notes of an image hold.
func summary(n release.Notes) string {
	breaking, advisories := 0, map[string]bool{}
	for _, v := range n.Versions {
		if breaks(v) {
			breaking++
		}
		for _, a := range v.Advisories {
			advisories[a] = true
		}
	}
	s := count(len(n.Versions), "version")
	if breaking > 0 {
		s += ", " + strconv.Itoa(breaking) + " with breaking changes"
	}
	if len(advisories) > 0 {
		s += ", " + count(len(advisories), "security advisory")
	}
	return s
}

// said is a block with its kind.
type said struct {
	kind markdown.Kind
	text string
}

// lift gives the blocks of danger and breaking changes that stand above the
// notes, by version; nil when they are too many or too long for that.
func (r *render) lift(versions []release.Version) map[int][]said {
	out := map[int][]said{}
	blocks := 0
	for i, v := range versions {
		for _, s := range v.Sections {
			k := kindOf(s.Kind)
			if k > markdown.Breaking {
				continue
			}
			for _, b := range s.Blocks {
				text := r.md(b)
				if blocks++; blocks > maxLifted || r.size(text) > maxLiftedSize {
					return nil
				}
				out[i] = append(out[i], said{k, text})
			}
		}
	}
	return out
}

// block is a leaf of an image's or a version's notes; i is the version's
// number, from the newest.
func block(t tier, i int, k markdown.Kind, text string) *node {
	n := leaf(t, text)
	n.at = int(k)<<20 + i
	n.unit = kindUnit(k)
	n.tight = strings.HasPrefix(text, "- ")
	return n
}

// version is one release, folded. What of it was lifted is not repeated.
func (r *render) version(i int, v release.Version, lifted bool) *node {
	n := fold(r.versionSummary(v))
	n.unit, n.notes, n.of = "version", true, " of "+r.code(v.Name)
	add := func(k markdown.Kind, text string) { n.kids = append(n.kids, block(details, i, k, text)) }
	if u := r.link("Release notes of "+r.code(v.Name), v.URL); strings.HasPrefix(u, "[") {
		add(metaKind, u)
	} else {
		add(metaKind, "Notes of "+r.code(v.Name))
	}
	if len(v.Advisories) > 0 {
		add(markdown.Security, "**Security:** "+r.codes(v.Advisories, 20))
	}
	if v.Migrations {
		add(markdown.Migration, "It has **database migrations**.")
	}
	if here := r.here(details, "What of it touches this stack:", v.Here); here != nil {
		for _, k := range here.kids {
			k.at = i
		}
		n.kids = append(n.kids, here)
	}
	if len(v.Commands) > 0 {
		add(markdown.Breaking, "**Commands that it tells to run:**\n\n"+fence("sh", v.Commands))
	}
	for _, s := range v.Sections {
		k := kindOf(s.Kind)
		if lifted && k <= markdown.Breaking {
			continue
		}
		if sec := r.versionSection(i, k, s); sec != nil {
			n.kids = append(n.kids, sec)
		}
	}
	return n
}

func (r *render) versionSection(i int, k markdown.Kind, s release.Section) *node {
	sec := &node{open: "**" + r.sectionHead(s) + "**\n"}
	if k >= markdown.Changes {
		sec = fold(inTag(sectionTitle(s), maxName) + " (" + strconv.Itoa(len(s.Blocks)) + ")")
	}
	for _, b := range s.Blocks {
		if text := r.md(b); text != "" {
			sec.kids = append(sec.kids, block(kindTier(k), i, k, text))
		}
	}
	if sec.kids == nil {
		return nil
	}
	return sec
}

// versionSummary is the line that a version is folded to.
func (r *render) versionSummary(v release.Version) string {
	s := "<b>" + inTag(v.Name, 60) + "</b>"
	if v.Date != "" {
		s += " · " + inTag(v.Date, 20)
	}
	if breaks(v) {
		s += " · ⚠️ breaking changes"
	}
	if n := len(v.Advisories); n > 0 {
		s += " · 🔒 " + count(n, "advisory")
	}
	if v.Migrations {
		s += " · migrations"
	}
	return s
}

// breaks reports whether the release says that something breaks.
func breaks(v release.Version) bool {
	for _, s := range v.Sections {
		if k := kindOf(s.Kind); k <= markdown.Breaking && len(s.Blocks) > 0 {
			return true
		}
	}
	return false
}

// sectionTitle is the title of a section as plain text.
func sectionTitle(s release.Section) string {
	return clean(cmp.Or(plain(s.Title), s.Kind, "Notes"), maxName)
}

// sectionHead is the title of a section as Markdown on one line. What is no
// heading's text, of several lines or longer than any, is shown as plain text.
func (r *render) sectionHead(s release.Section) string {
	if title := r.md(s.Title); isInline(title) && r.size(title) <= 2*maxName {
		return title
	}
	return r.text(sectionTitle(s), maxName)
}
