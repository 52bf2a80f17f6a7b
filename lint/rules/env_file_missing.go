package rules

import (
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
)

// envFileMissing finds env files that docker compose wants and that are not
// there. One that has an example beside it is left out of the repository on
// purpose, since it holds secrets: that is a note, once for each file.
func envFileMissing() *lint.Rule {
	return &lint.Rule{
		ID:       "env-file-missing",
		Severity: lint.Error,
		Doc: lint.Doc{
			Title: "An env file is not there",
			Why: "docker compose refuses to start a service whose `env_file:` does not exist, unless it says\n" +
				"`required: false`. A file that has an example beside it (`app.env.example`) is usually kept out of the\n" +
				"repository because it holds secrets; then Belay only notes that it could not look into it.",
			Bad: `-- compose.yaml --
name: app
services:
  api:
    image: example/api:1.4.2
    env_file: ./api.env
`,
			Good: `-- compose.yaml --
name: app
services:
  api:
    image: example/api:1.4.2
    env_file:
      - ./api.env
      - path: ./local.env
        required: false
-- api.env --
LOG_LEVEL=info
`,
		},
		Check: checkEnvFileMissing,
	}
}

func checkEnvFileMissing(p *lint.Pass) {
	reported := map[string]*lint.Finding{}
	if !hasEnv(p.Stack) && len(p.Examples.Files) > 0 {
		reported[p.Stack.EnvPath] = reportNotInRepository(p, p.Stack.EnvPath)
	}
	for _, svc := range p.Stack.Services {
		for _, ef := range svc.EnvFiles() {
			if !ef.Missing || !ef.Required {
				continue
			}
			if f := reported[ef.Path]; f != nil {
				alsoMissing(f, svc, ef)
				continue
			}
			reported[ef.Path] = reportEnvFile(p, svc, ef)
		}
	}
}

// alsoMissing adds a further service that wants the same file, where compose
// refuses to start it.
func alsoMissing(f *lint.Finding, svc *compose.Service, ef compose.EnvFile) {
	if ef.At != f.Span && f.Severity > lint.Note {
		f.Related = append(f.Related, lint.Related{Span: ef.At, Message: svc.Name + " reads it too"})
	}
}

func reportEnvFile(p *lint.Pass, svc *compose.Service, ef compose.EnvFile) *lint.Finding {
	if example := exampleFor(p, ef.Path); example != "" {
		return p.ReportAs(lint.Note, ef.At, svc, "nothing to do where the file is on the host; else copy "+example,
			"%s is not in the repository: what it sets could not be checked", ef.Shown)
	}
	if ef.Path == p.Stack.EnvPath {
		return p.ReportAs(lint.Note, ef.At, svc, "keep an example of it, with every key and no secret, in the repository: "+ef.Shown+".example",
			"%s is not in the repository: what it sets could not be checked", ef.Shown)
	}
	return p.Report(ef.At, svc, "add the file, or write `required: false` with its path",
		"%s reads %s, which does not exist: docker compose refuses to start it", svc.Name, ef.Shown)
}

// reportNotInRepository says that the stack's own env file could not be looked into.
func reportNotInRepository(p *lint.Pass, name string) *lint.Finding {
	at := p.Examples.Files[0]
	return p.ReportAs(lint.Note, at.Start(), nil, "on the host, `belay env` compares the real file with its examples",
		"%s is not in the repository: what it sets could not be checked", name)
}
