package steps

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/backup/tree"
	"github.com/belaystack/belay/upgrade/docker"
)

// helperData is where a helper container has a volume: a path that no image
// declares a volume at.
const helperData = "/belay-data"

func (b *backing) volumes(ctx context.Context, cs []docker.Container) error {
	for _, s := range dataMounts(cs, b.Spec.Servers, b.Spec.Config.Exclude) {
		if err := b.volume(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (b *backing) volume(ctx context.Context, s stored) error {
	what := "copy of " + s.Mount.Destination + " of " + s.Service
	args := []string{"__tree", "pack"}
	if b.Spec.Options.Online {
		args = append(args, "-online")
	}
	for _, p := range s.Excluded {
		args = append(args, "-exclude", p)
	}
	var sum tree.Summary
	name, err := b.content(what, backup.KindVolume, 0, func(w io.Writer) error {
		check := tree.NewCheck(w)
		m := s.Mount
		m.Destination, m.RW = helperData, false
		err := b.Docker.Helper(ctx, docker.Helper{Image: s.Image, Mounts: []docker.Mount{m}, Args: append(args, helperData), Stdout: check})
		if err != nil {
			return err
		}
		sum, err = check.Summary()
		return err
	})
	if err != nil {
		return err
	}
	made, err := b.Docker.Volumes(ctx, volumeNames(s.Also)...)
	if err != nil {
		return err
	}
	for _, v := range s.Also {
		v.Tree, v.Content = sum.Hash, name
		v.Labels, v.Options = made[v.Name].Labels, made[v.Name].Options
		b.d.Volumes = append(b.d.Volumes, v)
	}
	return nil
}

func volumeNames(all []backup.Volume) []string {
	var out []string
	for _, v := range all {
		if v.Name != "" {
			out = appendNew(out, v.Name)
		}
	}
	return out
}

// unpack gives a volume exactly the content of a backup: what came later is
// gone.
func (h *Host) unpack(ctx context.Context, from *backup.Backup, v backup.Volume, m docker.Mount, image string) error {
	r, err := from.Reader(v.Content)
	if err != nil {
		return err
	}
	defer r.Close()
	m.Destination, m.RW = helperData, true
	var out bytes.Buffer
	err = h.Docker.Helper(ctx, docker.Helper{Image: image, Mounts: []docker.Mount{m}, Args: []string{"__tree", "unpack", helperData}, Stdin: r, Stdout: &out})
	if err != nil {
		return fmt.Errorf("restore %s of %s: %w", v.Destination, v.Service, err)
	}
	sum, err := tree.ParseSummary(out.Bytes())
	if err == nil && sum.Hash != v.Tree {
		err = fmt.Errorf("it is not what was backed up")
	}
	if err != nil {
		return fmt.Errorf("restore %s of %s: %w", v.Destination, v.Service, err)
	}
	return nil
}

// files copies the files of the stack: compose, env and config files, and single
// files that containers have mounted.
func (b *backing) files(_ context.Context, cs []docker.Container) error {
	mounted := dataFiles(cs, b.Spec.Servers, b.Spec.Config.Exclude)
	all := slices.Clone(b.Spec.Sources)
	for _, v := range mounted {
		all = appendNew(all, v.Source)
	}
	if len(all) == 0 {
		return nil
	}
	name, err := b.content("files of the stack", backup.KindFiles, 0, func(w io.Writer) error {
		t := tar.NewWriter(w)
		for _, p := range all {
			if err := b.file(t, p); err != nil {
				return err
			}
		}
		return t.Close()
	})
	b.d.FilesIn = name
	for _, v := range mounted {
		v.Content = name
		b.d.Volumes = append(b.d.Volumes, v)
	}
	return err
}

// inBackup is the name of a file in a backup.
func (h *Host) inBackup(name string) string {
	rel, err := filepath.Rel(h.Spec.Project.Dir, name)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return name
	}
	return rel
}

func (b *backing) file(t *tar.Writer, name string) error {
	k, data, err := look(name)
	if err != nil {
		return err
	}
	rel := b.inBackup(name)
	f := backup.File{Path: rel, Mode: uint32(k.Mode), UID: uint32(max(k.UID, 0)), GID: uint32(max(k.GID, 0)), SHA256: k.Hash}
	b.d.Files = append(b.d.Files, f)
	err = t.WriteHeader(&tar.Header{Name: strings.TrimPrefix(rel, "/"), Mode: int64(k.Mode), Uid: int(f.UID), Gid: int(f.GID), Size: int64(len(data)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = t.Write(data)
	}
	return err
}

// measure gives the bytes that a volume would take in a backup, at most.
func (h *Host) measure(ctx context.Context, s stored) (int64, error) {
	args := []string{"__tree", "measure"}
	for _, p := range s.Excluded {
		args = append(args, "-exclude", p)
	}
	m := s.Mount
	m.Destination, m.RW = helperData, false
	var out bytes.Buffer
	err := h.Docker.Helper(ctx, docker.Helper{Image: s.Image, Mounts: []docker.Mount{m}, Args: append(args, helperData), Stdout: &out})
	if err != nil {
		return 0, fmt.Errorf("measure %s of %s: %w", s.Mount.Destination, s.Service, err)
	}
	sum, err := tree.ParseSummary(out.Bytes())
	return sum.Data, err
}
