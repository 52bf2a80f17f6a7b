package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/postgres"
)

// verifyBackup reads the backup back from disk before anything is destroyed that
// only it could bring back.
type verifyBackup struct{ *Host }

// proven is the result of verify-backup.
type proven struct {
	Contents int   `json:"contents"`
	Bytes    int64 `json:"bytes"`    // on disk
	Rows     int64 `json:"rows"`     // counted in the archives
	Restored int   `json:"restored"` // databases that were restored to prove it
}

func (s *verifyBackup) Check(context.Context) error { return nil }

func (s *verifyBackup) Capture(context.Context) (struct{}, error) { return struct{}{}, nil }

func (s *verifyBackup) Do(ctx context.Context, _ struct{}) (any, error) {
	b, err := s.open()
	if err != nil {
		return nil, err
	}
	return s.prove(ctx, b, s.Spec.Options.VerifyRestore)
}

// open opens the backup of this run, and makes sure that it is the one that the
// journal knows.
func (h *Host) open() (*backup.Backup, error) {
	var made backedUp
	ok, err := h.Run.Result("backup", &made)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("backup: it was not completed")
	}
	return h.openBackup(made.ID, made.Checksum)
}

func (h *Host) openBackup(id, checksum string) (*backup.Backup, error) {
	store, err := h.ownStore()
	if err != nil {
		return nil, err
	}
	b, err := store.Open(id)
	if err != nil {
		return nil, err
	}
	if checksum != "" && b.Checksum != checksum {
		return nil, fmt.Errorf("backup %s: its manifest is not the one that was written", id)
	}
	return b, nil
}

// prove reads a whole backup: every byte, and every archive as a restore would,
// whose rows are compared with those that were counted; or with restore, every
// archive into a scratch database, whose rows are hashed.
func (h *Host) prove(ctx context.Context, b *backup.Backup, restore bool) (*proven, error) {
	if !b.Readable() {
		v, err := b.Verify(ctx)
		return &proven{Contents: v.Contents, Bytes: v.Stored}, err
	}
	d, err := b.Details()
	if err != nil {
		return nil, err
	}
	var archives []string
	if !restore { // no statement of an archive is carried out before all of it was compared
		for _, db := range d.Databases {
			archives = append(archives, db.Content)
		}
	}
	v, err := b.Verify(ctx, archives...)
	if err != nil {
		return nil, err
	}
	out := &proven{Contents: v.Contents, Bytes: v.Stored}
	servers, err := h.servers(ctx)
	if err != nil {
		return nil, err
	}
	for _, db := range d.Databases {
		i := slices.IndexFunc(servers, func(s *postgres.Server) bool { return s.Service == db.Service })
		if i < 0 {
			return nil, fmt.Errorf("archive of %s: no server runs in %s to read it with", db.Name, db.Service)
		}
		h.say(Progress{What: "read the archive of " + db.Name + " in " + db.Service})
		if err := h.proveOne(ctx, b, servers[i], db, restore, out); err != nil {
			return nil, fmt.Errorf("backup of %s in %s: %w", db.Name, db.Service, err)
		}
	}
	return out, nil
}

func (h *Host) proveOne(ctx context.Context, b *backup.Backup, srv *postgres.Server, db backup.Database, restore bool, out *proven) error {
	want := &postgres.Fingerprint{}
	known := db.Fingerprint != nil
	if known {
		if err := json.Unmarshal(db.Fingerprint, want); err != nil {
			return err
		}
	}
	r, err := b.Reader(db.Content)
	if err != nil {
		return err
	}
	defer r.Close()
	if !restore {
		c, err := srv.Check(ctx, r)
		if err != nil {
			_, damage := b.Verify(ctx) // what pg_restore makes of damage does not name it
			return errors.Join(damage, err)
		}
		// What pg_restore has left is compared as well.
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
		for _, n := range c.Tables {
			out.Rows += n
		}
		if !known {
			return nil
		}
		return differing(want.Missing(c))
	}
	var def postgres.Database
	if err := json.Unmarshal(db.Definition, &def); err != nil {
		return err
	}
	got, err := srv.RestoreScratch(ctx, def, h.Spec.Run, r)
	if err != nil {
		return err
	}
	out.Restored++
	if !known {
		return nil
	}
	got.Settings = want.Settings // a scratch database is closed to connections
	return differing(restoredDiff(got, want))
}

// restoredDiff is Diff for a database that was restored just now: no crash can have
// emptied an unlogged table of it, so such a one lacks its rows.
func restoredDiff(got, want *postgres.Fingerprint) []string {
	diff := got.Diff(want)
	for _, name := range got.Emptied(want) {
		diff = append(diff, fmt.Sprintf("table %s: 0 rows, were %d", name, want.Tables[name].Rows))
	}
	return diff
}

func differing(diff []string) error {
	if len(diff) == 0 {
		return nil
	}
	return &DataError{Diff: diff}
}

func (s *verifyBackup) Undo(ctx context.Context, _ struct{}) error {
	if !s.Spec.Options.VerifyRestore {
		return nil
	}
	if err := errors.Join(s.ready(ctx), s.serve(ctx)); err != nil {
		return err
	}
	return s.dropCopies(ctx, func(c postgres.Copy) bool { return c.Run == s.Spec.Run && c.Kind == postgres.Scratch })
}
