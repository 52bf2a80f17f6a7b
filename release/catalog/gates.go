package catalog

import (
	"slices"

	"github.com/belaystack/belay/lint/image"
)

// gates is the table: Dify, n8n, then what keeps the data.
func gates() []Gate {
	return slices.Concat(difyGates(), n8nGates(), storeGates())
}

// Gates gives the gates that a change from old to now passes, in the order of
// the table. Both are images of one app; where their order is not known, only
// the gates with a range that now lies in are given, and of PostgreSQL those of
// a change of its major version. A new service, a change of the digest alone
// and one to a floating tag pass none; a downgrade passes none that is behind
// one version or speaks of upgrades.
func (c *Catalog) Gates(old, now image.Ref) []Gate {
	app, ok := c.App(now)
	before, _ := c.App(old)
	if !ok || before.ID != app.ID {
		return nil
	}
	ch := crossing{c: c, old: old, now: now, order: c.Compare(old, now)}
	if ch.order == image.Equal {
		return nil
	}
	var out []Gate
	for _, g := range c.GateTable {
		if (g.App == app.ID || g.App == Dify && app.Release == Dify) && ch.passes(g) {
			out = append(out, g)
		}
	}
	return out
}

// crossing is a change of an image, as gates look at it.
type crossing struct {
	c        *Catalog
	old, now image.Ref
	order    image.Order
}

func (ch crossing) passes(g Gate) bool {
	if len(g.Images) > 0 && !slices.ContainsFunc(g.Images, ch.now.Match) {
		return false
	}
	if g.Since != "" && !ch.reached(g.Since) || g.Before != "" && !ch.below(g.Before) {
		return false
	}
	upgrade := ch.order == image.Newer
	switch {
	case g.At != "":
		return upgrade && ch.c.behind(ch.old, withVersion(ch.old, g.At)) && ch.reached(g.At)
	case g.Majors:
		return ch.majors()
	case g.Minors:
		return upgrade && !ch.old.Read().Version.SameLine(ch.now.Read().Version)
	case g.Skips:
		return upgrade && ch.now.Read().Version.Skips(ch.old.Read().Version)
	case g.Every:
		return upgrade
	case g.Migrations:
		n, known := ch.c.Migrations(ch.old, ch.now)
		return upgrade && (n > 0 || !known)
	}
	return true // a range alone
}

func (ch crossing) reached(version string) bool {
	return ch.c.reached(ch.now, withVersion(ch.now, version))
}

func (ch crossing) below(version string) bool {
	return ch.c.behind(ch.now, withVersion(ch.now, version))
}

// majors reports whether the major version is another one, the server's where
// the image is a PostgreSQL with an extension.
func (ch crossing) majors() bool {
	old, ok := image.PostgresMajor(ch.old)
	now, okNow := image.PostgresMajor(ch.now)
	if ok && okNow && old == now && old < 10 { // 9.5 and 9.6 were major versions
		return !ch.old.Read().Version.SameLine(ch.now.Read().Version)
	}
	if ok || okNow {
		return ok && okNow && old != now
	}
	a, okA := ch.old.Read().Version.Major()
	b, okB := ch.now.Read().Version.Major()
	return okA && okB && a != b && ch.order != image.Unknown
}

// Migrations gives how many schema migrations of Dify lie between the releases
// of two images of it. False is: not known, as for releases that are not
// listed and for a way down.
func (c *Catalog) Migrations(old, now image.Ref) (n int, known bool) {
	if app, _ := c.App(now); app.Release != Dify {
		return 0, false
	}
	a, _ := c.Release(old.Tag)
	b, _ := c.Release(now.Tag)
	if a.Migrations == 0 || b.Migrations < a.Migrations || c.Compare(old, now) == image.Older {
		return 0, false
	}
	return b.Migrations - a.Migrations, true
}
