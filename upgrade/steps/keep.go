package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/journal"
)

// keepImages holds every image of the old and of the new stack against a prune,
// also one that was built or imported and could not be pulled again. Retention
// lets go of those that no backup needs.
type keepImages struct{ *Host }

func (s *keepImages) Check(context.Context) error { return nil }

func (s *keepImages) Capture(ctx context.Context) ([]string, error) {
	return s.Docker.Kept(ctx, s.Spec.Project.Name)
}

func (s *keepImages) Do(ctx context.Context, kept []string) (any, error) {
	cs, err := s.containers(ctx)
	if err != nil {
		return nil, err
	}
	// Those of earlier backups that a prune took the holder of, too.
	want, _, err := s.needed(ctx)
	if err != nil {
		return nil, err
	}
	old := slices.Clone(want)
	for _, c := range cs {
		want = append(want, c.Image)
	}
	var now pulled
	if _, err := s.Run.Result("pull", &now); err != nil {
		return nil, err
	}
	for _, t := range now.Tags {
		want = append(want, t.ID)
	}
	slices.Sort(want)
	want = slices.Compact(want)
	here, err := s.Docker.Images(ctx, want...)
	if err != nil {
		return nil, err
	}
	var out []Held
	for _, id := range want {
		img, ok := here[id]
		if !ok && slices.Contains(old, id) {
			continue // a rollback that needs it gets it again
		}
		out = append(out, Held{ID: id, Digests: img.Digests})
		if !slices.Contains(kept, id) {
			if err := s.Docker.Keep(ctx, s.Spec.Project.Name, id); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// Undo lets go of what this run began to hold, unless it leaves a backup, which
// needs the old images.
func (s *keepImages) Undo(ctx context.Context, kept []string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	needed, known, err := s.needed(ctx)
	if err != nil || !known {
		return err
	}
	now, err := s.Docker.Kept(ctx, s.Spec.Project.Name)
	if err != nil {
		return err
	}
	for _, id := range now {
		if !slices.Contains(kept, id) && !slices.Contains(needed, id) {
			if err := s.Docker.Unkeep(ctx, s.Spec.Project.Name, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// needed are the ids of the images that complete backups need: those that the
// stack ran on when their runs began. They are read from the journals, since an
// encrypted backup does not tell them to everybody.
//
// known is false when the run of one of them is not in the state folder any more:
// nothing is let go of then.
func (h *Host) needed(ctx context.Context) (out []string, known bool, err error) {
	all, err := h.Store.List(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, b := range all {
		if b.Manifest == nil {
			continue
		}
		spec, err := ReadSpec(h.Spec.State, b.Manifest.Run)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, fmt.Errorf("backup %s: which images it needs: %w", b.ID, err)
		}
		for _, c := range spec.Changes {
			out = appendNew(out, c.OldID)
		}
	}
	return out, true, nil
}

// ReadSpec reads the header of a run's journal.
func ReadSpec(state, run string) (Spec, error) {
	entries, err := journal.Read(filepath.Join(state, "runs", run, "journal"))
	if err != nil {
		return Spec{}, err
	}
	var s Spec
	return s, upgrade.Header(entries, &s)
}
