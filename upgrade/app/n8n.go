package app

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/belaystack/belay/release/catalog"
)

// N8N is one n8n: the services that work on the same database. Facts about it are those
// of the releases 1.0 to 2.4, read in their npm packages.
type N8N struct {
	Mains   []Member // the editor, triggers and, without workers, the executions
	Hooks   []Member // `n8n webhook`: takes webhooks in queue mode
	Workers []Member // `n8n worker`: executes in queue mode
	Runners []Member // n8nio/runners, which run code for the others

	st     Stack
	of     string // one of its services, where there are several n8n
	at     string // its PostgreSQL: the service, or the address of one outside of the stack
	server string // service of its PostgreSQL
	db     string
	schema string
	prefix string
	noSQL  error // why its database cannot be asked
	grant  *grant
}

// FindN8N gives the n8n of a stack. There is more than one where services have different
// databases.
func FindN8N(ctx context.Context, st Stack) []*N8N {
	var out []*N8N
	for _, m := range of(st.Members(), catalog.N8N) {
		n := &N8N{st: st}
		n.noSQL = n.database(ctx, m)
		i := slices.IndexFunc(out, func(o *N8N) bool {
			return n.at != "" && o.at == n.at && o.db == n.db && o.schema == n.schema && o.prefix == n.prefix
		})
		if i < 0 {
			out = append(out, n)
			i = len(out) - 1
		}
		switch N8NRole(m.Args) {
		case N8NWorker:
			out[i].Workers = append(out[i].Workers, m)
		case N8NHook:
			out[i].Hooks = append(out[i].Hooks, m)
		default:
			out[i].Mains = append(out[i].Mains, m)
		}
	}
	if len(out) == 1 {
		out[0].Runners = of(st.Members(), catalog.N8NRunners)
		return out
	}
	for _, n := range out {
		n.of = slices.Concat(n.Mains, n.Hooks, n.Workers)[0].Service
	}
	return out
}

// The commands of n8n that services run.
const (
	N8NMain   = "start"
	N8NWorker = "worker"
	N8NHook   = "webhook"
)

// N8NRole is the command of n8n in the words of a service: `n8n worker`, `worker`, or
// within `sh -c "n8n worker --concurrency=5"`.
func N8NRole(args []string) string {
	words := strings.Fields(strings.Join(args, " "))
	for _, role := range []string{N8NWorker, N8NHook} {
		if slices.Contains(words, role) {
			return role
		}
	}
	return N8NMain
}

// database finds where n8n keeps its tables: variables of packages/@n8n/config,
// database.config.ts.
func (n *N8N) database(ctx context.Context, m Member) error {
	get := func(key, otherwise string) (v string, err error) { return setting(ctx, n.st, m, key, otherwise) }
	kind, err := get("DB_TYPE", "sqlite")
	if err != nil {
		return err
	}
	if kind != "postgresdb" {
		return unknown("its database is not PostgreSQL")
	}
	address, err := get("DB_POSTGRESDB_HOST", "localhost")
	if err != nil {
		return err
	}
	for _, v := range []struct {
		into           *string
		key, otherwise string
	}{{&n.db, "DB_POSTGRESDB_DATABASE", "n8n"}, {&n.schema, "DB_POSTGRESDB_SCHEMA", "public"}, {&n.prefix, "DB_TABLE_PREFIX", ""}} {
		if *v.into, err = get(v.key, v.otherwise); err != nil {
			return err
		}
	}
	if n.server, err = host(n.st.Members(), address); err != nil {
		n.at = "outside: " + address
		return err
	}
	n.at = n.server
	return nil
}

// Queued says that workers execute, not the main instance.
func (n *N8N) Queued() bool { return len(n.Workers) > 0 }

// table is a table of n8n for a statement.
func (n *N8N) table(name string) string {
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	return quote(n.schema) + "." + quote(n.prefix+name)
}

func (n *N8N) query(ctx context.Context, statement string) ([][]string, error) {
	if n.noSQL != nil {
		return nil, n.noSQL
	}
	return n.st.Query(ctx, n.server, n.db, statement)
}

// main is a main instance that runs; false when there is none to be asked.
func (n *N8N) main() (Member, bool) {
	i := slices.IndexFunc(n.Mains, func(m Member) bool { return m.Running })
	if i < 0 {
		return Member{}, false
	}
	return n.Mains[i], true
}

