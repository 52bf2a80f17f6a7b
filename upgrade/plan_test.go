package upgrade

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// service makes one from "name old new"; "-" is no image, and a name "a>b" is
// a before and b afterwards.
func service(t *testing.T, text string) Service {
	t.Helper()
	f := strings.Fields(text)
	was, name, moved := strings.Cut(f[0], ">")
	if !moved {
		name = was
	}
	s := Service{Name: name, Was: was, Changed: f[1] != f[2]}
	for i, to := range []*image.Ref{&s.Old, &s.New} {
		if f[i+1] == "-" {
			continue
		}
		var err error
		if *to, err = image.Parse(f[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if s.App, _ = catalog.Load().App(s.New); f[2] == "-" {
		s.Name = ""
	}
	if s.OldApp, _ = catalog.Load().App(s.Old); f[1] == "-" {
		s.Was = ""
	}
	return s
}

func wanted(t *testing.T, services ...string) Wanted {
	t.Helper()
	var w Wanted
	for _, s := range services {
		w.Services = append(w.Services, service(t, s))
	}
	return w
}

// all is a stack with everything that a plan speaks of.
func all(t *testing.T) Wanted {
	t.Helper()
	w := wanted(t,
		"api langgenius/dify-api:1.14.2 langgenius/dify-api:1.15.0", "worker langgenius/dify-api:1.14.2 langgenius/dify-api:1.15.0",
		"sandbox langgenius/dify-sandbox:0.2.15 langgenius/dify-sandbox:0.2.15", "n8n n8nio/n8n:1.98.0 n8nio/n8n:1.99.0",
		"db postgres:16 postgres:17", "redis redis:7 redis:7", "own acme/app:1 acme/app:1", "fresh - acme/new:1", "gone acme/gone:1 -")
	w.Commands = []Command{{catalog.AfterStart, "docker compose exec api flask backfill"}, {catalog.BeforeStart, "docker compose rm -f gone"},
		{catalog.AfterStart, "docker compose exec api flask backfill"}, {catalog.BeforeMerge, "never by the plan"}, {catalog.AfterStart, ""}}
	return w
}

func names(steps []Step) (out []string) {
	for _, s := range steps {
		out = append(out, s.Name)
	}
	return out
}

func step(t *testing.T, steps []Step, name string) Step {
	t.Helper()
	i := slices.IndexFunc(steps, func(s Step) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no step %s in %v", name, names(steps))
	}
	return steps[i]
}

func TestPlanOrder(t *testing.T) {
	for _, c := range []struct {
		name string
		w    Wanted
		want string
	}{
		{"everything", all(t), "preflight pull baseline drain halt backup apply-files migrate launch verify record"},
		{"a store alone", wanted(t, "redis redis:7 redis:8"), "preflight pull baseline halt backup apply-files launch verify record"},
		{"an app that is not known", wanted(t, "own acme/app:1 acme/app:2"), "preflight pull baseline halt backup apply-files launch verify record"},
		{"no image changes", wanted(t, "n8n n8nio/n8n:1.99.0 n8nio/n8n:1.99.0"), "preflight baseline drain halt backup apply-files launch verify record"},
		{"the server's minor version", wanted(t, "db postgres:16.3 postgres:16.4"), "preflight pull baseline backup apply-files launch verify record"},
	} {
		if d := cmp.Diff(c.want, strings.Join(names(Plan(c.w)), " ")); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
	if d := cmp.Diff("stop remove images restore compare start", strings.Join(names(Rollback(all(t))), " ")); d != "" {
		t.Errorf("rollback (-want +got):\n%s", d)
	}
}

func TestPlanStopsWhatWrites(t *testing.T) {
	writers := []string{"api", "worker", "sandbox", "n8n", "redis", "own"} // all but PostgreSQL
	for i, s := range []Step{step(t, Plan(all(t)), "halt"), step(t, Rollback(all(t)), "stop")} {
		writers := append(slices.Clone(writers), []string{"gone", "fresh"}[i]) // what runs then
		if d := cmp.Diff(writers, s.Stops); d != "" {
			t.Errorf("%s (-want +got):\n%s", s.Name, d)
		}
		if d := cmp.Diff([]string{"docker compose stop -t 45 " + strings.Join(writers, " ")}, s.Commands); d != "" {
			t.Errorf("%s (-want +got):\n%s", s.Name, d)
		}
	}
	for _, s := range append(Plan(all(t)), Rollback(all(t))...) {
		if s.Name != "halt" && s.Name != "stop" && len(s.Stops) > 0 {
			t.Errorf("%s stops %v", s.Name, s.Stops)
		}
		if s.Does == "" {
			t.Errorf("%s says nothing", s.Name)
		}
	}
}

// Each command stands in the step at whose moment it has to run.
func TestPlanCommands(t *testing.T) {
	asOwner := "docker compose exec -T db sh -c 'exec "
	want := map[string][]string{
		"pull":     {"docker pull langgenius/dify-api:1.15.0", "docker pull n8nio/n8n:1.99.0", "docker pull postgres:17", "docker pull acme/new:1"},
		"baseline": {"docker compose ps", "docker stats --no-stream"},
		"backup": {asOwner + `pg_dumpall -U "${POSTGRES_USER:-postgres}" --globals-only' > db-globals.sql`,
			asOwner + `pg_dump -U "${POSTGRES_USER:-postgres}" -Fc -d NAME' > db-NAME.dump  # for each database`},
		"apply-files": {"docker compose rm -s -f gone", "docker compose rm -f gone"},
		"migrate":     {"docker compose up -d --no-deps redis", "docker compose run --rm --no-deps -e MODE=migration api", "docker compose run --rm --no-deps --entrypoint n8n n8n list:workflow --active=true --onlyId"},
		"launch":      {"docker compose up -d", "docker compose exec api flask backfill"},
	}
	got := map[string][]string{}
	for _, s := range Plan(all(t)) {
		if s.Name != "halt" && len(s.Commands) > 0 {
			got[s.Name] = s.Commands
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	restore := []string{"docker compose up -d --no-deps db", asOwner + `createdb -U "${POSTGRES_USER:-postgres}" -T template0 -O OWNER NAME_restored'`,
		asOwner + `pg_restore -U "${POSTGRES_USER:-postgres}" --exit-on-error --single-transaction -d NAME_restored' < db-NAME.dump`}
	if d := cmp.Diff(restore, step(t, Rollback(all(t)), "restore").Commands); d != "" {
		t.Errorf("restore (-want +got):\n%s", d)
	}
}

// A name that begins with a hyphen is a service and no option.
func TestPlanNamesBehindOptions(t *testing.T) {
	w := wanted(t, "-api langgenius/dify-api:1.14.2 langgenius/dify-api:1.15.0", "-db postgres:16 postgres:17", "web acme/app:1 acme/app:2")
	var got []string
	for _, s := range append(Plan(w), Rollback(w)...) {
		for _, c := range s.Commands {
			if strings.Contains(c, " -api") || strings.Contains(c, " -db") {
				c, _, _ = strings.Cut(c, " -U")
				got = append(got, c)
			}
		}
	}
	want := []string{"docker compose stop -t 45 -- -api web",
		"docker compose exec -T -- -db sh -c 'exec pg_dumpall", "docker compose exec -T -- -db sh -c 'exec pg_dump",
		"docker compose run --rm --no-deps -e MODE=migration -- -api", "docker compose stop -t 45 -- -api web",
		"docker compose up -d --no-deps -- -db", "docker compose exec -T -- -db sh -c 'exec createdb", "docker compose exec -T -- -db sh -c 'exec pg_restore"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A tag that comes from an env file is not told by its major version.
func TestPlanHidesVersions(t *testing.T) {
	w := wanted(t, "db postgres:15 postgres:17")
	w.Services[0].Hidden = true
	does := step(t, Plan(w), "migrate").Does
	if !strings.HasPrefix(does, "`db` goes to another major version of PostgreSQL: a new server") || strings.ContainsAny(does, "0123456789") {
		t.Error(does)
	}
}

func TestPlanSays(t *testing.T) {
	for _, c := range []struct {
		step       string
		w          Wanted
		says, lies string
	}{
		{"migrate", all(t), "`db` goes from PostgreSQL 16 to 17: a new server on a new, empty volume", ""},
		{"migrate", wanted(t, "db pgvector/pgvector:pg16 pgvector/pgvector:0.8.6-pg17"), "`db` goes from PostgreSQL 16 to 17", "Dify"},
		{"migrate", wanted(t, "n8n n8nio/n8n:1 n8nio/n8n:2"), "the smallest of its commands", "Dify"},
		{"drain", all(t), "executions of n8n, as well as Dify workflow runs", ""},
		{"drain", wanted(t, "n8n n8nio/n8n:1 n8nio/n8n:2"), "What is under way is waited for: executions of n8n. What", "Dify"},
		{"backup", all(t), "every database of `db` with its roles, the volumes of `api`, `worker`, `n8n`, `redis`, every other volume and folder that a service writes, the `.env`, compose and config files.", "own"},
		{"backup", wanted(t, "own acme/app:1 acme/app:2"), "the `.env`, compose and config files", "database of"},
		{"apply-files", all(t), "The containers of `gone`, which the new files do not name, do not start again, and are removed when all is verified; their data stays. What the releases ask for besides is yours to run.", ""},
		{"apply-files", wanted(t, "own acme/app:1 acme/app:2"), "your `.env` is never written", "gone"},
		{"verify", all(t), "n8n has to have the same workflows active, and to decrypt its credentials. Dify has to be set up", ""},
		{"launch", all(t), "closed to the outside until all is verified. What the releases ask for besides is yours to run.", "Stores"},
		{"backup", all(t), "`--verify-restore` restores each into a scratch database", "restored is none"},
		{"verify", wanted(t, "own acme/app:1 acme/app:2"), "everything is rolled back, data included", "n8n"},
	} {
		does := step(t, Plan(c.w), c.step).Does
		if !strings.Contains(does, c.says) || c.lies != "" && strings.Contains(does, c.lies) {
			t.Errorf("%s: %s\nwant %q and not %q", c.step, does, c.says, c.lies)
		}
	}
}

// What runs is stopped and backed up, under the names it has then; what is
// added is not there yet, and is removed on the way back, before a database
// of the old name starts on the same data.
func TestPlanNames(t *testing.T) {
	w := wanted(t, "api langgenius/dify-api:1.10.0 langgenius/dify-api:1.10.1", "db>db_postgres postgres:15-alpine postgres:15-alpine",
		"beat - langgenius/dify-api:1.10.1", "old acme/old:1 -")
	for _, c := range []struct {
		steps    []Step
		name     string
		has, not string
	}{
		{Plan(w), "pull", "docker pull langgenius/dify-api:1.10.1", "compose pull"},
		{Plan(w), "halt", "docker compose stop -t 45 api old", "beat"},
		{Plan(w), "backup", "docker compose exec -T db sh", "db_postgres"},
		{Plan(w), "apply-files", "docker compose rm -s -f db old", "rm -s -f db_postgres"},
		{Plan(w), "migrate", "-e MODE=migration api", "flask"},
		{Rollback(w), "stop", "docker compose stop -t 45 api beat", "old"},
		{Rollback(w), "remove", "docker compose rm -s -f db_postgres beat", " db "},
		{Rollback(w), "restore", "docker compose up -d --no-deps db\n", "db_postgres"},
		{Plan(wanted(t, "flows n8nio/n8n:1.90.0 n8nio/n8n:1.99.0")), "migrate", "--entrypoint n8n flows list:workflow", "readiness"},
		{Plan(wanted(t, "api langgenius/dify-api:0.15.3 langgenius/dify-api:1.0.0")), "migrate", "--entrypoint flask api db upgrade", "MODE"},
		{Plan(wanted(t, "api langgenius/dify-api:1.0.0 langgenius/dify-api:1.7.1")), "migrate", "MODE=migration", "flask"},
		{Plan(wanted(t, "api langgenius/dify-api:1.14.0 langgenius/dify-api:1.15.0")), "backup", "find out which one runs", "pg_dump"},
	} {
		s := step(t, c.steps, c.name)
		text := s.Does + "\n" + strings.Join(s.Commands, "\n") + "\n"
		if !strings.Contains(text, c.has) || strings.Contains(text, c.not) {
			t.Errorf("%s: %s\nwant %q and not %q", c.name, text, c.has, c.not)
		}
	}
	order := names(Rollback(w))
	if slices.Index(order, "remove") > slices.Index(order, "images") || slices.Index(order, "images") > slices.Index(order, "restore") {
		t.Errorf("order %v", order)
	}
}
