// Package deployed keeps what the last run made the stack: `deployed.json` in the
// project's state folder, and the bytes of each file in the folder of that run.
//
// What must stay true: bytes are on disk before a record speaks of them, and a
// record is replaced whole or not at all; the folder of the run that a record
// names stays until another record has taken its place.
package deployed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Name is the file of the state folder.
const Name = "deployed.json"

const format = 1

// Record is what the last committed run made the stack. Nothing in it is secret;
// the files that it names may be.
type Record struct {
	Version int              `json:"version"`          // of this format: 1
	Run     string           `json:"run"`              // whose folder has the bytes
	Time    time.Time        `json:"time"`             // of the commit
	Commit  string           `json:"commit,omitempty"` // of the checkout that it was deployed from, 40 hex digits
	Files   []File           `json:"files"`            // sorted by path
	Images  map[string]Image `json:"images,omitempty"` // by service
}

// File is one file of the stack.
type File struct {
	Path     string      `json:"path"` // absolute
	SHA256   string      `json:"sha256"`
	Mode     fs.FileMode `json:"mode"` // permissions
	UID      int         `json:"uid"`
	GID      int         `json:"gid"`
	Checkout bool        `json:"checkout,omitempty"` // a checkout brought it
}

// Image is the image of a service.
type Image struct {
	Ref    string `json:"ref"`              // as the files write it
	ID     string `json:"id"`               // "sha256:…"
	Digest string `json:"digest,omitempty"` // "sha256:…"; none for one that was built or imported
}

// Read gives the record of a state folder. fs.ErrNotExist where nothing was
// deployed yet; other errors name the file.
func Read(state string) (*Record, error) { return read(filepath.Join(state, Name)) }

// Write puts r in the place of the record of the state folder.
func (r *Record) Write(state string) error { return r.write(filepath.Join(state, Name)) }

// Draft gives the record that a run prepared: without time and images, which are
// known when it commits.
func Draft(run string) (*Record, error) { return read(draft(run)) }

// WriteDraft keeps r in a run's folder.
func (r *Record) WriteDraft(run string) error { return r.write(draft(run)) }

func draft(run string) string { return filepath.Join(run, "files", "new", Name) }

func read(path string) (*Record, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%s: damaged: %w", path, err)
	}
	if r.Version != format {
		return nil, fmt.Errorf("%s: of version %d, and this belay reads %d", path, r.Version, format)
	}
	if r.Run == "" || r.Run != filepath.Base(r.Run) {
		return nil, fmt.Errorf("%s: damaged: no run", path)
	}
	return &r, nil
}

func (r *Record) write(path string) error {
	r.Version = format
	slices.SortFunc(r.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return replace(path, append(data, '\n'))
}

// File gives the entry of a path.
func (r *Record) File(path string) (File, bool) {
	i := slices.IndexFunc(r.Files, func(f File) bool { return f.Path == path })
	if i < 0 {
		return File{}, false
	}
	return r.Files[i], true
}

// Bytes reads a file of the record, and refuses bytes that are not those.
func (r *Record) Bytes(state string, f File) ([]byte, error) {
	if f.SHA256 != filepath.Base(f.SHA256) {
		return nil, errors.New("deployed: no name of a file: damaged")
	}
	path := filepath.Join(state, "runs", r.Run, "files", "new", f.SHA256)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if Sum(data) != f.SHA256 {
		return nil, fmt.Errorf("%s: damaged: its content is not what its name says", path)
	}
	return data, nil
}

// Update says that a file of the record has other bytes now, and keeps them: the
// record block is written after the commit. A file that the record does not have
// is left alone.
func (r *Record) Update(state, path string, data []byte) error {
	for i, f := range r.Files {
		if f.Path != path {
			continue
		}
		sum, err := Keep(filepath.Join(state, "runs", r.Run, "files", "new"), data)
		if err != nil {
			return err
		}
		r.Files[i].SHA256 = sum
	}
	return nil
}
