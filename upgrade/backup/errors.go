package backup

import (
	"fmt"
	"syscall"
)

// A FolderError says why a folder is not one to keep backups in, or to believe
// one from.
type FolderError struct {
	Path  string
	What  string // "is writable for others"
	Cause error  // may be nil
}

func (e *FolderError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s %s: %v", e.Path, e.What, e.Cause)
	}
	return e.Path + " " + e.What
}

// Unwrap gives the cause.
func (e *FolderError) Unwrap() error { return e.Cause }

// Hint is the next move.
func (e *FolderError) Hint() string {
	return "backups need a folder that belongs to the user who runs belay, with mode 0700, on a file system that can be written; name another one in belay.yml"
}

// A SpaceError is a file system that is full, or would be.
type SpaceError struct {
	Dir        string
	Free, Need int64 // bytes; Need is 0 when it is not known
	Cause      error // may be nil
}

func (e *SpaceError) Error() string {
	if e.Need > 0 {
		return fmt.Sprintf("%s: %d bytes free, %d needed", e.Dir, e.Free, e.Need)
	}
	return fmt.Sprintf("%s: %d bytes free", e.Dir, e.Free)
}

// Unwrap gives the cause, or ENOSPC.
func (e *SpaceError) Unwrap() error {
	if e.Cause == nil {
		return syscall.ENOSPC
	}
	return e.Cause
}

// Hint is the next move.
func (e *SpaceError) Hint() string {
	return "`belay backups prune` deletes backups that nothing needs; or name a folder on another file system in belay.yml"
}

// An IncompleteError is a folder without a manifest: not a backup.
type IncompleteError struct {
	Deleting bool // it was one, and its deletion was begun
}

func (e *IncompleteError) Error() string {
	if e.Deleting {
		return "its deletion was begun"
	}
	return "incomplete: it has no " + manifestName
}

// A VersionError is a manifest that another version of Belay wrote.
type VersionError struct{ Got int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("manifest: version %d; this program knows %d", e.Got, version)
}

// Hint is the next move.
func (e *VersionError) Hint() string { return "read it with the version of belay that wrote it" }

// A DamageError is a backup that is not what was written.
type DamageError struct {
	Name  string // of the file
	What  string
	Cause error // may be nil
}

func (e *DamageError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Name, e.What, e.Cause)
	}
	return e.Name + ": " + e.What
}

// Unwrap gives the cause.
func (e *DamageError) Unwrap() error { return e.Cause }

// Hint is the next move.
func (e *DamageError) Hint() string {
	return "do not restore from it; `belay backups verify` finds one that is whole"
}

// A LockedError is an encrypted backup that no identity at hand opens.
type LockedError struct {
	Name  string // of the file
	Cause error
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s: cannot be decrypted: %v", e.Name, e.Cause)
}

// Unwrap gives the cause.
func (e *LockedError) Unwrap() error { return e.Cause }

// Hint is the next move.
func (e *LockedError) Hint() string {
	return "name the file with the age identity that it was encrypted to"
}
