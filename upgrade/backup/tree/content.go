package tree

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// A contentHash is a hash of a file's bytes that costs nothing for holes: of each
// block of 64 KiB that is not all zeros, the offset and the bytes. So it is the
// same wherever a file system puts holes.
type contentHash struct {
	h    hash.Hash
	buf  []byte // the begun block
	off  int64  // of the begun block
	zero []byte // a block of zeros
}

const hashBlock = 64 << 10

func newContentHash() *contentHash {
	return &contentHash{h: sha256.New(), buf: make([]byte, 0, hashBlock), zero: make([]byte, hashBlock)}
}

// reset begins another file.
func (c *contentHash) reset() {
	c.h.Reset()
	c.buf, c.off = c.buf[:0], 0
}

// Write adds the next bytes; it never fails.
func (c *contentHash) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(c.buf) == 0 && len(p) >= hashBlock {
			c.block(p[:hashBlock])
			p = p[hashBlock:]
			continue
		}
		k := min(hashBlock-len(c.buf), len(p))
		c.buf = append(c.buf, p[:k]...)
		p = p[k:]
		if len(c.buf) == hashBlock {
			c.block(c.buf)
			c.buf = c.buf[:0]
		}
	}
	return n, nil
}

func (c *contentHash) block(b []byte) {
	if !bytes.Equal(b, c.zero[:len(b)]) {
		var at [8]byte
		binary.BigEndian.PutUint64(at[:], uint64(c.off))
		c.h.Write(at[:])
		c.h.Write(b)
	}
	c.off += int64(len(b))
}

// skip adds n zeros.
func (c *contentHash) skip(n int64) {
	for n > 0 {
		if len(c.buf) == 0 && n >= hashBlock {
			whole := n / hashBlock * hashBlock
			c.off += whole
			n -= whole
			continue
		}
		k := min(int64(hashBlock-len(c.buf)), n)
		_, _ = c.Write(c.zero[:k])
		n -= k
	}
}

func (c *contentHash) sum() []byte {
	if len(c.buf) > 0 {
		c.block(c.buf)
		c.buf = c.buf[:0]
	}
	return c.h.Sum(nil)
}

// at adds a piece of a file, and the hole before it.
func (c *contentHash) at(offset int64, p []byte) error {
	c.skip(offset - c.pos())
	_, err := c.Write(p)
	return err
}

func (c *contentHash) pos() int64 { return c.off + int64(len(c.buf)) }
