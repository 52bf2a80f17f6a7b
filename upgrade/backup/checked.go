package backup

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/klauspost/compress/zstd"
)

// A checked reader ends in an error in the place of io.EOF when what it read is
// not what was wanted.
type checked struct {
	r    io.Reader
	h    hash.Hash
	n    int64
	name string
	what string // "stored"
	want Sum
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.h.Write(p[:n])
	c.n += int64(n)
	if c.n > c.want.Size {
		return n, &DamageError{Name: c.name, What: fmt.Sprintf("has more than %d bytes %s", c.want.Size, c.what)}
	}
	if err != io.EOF {
		return n, err
	}
	if c.n != c.want.Size {
		return n, &DamageError{Name: c.name, What: fmt.Sprintf("has %d bytes %s, not %d", c.n, c.what, c.want.Size)}
	}
	if hex.EncodeToString(c.h.Sum(nil)) != c.want.SHA256 {
		return n, &DamageError{Name: c.name, What: "its bytes " + c.what + " are not those that were written"}
	}
	return n, io.EOF
}

// A contentReader reads file | stored sum | age | zstd | plain sum.
type contentReader struct {
	file   fs.File
	stored *checked
	zstd   *zstd.Decoder
	plain  io.Reader
	name   string
}

// Read reads the plain bytes. At their end the rest of the file is read, so that
// no byte of it stays uncompared.
func (r *contentReader) Read(p []byte) (int, error) {
	n, err := r.plain.Read(p)
	if err == nil {
		return n, nil
	}
	if err == io.EOF {
		_, err = io.Copy(io.Discard, r.stored)
		if err == nil {
			return n, io.EOF
		}
	}
	var damage *DamageError
	if !errors.As(err, &damage) {
		err = &DamageError{Name: r.name, What: "cannot be decompressed", Cause: err}
	}
	return n, err
}

// Close ends the reading.
func (r *contentReader) Close() error {
	r.zstd.Close()
	return r.file.Close()
}

// drain reads to the end, or until ctx ends, and gives the number of bytes.
func drain(ctx context.Context, r io.Reader) (int64, error) {
	buf := make([]byte, 32<<10)
	var total int64
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, err := r.Read(buf)
		total += int64(n)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}
