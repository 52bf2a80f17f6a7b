package tree

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// needRoot skips what only root can do; BELAY_TEST_REQUIRE=root makes that an error.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("BELAY_TEST_REQUIRE"), ","), "root") {
		t.Fatal("root is needed to make foreign owners, devices and mounts")
	}
	t.Skip("root is needed to make foreign owners, devices and mounts")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

// acl is a POSIX ACL as the kernel stores it: user 1234 may read and write.
func acl() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range [][3]uint32{{1, 6, ^uint32(0)}, {2, 6, 1234}, {4, 4, ^uint32(0)}, {16, 6, ^uint32(0)}, {32, 0, ^uint32(0)}} {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
		b = binary.LittleEndian.AppendUint32(b, e[2])
	}
	return b
}

// capability is cap_net_bind_service+ep, revision 2.
func capability() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0x02000001)
	return append(binary.LittleEndian.AppendUint32(b, 1<<10), make([]byte, 12)...)
}

// hardTree has one of everything that a volume may hold.
func hardTree(t *testing.T, root string) {
	t.Helper()
	at := func(p string) string { return filepath.Join(root, p) }
	for _, d := range []string{"a", "a/deep/er", "empty", "sticky", "setgid", "acl", "zz"} {
		must(t, os.MkdirAll(at(d), 0o755))
	}
	write(t, at("a/file"), "content\n")
	write(t, at("a/empty"), "")
	write(t, at("a/deep/er/x"), strings.Repeat("0123456789abcdef", 40000))
	write(t, at("a/zeros"), strings.Repeat("\x00", 200000))
	write(t, at("a.b"), "sorts between a and a/ in a flat order")
	write(t, at("bytes \xff\xfe\n\t\\ \"'=% ünï"), "a name of any bytes")
	write(t, at(strings.Repeat("n", 255)), "a long name")
	long := at("zz")
	for range 6 {
		long = filepath.Join(long, strings.Repeat("d", 200))
	}
	must(t, os.MkdirAll(long, 0o711))
	write(t, filepath.Join(long, "bottom"), "deep")
	write(t, at("-rf"), "an option")
	write(t, at("setuid"), "#!/bin/sh\n")
	must(t, os.Chmod(at("setuid"), 0o755|fs.ModeSetuid))
	must(t, os.Chmod(at("sticky"), 0o777|fs.ModeSticky))
	must(t, os.Chmod(at("setgid"), 0o770|fs.ModeSetgid))
	write(t, at("noaccess"), "mode 0")
	must(t, os.Chmod(at("noaccess"), 0))
	must(t, unix.Mkfifo(at("fifo"), 0o640))
	links(t, at)
	holes(t, at)
	attrs(t, at)
	must(t, unix.Mknod(at("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	must(t, unix.Mknod(at("disk"), unix.S_IFBLK|0o660, int(unix.Mkdev(259, 1048575))))
	must(t, os.Lchown(at("a/file"), 999, 70))
	must(t, os.Lchown(at("a"), 70, 70))
	must(t, os.Lchown(at("dangling"), 4000000, 3999999999))
	must(t, os.Lchown(at("fifo"), 1<<21, 1<<21-1))
	times(t, root)
}

func links(t *testing.T, at func(string) string) {
	must(t, os.Symlink("/etc/shadow", at("absolute")))
	must(t, os.Symlink("nowhere", at("dangling")))
	must(t, os.Symlink("../../..", at("up")))
	must(t, os.Symlink(strings.Repeat("l/", 1000)+"end", at("longlink")))
	must(t, os.Symlink("x\xff\n", at("byteslink")))
	must(t, os.Link(at("a/file"), at("zz/hard")))
	must(t, os.Link(at("a/file"), at("a/hard")))
	must(t, os.Link(at("dangling"), at("zz/dangling-too")))
	write(t, at("zz/one"), "first of two")
	must(t, os.Link(at("zz/one"), at("zz/"+strings.Repeat("h", 200))))
}

func holes(t *testing.T, at func(string) string) {
	for name, data := range map[string][]int64{"sparse": {256 << 10, 1 << 20}, "start": {0}, "end": {2<<20 - 4096}, "allhole": nil} {
		f, err := os.Create(at(name))
		must(t, err)
		for _, off := range data {
			_, err := f.WriteAt(bytes.Repeat([]byte(name[:1]), 4096), off)
			must(t, err)
		}
		must(t, f.Truncate(2<<20))
		must(t, f.Close())
	}
}

func attrs(t *testing.T, at func(string) string) {
	set := func(path, name string, value []byte) { must(t, unix.Lsetxattr(at(path), name, value, 0)) }
	set("a/file", "user.origin", []byte("https://example.org/?a=b\n"))
	set("a/file", "user.a=b%3D", []byte("\x00binary\xff=\n"))
	set("a/file", "user.empty", nil)
	set("a/deep", "user.dir", bytes.Repeat([]byte("v"), 2000))
	set("a/deep/er/x", "security.capability", capability())
	set("a/deep/er/x", "trusted.secret", []byte("t"))
	set("absolute", "trusted.link", []byte("on the link"))
	set("fifo", "trusted.fifo", []byte("on the fifo"))
	set("acl", "system.posix_acl_default", acl())
	write(t, at("acl/inherits"), "")
	write(t, at("acl/not"), "")
	must(t, unix.Lremovexattr(at("acl/not"), "system.posix_acl_access"))
	set("a/empty", "system.posix_acl_access", acl())
	set(".", "user.root", []byte("r"))
}

// times gives each name a time of its own, folders last.
func times(t *testing.T, root string) {
	var paths []string
	must(t, filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		paths = append(paths, p)
		return err
	}))
	slices.Reverse(paths)
	for i, p := range paths {
		sec := int64(1_700_000_000 - 7_000_001*i)
		if i%5 == 0 {
			sec = -int64(i) // before 1970
		}
		ts := unix.Timespec{Sec: sec, Nsec: int64(i*123_456_789) % 1e9}
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, p, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW))
	}
}

