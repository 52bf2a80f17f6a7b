package tree

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
)

// ErrCut is an archive that ends before its end.
var ErrCut = errors.New("archive ends before its end")

// bufSize is how much of a file is in memory at once.
const bufSize = 256 << 10

// A reader reads an archive, strictly.
type reader struct {
	r     *bufio.Reader
	n     int64
	crc   hash.Hash32
	pre   preamble
	order order
	end   *Summary
	cur   *Entry
	left  int64 // bytes of the current entry's content still to be read
	buf   []byte
}

func newReader(r io.Reader) (*reader, error) {
	a := &reader{r: bufio.NewReaderSize(r, 64<<10), crc: newCRC()}
	b, err := a.block()
	if err != nil {
		return nil, err
	}
	if b[156] != 'g' {
		return nil, errors.New("archive: is not one of belay")
	}
	text, err := a.comment(b)
	if err != nil {
		return nil, err
	}
	if err := decodeStrict(text, &a.pre); err != nil {
		return nil, fmt.Errorf("archive: preamble: %w", err)
	}
	if a.pre.Version != 1 {
		return nil, fmt.Errorf("archive: version %d; this program knows 1", a.pre.Version)
	}
	return a, nil
}

func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more follows its end")
	}
	return nil
}

func (a *reader) read(p []byte) error {
	n, err := io.ReadFull(a.r, p)
	a.n += int64(n)
	a.crc.Write(p[:n])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return ErrCut
	}
	return err
}

// block reads a header, and checks its sum.
func (a *reader) block() ([]byte, error) {
	b := make([]byte, blockSize)
	if err := a.read(b); err != nil {
		return nil, err
	}
	if string(b[148:156]) != checksum(b) || string(b[257:265]) != magic {
		return nil, fmt.Errorf("archive: no header at byte %d", a.n-blockSize)
	}
	return b, nil
}

// pad reads the rest of the last block, which is zeros.
func (a *reader) pad() error {
	p := make([]byte, -a.n&(blockSize-1))
	if err := a.read(p); err != nil {
		return err
	}
	if len(bytes.Trim(p, "\x00")) > 0 {
		return fmt.Errorf("archive: no padding at byte %d", a.n)
	}
	return nil
}

// extended reads the records that header b announces.
func (a *reader) extended(b []byte) ([]byte, error) {
	size, err := parseOctal(b[124:136])
	if err != nil || size > maxHeader {
		return nil, errors.New("archive: impossible extended header")
	}
	p := make([]byte, size)
	if err := a.read(p); err != nil {
		return nil, err
	}
	return p, a.pad()
}

func (a *reader) comment(b []byte) ([]byte, error) {
	p, err := a.extended(b)
	if err != nil {
		return nil, err
	}
	recs, err := parseRecords(p)
	if err != nil || len(recs) != 1 || recs[0].key != "comment" {
		return nil, errors.New("archive: impossible comment")
	}
	return []byte(recs[0].value), nil
}

// next gives the next entry, or io.EOF when all was read that was written; then
// end is the summary. The content of the entry before must have been read.
func (a *reader) next() (*Entry, error) {
	if err := a.pad(); err != nil {
		return nil, err
	}
	a.cur = nil
	n, sum := a.n, a.crc.Sum32()
	b, err := a.block()
	if err != nil {
		return nil, err
	}
	if b[156] == 'g' {
		return nil, a.trailer(b, n, sum)
	}
	if b[156] != 'x' {
		return nil, fmt.Errorf("archive: no extended header at byte %d", n)
	}
	p, err := a.extended(b)
	if err != nil {
		return nil, err
	}
	recs, err := parseRecords(p)
	if err != nil {
		return nil, err
	}
	if b, err = a.block(); err != nil {
		return nil, err
	}
	e, size, err := parseEntry(b, recs)
	if err == nil {
		err = a.begin(e, size)
	}
	if err == nil {
		err = a.order.check(e)
	}
	if err != nil {
		return nil, fmt.Errorf("archive: entry at byte %d: %w", n, err)
	}
	return e, nil
}

// begin reads the map of a file with holes and knows then how much follows.
func (a *reader) begin(e *Entry, size int64) error {
	a.cur, a.left = e, e.Size
	if !e.sparse() {
		if size != e.Size {
			return errors.New("two sizes")
		}
		return nil
	}
	start := a.n
	var err error
	if e.Data, err = a.readMap(e.Size); err != nil {
		return err
	}
	a.left = e.stored()
	if size != a.n-start+a.left {
		return errors.New("size is not that of its map and its data")
	}
	return nil
}

func (a *reader) readMap(size int64) ([]Segment, error) {
	count, err := a.mapNumber()
	if err != nil || count < 1 || count > maxSegments+1 {
		return nil, errors.New("impossible map")
	}
	data := []Segment{}
	var end int64
	for i := range count {
		var s Segment
		if s.Offset, err = a.mapNumber(); err == nil {
			s.Length, err = a.mapNumber()
		}
		last := i == count-1 && s.Offset == size && s.Length == 0
		if err != nil || s.Offset < end || s.Length == 0 && !last || s.Length > size-s.Offset {
			return nil, errors.New("impossible map")
		}
		if s.Length > 0 {
			data = append(data, s)
		}
		end = s.Offset + s.Length
	}
	if end != size {
		return nil, errors.New("impossible map")
	}
	return data, a.pad()
}

func (a *reader) mapNumber() (int64, error) {
	line := make([]byte, 0, 20)
	for len(line) < 20 {
		var c [1]byte
		if err := a.read(c[:]); err != nil {
			return 0, err
		}
		if c[0] == '\n' {
			return parseDecimal(string(line))
		}
		line = append(line, c[0])
	}
	return 0, errors.New("number too long")
}

// content calls data with the content of the current entry, piece by piece: what
// lies between the pieces are holes.
func (a *reader) content(ctx context.Context, data func(offset int64, p []byte) error) error {
	segments := a.cur.Data
	if !a.cur.sparse() {
		segments = []Segment{{0, a.cur.Size}}
	}
	for _, s := range segments {
		for s.Length > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if a.buf == nil {
				a.buf = make([]byte, bufSize)
			}
			p := a.buf[:min(int64(len(a.buf)), s.Length)]
			if err := a.read(p); err != nil {
				return err
			}
			if err := data(s.Offset, p); err != nil {
				return err
			}
			s.Offset += int64(len(p))
			s.Length -= int64(len(p))
		}
	}
	a.left = 0
	return nil
}

// trailer reads the end, and compares it with what was read.
func (a *reader) trailer(b []byte, n int64, sum uint32) error {
	text, err := a.comment(b)
	if err != nil {
		return err
	}
	if text, err = unseal(text); err != nil {
		return err
	}
	var t trailer
	if err := decodeStrict(text, &t); err != nil {
		return fmt.Errorf("archive: trailer: %w", err)
	}
	if t.Version != 1 || t.Bytes != n || t.CRC != sum {
		return errors.New("archive: is not what its trailer says")
	}
	p := make([]byte, 2*blockSize)
	if err := a.read(p); err != nil {
		return err
	}
	if _, err := a.r.ReadByte(); err != io.EOF || len(bytes.Trim(p, "\x00")) > 0 {
		if err != nil && err != io.EOF {
			return err
		}
		return errors.New("archive: more follows its end")
	}
	a.end = &t.Summary
	return io.EOF
}

func parseDecimal(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%.20q is no number", s)
	}
	return n, nil
}
