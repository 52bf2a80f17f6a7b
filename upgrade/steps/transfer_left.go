package steps

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// leftFile is the file of the run with the moves whose new places its undo leaves.
const leftFile = "left.json"

// Left gives the moves whose new places the undo of a run left, by the run's folder: people
// had written there after the opening, and what they wrote is nowhere else.
func Left(folder string) (all []Move, err error) {
	data, err := os.ReadFile(filepath.Join(folder, leftFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return all, json.Unmarshal(data, &all)
}

// leave notes the moves whose servers were written to since the opening, or may have been: a
// server that does not run any more cannot say so, and is not waited for.
func (s *open) leave(ctx context.Context, before opened) error {
	if len(s.Spec.Moves) == 0 {
		return nil
	}
	was, now, err := s.counts(ctx, before)
	left, e := Left(s.folder())
	if e != nil {
		return e
	}
	for _, m := range s.Spec.Moves {
		counted := err == nil && was[m.Service] != nil
		if counted && rowsSince(rowCounts{m.Service: was[m.Service]}, rowCounts{m.Service: now[m.Service]}) == nil || slices.Contains(left, m) {
			continue
		}
		left = append(left, m)
	}
	if len(left) == 0 {
		return nil
	}
	data, err := json.Marshal(left)
	if err != nil {
		return err
	}
	return writeSynced(s.folder(leftFile), data, 0o600)
}

// unleft takes the volumes out that the undo of this run leaves.
func (h *Host) unleft(names []string) ([]string, error) {
	left, err := Left(h.folder())
	return slices.DeleteFunc(names, func(n string) bool {
		return slices.ContainsFunc(left, func(m Move) bool { return m.New.Volume == n })
	}), err
}
