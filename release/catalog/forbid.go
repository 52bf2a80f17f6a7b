package catalog

import (
	"slices"

	"github.com/belaystack/belay/lint/image"
)

// Forbidden gives the gates of combinations that must not be started and whose range
// an image lies in, in the order of the table. What it must not be combined with say
// their Touches. A floating tag is in no range.
func (c *Catalog) Forbidden(ref image.Ref) []Gate {
	app, ok := c.App(ref)
	if !ok {
		return nil
	}
	in := crossing{c: c, old: ref, now: ref, order: image.Equal}
	return slices.DeleteFunc(slices.Clone(c.GateTable), func(g Gate) bool {
		return g.Duty != Forbid || g.Since == "" && g.Before == "" ||
			g.App != app.ID && (g.App != Dify || app.Release != Dify) || !in.passes(g)
	})
}
