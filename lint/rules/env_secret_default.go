package rules

import (
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
)

// envSecretDefault counts the secrets that are still what the example or the
// compose file says, where everybody can read it. Which ones is said nowhere
// but on the host: a finding goes to annotations, comments and logs, and the
// name of such a key there is as good as its value.
func envSecretDefault() *lint.Rule {
	return &lint.Rule{
		ID:       "env-secret-default",
		Severity: lint.Warning,
		Doc: lint.Doc{
			Title: "A secret still has its public default",
			Why: "The value in an example file, or behind `:-` in a compose file, can be read by anybody who has the\n" +
				"project. Belay says how many secrets in use are such values, and never which: `belay env`, run on the\n" +
				"host, names them. An empty value is no finding. Checked in prod, when the env file can be read.",
			Bad: `-- compose.yaml --
name: app
services:
  api:
    image: example/api:1.4.2
    environment:
      SECRET_KEY: ${SECRET_KEY}
-- .env.example --
SECRET_KEY=change-me
-- .env --
SECRET_KEY=change-me
`,
			Good: `-- compose.yaml --
name: app
services:
  api:
    image: example/api:1.4.2
    environment:
      SECRET_KEY: ${SECRET_KEY}
      API_TOKEN: ${API_TOKEN:-}
-- .env.example --
SECRET_KEY=change-me
API_TOKEN=
-- .env --
SECRET_KEY=example-only
API_TOKEN=
`,
		},
		Check: checkEnvSecretDefault,
	}
}

func checkEnvSecretDefault(p *lint.Pass) {
	if p.Env != lint.Prod || !hasEnv(p.Stack) {
		return
	}
	public := map[string]bool{}
	for _, file := range p.Stack.Env {
		for _, key := range file.Keys() {
			if e, _ := envEntry(p.Stack, key); isPublic(p.Examples, key, e.Value) {
				public[key] = true
			}
		}
	}
	for _, v := range p.Stack.Vars {
		if publicDefault(p.Stack, v) {
			public[v.Name] = true
		}
	}
	if len(public) == 0 {
		return
	}
	keys, have := "secret keys", "have"
	if len(public) == 1 {
		keys, have = "secret key", "has"
	}
	p.Report(p.Stack.Env[0].Start(), nil, "run `belay env` on the host: it names them",
		"%d %s still %s the public default of an example or of the compose file", len(public), keys, have)
}

// isPublic reports whether value is what an example says of the secret key.
func isPublic(examples *dotenv.Set, key string, value dotenv.Value) bool {
	if value.IsEmpty() || !dotenv.IsSecret(key) && !dotenv.HasCredentials(value) {
		return false
	}
	for _, e := range examples.All(key) {
		if e.Value.Equal(value) {
			return true
		}
	}
	return false
}

// publicDefault reports whether a service that starts takes a secret from the
// text behind :- in the compose file.
func publicDefault(s *compose.Stack, v compose.Var) bool {
	svc := s.Service(v.Service)
	if svc == nil || !svc.Enabled || v.Default.Len == 0 || !dotenv.IsSecret(v.Name) {
		return false
	}
	if text := s.File(v.Default.File); text == nil || text.Data[v.Default.Offset] == '$' {
		return false // the default is another variable, which is counted itself
	}
	return v.Op == ":-" && (!v.Set || v.Empty) || v.Op == "-" && !v.Set
}
