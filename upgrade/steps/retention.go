package steps

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/postgres"
	"github.com/belaystack/belay/upgrade/wanted/deployed"
)

// Tidied is what retention let go of.
type Tidied struct {
	Backups   []string `json:"backups,omitempty"`
	Databases int      `json:"databases,omitempty"` // of Belay's own
	Images    int      `json:"images,omitempty"`
	Runs      []string `json:"runs,omitempty"`
	Binaries  int      `json:"binaries,omitempty"` // copies of belay that no open run needs
}

// Retain lets go of what is not needed any more: clones of this run, what was
// swapped out long ago, backups beyond their number and age, the images that
// only those needed, and the folders of runs without a backup. It is repeated by
// a recovery.
func (h *Host) Retain(ctx context.Context) (any, error) {
	var out Tidied
	if err := h.dropRunKey(); err != nil {
		return nil, err
	}
	keepFor := time.Duration(h.Spec.Config.KeepFor)
	old := func(run string) bool { return h.age(run) > keepFor }
	err := h.dropCopies(ctx, func(c postgres.Copy) bool {
		drop := c.Run == h.Spec.Run && c.Kind != postgres.Failed || c.Run != h.Spec.Run && (c.Kind != postgres.Failed || old(c.Run))
		if drop {
			out.Databases++
		}
		return drop
	})
	if err != nil {
		return nil, err
	}
	out.Backups, err = h.Store.Prune(ctx, backup.Policy{Keep: h.Spec.Config.Keep, MaxAge: keepFor}, h.Now(), h.Spec.Backup)
	if err != nil {
		return nil, err
	}
	if out.Runs, err = h.dropRuns(ctx, old); err != nil {
		return nil, err
	}
	if out.Binaries, err = h.dropBinaries(); err != nil {
		return nil, err
	}
	out.Images, err = h.letGo(ctx)
	return out, err
}

// dropBinaries removes the copies of belay but for that of this run and of those that
// have not ended: only a recovery starts one.
func (h *Host) dropBinaries() (int, error) {
	runs, err := os.ReadDir(filepath.Join(h.Spec.State, "runs"))
	if err != nil {
		return 0, err
	}
	needed := []string{h.Spec.Binary}
	for _, run := range runs {
		entries, err := journal.Read(filepath.Join(h.Spec.State, "runs", run.Name(), "journal"))
		var spec Spec
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && (len(entries) == 0 || journal.Ended(entries)):
			continue
		case err == nil:
			err = upgrade.Header(entries, &spec)
		}
		if err != nil {
			return 0, nil //nolint:nilerr // which one that run needs cannot be told: all stay
		}
		needed = append(needed, spec.Binary)
	}
	bin := filepath.Join(h.Spec.State, "bin")
	all, err := os.ReadDir(bin)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n := 0
	for _, f := range all {
		if !f.Type().IsRegular() || slices.Contains(needed, f.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(bin, f.Name())); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// age is how long ago a run began, by its id.
func (h *Host) age(run string) time.Duration {
	if len(run) < 16 {
		return 0
	}
	t, err := time.Parse("20060102T150405Z", run[:16])
	if err != nil {
		return 0
	}
	return h.Now().Sub(t)
}

// letGo unkeeps the images that neither what runs nor a backup needs.
func (h *Host) letGo(ctx context.Context) (int, error) {
	needed, known, err := h.needed(ctx)
	if err != nil || !known {
		return 0, err
	}
	cs, err := h.containers(ctx)
	if err != nil {
		return 0, err
	}
	for _, c := range cs {
		needed = appendNew(needed, c.Image)
	}
	kept, err := h.Docker.Kept(ctx, h.Spec.Project.Name)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, id := range kept {
		if slices.Contains(needed, id) {
			continue
		}
		if err := h.Docker.Unkeep(ctx, h.Spec.Project.Name, id); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// dropRuns removes the folders of old runs that have ended, that no backup is of
// and that are not what is deployed.
func (h *Host) dropRuns(ctx context.Context, old func(string) bool) ([]string, error) {
	needed := []string{h.Spec.Run}
	d, err := deployed.Read(h.Spec.State)
	if err == nil {
		needed = append(needed, d.Run)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	backups, err := h.Store.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, b := range backups {
		if b.Manifest != nil {
			needed = append(needed, b.Manifest.Run)
		}
	}
	dirs, err := os.ReadDir(filepath.Join(h.Spec.State, "runs"))
	if err != nil {
		return nil, err
	}
	var gone []string
	for _, dir := range dirs {
		path := filepath.Join(h.Spec.State, "runs", dir.Name())
		if slices.Contains(needed, dir.Name()) || !old(dir.Name()) {
			continue
		}
		entries, err := journal.Read(filepath.Join(path, "journal"))
		if err != nil || !journal.Ended(entries) {
			continue // for a person to look at
		}
		if err := h.dropMoved(ctx, path, entries); err != nil {
			return gone, err
		}
		if err := os.RemoveAll(path); err != nil {
			return gone, err
		}
		gone = append(gone, dir.Name())
	}
	return gone, nil
}

// dropMoved removes the volumes of servers that a run left, by its folder, where nothing mounts
// them any more and no other run that is kept has left them, too. Folders are left to people.
func (h *Host) dropMoved(ctx context.Context, path string, entries []journal.Entry) error {
	names, err := leftBy(path, entries)
	if err != nil || len(names) == 0 {
		return nil //nolint:nilerr // what cannot be read is no reason to remove anything
	}
	runs, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, run := range runs {
		other := filepath.Join(filepath.Dir(path), run.Name())
		entries, err := journal.Read(filepath.Join(other, "journal"))
		if other == path || errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
			continue
		}
		var needed []string
		if err == nil {
			needed, err = leftBy(other, entries)
		}
		if err != nil {
			return nil //nolint:nilerr // which ones that run needs cannot be told: all stay
		}
		names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(needed, n) })
	}
	cfg, err := h.Docker.Config(ctx, h.Spec.Project)
	if err != nil {
		return err
	}
	for _, svc := range cfg.Services {
		for _, v := range svc.Volumes {
			names = slices.DeleteFunc(names, func(n string) bool { return n == v.Name })
		}
	}
	return h.dropVolumes(ctx, names)
}

// leftBy gives the volumes of servers that go no earlier than a run's folder: those of before,
// its way back, and those that its undo left.
func leftBy(folder string, entries []journal.Entry) ([]string, error) {
	var spec Spec
	if err := upgrade.Header(entries, &spec); err != nil {
		return nil, err
	}
	left, err := Left(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range left {
		names = append(names, m.New.Volume)
	}
	if !journal.Ended(entries) || slices.ContainsFunc(entries, func(e journal.Entry) bool { return e.Event == journal.Committed }) {
		for _, m := range spec.Moves {
			names = append(names, m.Old.Volume)
		}
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" }), nil
}
