package steps

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/belaystack/belay/upgrade/postgres"
)

// clone copies each database inside its server, as the quick way back. It is no
// backup, being on the same disk: where there is no room for it, the way back is
// the dump.
type clone struct{ *Host }

// cloned is the result of clone.
type cloned struct {
	Clones  []copied `json:"clones"`
	Skipped []string `json:"skipped,omitempty"` // "dify in db: 3.1 GB needed, 1 GB free"
}

// copied is a clone and what it is of.
type copied struct {
	Service  string `json:"service"`
	Database string `json:"database"`
	Name     string `json:"name"`
}

func (s *clone) Check(context.Context) error { return nil }

func (s *clone) Capture(context.Context) (struct{}, error) { return struct{}{}, nil }

func (s *clone) Do(ctx context.Context, _ struct{}) (any, error) {
	var out cloned
	if s.Spec.Options.NoClone {
		return out, nil
	}
	servers, err := s.servers(ctx)
	if err != nil {
		return nil, err
	}
	for _, srv := range servers {
		if s.Spec.moves(srv.Service) {
			continue // its data stay where they are
		}
		if err := s.cloneAll(ctx, srv, &out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *clone) cloneAll(ctx context.Context, srv *postgres.Server, out *cloned) error {
	facts, ok, err := postgres.Probe(ctx, srv.Exec, srv.Container)
	if err != nil || !ok {
		return cmp.Or(err, errNoServer)
	}
	dbs, err := srv.Databases(ctx)
	if err != nil {
		return err
	}
	for _, db := range dbs {
		if db.System() {
			continue
		}
		room, err := srv.Space(ctx, facts.DataDir)
		if err != nil {
			return err
		}
		// As much again stays free: the new version's migrations write too.
		if need := 2*db.Size + 256<<20; room.Free < need {
			out.Skipped = append(out.Skipped, fmt.Sprintf("%s in %s: %d MB needed, %d MB free", db.Name, srv.Service, need>>20, room.Free>>20))
			continue
		}
		s.say(Progress{What: "clone " + db.Name + " in " + srv.Service, Total: db.Size})
		c, err := srv.Clone(ctx, db, s.Spec.Run)
		if err != nil {
			return err
		}
		out.Clones = append(out.Clones, copied{srv.Service, db.Name, c.Name()})
	}
	return nil
}

// Undo drops the clones that were not needed.
func (s *clone) Undo(ctx context.Context, _ struct{}) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	return s.dropCopies(ctx, func(c postgres.Copy) bool { return c.Run == s.Spec.Run && c.Kind != postgres.Failed })
}

// dropCopies drops databases that Belay made.
func (h *Host) dropCopies(ctx context.Context, which func(postgres.Copy) bool) error {
	servers, err := h.servers(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, srv := range servers {
		all, err := srv.Copies(ctx)
		if err != nil {
			return err
		}
		for _, c := range all {
			if which(c.Copy) {
				errs = append(errs, srv.Drop(ctx, c.Name))
			}
		}
	}
	return errors.Join(errs...)
}
