package backup

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
)

// With recipients nothing of the stack is on disk in clear, nor in the manifest,
// and who has no identity can still tell whether the backup is damaged.
func TestEncrypted(t *testing.T) {
	key := identity(t)
	s := &Store{Dir: filepath.Join(t.TempDir(), "b"), Recipients: []age.Recipient{key.Recipient()}}
	makeBackup(t, s, "b1", 64<<10)
	dir := filepath.Join(s.Dir, "b1")
	files, err := os.ReadDir(dir)
	check(t, err)
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		check(t, err)
		for _, word := range []string{"canary", "secretive", ".env", "p_data", "copied", "postgres"} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s has %q in clear", f.Name(), word)
			}
		}
	}
	checkLocked(t, s, key)
}

// checkLocked opens an encrypted backup without the identity that it needs.
func checkLocked(t *testing.T, s *Store, key age.Identity) {
	t.Helper()
	dir := filepath.Join(s.Dir, "b1")
	b, err := s.Open("b1")
	check(t, err)
	if v, err := b.Verify(context.Background()); err != nil || v.Opened || v.Plain != 0 {
		t.Errorf("Verify without an identity = %+v, %v", v, err)
	}
	var locked *LockedError
	if _, err := b.Details(); !errors.As(err, &locked) {
		t.Errorf("Details without an identity = %v", err)
	}
	other := &Store{Dir: s.Dir, Identities: []age.Identity{identity(t)}}
	b, err = other.Open("b1")
	check(t, err)
	if _, err := b.Verify(context.Background()); !errors.As(err, &locked) {
		t.Errorf("Verify with another identity = %v", err)
	}
	name := filepath.Join(dir, "vol-001.tar.zst.age")
	data, err := os.ReadFile(name)
	check(t, err)
	data[len(data)/2] ^= 1
	check(t, os.WriteFile(name, data, 0o600))
	var damage *DamageError
	b, err = s.Open("b1")
	check(t, err)
	if _, err := b.Verify(context.Background()); !errors.As(err, &damage) {
		t.Errorf("Verify of a damaged one without an identity = %v", err)
	}
	data[len(data)/2] ^= 1
	data[40] ^= 1 // in the header: as if for another identity
	check(t, os.WriteFile(name, data, 0o600))
	s.Identities = []age.Identity{key}
	b, err = s.Open("b1")
	check(t, err)
	if _, err := b.Verify(context.Background()); !errors.As(err, &damage) {
		t.Errorf("Verify with a damaged header = %v", err)
	}
}
