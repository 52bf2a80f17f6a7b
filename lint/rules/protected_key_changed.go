package rules

import (
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/catalog"
)

// protectedKeyChanged finds changes of keys without which data cannot be read
// any more. Only that a key changes is said, and never its values.
func protectedKeyChanged() *lint.Rule {
	return &lint.Rule{
		ID:        "protected-key-changed",
		Severity:  lint.Error,
		NeedsBase: true,
		Guards:    true,
		Doc: lint.Doc{
			Title: "A key that data depends on changes",
			Why: "n8n encrypts its credentials with `N8N_ENCRYPTION_KEY`, and Dify signs with `SECRET_KEY`: with another one\n" +
				"the credentials are lost and the sessions end. A database keeps the password it was made with, so that a new\n" +
				"one in the files only locks the application out. `protected` in belay.yml names further keys. What is\n" +
				"compared is what the files of the repository say before and after the change.",
			Bad: `-- base/compose.yaml --
name: flows
services:
  n8n:
    image: n8nio/n8n:2.41.3
    environment:
      N8N_ENCRYPTION_KEY: ${N8N_ENCRYPTION_KEY}
-- base/.env --
N8N_ENCRYPTION_KEY=example-old
-- compose.yaml --
name: flows
services:
  n8n:
    image: n8nio/n8n:2.41.3
    environment:
      N8N_ENCRYPTION_KEY: ${N8N_ENCRYPTION_KEY}
-- .env --
N8N_ENCRYPTION_KEY=example-new
`,
			Good: `-- base/compose.yaml --
name: flows
services:
  n8n:
    image: n8nio/n8n:2.41.2
    environment:
      N8N_ENCRYPTION_KEY: ${N8N_ENCRYPTION_KEY}
-- base/.env --
N8N_ENCRYPTION_KEY=example-only
-- compose.yaml --
name: flows
services:
  n8n:
    image: n8nio/n8n:2.41.3
    environment:
      - N8N_ENCRYPTION_KEY=${ENCRYPTION_KEY}
-- .env --
ENCRYPTION_KEY=example-only
`,
		},
		Check: checkProtectedKeyChanged,
	}
}

func checkProtectedKeyChanged(p *lint.Pass) {
	reported := map[source.Span]*lint.Finding{}
	seen := map[string]bool{} // keys of env files that a service was found to use
	for _, old := range p.Base.Services {
		svc := successor(p, old)
		for _, key := range protectedKeys(p, old) {
			before, ok := old.Env(key)
			if !ok || before.Reveal() == "" || envOfChange(p) && len(before.Vars) > 0 {
				continue
			}
			for _, name := range append(envNames(before), key) {
				seen[name] = true
			}
			if svc != nil {
				compareProtected(p, reported, svc, key, before)
			}
		}
	}
	compareEnvFiles(p, reported, seen)
}

// compareProtected reports when svc gets another value for key than before.
func compareProtected(p *lint.Pass, reported map[source.Span]*lint.Finding, svc *compose.Service, key string, before compose.Value) {
	now, _ := svc.Env(key)
	if now.Reveal() == before.Reveal() {
		return
	}
	what, at := "changes", now.Span
	if now.Reveal() == "" {
		if len(envNames(before)) == 0 && envUnknown(p.Stack, svc, key) {
			return // its default is gone, and an env file that cannot be read may set it
		}
		what = "is removed"
		if at.IsZero() {
			at = svc.At("environment")
		}
	}
	if at.IsZero() {
		at = svc.Key
	}
	if f := reported[at]; f != nil {
		f.Related = append(f.Related, lint.Related{Span: svc.At("environment"), Message: svc.Name + " gets it too"})
		return
	}
	hint, why := "put the old value back; a key is exchanged by the application's own procedure, with a backup",
		"what it wrote with the old one cannot be used with another"
	if app, _ := p.App(svc); app.Kind == catalog.Database {
		hint, why = "put the old value back, or change it in the server first (ALTER ROLE, SET PASSWORD)",
			"the server keeps the one its data was made with, and nobody can log in"
	}
	reported[at] = p.Report(at, svc, hint, "%s of %s %s: %s", key, svc.Name, what, why)
}

// compareEnvFiles compares the protected keys of the env files that no service
// was seen to take: an application may read the file itself.
func compareEnvFiles(p *lint.Pass, reported map[source.Span]*lint.Finding, seen map[string]bool) {
	if !hasEnv(p.Stack) {
		return
	}
	for _, key := range allProtected(p) {
		before, ok := envEntry(p.Base, key)
		if !ok || seen[key] || before.Value.IsEmpty() {
			continue
		}
		seen[key] = true
		now, ok := envEntry(p.Stack, key)
		if ok && (now.Value.Equal(before.Value) || reported[now.Span] != nil) {
			continue
		}
		what, at := "changes", now.Span
		if now.Value.IsEmpty() {
			what = "is removed"
		}
		if !ok {
			at = p.Stack.Env[0].Start()
		}
		p.Report(at, nil, "put the old value back; a key is exchanged by the application's own procedure, with a backup",
			"%s %s: what was written with the old one cannot be used with another", key, what)
	}
}

// envNames gives the keys of env files that v was made of.
func envNames(v compose.Value) []string {
	var out []string
	for _, via := range v.Via {
		if via.Kind == compose.ViaEnv {
			out = append(out, via.Name)
		}
	}
	for _, x := range v.Vars {
		if x.Set {
			out = append(out, x.Name)
		}
	}
	return out
}
