package rules

import (
	"slices"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
)

// projectNameUnset finds stacks whose named volumes are called after the
// folder they happen to lie in.
func projectNameUnset() *lint.Rule {
	return &lint.Rule{
		ID:       "project-name-unset",
		Severity: lint.Warning,
		Doc: lint.Doc{
			Title: "The project has no name of its own",
			Why: "Without `name:` or `COMPOSE_PROJECT_NAME` docker compose takes the folder's name, and calls the volumes\n" +
				"after it. The same stack checked out elsewhere, or in a folder that was renamed, starts with new, empty\n" +
				"volumes, and the data seems lost. Only stacks with such volumes are reported. A note in dev.",
			Bad: `-- compose.yaml --
services:
  db:
    image: postgres:16
    volumes:
      - data:/var/lib/postgresql/data
volumes:
  data:
`,
			Good: `-- compose.yaml --
name: shop
services:
  db:
    image: postgres:16
    volumes:
      - data:/var/lib/postgresql/data
volumes:
  data:
`,
		},
		Check: checkProjectNameUnset,
	}
}

func checkProjectNameUnset(p *lint.Pass) {
	if !p.Stack.Project.IsZero() || len(p.Stack.Files) == 0 {
		return
	}
	if !hasEnv(p.Stack) && !exampleOf(p, "COMPOSE_PROJECT_NAME").IsZero() {
		return // the env file on the host is likely to set it
	}
	var names []string
	for _, svc := range p.Stack.Services {
		for _, m := range svc.Config.Volumes {
			if svc.Enabled && calledAfterProject(p.Stack, m.Source) && m.Type == "volume" && !slices.Contains(names, m.Source) {
				names = append(names, m.Source)
			}
		}
	}
	if len(names) == 0 {
		return
	}
	sev := lint.Warning
	if p.Env == lint.Dev {
		sev = lint.Note
	}
	at := p.Stack.Files[0].Start()
	f := p.ReportAs(sev, at, nil, "add `name:` at the top of the file, with the name the running project has (`docker compose ls`)",
		"the project is called after its folder: elsewhere its volumes are empty (%s)", joinSome(names, 3))
	for _, svc := range p.Stack.Services {
		for _, m := range svc.Config.Volumes {
			if svc.Enabled && m.Source == names[0] && len(f.Related) == 0 {
				f.Related = append(f.Related, lint.Related{Span: svc.At("volumes"), Message: "volume " + names[0] + " is used here"})
			}
		}
	}
}

// calledAfterProject reports whether docker compose makes the volume's name
// from the project's: it is declared, not external, and has no `name:`.
func calledAfterProject(s *compose.Stack, key string) bool {
	v, ok := s.Volumes[key]
	_, named := s.VolumeAt(key)
	return ok && !bool(v.External) && !named
}
