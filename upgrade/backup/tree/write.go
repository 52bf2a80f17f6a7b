package tree

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
)

const (
	blockSize = 512
	// trailerSize is the length of the comment at the end: always the same, so
	// that a [Check] knows how much to hold back.
	trailerSize = 8192
	tailSize    = blockSize + trailerSize + 2*blockSize
	// maxHeader bounds the extended header of an entry: its attributes.
	maxHeader = 8 << 20
	// maxSegments bounds the map of a file with holes; what follows is taken for data.
	maxSegments = 1 << 16
	magic       = "ustar\x0000"
)

// A preamble is the comment at the start of an archive.
type preamble struct {
	Version int      `json:"belay_tree"` // 1
	Exclude []string `json:"exclude,omitempty"`
}

// A trailer is the comment at its end.
type trailer struct {
	Version int     `json:"belay_tree_end"` // 1
	Bytes   int64   `json:"bytes"`          // of the archive before it
	CRC     uint32  `json:"crc32c"`         // of those bytes
	Summary Summary `json:"summary"`
}

// A writer writes an archive.
type writer struct {
	w   *bufio.Writer
	n   int64
	crc hash.Hash32
}

func newWriter(w io.Writer, exclude []string) (*writer, error) {
	a := &writer{w: bufio.NewWriterSize(w, 64<<10), crc: newCRC()}
	data, err := json.Marshal(preamble{Version: 1, Exclude: exclude})
	if err != nil {
		return nil, err
	}
	return a, a.extended('g', appendRecord(nil, "comment", string(data)))
}

func newCRC() hash.Hash32 { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }

func (a *writer) write(p []byte) error {
	n, err := a.w.Write(p)
	a.n += int64(n)
	a.crc.Write(p[:n])
	return err
}

// pad completes the last block.
func (a *writer) pad() error {
	return a.write(make([]byte, -a.n&(blockSize-1)))
}

// extended writes a header of records: of the next entry (x), or of all (g).
func (a *writer) extended(typ byte, records []byte) error {
	if len(records) > maxHeader {
		return fmt.Errorf("attributes of %d bytes: more than an archive holds", len(records))
	}
	if err := a.write(header(typ, "./PaxHeaders", &Entry{Mode: 0o600}, int64(len(records)))); err != nil {
		return err
	}
	if err := a.write(records); err != nil {
		return err
	}
	return a.pad()
}

// entry writes what comes before the content of an entry. The content follows by
// write, [Entry.stored] bytes of it, and then pad.
func (a *writer) entry(e *Entry) error {
	name := archiveName(e)
	size := e.Size
	var sparse []byte
	if e.sparse() {
		sparse = appendMap(nil, e)
		size = int64(len(sparse)) + e.stored()
	}
	if err := a.extended('x', records(e, name, size)); err != nil {
		return err
	}
	if err := a.write(header(byte(e.Type), name, e, size)); err != nil {
		return err
	}
	return a.write(sparse)
}

// finish writes the end.
func (a *writer) finish(s Summary) error {
	data, err := json.Marshal(trailer{Version: 1, Bytes: a.n, CRC: a.crc.Sum32(), Summary: s})
	if err != nil {
		return err
	}
	text, err := seal(data)
	if err != nil {
		return err
	}
	if err := a.extended('g', appendRecord(nil, "comment", text)); err != nil {
		return err
	}
	if err := a.write(make([]byte, 2*blockSize)); err != nil {
		return err
	}
	return a.w.Flush()
}

// sealed is the length of a trailer's text: with its record it has trailerSize.
const sealed = trailerSize - len("8192 comment=\n")

// seal fills a trailer up to its length, and puts the checksum of that before it.
func seal(data []byte) (string, error) {
	room := sealed - 9 - len(data)
	if room < 0 {
		return "", fmt.Errorf("summary of %d bytes: more than an archive holds", len(data))
	}
	text := string(data) + strings.Repeat(" ", room)
	return fmt.Sprintf("%08x %s", sumCRC([]byte(text)), text), nil
}

