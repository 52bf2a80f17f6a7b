package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/upgrade"
	application "github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/report"
	"github.com/belaystack/belay/upgrade/steps"
)

// play makes a past run of events, one second apart: "captured halt".
func play(t *testing.T, kind steps.Kind, events ...[2]any) pastRun {
	t.Helper()
	log := &memory{}
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	log.now = func() time.Time { at = at.Add(time.Second); return at }
	header, err := json.Marshal(steps.Spec{Run: "r1", Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	log.Append(journal.Begun, "", header)
	for _, e := range events {
		raw, err := json.Marshal(e[1])
		if err != nil {
			t.Fatal(err)
		}
		name := e[0].(string)
		ev, step := name, ""
		for i := range name {
			if name[i] == ' ' {
				ev, step = name[:i], name[i+1:]
			}
		}
		log.Append(journal.Event(ev), step, raw)
	}
	p := pastRun{id: "r1", entries: log.Entries()}
	if err := upgrade.Header(p.entries, &p.spec); err != nil {
		t.Fatal(err)
	}
	return p
}

var rolledBack = [][2]any{
	{"captured pull", nil}, {"done pull", nil}, {"captured halt", nil}, {"done halt", nil}, {"captured migrate", nil},
	{"failed", upgrade.Failure{Error: "migrate: no such table"}}, {"undoing", upgrade.Failure{Error: "no such table"}},
	{"undone migrate", nil}, {"undone halt", nil}, {"undone pull", nil}, {"closed", upgrade.Closure{Outcome: upgrade.RolledBack}},
}

// TestOutcomes: how a run ended is read from its journal alone.
func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		events [][2]any
		want   report.Outcome
		why    string
	}{
		"rolled back": {rolledBack, report.RolledBack, "migrate: no such table"},
		"done":        {[][2]any{{"captured pull", nil}, {"done pull", nil}, {"committed", nil}, {"closed", upgrade.Closure{Outcome: upgrade.Committed}}}, report.Done, ""},
		"returned":    {[][2]any{{"returning", nil}, {"closed", upgrade.Closure{Outcome: upgrade.Returned}}}, report.Done, ""},
		"nothing":     {[][2]any{{"nothing pull", nil}, {"closed", upgrade.Closure{Outcome: upgrade.Unchanged}}}, report.Nothing, ""},
		"refused":     {[][2]any{{"failed", upgrade.Failure{Error: "no room", Refused: true}}, {"closed", upgrade.Closure{Outcome: upgrade.Turned}}}, report.Refused, "no room"},
		"cancelled":   {[][2]any{{"failed", upgrade.Failure{Error: "backup: cancelled by SIGTERM", Cancelled: true}}, {"closed", upgrade.Closure{Outcome: upgrade.RolledBack}}}, report.Cancelled, "backup: cancelled by SIGTERM"},
		"called off":  {[][2]any{{"failed", upgrade.Failure{Error: "cancelled by SIGINT", Refused: true, Cancelled: true}}, {"closed", upgrade.Closure{Outcome: upgrade.Turned}}}, report.Cancelled, "cancelled by SIGINT"},
		"killed":      {rolledBack[:4], report.Running, ""},
		"stuck": {append(append([][2]any{}, rolledBack[:7]...), [2]any{"failed migrate", upgrade.Failure{Error: "no engine", Undo: true}}), report.Stuck,
			"migrate: no such table; and it could not be undone: migrate: no engine"},
	} {
		t.Run(name, func(t *testing.T) {
			got, why := outcomeOf(play(t, steps.Upgrade, c.events...))
			if got != c.want || why != c.why {
				t.Errorf("%s, %q", got, why)
			}
		})
	}
}

// TestStepsOf: each step with its times, what failed and what was undone; the stack
// was down from the halt's beginning to the end of its undo.
func TestStepsOf(t *testing.T) {
	p := play(t, steps.Upgrade, rolledBack...)
	at := func(n int) time.Time { return time.Date(2026, 11, 22, 3, 0, n, 0, time.UTC) }
	want := []report.Step{
		{Name: "pull", State: report.StepUndone, Started: at(1), Ended: at(3), Undo: report.Span{From: at(10), To: at(11)}},
		{Name: "halt", State: report.StepUndone, Started: at(3), Ended: at(5), Undo: report.Span{From: at(9), To: at(10)}},
		{Name: "migrate", State: report.StepFailed, Started: at(5), Ended: at(7), Undo: report.Span{From: at(8), To: at(9)}, Error: "no such table"},
	}
	if diff := cmp.Diff(want, stepsOf(p)); diff != "" {
		t.Error(diff)
	}
	if d := p.downtime(); d != 6*time.Second {
		t.Errorf("down for %s", d)
	}
	killed := play(t, steps.Upgrade, rolledBack[:5]...)
	if s := stepsOf(killed); s[2].State != report.StepRunning || killed.downtime() != 0 {
		t.Errorf("%+v", s)
	}
	if got := stands(killed); !cmp.Equal(got, []string{"pull: done, and not undone", "halt: done, and not undone", "migrate: begun, and not undone"}) {
		t.Errorf("%q", got)
	}
}

