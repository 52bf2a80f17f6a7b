package report

import (
	"strings"
	"time"
)

// at gives a moment of the runs below, in seconds after their start.
func at(s float64) time.Time {
	return time.Date(2026, 11, 22, 3, 15, 0, 0, time.UTC).Add(time.Duration(s * float64(time.Second)))
}

func n(i int64) *int64 { return &i }

func secs(s float64) Duration { return Duration(s * float64(time.Second)) }

// sha gives a digest of one character.
func sha(c string) string { return "sha256:" + strings.Repeat(c, 64) }

const mib = 1 << 20

// walk gives steps that follow one another, from "name:seconds".
func walk(list ...any) []Step {
	var out []Step
	now := 0.0
	for i := 0; i < len(list); i += 2 {
		took := list[i+1].(float64)
		out = append(out, Step{Name: list[i].(string), State: StepDone, Started: at(now), Ended: at(now + took)})
		now += took
	}
	return out
}

// upgraded is an upgrade that went well.
func upgraded() *Run {
	r := &Run{ID: "20261122T031500Z-4f2a", Kind: Upgrade, Project: "dify-prod", Host: "apps-1", Belay: "0.4.0", Commit: "0c1d2e3f4a5b", Outcome: Done,
		Started: at(0), Ended: at(204.4), Accepted: []string{"--accept-unhealthy weaviate"}, Notes: []string{"2 workflows of n8n were re-activated: 14, 22"}}
	r.Steps = walk("preflight", 1.2, "pull", 38.4, "keep-images", .6, "snapshot-files", .1, "baseline-live", 6.3, "drain", 4.0, "halt", 11.8, "baseline-data", 3.9,
		"backup", 31.0, "verify-backup", 12.2, "clone", 2.7, "hand-over", .02, "apply-files", .3, "migrate", 44.1, "launch", 28.0, "verify", 14.5, "open", 2.1, "record", .2, "retention", 3.0)
	r.Steps[8].Detail = "3 databases, 2 volumes, 1.4 GiB"
	r.Steps[5].Detail = "no execution of n8n, no queue of Dify"
	r.Downtime = NewDowntime(at(50.7), at(201.1), r.Steps)
	r.Services = []Service{
		{Name: "db", Before: Image{"pgvector/pgvector:pg17", sha("1")}, After: Image{"pgvector/pgvector:pg17", sha("1")}, Health: "healthy"},
		{Name: "api", Before: Image{"langgenius/dify-api:1.9.2", sha("2")}, After: Image{"langgenius/dify-api:1.10.0", sha("a")}, Health: "healthy"},
		{Name: "web", Before: Image{"langgenius/dify-web:1.9.2", sha("3")}, After: Image{"langgenius/dify-web:1.10.0", sha("b")}, Health: "running"},
		{Name: "weaviate", Before: Image{"", sha("4")}, After: Image{"", sha("4")}, Health: "unhealthy", Detail: "was unhealthy before"},
		{Name: "plugin", After: Image{"langgenius/dify-plugin-daemon:0.4.1-local", sha("c")}, Health: "running", Detail: "new"},
	}
	r.Files = []File{{"compose.yaml", "changed"}, {"nginx/conf.d/default.conf", "added"}}
	r.Databases = []Database{
		{Service: "db", Name: "dify", Proof: Changed, Size: 812 * mib, Tables: []Table{
			{Name: "public.accounts", Before: n(41), After: n(41)}, {Name: "public.messages", Before: n(1204577), After: n(1204577)},
			{Name: "public.alembic_version", Before: n(1), After: n(1), Changed: true}, {Name: "public.workflow_pauses", After: n(0)},
			{Name: "public.app_model_configs", Before: n(310), After: n(312)},
		}, Differs: []string{"schema: 1 table and 2 columns more"}},
		{Service: "db", Name: "dify_plugin", Proof: Same, Size: 9 * mib, Tables: []Table{{Name: "public.plugins", Before: n(12), After: n(12)}}},
	}
	r.Volumes = []Volume{{Name: "dify_redis", Service: "redis", Size: 21 * mib, Proof: Changed}, {Name: "/srv/dify/storage", Service: "api", Size: 512 * mib, Proof: Same}}
	r.Facts = []Fact{
		{App: "n8n", Name: "version", Before: "1.110.1", After: "1.123.81"},
		{App: "n8n", Name: "active workflows", Before: "14", After: "14"},
		{App: "n8n", Name: "credentials decrypt", Before: "not checked: there are none", After: "not checked: there are none", Unasked: "there are none"},
	}
	r.Probes = []Probe{
		{Name: "console", Service: "api", Before: &Answer{OK: true, Latency: secs(.021), Text: "HTTP 200"}, After: &Answer{OK: true, Latency: secs(.0184), News: []string{"$.plan is new"}}},
		{Name: "retrieval", Service: "api", Before: &Answer{OK: true, Latency: secs(.412), Text: "3 segments"}, After: &Answer{OK: true, Latency: secs(.377), Text: "3 segments"}},
		{Name: "redis", Service: "redis", After: &Answer{OK: true, Latency: secs(.0006), Unchecked: "it was not asked before"}},
	}
	r.Commands = []Command{
		{Name: "smoke", Step: "baseline-live", Line: "pytest -q tests/smoke", Where: "image python:3.13", Took: secs(5.2), Output: []string{"........", "8 passed in 4.9s"}},
		{Name: "smoke", Step: "verify", Line: "pytest -q tests/smoke", Where: "image python:3.13", Took: secs(5.9), Output: []string{"........", "8 passed in 5.6s"}},
	}
	r.Stats = []Stat{
		{"api", &Usage{CPU: 3.2, Memory: 812 * mib, Limit: 2048 * mib}, &Usage{CPU: 4.9, Memory: 877 * mib, Limit: 2048 * mib}},
		{"db", &Usage{CPU: 1.1, Memory: 388 * mib}, &Usage{CPU: 12.4, Memory: 341 * mib}},
		{"web", &Usage{CPU: .2, Memory: 96 * mib, Restarts: 2}, &Usage{CPU: .3, Memory: 101 * mib}},
		{"plugin", nil, &Usage{CPU: 7, Memory: 240 * mib}},
	}
	r.Errors = []Log{{"web", 1, []string{"[warn] failed to fetch telemetry endpoint"}}}
	r.Backups = []Saved{{ID: "20261122T031500Z-4f2a", Path: "/var/lib/belay/dify-prod/backups/20261122T031500Z-4f2a", Size: 466 * mib, Consistent: true,
		Verified: []string{"checksums re-read from disk", "archives read in full", "row counts of 61 tables"}}}
	return r
}

