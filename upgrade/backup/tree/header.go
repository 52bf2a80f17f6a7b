package tree

import "fmt"

// fits says whether s can stand in a field of n bytes as it is.
func fits(s string, n int) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return len(s) <= n
}

// plain makes s fit: what does not stand in the extended header too.
func plain(s string, n int) string {
	b := []byte(s[:min(len(s), n)])
	for i, c := range b {
		if c < 0x20 || c > 0x7e {
			b[i] = '_'
		}
	}
	return string(b)
}

// header is the block of an entry. Numbers that do not fit are 0 here, and stand
// in the extended header.
func header(typ byte, name string, e *Entry, size int64) []byte {
	b := make([]byte, blockSize)
	copy(b[0:100], plain(name, 100))
	octal(b[100:108], uint64(e.Mode))
	octal(b[108:116], uint64(e.UID))
	octal(b[116:124], uint64(e.GID))
	octal(b[124:136], uint64(size))
	octal(b[136:148], uint64(max(e.Mtime.Sec, 0)))
	b[156] = typ
	copy(b[157:257], plain(archiveLink(e), 100))
	copy(b[257:265], magic)
	octal(b[329:337], uint64(e.Major))
	octal(b[337:345], uint64(e.Minor))
	copy(b[148:156], checksum(b))
	return b
}

// octal fills a field with a number and a NUL.
func octal(field []byte, n uint64) {
	digits := len(field) - 1
	if n >= 1<<(3*digits) {
		n = 0
	}
	copy(field, fmt.Sprintf("%0*o\x00", digits, n))
}

// checksum is the field of a header that sums all others.
func checksum(b []byte) string {
	sum := 8 * int(' ')
	for i, c := range b[:blockSize] {
		if i < 148 || i >= 156 {
			sum += int(c)
		}
	}
	return fmt.Sprintf("%06o\x00 ", sum)
}
