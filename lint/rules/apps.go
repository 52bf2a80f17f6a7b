package rules

import (
	"fmt"
	"path"
	"slices"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// isStore reports whether app is a server that applications wait for: a
// database, a cache, or a store of another kind.
func isStore(app catalog.App) bool {
	return app.Kind != "" && app.Kind != catalog.Application && app.Kind != catalog.Sidecar
}

// protectedKeys gives the keys of svc's environment whose change loses data:
// those of its app, and those that the policy names.
func protectedKeys(p *lint.Pass, svc *compose.Service) []string {
	app, _ := p.App(svc)
	return slices.Concat(app.Protected, p.Policy.Protected)
}

// allProtected gives the protected keys of all apps and of the policy.
func allProtected(p *lint.Pass) []string {
	out := slices.Clone(p.Policy.Protected)
	for _, app := range p.Catalog.Apps {
		out = append(out, app.Protected...)
	}
	return out
}

// dataPaths gives the folders of the container where svc keeps data; one of
// them being kept is enough. For PostgreSQL it is the one folder in use, as
// far as tag and PGDATA tell. None where that is not known.
func dataPaths(p *lint.Pass, svc *compose.Service) []string {
	app, ok := p.App(svc)
	if !ok || !app.Stateful {
		return nil
	}
	ref, _ := image.Parse(svc.Image.Reveal())
	if !isOfficialPostgres(app, ref) {
		return app.DataPaths
	}
	dir, set := pgdataOf(svc)
	major, known := image.PostgresMajor(ref)
	switch {
	case set && !path.IsAbs(dir):
		return nil
	case set:
		return []string{dir}
	case !known:
		return []string{pgData17, pgHome}
	case major >= 18:
		// A mount at the old path is postgres-data-path's to report.
		return []string{fmt.Sprintf("%s/%d/docker", pgHome, major), pgData17}
	}
	return []string{pgData17}
}

// holdsData reports whether svc is known to keep data at target, below it or above.
func holdsData(p *lint.Pass, svc *compose.Service, target string) bool {
	target = path.Clean(target)
	return slices.ContainsFunc(dataPaths(p, svc), func(dir string) bool {
		return within(dir, target) || within(target, dir)
	})
}
