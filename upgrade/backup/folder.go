package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// makeFolder makes a folder, and those on the way to it, when they are missing.
func makeFolder(dir string) error {
	if fi, err := os.Lstat(dir); err == nil {
		if fi.IsDir() || fi.Mode()&fs.ModeSymlink != 0 { // of a link [checkFolder] says more
			return nil
		}
		return syscall.ENOTDIR
	}
	if err := makeFolder(filepath.Dir(dir)); err != nil {
		return err
	}
	return makeOne(dir)
}

// makeOne makes a folder with mode 0700: a umask may take bits of the owner too.
func makeOne(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// checkFolder refuses a folder that someone else could have changed.
func checkFolder(dir string) error {
	fi, err := os.Lstat(dir)
	if err != nil {
		return &FolderError{Path: dir, What: "cannot be read", Cause: err}
	}
	switch {
	case fi.Mode()&fs.ModeSymlink != 0:
		return &FolderError{Path: dir, What: "is a symbolic link"}
	case !fi.IsDir():
		return &FolderError{Path: dir, What: "is not a folder"}
	}
	if what := foreign(fi); what != "" {
		return &FolderError{Path: dir, What: what}
	}
	return nil
}

// checkParent refuses a folder in which someone else but root could put another in the
// place of ours: who owns it, or may write it where no sticky bit keeps them from that.
func checkParent(dir string) error {
	fi, err := os.Stat(dir)
	if err != nil {
		return &FolderError{Path: dir, What: "cannot be read", Cause: err}
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return &FolderError{Path: dir, What: fmt.Sprintf("belongs to user %d, not to %d", st.Uid, os.Geteuid())}
	}
	if fi.Mode().Perm()&0o022 != 0 && fi.Mode()&fs.ModeSticky == 0 {
		return &FolderError{Path: dir, What: fmt.Sprintf("is writable for others (mode %04o)", fi.Mode().Perm())}
	}
	return nil
}

// foreign says why someone else may have written what fi is of; "" is none.
func foreign(fi fs.FileInfo) string {
	if fi.Mode().Perm()&0o022 != 0 {
		return fmt.Sprintf("is writable for others (mode %04o)", fi.Mode().Perm())
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Sprintf("belongs to user %d, not to %d", st.Uid, os.Geteuid())
	}
	return ""
}

// Free gives the bytes that may still be written to the file system of dir, by
// a user who is not root.
func Free(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(min(st.Bavail, 1<<42)) * int64(st.Bsize), nil
}

// Most is an upper bound for the bytes on disk of n contents with plain bytes in
// all, none of which can be compressed: zstd adds at most 1/256 and a frame, age
// 16 bytes in 64 KiB and a header.
func Most(plain int64, n int) int64 {
	return plain + plain/256 + plain/4096 + int64(n)*4096 + 1<<20
}

// Room returns a *SpaceError when the store's file system cannot take need bytes
// and keep its reserve.
func (s *Store) Room(need int64) error {
	free, err := Free(s.Dir)
	if err != nil {
		return err
	}
	if free < need+s.Reserve {
		return &SpaceError{Dir: s.Dir, Free: free, Need: need + s.Reserve}
	}
	return nil
}

// spaceError makes an error of a full file system say how full it is.
func spaceError(dir string, err error) error {
	var space *SpaceError
	if errors.As(err, &space) {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		free, _ := Free(dir)
		return &SpaceError{Dir: dir, Free: free, Cause: err}
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
