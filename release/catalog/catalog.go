// Package catalog is what Belay knows of apps and releases, as data.
//
// What must stay true: it holds facts with their sources and no behaviour of
// an upgrade; what it does not know it says so, by a false, and no caller may
// turn that into a finding that blocks.
//
// To add an app: an entry in apps.go. To add a Dify release: a line in dify.tsv.
// To say where an image's release notes are: an entry in upstreams.go. To add a
// gate: an entry in the gates file of its app, and a row in gates_rows_test.go with
// changes that pass it and changes that do not; a test fails without.
package catalog

import (
	"slices"

	"github.com/belaystack/belay/lint/image"
)

// Catalog is the embedded data. Whoever loads it may put upstreams of its own
// in front and gates of its own at the end; then it does not change.
type Catalog struct {
	Apps      []App      // the first whose Images match an image is its app
	Releases  []Release  // of Dify, in the order of their dates
	Upstreams []Upstream // the first whose Images match an image is its upstream
	GateTable []Gate     // in the order in which a report names them
}

// Load gives the embedded data. It panics on a mistake in that data, which the
// package's tests would have found.
func Load() *Catalog {
	releases, err := parseReleases(difyTSV)
	if err != nil {
		panic("catalog: " + err.Error())
	}
	return &Catalog{Apps: apps(), Releases: releases, Upstreams: upstreams(), GateTable: gates()}
}

// App gives the app that an image is of.
func (c *Catalog) App(ref image.Ref) (App, bool) {
	i := slices.IndexFunc(c.Apps, func(a App) bool { return slices.ContainsFunc(a.Images, ref.Match) })
	if i < 0 {
		return App{}, false
	}
	return c.Apps[i], true
}

// Release gives the Dify release of a docker tag. False is: not known here,
// which a release newer than the data is too.
func (c *Catalog) Release(tag string) (Release, bool) {
	i := slices.IndexFunc(c.Releases, func(r Release) bool { return r.Version == tag })
	if i < 0 {
		return Release{}, false
	}
	return c.Releases[i], true
}

// Compare is image.Compare with what only the catalog knows: where one of two
// Dify releases is of an abandoned line, their dates decide, so that 1.9.0 is
// newer than 2.0.0-beta.2. Beside a release that is not listed such a one is
// Unknown.
func (c *Catalog) Compare(a, b image.Ref) image.Order {
	order := image.Compare(a, b)
	old, okOld := c.Release(a.Tag)
	now, okNow := c.Release(b.Tag)
	if order == image.Unknown || order == image.Equal || !old.Abandoned && !now.Abandoned {
		return order
	}
	app, _ := c.App(a)
	switch {
	case app.Release != Dify:
		return order
	case !okOld || !okNow:
		return image.Unknown
	case old.Date < now.Date:
		return image.Newer
	}
	return image.Older
}
