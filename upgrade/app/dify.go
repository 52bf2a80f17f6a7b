package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/belaystack/belay/release/catalog"
)

// Dify is the Dify of a stack. Facts about it are those of the releases 0.15.3 to 1.16.1,
// read in its source (langgenius/dify).
type Dify struct {
	APIs    []Member // MODE=api: serves
	Workers []Member // MODE=worker: executes
	Beats   []Member // MODE=beat: puts tasks on the queues by the clock
	Others  []Member // MODE=api_websocket and what is new
	Webs    []Member
	Boxes   []Member // the sandbox
	Daemons []Member // the plugin daemon

	st     Stack
	server string
	db     string
	schema string // of its tables
	noSQL  error
}

// FindDify gives the Dify of a stack; nil when there is none.
func FindDify(ctx context.Context, st Stack) *Dify {
	all := st.Members()
	d := &Dify{st: st, Webs: of(all, catalog.DifyWeb), Boxes: of(all, catalog.DifySandbox), Daemons: of(all, catalog.DifyPluginDaemon)}
	for _, m := range of(all, catalog.DifyAPI) {
		switch m.Env["MODE"].Reveal() {
		case "", "api":
			d.APIs = append(d.APIs, m)
		case "worker":
			d.Workers = append(d.Workers, m)
		case "beat":
			d.Beats = append(d.Beats, m)
		default:
			d.Others = append(d.Others, m)
		}
	}
	if len(d.servers()) == 0 {
		return nil
	}
	d.noSQL = d.database(ctx, d.servers()[0])
	return d
}

// servers are all services of the image dify-api.
func (d *Dify) servers() []Member { return slices.Concat(d.APIs, d.Workers, d.Beats, d.Others) }

// database finds where Dify keeps its tables: variables of api/configs/middleware. The
// schema is that of alembic's table: search_path may be another than public.
func (d *Dify) database(ctx context.Context, m Member) error {
	if kind := m.Env["DB_TYPE"].Reveal(); kind != "" && kind != "postgresql" {
		return unknown("its database is not PostgreSQL")
	}
	address, err := setting(ctx, d.st, m, "DB_HOST", "localhost")
	if err != nil {
		return err
	}
	if d.db, err = setting(ctx, d.st, m, "DB_DATABASE", "dify"); err != nil {
		return err
	}
	if d.server, err = host(d.st.Members(), address); err != nil {
		return err
	}
	d.schema, err = homeOf(ctx, d.st, d.server, d.db, "alembic_version")
	return err
}

// homeOf is the schema of a table, wherever it is.
func homeOf(ctx context.Context, st Stack, server, db, table string) (string, error) {
	rows, err := st.Query(ctx, server, db, `SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relname = `+literal(table)+` AND c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\_%'`)
	switch {
	case err != nil:
		return "", err
	case len(rows) == 0:
		return "", unknown("database %s has no table %s", db, table)
	case len(rows) > 1:
		return "", unknown("database %s has %d tables %s", db, len(rows), table)
	}
	return rows[0][0], nil
}

func (d *Dify) table(name string) string { return quoted(d.schema) + "." + quoted(name) }

func (d *Dify) query(ctx context.Context, statement string) ([][]string, error) {
	if d.noSQL != nil {
		return nil, d.noSQL
	}
	return d.st.Query(ctx, d.server, d.db, statement)
}

// Intake are the services that put work on the queues and do none: the clock.
func (d *Dify) Intake() []string {
	var out []string
	for _, m := range d.Beats {
		out = append(out, m.Service)
	}
	return out
}

// stale is how old a row may be that says that something runs: a worker that is stopped
// leaves such rows for ever (langgenius/dify issues 22055, 26914, 27997). Dify itself ends
// a workflow after 20 minutes unless it is told otherwise (WORKFLOW_MAX_EXECUTION_TIME).
const stale = time.Hour

// Work is what Dify is at: workflows, documents that are indexed, tasks on its queues, and
// requests to its plugins. Paused workflows wait for a person and are safe.
func (d *Dify) Work(ctx context.Context) []Work {
	return []Work{d.workflows(ctx), d.documents(ctx), d.queues(ctx), d.plugins(ctx)}
}

func (d *Dify) work(name string) Work { return Work{App: "Dify", Name: name} }

func (d *Dify) workflows(ctx context.Context) Work {
	return d.rows(ctx, d.work("workflow runs"), `SELECT r.id::text, coalesce(to_jsonb(r) ->> 'type', ''), r.status,
		extract(epoch FROM (to_jsonb(r) ->> 'created_at')::timestamp AT TIME ZONE 'UTC')::bigint::text
		FROM `+d.table("workflow_runs")+` r WHERE r.status = 'running' ORDER BY 4`)
}

func (d *Dify) documents(ctx context.Context) Work {
	return d.rows(ctx, d.work("documents that are indexed"), `SELECT r.id::text, '', r.indexing_status,
		extract(epoch FROM coalesce((to_jsonb(r) ->> 'processing_started_at')::timestamp, (to_jsonb(r) ->> 'created_at')::timestamp) AT TIME ZONE 'UTC')::bigint::text
		FROM `+d.table("documents")+` r
		WHERE r.indexing_status IN ('waiting', 'parsing', 'cleaning', 'splitting', 'indexing') AND coalesce(to_jsonb(r) ->> 'is_paused', 'false') <> 'true' ORDER BY 4`)
}

