package rules

import (
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/release/catalog"
)

// healthcheckMissing finds services whose health is asked for and that cannot
// answer. Applications are left out: a verification asks them itself.
func healthcheckMissing() *lint.Rule {
	return &lint.Rule{
		ID:       "healthcheck-missing",
		Severity: lint.Warning,
		Doc: lint.Doc{
			Title: "A database has no healthcheck",
			Why: "`docker compose up --wait` takes a container without a healthcheck for ready as soon as it runs, also one\n" +
				"that restarts in a loop; and what depends on it with `condition: service_healthy` never starts. Reported\n" +
				"are databases and caches, and services that others wait for. Services that only run once are not.",
			Bad: `-- compose.yaml --
name: shop
services:
  api:
    image: example/api:1.4.2
    depends_on:
      - db
  db:
    image: postgres:16
    volumes:
      - ./volumes/db:/var/lib/postgresql/data
`,
			Good: `-- compose.yaml --
name: shop
services:
  api:
    image: example/api:1.4.2
    depends_on:
      db:
        condition: service_healthy
  db:
    image: postgres:16
    volumes:
      - ./volumes/db:/var/lib/postgresql/data
    healthcheck:
      test: ["CMD", "pg_isready", "-U", "postgres"]
`,
		},
		Check: checkHealthcheckMissing,
	}
}

func checkHealthcheckMissing(p *lint.Pass) {
	for _, svc := range p.Stack.Services {
		app, _ := p.App(svc)
		if !svc.Enabled || !isStore(app) || svc.Config.Build != nil || hasHealthcheck(svc) || isOneShot(p.Stack, svc) {
			continue
		}
		at := svc.Key
		if svc.Config.HealthCheck != nil {
			at = svc.At("healthcheck")
		}
		if waiter := waitsFor(p.Stack, svc); waiter != nil {
			f := p.Report(at, svc, healthcheckHint(app), "%s has no healthcheck, and %s waits for it to be healthy: docker compose gives up", svc.Name, waiter.Name)
			f.Related = []lint.Related{{Span: waiter.At("depends_on", svc.Name), Message: waiter.Name + " waits here"}}
			continue
		}
		p.Report(at, svc, healthcheckHint(app), "%s has no healthcheck: it counts as ready as soon as its container runs", svc.Name)
	}
}

// hasHealthcheck reports whether the service defines a check that runs.
func hasHealthcheck(svc *compose.Service) bool {
	h := svc.Config.HealthCheck
	return h != nil && !h.Disable && !(len(h.Test) > 0 && h.Test[0] == "NONE")
}

// waitsFor gives a service that starts and depends on svc being healthy.
func waitsFor(s *compose.Stack, svc *compose.Service) *compose.Service {
	for _, other := range s.Services {
		if d, ok := other.Config.DependsOn[svc.Name]; ok && other.Enabled && d.Condition == "service_healthy" {
			return other
		}
	}
	return nil
}

// healthcheckHint names the check that fits the app.
func healthcheckHint(app catalog.App) string {
	switch app.ID {
	case catalog.Postgres:
		return `add a healthcheck: test: ["CMD", "pg_isready", "-U", "postgres"]`
	case catalog.Redis:
		return `add a healthcheck: test: ["CMD", "redis-cli", "ping"]`
	}
	return "add a healthcheck that asks the server itself"
}
