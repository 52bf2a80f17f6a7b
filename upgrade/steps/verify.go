package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/postgres"
)

// verify decides whether the new stack is good: the stack itself, its probes, the
// data, the logs, and the user's own checks.
type verify struct{ *Host }

// Verdict is the result of verify.
type Verdict struct {
	Measured
	Rows   []Rows         `json:"rows,omitempty"`  // of tables whose count differs
	Again  []app.Again    `json:"again,omitempty"` // workflows that were activated again, or were not
	Apps   []app.Compared `json:"apps,omitempty"`  // what the applications were asked, before and after
	Failed []string       `json:"failed,omitempty"`
}

// Rows is a table before and after.
type Rows struct {
	Service  string `json:"service"`
	Database string `json:"database"`
	Table    string `json:"table"`
	Before   int64  `json:"before"` // -1: there was none
	After    int64  `json:"after"`  // -1: there is none
}

func (s *verify) Check(context.Context) error { return nil }

// since is when the new stack began.
type since struct {
	At time.Time `json:"at"`
}

func (s *verify) Capture(context.Context) (since, error) {
	var old halted
	_, err := s.captured(&old)
	return since{old.At}, err
}

func (s *verify) Do(ctx context.Context, from since) (any, error) {
	var before Measured
	if _, err := s.Run.Result("baseline-live", &before); err != nil {
		return nil, err
	}
	var drained Drained
	if _, err := s.Run.Result("drain", &drained); err != nil {
		return nil, err
	}
	var later counted
	if _, err := s.Run.Result("baseline-data", &later); err != nil {
		return nil, err
	}
	before.Facts = app.Newer(app.Newer(before.Facts, drained.Facts), later.Facts)
	data, counted, err := s.before()
	if err != nil {
		return nil, err
	}
	if !counted {
		data = nil
	}
	again, err := s.reactivate(ctx, before.Facts)
	if err != nil {
		return nil, err
	}
	v, err := s.Verify(ctx, before, data, from.At)
	if err != nil {
		return nil, err
	}
	v.Again = again
	for _, a := range again {
		if a.Failed != "" {
			v.Failed = append(v.Failed, a.String())
		}
	}
	if len(v.Failed) > 0 {
		// For the report alone: the journal keeps results of what went well.
		if b, err := json.Marshal(v); err == nil {
			_ = writeSynced(s.folder(FailedVerdict), []byte(s.Mask(string(b))), 0o600)
		}
		return nil, &VerifyError{v}
	}
	return v, nil
}

// FailedVerdict is the file, in the run's folder, with the Verdict of a verify that failed.
const FailedVerdict = "verdict-failed.json"

// reactivate has n8n activate again what the upgrade left inactive, where that is wanted.
// It is asked afterwards whether it did.
func (s *verify) reactivate(ctx context.Context, before []app.Fact) ([]app.Again, error) {
	if !s.Spec.reactivates() {
		return nil, nil
	}
	stack, err := s.apps(ctx)
	if err != nil {
		return nil, err
	}
	var out []app.Again
	for _, n := range stack.n8n(ctx) {
		out = append(out, n.Reactivate(ctx, before)...)
	}
	for i := range out {
		out[i].Name, out[i].Failed = s.Mask(out[i].Name), s.Mask(out[i].Failed)
	}
	return out, nil
}

// VerifyError is a stack that did not pass.
type VerifyError struct{ Verdict Verdict }

func (e *VerifyError) Error() string { return "not verified: " + strings.Join(e.Verdict.Failed, "; ") }

