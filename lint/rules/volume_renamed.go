package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/source"
)

// volumeRenamed finds services that would start on another, empty volume
// than the one that holds their data now.
func volumeRenamed() *lint.Rule {
	return &lint.Rule{
		ID:        "volume-renamed",
		Severity:  lint.Error,
		NeedsBase: true,
		Guards:    true,
		Doc: lint.Doc{
			Title: "A service gets another volume for its data",
			Why: "docker knows a volume by its name. Under a new one it makes an empty volume, the service starts without its\n" +
				"data, and an application then sets itself up anew. A new project name renames all volumes of the project.\n" +
				"Where a new volume is what you want, as for a new major of PostgreSQL, the data has to be restored into it.",
			Bad: `-- base/compose.yaml --
name: shop
services:
  db:
    image: postgres:16
    volumes:
      - data:/var/lib/postgresql/data
volumes:
  data:
-- compose.yaml --
name: shop
services:
  db:
    image: postgres:16
    volumes:
      - db_data:/var/lib/postgresql/data
volumes:
  db_data:
`,
			Good: `-- base/compose.yaml --
name: shop
services:
  db:
    image: postgres:16
    volumes:
      - data:/var/lib/postgresql/data
volumes:
  data:
-- compose.yaml --
name: shop
services:
  db:
    image: postgres:16
    volumes:
      - db_data:/var/lib/postgresql/data
volumes:
  db_data:
    name: shop_data
`,
		},
		Check: checkVolumeRenamed,
	}
}

func checkVolumeRenamed(p *lint.Pass) {
	moved := projectRenamed(p)
	if !moved.IsZero() && projectVolumes(p.Base) {
		p.Report(moved, nil, "keep the project's name, or give each volume a `name:` and keep that",
			"the project gets another name, and with it all its volumes: they start empty")
		return
	}
	for _, old := range p.Base.Services {
		svc := successor(p, old)
		if svc == nil || envOfChange(p) && volumesVary(p.Base, old.Name) {
			continue // service-removed, or unknown
		}
		for _, m := range old.Config.Volumes {
			checkMountMoved(p, old, svc, m)
		}
	}
}

// volumesVary reports whether a variable stands in the volumes of the service.
func volumesVary(s *compose.Stack, service string) bool {
	return slices.ContainsFunc(s.Vars, func(v compose.Var) bool {
		return v.Service == service && strings.HasPrefix(v.Path, "services."+service+".volumes")
	})
}

// checkMountMoved reports when svc mounts something else where its former
// self old has m. Folders of the repository count only where they hold data:
// a configuration file may move.
func checkMountMoved(p *lint.Pass, old, svc *compose.Service, m types.ServiceVolumeConfig) {
	volume := m.Type == types.VolumeTypeVolume && m.Source != ""
	if !volume && !(m.Type == types.VolumeTypeBind && holdsData(p, old, m.Target)) {
		return
	}
	identity := effectiveSource
	if projectUnknown(p) {
		identity = sourceOf
	}
	before, now := identity(p.Base, old, m.Target), identity(p.Stack, svc, m.Target)
	if sameSource(p.Base, before, now) || now == "" && dataElsewhere(p.Stack, svc, before) {
		return
	}
	what := "volume"
	if !volume {
		what = "folder"
	}
	hint := "mount the old " + what + " again, or plan how its data gets into the new one"
	if now == "" {
		if !holdsData(p, old, m.Target) {
			return // nothing is mounted there any more: the service no longer wants it
		}
		p.Report(svc.At("volumes"), svc, hint, "%s no longer mounts the %s that holds its data, at %s", svc.Name, what, svc.Shown(old.Shown(m.Target)))
		return
	}
	p.Report(svc.MountAt(m.Target), svc, hint, "%s gets another %s at %s: it starts without its data", svc.Name, what, svc.Shown(old.Shown(m.Target)))
}

// effectiveSource is sourceOf with the project's name written out where both
// states have one, so that `name: shop_data` is the data of project shop.
func effectiveSource(s *compose.Stack, svc *compose.Service, target string) string {
	for _, m := range svc.Config.Volumes {
		if path.Clean(m.Target) != path.Clean(target) || m.Type != types.VolumeTypeVolume || m.Source == "" {
			continue
		}
		if project := s.Project.Reveal(); project != "" && calledAfterProject(s, m.Source) {
			return "name " + project + "_" + m.Source
		}
	}
	return sourceOf(s, svc, target)
}

// sameSource reports whether now, in the changed stack, is what before was in
// base. Where base leaves the project's name to its folder, any PROJECT_KEY may be.
func sameSource(base *compose.Stack, before, now string) bool {
	return before == now ||
		base.Project.IsZero() && strings.HasPrefix(now, "name ") && strings.HasSuffix(now, "_"+before)
}

// dataElsewhere reports whether svc mounts source at another path.
func dataElsewhere(s *compose.Stack, svc *compose.Service, source string) bool {
	for _, m := range svc.Config.Volumes {
		if effectiveSource(s, svc, m.Target) == source {
			return true
		}
	}
	return false
}

// projectRenamed is where the project gets another name, or a zero Span. A
// name that is added is none: it is likely the one the folder gave before.
func projectRenamed(p *lint.Pass) source.Span {
	before, now := p.Base.Project, p.Stack.Project
	if before.IsZero() || before.Reveal() == "" || before.Reveal() == now.Reveal() || projectUnknown(p) {
		return source.Span{}
	}
	if now.IsZero() {
		if len(p.Stack.Files) == 0 || !hasEnv(p.Stack) && hasEnv(p.Base) {
			return source.Span{} // the env file is not there to be looked into
		}
		return p.Stack.Files[0].Start()
	}
	return now.Span
}

// projectUnknown reports whether an env file that only the changed stack has
// gives the project its name.
func projectUnknown(p *lint.Pass) bool {
	return envOfChange(p) && p.Stack.Project.Shown != p.Stack.Project.Reveal()
}

// projectVolumes reports whether a service of s keeps data in a volume that
// is called after the project.
func projectVolumes(s *compose.Stack) bool {
	for _, svc := range s.Services {
		for _, m := range svc.Config.Volumes {
			if m.Type == types.VolumeTypeVolume && calledAfterProject(s, m.Source) {
				return true
			}
		}
	}
	return false
}
