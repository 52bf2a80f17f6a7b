package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// ReadFile reads a file of a container, whether it runs or not, also in its volumes; at
// most limit bytes. ErrNotFound when it is not there.
func (c *Client) ReadFile(ctx context.Context, container, path string, limit int64) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, fmt.Errorf("file %s of %s: %w", path, container, err) }
	var out bytes.Buffer
	// The tar has blocks of 512 bytes: a header, perhaps one more for a long name, the end.
	to := &bounded{to: &out, left: limit + 8<<10}
	if _, err := c.Do(ctx, Command{Args: []string{"cp", "-L", "--", container + ":" + path, "-"}, Stdout: to}); err != nil {
		return fail(err)
	}
	in := tar.NewReader(&out)
	h, err := in.Next()
	if err != nil {
		return fail(err)
	}
	if h.Typeflag != tar.TypeReg {
		return fail(errors.New("it is no regular file"))
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	if err != nil {
		return fail(err)
	}
	return data, nil
}

// bounded is a writer that takes so many bytes and no more.
type bounded struct {
	to   io.Writer
	left int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errors.New("too long")
	}
	return b.to.Write(p)
}

// oneFile is a tar with one file for root alone.
func oneFile(name string, data []byte) (io.Reader, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data))})
	if err == nil {
		_, err = w.Write(data)
	}
	return &out, errors.Join(err, w.Close())
}
