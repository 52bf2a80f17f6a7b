package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/postgres"
)

// baselineData counts and hashes what is in the databases while nothing writes.
// After a rollback it has to be the same before any application starts.
type baselineData struct{ *Host }

// data is what is in the databases, by service and database.
type data map[string]map[string]*postgres.Fingerprint

// counted is the result of baseline-data: the data itself lies in the run's
// folder.
type counted struct {
	Hash      string `json:"hash"` // sha256 of data-before.json
	Databases int    `json:"databases"`
	Tables    int    `json:"tables"`
	Rows      int64  `json:"rows"`

	Facts []app.Fact `json:"facts,omitempty"` // what databases were asked again: people went on until now
}

const dataBefore = "data-before.json"

func (s *baselineData) Check(context.Context) error { return nil }

func (s *baselineData) Capture(context.Context) (struct{}, error) { return struct{}{}, nil }

func (s *baselineData) Do(ctx context.Context, _ struct{}) (any, error) {
	d, err := s.data(ctx)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	if err := writeSynced(s.folder(dataBefore), b, 0o600); err != nil {
		return nil, err
	}
	c := counted{Hash: hash(b)}
	if c.Facts, err = s.factsAtRest(ctx); err != nil {
		return nil, err
	}
	for _, dbs := range d {
		for _, f := range dbs {
			c.Databases++
			for _, t := range f.Tables {
				c.Tables++
				c.Rows += t.Rows
			}
		}
	}
	return c, nil
}

// data reads all databases of all servers, but for copies of our own.
func (h *Host) data(ctx context.Context) (data, error) {
	servers, err := h.servers(ctx)
	if err != nil {
		return nil, err
	}
	d := data{}
	for _, srv := range servers {
		dbs, err := srv.Databases(ctx)
		if err != nil {
			return nil, err
		}
		for _, db := range dbs {
			h.say(Progress{What: "count and hash " + db.Name + " in " + srv.Service})
		}
		prints, err := atOnce(dbs, func(d postgres.Database) (*postgres.Fingerprint, error) {
			f, err := srv.Fingerprint(ctx, d.Name)
			if err != nil {
				return nil, fmt.Errorf("count %s in %s: %w", d.Name, srv.Service, err)
			}
			return f, nil
		})
		if err != nil {
			return nil, err
		}
		d[srv.Service] = map[string]*postgres.Fingerprint{}
		for i, db := range dbs {
			d[srv.Service][db.Name] = prints[i]
		}
	}
	return d, nil
}

// before reads what baseline-data saw; false when it did not come to its end.
func (h *Host) before() (data, bool, error) {
	var c counted
	ok, err := h.Run.Result("baseline-data", &c)
	if err != nil || !ok {
		return nil, false, err
	}
	b, err := os.ReadFile(h.folder(dataBefore))
	if err != nil {
		return nil, false, err
	}
	if hash(b) != c.Hash {
		return nil, false, fmt.Errorf("%s: damaged: it is not what the journal says", h.folder(dataBefore))
	}
	var d data
	return d, true, json.Unmarshal(b, &d)
}

// Undo compares the data with what it was: a rollback that did not bring it back
// must not let an application near it.
func (s *baselineData) Undo(ctx context.Context, _ struct{}) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	before, ok, err := s.before()
	if err != nil || !ok || !s.Run.Started("hand-over") {
		return err
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	now, err := s.data(ctx)
	if err != nil {
		return err
	}
	if diff := before.diff(now); len(diff) > 0 {
		return &DataError{Diff: diff}
	}
	for service, dbs := range before {
		for db, was := range dbs {
			if empty := now[service][db].Emptied(was); len(empty) > 0 {
				s.say(Progress{What: fmt.Sprintf("%s in %s crashed meanwhile, which empties unlogged tables: %s", db, service, strings.Join(empty, ", "))})
			}
		}
	}
	return nil
}

// diff says what differs, by service and database, without a value of a row.
func (d data) diff(now data) []string {
	var out []string
	for _, service := range slices.Sorted(maps.Keys(d)) {
		for _, db := range slices.Sorted(maps.Keys(d[service])) {
			f, ok := now[service][db]
			if !ok {
				out = append(out, fmt.Sprintf("%s in %s is not there", db, service))
				continue
			}
			for _, line := range f.Diff(d[service][db]) {
				out = append(out, fmt.Sprintf("%s in %s: %s", db, service, line))
			}
		}
	}
	for _, service := range slices.Sorted(maps.Keys(now)) {
		for _, db := range slices.Sorted(maps.Keys(now[service])) {
			if _, ok := d[service][db]; !ok {
				out = append(out, fmt.Sprintf("%s in %s is new", db, service))
			}
		}
	}
	return out
}

// DataError means that databases are not what they were.
type DataError struct{ Diff []string }

func (e *DataError) Error() string {
	shown := e.Diff[:min(len(e.Diff), 10)]
	s := "the data is not what it was before: " + strings.Join(shown, "; ")
	if more := len(e.Diff) - len(shown); more > 0 {
		s += fmt.Sprintf("; and %d more", more)
	}
	return s
}

// Hint names the next move.
func (e *DataError) Hint() string {
	return "no application was started; compare with the backup: belay backups show"
}

var errNoServer = errors.New("no PostgreSQL server runs")

// serve makes sure that the servers of the old stack run, by the definition that
// is on disk, and take connections.
func (h *Host) serve(ctx context.Context) error {
	var old halted
	if ok, err := h.captured(&old); err != nil || !ok {
		return err
	}
	if err := h.create(ctx, old, func(w was) bool { return w.Server }); err != nil {
		return err
	}
	now, err := h.containers(ctx)
	if err != nil {
		return err
	}
	var services []string
	for _, w := range old.Containers {
		if !w.Server || !w.Running {
			continue
		}
		c, ok := find(now, w)
		if !ok {
			return fmt.Errorf("service %s: %w", w.Service, errNoServer)
		}
		if err := h.revive(ctx, c, w); err != nil {
			return err
		}
		services = append(services, w.Service)
	}
	if err := h.well(ctx, services, nil); err != nil {
		return err
	}
	return h.answering(ctx, services)
}
