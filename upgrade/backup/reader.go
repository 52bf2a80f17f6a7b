package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// A Backup is a complete one, opened to read.
type Backup struct {
	Manifest
	Checksum string // the sha256 of manifest.json, to compare with the journal's

	fsys fs.FS
	keys []age.Identity
}

// maxManifest bounds what is read as a manifest: a database of 10,000 tables has
// some MB of fingerprints.
const maxManifest = 256 << 20

// open reads the manifest and compares the folder with it.
func open(fsys fs.FS, keys []age.Identity) (*Backup, error) {
	files, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	there := map[string]fs.DirEntry{}
	for _, f := range files {
		there[f.Name()] = f
	}
	if there[manifestName] == nil {
		return nil, &IncompleteError{Deleting: there[deletedName] != nil}
	}
	for _, f := range files {
		if err := checkFile(f); err != nil {
			return nil, err
		}
	}
	b, err := readManifest(fsys)
	if err != nil {
		return nil, err
	}
	b.fsys, b.keys = fsys, keys
	return b, b.checkFiles(files)
}

// checkFile refuses what is no plain file that only we could have written.
func checkFile(f fs.DirEntry) error {
	fi, err := f.Info()
	if err != nil {
		return &DamageError{Name: f.Name(), What: "cannot be read", Cause: err}
	}
	if !fi.Mode().IsRegular() {
		return &DamageError{Name: f.Name(), What: "is no regular file"}
	}
	if what := foreign(fi); what != "" {
		return &DamageError{Name: f.Name(), What: what}
	}
	return nil
}

func readManifest(fsys fs.FS) (*Backup, error) {
	data, err := readSmall(fsys, manifestName)
	if err != nil {
		return nil, err
	}
	line, err := readSmall(fsys, sumName)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(data)
	sum := hex.EncodeToString(hash[:])
	if string(line) != string(sumLine(sum)) {
		return nil, &DamageError{Name: manifestName, What: "is not what " + sumName + " says"}
	}
	m, err := decodeManifest(data)
	if err != nil {
		return nil, err
	}
	return &Backup{Manifest: *m, Checksum: sum}, nil
}

func readSmall(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, &DamageError{Name: name, What: "cannot be read", Cause: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(data) > maxManifest {
		err = errors.New("too large")
	}
	if err != nil {
		return nil, &DamageError{Name: name, What: "cannot be read", Cause: err}
	}
	return data, nil
}

// checkFiles wants the folder to hold what the manifest names, and nothing else.
func (b *Backup) checkFiles(files []fs.DirEntry) error {
	known := map[string]bool{manifestName: true, sumName: true}
	sizes := map[string]int64{}
	for _, f := range files {
		fi, err := f.Info()
		if err != nil {
			return &DamageError{Name: f.Name(), What: "cannot be read", Cause: err}
		}
		sizes[f.Name()] = fi.Size()
	}
	for _, c := range b.Contents {
		known[c.Name] = true
		size, ok := sizes[c.Name]
		if !ok {
			return &DamageError{Name: c.Name, What: "is missing"}
		}
		if size != c.Size {
			return &DamageError{Name: c.Name, What: fmt.Sprintf("has %d bytes, not %d", size, c.Size)}
		}
	}
	for _, f := range files {
		if !known[f.Name()] {
			return &DamageError{Name: f.Name(), What: "is not in the manifest"}
		}
	}
	return nil
}

// Readable says whether the contents can be read: an encrypted backup needs an
// identity.
func (b *Backup) Readable() bool { return !b.Encrypted || len(b.keys) > 0 }

// Details gives the part of the manifest that an encrypted backup keeps among its
// contents, after reading it there.
func (b *Backup) Details() (*Detail, error) {
	if b.Detail != nil {
		return b.Detail, nil
	}
	d := &Detail{}
	names := map[string]bool{}
	for _, c := range b.Contents {
		if c.Kind != kindDetail {
			names[c.Name] = true
			continue
		}
		data, err := b.readDetail(c)
		if err != nil {
			return nil, fmt.Errorf("backup %s: %w", b.ID, err)
		}
		if err := decodeStrict(data, d); err != nil {
			return nil, fmt.Errorf("backup %s: %w", b.ID, &DamageError{Name: c.Name, What: "cannot be read", Cause: err})
		}
	}
	if err := d.check(names); err != nil {
		return nil, fmt.Errorf("backup %s: %w", b.ID, err)
	}
	b.Detail = d
	return d, nil
}

func (b *Backup) readDetail(c Content) ([]byte, error) {
	r, err := b.reader(c, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxManifest))
}

// Reader reads a content as it was written. A content that is not what was written
// ends in an error in the place of io.EOF: what is read must not be believed before.
func (b *Backup) Reader(name string) (io.ReadCloser, error) {
	d, err := b.Details()
	if err != nil {
		return nil, err
	}
	for _, c := range b.Contents {
		if c.Name == name {
			sum := d.Plain[name]
			r, err := b.reader(c, &sum)
			if err != nil {
				return nil, fmt.Errorf("backup %s: %w", b.ID, err)
			}
			return r, nil
		}
	}
	return nil, fmt.Errorf("backup %s: no content %q", b.ID, name)
}

func (b *Backup) openContent(c Content) (fs.File, error) {
	f, err := b.fsys.Open(c.Name)
	if err != nil {
		return nil, &DamageError{Name: c.Name, What: "cannot be read", Cause: err}
	}
	if real, ok := f.(*os.File); ok {
		dropCache(real)
	}
	return f, nil
}

func storedReader(f fs.File, c Content) *checked {
	return &checked{r: f, h: sha256.New(), name: c.Name, what: "stored", want: Sum{c.Size, c.SHA256}}
}

// decryptError tells damage, which may look like a wrong identity, from a wrong
// identity.
func decryptError(c Content, stored *checked, err error) error {
	if _, err := io.Copy(io.Discard, stored); err != nil {
		return err
	}
	return &LockedError{Name: c.Name, Cause: err}
}

// reader reads a content, comparing the stored bytes and, with want, the plain ones.
func (b *Backup) reader(c Content, want *Sum) (io.ReadCloser, error) {
	f, err := b.openContent(c)
	if err != nil {
		return nil, err
	}
	stored := storedReader(f, c)
	r := &contentReader{file: f, stored: stored, name: c.Name}
	var from io.Reader = stored
	if b.Encrypted {
		if from, err = age.Decrypt(stored, b.keys...); err != nil {
			return nil, errors.Join(decryptError(c, stored, err), f.Close())
		}
	}
	r.zstd, err = zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, errors.Join(&DamageError{Name: c.Name, What: "cannot be decompressed", Cause: err}, f.Close())
	}
	r.plain = r.zstd
	if want != nil {
		r.plain = &checked{r: r.zstd, h: sha256.New(), name: c.Name, what: "decompressed", want: *want}
	}
	return r, nil
}
