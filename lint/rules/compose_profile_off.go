package rules

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/source"
)

// composeProfileOff finds services that others need and no enabled profile
// starts.
func composeProfileOff() *lint.Rule {
	return &lint.Rule{
		ID:       "compose-profile-off",
		Severity: lint.Error,
		Doc: lint.Doc{
			Title: "A service that others need sits behind a profile that is not enabled",
			Why: "docker compose refuses to start a service when one it depends on is behind a profile that is off. With\n" +
				"`required: false` it starts it all the same, and the application finds no database: since 1.10.1 Dify's\n" +
				"database is behind the profile `postgresql`, and a `.env` from before keeps `COMPOSE_PROFILES` and `DB_HOST`\n" +
				"as they were. A database elsewhere, by a full host name or an address, is fine. Where the `.env` is not in\n" +
				"the repository and its example sets `COMPOSE_PROFILES`, nothing is said.",
			Bad: `-- compose.yaml --
name: dify
services:
  api:
    image: langgenius/dify-api:1.13.3
    environment:
      DB_HOST: ${DB_HOST:-db_postgres}
    depends_on:
      db_postgres:
        condition: service_healthy
        required: false
      db_mysql:
        condition: service_healthy
        required: false
  db_postgres:
    image: postgres:15-alpine
    profiles: [postgresql]
  db_mysql:
    image: mysql:8.0
    profiles: [mysql]
-- .env --
DB_HOST=db
COMPOSE_PROFILES=weaviate
`,
			Good: `-- compose.yaml --
name: dify
services:
  api:
    image: langgenius/dify-api:1.13.3
    environment:
      DB_HOST: ${DB_HOST:-db_postgres}
    depends_on:
      db_postgres:
        condition: service_healthy
        required: false
      db_mysql:
        condition: service_healthy
        required: false
  db_postgres:
    image: postgres:15-alpine
    profiles: [postgresql]
  db_mysql:
    image: mysql:8.0
    profiles: [mysql]
-- .env --
DB_TYPE=postgresql
COMPOSE_PROFILES=weaviate,${DB_TYPE:-postgresql}
`,
		},
		Check: checkComposeProfileOff,
	}
}

func checkComposeProfileOff(p *lint.Pass) {
	at := envProfiles(p)
	if at.IsZero() && !hasEnv(p.Stack) && !exampleOf(p, "COMPOSE_PROFILES").IsZero() {
		return
	}
	reported := map[string]*lint.Finding{}
	for _, svc := range p.Stack.Services {
		if !svc.Enabled {
			continue
		}
		required, optional := disabledNeeds(p.Stack, svc)
		for _, dep := range required {
			reportProfileOff(p, reported, at, svc, []*compose.Service{dep},
				"%s needs %s, and no enabled profile starts it: docker compose refuses", svc.Name, dep.Name)
		}
		if len(optional) > 0 && databaseGone(p.Stack, svc, optional) {
			reportProfileOff(p, reported, at, svc, optional,
				"%s finds no database: no enabled profile starts %s", svc.Name, joinSome(serviceNames(optional), 4))
		}
	}
}

// envProfiles is where the env file sets COMPOSE_PROFILES, or a zero Span.
func envProfiles(p *lint.Pass) source.Span {
	e, _ := envEntry(p.Stack, "COMPOSE_PROFILES")
	return e.Span
}

// disabledNeeds gives the services that svc depends on and no profile starts:
// those it must have, and those it starts without.
func disabledNeeds(s *compose.Stack, svc *compose.Service) (required, optional []*compose.Service) {
	for _, name := range slices.Sorted(maps.Keys(svc.Config.DependsOn)) {
		dep := s.Service(name)
		switch {
		case dep == nil || dep.Enabled:
		case svc.Config.DependsOn[name].Required:
			required = append(required, dep)
		default:
			optional = append(optional, dep)
		}
	}
	return required, optional
}

// databaseHost is a variable that names the host of an application's own
// database: DB_HOST, DB_POSTGRESDB_HOST, PGHOST. Those of vector stores are
// set to a default in Dify's file whether or not that store is in use.
var databaseHost = regexp.MustCompile(`^(\w+_)?(DB|DATABASE|POSTGRES|POSTGRESDB|POSTGRESQL|MYSQL|MARIADB|PG)_?HOST$`)

// databaseGone reports whether the database host of svc is one of the services
// that are off, or a name that nothing answers to while none of the optional
// ones is on: those are alternatives to each other.
func databaseGone(s *compose.Stack, svc *compose.Service, off []*compose.Service) bool {
	if len(svc.Config.ExtraHosts) > 0 || svc.Config.NetworkMode != "" {
		return false
	}
	alternative := false
	for name, d := range svc.Config.DependsOn {
		dep := s.Service(name)
		alternative = alternative || !d.Required && dep != nil && dep.Enabled
	}
	for _, key := range svc.EnvKeys() {
		if !strings.HasSuffix(key, "HOST") || !databaseHost.MatchString(key) || strings.Contains(key, "VECTOR") {
			continue
		}
		v, ok := svc.Env(key)
		host := v.Reveal()
		if !ok || host == "" || host == "localhost" || strings.ContainsAny(host, ".:/") || answers(s, host) {
			continue
		}
		if !alternative || slices.Contains(serviceNames(off), host) {
			return true
		}
	}
	return false
}

// answers reports whether a service that starts is reached by the name host.
func answers(s *compose.Stack, host string) bool {
	for _, svc := range s.Services {
		if !svc.Enabled {
			continue
		}
		if host == svc.Name || host == svc.Config.ContainerName || host == svc.Config.Hostname {
			return true
		}
		for _, n := range svc.Config.Networks {
			if n != nil && slices.Contains(n.Aliases, host) {
				return true
			}
		}
	}
	return false
}

// reportProfileOff reports what svc misses, once for each set of services: at
// COMPOSE_PROFILES where the env file sets it, else at the dependency.
func reportProfileOff(p *lint.Pass, reported map[string]*lint.Finding, at source.Span, svc *compose.Service,
	missing []*compose.Service, format string, args ...any) {
	names := serviceNames(missing)
	key := strings.Join(names, " ")
	need := svc.At("depends_on", names[0])
	if f := reported[key]; f != nil {
		f.Related = append(f.Related, lint.Related{Span: need, Message: svc.Name + " depends on it too"})
		return
	}
	var profiles []string
	for _, m := range missing {
		for _, profile := range m.Config.Profiles {
			profiles = append(profiles, m.Shown(profile))
		}
	}
	hint := "add the profile to COMPOSE_PROFILES in " + p.Stack.EnvPath + ": " + joinSome(profiles, 4)
	if len(missing) > 1 {
		hint = "add the profile of the one that is used to COMPOSE_PROFILES in " + p.Stack.EnvPath + ": " + joinSome(profiles, 4)
	}
	span := at
	if span.IsZero() {
		span = need
	}
	f := p.Report(span, svc, hint, format, args...)
	if span != need {
		f.Related = append(f.Related, lint.Related{Span: need, Message: svc.Name + " depends on it here"})
	}
	f.Related = append(f.Related, lint.Related{Span: missing[0].At("profiles"), Message: missing[0].Name + " starts with this profile only"})
	reported[key] = f
}

func serviceNames(services []*compose.Service) []string {
	var out []string
	for _, s := range services {
		out = append(out, s.Name)
	}
	return out
}
