package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// writers write rows all the time, twenty in a second, and start again with the engine.
// No row of theirs may be of the time in which the stack was halted, and none of before
// may be missing.
func writers() variant {
	var begun time.Time
	first := ""
	return variant{
		name: "writers", set: []string{"--set", good},
		edit: []string{"  DEPLOY_ENV: PRODUCTION\n", "  DEPLOY_ENV: PRODUCTION\n  STANDIN_WRITE_SECONDS: 0.1\n"},
		started: func(ctx context.Context, b *bench) (err error) {
			begun = time.Now()
			first, err = b.ask(ctx, rowsUntil(begun))
			return err
		},
		moves: func(line string) bool { return strings.HasPrefix(line, "tables postgres dify dify_app.workflow_runs ") },
		check: func(ctx context.Context, b *bench) string {
			if now, err := b.ask(ctx, rowsUntil(begun)); err != nil || now != first {
				return fmt.Sprintf("rows of before the run: %s, and were %s (%v)", now, first, err)
			}
			return b.written(ctx, begun)
		},
	}
}

const sqlTime = "2006-01-02 15:04:05.000"

func rowsUntil(at time.Time) string {
	return fmt.Sprintf("SELECT count(*), md5(string_agg(id || status || created_at || coalesce(inputs::text, ''), ',' ORDER BY id)) FROM dify_app.workflow_runs WHERE created_at < '%s'", at.UTC().Format(sqlTime))
}

// ask puts a question to the database of the stack.
func (b *bench) ask(ctx context.Context, sql string) (string, error) {
	out, err := b.sh(ctx, `pg=$(docker ps -q --filter label=com.docker.compose.project="$(basename "$1")" --filter label=com.docker.compose.service=postgres)
		docker exec -i "$pg" psql -X -A -t -v ON_ERROR_STOP=1 -U postgres -d dify <<<"$2"`, b.dir, sql)
	return strings.TrimSpace(out), err
}

// halted are three moments of the last run: its first look at the stack that it is
// about to stop, the end of that, and when applications may run again.
func (b *bench) halted() (captured, done, back time.Time) {
	all := b.journals()
	if len(all) == 0 {
		return captured, done, back
	}
	for _, e := range read(all[len(all)-1]) {
		switch text := e.String(); {
		case text == "captured halt":
			captured = e.Time
		case text == "done halt":
			done = e.Time
		case done.IsZero() || !back.IsZero():
		case text == "captured launch", text == "undone baseline-data":
			back = e.Time
		}
	}
	return captured, done, back
}

// written says what is wrong with the rows that were written since.
func (b *bench) written(ctx context.Context, begun time.Time) string {
	captured, done, back := b.halted()
	sql := fmt.Sprintf(`SELECT 'none for ' || (next - at) || ' after ' || at FROM (
		SELECT created_at AS at, lead(created_at) OVER (ORDER BY created_at) AS next FROM dify_app.workflow_runs WHERE inputs @> '{"by": "scribble"}') r
		WHERE next - at > '5 s' AND at > '%s' AND next < '%s';
`, begun.UTC().Format(sqlTime), captured.UTC().Format(sqlTime))
	if !captured.IsZero() {
		sql += fmt.Sprintf("SELECT 'none in the last seconds before the halt' FROM dify_app.workflow_runs WHERE created_at < '%s' HAVING max(created_at) < '%[1]s'::timestamp - interval '5 s';\n",
			captured.UTC().Format(sqlTime))
	}
	if !done.IsZero() && !back.IsZero() {
		sql += fmt.Sprintf("SELECT count(*) || ' of the time in which it was halted, the last of ' || max(created_at) FROM dify_app.workflow_runs WHERE created_at > '%s' AND created_at < '%s' HAVING count(*) > 0;\n",
			done.UTC().Format(sqlTime), back.UTC().Format(sqlTime))
	}
	sql += "SELECT 'none any more' FROM dify_app.workflow_runs HAVING max(created_at) < (now() AT TIME ZONE 'UTC') - interval '10 s';\n"
	out, err := b.ask(ctx, sql)
	switch {
	case err != nil:
		return err.Error()
	case out != "":
		return "rows of writers: " + out
	default:
		return ""
	}
}

func amongWriters() []point {
	kill := func(ctx context.Context, b *bench, _ *proc) error {
		return b.engineCommand(ctx, "kill; sleep 2; $engine start")
	}
	var all []fault
	for _, at := range []string{"captured halt", "captured baseline-data", "captured backup", "captured clone", "captured migrate", "captured launch"} {
		all = append(all, fault{name: "dockerd killed at " + at, quick: at == "captured backup", at: at, after: 500 * time.Millisecond, happens: kill})
	}
	all = append(all,
		fault{name: "dockerd killed at undoing", config: unverified, worlds: []string{"old"}, at: "undoing", after: 500 * time.Millisecond, happens: kill},
		fault{name: "reboot at captured backup", worlds: []string{"old"}, at: "captured backup", after: 500 * time.Millisecond,
			happens: func(ctx context.Context, b *bench, p *proc) error {
				p.killSession()
				return b.engineCommand(ctx, "kill --all; $engine start; sleep 8") // what comes back with it has time to write
			}},
		// What they write once the new stack is open is somebody's work.
		fault{name: "killed at captured open", at: "captured open", after: time.Second, loss: true, worlds: []string{"old"},
			happens: func(_ context.Context, _ *bench, p *proc) error { p.kill(); return nil }},
		fault{name: "not verified", config: unverified, exits: []int{4}, worlds: []string{"old"}},
		fault{name: "not disturbed", exits: []int{0}, worlds: []string{"new"}},
	)
	var out []point
	for _, f := range all {
		f.group = "writers"
		out = append(out, writers().with(f))
	}
	return out
}
