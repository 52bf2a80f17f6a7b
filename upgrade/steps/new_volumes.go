package steps

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade/docker"
)

// newVolumes is the file of the run with the names of volumes that only the new stack
// made, anonymous ones of its containers among them: when those are gone, nothing on
// the engine says any more whose they were.
const newVolumes = "new-volumes.json"

func (h *Host) volumesBefore(ctx context.Context) (before, error) {
	all, err := h.allVolumes(ctx)
	return before{all}, err
}

// allVolumes are those of the whole engine, by name.
func (h *Host) allVolumes(ctx context.Context) ([]string, error) {
	out, err := h.Docker.Do(ctx, docker.Command{Args: []string{"volume", "ls", "--quiet"}})
	return append([]string{}, strings.Fields(string(out))...), err
}

// clearNew is clear, which takes the volumes along that the removed containers were
// the only ones to have, and that there were none of before: another try must not
// start on what a failed one left.
func (h *Host) clearNew(ctx context.Context, old halted, before []string) error {
	if err := h.noteNew(ctx, before); err != nil {
		return err
	}
	if err := h.clear(ctx, old); err != nil {
		return err
	}
	return h.dropNoted(ctx)
}

// noteNew writes down which volumes of the project's containers are new, before any
// of those containers is removed.
func (h *Host) noteNew(ctx context.Context, before []string) error {
	if before == nil {
		return nil
	}
	noted, err := h.noted()
	if err != nil {
		return err
	}
	all, err := h.Docker.Containers(ctx, h.Spec.Project.Name)
	if err != nil {
		return err
	}
	n := len(noted)
	for _, c := range all {
		for _, m := range c.Mounts {
			if m.Type == "volume" && !slices.Contains(before, m.Name) {
				noted = appendNew(noted, m.Name)
			}
		}
	}
	if len(noted) == n {
		return nil
	}
	data, err := json.Marshal(noted)
	if err != nil {
		return err
	}
	return writeSynced(h.folder(newVolumes), data, 0o600)
}

func (h *Host) noted() (names []string, err error) {
	data, err := os.ReadFile(h.folder(newVolumes))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return names, json.Unmarshal(data, &names)
}

// dropNoted removes the volumes that were written down and that no container has: one
// of an old service that was made anew has it until the old one is in its place again.
// Those that people have written to stay.
func (h *Host) dropNoted(ctx context.Context) error {
	names, err := h.noted()
	if err != nil {
		return err
	}
	if names, err = h.unleft(names); err != nil {
		return err
	}
	return h.dropVolumes(ctx, names)
}

// dropNew removes the volumes that compose made for the new stack, but for those that
// people have written to.
func (h *Host) dropNew(ctx context.Context) error {
	var g given
	if ok, err := h.Run.Saved("hand-over", &g); err != nil || !ok || g.Volumes == nil {
		return err
	}
	now, err := h.volumeNames(ctx)
	if err != nil {
		return err
	}
	made, err := h.unleft(slices.DeleteFunc(now, func(n string) bool { return slices.Contains(g.Volumes, n) }))
	if err != nil {
		return err
	}
	return h.dropVolumes(ctx, made)
}

// dropVolumes removes those of the volumes that no container has, of whomever: somebody
// of outside who uses one has a reason.
func (h *Host) dropVolumes(ctx context.Context, names []string) error {
	for _, name := range names {
		users, err := h.Docker.Using(ctx, name)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			continue
		}
		if _, err := h.Docker.Do(ctx, docker.Command{Args: []string{"volume", "rm", "--force", "--", name}}); err != nil {
			return err
		}
	}
	return nil
}

// volumeNames are the volumes that compose made for the project.
func (h *Host) volumeNames(ctx context.Context) ([]string, error) {
	out, err := h.Docker.Do(ctx, docker.Command{Args: []string{"volume", "ls", "--quiet", "--filter", "label=com.docker.compose.project=" + h.Spec.Project.Name}})
	return append([]string{}, strings.Fields(string(out))...), err
}
