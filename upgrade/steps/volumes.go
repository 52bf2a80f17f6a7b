package steps

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/backup/tree"
	"github.com/belaystack/belay/upgrade/docker"
)

func (b *backing) volumes(ctx context.Context, cs []docker.Container) error {
	r := readOnly(cs, b.Spec.Servers, b.Spec.Config.Exclude)
	b.d.LeftOut = r.left
	all := append(dataMounts(cs, b.Spec.Servers, b.Spec.Config.Exclude), r.folders...)
	held, err := b.hold(ctx, all)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := b.volume(ctx, held, s); err != nil {
			return errors.Join(err, held.Close(ctx))
		}
	}
	return held.Close(ctx)
}

func (b *backing) volume(ctx context.Context, held *holding, s stored) error {
	what := "copy of " + s.Mount.Destination + " of " + s.Service
	var sum tree.Summary
	name, err := b.content(what, backup.KindVolume, 0, func(w io.Writer) (err error) {
		check := tree.NewCheck(w)
		if err := b.pack(ctx, held, s, check); err != nil {
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

// pack writes the archive of a volume or folder. What lies in the project's folder and
// nobody writes is read here: a container for it would cost a second of downtime.
func (h *Host) pack(ctx context.Context, held *holding, s stored, w io.Writer) error {
	// What only outsiders can change, they may change at any time.
	online := h.Spec.Options.Online || s.ReadOnly
	if dir, ok := h.here(s); ok {
		_, err := tree.Pack(ctx, dir, tree.Options{Exclude: s.Excluded, Online: online}, w)
		return err
	}
	args := []string{"__tree", "pack"}
	if online {
		args = append(args, "-online")
	}
	for _, p := range s.Excluded {
		args = append(args, "-exclude", p)
	}
	return held.Run(ctx, append(args, held.at(s.Mount)), nil, w)
}

// here gives the folder of a mount that this process can read as the engine does: one
// in the project's folder, which compose and Belay both see, with root's rights.
func (h *Host) here(s stored) (string, bool) {
	if !s.ReadOnly || s.Mount.Type != "bind" || os.Geteuid() != 0 {
		return "", false
	}
	dir, err := filepath.EvalSymlinks(s.Mount.Source)
	if err != nil {
		return "", false
	}
	project, err := filepath.EvalSymlinks(h.Spec.Project.Dir)
	return dir, err == nil && strings.HasPrefix(dir, project+"/")
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
func (h *Host) unpack(ctx context.Context, held *holding, from *backup.Backup, v backup.Volume, m docker.Mount) error {
	r, err := from.Reader(v.Content)
	if err != nil {
		return err
	}
	defer r.Close()
	var out bytes.Buffer
	if err := held.Run(ctx, []string{"__tree", "unpack", held.at(m)}, r, &out); err != nil {
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
	mounted := append(dataFiles(cs, b.Spec.Servers, b.Spec.Config.Exclude), readOnly(cs, b.Spec.Servers, b.Spec.Config.Exclude).files...)
	all := b.sources()
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

// file copies one file into the archive, as it is read: one that is mounted may be a
// database, or larger than the memory.
func (b *backing) file(t *tar.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: no regular file", name)
	}
	rel, mode := b.inBackup(name), info.Mode().Perm()
	out := backup.File{Path: rel, Mode: uint32(mode)}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		out.UID, out.GID = st.Uid, st.Gid
	}
	err = t.WriteHeader(&tar.Header{Name: strings.TrimPrefix(rel, "/"), Mode: int64(mode), Uid: int(out.UID), Gid: int(out.GID), Size: info.Size(), Typeflag: tar.TypeReg})
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(t, sum), f, info.Size()); err != nil {
		return fmt.Errorf("%s: became shorter while it was read: %w", name, err)
	}
	out.SHA256 = hex.EncodeToString(sum.Sum(nil))
	b.d.Files = append(b.d.Files, out)
	return nil
}

// measure gives the bytes that a volume would take in a backup, at most.
func (h *Host) measure(ctx context.Context, held *holding, s stored) (int64, error) {
	if dir, ok := h.here(s); ok {
		sum, err := tree.Measure(ctx, dir, tree.Options{Exclude: s.Excluded})
		return sum.Data, err
	}
	args := []string{"__tree", "measure"}
	for _, p := range s.Excluded {
		args = append(args, "-exclude", p)
	}
	var out bytes.Buffer
	if err := held.Run(ctx, append(args, held.at(s.Mount)), nil, &out); err != nil {
		return 0, fmt.Errorf("measure %s of %s: %w", s.Mount.Destination, s.Service, err)
	}
	sum, err := tree.ParseSummary(out.Bytes())
	return sum.Data, err
}