// rolledBack is an upgrade whose migration failed.
func rolledBack() *Run {
	r := upgraded()
	r.ID, r.Outcome, r.Notes, r.Commit = "20261122T031500Z-9b01", RolledBack, nil, "77aa01b2c3d4"
	r.Reason = "migrate: service api: flask db upgrade: exit 1: column \"tenant_id\" of relation \"workflow_runs\" already exists"
	r.Steps = r.Steps[:17]
	for i := range r.Steps[:13] {
		r.Steps[i].State = StepUndone
	}
	r.Steps[13].State, r.Steps[13].Error = StepFailed, "service api: exit 1"
	now := 156.62
	for i := 13; i >= 1; i-- {
		took := []float64{0, .2, .1, .1, .01, .1, 19.4, 3.7, .02, .01, .6, 2.2, .4, 2.9}[i]
		r.Steps[i].Undo = Span{at(now), at(now + took)}
		now += took
	}
	r.Steps[0].State = StepDone
	for i := 14; i < 17; i++ {
		r.Steps[i] = Step{Name: r.Steps[i].Name, State: StepPending}
	}
	r.Ended = at(now + .3)
	r.Downtime = NewDowntime(at(50.7), at(now-.51), r.Steps)
	for i, s := range r.Services {
		if s.After != s.Before {
			r.Services[i].Wanted, r.Services[i].After = s.After, s.Before
		}
	}
	r.Services = r.Services[:4]
	r.Files = nil
	for i := range r.Databases {
		r.Databases[i] = Database{Service: "db", Name: r.Databases[i].Name, Proof: Same, Size: r.Databases[i].Size,
			Tables: []Table{{Name: "public.accounts", Before: n(41), After: n(41)}, {Name: "public.messages", Before: n(1204577), After: n(1204577)}}}
	}
	r.Volumes = []Volume{{Name: "dify_redis", Service: "redis", Size: 21 * mib, Proof: Same}}
	r.Commands = append(r.Commands[:1], Command{Name: "schema", Step: "migrate", Line: "flask db upgrade", Where: "service api", Exit: 1, Took: secs(44.1),
		Output: []string{"INFO  [alembic.runtime.migration] Running upgrade 8f1c -> 91d0", "Traceback (most recent call last):", "  File \"/app/api/app.py\", line 4, in <module>",
			"psycopg2.errors.DuplicateColumn: column \"tenant_id\" of relation \"workflow_runs\" already exists"}})
	r.Logs = []Log{{"api", 212, []string{"Running migrations", "Error: column \"tenant_id\" of relation \"workflow_runs\" already exists", "exit 1"}}}
	r.Errors = nil
	return r
}

