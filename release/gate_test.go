package release

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release/catalog"
)

// described gives the gates of a change that stand in only, with what touches
// the stack.
func described(s *Stack, only ...string) string {
	var out strings.Builder
	for _, g := range s.gates(Changes(s.Base, s.Head, s.Catalog)) {
		if len(only) > 0 && !slices.Contains(only, g.ID) {
			continue
		}
		fmt.Fprintf(&out, "%s %s\n", g.ID, g.Level)
		for _, h := range g.Here {
			fmt.Fprintf(&out, "  %s", h.Text)
			for _, p := range h.Places {
				fmt.Fprintf(&out, " @ %s", p)
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}

const (
	apiBump = "-- base/compose.yaml --\nservices:\n  api:\n    image: langgenius/dify-api:%s\n%s-- head/compose.yaml --\nservices:\n  api:\n    image: langgenius/dify-api:%s\n%[2]s"
	n8nBump = "-- base/compose.yaml --\nservices:\n  n8n:\n    image: n8nio/n8n:1.98.0\n%s-- head/compose.yaml --\nservices:\n  n8n:\n    image: n8nio/n8n:1.99.0\n%[1]s"
)

func TestGatesTouch(t *testing.T) {
	const db, key = "dify-1.10.1-db-service", "n8n-encryption-key"
	to1101 := func(more string) string { return fmt.Sprintf(apiBump, "1.10.0", more, "1.10.1") }
	for _, c := range []struct{ name, archive, gate, want string }{
		{"a service in an override", to1101("") + "-- .env --\nX=1\n-- compose.override.yaml --\nservices:\n  db:\n    image: postgres:15\n", db,
			"dify-1.10.1-db-service high\n  this stack has the service `db`, which the release calls `db_postgres` @ compose.override.yaml:2:3\n"},
		{"keys in .env", to1101("") + "-- .env --\nCOMPOSE_PROFILES=weaviate,other\nDB_HOST=db\n", db,
			"dify-1.10.1-db-service high\n  `DB_HOST` has the value that this is about, which is no service of this release any more @ .env:2:1\n" +
				"  `COMPOSE_PROFILES` lacks `postgresql`, without which the database does not start @ .env:1:1\n"},
		{"keys as they should be", to1101("") + "-- .env --\nCOMPOSE_PROFILES=weaviate,postgresql\nDB_HOST=db_postgres\n", db, "dify-1.10.1-db-service high\n"},
		{"a key in a service's environment", to1101("    environment:\n      DB_HOST: db\n") + "-- .env --\nX=1\n", db,
			"dify-1.10.1-db-service high\n  `DB_HOST` is `db`, which is no service of this release any more @ compose.yaml:5:16\n"},
		{"a key in an env file of the service", to1101("    env_file: [db.env]\n") + "-- .env --\nX=1\n-- db.env --\n# ours\nDB_HOST=db\n", db,
			"dify-1.10.1-db-service high\n  `DB_HOST` has the value that this is about, which is no service of this release any more @ db.env:2:1\n"},
		{"the default of compose holds where .env is silent", to1101("    environment: ['DB_HOST=${DB_HOST:-db}']\n") + "-- .env --\nX=1\n", db,
			"dify-1.10.1-db-service high\n  `DB_HOST` is `db`, which is no service of this release any more @ compose.yaml:4:20\n"},
		{"and is not known to where .env is not", to1101("    environment: ['DB_HOST=${DB_HOST:-db}']\n"), db,
			"dify-1.10.1-db-service high\n  not known here: whether `DB_HOST` is `db`, which is no service of this release any more\n"},
		{"an env file that is missing may say it", to1101("    env_file: [{path: lost.env, required: false}]\n"), db,
			"dify-1.10.1-db-service high\n  not known here: whether `DB_HOST` is `db`, which is no service of this release any more\n" +
				"  not known here: whether `COMPOSE_PROFILES` lacks `postgresql`, without which the database does not start\n"},
		{"nothing can set it", to1101(""), db, "dify-1.10.1-db-service high\n"},
		{"of a state only that it is set", to1101("    environment: ['DB_HOST=${DB_HOST:-db}']\n") + "-- belay.env-state --\nbelay.env-state 1\nDB_HOST differs\n", db,
			"dify-1.10.1-db-service high\n  not known here: whether `DB_HOST` is `db`, which is no service of this release any more\n"},

		{"a secret that is not set", fmt.Sprintf(n8nBump, "") + "-- .env --\nX=1\n", key,
			"n8n-encryption-key medium\n  `N8N_ENCRYPTION_KEY` is not set to anything, so that the only copy of the key is in the data folder\n"},
		{"a secret that is set", fmt.Sprintf(n8nBump, "") + "-- .env --\nN8N_ENCRYPTION_KEY=canary\n", key, ""},
		{"a secret that is set to nothing counts as set", fmt.Sprintf(n8nBump, "") + "-- .env --\nN8N_ENCRYPTION_KEY=\n", key, ""},
		{"a secret in a state", fmt.Sprintf(n8nBump, "") + "-- belay.env-state --\nbelay.env-state 1\nN8N_ENCRYPTION_KEY set\n", key, ""},
		{"a secret that a state does not name", fmt.Sprintf(n8nBump, "") + "-- belay.env-state --\nbelay.env-state 1\nX set\n", key,
			"n8n-encryption-key medium\n  `N8N_ENCRYPTION_KEY` is not set to anything, so that the only copy of the key is in the data folder\n"},
		{"a secret of which nothing is known", fmt.Sprintf(n8nBump, "    environment: ['N8N_ENCRYPTION_KEY=${N8N_ENCRYPTION_KEY}']\n"), key,
			"n8n-encryption-key medium\n  not known here: whether `N8N_ENCRYPTION_KEY` is not set to anything, so that the only copy of the key is in the data folder\n"},

		{"only if it holds", fmt.Sprintf(apiBump, "1.6.0", "  db:\n    image: postgres:17\n", "1.7.0"), "dify-postgres-18", ""},
		{"and it does", fmt.Sprintf(apiBump, "1.6.0", "  db:\n    image: postgres:18\n", "1.7.0"), "dify-postgres-18",
			"dify-postgres-18 high\n  this stack runs PostgreSQL 18 or newer, on which these releases of Dify cannot migrate @ compose.yaml:5:12\n"},
		{"but in a service that no profile starts", fmt.Sprintf(apiBump, "1.6.0", "  db:\n    image: postgres:18\n    profiles: [x]\n", "1.7.0") + "-- .env --\nX=1\n", "dify-postgres-18", ""},
		{"which COMPOSE_PROFILES may name", fmt.Sprintf(apiBump, "1.6.0", "  db:\n    image: postgres:18\n    profiles: [x]\n", "1.7.0"), "dify-postgres-18",
			"dify-postgres-18 high\n  this stack runs PostgreSQL 18 or newer, on which these releases of Dify cannot migrate @ compose.yaml:5:12\n"},
		{"what the service gets, whatever .env says", to1101("    environment:\n      DB_HOST: db_postgres\n") + "-- .env --\nDB_HOST=db\n", db, "dify-1.10.1-db-service high\n"},
		{"and the other way round", to1101("    environment:\n      DB_HOST: db\n") + "-- .env --\nDB_HOST=db_postgres\n", db,
			"dify-1.10.1-db-service high\n  `DB_HOST` is `db`, which is no service of this release any more @ compose.yaml:5:16\n"},
		{"a service of the gate's app comes before another's", to1101("    environment:\n      DB_HOST: db_postgres\n  own:\n    image: acme/own:1\n    environment:\n      DB_HOST: db\n"), db, "dify-1.10.1-db-service high\n"},
		{"a literal does not decide beside what is not known", to1101("    environment:\n      DB_HOST: db_postgres\n  worker:\n    image: langgenius/dify-api:1.10.1\n    environment: ['DB_HOST=${DB_HOST}']\n"), db,
			"dify-1.10.1-db-service high\n  not known here: whether `DB_HOST` is `db`, which is no service of this release any more\n"},
		{"a variable of the env file", to1101("    environment: ['DB_HOST=${HOST}']\n") + "-- .env --\nHOST=db\n", db,
			"dify-1.10.1-db-service high\n  `DB_HOST` has the value that this is about, which is no service of this release any more @ .env:1:1\n"},
		{"made of a secret", to1101("    environment: ['DB_HOST=${DB_PASSWORD}']\n") + "-- .env --\nDB_PASSWORD=db\n", db,
			"dify-1.10.1-db-service high\n  not known here: whether `DB_HOST` is `db`, which is no service of this release any more\n"},
		{"made of a secret in the env file", to1101("") + "-- .env --\nDB_PASSWORD=db\nDB_HOST=${DB_PASSWORD}\n", db,
			"dify-1.10.1-db-service high\n  not known here: whether `DB_HOST` is `db`, which is no service of this release any more\n"},
		{"through a variable that is made of one", to1101("    environment: ['DB_HOST=${HOST}']\n") + "-- .env --\nDB_PASSWORD=db\nHOST=x${DB_PASSWORD}\n", db,
			"dify-1.10.1-db-service high\n  not known here: whether `DB_HOST` is `db`, which is no service of this release any more\n"},
		{"with a password in it", to1101("    environment: ['DB_HOST=postgres://u:canary@db']\n") + "-- .env --\nX=1\n", db,
			"dify-1.10.1-db-service high\n  not known here: whether `DB_HOST` is `db`, which is no service of this release any more\n"},
		{"an app that is not there", strings.ReplaceAll(fmt.Sprintf(n8nBump, ""), "1.99.0", "2.0.0"), "n8n-2.0-runners",
			"n8n-2.0-runners medium\n  this stack runs no n8n runners, without which external mode and Python in Code nodes do not work\n"},
		{"a key that is set to a public default", strings.ReplaceAll(fmt.Sprintf(n8nBump, ""), "1.99.0", "2.0.0") + "-- .env --\nN8N_RUNNERS_MODE=external\n", "n8n-2.0-runners",
			"n8n-2.0-runners medium\n  this stack runs no n8n runners, without which external mode and Python in Code nodes do not work\n" +
				"  `N8N_RUNNERS_MODE` has the value that this is about, which needs the image `n8nio/runners` @ .env:1:1\n"},
		{"a service that is not there", fmt.Sprintf(apiBump, "1.16.0", "", "1.16.1"), "dify-1.16.1-agent-proxy",
			"dify-1.16.1-agent-proxy medium\n  this stack has no service `agent_ssrf_proxy`, through which agents reach the network\n"},
		{"a service that is", fmt.Sprintf(apiBump, "1.16.0", "  agent_ssrf_proxy:\n    image: ubuntu/squid\n", "1.16.1"), "dify-1.16.1-agent-proxy",
			"dify-1.16.1-agent-proxy low\n  the services that the release adds are in this stack\n"},
	} {
		if d := cmp.Diff(c.want, described(LoadChange(t, c.archive), c.gate)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestSettingText(t *testing.T) {
	for _, c := range []struct {
		is            catalog.Setting
		shown, hidden string
	}{
		{catalog.Has, "`K` has `v`", "`K` names what this is about"},
		{catalog.Equals, "`K` is `v`", "`K` has the value that this is about"},
		{catalog.Lacks, "`K` lacks `v`", "`K` lacks `v`"},
		{catalog.Set, "`K` is set", "`K` is set"},
	} {
		touch := catalog.Touch{Key: "K", Is: c.is, Value: "v"}
		if got := [2]string{settingText(touch, false), settingText(touch, true)}; got != [2]string{c.shown, c.hidden} {
			t.Errorf("%s: %q", c.is, got)
		}
	}
}

func TestGatesOnceAndWorstFirst(t *testing.T) {
	s := LoadChange(t, difyChange("1.9.1", "1.16.1", "0.3.0-local", "0.6.3-local"))
	gates := s.gates(Changes(s.Base, s.Head, s.Catalog))
	seen := map[string]int{}
	var levels []catalog.Level
	for _, g := range gates {
		seen[g.ID]++
		levels = append(levels, g.Level)
		if g.ID == "dify-1.15.0-backfill" && (g.Image != "langgenius/dify-api" || g.Back != catalog.BackRestore || len(g.Do) != 2 ||
			g.Do[0].Command != "docker compose exec api flask backfill-plugin-auto-upgrade" || g.Do[0].When != catalog.AfterStart) {
			t.Errorf("%+v", g)
		}
	}
	if seen["dify-1.15.0-backfill"] != 1 || seen["dify-migrations"] != 1 || len(seen) != len(gates) {
		t.Errorf("%v", seen)
	}
	if !slices.IsSortedFunc(levels, func(a, b catalog.Level) int { return int(b) - int(a) }) || levels[0] != catalog.High || levels[len(levels)-1] != catalog.Low {
		t.Errorf("levels %v", levels)
	}
}

func TestNoGates(t *testing.T) {
	for _, c := range []struct{ old, now string }{
		{"redis:7.2.4", "redis:7.2.5"},
		{"redis:latest", "redis:8.0.0"},
		{"redis:7" + digest, "redis:7"},
		{"n8nio/n8n:1.99.0", "n8nio/n8n:1.98.0"},
		{"acme/app:1.0.0", "acme/app:2.0.0"},
	} {
		if got := described(bump(t, c.old, c.now)); got != "" {
			t.Errorf("%s to %s: %s", c.old, c.now, got)
		}
	}
}

// A gate about defaults is settled by a stack that sets the keys; a command of
// the catalog gets the stack's own names.
func TestGatesOfThisStack(t *testing.T) {
	const n8n = "-- base/compose.yaml --\nservices: {flow: {image: 'n8nio/n8n:1.123.5', environment: {A: b%[1]s}}}\n-- head/compose.yaml --\nservices: {flow: {image: 'n8nio/n8n:2.0.0', environment: {A: b%[1]s}}}\n-- .env --\nX=1\n"
	open := LoadChange(t, fmt.Sprintf(n8n, "")).Plan("prod")
	settled := LoadChange(t, fmt.Sprintf(n8n, ", N8N_BLOCK_ENV_ACCESS_IN_NODE: 'false'")).Plan("prod")
	if len(open.Gates) != len(settled.Gates)+1 {
		t.Errorf("%d gates, and %d where the key is set", len(open.Gates), len(settled.Gates))
	}
	d := LoadChange(t, "-- base/compose.yaml --\nservices: {dify-api: {image: 'langgenius/dify-api:1.14.2'}, data: {image: 'pgvector/pgvector:0.8.5-pg16'}}\n"+
		"-- head/compose.yaml --\nservices: {dify-api: {image: 'langgenius/dify-api:1.15.0'}, data: {image: 'pgvector/pgvector:0.8.6-pg16'}}\n").Plan("prod")
	var commands []string
	for _, g := range d.Gates {
		for _, a := range g.Do {
			commands = append(commands, a.Command)
		}
	}
	for _, want := range []string{"docker compose exec dify-api flask backfill-plugin-auto-upgrade", "docker compose exec -T data psql"} {
		if !slices.ContainsFunc(commands, func(c string) bool { return strings.HasPrefix(c, want) }) {
			t.Errorf("no %q in %q", want, commands)
		}
	}
}

// The same PostgreSQL built on another system may sort text in another way.
func TestResorts(t *testing.T) {
	for old, now := range map[string]string{"postgres:16.4": "postgres:16.4-alpine", "pgvector/pgvector:0.8.5-pg16": "pgvector/pgvector:0.8.5-pg16-trixie"} {
		d := LoadChange(t, "-- base/compose.yaml --\nservices: {db: {image: '"+old+"'}}\n-- head/compose.yaml --\nservices: {db: {image: '"+now+"'}}\n").Plan("prod")
		if d.Verdict.Level != catalog.High || d.Rollback.Back != catalog.BackRestore {
			t.Errorf("%s to %s: %s, back %s", old, now, d.Verdict.Level, d.Rollback.Back)
		}
	}
}
