package rules

import (
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

// envDuplicateKey finds keys that an env file sets twice. Examples are left
// out: upstream ships some with duplicates, and there they do no harm.
func envDuplicateKey() *lint.Rule {
	return &lint.Rule{
		ID:       "env-duplicate-key",
		Severity: lint.Warning,
		Doc: lint.Doc{
			Title: "An env file sets a key twice",
			Why: "The last one holds. Who edits the first one changes nothing, and a tool that reads the file in\n" +
				"another way than docker compose sees another value.",
			Bad: `-- compose.yaml --
name: app
services:
  api:
    image: example/api:1.4.2
    environment:
      DB_PASSWORD: ${DB_PASSWORD}
-- .env --
DB_PASSWORD=example-old
LOG_LEVEL=info
DB_PASSWORD=example-new
`,
			Good: `-- compose.yaml --
name: app
services:
  api:
    image: example/api:1.4.2
    environment:
      DB_PASSWORD: ${DB_PASSWORD}
-- .env --
# DB_PASSWORD=example-old
LOG_LEVEL=info
DB_PASSWORD=example-new
`,
		},
		Check: checkEnvDuplicateKey,
	}
}

func checkEnvDuplicateKey(p *lint.Pass) {
	for _, file := range p.Stack.Env {
		last := map[string]source.Span{}
		for _, e := range file.Entries {
			if e.Commented || e.Unset {
				continue
			}
			before, twice := last[e.Key]
			last[e.Key] = e.Span
			if !twice {
				continue
			}
			f := p.Report(e.Span, nil, "keep one of the two lines", "%s is already set at line %d; this one holds", e.Key, before.Line)
			f.Related = []lint.Related{{Span: before, Message: e.Key + " is set here first, and overwritten"}}
		}
	}
}