// Verify measures the stack and compares it with what was before. What fails is
// in the verdict; the error is for what could not be looked at.
func (h *Host) Verify(ctx context.Context, before Measured, was data, from time.Time) (Verdict, error) {
	probes := append([]Probed{}, before.Probes...)
	if h.Spec.givesBack() {
		probes = nil // older data answer as they did then
	}
	m, err := h.Measure(ctx, from, time.Minute, probes)
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{Measured: m}
	v.Errors = newErrors(before.Errors, m.Errors)
	v.Commands = h.runAll(ctx, h.Spec.Config.Verify)
	v.Failed = append(v.Failed, failures(v.Commands, nil)...)
	for _, p := range v.Probes {
		if p.Error != "" && !contains(h.Spec.Options.AcceptFailing, p.Name) {
			v.Failed = append(v.Failed, fmt.Sprintf("probe %s of %s: %s", p.Name, p.Service, p.Error))
		}
	}
	if v.Facts, err = h.facts(ctx, from); err != nil {
		return v, err
	}
	after := v.Facts
	if h.Spec.givesBack() {
		after = app.OnlyTold(after)
	}
	v.Apps = app.Compare(before.Facts, after)
	for _, c := range v.Apps {
		if c.Failed != "" {
			of := c.App
			if c.Service != "" {
				of += " in " + c.Service
			}
			v.Failed = append(v.Failed, fmt.Sprintf("%s of %s: %s", c.Name, of, c.Failed))
		}
	}
	if limit := h.Spec.Config.MaxErrors; limit != nil {
		n := 0
		for _, l := range v.Errors {
			n += len(l.Lines)
		}
		if n > *limit {
			v.Failed = append(v.Failed, fmt.Sprintf("%d new kinds of error lines in the logs, at most %d allowed: %s", n, *limit, v.Errors[0].Shown[0]))
		}
	}
	if was != nil {
		if err := h.compareRows(ctx, was, &v); err != nil {
			return v, err
		}
	}
	return v, nil
}

// compareRows counts again, and fails where a database is gone, or a table that
// is named has fewer rows, unless older data were given back.
func (h *Host) compareRows(ctx context.Context, was data, v *Verdict) error {
	now, err := h.counts(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, service := range slices.Sorted(maps.Keys(was)) {
		for _, db := range slices.Sorted(maps.Keys(was[service])) {
			tables, ok := now.find(service, db)
			if !ok {
				v.Failed = append(v.Failed, fmt.Sprintf("database %s of %s is gone", db, service))
				continue
			}
			for _, name := range slices.Sorted(maps.Keys(was[service][db].Tables)) {
				r := Rows{Service: service, Database: db, Table: name, Before: was[service][db].Tables[name].Rows, After: -1}
				if n, ok := tables[name]; ok {
					r.After = n
				}
				if r.After != r.Before {
					v.Rows = append(v.Rows, r)
				}
				if r.After < r.Before && !h.Spec.givesBack() && named(h.Spec.Config.NotFewer, db+"."+name) {
					v.Failed = append(v.Failed, fmt.Sprintf("table %s of %s has %d rows, and had %d", name, db, max(r.After, 0), r.Before))
				}
			}
		}
	}
	return errors.Join(errs...)
}

func named(patterns []string, table string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, table)
		return err == nil && ok
	})
}

// tableCounts are rows by service, database and table.
type tableCounts map[string]map[string]map[string]int64

// find looks in the service first: a server may have got another name.
func (c tableCounts) find(service, db string) (map[string]int64, bool) {
	if t, ok := c[service][db]; ok {
		return t, true
	}
	for _, s := range slices.Sorted(maps.Keys(c)) {
		if t, ok := c[s][db]; ok {
			return t, true
		}
	}
	return nil, false
}

func (h *Host) counts(ctx context.Context) (tableCounts, error) {
	servers, err := h.servers(ctx)
	if err != nil {
		return nil, err
	}
	out := tableCounts{}
	for _, srv := range servers {
		dbs, err := srv.Databases(ctx)
		if err != nil {
			return nil, err
		}
		dbs = slices.DeleteFunc(dbs, func(d postgres.Database) bool { return !d.AllowConn || d.Invalid })
		counts, err := atOnce(dbs, func(d postgres.Database) (map[string]int64, error) { return srv.Count(ctx, d.Name) })
		if err != nil {
			return nil, err
		}
		out[srv.Service] = map[string]map[string]int64{}
		for i, db := range dbs {
			out[srv.Service][db.Name] = counts[i]
		}
	}
	return out, nil
}

func (s *verify) Undo(context.Context, since) error { return nil }
