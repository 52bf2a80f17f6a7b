package tree

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// Whatever happened to a tree, unpacking makes it what it was, and unpacking again
// changes nothing.
func TestUnpackOver(t *testing.T) {
	needRoot(t)
	src := t.TempDir()
	hardTree(t, src)
	archive, s := pack(t, src, Options{})
	for name, change := range changes(t) {
		t.Run(name, func(t *testing.T) {
			dst := t.TempDir()
			unpackTo(t, dst, archive)
			change(func(p string) string { return filepath.Join(dst, p) })
			if name != "nothing" && hashOf(t, dst) == s.Hash {
				t.Fatal("the hash did not see the change")
			}
			unpackTo(t, dst, archive)
			if diff := cmp.Diff(look(t, src), look(t, dst)); diff != "" {
				t.Errorf("not restored:\n%s", diff)
			}
			unpackTo(t, dst, archive)
			if got := hashOf(t, dst); got != s.Hash {
				t.Errorf("hash = %s, want %s", got, s.Hash)
			}
		})
	}
}

// changes are those of what is in a name, and of what a name is.
func changes(t *testing.T) map[string]func(at func(string) string) {
	all := contentChanges(t)
	maps.Copy(all, shapeChanges(t))
	return all
}

func contentChanges(t *testing.T) map[string]func(at func(string) string) {
	ok := func(err error) { must(t, err) }
	return map[string]func(at func(string) string){
		"nothing": func(func(string) string) {},
		"everything gone": func(at func(string) string) {
			ok(exec.Command("find", at("."), "-mindepth", "1", "-delete").Run())
		},
		"later files": func(at func(string) string) {
			ok(os.MkdirAll(at("a/new/sub"), 0o755))
			write(t, at("a/new/sub/x"), "later")
			write(t, at("!first"), "later")
			write(t, at("zzz"), "later")
			ok(os.Symlink("/etc", at("a/etc")))
		},
		"first byte":                func(at func(string) string) { overwrite(t, at("a/deep/er/x"), "X", 0) },
		"last byte":                 func(at func(string) string) { overwrite(t, at("a/deep/er/x"), "X", 639999) },
		"middle":                    func(at func(string) string) { overwrite(t, at("a/deep/er/x"), "X", 300000) },
		"longer":                    func(at func(string) string) { overwrite(t, at("a/deep/er/x"), "X", 700000) },
		"shorter":                   func(at func(string) string) { ok(os.Truncate(at("a/deep/er/x"), 100)) },
		"data in a hole":            func(at func(string) string) { overwrite(t, at("sparse"), "X", 600<<10) },
		"data at the end of a hole": func(at func(string) string) { overwrite(t, at("allhole"), "X", 2<<20-1) },
		"hole longer":               func(at func(string) string) { ok(os.Truncate(at("start"), 3<<20)) },
		"owner":                     func(at func(string) string) { ok(os.Lchown(at("dangling"), 0, 0)) },
		"mode":                      func(at func(string) string) { ok(os.Chmod(at("setuid"), 0o755)) },
		"mode of the root":          func(at func(string) string) { ok(os.Chmod(at("."), 0o700)) },
		"time":                      func(at func(string) string) { ok(os.Chtimes(at("a.b"), time.Time{}, time.Unix(1, 1))) },
		"time of a folder":          func(at func(string) string) { ok(os.Chtimes(at("empty"), time.Time{}, time.Unix(1, 1))) },
		"a nanosecond": func(at func(string) string) {
			fi, err := os.Stat(at("a.b"))
			ok(err)
			ok(os.Chtimes(at("a.b"), time.Time{}, fi.ModTime().Add(1)))
		},
		"attribute gone": func(at func(string) string) { ok(unix.Removexattr(at("a/deep/er/x"), "security.capability")) },
		"attribute more": func(at func(string) string) { ok(unix.Setxattr(at("acl/not"), "user.later", []byte("x"), 0)) },
		"acl gone":       func(at func(string) string) { ok(unix.Removexattr(at("acl"), "system.posix_acl_default")) },
	}
}

func shapeChanges(t *testing.T) map[string]func(at func(string) string) {
	ok := func(err error) { must(t, err) }
	return map[string]func(at func(string) string){
		"link broken": func(at func(string) string) {
			ok(os.Remove(at("zz/hard")))
			write(t, at("zz/hard"), "content\n")
		},
		"link more": func(at func(string) string) {
			ok(os.Remove(at("a.b")))
			ok(os.Link(at("a/deep/er/x"), at("a.b")))
		},
		"link to outside": func(at func(string) string) {
			other := filepath.Join(t.TempDir(), "other")
			ok(os.Rename(at("a.b"), other))
			overwrite(t, other, "X", 0)
			ok(os.Link(other, at("a.b")))
			t.Cleanup(func() {
				if b, _ := os.ReadFile(other); !bytes.HasPrefix(b, []byte("Xorts")) {
					t.Error("a file outside was written through its link")
				}
			})
		},
		"file for folder": func(at func(string) string) {
			ok(os.RemoveAll(at("a")))
			write(t, at("a"), "")
		},
		"folder for file": func(at func(string) string) {
			ok(os.Remove(at("a/file")))
			ok(os.MkdirAll(at("a/file/sub"), 0o755))
		},
		"link for folder": func(at func(string) string) {
			ok(os.Rename(at("a"), at("elsewhere")))
			ok(os.Symlink("elsewhere", at("a")))
		},
		"another device": func(at func(string) string) {
			ok(os.Remove(at("null")))
			ok(unix.Mknod(at("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))))
		},
		"another target": func(at func(string) string) {
			ok(os.Remove(at("up")))
			ok(os.Symlink("..", at("up")))
		},
		"fifo for file": func(at func(string) string) {
			ok(os.Remove(at("-rf")))
			ok(unix.Mkfifo(at("-rf"), 0o644))
		},
	}
}

// overwrite changes a file in place.
func overwrite(t *testing.T, path, text string, off int64) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt([]byte(text), off)
	must(t, err)
	must(t, f.Close())
}
