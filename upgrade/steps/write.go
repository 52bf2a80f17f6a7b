package steps

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// replace makes path hold data: whole or not at all, whatever happens. A
// symbolic link stays one, and its target gets the data.
func replace(path string, data []byte, mode os.FileMode, uid, gid int) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if err := unfinished(path); err != nil {
		return err
	}
	f, err := os.OpenFile(temporary(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing is there once it was renamed
	if _, err = f.Write(data); err == nil {
		err = f.Chmod(mode)
	}
	if err == nil && uid >= 0 {
		err = f.Chown(uid, gid)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

const temporaryPrefix = ".belay-"

// temporary is where the next content of a file is written. It is the same one each
// time, so that a later process finds what a dead one left in a folder of the user.
func temporary(path string) string {
	return filepath.Join(filepath.Dir(path), temporaryPrefix+hash([]byte(filepath.Base(path)))[:16])
}

// unfinished removes what a dead process wrote of a file and did not put in place.
func unfinished(path string) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if err := os.Remove(temporary(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// DropUnfinished removes what a dead process wrote in the folder of its run and did not put
// in place: a part of a copy of .env, perhaps.
func DropUnfinished(run string) error {
	return filepath.WalkDir(run, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !strings.HasPrefix(d.Name(), temporaryPrefix) {
			return err
		}
		return os.Remove(path)
	})
}

// writeSynced writes a file of the run's own folder and waits for the disk.
func writeSynced(path string, data []byte, mode os.FileMode) error {
	return replace(path, data, mode, -1, -1)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
