package steps

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/postgres"
)

// postgresTitle is how a report calls the servers.
const postgresTitle = "PostgreSQL"

// takesOver refuses images of PostgreSQL that cannot go on with the data which are there:
// of another major version, of another C library, or without an extension. Tags tell little
// of that; the new image, which is here by now, is asked, and what runs on the data. What
// could not be told is a fact for the report.
func (s *baselineLive) takesOver(ctx context.Context) (unknown []app.Fact, refused []error) {
	if s.Spec.Kind == Backup {
		return nil, nil
	}
	stack, err := s.apps(ctx)
	if err != nil {
		return nil, []error{err}
	}
	var now pulled
	if _, err := s.Run.Result("pull", &now); err != nil {
		return nil, []error{err}
	}
	servers, err := s.servers(ctx)
	if err != nil {
		return nil, []error{err}
	}
	for _, srv := range servers {
		id := s.changesTo(stack, srv.Service, now)
		if id == "" {
			continue
		}
		misfits, err := s.misfits(ctx, srv, id)
		if err != nil {
			unknown = append(unknown, app.Fact{App: postgresTitle, Service: srv.Service, Name: "data that the new image takes over", Rule: app.Told, Unasked: s.Mask(err.Error())})
		}
		for _, m := range misfits {
			refused = append(refused, &Refusal{Reason: "service " + srv.Service + ": " + m.What, Found: m.Found, Needed: m.Needed, Next: m.Next})
		}
	}
	return unknown, refused
}

// misfits holds the server of an image against the one that runs, and its databases.
func (s *baselineLive) misfits(ctx context.Context, srv *postgres.Server, id string) ([]postgres.Misfit, error) {
	was, err := srv.Inspect(ctx)
	if err != nil {
		return nil, err
	}
	out, err := s.said(ctx, id, postgres.InspectArgs()...)
	if err != nil {
		return nil, cmp.Or(ctx.Err(), fmt.Errorf("the new image does not say what it has: %w", err))
	}
	to, err := postgres.ReadProgram(bytes.NewReader(out))
	if err != nil {
		return nil, fmt.Errorf("the new image: %w", err)
	}
	if i := slices.IndexFunc(s.Spec.Moves, func(m Move) bool { return m.Service == srv.Service }); i >= 0 {
		return s.misfitsMoved(ctx, srv, s.Spec.Moves[i], to)
	}
	if s.Spec.givesBack() { // databases are restored by the new server, with the extensions and the order of text that it has
		return to.Misfits(was, nil), nil
	}
	dbs, err := srv.Databases(ctx)
	if err != nil {
		return nil, err
	}
	return to.Misfits(was, dbs), nil
}

// misfitsMoved are those of a server whose data go to another place, by a dump and a restore
// or back: no rule of sorting binds it.
func (s *baselineLive) misfitsMoved(ctx context.Context, srv *postgres.Server, m Move, to *postgres.Program) ([]postgres.Misfit, error) {
	if to.Major != m.To {
		return []postgres.Misfit{{What: "the new image has another major version of PostgreSQL than its tag names", Found: fmt.Sprintf("PostgreSQL %d", to.Major),
			Needed: fmt.Sprintf("PostgreSQL %d", m.To), Next: "choose an image whose tag names its version"}}, nil
	}
	if s.Spec.Kind == Rollback {
		return nil, nil
	}
	dbs, err := srv.Databases(ctx)
	if err != nil {
		return nil, err
	}
	return to.Lacks(dbs), nil
}

// serverFacts are what the PostgreSQL servers are asked before and after. Nothing is held
// against them here: their data are counted and compared by themselves.
func (h *Host) serverFacts(ctx context.Context) ([]app.Fact, error) {
	servers, err := h.servers(ctx)
	if err != nil {
		return nil, err
	}
	var out []app.Fact
	for _, srv := range servers {
		if contains(h.Spec.Options.AcceptUnhealthy, srv.Service) {
			continue
		}
		fact := func(name, text string, err error) {
			f := app.Fact{App: postgresTitle, Service: srv.Service, Name: name, Rule: app.Told, Text: text}
			if err != nil {
				f.Unasked = err.Error()
			}
			out = append(out, f)
		}
		facts, ok, err := postgres.Probe(ctx, srv.Exec, srv.Container)
		if err != nil || !ok {
			fact("version", "", cmp.Or(err, errNoServer))
			continue
		}
		fact("version", facts.Release(), nil)
		dbs, err := srv.Databases(ctx)
		if err != nil {
			fact("extensions", "", err)
			continue
		}
		has, err := srv.Inspect(ctx)
		fact("extensions", postgres.Extensions(dbs, has), err)
		fact("collations", postgres.Collations(dbs), nil)
	}
	return out, nil
}
