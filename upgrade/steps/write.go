package steps

import (
	"os"
	"path/filepath"
)

// replace makes path hold data: whole or not at all, whatever happens. A
// symbolic link stays one, and its target gets the data.
func replace(path string, data []byte, mode os.FileMode, uid, gid int) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".belay-*")
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
	return syncDir(dir)
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
