package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/postgres"
	"github.com/belaystack/belay/upgrade/steps"
)

// execer runs the clients of a server in its own container.
type execer struct{ docker *docker.Client }

func (e execer) Exec(ctx context.Context, container string, args, env []string, stdin io.Reader, stdout io.Writer) error {
	return e.docker.Exec(ctx, container, docker.Exec{Args: args, Env: env, Stdin: stdin, Stdout: stdout})
}

// servers are the PostgreSQL servers that run, by service.
func (h *host) servers(ctx context.Context) (map[string]*postgres.Server, error) {
	out := map[string]*postgres.Server{}
	names, err := steps.Servers(ctx, h.docker, h.stack.Containers)
	for _, c := range h.stack.Containers {
		if slices.Contains(names, c.Service) && c.State == "running" {
			out[c.Service] = &postgres.Server{Service: c.Service, Container: c.ID, Exec: execer{h.docker}, App: "belay/" + h.docker.Run}
		}
	}
	return out, err
}

// dataQuestion asks what becomes of the data: what was written since is told, and
// without a word about it the rollback is refused.
func (h *host) dataQuestion(ctx context.Context, back pastRun, u *rollbackFlags) ([]string, error) {
	if u.options.KeepData {
		why, err := h.migratedSince(ctx, back, nil)
		if err != nil {
			return nil, runError(err)
		}
		if len(why) > 0 {
			return nil, runError(&upgrade.Refusal{Reason: "the data of today cannot be kept: " + strings.Join(why, "; "),
				Next: "belay rollback " + back.id + " --accept-data-loss gives the data of before back"})
		}
		return []string{"the data of today is kept: no migration ran since"}, nil
	}
	since, err := h.writtenSince(ctx, back)
	if err != nil {
		return nil, runError(err)
	}
	made := back.began().UTC().Format("2006-01-02 15:04:05 UTC")
	text := fmt.Sprintf("data goes back to that of %s, before run %s: %s; files in volumes and Redis go back too", made, back.id, since)
	if u.loseData {
		return []string{text + " (--accept-data-loss)"}, nil
	}
	next := "belay rollback " + back.id + " --accept-data-loss gives up what was written since"
	if len(back.spec.Moves) == 0 {
		next += "; --keep-data keeps it, where no migration ran"
	}
	return nil, runError(&upgrade.Refusal{Reason: text, Needed: "your word on it", Next: next})
}

// writtenSince counts the rows written since a run opened the stack, in words.
func (h *host) writtenSince(ctx context.Context, back pastRun) (string, error) {
	var before struct {
		Written map[string]map[string]postgres.Counters
	}
	back.read(journal.Captured, "open", &before)
	servers, err := h.servers(ctx)
	if err != nil {
		return "", err
	}
	var rows int64
	var in, unknown []string
	for _, service := range sortedKeys(before.Written) {
		srv := servers[service]
		for _, db := range sortedKeys(before.Written[service]) {
			if srv == nil {
				unknown = append(unknown, db+" in "+service)
				continue
			}
			now, err := srv.Written(ctx, db)
			if err != nil {
				unknown = append(unknown, db+" in "+service) // it may be gone
				continue
			}
			n, tables, known := now.Since(before.Written[service][db])
			if !known {
				unknown = append(unknown, db+" in "+service)
				continue
			}
			if rows += n; n > 0 {
				in = append(in, fmt.Sprintf("%s of %s: %s in %s", db, service, plural(n, "row"), plural(int64(len(tables)), "table")))
			}
		}
	}
	text := plural(rows, "row") + " were written since"
	if rows == 1 {
		text = "1 row was written since"
	}
	if len(in) > 0 {
		text += " (" + strings.Join(in, "; ") + ")"
	}
	if len(unknown) > 0 || before.Written == nil {
		text += "; for the rest it cannot be told, its server's counts began anew"
		if len(unknown) > 0 {
			text += ": " + strings.Join(unknown, ", ")
		}
	}
	return text, nil
}