// What drain could not ask was nowhere to be read.
func TestReportOfDrain(t *testing.T) {
	p := play(t, steps.Upgrade, [2]any{"captured drain", nil}, [2]any{"done drain", steps.Drained{Work: []application.Work{
		{App: "n8n", Name: "executions", Unasked: "its database is not PostgreSQL"},
		{App: "n8n", Service: "flows", Name: "jobs in the queue", Kept: []application.Job{{What: "3 waiting", Count: 3}}, Dead: []application.Job{{What: "1 active", Count: 1}}},
	}}}, [2]any{"closed", upgrade.Closure{Outcome: upgrade.Committed}})
	h := &host{app: &app{}, state: t.TempDir()}
	want := []string{
		"not waited for: executions of n8n: not checked: its database is not PostgreSQL",
		"not waited for: jobs in the queue of n8n in flows: said to be under way, and nobody is at it: 1 active",
		"not waited for: jobs in the queue of n8n in flows: they go on after the upgrade: 3 waiting",
	}
	if diff := cmp.Diff(want, h.report(p, nil, nil).Notes); diff != "" {
		t.Error(diff)
	}
}

// Where the rows are of a server that was taken back with them is told by name.
func TestReportOfLeft(t *testing.T) {
	p := play(t, steps.Upgrade, rolledBack...)
	h := &host{app: &app{}, state: t.TempDir()}
	if got := h.report(p, nil, nil).Notes; got != nil {
		t.Errorf("of none: %q", got)
	}
	data, err := json.Marshal([]steps.Move{{Service: "db", To: 18, New: steps.DataPlace{Volume: "shop_pg18"}}, {Service: "other", To: 18, New: steps.DataPlace{Folder: "/srv/db_pg18"}}})
	if err == nil {
		err = errors.Join(os.MkdirAll(h.runFolder(p.id), 0o700), os.WriteFile(filepath.Join(h.runFolder(p.id), "left.json"), data, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"db: what was written to PostgreSQL 18 since the opening, or may have been, is in volume shop_pg18 and nowhere else; retention removes it with the folder of this run; another try needs the name: docker volume rm shop_pg18",
		"other: what was written to PostgreSQL 18 since the opening, or may have been, is in /srv/db_pg18 and nowhere else; it is yours to remove; another try needs it empty",
	}
	if d := cmp.Diff(want, h.report(p, nil, nil).Notes); d != "" {
		t.Error(d)
	}
}

// TestReportOfReactivation: what was activated again stands in the report by its name.
func TestReportOfReactivation(t *testing.T) {
	p := play(t, steps.Upgrade, [2]any{"captured verify", nil}, [2]any{"done verify", steps.Verdict{Again: []application.Again{{ID: "a1", Name: "Daily"}}}},
		[2]any{"closed", upgrade.Closure{Outcome: upgrade.Committed}})
	p.spec.Options.Reactivate = true
	h := &host{app: &app{}, state: t.TempDir()}
	r := h.report(p, nil, nil)
	if diff := cmp.Diff([]string{"Daily (a1) of n8n was activated again"}, r.Notes); diff != "" || !cmp.Equal(r.Accepted, []string{"--reactivate"}) {
		t.Errorf("%s %q", diff, r.Accepted)
	}
}

// TestReportOfRefusal: what the checks found stands in the report, each with its next
// move.
func TestReportOfRefusal(t *testing.T) {
	p := play(t, steps.Upgrade, [2]any{"failed", upgrade.Failure{Error: "refused: no room", Refused: true}}, [2]any{"closed", upgrade.Closure{Outcome: upgrade.Turned}})
	h := &host{app: &app{}, state: t.TempDir()}
	err := &masked{&upgrade.RefusedError{Refusals: []*upgrade.Refusal{{Step: "preflight", Reason: "no room", Found: "1 MB", Needed: "2 MB", Next: "make some"}}, Others: []error{errors.New("x")}}, nil}
	r := h.report(p, err, nil)
	want := []report.Refusal{{Step: "preflight", Reason: "no room", Found: "1 MB", Needed: "2 MB", Hint: "make some"}, {Reason: "x"}}
	if diff := cmp.Diff(want, r.Refusals); diff != "" || r.Reason != "" || r.Outcome != report.Refused {
		t.Errorf("%s %+v", diff, r)
	}
}

// What a verification found that failed was told by its error alone.
func TestFailedVerdict(t *testing.T) {
	h := &host{state: t.TempDir()}
	p := play(t, steps.Upgrade, [2]any{"done baseline-live", steps.Measured{Facts: []application.Fact{{App: "n8n", Name: "credentials", Count: 8}}, Probes: []steps.Probed{{Name: "a", Service: "s"}}}},
		[2]any{"failed", upgrade.Failure{Error: "verify: x"}})
	p.spec.Config.Probes = []steps.Probe{{Name: "a", Service: "s"}}
	facts := func() (*report.Fact, *report.Answer) {
		t.Helper()
		var r report.Run
		h.fillChecks(&r, p)
		if len(r.Facts) != 1 || len(r.Probes) != 1 {
			t.Fatalf("%+v %+v", r.Facts, r.Probes)
		}
		return &r.Facts[0], r.Probes[0].After
	}
	if f, after := facts(); f.Before != "8" || f.After != "" || after != nil {
		t.Errorf("before it was verified: %+v %+v", f, after)
	}
	v := steps.Verdict{Measured: steps.Measured{Probes: []steps.Probed{{Name: "a", Service: "s", Error: "status 500"}}},
		Apps: []application.Compared{{App: "n8n", Name: "credentials", Before: "8", After: "7", Failed: "7, and there were 8"}}}
	b, err := json.Marshal(v)
	if err == nil {
		err = os.MkdirAll(h.runFolder(p.id), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(h.runFolder(p.id), steps.FailedVerdict), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if f, after := facts(); f.After != "7" || f.Failed == "" || after == nil || after.OK || after.Text != "status 500" {
		t.Errorf("after it failed: %+v %+v", f, after)
	}
}