// stuck is a run whose rollback failed.
func stuck() *Run {
	r := rolledBack()
	r.ID, r.Outcome = "20261122T031500Z-dead", Stuck
	r.Reason = "undo of hand-over: database dify of db: clone is not complete"
	r.Stands = []string{"Everything but db is stopped, and the old files are back.", "The data of dify is that of the new version; backup 20261122T031500Z-4f2a is complete and verified."}
	r.Next = []string{"sudo belay recover --project dify-prod", "sudo belay backups restore 20261122T031500Z-4f2a --project dify-prod --database db/dify"}
	r.Steps[11].State, r.Steps[11].Error = StepStuck, "clone is not complete"
	r.Steps[11].Undo.To = at(161)
	for i := range r.Steps[:11] {
		r.Steps[i].State, r.Steps[i].Undo = StepDone, Span{}
	}
	r.Ended = at(162)
	r.Downtime = NewDowntime(at(50.7), time.Time{}, r.Steps)
	r.Databases[0].Proof = Different
	r.Databases[0].Tables[1] = Table{Name: "public.messages", Before: n(1204577), After: n(1204570), Rule: "must not lose rows"}
	return r
}

// refused is a run that a check stopped.
func refused() *Run {
	return &Run{ID: "20261122T031500Z-00aa", Kind: Upgrade, Project: "dify-prod", Belay: "0.4.0", Outcome: Refused, Started: at(0), Ended: at(.84),
		Refusals: []Refusal{
			{Step: "backup", Reason: "not enough space in /var/lib/belay/dify-prod/backups", Found: "1.1 GiB", Needed: "2.8 GiB", Hint: "belay backups prune, or another folder in belay.yml"},
			{Step: "preflight", Reason: "service weaviate is not healthy", Hint: "mend it, or --accept-unhealthy weaviate"},
		},
		Next:  []string{"belay upgrade --accept-unhealthy weaviate"},
		Steps: []Step{{Name: "preflight", State: StepFailed, Started: at(.01), Ended: at(.8)}, {Name: "pull", State: StepPending}}}
}

// nothing is a run that found nothing to do.
func nothing() *Run {
	return &Run{ID: "20261122T031500Z-0000", Kind: Upgrade, Project: "n8n", Belay: "0.4.0", Outcome: Nothing, Started: at(0), Ended: at(9.25),
		Steps: walk("preflight", 1.0, "pull", 8.2)}
}

// backedUp is a backup.
func backedUp() *Run {
	r := &Run{ID: "20261122T031500Z-bac0", Kind: Backup, Project: "n8n", Belay: "0.4.0", Outcome: Done, Started: at(0), Ended: at(75.2)}
	r.Steps = walk("preflight", 1.0, "halt", 12.0, "baseline-data", 2.0, "backup", 40.0, "verify-backup", 12.0)
	r.Steps[1].State, r.Steps[1].Undo = StepUndone, Span{at(67.1), at(75)}
	r.Downtime = NewDowntime(at(1.1), at(75), r.Steps)
	r.Backups = upgraded().Backups
	r.Backups[0].Encrypted = true
	return r
}

// wentBack is a rollback that was asked for.
func wentBack() *Run {
	r := upgraded()
	r.ID, r.Kind = "20261122T031500Z-ba5e", Rollback
	r.Accepted = []string{"--accept-data-loss"}
	r.Notes = []string{"37 rows in 4 tables that were written since the upgrade are in the backup only"}
	for i, s := range r.Services {
		r.Services[i].Before, r.Services[i].After = s.After, s.Before
	}
	r.Backups = append(r.Backups, Saved{ID: "20261101T020000Z-77ab", Path: "/var/lib/belay/dify-prod/backups/20261101T020000Z-77ab", Size: 451 * mib, Consistent: true, Verified: []string{"checksums re-read from disk"}, Use: "restored"})
	return r
}

// verified is a verify that failed.
func verified() *Run {
	return &Run{ID: "20261122T031500Z-7e57", Kind: Verify, Project: "n8n", Belay: "0.4.0", Outcome: Failed, Started: at(0), Ended: at(2), Reason: "1 of 2 probes and 1 command failed",
		Facts:    []Fact{{App: "n8n", Service: "flows", Name: "active workflows", Before: "2", After: "1", Failed: "1 of 2 are missing: Daily <b>report</b> (a1)"}},
		Probes:   []Probe{{Name: "console", Before: &Answer{OK: true, Latency: secs(.02)}, After: &Answer{Latency: secs(5), Text: "no answer"}}, {Name: "webhook", Before: &Answer{Unchecked: "HOOK is not set"}, After: &Answer{OK: true}}},
		Commands: []Command{{Name: "smoke", Error: "no end within 5 m", Took: secs(300), Accepted: true}}}
}

// runs are all of them, by the name of their goldens.
func runs() map[string]*Run {
	return map[string]*Run{"upgraded": upgraded(), "rolled-back": rolledBack(), "stuck": stuck(), "refused": refused(), "nothing": nothing(),
		"backup": backedUp(), "rollback": wentBack(), "verify": verified(), "empty": {}}
}
