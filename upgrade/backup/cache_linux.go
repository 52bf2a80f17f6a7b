package backup

import (
	"os"

	"golang.org/x/sys/unix"
)

// dropCache asks the kernel to forget what it holds of a file that is on disk, so
// that the next read is one of the disk. It may decline: nothing depends on it but
// how much a verification proves.
func dropCache(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
