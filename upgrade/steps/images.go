package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
)

// Held is an image that a run keeps, and the digests by which it can be pulled again.
// It is in the result of keep-images.
type Held struct {
	ID      string   `json:"id"`
	Digests []string `json:"digests,omitempty"` // "redis@sha256:…"
}

// unpullable gives the images of the stack that no registry has: `docker system prune`
// takes them from under their holders, and then only the backup has them.
func (h *Host) unpullable(ctx context.Context) ([]docker.Image, error) {
	cs, err := h.containers(ctx)
	if err != nil {
		return nil, err
	}
	var out []docker.Image
	var seen []string
	for _, c := range cs {
		if slices.Contains(seen, c.Image) {
			continue
		}
		seen = append(seen, c.Image)
		img, ok, err := h.Docker.Image(ctx, c.Image)
		if err != nil {
			return nil, err
		}
		if ok && (len(img.Digests) == 0 || h.built(c.Service)) {
			out = append(out, img)
		}
	}
	return out, nil
}

// built reports whether the files say that a service's image is built here: an engine
// with the image store of containerd gives a digest to that as well. A rollback pulls
// nothing whatever the files say.
func (h *Host) built(service string) bool {
	return h.Spec.Kind != Rollback && slices.ContainsFunc(h.Spec.Changes, func(c Change) bool {
		return c.Service == service && c.Local && c.Old == c.New
	})
}

func (b *backing) images(ctx context.Context, _ []docker.Container) error {
	all, err := b.unpullable(ctx)
	if err != nil {
		return err
	}
	for _, img := range all {
		name, err := b.content("image "+shortID(img.ID), backup.KindImage, img.Size, func(w io.Writer) error {
			_, err := b.Docker.Do(ctx, docker.Command{Args: []string{"image", "save", "--", img.ID}, Stdout: w})
			return err
		})
		if err != nil {
			return err
		}
		b.d.Images = append(b.d.Images, backup.Image{ID: img.ID, Content: name})
	}
	return nil
}

func shortID(id string) string {
	return strings.TrimPrefix(id, "sha256:")[:min(12, len(strings.TrimPrefix(id, "sha256:")))]
}

// bringBack gets an image that was pruned again: from a registry by its digest, or from
// the backup of this run or that which it gives back. One that is here is left alone.
func (h *Host) bringBack(ctx context.Context, id string) error {
	here := func() (bool, error) {
		_, ok, err := h.Docker.Image(ctx, id)
		return ok, err
	}
	if ok, err := here(); err != nil || ok {
		return err
	}
	var errs []error
	for _, way := range []func(context.Context, string) error{h.pullAgain, h.loadAgain} {
		errs = append(errs, way(ctx, id))
		ok, err := here()
		if err != nil {
			return err
		}
		if ok {
			return h.Docker.Keep(ctx, h.Spec.Project.Name, id)
		}
	}
	return &LostImageError{ID: id, Cause: errors.Join(errs...)}
}

func (h *Host) pullAgain(ctx context.Context, id string) error {
	var held []Held
	if _, err := h.Run.Result("keep-images", &held); err != nil {
		return err
	}
	digests := slices.Clone(h.Spec.Digests[id])
	for _, x := range held {
		if x.ID == id {
			digests = appendNew(digests, x.Digests...)
		}
	}
	var errs []error
	for _, d := range digests {
		h.say(Progress{What: "pull image " + shortID(id) + " again"})
		err := h.Docker.Pull(ctx, d, nil)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (h *Host) loadAgain(ctx context.Context, id string) error {
	var errs []error
	var made backedUp
	if ok, err := h.Run.Result("backup", &made); err != nil || ok {
		errs = append(errs, err, h.loadFrom(ctx, made.ID, id))
	}
	if h.Spec.Restore != "" {
		errs = append(errs, h.loadFrom(ctx, h.Spec.Restore, id))
	}
	return errors.Join(errs...)
}

func (h *Host) loadFrom(ctx context.Context, from, id string) error {
	b, err := h.openBackup(from, "")
	if err != nil {
		return err
	}
	content, err := SavedImage(b, id)
	if err != nil || content == "" {
		return err
	}
	r, err := b.Reader(content)
	if err != nil {
		return err
	}
	defer r.Close()
	h.say(Progress{What: "load image " + shortID(id) + " from backup " + from})
	_, err = h.Docker.Do(ctx, docker.Command{Args: []string{"image", "load", "--quiet"}, Stdin: r})
	return err
}

// SavedImage gives the content of a backup that has an image; "" when none has, or the
// backup is encrypted and its identity is not here.
func SavedImage(b *backup.Backup, id string) (string, error) {
	if !b.Readable() {
		return "", nil
	}
	d, err := b.Details()
	if err != nil {
		return "", err
	}
	for _, img := range d.Images {
		if img.ID == id {
			return img.Content, nil
		}
	}
	return "", nil
}

// name gives a reference its image, which is got again where it was pruned.
func (h *Host) name(ctx context.Context, id, ref string) error {
	if err := h.bringBack(ctx, id); err != nil {
		return err
	}
	if strings.Contains(ref, "@") || strings.HasPrefix(ref, "sha256:") {
		return nil // what it means cannot be set
	}
	return h.Docker.Tag(ctx, id, ref)
}

// imagesOf gets the images again that old services were made of and that were pruned,
// with the names that they went by.
func (h *Host) imagesOf(ctx context.Context, old halted, services []string) error {
	for _, w := range old.Containers {
		if !slices.Contains(services, w.Service) {
			continue
		}
		_, ok, err := h.Docker.Image(ctx, w.Image)
		if err == nil && !ok {
			err = h.name(ctx, w.Image, w.ImageRef)
		}
		if err != nil {
			return fmt.Errorf("image of %s: %w", w.Service, err)
		}
	}
	return nil
}

// LostImageError is an image that somebody removed and that cannot be had again.
type LostImageError struct {
	ID    string
	Cause error // nil when there was nowhere to get it from
}

func (e *LostImageError) Error() string {
	s := "image " + e.ID + " is not here any more, and cannot be had again"
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *LostImageError) Unwrap() error { return e.Cause }

// Hint names the next move.
func (e *LostImageError) Hint() string {
	return "bring it back with docker load, or by building it as it was; then try again"
}
