package tree

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Verify reads an archive to its end, without a folder: it is nil only for what
// was packed, whole.
func Verify(ctx context.Context, r io.Reader) (Summary, error) {
	return verify(ctx, r, nil)
}

func verify(ctx context.Context, r io.Reader, each func(Entry, string)) (Summary, error) {
	a, err := newReader(r)
	if err != nil {
		return Summary{}, err
	}
	t, content := newTally(each), newContentHash()
	for {
		e, err := a.next()
		if err == io.EOF {
			return a.agrees(t)
		}
		if err != nil {
			return Summary{}, err
		}
		var sum []byte
		if e.Type == TypeFile {
			content.reset()
			if err := a.content(ctx, content.at); err != nil {
				return Summary{}, fmt.Errorf("archive: %q: %w", e.Path, err)
			}
			content.skip(e.Size - content.pos())
			sum = content.sum()
		}
		t.add(e, sum)
	}
}

// agrees compares what was read with what the archive says of itself.
func (a *reader) agrees(t *tally) (Summary, error) {
	got, want := t.end(), *a.end
	if got.Hash != want.Hash || got.Entries != want.Entries || got.Files != want.Files || got.Bytes != want.Bytes {
		return Summary{}, errors.New("archive: is not the tree that its trailer says")
	}
	return want, nil
}

// A Check passes an archive on as it is written, and knows in the end whether it
// was all of it: what comes out of a container may end early without a word.
type Check struct {
	w    io.Writer
	body *writerSum
	tail []byte
}

// NewCheck passes on to w.
func NewCheck(w io.Writer) *Check { return &Check{w: w, body: newWriterSum()} }

// Write passes p on.
func (c *Check) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	p = p[:n]
	if over := len(c.tail) + len(p) - tailSize; over > 0 {
		k := min(over, len(c.tail))
		c.body.add(c.tail[:k])
		c.body.add(p[:over-k])
		c.tail = append(c.tail[:0], c.tail[k:]...)
		p = p[over-k:]
	}
	c.tail = append(c.tail, p...)
	return n, err
}

// Summary is that of the archive which was passed on; [ErrCut] or another error
// when it is not all there.
func (c *Check) Summary() (Summary, error) {
	if len(c.tail) < tailSize {
		return Summary{}, ErrCut
	}
	a := tailReader(c.tail)
	b, err := a.block()
	if err != nil || b[156] != 'g' {
		return Summary{}, ErrCut
	}
	if err := a.trailer(b, c.body.n, c.body.crc.Sum32()); err != io.EOF {
		return Summary{}, err
	}
	return *a.end, nil
}

// A writerSum is the length and the checksum that a trailer tells.
type writerSum struct {
	n   int64
	crc hash.Hash32
}

func newWriterSum() *writerSum { return &writerSum{crc: newCRC()} }

func (s *writerSum) add(p []byte) {
	s.n += int64(len(p))
	s.crc.Write(p)
}

// tailReader reads only the end of an archive.
func tailReader(tail []byte) *reader {
	return &reader{r: bufio.NewReader(bytes.NewReader(tail)), crc: newCRC()}
}