// rows fills w with what a statement finds: id, what, state, since.
func (d *Dify) rows(ctx context.Context, w Work, statement string) Work {
	rows, err := d.query(ctx, statement)
	if err != nil {
		w.Unasked = why(err)
		return w
	}
	for _, r := range rows {
		one := Job{ID: r[0], What: named(r[1], r[0]), State: r[2], Since: epoch(r[3])}
		if time.Since(one.Since) > stale || !aliveSince(slices.Concat(d.APIs, d.Workers), one.Since) {
			w.Dead = append(w.Dead, one)
			continue
		}
		w.Jobs = append(w.Jobs, one)
	}
	return w
}

// listQueues finds every list of a Redis database, whatever the queues of this version are
// called, and what kombu holds for workers that have not confirmed it.
const listQueues = `local out, at = {}, '0'
repeat
  local page = redis.call('SCAN', at, 'COUNT', 1000)
  at = page[1]
  for _, key in ipairs(page[2]) do
    local kind = redis.call('TYPE', key).ok
    if kind == 'list' then out[#out + 1] = key .. '=' .. redis.call('LLEN', key) end
    if kind == 'hash' and string.sub(key, -7) == 'unacked' then out[#out + 1] = key .. '=' .. redis.call('HLEN', key) end
  end
until at == '0'
return out`

// queues are the tasks on Celery's queues: lists of Redis in the database of
// CELERY_BROKER_URL. What begins with bull: is n8n's.
func (d *Dify) queues(ctx context.Context) Work {
	w := d.work("queued tasks")
	broker, err := d.broker(ctx)
	if err != nil {
		w.Unasked = why(err)
		return w
	}
	out, err := d.st.Exec(ctx, broker.service, []string{"REDISCLI_AUTH=" + broker.password}, append(broker.user(), "-n", broker.database, "EVAL", listQueues, "0")...)
	if err != nil || strings.HasPrefix(out, "ERR") || strings.HasPrefix(out, "NO") || strings.HasPrefix(out, "WRONGPASS") {
		w.Unasked = "Redis in " + broker.service + " does not say what is on its queues"
		return w
	}
	for line := range strings.Lines(out) {
		key, n, ok := cutLast(strings.TrimSpace(line), "=")
		count, err := strconv.ParseInt(n, 10, 64)
		if !ok || err != nil || count == 0 || strings.HasPrefix(key, "bull:") {
			continue
		}
		w.Jobs = append(w.Jobs, Job{What: fmt.Sprintf("%d on %s", count, key), Count: count})
	}
	return w
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// broker is the Redis with Celery's queues.
type broker struct{ service, database, name, password string }

// user are the first words of a command to it.
func (b broker) user() []string {
	if b.name == "" {
		return []string{"redis-cli"}
	}
	return []string{"redis-cli", "--user", b.name}
}

func (d *Dify) broker(ctx context.Context) (broker, error) {
	for _, m := range slices.Concat(d.Workers, d.APIs) {
		address, err := setting(ctx, d.st, m, "CELERY_BROKER_URL", "")
		if err != nil {
			return broker{}, err
		}
		if address == "" {
			continue
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" {
			return broker{}, unknown("CELERY_BROKER_URL of %s names no Redis", m.Service) // its text has the password
		}
		b := broker{database: strings.TrimPrefix(u.Path, "/"), name: u.User.Username()}
		b.password, _ = u.User.Password()
		if b.database == "" {
			b.database = "0"
		}
		b.service, err = host(d.st.Members(), u.Host)
		if err != nil {
			return broker{}, unknown("its Redis is no service of this stack")
		}
		return b, nil
	}
	return broker{}, unknown("no service of it says where its Redis is: CELERY_BROKER_URL")
}

// plugins are the requests that the plugin daemon is answering: internal/server/controllers,
// health_check.go, from 0.2.0 on.
func (d *Dify) plugins(ctx context.Context) Work {
	w := d.work("requests to plugins")
	if len(d.Daemons) == 0 {
		w.Unasked = "no plugin daemon runs"
		return w
	}
	m := d.Daemons[0]
	var health struct {
		Active   *int64 `json:"active_requests"`
		Dispatch *int64 `json:"active_dispatch_requests"`
	}
	if err := d.json(ctx, m, "5002", "/health/check", &health); err != nil {
		w.Unasked = why(err)
		return w
	}
	if health.Active == nil || health.Dispatch == nil {
		w.Unasked = "this plugin daemon does not tell (before 0.2.0)"
		return w
	}
	// The question itself is one of them.
	if n := max(*health.Active-1, *health.Dispatch); n > 0 {
		w.Jobs = append(w.Jobs, Job{What: fmt.Sprintf("%d requests", n), Count: n})
	}
	return w
}

// json asks a service for a JSON document.
func (d *Dify) json(ctx context.Context, m Member, port, path string, into any) error {
	got, err := d.st.Ask(ctx, m.Service, Request{URL: "http://127.0.0.1:" + port + path})
	if err != nil {
		return err
	}
	return decode(got[0], path, into)
}

func decode(r Response, path string, into any) error {
	switch {
	case r.Error != "":
		return unknown("%s: %s", path, r.Error)
	case r.Status != 200:
		return unknown("%s answers %d", path, r.Status)
	}
	if json.Unmarshal(r.Body, into) != nil {
		return unknown("%s does not answer with JSON", path)
	}
	return nil
}

func quoted(name string) string  { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
func literal(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }
