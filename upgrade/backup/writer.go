package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A Writer writes one backup. It is used by one goroutine at a time.
type Writer struct {
	store *Store
	id    string
	dir   string

	contents []Content
	plain    map[string]Sum
	count    map[Kind]int
	open     *ContentWriter
	done     bool
}

// Add begins a content. It must be closed before the next one is added: one at a
// time keeps memory bounded. The errors of a full file system are *SpaceErrors.
func (w *Writer) Add(kind Kind) (*ContentWriter, error) {
	switch {
	case w.done:
		return nil, fmt.Errorf("backup %s: add: it is ended", w.id)
	case w.open != nil:
		return nil, fmt.Errorf("backup %s: add: %s is still open", w.id, w.open.name)
	}
	name, err := contentName(kind, w.count[kind]+1, len(w.store.Recipients) > 0)
	if err != nil {
		return nil, fmt.Errorf("backup %s: add: %w", w.id, err)
	}
	c, err := newContentWriter(w, kind, name)
	if err != nil {
		return nil, fmt.Errorf("backup %s: add %s: %w", w.id, name, spaceError(w.dir, err))
	}
	w.open = c
	return c, nil
}

// Commit writes the manifest, which completes the backup, and gives its checksum:
// the sha256 of manifest.json, hex. Version, Encrypted, Contents and Detail.Plain
// are the writer's to fill in; ID, when empty, is too. After an error the folder
// is not a backup.
func (w *Writer) Commit(m Manifest) (string, error) {
	sum, err := w.commit(m)
	if err != nil {
		return "", fmt.Errorf("backup %s: commit: %w", w.id, spaceError(w.dir, err))
	}
	return sum, nil
}

func (w *Writer) commit(m Manifest) (string, error) {
	switch {
	case w.done:
		return "", errors.New("it is ended")
	case w.open != nil:
		return "", fmt.Errorf("%s is still open", w.open.name)
	case m.Detail == nil:
		return "", errors.New("manifest: no detail")
	case m.ID != "" && m.ID != w.id:
		return "", fmt.Errorf("manifest: is of %q", m.ID)
	}
	detail := *m.Detail
	detail.Plain = w.plain
	m.Version, m.ID, m.Created = version, w.id, m.Created.UTC()
	m.Encrypted = len(w.store.Recipients) > 0
	m.Detail = &detail
	if m.Encrypted {
		if err := w.sealDetail(&detail); err != nil {
			return "", err
		}
		m.Detail = nil
	}
	m.Contents = w.contents
	if err := m.check(); err != nil {
		return "", fmt.Errorf("manifest: %w", err)
	}
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return "", fmt.Errorf("manifest: %w", err)
	}
	return w.writeManifest(append(data, '\n'))
}

// sealDetail stores the detail as a content, encrypted like the others.
func (w *Writer) sealDetail(d *Detail) error {
	if err := d.check(w.names()); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	data, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	c, err := w.Add(kindDetail)
	if err != nil {
		return err
	}
	_, err = c.Write(data)
	return c.CloseWithError(err)
}

func (w *Writer) names() map[string]bool {
	names := map[string]bool{}
	for _, c := range w.contents {
		names[c.Name] = true
	}
	return names
}

// writeManifest completes the backup. The checksum is on disk before the manifest
// is there, so that no complete backup lacks it.
func (w *Writer) writeManifest(data []byte) (string, error) {
	hash := sha256.Sum256(data)
	sum := hex.EncodeToString(hash[:])
	if err := writeFile(filepath.Join(w.dir, sumName), sumLine(sum)); err != nil {
		return "", err
	}
	part := filepath.Join(w.dir, partName)
	if err := writeFile(part, data); err != nil {
		return "", err
	}
	if err := syncDir(w.dir); err != nil {
		return "", err
	}
	if err := os.Rename(part, filepath.Join(w.dir, manifestName)); err != nil {
		return "", err
	}
	w.done = true
	return sum, errors.Join(syncDir(w.dir), syncDir(w.store.Dir))
}

// Abort ends the backup and deletes what there is of it. After Commit it does
// nothing: a complete backup stays.
func (w *Writer) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	if w.open != nil {
		_ = w.open.CloseWithError(errAborted)
	}
	return w.store.Remove(w.id)
}

var errAborted = errors.New("aborted")

func sumLine(sum string) []byte { return []byte(sum + "  " + manifestName + "\n") }

// writeFile writes a new file that is on disk afterwards.
func writeFile(name string, data []byte) error {
	f, err := createFile(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(name), err)
	}
	return nil
}

// createFile makes a file that only its owner can read, whatever the umask.
func createFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(name))
	}
	return f, nil
}
