package rules

import (
	"github.com/belaystack/belay/lint"
)

// keyRequired finds applications that would make up a key of their own, and
// lose it with the volume they write it to.
func keyRequired() *lint.Rule {
	return &lint.Rule{
		ID:       "key-required",
		Severity: lint.Error,
		Doc: lint.Doc{
			Title: "An application has no key to encrypt with",
			Why: "n8n without `N8N_ENCRYPTION_KEY` makes a key at its first start and keeps it in its volume alone. When that\n" +
				"volume is lost, or a copy of the database is restored beside a new one, no credential can be decrypted any\n" +
				"more; workers in queue mode do not start at all. An empty value counts as none. Checked in prod.",
			Bad: `-- compose.yaml --
name: flows
services:
  n8n:
    image: n8nio/n8n:2.41.3
    volumes:
      - n8n_data:/home/node/.n8n
volumes:
  n8n_data:
`,
			Good: `-- compose.yaml --
name: flows
services:
  n8n:
    image: n8nio/n8n:2.41.3
    environment:
      N8N_ENCRYPTION_KEY: ${N8N_ENCRYPTION_KEY}
    volumes:
      - n8n_data:/home/node/.n8n
volumes:
  n8n_data:
-- .env --
N8N_ENCRYPTION_KEY=example-only
`,
		},
		Check: checkKeyRequired,
	}
}

func checkKeyRequired(p *lint.Pass) {
	if p.Env != lint.Prod {
		return
	}
	for img := range p.Images(p.Stack) {
		svc := img.Service
		app, _ := p.App(svc)
		for _, key := range app.Required {
			if file, ok := svc.Env(key + "_FILE"); ok && file.Reveal() != "" {
				continue // n8n reads every setting from a file by this name as well
			}
			v, ok := svc.Env(key)
			if v.Reveal() != "" || envUnknown(p.Stack, svc, key) {
				continue
			}
			at, what := svc.Key, "has no "+key
			if ok {
				at, what = v.Span, "has an empty "+key
			}
			if at.IsZero() {
				at = svc.Key
			}
			p.Report(at, svc, "set "+key+"; where the application ran before, to the key it made itself (n8n: /home/node/.n8n/config)",
				"%s %s: it makes one up and keeps it in its volume alone", svc.Name, what)
		}
	}
}