// unseal takes both away again.
func unseal(text []byte) ([]byte, error) {
	if len(text) != sealed || fmt.Sprintf("%08x ", sumCRC(text[9:])) != string(text[:9]) {
		return nil, errors.New("archive: trailer: is not what was written")
	}
	return text[9:], nil
}

func sumCRC(p []byte) uint32 { return crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli)) }

// archiveName is the entry's path as the archive has it.
func archiveName(e *Entry) string {
	switch {
	case e.Path == ".":
		return "./"
	case e.Type == TypeDir:
		return "./" + e.Path + "/"
	}
	return "./" + e.Path
}

// records are those of the entry's extended header.
func records(e *Entry, name string, size int64) []byte {
	var b []byte
	if e.sparse() {
		b = appendRecord(b, "GNU.sparse.major", "1")
		b = appendRecord(b, "GNU.sparse.minor", "0")
		b = appendRecord(b, "GNU.sparse.name", name)
		b = appendRecord(b, "GNU.sparse.realsize", strconv.FormatInt(e.Size, 10))
	} else if !fits(name, 100) {
		b = appendRecord(b, "path", name)
	}
	if link := archiveLink(e); !fits(link, 100) {
		b = appendRecord(b, "linkpath", link)
	}
	if size >= 1<<33 {
		b = appendRecord(b, "size", strconv.FormatInt(size, 10))
	}
	if e.UID >= 1<<21 {
		b = appendRecord(b, "uid", strconv.FormatUint(uint64(e.UID), 10))
	}
	if e.GID >= 1<<21 {
		b = appendRecord(b, "gid", strconv.FormatUint(uint64(e.GID), 10))
	}
	b = appendRecord(b, "mtime", e.Mtime.String())
	for _, x := range e.Attrs {
		b = appendRecord(b, attrPrefix+attrEncoder().Replace(x.Name), string(x.Value))
	}
	return b
}

const attrPrefix = "SCHILY.xattr."

// attrEncoder writes an attribute's name as GNU tar does: a keyword has no "=".
func attrEncoder() *strings.Replacer { return strings.NewReplacer("%", "%25", "=", "%3D") }

func attrDecoder() *strings.Replacer { return strings.NewReplacer("%25", "%", "%3D", "=") }

// archiveLink is the entry's link as the archive has it.
func archiveLink(e *Entry) string {
	if e.Type == TypeLink {
		return "./" + e.Link
	}
	return e.Link
}

// String is the time in decimal seconds, as POSIX wants it.
func (t Time) String() string {
	sec, nsec, sign := t.Sec, t.Nsec, ""
	if sec < 0 && nsec > 0 { // -2 s + 0.25 s is -1.75 s
		sec, nsec = sec+1, 1e9-nsec
		if sec == 0 {
			sign = "-"
		}
	}
	if nsec == 0 {
		return strconv.FormatInt(sec, 10)
	}
	return sign + strconv.FormatInt(sec, 10) + "." + fmt.Sprintf("%09d", nsec)
}

// appendRecord appends "LENGTH KEY=VALUE\n", where LENGTH counts itself.
func appendRecord(b []byte, key, value string) []byte {
	rest := len(key) + len(value) + 3 // " ", "=", "\n"
	n := rest + len(strconv.Itoa(rest))
	n = rest + len(strconv.Itoa(n))
	b = strconv.AppendInt(b, int64(n), 10)
	return append(append(append(append(append(b, ' '), key...), '='), value...), '\n')
}

// appendMap appends the map of a file with holes, in whole blocks. A hole at the
// end is an empty segment there.
func appendMap(b []byte, e *Entry) []byte {
	data := e.Data
	if n := len(data); n == 0 || data[n-1].Offset+data[n-1].Length < e.Size {
		data = append(data[:n:n], Segment{Offset: e.Size})
	}
	b = append(strconv.AppendInt(b, int64(len(data)), 10), '\n')
	for _, s := range data {
		b = append(strconv.AppendInt(b, s.Offset, 10), '\n')
		b = append(strconv.AppendInt(b, s.Length, 10), '\n')
	}
	return append(b, make([]byte, -len(b)&(blockSize-1))...)
}
