package catalog

import (
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/lint/image"
)

// The repositories of Dify whose releases the catalog lists.
const (
	difyRepo         = "langgenius/dify"
	pluginDaemonRepo = "langgenius/dify-plugin-daemon"
	sandboxRepo      = "langgenius/dify-sandbox"
)

// Path gives those of all that lie on the way from old to now, now's own
// included, newest first. Left out are pre-releases that now is not one of,
// abandoned lines, and backports: a release of an earlier line than now's that
// was published after a later line on the way had begun is one, since whoever
// upgrades has left its line by then. One whose date is not known stays.
// Where now names less than a release, the way ends at the first release it
// can mean; what lies behind that is not known to be passed.
func (c *Catalog) Path(u Upstream, old, now image.Ref, all []Tagged) []Tagged {
	var way []onWay
	for _, t := range all {
		// Compared with old as an image like old: of a database with an
		// extension the server's version would decide.
		after, _ := u.Ref(old, t.Tag)
		if r, ok := u.Ref(now, t.Tag); ok && c.wanted(r, now) && c.behind(old, after) && c.reached(now, r) {
			way = append(way, onWay{t, r, r.Read().Version})
		}
	}
	slices.SortStableFunc(way, func(a, b onWay) int {
		switch c.Compare(a.ref, b.ref) {
		case image.Newer:
			return 1
		case image.Older:
			return -1
		}
		return 0
	})
	return withoutBackports(slices.CompactFunc(way, func(a, b onWay) bool { return a.Tag == b.Tag }))
}

type onWay struct {
	Tagged
	ref     image.Ref
	version image.Version
}

// wanted reports whether a release is one that people who go to now may pass.
func (c *Catalog) wanted(r, now image.Ref) bool {
	v := r.Read().Version
	if v.Prerelease() && !(now.Read().Version.Prerelease() && base(v) == base(now.Read().Version)) {
		return false
	}
	this, _ := c.Release(r.Tag)
	last, _ := c.Release(now.Tag)
	app, _ := c.App(r)
	return app.Release != Dify || !this.Abandoned || last.Abandoned
}

// base is the version that a pre-release precedes.
func base(v image.Version) string {
	s, _, _ := strings.Cut(v.String(), "-")
	return s
}

// withoutBackports gives way, which is sorted with the newest version first,
// without its backports.
func withoutBackports(way []onWay) []Tagged {
	var out []Tagged
	var begun, line time.Time // when the first later line began; when the line at hand did
	earlier := func(a, b time.Time) time.Time {
		if a.IsZero() || !b.IsZero() && b.Before(a) {
			return b
		}
		return a
	}
	for i, w := range way {
		if i > 0 && !w.version.SameLine(way[i-1].version) {
			begun, line = earlier(begun, line), time.Time{}
		}
		line = earlier(line, w.Date)
		if begun.IsZero() || !w.Date.After(begun) {
			out = append(out, w.Tagged)
		}
	}
	return out
}

// Known gives the releases between old and now, now's own included, that the
// catalog knows to exist, with their dates where it has them, newest first.
// Of the images that Dify ships beside its own it knows those that a release
// of Dify shipped, and not when they were made.
func (c *Catalog) Known(u Upstream, old, now image.Ref) []Tagged {
	var all []Tagged
	companion := map[string]string{pluginDaemonRepo: DifyPluginDaemon, sandboxRepo: DifySandbox}[u.Repo]
	for _, r := range c.Releases {
		if u.Repo == difyRepo {
			date, _ := time.Parse(time.DateOnly, r.Date)
			all = append(all, Tagged{Tag: r.Version, Date: date})
		} else if tag := r.Companions[companion]; tag != "" {
			if git, ok := u.GitTag(image.Ref{Path: now.Path, Tag: tag}); ok {
				all = append(all, Tagged{Tag: git})
			}
		}
	}
	return c.Path(u, old, now, all)
}
