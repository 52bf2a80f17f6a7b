package tree

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// names are those in one folder, sorted by their bytes. They lie in one piece of
// memory: a folder of a million files costs 4 bytes a name above their lengths.
type names struct {
	text []byte   // each ends in a NUL
	at   []uint32 // where each starts
}

func (n *names) len() int { return len(n.at) }

func (n *names) get(i int) []byte {
	b := n.text[n.at[i]:]
	return b[:bytes.IndexByte(b, 0)]
}

// Offsets in what getdents64 gives: inode 8, offset 8, length 2, type 1, name.
const (
	direntLength = 16
	direntName   = 19
)

// readNames lists the folder that fd is open on, from its start.
func readNames(fd int) (*names, error) {
	if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil {
		return nil, err
	}
	n := &names{}
	buf := make([]byte, 64<<10)
	for {
		got, err := unix.Getdents(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if got == 0 {
			break
		}
		if err := n.add(buf[:got]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(n.at, func(a, b uint32) int {
		return bytes.Compare(cut(n.text[a:]), cut(n.text[b:]))
	})
	return n, nil
}

// add takes the names of some entries.
func (n *names) add(entries []byte) error {
	for len(entries) > 0 {
		size := int(binary.NativeEndian.Uint16(entries[direntLength:]))
		name := cut(entries[direntName:size])
		entries = entries[size:]
		if string(name) == "." || string(name) == ".." {
			continue
		}
		if len(n.text) > 1<<32-1-len(name) {
			return fmt.Errorf("folder has more than %d names", len(n.at))
		}
		n.at = append(n.at, uint32(len(n.text)))
		n.text = append(append(n.text, name...), 0)
	}
	return nil
}

func cut(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}
