package steps

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/wanted/deployed"
)

// record writes what runs now into the compose file and the state folder, and
// removes the containers of services that are gone. It is repeated by a recovery.
func (h *Host) record(ctx context.Context) (any, error) {
	cs, err := h.containers(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.orphans(ctx, cs); err != nil {
		return nil, err
	}
	if err := h.recordBlock(ctx, cs); err != nil {
		return nil, err
	}
	return nil, h.deployed(ctx, cs)
}

// orphans removes, by name, what the new files do not have.
func (h *Host) orphans(ctx context.Context, cs []docker.Container) error {
	var gone []string
	for _, c := range cs {
		i := slices.IndexFunc(h.Spec.Changes, func(ch Change) bool { return ch.Service == c.Service })
		if i >= 0 && h.Spec.Changes[i].New == "" && !c.Running() {
			gone = append(gone, c.ID)
		}
	}
	return h.Docker.Remove(ctx, gone...)
}

// recordBlock writes the block of comments at the top of the first compose file.
func (h *Host) recordBlock(ctx context.Context, cs []docker.Container) error {
	path := h.Spec.Project.Files[0]
	k, data, err := look(path)
	if err != nil {
		return err
	}
	f := source.New(path, data)
	old, _, err := image.ReadRecord(f)
	if err != nil {
		return fmt.Errorf("record what runs: %w", err)
	}
	var entries []image.RecordEntry
	for _, c := range cs {
		if slices.ContainsFunc(entries, func(e image.RecordEntry) bool { return e.Service == c.Service }) {
			continue
		}
		entries = append(entries, h.entry(ctx, c, old))
	}
	next, err := image.WriteRecord(f, entries)
	if err != nil {
		return fmt.Errorf("record what runs: %w", err)
	}
	if string(next) == string(data) {
		return nil
	}
	return replace(path, next, k.Mode, k.UID, k.GID)
}

// entry keeps the line of a service whose image is still the same.
func (h *Host) entry(ctx context.Context, c docker.Container, old image.Record) image.RecordEntry {
	e := image.RecordEntry{Service: c.Service, Image: c.ImageRef, Date: h.Now().UTC().Format("2006-01-02"), Run: h.Spec.Run}
	if i := slices.IndexFunc(h.Spec.Changes, func(ch Change) bool { return ch.Service == c.Service && ch.Hidden }); i >= 0 {
		e.Image = h.Spec.Changes[i].Written
	}
	if img, ok, err := h.Docker.Image(ctx, c.Image); err == nil && ok {
		e.Digest = digest(img, c.ImageRef)
	}
	for _, o := range old.Entries {
		if o.Service == e.Service && o.Image == e.Image && o.Digest == e.Digest && o.Run != "" {
			return o
		}
	}
	return e
}

// digest is what the registry calls an image, or nothing for one that no
// registry has.
func digest(img docker.Image, ref string) string {
	r, err := image.Parse(ref)
	for _, d := range img.Digests {
		of, e := image.Parse(d)
		if err == nil && e == nil && of.Registry == r.Registry && of.Path == r.Path {
			return of.Digest
		}
	}
	return ""
}

// deployed says in the state folder what the stack consists of now: the next run
// compares with it.
func (h *Host) deployed(ctx context.Context, cs []docker.Container) error {
	d, err := deployed.Draft(h.folder())
	if err != nil {
		return err
	}
	d.Time, d.Images = h.Now().UTC(), map[string]deployed.Image{}
	main := h.Spec.Project.Files[0]
	data, err := os.ReadFile(main)
	if err != nil {
		return err
	}
	if err := d.Update(h.Spec.State, main, data); err != nil {
		return err
	}
	for _, c := range cs {
		img, _, err := h.Docker.Image(ctx, c.Image)
		if err != nil {
			return err
		}
		d.Images[c.Service] = deployed.Image{Ref: c.ImageRef, ID: c.Image, Digest: digest(img, c.ImageRef)}
	}
	return d.Write(h.Spec.State)
}
