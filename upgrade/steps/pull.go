package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/docker"
)

// pull brings the new images while everything runs. The local tags keep their
// old images until apply-files: whatever starts the stack meanwhile, a person
// or the daemon, starts the old one.
type pull struct{ *Host }

// tag is a reference and the id of the image it stands for, "" for none.
type tag struct {
	Ref string `json:"ref"`
	ID  string `json:"id,omitempty"`
}

// pulled is the result of pull: which image each reference of the new files
// has to mean.
type pulled struct {
	Tags []tag `json:"tags"`
}

// had is what pull changes.
type had struct {
	Tags   []tag    `json:"tags"`
	Images []string `json:"images"` // ids of all that were here
}

func (s *pull) Check(context.Context) error { return nil }

func (s *pull) Capture(ctx context.Context) (had, error) {
	var h had
	var err error
	if h.Tags, err = s.oldTags(ctx); err != nil {
		return h, err
	}
	h.Images, err = s.allImages(ctx)
	return h, err
}

// allImages are the ids of all images of the engine.
func (h *Host) allImages(ctx context.Context) ([]string, error) {
	out, err := h.Docker.Do(ctx, docker.Command{Args: []string{"image", "ls", "--all", "--quiet", "--no-trunc"}})
	ids := strings.Fields(string(out))
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// oldTags says what each tag has to mean when the old stack is to run: the
// image that runs, which is not always the one that the tag means now.
func (s *pull) oldTags(ctx context.Context) ([]tag, error) {
	var out []tag
	for _, c := range s.Spec.Changes {
		if c.Old != "" && !slices.ContainsFunc(out, func(t tag) bool { return t.Ref == c.Old }) {
			out = append(out, tag{c.Old, c.OldID})
		}
	}
	for _, ref := range s.refs() {
		if slices.ContainsFunc(out, func(t tag) bool { return t.Ref == ref }) {
			continue
		}
		img, _, err := s.Docker.Image(ctx, ref)
		if err != nil {
			return nil, err
		}
		out = append(out, tag{ref, img.ID})
	}
	return out, nil
}

// refs are the images of the new files, each once.
func (s *pull) refs() []string {
	var out []string
	for _, c := range s.Spec.Changes {
		if c.New != "" && !slices.Contains(out, c.New) {
			out = append(out, c.New)
		}
	}
	return out
}

func (s *pull) Do(ctx context.Context, h had) (any, error) {
	old := h.Tags
	var now pulled
	for _, ref := range s.refs() {
		id, err := s.bring(ctx, ref)
		if err != nil {
			return nil, err
		}
		now.Tags = append(now.Tags, tag{ref, id})
		if i := slices.IndexFunc(old, func(t tag) bool { return t.Ref == ref }); old[i].ID != "" && old[i].ID != id {
			if err := s.Docker.Tag(ctx, old[i].ID, ref); err != nil {
				return nil, err
			}
		}
	}
	same, err := s.nothing(ctx, now)
	if err != nil {
		return nil, err
	}
	if same {
		return nil, upgrade.ErrNothing
	}
	return now, s.forCommands(ctx)
}

// forCommands pulls the images that the user's own commands run in.
func (s *pull) forCommands(ctx context.Context) error {
	for _, ref := range s.commandImages() {
		_, here, err := s.Docker.Image(ctx, ref)
		if err != nil || here {
			if err != nil {
				return err
			}
			continue
		}
		if err := s.Docker.Pull(ctx, ref, func(line string) { s.say(Progress{What: "pull " + ref + ": " + line}) }); err != nil {
			return fmt.Errorf("pull %s: %w", ref, err)
		}
	}
	return nil
}

// commandImages are the images of the user's own commands, each once.
func (h *Host) commandImages() []string {
	var out []string
	for _, c := range slices.Concat(h.Spec.Config.Baseline, h.Spec.Config.BackUp, h.Spec.Config.Verify) {
		if c.Image != "" {
			out = appendNew(out, c.Image)
		}
	}
	return out
}

// bring pulls the image of ref where that is asked for, and gives its id.
func (s *pull) bring(ctx context.Context, ref string) (string, error) {
	if id := s.Spec.Images[ref]; id != "" { // a rollback wants the image that ran, whatever the tag means by now
		return id, s.bringBack(ctx, id)
	}
	_, here, err := s.Docker.Image(ctx, ref)
	if err != nil {
		return "", err
	}
	if s.Spec.Pulls(ref, here) {
		if err := s.Docker.Pull(ctx, ref, func(line string) { s.say(Progress{What: "pull " + ref + ": " + line}) }); err != nil {
			return "", fmt.Errorf("pull %s: %w", ref, err)
		}
	}
	img, ok, err := s.Docker.Image(ctx, ref)
	if err == nil && !ok {
		err = fmt.Errorf("image %s: there is none after the pull", ref)
	}
	if err == nil {
		err = s.Spec.approved(ref, img)
	}
	return img.ID, err
}

// nothing reports whether every service runs on the image that it is to have,
// and no file changes.
func (s *pull) nothing(ctx context.Context, now pulled) (bool, error) {
	if len(s.Spec.Files) > 0 || s.Spec.Kind != Upgrade {
		return false, nil
	}
	running, err := s.containers(ctx)
	if err != nil {
		return false, err
	}
	for _, c := range s.Spec.Changes {
		if c.Old != c.New {
			return false, nil
		}
	}
	for _, c := range running {
		i := slices.IndexFunc(s.Spec.Changes, func(ch Change) bool { return ch.Service == c.Service })
		if i < 0 {
			return false, nil
		}
		if j := slices.IndexFunc(now.Tags, func(t tag) bool { return t.Ref == s.Spec.Changes[i].New }); j < 0 || now.Tags[j].ID != c.Image {
			return false, nil
		}
	}
	return true, nil
}

// Undo gives every tag the image it had, and takes away those that were not
// there, with what was pulled for them and has no name now.
func (s *pull) Undo(ctx context.Context, h had) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := s.retag(ctx, h.Tags); err != nil {
		return err
	}
	return s.dropPulled(ctx, h.Images)
}

