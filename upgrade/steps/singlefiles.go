package steps

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade/backup"
)

// singleFilesBack gives the single files that containers have mounted what they
// held. The others of the stack are the business of apply-files.
func (h *Host) singleFilesBack(b *backup.Backup, d *backup.Detail) error {
	want := map[string]backup.File{} // by name in the archive
	for _, v := range d.Volumes {
		if v.Type != singleFile || !h.gives(v) {
			continue
		}
		rel := h.inBackup(v.Source)
		i := slices.IndexFunc(d.Files, func(f backup.File) bool { return f.Path == rel })
		if i < 0 {
			return fmt.Errorf("backup %s: it does not have %s", b.ID, v.Source)
		}
		want[strings.TrimPrefix(rel, "/")] = d.Files[i]
	}
	if len(want) == 0 {
		return nil
	}
	r, err := b.Reader(d.FilesIn)
	if err != nil {
		return err
	}
	defer r.Close()
	for t := tar.NewReader(r); ; {
		head, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		f, ok := want[head.Name]
		if !ok {
			continue
		}
		delete(want, head.Name)
		if err := h.singleFileBack(f, t); err != nil {
			return fmt.Errorf("give %s back: %w", f.Path, err)
		}
	}
	if len(want) > 0 {
		return fmt.Errorf("backup %s: it does not have %s", b.ID, names(sortedKeys(want)))
	}
	return nil
}

func (h *Host) singleFileBack(f backup.File, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if hash(data) != f.SHA256 {
		return errors.New("the backup has something else")
	}
	path := f.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(h.Spec.Project.Dir, path)
	}
	if now, _, err := look(path); err == nil && now.Hash == f.SHA256 && now.Mode == fs.FileMode(f.Mode) && now.UID == int(f.UID) && now.GID == int(f.GID) {
		return nil
	}
	// Docker makes an empty folder where a file that is to be mounted is missing.
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return replace(path, data, fs.FileMode(f.Mode), int(f.UID), int(f.GID))
}
