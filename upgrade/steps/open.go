package steps

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/postgres"
)

// open lets the outside in: services that were started without their ports get
// them, proxies start.
type open struct{ *Host }

// opened is how it was before the opening.
type opened struct {
	Written rowCounts  `json:"written"`
	Kept    []app.Kept `json:"kept,omitempty"`
}

// rowCounts are how often each database was written to, by service and database.
type rowCounts map[string]map[string]postgres.Counters

func (s *open) Check(context.Context) error { return nil }

func (s *open) Capture(ctx context.Context) (opened, error) {
	rows, err := s.written(ctx)
	if err != nil {
		return opened{}, err
	}
	kept, err := s.kept(ctx)
	return opened{rows, kept}, err
}

// kept are the tables that applications of the stack write at each start.
func (h *Host) kept(ctx context.Context) ([]app.Kept, error) {
	stack, err := h.apps(ctx)
	if err != nil {
		return nil, err
	}
	var out []app.Kept
	for _, n := range stack.n8n(ctx) {
		out = append(out, n.Kept(ctx)...)
	}
	return out, nil
}

func (h *Host) written(ctx context.Context) (rowCounts, error) {
	servers, err := h.servers(ctx)
	if err != nil {
		return nil, err
	}
	out := rowCounts{}
	for _, srv := range servers {
		dbs, err := srv.Databases(ctx)
		if err != nil {
			return nil, err
		}
		dbs = slices.DeleteFunc(dbs, func(d postgres.Database) bool { return !d.AllowConn || d.Invalid })
		rows, err := atOnce(dbs, func(d postgres.Database) (postgres.Counters, error) { return srv.Written(ctx, d.Name) })
		if err != nil {
			return nil, err
		}
		out[srv.Service] = map[string]postgres.Counters{}
		for i, db := range dbs {
			out[srv.Service][db.Name] = rows[i]
		}
	}
	return out, nil
}

func (s *open) Do(ctx context.Context, _ opened) (any, error) {
	var l started
	if _, err := s.Run.Result("launch", &l); err != nil {
		return nil, err
	}
	var old halted
	if _, err := s.captured(&old); err != nil {
		return nil, err
	}
	cfg, err := s.Docker.Config(ctx, s.Spec.Project)
	if err != nil {
		return nil, err
	}
	services := append(slices.Clone(l.Closed), l.Held...)
	begun := s.Now()
	// Compose makes those anew that were started without their ports, and kills what does
	// not end in time: a store that was not given the time would lose what it was told since.
	for _, g := range byGrace(cfg, services) {
		if err := s.up(ctx, g.services, g.timeout()...); err != nil {
			return nil, err
		}
	}
	// What shares something with a container that was made anew.
	for _, level := range levelsOf(joining(cfg, services)) {
		if err := s.upJoined(ctx, cfg, level); err != nil {
			return nil, err
		}
		if err := s.rejoin(ctx, begun, level); err != nil {
			return nil, err
		}
		services = append(services, level...)
	}
	if err := s.well(ctx, present(cfg), s.Spec.Options.AcceptUnhealthy); err != nil {
		return nil, err
	}
	if err := s.policies(ctx, old, sortedKeys(cfg.Services)); err != nil {
		return nil, err
	}
	if len(services) == 0 {
		return nil, nil
	}
	if err := s.steady(ctx, services, s.Spec.Options.AcceptUnhealthy); err != nil {
		return nil, err
	}
	return s.through(ctx)
}

// Passed is what Open tells of the ways from the outside.
type Passed struct {
	Apps []app.Compared `json:"apps,omitempty"`
}

// through waits until Dify's API answers through the proxies as it did before. One that
// was given an address of the old container answers 502 for good.
func (s *open) through(ctx context.Context) (Passed, error) {
	var before Measured
	if _, err := s.Run.Result("baseline-live", &before); err != nil || len(before.Passages) == 0 {
		return Passed{}, err
	}
	var doors []app.Door
	for _, p := range before.Passages {
		doors = append(doors, p.Door)
	}
	deadline := s.Now().Add(time.Minute)
	for {
		now, err := s.passages(ctx, doors)
		if err != nil {
			return Passed{}, err
		}
		if now == nil { // there is no Dify any more
			return Passed{}, nil
		}
		p := Passed{app.ComparePassages(before.Passages, now)}
		i := slices.IndexFunc(p.Apps, func(c app.Compared) bool { return c.Failed != "" })
		if i < 0 {
			return p, nil
		}
		if s.Now().After(deadline) {
			return p, fmt.Errorf("%s of %s in %s: %s", p.Apps[i].Name, p.Apps[i].App, p.Apps[i].Service, p.Apps[i].Failed)
		}
		if err := pause(ctx, time.Second); err != nil {
			return p, err
		}
	}
}

// graced are services that need the same time to end.
type graced struct {
	time     time.Duration // 0 for their own
	services []string
}

func (g graced) timeout() []string {
	if g.time == 0 {
		return nil
	}
	return []string{"--timeout", fmt.Sprint(int(g.time.Seconds()))}
}

