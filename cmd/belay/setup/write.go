package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/belaystack/belay/lint/source"
)

// ExistsError says which files are there already, so that nothing was written.
type ExistsError struct{ Paths []string }

func (e *ExistsError) Error() string {
	return "nothing written: already there: " + strings.Join(e.Paths, ", ")
}

// Hint names the next move.
func (e *ExistsError) Hint() string { return "with --force too it overwrites them" }

// Write writes all files below root, or none. Without force a file that is
// there already is an *ExistsError. A symlink that leads out of the root is
// not followed. When a write fails, what was written before is taken back.
func Write(root *source.Root, files []File, force bool) (err error) {
	dir, err := os.OpenRoot(root.Dir())
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := checkTargets(dir, files, force); err != nil {
		return err
	}
	var undo []func() error
	defer func() {
		for i := len(undo) - 1; err != nil && i >= 0; i-- {
			err = errors.Join(err, undo[i]())
		}
	}()
	for _, f := range files {
		made, err := makeFolders(dir, path.Dir(f.Path))
		for _, d := range made {
			undo = append(undo, func() error { return dir.Remove(d) })
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", f.Path, err)
		}
		old, readErr := dir.ReadFile(f.Path)
		if err := replace(dir, f.Path, f.Data); err != nil {
			return fmt.Errorf("write %s: %w", f.Path, err)
		}
		undo = append(undo, func() error {
			if readErr != nil {
				return dir.Remove(f.Path)
			}
			return replace(dir, f.Path, old)
		})
	}
	return nil
}

// checkTargets looks at every place before anything is written.
func checkTargets(dir *os.Root, files []File, force bool) error {
	var there []string
	for _, f := range files {
		info, err := dir.Lstat(f.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("write %s: %w", f.Path, err)
		case !force:
			there = append(there, f.Path)
		case !info.Mode().IsRegular():
			return fmt.Errorf("write %s: not a regular file", f.Path)
		}
	}
	if len(there) > 0 {
		return &ExistsError{there}
	}
	return nil
}

// makeFolders makes name and the folders above it, and gives those that were
// not there, the outermost first.
func makeFolders(dir *os.Root, name string) (made []string, err error) {
	if name == "." {
		return nil, nil
	}
	if made, err = makeFolders(dir, path.Dir(name)); err != nil {
		return made, err
	}
	err = dir.Mkdir(name, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return made, nil
	}
	if err != nil {
		return made, err
	}
	return append(made, name), nil
}

// replace puts data at name at once: nobody reads half of it.
func replace(dir *os.Root, name string, data []byte) (err error) {
	temp := path.Join(path.Dir(name), ".belay-init.tmp")
	f, err := dir.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = dir.Rename(temp, name)
	}
	if err != nil {
		err = errors.Join(err, dir.Remove(temp))
	}
	return err
}
