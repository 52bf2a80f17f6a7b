package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"
)

// What bounds the memory of a writer and of a reader. With a window of 4 MiB the
// sizes are those of `zstd -3` within a few per cent.
const (
	encoders   = 2
	window     = 4 << 20
	maxWindow  = 8 << 20   // of what is read
	spaceEvery = 256 << 20 // bytes between two looks at the free space
)

// A ContentWriter writes one content: what is written to it is compressed, and
// encrypted when the store has recipients.
type ContentWriter struct {
	w    *Writer
	kind Kind
	name string

	file   *os.File
	stored *summer // of the bytes on disk
	plain  *summer
	age    io.WriteCloser // nil: not encrypted
	zstd   *frames
	looked int64
	err    error // the first one; it ends the content
	closed bool
}

func newContentWriter(w *Writer, kind Kind, name string) (*ContentWriter, error) {
	file, err := createFile(filepath.Join(w.dir, name))
	if err != nil {
		return nil, err
	}
	c := &ContentWriter{w: w, kind: kind, name: name, file: file}
	if err := c.chain(w.store.Recipients); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	return c, nil
}

// chain sets up plain sum | zstd | age | stored sum | file.
func (c *ContentWriter) chain(to []age.Recipient) error {
	c.stored = newSummer(c.file)
	var below io.Writer = c.stored
	if len(to) > 0 {
		a, err := age.Encrypt(c.stored, to...)
		if err != nil {
			return err
		}
		c.age, below = a, a
	}
	z, err := newFrames(below)
	if err != nil {
		return err
	}
	c.zstd = z
	c.plain = newSummer(z)
	return nil
}

// Name is the content's file, as a [Detail] names it.
func (c *ContentWriter) Name() string { return c.name }

// Plain gives the bytes written so far.
func (c *ContentWriter) Plain() int64 { return c.plain.n }

// Write compresses p. After an error the content can only be closed.
func (c *ContentWriter) Write(p []byte) (int, error) {
	if c.closed {
		return 0, os.ErrClosed
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.plain.Write(p)
	if err == nil && c.plain.n-c.looked >= spaceEvery {
		c.looked = c.plain.n
		err = c.w.store.Room(0)
	}
	if err != nil {
		c.err = fmt.Errorf("backup %s: %s: %w", c.w.id, c.name, spaceError(c.w.dir, err))
	}
	return n, c.err
}

// Close completes the content: it is on disk when Close returns nil. When it was
// not written whole it is deleted.
func (c *ContentWriter) Close() error { return c.CloseWithError(nil) }

// CloseWithError completes the content when cause, what its source ended with, is
// nil, and deletes it otherwise. It returns cause, or why the content could not be
// completed. A second call does nothing.
func (c *ContentWriter) CloseWithError(cause error) error {
	if c.closed {
		return nil
	}
	c.closed = true
	c.w.open = nil
	err := cause
	if err == nil {
		err = c.err
	}
	if err == nil {
		if err = c.finish(); err == nil {
			c.record()
			return nil
		}
		err = fmt.Errorf("backup %s: %s: %w", c.w.id, c.name, spaceError(c.w.dir, err))
	} else {
		c.zstd.drop()
	}
	return errors.Join(err, c.file.Close(), os.Remove(c.file.Name()))
}

func (c *ContentWriter) finish() error {
	if err := c.zstd.Close(); err != nil {
		return err
	}
	if c.age != nil {
		if err := c.age.Close(); err != nil {
			return err
		}
	}
	if err := c.file.Sync(); err != nil {
		return err
	}
	dropCache(c.file)
	if err := c.file.Close(); err != nil {
		return err
	}
	return syncDir(c.w.dir)
}

func (c *ContentWriter) record() {
	c.w.count[c.kind]++
	c.w.contents = append(c.w.contents, Content{Name: c.name, Kind: c.kind, Size: c.stored.n, SHA256: c.stored.hex()})
	if c.kind != kindDetail {
		c.w.plain[c.name] = Sum{Size: c.plain.n, SHA256: c.plain.hex()}
	}
}

// A summer passes on what is written to it, and knows its sum.
type summer struct {
	w io.Writer
	h hash.Hash
	n int64
}

func newSummer(w io.Writer) *summer { return &summer{w: w, h: sha256.New()} }

func (s *summer) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.h.Write(p[:n])
	s.n += int64(n)
	return n, err
}

func (s *summer) hex() string { return hex.EncodeToString(s.h.Sum(nil)) }