// look describes a tree in another way than the package does: a line for each
// name, from lstat, listxattr and the bytes.
func look(t *testing.T, root string) []string {
	t.Helper()
	var lines []string
	first := map[uint64]string{}
	must(t, filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		must(t, unix.Lstat(p, &st))
		rel, _ := filepath.Rel(root, p)
		line := fmt.Sprintf("%q %o %d:%d %d.%09d rdev=%d", rel, st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec, st.Rdev)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			data, err := os.ReadFile(p)
			must(t, err)
			line += fmt.Sprintf(" size=%d sum=%x", st.Size, sha256.Sum256(data))
		case unix.S_IFLNK:
			target, err := os.Readlink(p)
			must(t, err)
			line += fmt.Sprintf(" -> %q", target)
		}
		if st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
			if first[st.Ino] == "" {
				first[st.Ino] = rel
			}
			line += fmt.Sprintf(" nlink=%d of %q", st.Nlink, first[st.Ino])
		}
		buf := make([]byte, 4096)
		n, err := unix.Llistxattr(p, buf)
		must(t, err)
		for _, name := range slices.Sorted(strings.SplitSeq(strings.Trim(string(buf[:n]), "\x00"), "\x00")) {
			if name != "" {
				value := make([]byte, 4096)
				k, err := unix.Lgetxattr(p, name, value)
				must(t, err)
				line += fmt.Sprintf(" %q=%q", name, value[:k])
			}
		}
		lines = append(lines, line)
		return nil
	}))
	return lines
}

// blocks is what a tree takes on disk.
func blocks(t *testing.T, root string) (n int64) {
	must(t, filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		var st unix.Stat_t
		must(t, errors.Join(err, unix.Lstat(p, &st)))
		if d.Type().IsRegular() {
			n += st.Blocks
		}
		return nil
	}))
	return n
}