// migratedSince says why the versions of before a run may not be able to read the
// data of today: which tables of migrations, or which definitions, are others than
// when it began. Nothing: they are the same. Only services count that are given;
// nil is all.
func (h *host) migratedSince(ctx context.Context, back pastRun, only []string) ([]string, error) {
	var why []string
	if only == nil {
		why = h.gatesSince(back)
	}
	for _, m := range back.spec.Moves {
		if only == nil || slices.Contains(only, m.Service) {
			why = append(why, fmt.Sprintf("the data of %s are of PostgreSQL %d now, and were of %d", m.Service, m.To, m.From))
		}
	}
	for _, c := range back.spec.Changes {
		if only == nil || slices.Contains(only, c.Service) {
			if text := h.elsewhere(c); text != "" {
				why = append(why, text)
			}
		}
	}
	before, err := readData(h.runFolder(back.id))
	if err != nil {
		return append(why, "what run "+back.id+" counted is not there, so that it cannot be told whether a migration ran"), nil
	}
	servers, err := h.servers(ctx)
	if err != nil {
		return nil, err
	}
	for _, service := range sortedKeys(before) {
		srv := servers[service]
		if srv == nil {
			why = append(why, "no server runs in "+service+", so that it cannot be told whether a migration ran")
			continue
		}
		for _, db := range sortedKeys(before[service]) {
			now, err := srv.Fingerprint(ctx, db)
			if err != nil {
				return nil, err
			}
			if text := migrated(before[service][db], now); text != "" {
				why = append(why, "a migration ran in "+db+" of "+service+": "+text)
			}
		}
	}
	return why, nil
}

// noWayBack is the first gate between two images behind which the old one cannot work with
// the data of the new one; false where there is none, or the tags do not say.
func noWayBack(old, now string) (catalog.Gate, bool) {
	a, errA := image.Parse(old)
	b, errB := image.Parse(now)
	if errA != nil || errB != nil {
		return catalog.Gate{}, false
	}
	for _, g := range catalog.Load().Gates(a, b) {
		if g.Back != catalog.BackImages {
			return g, true
		}
	}
	return catalog.Gate{}, false
}

// gatesSince says which services passed such a gate since the images of before a run.
func (h *host) gatesSince(back pastRun) []string {
	var why []string
	for _, c := range back.spec.Changes {
		i := slices.IndexFunc(h.stack.Containers, func(o docker.Container) bool { return o.Service == c.Service })
		if i < 0 {
			continue
		}
		if g, passed := noWayBack(c.Old, h.stack.Containers[i].ImageRef); passed {
			why = append(why, "service "+c.Service+" passed a gate that has no way back without its data: "+g.Title)
		}
	}
	return why
}

// elsewhere says that an application keeps its migrations where they are not seen.
func (h *host) elsewhere(c steps.Change) string {
	ref, err := image.Parse(c.Old)
	if err != nil {
		return ""
	}
	app, _ := catalog.Load().App(ref)
	if app.ID != catalog.N8N {
		return ""
	}
	for _, one := range h.stack.Containers {
		if one.Service == c.Service && one.Env["DB_TYPE"].Reveal() != "postgresdb" {
			return "n8n of " + c.Service + " has its data in SQLite, where migrations are not looked for"
		}
	}
	return ""
}

// migrated compares what tells of migrations: the tables in which applications count
// them, and the definitions of everything.
func migrated(before, now *postgres.Fingerprint) string {
	if before == nil {
		return "what was before is not known"
	}
	for _, name := range sortedKeys(now.Tables) {
		if countsMigrations(name) && now.Tables[name].Hash != before.Tables[name].Hash {
			return "table " + name + " is another"
		}
	}
	for _, name := range sortedKeys(before.Tables) {
		if _, there := now.Tables[name]; countsMigrations(name) && !there {
			return "table " + name + " is gone"
		}
	}
	for _, side := range [][2]map[string]string{{before.Schema, now.Schema}, {now.Schema, before.Schema}} {
		for _, name := range sortedKeys(side[0]) {
			if side[0][name] != side[1][name] {
				return "its definitions are others: " + name
			}
		}
	}
	return ""
}

// countsMigrations knows the tables of alembic, TypeORM, Knex, Flyway, Django, Rails,
// Prisma and golang-migrate.
func countsMigrations(table string) bool {
	name := strings.ToLower(strings.TrimPrefix(path.Ext("."+table), "."))
	return name == "alembic_version" || strings.Contains(name, "migration") || strings.Contains(name, "schema_history")
}
