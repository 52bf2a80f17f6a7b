package rules

import (
	"path"
	"slices"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/catalog"
)

// dataVolumeAnonymous finds databases and applications that keep their data
// where it goes with the container. Which paths hold data is in the catalog.
func dataVolumeAnonymous() *lint.Rule {
	return &lint.Rule{
		ID:       "data-volume-anonymous",
		Severity: lint.Error,
		Doc: lint.Doc{
			Title: "Data is not on a named volume or a bind mount",
			Why: "What a container writes elsewhere is gone when the container is replaced, and an upgrade replaces it. A\n" +
				"volume without a name survives, but the next container gets a new one. tmpfs is memory. Belay knows the\n" +
				"data paths of some images; of others it says nothing. For a cache such as Redis it is a warning where n8n or\n" +
				"Dify keep their queues in it, else a note; and nothing is said where its command switches saving off.",
			Bad: `-- compose.yaml --
name: shop
services:
  db:
    image: postgres:16
  n8n:
    image: n8nio/n8n:2.41.3
    volumes:
      - /home/node/.n8n
`,
			Good: `-- compose.yaml --
name: shop
services:
  db:
    image: postgres:16
    volumes:
      - ./volumes/db:/var/lib/postgresql/data
  n8n:
    image: n8nio/n8n:2.41.3
    volumes:
      - n8n_data:/home/node/.n8n
  cache:
    image: redis:7-alpine
    command: redis-server --save ""
volumes:
  n8n_data:
`,
		},
		Check: checkDataVolumeAnonymous,
	}
}

func checkDataVolumeAnonymous(p *lint.Pass) {
	for _, svc := range p.Stack.Services {
		app, _ := p.App(svc)
		dirs := dataPaths(p, svc)
		if len(dirs) == 0 || svc.Config.Build != nil || isOneShot(p.Stack, svc) || savesNothing(svc) {
			continue
		}
		kept := func(dir string) bool { return mountOf(svc, dir).kind == kept }
		if slices.ContainsFunc(dirs, kept) || !isStore(app) && keptByAnother(p, svc, dirs) {
			continue
		}
		sev := p.Rule.Severity
		if app.Kind == catalog.Cache {
			sev = cacheSeverity(p)
		}
		m := mountOf(svc, dirs[0])
		what, at := "in the container itself", svc.Key
		switch m.kind {
		case anonymous:
			what, at = "in a volume without a name", svc.MountAt(m.Target)
		case inMemory:
			what, at = "in memory (tmpfs)", tmpfsAt(svc, m.Target)
		}
		p.ReportAs(sev, at, svc, "mount a named volume or a folder at "+mountPoint(app, dirs[0]),
			"%s keeps its data %s: it is gone when the container is replaced", svc.Name, what)
	}
}

// cacheSeverity is how much it matters that a cache is not kept: Dify and n8n
// put their queues into it; of other applications that is not known.
func cacheSeverity(p *lint.Pass) lint.Severity {
	for _, svc := range p.Stack.Services {
		if app, _ := p.App(svc); app.ID == catalog.N8N || app.Release == catalog.Dify {
			return lint.Warning
		}
	}
	return lint.Note
}

// mountPoint is where a volume for dir belongs. PGDATA may come from an env
// file, so that it is not printed.
func mountPoint(app catalog.App, dir string) string {
	switch {
	case slices.Contains(app.DataPaths, dir):
		return dir
	case within(dir, pgData17):
		return pgData17
	case within(dir, pgHome):
		return pgHome
	}
	return "the folder that PGDATA names"
}

// keptByAnother reports whether another service with svc's image keeps one of
// dirs: of the processes of one application not all need its files, as Dify's
// worker_beat does not.
func keptByAnother(p *lint.Pass, svc *compose.Service, dirs []string) bool {
	for _, other := range p.Stack.Services {
		if other == svc || !other.Enabled || familiar(other) != familiar(svc) {
			continue
		}
		if slices.ContainsFunc(dirs, func(dir string) bool { return mountOf(other, dir).kind == kept }) {
			return true
		}
	}
	return false
}

// savesNothing reports whether the command of a cache switches saving off:
// redis-server --save "".
func savesNothing(svc *compose.Service) bool {
	i := slices.Index(svc.Config.Command, "--save")
	return i >= 0 && i+1 < len(svc.Config.Command) && svc.Config.Command[i+1] == "" &&
		!slices.Contains(svc.Config.Command, "--appendonly")
}

// isOneShot reports whether another service waits for svc to end, or svc is
// never started again: it only prepares or repairs something.
func isOneShot(s *compose.Stack, svc *compose.Service) bool {
	for _, other := range s.Services {
		if d, ok := other.Config.DependsOn[svc.Name]; ok && d.Condition == "service_completed_successfully" {
			return true
		}
	}
	return svc.Config.Restart == "no" && len(svc.Config.Command)+len(svc.Config.Entrypoint) > 0
}

func tmpfsAt(svc *compose.Service, target string) source.Span {
	if slices.ContainsFunc(svc.Config.Tmpfs, func(t string) bool { return path.Clean(t) == path.Clean(target) }) {
		return svc.At("tmpfs")
	}
	return svc.MountAt(target)
}
