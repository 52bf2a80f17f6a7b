package github

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// folder is an open cache folder that nobody but its owner can write to.
type folder struct {
	*os.Root
	owner uint32
}

// open opens the folder when it is ours alone, and with create makes it. It is
// ours when it belongs to our user; root also takes that of another, since a
// container runs as root on folders that the host's user has unpacked.
func (c *cache) open(create bool) (*folder, error) {
	if create {
		if err := os.MkdirAll(c.dir, 0o700); err != nil {
			return nil, err
		}
	}
	info, err := os.Lstat(c.dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, c.refuse("it is no folder")
	}
	root, err := os.OpenRoot(c.dir)
	if err != nil {
		return nil, err
	}
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(info, opened) {
		err = errEntry
	}
	var owner uint32
	if err == nil {
		if owner, err = ownerOf(opened); err != nil {
			err = c.refuse(err.Error())
		} else if !mayBelieve(os.Geteuid(), owner) {
			err = c.refuse("it belongs to another user")
		}
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return &folder{root, owner}, nil
}

// mayBelieve reports whether user us takes a folder of owner as its own.
func mayBelieve(us int, owner uint32) bool { return us == 0 || int(owner) == us }

// refuse keeps why the folder is not used, for Client.Notices.
func (c *cache) refuse(why string) error {
	text := fmt.Sprintf("the cache %s is not ours alone: not used, since %s", c.dir, why)
	c.refused.Store(&text)
	return errEntry
}

// ownerOf gives the user that a file belongs to. It is an error when anybody
// else may write to it.
func ownerOf(info fs.FileInfo) (uint32, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.New("its owner is not known")
	}
	if info.Mode().Perm()&0o022 != 0 {
		return 0, errors.New("others can write to it")
	}
	return st.Uid, nil
}

// readEntry reads a file that we or the folder's owner have written; links are
// not followed.
func (f *folder) readEntry(name string) ([]byte, error) {
	info, err := f.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxEntry {
		return nil, errEntry
	}
	file, err := f.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	opened, err := file.Stat()
	if err != nil || !os.SameFile(info, opened) {
		return nil, errEntry
	}
	owner, err := ownerOf(opened)
	if err != nil || owner != f.owner && int(owner) != os.Geteuid() {
		return nil, errEntry
	}
	return io.ReadAll(io.LimitReader(file, maxEntry))
}

// writeEntry writes a file whole or not at all.
func (f *folder) writeEntry(name string, data []byte) error {
	temp := tempPrefix + rand.Text()
	file, err := f.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if e := file.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = f.Rename(temp, name)
	}
	if err != nil {
		f.Remove(temp)
	}
	return err
}
