package steps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// applyFiles puts the new files and the new images of the local tags in place.
// Both say what the stack is, so both change together.
type applyFiles struct{ *Host }

// applied is what apply-files changes: the files, and what the tags mean
// outside of it.
type applied struct {
	Files []kept `json:"files"` // as they are on disk; Hash "" for one that is not there
	Tags  []tag  `json:"tags"`
}

func (s *applyFiles) Check(context.Context) error {
	for _, f := range s.Spec.Files {
		for _, side := range []struct{ dir, hash string }{{"old", f.Old}, {"new", f.New}} {
			if side.hash == "" {
				continue
			}
			if _, err := s.version(side.dir, side.hash); err != nil {
				return err
			}
		}
	}
	return nil
}

// version reads one version of a file that the run's folder keeps.
func (h *Host) version(dir, want string) ([]byte, error) {
	path := h.folder("files", dir, want)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if hash(data) != want {
		return nil, fmt.Errorf("%s: damaged: its content is not what its name says", path)
	}
	return data, nil
}

func (s *applyFiles) Capture(ctx context.Context) (applied, error) {
	var a applied
	for _, f := range s.Spec.Files {
		k, _, err := look(f.Path)
		if errors.Is(err, fs.ErrNotExist) {
			k, err = kept{Path: f.Path, Mode: cmp.Or(f.Mode, 0o644), UID: -1, GID: -1, Below: nearest(f.Path)}, nil
		}
		if err != nil {
			return applied{}, err
		}
		a.Files = append(a.Files, k)
	}
	var err error
	a.Tags, err = (&pull{s.Host}).oldTags(ctx)
	return a, err
}

func (s *applyFiles) Do(ctx context.Context, a applied) (any, error) {
	for i, f := range s.Spec.Files {
		if now := a.Files[i].Hash; !f.is(now) {
			return nil, fmt.Errorf("%s: changed by somebody else since the run began", f.Path)
		}
		if err := s.set(a.Files[i], "new", f.New); err != nil {
			return nil, err
		}
	}
	var now pulled
	if _, err := s.Run.Result("pull", &now); err != nil {
		return nil, err
	}
	return nil, s.retag(ctx, now.Tags)
}

// is reports whether these bytes, by their hash, are any that the run knows the file by.
func (f File) is(now string) bool {
	return now == f.Old || now == f.New || f.Now != "" && now == f.Now
}

// set gives a file one of its versions, with the mode and the owner it had.
func (s *applyFiles) set(k kept, dir, want string) error {
	if err := unfinished(k.Path); err != nil {
		return err
	}
	if want == "" {
		if err := os.Remove(k.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return dropFolders(k)
	}
	if now, _, err := look(k.Path); err == nil && now.Hash == want {
		return nil
	}
	data, err := s.version(dir, want)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(k.Path), 0o755); err != nil {
		return err
	}
	if err := replace(k.Path, data, k.Mode, k.UID, k.GID); err != nil || want != k.Hash {
		return err
	}
	return os.Chtimes(k.Path, time.Time{}, k.Time)
}

// nearest gives the nearest folder above path that is there.
func nearest(path string) string {
	dir := filepath.Dir(path)
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

// dropFolders removes the folders that were made for a file which is not there any
// more, up to the first that holds something else.
func dropFolders(k kept) error {
	dir := filepath.Dir(k.Path)
	for k.Below != "" && len(dir) > len(k.Below) {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			break // somebody put something there
		}
		dir = filepath.Dir(dir)
	}
	if err := syncDir(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Undo puts the old files and tags in place: the definition of the stack that
// ran, also where the new files had been on disk before the run.
func (s *applyFiles) Undo(ctx context.Context, a applied) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := s.files(a, "old"); err != nil {
		return err
	}
	// Compose cannot say what the old stack is while one of its files is gone.
	if err := s.lostFiles(); err != nil {
		return err
	}
	return s.retag(ctx, a.Tags)
}

// files gives every file of the upgrade its old or its new version.
func (s *applyFiles) files(a applied, side string) error {
	for i, f := range s.Spec.Files {
		want := f.New
		if side == "old" {
			want = f.Old
		}
		if err := s.set(a.Files[i], side, want); err != nil {
			return fmt.Errorf("put %s back: %w", f.Path, err)
		}
	}
	return nil
}
