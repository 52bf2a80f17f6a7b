package wanted

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted/deployed"
)

// changedFiles are the paths whose bytes differ between old and new, sorted.
func (r *Result) changedFiles() []string {
	both := maps.Clone(map[string]File(r.Old))
	maps.Copy(both, r.New)
	var out []string
	for _, path := range sorted(both) {
		old, was := r.Old[path]
		now, is := r.New[path]
		if was != is || !bytes.Equal(old.Data, now.Data) {
			out = append(out, path)
		}
	}
	return out
}

// pending refuses to change files that say already something else than what runs:
// neither their old nor their new bytes would be those on disk, and taking the change
// back would take that back as well. Files that a new data volume was written into say
// what is wanted but for that.
func (r *Result) pending() []*Refused {
	var out []*Refused
	for _, path := range r.changedFiles() {
		now, is := r.disk[path]
		if !is {
			continue
		}
		old, new := r.Old[path], r.New[path]
		asked, said := r.unmoved[path]
		if !bytes.Equal(now.Data, old.Data) && !bytes.Equal(now.Data, new.Data) && !(said && bytes.Equal(now.Data, asked.Data)) {
			out = append(out, refuse(Identity, path+" differs from what runs already", "", "",
				"carry that out first with belay upgrade, or put the file back; then try again"))
		}
	}
	return out
}

// Describe completes the spec of a run with what the result says: project, changes, moves,
// files, sources and commit. It writes nothing.
func (r *Result) Describe(spec *steps.Spec) {
	spec.Project, spec.Commit, spec.Moves = r.Project, r.Commit, r.Moves
	spec.Sources, spec.Changes, spec.Files = r.disk.Paths(), r.changes(), nil
	for _, path := range r.changedFiles() {
		f := steps.File{Path: path}
		if old, ok := r.Old[path]; ok {
			f.Old = deployed.Sum(old.Data)
		}
		if now, ok := r.disk[path]; ok && deployed.Sum(now.Data) != f.Old && !bytes.Equal(now.Data, r.New[path].Data) {
			f.Now = deployed.Sum(now.Data)
		}
		if new, ok := r.New[path]; ok {
			f.New, f.Mode = deployed.Sum(new.Data), new.Mode
		}
		spec.Files = append(spec.Files, f)
	}
}

// Fill completes the spec of a run, whose Run, Version and State are given, as Describe
// does. It keeps the bytes of the files in the run's folder, and the draft of the record
// that the run leaves when it commits.
func (r *Result) Fill(spec *steps.Spec) error {
	run := filepath.Join(spec.State, "runs", spec.Run)
	was, now := filepath.Join(run, "files", "old"), filepath.Join(run, "files", "new")
	r.Describe(spec)
	draft := &deployed.Record{Run: spec.Run, Commit: r.Commit}
	for _, path := range r.New.Paths() {
		f := r.New[path]
		sum, err := deployed.Keep(now, f.Data)
		if err != nil {
			return fmt.Errorf("keep %s: %w", path, err)
		}
		draft.Files = append(draft.Files, deployed.File{Path: path, SHA256: sum, Mode: f.Mode, UID: f.UID, GID: f.GID, Checkout: f.Checkout})
	}
	for _, f := range spec.Files {
		if f.Old == "" {
			continue
		}
		if _, err := deployed.Keep(was, r.Old[f.Path].Data); err != nil {
			return fmt.Errorf("keep %s: %w", f.Path, err)
		}
	}
	for _, dir := range []string{was, now} { // also where a side has no file
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return draft.WriteDraft(run)
}

// changes are the services as steps see them: one that was renamed goes, and another
// comes.
func (r *Result) changes() []steps.Change {
	var out []steps.Change
	for _, s := range r.Services {
		c := steps.Change{Service: s.Name, Old: s.Old, OldID: s.OldID, New: s.New, Local: s.Local, Hidden: s.Hidden, Written: s.Written}
		if s.Was != "" && s.Name != s.Was {
			out = append(out, steps.Change{Service: s.Was, Old: s.Old, OldID: s.OldID, Hidden: s.Hidden})
			c.Old, c.OldID = "", ""
		}
		if s.Name != "" {
			out = append(out, c)
		}
	}
	return out
}

// Estimates are what others measured for a plan. What is not known is zero.
type Estimates struct {
	Backup int64                    // bytes to back up, before compression
	Needed int64                    // bytes of free space for backup, clones and images
	Free   int64                    // bytes there are
	Took   map[string]time.Duration // of earlier runs, by step
}

// Planned is a plan with what it is expected to take.
type Planned struct {
	Steps     []PlannedStep
	Notes     []string
	Files     []string // those that change, absolute
	Estimates Estimates
}

// PlannedStep is a step and what it took the last time; 0 when that is not known.
type PlannedStep struct {
	upgrade.Step
	Took time.Duration
}

// Plan gives the steps from what runs to what is wanted. Commands are those that
// gates ask for.
func (r *Result) Plan(commands []upgrade.Command, e Estimates) Planned {
	p := Planned{Notes: slices.Clone(r.Notes), Files: r.changedFiles(), Estimates: e}
	for _, s := range upgrade.Plan(r.wanted(commands)) {
		p.Steps = append(p.Steps, PlannedStep{s, e.Took[s.Name]})
	}
	return p
}

// wanted is the pure part's view of the result.
func (r *Result) wanted(commands []upgrade.Command) upgrade.Wanted {
	w := upgrade.Wanted{Commands: commands}
	for _, s := range r.Services {
		old, _ := image.Parse(s.Old) // zero for none, and for one that is named by its id
		now, _ := image.Parse(s.New)
		w.Services = append(w.Services, upgrade.Service{Name: s.Name, Was: s.Was, App: s.App, OldApp: s.OldApp,
			Old: old, New: now, Hidden: s.Hidden, Changed: s.Changed})
	}
	return w
}
