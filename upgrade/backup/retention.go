package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A Policy says which backups stay. The zero one keeps all.
type Policy struct {
	Keep   int           // the newest ones that stay
	MaxAge time.Duration // younger ones stay too; without both limits all do
}

// Prune deletes what the policy does not keep, and what is left of backups that
// were never complete or whose deletion was begun; it gives the ids. The newest
// complete one always stays, so do damaged ones, which a person must look at, and
// those that needed names: of a run that is open, or of an image that is kept.
func (s *Store) Prune(ctx context.Context, p Policy, now time.Time, needed ...string) ([]string, error) {
	list, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	keep := map[string]bool{}
	for _, id := range needed {
		keep[id] = true
	}
	var gone []string
	complete := 0
	for _, i := range list {
		if i.State == Complete {
			complete++
		}
		if keep[i.ID] || i.State == Damaged || i.State == Complete && !p.expired(i, complete, now) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return gone, err
		}
		if err := s.Remove(i.ID); err != nil {
			return gone, err
		}
		gone = append(gone, i.ID)
	}
	return gone, nil
}

// expired decides on the nth newest complete backup, from 1. With both a number
// and an age it has to be beyond both.
func (p Policy) expired(i Info, nth int, now time.Time) bool {
	if nth == 1 || p == (Policy{}) {
		return false
	}
	return (p.Keep <= 0 || nth > p.Keep) && (p.MaxAge <= 0 || now.Sub(i.Manifest.Created) > p.MaxAge)
}

// Remove deletes a backup, complete or not. The manifest goes first, by a rename:
// what is left after a kill is known for a deletion that was begun, never taken for
// a backup. One that is not there is no error.
func (s *Store) Remove(id string) error {
	if !validID(id) {
		return fmt.Errorf("backup remove: %q is no id", id)
	}
	dir := filepath.Join(s.Dir, id)
	fi, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !fi.IsDir() {
		err = &FolderError{Path: dir, What: "is not a folder"}
	}
	if err == nil {
		err = s.remove(dir)
	}
	if err != nil {
		return fmt.Errorf("backup %s: remove: %w", id, err)
	}
	return nil
}

func (s *Store) remove(dir string) error {
	deleted := filepath.Join(dir, deletedName)
	err := os.Rename(filepath.Join(dir, manifestName), deleted)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files { // the mark last
		if f.Name() != deletedName {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return err
			}
		}
	}
	if err := os.Remove(deleted); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Remove(dir); err != nil {
		return err
	}
	return syncDir(s.Dir)
}
