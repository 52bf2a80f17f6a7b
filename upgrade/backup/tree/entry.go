// Package tree copies the tree of a folder exactly: into an archive, and from one
// into a folder that afterwards holds what the archive holds and nothing else.
//
// Exactly means numeric owners, modes with setuid, setgid and sticky, times of
// change to the nanosecond (of folders and links too), extended attributes with
// ACLs and capabilities, symbolic and hard links, holes, FIFOs and device nodes,
// names of any bytes. It does not mean times of access, sockets (they are counted),
// flags of chattr, attributes that the host's kernel keeps for itself
// (security.selinux, security.ima, security.evm), and trusted.* where the process
// may not see them. What is mounted inside the tree is another tree: it is named
// in the [Summary], and neither read nor touched.
//
// The archive is a tar in the POSIX format that GNU tar extracts as exactly:
//
//	tar --xattrs --xattrs-include='*' --numeric-owner -xpf ARCHIVE -C FOLDER
//
// with attributes as SCHILY.xattr.*, files with holes as GNU.sparse 1.0, and with
// a comment (a global header) at the start, which says how it was made, and one at
// the end, which says what it holds: an archive without it was cut. It is read
// strictly: what this package does not write it does not read.
//
// What must stay true: memory does not grow with the tree, but for the names of
// the folders on the way to the current entry and the hard links that are not yet
// complete; no path is resolved that a link could bend; a tree is packed whole or
// an error is returned; unpacking may be killed at any time and begun again.
package tree

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strconv"
)

// A Type is the type of an entry, as tar has it.
type Type byte

// The types of entries.
const (
	TypeFile    Type = '0'
	TypeLink    Type = '1' // a further name of an earlier entry
	TypeSymlink Type = '2'
	TypeChar    Type = '3'
	TypeBlock   Type = '4'
	TypeDir     Type = '5'
	TypeFIFO    Type = '6'
)

// An Entry is one name in a tree.
type Entry struct {
	Path  string // relative to the root, which is "."; any bytes but NUL
	Type  Type
	Mode  uint32 // permission bits, setuid, setgid, sticky: 07777
	UID   uint32
	GID   uint32
	Mtime Time
	Size  int64     // of a file, in bytes
	Data  []Segment // where a file with holes has its data; nil: everywhere
	Link  string    // what a symbolic link says; the path of the entry that a link is a further name of
	Major uint32    // of a device
	Minor uint32
	Attrs []Attr // sorted by name
}

// A Time is a time to the nanosecond; Nsec is 0 to 999999999 also before 1970.
type Time struct {
	Sec  int64
	Nsec int64
}

// A Segment is a run of bytes of a file.
type Segment struct{ Offset, Length int64 }

// An Attr is an extended attribute.
type Attr struct {
	Name  string // "user.origin"
	Value []byte
}

// sparse says whether the entry's data has a map.
func (e *Entry) sparse() bool { return e.Data != nil }

// stored is the number of bytes of content that an archive has of the entry.
func (e *Entry) stored() int64 {
	if !e.sparse() {
		return e.Size
	}
	var n int64
	for _, s := range e.Data {
		n += s.Length
	}
	return n
}

// sum is the hash of everything there is to know of an entry but where its holes
// are, which is the file system's business; content is that of a [contentHash].
func (e *Entry) sum(content []byte) [sha256.Size]byte {
	var b bytes.Buffer
	text := func(s string) {
		b.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		b.WriteString(s)
	}
	number := func(n uint64) { b.Write(binary.BigEndian.AppendUint64(nil, n)) }
	text(e.Path)
	number(uint64(e.Type))
	text(e.Link)
	if e.Type != TypeLink { // the rest is the first name's
		number(uint64(e.Mode))
		number(uint64(e.UID))
		number(uint64(e.GID))
		number(uint64(e.Mtime.Sec))
		number(uint64(e.Mtime.Nsec))
		number(uint64(e.Major))
		number(uint64(e.Minor))
		number(uint64(len(e.Attrs)))
		for _, a := range e.Attrs {
			text(a.Name)
			text(string(a.Value))
		}
		number(uint64(e.Size))
		text(string(content))
	}
	return sha256.Sum256(b.Bytes())
}

// A Summary is what there is to say of a tree as a whole.
type Summary struct {
	Hash     string   `json:"hash"`    // sha256 over its entries, hex; equal for equal trees
	Entries  int64    `json:"entries"` // with the root
	Files    int64    `json:"files"`
	Bytes    int64    `json:"bytes"`   // sizes of the files, holes included
	Data     int64    `json:"data"`    // bytes of content in an archive, holes not included
	Sockets  int64    `json:"sockets"` // left out
	Excluded int64    `json:"excluded"`
	Changed  int64    `json:"changed"` // vanished or changed while they were read; only with Online
	Mounts   int64    `json:"mounts"`  // left out: other file systems
	Outside  int64    `json:"outside"` // files with further names outside the tree, or among what is left out
	Notes    []string `json:"notes,omitempty"`
}

// Options say how a tree is read.
type Options struct {
	Exclude []string            // patterns of doublestar on paths; what is below a match is left out too
	Online  bool                // what vanishes or changes meanwhile is counted, and is no error
	Each    func(Entry, string) // called with each entry and its hash; may be nil
}

// maxNotes bounds what a summary names of mounts and outside links.
const (
	maxNotes = 8
	maxNote  = 240
)

// note adds a name, quoted: names are of any bytes.
func (s *Summary) note(what, path string) {
	if len(s.Notes) == maxNotes {
		return
	}
	n := what + " " + strconv.QuoteToASCII(path)
	if len(n) > maxNote {
		n = n[:maxNote] + "..."
	}
	s.Notes = append(s.Notes, n)
}

// A tally makes the summary of entries that come in order.
type tally struct {
	Summary
	h    hash.Hash
	each func(Entry, string)
}

func newTally(each func(Entry, string)) *tally {
	t := &tally{h: sha256.New(), each: each}
	t.h.Write([]byte("belay tree 1\n"))
	return t
}

func (t *tally) add(e *Entry, content []byte) {
	sum := e.sum(content)
	t.h.Write(sum[:])
	t.Entries++
	if e.Type == TypeFile {
		t.Files++
		t.Bytes += e.Size
		t.Data += e.stored()
	}
	if t.each != nil {
		t.each(*e, hex.EncodeToString(sum[:]))
	}
}

func (t *tally) end() Summary {
	t.Hash = hex.EncodeToString(t.h.Sum(nil))
	return t.Summary
}
