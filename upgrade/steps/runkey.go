package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"filippo.io/age"

	"github.com/belaystack/belay/upgrade/backup"
)

// runKey is the file with the age identity of one run, beside its journal. An
// encrypted backup is encrypted to it too, since the user's identity need not be on
// the host, and the run has to read what it wrote in order to prove it and to go
// back. It is gone when the run has no more use for it.
const runKey = "age-key"

// newRunKey gives the store that the backup of this run is written to.
func (h *Host) newRunKey() (*backup.Store, error) {
	if len(h.Store.Recipients) == 0 {
		return h.Store, nil
	}
	id, err := age.GenerateX25519Identity()
	if err == nil {
		err = writeSynced(h.folder(runKey), []byte(id.String()+"\n"), 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("make the key of the run: %w", err)
	}
	own := *h.Store
	own.Recipients = append(slices.Clone(own.Recipients), id.Recipient())
	return &own, nil
}

// ownStore is the store, which can read what this run wrote.
func (h *Host) ownStore() (*backup.Store, error) {
	f, err := os.Open(h.folder(runKey))
	if errors.Is(err, fs.ErrNotExist) {
		return h.Store, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ids, err := age.ParseIdentities(f)
	if err != nil {
		return nil, errors.New("the key of the run: it is damaged") // age's text could show it
	}
	own := *h.Store
	own.Identities = append(slices.Clone(own.Identities), ids...)
	return &own, nil
}

// dropRunKey removes the key once the backup of this run is not its way back any more.
func (h *Host) dropRunKey() error {
	err := os.Remove(h.folder(runKey))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
