package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/source"
)

// hasEnv reports whether the stack's env file could be read. In most
// repositories it is absent, because it holds secrets: what it sets is then
// unknown, which is not the same as unset.
func hasEnv(s *compose.Stack) bool { return len(s.Env) > 0 }

// envOfChange reports whether an env file could be read for the changed stack
// and not for its base, as on a host, where the file is there and git has none.
// What a variable gave before is unknown then, and no difference is a change.
func envOfChange(p *lint.Pass) bool { return hasEnv(p.Stack) && !hasEnv(p.Base) }

// envEntry gives the entry of the stack's env files that holds for key.
func envEntry(s *compose.Stack, key string) (dotenv.Entry, bool) {
	for _, f := range slices.Backward(s.Env) {
		if e, ok := f.Lookup(key); ok {
			return e, true
		}
	}
	return dotenv.Entry{}, false
}

// exampleOf gives the place where an example sets key, or a zero Span.
func exampleOf(p *lint.Pass, key string) source.Span {
	e, _ := p.Examples.Lookup(key)
	return e.Span
}

// envUnknown reports whether svc may get key from an env file that is not in
// the repository: it is then unknown rather than unset.
func envUnknown(s *compose.Stack, svc *compose.Service, key string) bool {
	if slices.ContainsFunc(svc.EnvFiles(), func(f compose.EnvFile) bool { return f.Missing }) {
		return true
	}
	if hasEnv(s) {
		return false
	}
	if v, ok := svc.Env(key); ok {
		return len(v.Vars) > 0
	}
	return slices.Contains(svc.EnvKeys(), key) // passed on by its name alone
}

// exampleFor gives the path of the example of the env file name, by the usual
// names: api.env.example, api.example.env, .env.sample; or "".
func exampleFor(p *lint.Pass, name string) string {
	dir, base := path.Split(name)
	base = strings.TrimSuffix(base, ".env")
	for _, f := range p.Examples.Files {
		in, e := path.Split(f.Path)
		if in != dir {
			continue
		}
		for _, s := range []string{".example", ".sample", ".template", ".dist"} {
			if e == base+".env"+s || e == base+s+".env" {
				return f.Path
			}
		}
	}
	return ""
}
