package deployed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
)

// Sum is the sha256 of data in hex, by which its copy is named.
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Keep writes data into a folder under its sum, which it gives; the bytes are on
// disk when it returns. Folders are made as needed, for their owner alone.
func Keep(dir string, data []byte) (string, error) {
	sum := Sum(data)
	path := filepath.Join(dir, sum)
	if old, err := os.ReadFile(path); err == nil && Sum(old) == sum {
		return sum, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return sum, replace(path, data)
}

// replace makes path hold data, whole or not at all, readable by its owner alone.
func replace(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".belay-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
