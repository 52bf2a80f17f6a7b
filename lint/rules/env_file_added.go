package rules

import (
	"slices"

	"github.com/belaystack/belay/lint"
)

// envFileAdded finds an env file that the change brings into the repository
// and that decides what runs.
func envFileAdded() *lint.Rule {
	return &lint.Rule{
		ID:        "env-file-added",
		Severity:  lint.Error,
		NeedsBase: true,
		Guards:    true,
		Doc: lint.Doc{
			Title: "The change brings an env file that decides which images run",
			Why: "Until now the file was on the host alone, and what it sets is not known here. A change that brings one along\n" +
				"with `COMPOSE_FILE`, `COMPOSE_PROFILES`, `COMPOSE_PROJECT_NAME` or the tag of an image in it moves what runs, and nothing can say from\n" +
				"where to where: a downgrade or another major version of a database would pass unseen.",
			Bad: `-- base/compose.yaml --
services:
  db:
    image: postgres:${PG_TAG:-16.4}
    volumes: ["data:/var/lib/postgresql/data"]
volumes: {data: {}}
-- compose.yaml --
services:
  db:
    image: postgres:${PG_TAG:-16.4}
    volumes: ["data:/var/lib/postgresql/data"]
volumes: {data: {}}
-- .env --
PG_TAG=17.2
`,
			Good: `-- base/compose.yaml --
services:
  db:
    image: postgres:${PG_TAG:-16.4}
    volumes: ["data:/var/lib/postgresql/data"]
volumes: {data: {}}
-- base/.env --
LOG_LEVEL=info
-- compose.yaml --
services:
  db:
    image: postgres:${PG_TAG:-16.4}
    volumes: ["data:/var/lib/postgresql/data"]
volumes: {data: {}}
-- .env --
LOG_LEVEL=debug
`,
		},
		Check: checkEnvFileAdded,
	}
}

func checkEnvFileAdded(p *lint.Pass) {
	env := p.Stack.OwnEnv()
	if env == nil || p.Base.OwnEnv() != nil {
		return
	}
	decides := []string{"COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"}
	for _, svc := range p.Stack.Services {
		for _, v := range svc.Image.Vars {
			decides = append(decides, v.Name)
		}
	}
	for _, e := range env.Entries {
		if e.Commented || !slices.Contains(decides, e.Key) {
			continue
		}
		p.Report(e.Span, nil, "keep the env file out of the repository, or add it as it is on the host in a change of its own",
			"the change brings this env file along, and %s in it decides what runs: nothing compares that with what runs now", e.Key)
		return
	}
}
