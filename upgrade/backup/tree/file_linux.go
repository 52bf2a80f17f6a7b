package tree

import (
	"io"

	"golang.org/x/sys/unix"
)

// segments finds where a file with holes has data.
func segments(fd int, size int64) ([]Segment, error) {
	data := []Segment{}
	for off := int64(0); off < size; {
		start, err := unix.Seek(fd, off, unix.SEEK_DATA)
		if err == unix.ENXIO {
			break
		}
		if err == unix.EINVAL { // a file system that does not know holes
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		end, err := unix.Seek(fd, start, unix.SEEK_HOLE)
		if err != nil {
			return nil, err
		}
		if start >= size {
			break
		}
		if len(data) == maxSegments-1 {
			end = size
		}
		end = min(end, size)
		data = append(data, Segment{start, end - start})
		off = end
	}
	if len(data) == 1 && data[0] == (Segment{0, size}) {
		return nil, nil
	}
	return data, nil
}

// readAt reads all of p, zeros where a file ends that was longer before.
func readAt(fd int, p []byte, off int64) error {
	for len(p) > 0 {
		n, err := retry(func() (int, error) { return unix.Pread(fd, p, off) })
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}
