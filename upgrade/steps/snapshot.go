package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// snapshotFiles keeps the stack's files, the `.env` among them: what the
// upgrade does not touch, somebody else may.
type snapshotFiles struct{ *Host }

// kept is one file of the stack as it was.
type kept struct {
	Path string      `json:"path"`
	Hash string      `json:"hash"` // of its bytes, sha256; the name of the copy
	Mode fs.FileMode `json:"mode"`
	UID  int         `json:"uid"`
	GID  int         `json:"gid"`
	Time time.Time   `json:"time,omitzero"` // of its last change

	Below string `json:"below,omitempty"` // of a file that is not there: the nearest folder above it that is
}

func (s *snapshotFiles) Check(context.Context) error {
	for _, path := range s.sources() {
		if _, err := os.Stat(path); err != nil {
			return &Refusal{Reason: "a file of the stack cannot be read", Found: err.Error(), Next: "put it back, or correct the path that names it"}
		}
	}
	return nil
}

// sources are the files that the stack is made of, and what says how it is run.
func (h *Host) sources() []string {
	out := slices.Clone(h.Spec.Sources)
	if h.Spec.Config.File != "" {
		out = appendNew(out, h.Spec.Config.File)
	}
	return out
}

// Capture copies the files before it names them: the copies are on disk when
// the journal speaks of them.
func (s *snapshotFiles) Capture(context.Context) ([]kept, error) {
	dir := s.folder("files", "kept")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var out []kept
	for _, path := range s.sources() {
		k, data, err := look(path)
		if err != nil {
			return nil, err
		}
		if err := writeSynced(filepath.Join(dir, k.Hash), data, 0o600); err != nil {
			return nil, fmt.Errorf("keep %s: %w", path, err)
		}
		out = append(out, k)
	}
	return out, syncDir(dir)
}

func (s *snapshotFiles) Do(_ context.Context, files []kept) (any, error) { return len(files), nil }

// Undo puts back what was deleted meanwhile. What somebody changed stays as
// they left it, and the run's folder has it as it was; the files that the
// upgrade changes are the business of apply-files.
func (s *snapshotFiles) Undo(_ context.Context, files []kept) error { return s.allBack(files) }

func (h *Host) allBack(files []kept) error {
	for _, k := range files {
		// Of those that the upgrade changes apply-files knows the old version: that
		// there was none, perhaps.
		if h.Run.Started("apply-files") && slices.ContainsFunc(h.Spec.Files, func(f File) bool { return f.Path == k.Path }) {
			continue
		}
		if err := h.putBack(k); err != nil {
			return fmt.Errorf("put %s back: %w", k.Path, err)
		}
	}
	return nil
}

// lostFiles puts back what was deleted since the run began.
func (h *Host) lostFiles() error {
	var files []kept
	if ok, err := h.Run.Saved("snapshot-files", &files); err != nil || !ok {
		return err
	}
	return h.allBack(files)
}

func (h *Host) putBack(k kept) error {
	if _, err := os.Lstat(k.Path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data, err := os.ReadFile(h.folder("files", "kept", k.Hash))
	if err != nil {
		return err
	}
	if hash(data) != k.Hash {
		return fmt.Errorf("the copy in %s is damaged", h.folder("files", "kept"))
	}
	return errors.Join(replace(k.Path, data, k.Mode, k.UID, k.GID), os.Chtimes(k.Path, time.Time{}, k.Time))
}

// look reads a file and what has to be the same when it is written again.
func look(path string) (kept, []byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return kept{}, nil, err
	}
	if !info.Mode().IsRegular() {
		return kept{}, nil, fmt.Errorf("%s: no regular file", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return kept{}, nil, err
	}
	k := kept{Path: path, Hash: hash(data), Mode: info.Mode().Perm(), UID: -1, GID: -1, Time: info.ModTime()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		k.UID, k.GID = int(st.Uid), int(st.Gid)
	}
	return k, data, nil
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