// N8NGrace is how long an n8n may take to end the executions that it has begun when it is
// asked to stop: N8N_GRACEFUL_SHUTDOWN_TIMEOUT, 30 s by default (packages/@n8n/config,
// generic.config.ts), and a while to end by itself. 0 for what is no n8n.
func N8NGrace(m Member) time.Duration {
	if m.App != catalog.N8N {
		return 0
	}
	seconds, err := strconv.Atoi(m.Env["N8N_GRACEFUL_SHUTDOWN_TIMEOUT"].Reveal())
	if err != nil {
		seconds = 30
	}
	return time.Duration(seconds)*time.Second + 15*time.Second
}

// n8nNotServing is NotServing of n8n. A main instance listens before it migrates, says 200
// to everything meanwhile, or 503 in JSON while it has no database (packages/cli,
// abstract-server.ts), and is ready by its own word before its paths are there: GET
// /rest/login answers in JSON, 401 as a rule, when they are. N8N_PATH is not before it: n8n
// writes it into links and serves at its root (packages/cli, server.ts).
func n8nNotServing(ctx context.Context, st Stack, m Member) string {
	if N8NRole(m.Args) != N8NMain || m.Env["N8N_PROTOCOL"].Reveal() == "https" {
		return ""
	}
	value := func(key, otherwise string) string { return cmp.Or(m.Env[key].Reveal(), otherwise) }
	at := "http://127.0.0.1:" + value("N8N_PORT", "5678") + path.Join("/", value("N8N_ENDPOINT_REST", "rest"), "login")
	got, err := st.Ask(ctx, m.Service, Request{URL: at})
	switch {
	case err != nil:
		return "does not answer: " + why(err)
	case got[0].Error != "":
		return "does not answer: " + got[0].Error
	case got[0].Status >= 500 || !strings.HasPrefix(got[0].Headers["Content-Type"], "application/json"):
		return fmt.Sprintf("does not serve yet: it answers %d, and not as n8n does when it is ready", got[0].Status)
	}
	return ""
}

// aliveSince says that one of the members runs since then, or longer.
func aliveSince(all []Member, at time.Time) bool {
	return slices.ContainsFunc(all, func(m Member) bool { return m.Running && !m.Started.After(at.Add(time.Second)) })
}

