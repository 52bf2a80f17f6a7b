// Package backup keeps backups in folders: databases, volumes and files of one
// moment, with a manifest.
//
// A backup is a folder of contents that Belay names, each compressed by zstd and
// encrypted by age when there are recipients, and of manifest.json, which says
// what they are. The manifest is written last and moved into place when all else
// is on disk: a folder with a manifest is complete, one without is not a backup.
// manifest.json.sha256 holds its checksum, in the format of sha256sum.
//
// What must stay true: nothing is in a folder but what its manifest names, byte
// for byte; nobody but its owner can read or write it, whatever the umask; memory
// does not grow with what is stored; nothing is ever overwritten.
//
// The exact copy of a folder's tree is package tree, below this one. A new kind
// of content is one [Kind], its suffix, and a place in [Detail] that names it.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"filippo.io/age"
)

const (
	manifestName = "manifest.json"
	sumName      = "manifest.json.sha256"
	partName     = "manifest.json.part"
	deletedName  = "manifest.json.deleted" // a manifest so renamed: the rest is being deleted
)

// A Store is a folder of backups.
type Store struct {
	Dir        string          // absolute; made when it is missing, with mode 0700
	Recipients []age.Recipient // whom new backups are encrypted to; none: stored in clear
	Identities []age.Identity  // what encrypted ones are read with
	Reserve    int64           // bytes that a backup leaves free on the file system
}

// Check makes the store's folder when it is missing and finds out whether backups
// can be kept there: it must be a folder of ours, writable for nobody else, in one
// where nobody else can replace it, on a file system that can be written. Anything else is a *FolderError.
func (s *Store) Check() error {
	if !filepath.IsAbs(s.Dir) {
		return &FolderError{Path: s.Dir, What: "is not an absolute path"}
	}
	if err := makeFolder(s.Dir); err != nil {
		return &FolderError{Path: s.Dir, What: "cannot be made", Cause: err}
	}
	for _, err := range []error{checkFolder(s.Dir), checkParent(filepath.Dir(s.Dir))} {
		if err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(s.Dir, ".check-")
	if err != nil {
		return &FolderError{Path: s.Dir, What: "cannot be written", Cause: err}
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Create begins a backup. The id is the folder's name; one that exists is an error.
func (s *Store) Create(id string) (*Writer, error) {
	if !validID(id) {
		return nil, fmt.Errorf("backup create: %q is no id", id)
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("backup create: %w", err)
	}
	dir := filepath.Join(s.Dir, id)
	if err := makeOne(dir); err != nil {
		return nil, fmt.Errorf("backup create: %w", err)
	}
	if err := syncDir(s.Dir); err != nil {
		return nil, fmt.Errorf("backup create: %w", err)
	}
	return &Writer{store: s, id: id, dir: dir, plain: map[string]Sum{}, count: map[Kind]int{}}, nil
}

// Open reads the manifest of a backup and looks at the folder; [Backup.Verify]
// reads the contents. A folder without a manifest is an *IncompleteError.
func (s *Store) Open(id string) (*Backup, error) {
	if !validID(id) {
		return nil, fmt.Errorf("backup open: %q is no id", id)
	}
	dir := filepath.Join(s.Dir, id)
	for _, d := range []string{s.Dir, dir} {
		if err := checkFolder(d); err != nil {
			return nil, fmt.Errorf("backup %s: open: %w", id, err)
		}
	}
	b, err := open(os.DirFS(dir), s.Identities)
	if err == nil && b.ID != id {
		err = fmt.Errorf("manifest: is of %q", b.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("backup %s: open: %w", id, err)
	}
	return b, nil
}

// An Info is one folder of a store.
type Info struct {
	ID       string
	State    State
	Manifest *Manifest // of a complete one; no [Detail] when it is encrypted
	Checksum string    // of the manifest
	Size     int64     // bytes on disk
	Err      error     // why it is damaged
}

// A State is what a folder of a store is.
type State string

// The states of a folder.
const (
	Complete   State = "complete"
	Incomplete State = "incomplete" // it has no manifest: its run died or still writes it
	Deleting   State = "deleting"   // its deletion was begun
	Damaged    State = "damaged"    // its manifest or its list of files is not what was written
)

// List gives the store's folders, the newest first; those that are not complete
// follow, by id. What is no folder with an id for a name is not ours, and left out.
// A store that does not exist is empty.
func (s *Store) List(ctx context.Context) ([]Info, error) {
	names, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("backups list: %w", err)
	}
	var list []Info
	for _, e := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if e.IsDir() && validID(e.Name()) {
			list = append(list, s.info(e.Name()))
		}
	}
	slices.SortStableFunc(list, func(a, b Info) int {
		return b.created().Compare(a.created())
	})
	return list, nil
}

func (i Info) created() time.Time {
	if i.Manifest == nil {
		return time.Time{}
	}
	return i.Manifest.Created
}

func (s *Store) info(id string) Info {
	i := Info{ID: id, State: Damaged}
	dir := filepath.Join(s.Dir, id)
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if fi, err := f.Info(); err == nil {
			i.Size += fi.Size()
		}
	}
	b, openErr := s.Open(id)
	var incomplete *IncompleteError
	switch {
	case err != nil:
		i.Err = err
	case openErr == nil:
		i.State, i.Manifest, i.Checksum = Complete, &b.Manifest, b.Checksum
	case errors.As(openErr, &incomplete):
		i.State = Incomplete
		if incomplete.Deleting {
			i.State = Deleting
		}
	default:
		i.Err = openErr
	}
	return i
}

func validID(id string) bool {
	return regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_.-]{0,63}$`).MatchString(id)
}
