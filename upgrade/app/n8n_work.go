package app

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
)

// Work is what n8n is at: its executions, and in queue mode the jobs in its queue.
func (n *N8N) Work(ctx context.Context) []Work {
	out := []Work{n.executions(ctx)}
	if n.queues() {
		out = append(out, n.queue(ctx))
	}
	return out
}

// executions are those that n8n has begun or is about to begin. `waiting` ones are safe:
// they are rows until their time comes.
func (n *N8N) executions(ctx context.Context) Work {
	w := Work{App: "n8n", Service: n.of, Name: "executions"}
	// Columns by JSON: createdAt and deletedAt are not in every release.
	rows, err := n.query(ctx, `SELECT e.id::text, e."workflowId"::text, coalesce(w.name, ''), e.status,
		coalesce(extract(epoch FROM coalesce((to_jsonb(e) ->> 'startedAt')::timestamptz, (to_jsonb(e) ->> 'createdAt')::timestamptz))::bigint::text, '')
		FROM `+n.table("execution_entity")+` e LEFT JOIN `+n.table("workflow_entity")+` w ON w.id::text = e."workflowId"::text
		WHERE e.status IN ('new', 'running') AND to_jsonb(e) ->> 'deletedAt' IS NULL ORDER BY e.id`)
	if err != nil {
		return n.workByAPI(ctx, w, err)
	}
	for _, r := range rows {
		n.place(&w, Job{ID: r[0], What: named(r[2], r[1]), State: r[3], Since: epoch(r[4])})
	}
	return w
}

// place puts an execution where it belongs. One that is said to run since before what
// executes was started is what a crash left behind: n8n marks it at its next start. A new
// one is a job in Redis, and without a worker it stays there.
func (n *N8N) place(w *Work, j Job) {
	executing := n.Mains
	if n.Queued() {
		executing = n.Workers
	}
	switch {
	case j.State == "running" && !j.Since.IsZero() && !aliveSince(executing, j.Since):
		w.Dead = append(w.Dead, j)
	case j.State == "new" && n.Queued() && !n.works():
		w.Kept = append(w.Kept, j)
	default:
		w.Jobs = append(w.Jobs, j)
	}
}

// works says that a worker runs. Those of another project are not known.
func (n *N8N) works() bool {
	return slices.ContainsFunc(n.Workers, func(m Member) bool { return m.Running })
}

// Intake are the services that take new work without doing it, which can be stopped before
// what is under way has ended. Without workers there are none: who takes executes.
func (n *N8N) Intake() []string {
	if !n.Queued() {
		return nil
	}
	var out []string
	for _, m := range slices.Concat(n.Hooks, n.Mains) {
		out = append(out, m.Service)
	}
	return out
}

// queues says that n8n gives its executions to a queue: workers there are, or elsewhere.
func (n *N8N) queues() bool {
	return n.Queued() || slices.ContainsFunc(n.Mains, func(m Member) bool { return m.Env["EXECUTIONS_MODE"].Reveal() == "queue" })
}

// countQueue counts what Bull has under a prefix: jobs that wait, by whatever priority, that
// a worker is at, that wait in a queue that somebody has paused, and that wait for their
// time (bull 4.16.4, lib/commands/addJob-6.lua).
const countQueue = `return {redis.call('LLEN', KEYS[1]), redis.call('LLEN', KEYS[2]), redis.call('LLEN', KEYS[3]), redis.call('ZCARD', KEYS[4])}`

// queue are the jobs of Bull's queue "jobs" (packages/cli, scaling/constants.ts). Those that
// run or wait are executions too; one that is added just now is in the queue first.
func (n *N8N) queue(ctx context.Context) Work {
	w := Work{App: "n8n", Service: n.of, Name: "jobs in the queue"}
	q, err := n.bull(ctx)
	if err != nil {
		w.Unasked = why(err)
		return w
	}
	args := append(q.words, "EVAL", countQueue, "4")
	for _, list := range []string{"wait", "active", "paused", "delayed"} {
		args = append(args, q.prefix+":jobs:"+list)
	}
	out, err := n.st.Exec(ctx, q.service, []string{"REDISCLI_AUTH=" + q.password}, args...)
	counts, ok := numbers(out)
	if err != nil || !ok || len(counts) != 4 {
		w.Unasked = "Redis in " + q.service + " does not say what is in the queue"
		return w
	}
	wait, active := &w.Jobs, &w.Jobs
	if len(n.Workers) > 0 && !n.works() {
		wait, active = &w.Kept, &w.Dead // Bull gives a job of a worker that is gone to the next one
	}
	for i, of := range []struct {
		into  *[]Job
		state string
	}{{wait, "waiting"}, {active, "active"}, {&w.Kept, "paused"}, {&w.Kept, "delayed"}} {
		if counts[i] > 0 {
			*of.into = append(*of.into, Job{What: strconv.FormatInt(counts[i], 10) + " " + of.state, State: of.state, Count: counts[i]})
		}
	}
	return w
}

// numbers reads a text of numbers, one a line.
func numbers(text string) ([]int64, bool) {
	var out []int64
	for _, word := range strings.Fields(text) {
		i, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil, false
		}
		out = append(out, i)
	}
	return out, true
}

// bull is the Redis with n8n's queue.
type bull struct {
	service, prefix, password string
	words                     []string // a command to it begins with them
}

// bull finds it: variables of packages/@n8n/config, scaling-mode.config.ts. In a cluster
// the prefix is in braces (packages/cli, redis-client.service.ts).
func (n *N8N) bull(ctx context.Context) (bull, error) {
	m := slices.Concat(n.Workers, n.Mains, n.Hooks)[0]
	var address, port, db, cluster, user string
	var b bull
	for _, v := range []struct {
		into           *string
		key, otherwise string
	}{
		{&address, "QUEUE_BULL_REDIS_HOST", "localhost"}, {&port, "QUEUE_BULL_REDIS_PORT", "6379"}, {&db, "QUEUE_BULL_REDIS_DB", "0"},
		{&cluster, "QUEUE_BULL_REDIS_CLUSTER_NODES", ""}, {&user, "QUEUE_BULL_REDIS_USERNAME", ""}, {&b.password, "QUEUE_BULL_REDIS_PASSWORD", ""},
		{&b.prefix, "QUEUE_BULL_PREFIX", "bull"},
	} {
		var err error
		if *v.into, err = setting(ctx, n.st, m, v.key, v.otherwise); err != nil {
			return bull{}, err
		}
	}
	b.words = []string{"redis-cli"}
	if cluster != "" {
		first, _, _ := strings.Cut(cluster, ",")
		address, port, _ = strings.Cut(strings.TrimSpace(first), ":")
		b.prefix = "{" + strings.TrimSuffix(strings.TrimPrefix(b.prefix, "{"), "}") + "}"
		b.words = append(b.words, "-c")
	} else {
		b.words = append(b.words, "-n", db)
	}
	if user != "" {
		b.words = append(b.words, "--user", user)
	}
	b.words = append(b.words, "-p", cmp.Or(port, "6379"))
	var err error
	if b.service, err = host(n.st.Members(), address); err != nil {
		return bull{}, unknown("its Redis is no service of this stack")
	}
	return b, nil
}
