package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted/deployed"
)

// stored is one file of a run: its hash, and the run whose folder has the bytes.
type stored struct{ run, hash string }

// filesBefore has the files go back that runs since changed, to what they were before
// the first of those runs. One that somebody edited since is refused.
func (h *host) filesBefore(spec *steps.Spec, all []pastRun, back pastRun) error {
	first, last := map[string]stored{}, map[string]stored{}
	begun := false
	for _, r := range slices.Backward(all) { // oldest first
		if begun = begun || r.id == back.id; !begun || !r.committed() {
			continue
		}
		for _, f := range r.spec.Files {
			if _, ok := first[f.Path]; !ok {
				first[f.Path] = stored{r.id, f.Old}
			}
			last[f.Path] = stored{r.id, f.New}
		}
	}
	draft, err := deployed.Draft(h.runFolder(spec.Run))
	if err != nil {
		return err
	}
	for _, path := range sortedKeys(first) {
		if err := h.fileBefore(spec, draft, path, first[path], last[path]); err != nil {
			return err
		}
	}
	draft.Commit = commitBefore(all, back)
	spec.Commit = draft.Commit
	return draft.WriteDraft(h.runFolder(spec.Run))
}

// fileBefore adds one file to a spec and to the record that the run will leave.
func (h *host) fileBefore(spec *steps.Spec, draft *deployed.Record, path string, was, is stored) error {
	target, err := h.bytesOf("old", was)
	if err != nil {
		return err
	}
	ours, err := h.bytesOf("new", is)
	if err != nil {
		return err
	}
	now, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	gone := err != nil
	if gone != (is.hash == "") || !bytes.Equal(image.StripRecord(now), image.StripRecord(ours)) {
		return &upgrade.Refusal{Reason: path + " was changed since run " + is.run, Next: "put it back as that run left it: its bytes are " + filepath.Join(h.runFolder(is.run), "files", "new", is.hash)}
	}
	f := steps.File{Path: path}
	folder := filepath.Join(h.runFolder(spec.Run), "files")
	if !gone {
		if f.Old, err = deployed.Keep(filepath.Join(folder, "old"), now); err != nil {
			return err
		}
	}
	if was.hash != "" {
		if f.New, err = deployed.Keep(filepath.Join(folder, "new"), target); err != nil {
			return err
		}
	}
	if f.Old == f.New {
		return nil
	}
	spec.Files = append(spec.Files, f)
	i := slices.IndexFunc(draft.Files, func(x deployed.File) bool { return x.Path == path })
	switch {
	case i >= 0 && f.New == "":
		draft.Files = slices.Delete(draft.Files, i, i+1)
	case i >= 0:
		draft.Files[i].SHA256 = f.New
	case f.New != "":
		draft.Files = append(draft.Files, deployed.File{Path: path, SHA256: f.New, Mode: 0o644, UID: -1, GID: -1})
	}
	return nil
}

// movesBefore are the ways back of the PostgreSQL servers that have got another major version
// since a run began: to the volumes and folders of before, which nobody wrote since.
func movesBefore(all []pastRun, back pastRun) []steps.Move {
	first, last := map[string]steps.Move{}, map[string]steps.Move{}
	begun := false
	for _, r := range slices.Backward(all) { // oldest first
		if begun = begun || r.id == back.id; !begun || !r.committed() {
			continue
		}
		for _, m := range r.spec.Moves {
			if _, ok := first[m.Service]; !ok {
				first[m.Service] = m
			}
			last[m.Service] = m
		}
	}
	var out []steps.Move
	for _, service := range sortedKeys(first) {
		if was, is := first[service], last[service]; was.Old != is.New {
			out = append(out, steps.Move{Service: service, From: is.To, To: was.From, Old: is.New, New: was.Old})
		}
	}
	return out
}

// bytesOf reads a file that a run keeps; nothing for one that was not there.
func (h *host) bytesOf(side string, v stored) ([]byte, error) {
	if v.hash == "" {
		return nil, nil
	}
	path := filepath.Join(h.runFolder(v.run), "files", side, v.hash)
	data, err := os.ReadFile(path)
	if err == nil && deployed.Sum(data) != v.hash {
		err = fmt.Errorf("%s: damaged: its content is not what its name says", path)
	}
	return data, err
}

// commitBefore is the commit that was deployed before a run; "" when none is known.
func commitBefore(all []pastRun, back pastRun) string {
	passed := false
	for _, r := range all { // newest first
		if passed && r.committed() && r.spec.Kind != steps.Backup {
			return r.spec.Commit
		}
		passed = passed || r.id == back.id
	}
	return ""
}
