package journal

import (
	"crypto/rand"
	"errors"
	"io/fs"
	chacha "math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// reserveSize is what undoing a run may write into its journal, and more.
const reserveSize = 1 << 20

func reservePath(journal string) string { return filepath.Join(filepath.Dir(journal), "reserve") }

// reserve takes room beside the journal that release gives back when the disk
// is full. It is written with noise: file systems that compress give no room
// for zeros.
func reserve(journal string) (err error) {
	path := reservePath(journal)
	if i, err := os.Lstat(path); err == nil && i.Size() == reserveSize {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, release(journal))
		}
	}()
	if err := errors.Join(f.Chmod(0o600), allocate(f, reserveSize)); err != nil {
		return err
	}
	var seed [32]byte
	noise := make([]byte, reserveSize)
	_, _ = rand.Read(seed[:])                  // neither ever fails: crypto/rand,
	_, _ = chacha.NewChaCha8(seed).Read(noise) // math/rand/v2
	if _, err := f.Write(noise); err != nil {
		return err
	}
	return f.Sync()
}

// release gives the room back.
func release(journal string) error {
	if err := os.Remove(reservePath(journal)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