func epoch(text string) time.Time {
	s, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

// Kept is a table that an application writes at each start of its own, and what it holds.
// Where that is the same, its rows were nobody's work.
type Kept struct {
	Service  string `json:"service"` // of the PostgreSQL server
	Database string `json:"database"`
	Schema   string `json:"schema"`
	Table    string `json:"table"`
	Hash     string `json:"hash"` // of all rows without the columns that count the writing
}

// Kept are the webhooks and the workflows: n8n registers those of the active ones anew when it
// starts, and writes how many triggers each has; a trigger of the database counts it as a
// version (packages/cli, active-workflow-manager.ts; packages/@n8n/db of 1.123.81,
// AddWorkflowVersionColumn). None where its database cannot be asked.
func (n *N8N) Kept(ctx context.Context) []Kept {
	var out []Kept
	for _, name := range []string{"webhook_entity", "workflow_entity"} {
		rows, err := n.query(ctx, `SELECT concat_ws(',', count(*), sum(hashtextextended(r, 1)), sum(hashtextextended(r, 2)))
FROM (SELECT (to_jsonb(t) - 'triggerCount' - 'versionCounter')::text COLLATE "C" AS r FROM `+n.table(name)+` t) AS rows`)
		if err == nil {
			out = append(out, Kept{n.server, n.db, n.schema, n.prefix + name, rows[0][0]})
		}
	}
	return out
}

// Facts are what an upgrade of n8n must keep. since is when the new one began; zero before.
func (n *N8N) Facts(ctx context.Context, since time.Time) []Fact {
	out := []Fact{n.version(ctx), n.workflows(ctx), n.credentials(ctx), n.decrypts(ctx)}
	if !since.IsZero() {
		out = append(out, n.failures(ctx, since), n.executed(ctx, since))
	}
	return out
}

// Still are those of the facts that can be asked while n8n stands still. Until then people
// go on with their work.
func (n *N8N) Still(ctx context.Context) []Fact {
	return []Fact{n.workflows(ctx), n.credentials(ctx)}
}

func (n *N8N) fact(name string, rule Rule) Fact {
	return Fact{App: "n8n", Service: n.of, Name: name, Rule: rule}
}

// version is asked of the program: a tag such as stable does not say it.
func (n *N8N) version(ctx context.Context) Fact {
	f := n.fact("version", Told)
	seen := map[string][]string{}
	for _, m := range slices.Concat(n.Mains, n.Hooks, n.Workers) {
		if !m.Running {
			continue
		}
		out, err := n.st.Exec(ctx, m.Service, nil, "n8n", "--version")
		if err != nil {
			f.Unasked = m.Service + ": " + why(err)
			return f
		}
		v := strings.TrimSpace(out)
		seen[v] = append(seen[v], m.Service)
		f.Text = v
	}
	switch {
	case len(seen) == 0:
		f.Unasked = "no n8n runs"
	case len(seen) > 1:
		f.Wrong = fmt.Sprintf("services of one n8n have different versions: %s", spread(seen))
	}
	return f
}

func spread(seen map[string][]string) string {
	var out []string
	for v, services := range seen {
		out = append(out, v+" in "+strings.Join(services, ", "))
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

func (n *N8N) credentials(ctx context.Context) Fact {
	f := n.fact("credentials", NotFewer)
	rows, err := n.query(ctx, `SELECT count(*)::text FROM `+n.table("credentials_entity"))
	if err != nil {
		f.Unasked = why(err)
		return f
	}
	f.Count, _ = strconv.ParseInt(rows[0][0], 10, 64)
	return f
}

// decrypts has n8n itself decrypt its credentials. What it exports goes to /dev/null in its
// container; it prints how many there were (packages/cli, commands/export/credentials.ts).
func (n *N8N) decrypts(ctx context.Context) Fact {
	f := n.fact("credentials decrypt", Told)
	m, ok := n.main()
	if !ok {
		f.Unasked = "no main instance runs"
		return f
	}
	out, err := n.st.Exec(ctx, m.Service, nil, "n8n", "export:credentials", "--all", "--decrypted", "--output=/dev/null")
	switch {
	case strings.Contains(out, "No credentials found"):
		f.Unasked = "there are none"
	case strings.Contains(out, "could not be decrypted"):
		f.Wrong = "n8n cannot decrypt its credentials: its encryption key is another one"
	case err != nil:
		f.Unasked = "n8n export:credentials failed: " + why(err)
	case !strings.Contains(out, "Successfully exported"):
		f.Unasked = "n8n export:credentials did not say what it did"
	default:
		f.Text = "yes"
	}
	return f
}

// failures are executions that failed since the launch.
func (n *N8N) failures(ctx context.Context, since time.Time) Fact {
	f := n.fact("failed executions since the launch", Told)
	rows, err := n.query(ctx, fmt.Sprintf(`SELECT count(*)::text FROM %s WHERE status IN ('error', 'crashed') AND "startedAt" > to_timestamp(%d)`,
		n.table("execution_entity"), since.Unix()))
	if err != nil {
		f.Unasked = why(err)
		return f
	}
	f.Count, _ = strconv.ParseInt(rows[0][0], 10, 64)
	return f
}

// executed is what the new n8n executed by its schedules and polls before the stack was
// open: after a rollback it never was.
func (n *N8N) executed(ctx context.Context, since time.Time) Fact {
	f := n.fact("executed before the opening", Told)
	rows, err := n.query(ctx, fmt.Sprintf(`SELECT coalesce(w.name, ''), e."workflowId"::text, e.mode, count(*)::text FROM %s e LEFT JOIN %s w ON w.id::text = e."workflowId"::text
		WHERE e."startedAt" > to_timestamp(%d) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT 50`, n.table("execution_entity"), n.table("workflow_entity"), since.Unix()))
	if err != nil {
		f.Unasked = why(err)
		return f
	}
	var list []string
	for _, r := range rows {
		list = append(list, fmt.Sprintf("%s × %s by %s", r[3], named(r[0], r[1]), r[2]))
	}
	f.Text = strings.Join(list, "; ")
	if f.Text == "" {
		f.Text = "nothing"
	}
	return f
}