// dropPulled removes images without a name that were not here before, that the run pulled,
// and that no container has. One without a name has no digest either in the image store of
// containerd: those are known when the pull came to its end.
func (s *pull) dropPulled(ctx context.Context, before []string) error {
	if before == nil {
		return nil
	}
	now, err := s.allImages(ctx)
	if err != nil {
		return err
	}
	fresh := slices.DeleteFunc(now, func(id string) bool { return slices.Contains(before, id) })
	found, err := s.Docker.Images(ctx, fresh...)
	if err != nil {
		return err
	}
	var done pulled
	if _, err := s.Run.Result("pull", &done); err != nil {
		return err
	}
	for _, id := range fresh {
		img := found[id]
		ours := slices.ContainsFunc(done.Tags, func(t tag) bool { return t.ID == id }) || slices.ContainsFunc(img.Digests, func(d string) bool {
			return slices.ContainsFunc(s.refs(), func(ref string) bool { return sameRepository(d, ref) })
		})
		if !ours || len(img.Tags) > 0 {
			continue
		}
		// Without force: the engine refuses where a container, running or not, has it.
		_, err := s.Docker.Do(ctx, docker.Command{Args: []string{"image", "rm", "--", id}})
		var failed *docker.Error
		if err != nil && (!errors.As(err, &failed) || errors.Is(err, docker.ErrEngine)) {
			return err
		}
	}
	return nil
}

// retag makes each reference mean its image. One without an image is removed:
// the image goes with its last name, unless a container needs it.
func (h *Host) retag(ctx context.Context, tags []tag) error {
	for _, t := range tags {
		img, ok, err := h.Docker.Image(ctx, t.Ref)
		if err != nil {
			return err
		}
		switch {
		case t.ID == "" && ok:
			err = h.Docker.Untag(ctx, t.Ref)
		case t.ID != "" && img.ID != t.ID:
			err = h.name(ctx, t.ID, t.Ref)
		}
		if err != nil {
			return fmt.Errorf("give %s its image back: %w", t.Ref, err)
		}
	}
	return nil
}