// byGrace sorts services by the time that they need to end; those that need most come first.
func byGrace(cfg *docker.Config, services []string) []graced {
	by := map[time.Duration][]string{}
	for _, name := range services {
		svc := cfg.Services[name]
		var need time.Duration
		if ref, err := image.Parse(svc.Image); err == nil {
			need = app.Grace(app.NewMember(app.Member{Image: ref, Env: svc.Environment, Args: svc.Args}))
		}
		if need <= svc.StopGrace {
			need = 0
		}
		by[need] = append(by[need], name)
	}
	var out []graced
	for _, need := range slices.Backward(slices.Sorted(maps.Keys(by))) {
		out = append(out, graced{need, by[need]})
	}
	return out
}

// policies gives the containers that were halted and not made anew the restart
// policies that they had. Compose gave the others theirs.
func (h *Host) policies(ctx context.Context, old halted, services []string) error {
	cs, err := h.containers(ctx)
	if err != nil {
		return err
	}
	for _, c := range cs {
		i := slices.IndexFunc(old.Containers, func(w was) bool { return w.ID == c.ID })
		if i < 0 || !slices.Contains(services, c.Service) || c.Policy == old.Containers[i].Policy {
			continue
		}
		if err := h.setRestart(ctx, old.Containers[i].Policy, c.ID); err != nil {
			return err
		}
	}
	return nil
}

// Undo closes the stack and counts what was written since it opened. When there
// is anything, the data is not given back without consent: it may be somebody's
// work. With consent a server that moved to another place leaves it there.
func (s *open) Undo(ctx context.Context, before opened) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	cs, err := s.containers(ctx)
	if err != nil {
		return err
	}
	var others, servers []docker.Container
	for _, c := range cs {
		if _, serves := before.Written[c.Service]; serves {
			servers = append(servers, c)
		} else {
			others = append(others, c)
		}
	}
	if err := s.stopAll(ctx, others); err != nil {
		return err
	}
	if s.losesData() {
		return s.leave(ctx, before)
	}
	// One that died cannot say what it was told; one that cannot start, neither.
	if err := s.Docker.Start(ctx, ids(servers)...); err != nil {
		return errors.Join(err, rowsSince(before.Written, nil))
	}
	if err := s.answering(ctx, sortedKeys(before.Written)); err != nil {
		return errors.Join(err, rowsSince(before.Written, nil))
	}
	return s.since(ctx, before)
}

// WrittenSince gives a *WrittenError when rows were written since the run opened the stack, or
// when that cannot be told; nil also where it has not opened it. It changes nothing.
func (h *Host) WrittenSince(ctx context.Context) error {
	var before opened
	if ok, err := h.Run.Saved("open", &before); err != nil || !ok {
		return err
	}
	return (&open{h}).since(ctx, before)
}

// since counts what was written since the opening, but for what an application writes at
// each start, and left as it was.
func (s *open) since(ctx context.Context, before opened) error {
	was, now, err := s.counts(ctx, before)
	if err != nil {
		return err
	}
	return rowsSince(was, now)
}

// counts are those before the opening and those of now, without what applications write at
// each start.
func (s *open) counts(ctx context.Context, before opened) (was, now rowCounts, err error) {
	all, err := s.Capture(ctx)
	if err != nil {
		return nil, nil, err
	}
	own := slices.DeleteFunc(all.Kept, func(k app.Kept) bool { return !slices.Contains(before.Kept, k) })
	return before.Written.less(own), all.Written.less(own), nil
}

// less are the counters without tables.
func (w rowCounts) less(tables []app.Kept) rowCounts {
	out := rowCounts{}
	for service, dbs := range w {
		out[service] = maps.Clone(dbs)
		for _, t := range tables {
			if c, ok := out[service][t.Database]; ok && t.Service == service {
				out[service][t.Database] = c.Without(t.Schema, t.Table)
			}
		}
	}
	return out
}

// rowsSince is a *WrittenError when rows were written between two counts, or
// when that cannot be told.
func rowsSince(before, now rowCounts) error {
	e := &WrittenError{}
	for _, service := range slices.Sorted(maps.Keys(before)) {
		for _, db := range slices.Sorted(maps.Keys(before[service])) {
			if _, there := now[service][db]; !there {
				e.Unknown = append(e.Unknown, db+" in "+service)
			}
		}
	}
	for _, service := range slices.Sorted(maps.Keys(now)) {
		for _, db := range slices.Sorted(maps.Keys(now[service])) {
			was, there := before[service][db]
			n, tables, known := now[service][db].Since(was)
			known = known && there
			if !known {
				e.Unknown = append(e.Unknown, db+" in "+service)
			}
			if n > 0 {
				e.Rows += n
				e.In = append(e.In, fmt.Sprintf("%d in %s of %s (%s)", n, db, service, some(tables)))
			}
		}
	}
	if e.Rows == 0 && len(e.Unknown) == 0 {
		return nil
	}
	return e
}

// WrittenError means that the new stack was written to after it had opened, so
// that giving the old data back would lose what was written.
type WrittenError struct {
	Rows    int64
	In      []string
	Unknown []string // databases where it cannot be told
}

func (e *WrittenError) Error() string {
	if e.Rows == 0 {
		return fmt.Sprintf("whether rows were written since the opening cannot be told: %s", names(e.Unknown))
	}
	return fmt.Sprintf("%d rows were written since the opening: %s", e.Rows, names(e.In))
}

// Consent is the flag that gives the data of before back all the same.
func (e *WrittenError) Consent() string { return "--accept-data-loss" }

// Hint names the next move, without its command.
func (e *WrittenError) Hint() string {
	return "to give the data of before back, and to lose what was written since"
}
