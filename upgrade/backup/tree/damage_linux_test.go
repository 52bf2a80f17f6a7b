package tree

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smallTree needs no privileges.
func smallTree(t testing.TB, root string) {
	t.Helper()
	text := func(p, s string) {
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(s), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	text(filepath.Join(root, "a/x"), "one")
	text(filepath.Join(root, "a/y"), strings.Repeat("two", 500))
	text(filepath.Join(root, "b/ü"), "three")
	f, err := os.Create(filepath.Join(root, "b/holes"))
	if err == nil {
		_, err = f.WriteAt([]byte("data"), 1<<20)
	}
	if err := errors.Join(err, f.Truncate(3<<20), f.Close(), os.Symlink("a/x", filepath.Join(root, "l")), os.Link(filepath.Join(root, "a/x"), filepath.Join(root, "b/hard"))); err != nil {
		t.Fatal(err)
	}
}

// No byte with a flipped bit and no truncation passes for an archive.
func TestDamage(t *testing.T) {
	src := t.TempDir()
	smallTree(t, src)
	archive, _ := pack(t, src, Options{})
	ctx := context.Background()
	for n := 0; n < len(archive); n += 7 {
		if _, err := Verify(ctx, bytes.NewReader(archive[:n])); err == nil {
			t.Fatalf("Verify took the first %d of %d bytes", n, len(archive))
		}
	}
	for i := range archive {
		bit := rand.IntN(8)
		archive[i] ^= 1 << bit
		if _, err := Verify(ctx, bytes.NewReader(archive)); err == nil {
			t.Errorf("Verify took byte %d with bit %d flipped", i, bit)
		}
		archive[i] ^= 1 << bit
	}
	if _, err := Verify(ctx, bytes.NewReader(append(archive, 0))); err == nil {
		t.Error("Verify took a byte more")
	}
	if _, err := Verify(ctx, bytes.NewReader(append(archive[:len(archive):len(archive)], archive...))); err == nil {
		t.Error("Verify took it twice")
	}
}

// A Check knows a cut stream and a changed one, in pieces of any size.
func TestCheck(t *testing.T) {
	src := t.TempDir()
	smallTree(t, src)
	archive, want := pack(t, src, Options{})
	feed := func(p []byte, size int) error {
		var got bytes.Buffer
		c := NewCheck(&got)
		for rest := p; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			if _, err := c.Write(rest[:min(size, len(rest))]); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got.Bytes(), p) {
			t.Fatal("Check changed what it passed on")
		}
		s, err := c.Summary()
		if err == nil && s.Hash != want.Hash {
			t.Errorf("summary = %+v", s)
		}
		return err
	}
	for _, size := range []int{1, 7, 512, tailSize - 1, tailSize, tailSize + 1, 1 << 20} {
		if err := feed(archive, size); err != nil {
			t.Errorf("in pieces of %d: %v", size, err)
		}
		for range 50 {
			if n := rand.IntN(len(archive)); feed(archive[:n], size) == nil {
				t.Errorf("in pieces of %d: took %d of %d bytes", size, n, len(archive))
			}
		}
	}
	for i := 0; i < len(archive)-tailSize; i += 3 {
		archive[i] ^= 4
		if feed(archive, 4096) == nil {
			t.Fatalf("took byte %d flipped", i)
		}
		archive[i] ^= 4
	}
}

// An archive that ends early removes nothing behind its end, and unpacking can be
// begun again after it was stopped anywhere.
func TestUnpackAgain(t *testing.T) {
	src := t.TempDir()
	smallTree(t, src)
	archive, s := pack(t, src, Options{})
	for n := 0; n < len(archive); n += 311 {
		dst := t.TempDir()
		smallTree(t, dst)
		write(t, filepath.Join(dst, "a/later"), "l")
		write(t, filepath.Join(dst, "b/later"), "l")
		write(t, filepath.Join(dst, "zlater"), "l")
		if _, err := Unpack(context.Background(), dst, bytes.NewReader(archive[:n])); !errors.Is(err, ErrCut) {
			t.Fatalf("Unpack of %d of %d bytes = %v, want ErrCut", n, len(archive), err)
		}
		if _, err := os.Stat(filepath.Join(dst, "zlater")); err != nil {
			t.Errorf("Unpack of %d bytes removed what it could not know of", n)
		}
		unpackTo(t, dst, archive)
		if got := hashOf(t, dst); got != s.Hash {
			t.Fatalf("after %d bytes and again: hash = %s, want %s", n, got, s.Hash)
		}
	}
}

// forge makes an archive of any entries, with a trailer that is right.
func forge(t *testing.T, entries ...*Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	a, err := newWriter(&b, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := newTally(nil)
	for _, e := range entries {
		var content []byte
		if err := a.entry(e); err != nil {
			t.Fatal(err)
		}
		if e.Type == TypeFile {
			c := newContentHash()
			data := bytes.Repeat([]byte("!"), int(e.Size))
			_, _ = c.Write(data)
			if err := errors.Join(a.write(data), a.pad()); err != nil {
				t.Fatal(err)
			}
			content = c.sum()
		}
		sum.add(e, content)
	}
	if err := a.finish(sum.end()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// No archive, whoever made it, reaches outside of the folder.
func TestHostile(t *testing.T) {
	root := &Entry{Path: ".", Type: TypeDir, Mode: 0o755, UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	with := func(entries ...*Entry) []*Entry {
		for _, e := range entries {
			e.UID, e.GID, e.Mode = root.UID, root.GID, 0o755
		}
		return append([]*Entry{root}, entries...)
	}
	outside := t.TempDir()
	write(t, filepath.Join(outside, "victim"), "safe")
	for name, c := range map[string]struct {
		entries []*Entry
		want    string
	}{
		"up":                    {with(&Entry{Path: "../x", Type: TypeFile}), "leads out"},
		"up in the middle":      {with(&Entry{Path: "a", Type: TypeDir}, &Entry{Path: "a/../../x", Type: TypeFile}), "leads out"},
		"absolute":              {with(&Entry{Path: "/x", Type: TypeFile}), "leads out"},
		"empty part":            {with(&Entry{Path: "a", Type: TypeDir}, &Entry{Path: "a//x", Type: TypeFile}), "leads out"},
		"dot":                   {with(&Entry{Path: "./x", Type: TypeFile}), "leads out"},
		"empty":                 {with(&Entry{Path: "", Type: TypeFile}), "leads out"},
		"root twice":            {with(root), "root must come first"},
		"no root":               {[]*Entry{{Path: "x", Type: TypeFile}}, "root must come first"},
		"root is a link":        {[]*Entry{{Path: ".", Type: TypeSymlink, Link: "/etc"}}, "leads out"},
		"through a link":        {with(&Entry{Path: "l", Type: TypeSymlink, Link: outside}, &Entry{Path: "l/victim", Type: TypeFile, Size: 3}), "not open"},
		"no parent":             {with(&Entry{Path: "a/x", Type: TypeFile}), "not open"},
		"name twice":            {with(&Entry{Path: "l", Type: TypeSymlink, Link: outside}, &Entry{Path: "l", Type: TypeFile, Size: 3}), "out of order"},
		"backwards":             {with(&Entry{Path: "b", Type: TypeFile}, &Entry{Path: "a", Type: TypeFile}), "out of order"},
		"hard link up":          {with(&Entry{Path: "h", Type: TypeLink, Link: "../victim"}), "leads out"},
		"hard link by link":     {with(&Entry{Path: "a", Type: TypeSymlink, Link: outside}, &Entry{Path: "h", Type: TypeLink, Link: "a/victim"}), "not a directory"},
		"hard link to root":     {with(&Entry{Path: "h", Type: TypeLink, Link: "."}), "leads out"},
		"hard link to a folder": {with(&Entry{Path: "a", Type: TypeDir}, &Entry{Path: "h", Type: TypeLink, Link: "a"}), "is no file"},
		"label of the host":     {with(&Entry{Path: "x", Type: TypeFile, Attrs: []Attr{{"security.selinux", []byte("x")}}}), "impossible attribute"},
		"unknown type":          {with(&Entry{Path: "x", Type: '7'}), "unknown type"},
	} {
		t.Run(name, func(t *testing.T) {
			archive := forge(t, c.entries...)
			_, err := Unpack(context.Background(), t.TempDir(), bytes.NewReader(archive))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Unpack = %v, want %q", err, c.want)
			}
			if b, _ := os.ReadFile(filepath.Join(outside, "victim")); string(b) != "safe" {
				t.Error("the victim was written")
			}
		})
	}
	archive := forge(t, with(&Entry{Path: "x", Type: TypeFile, Size: 4})...)
	if _, err := Unpack(context.Background(), t.TempDir(), bytes.NewReader(archive)); err != nil {
		t.Errorf("an honest forgery: %v", err)
	}
}

// What changes while it is packed is an error, or counted.
func TestChanging(t *testing.T) {
	for name, c := range map[string]struct {
		at     string // the entry that it happens at
		change func(root string) error
		want   string
	}{
		"vanishes": {"b", func(root string) error { return os.Remove(filepath.Join(root, "b/holes")) }, "vanished"},
		"appears":  {"b", func(root string) error { return os.WriteFile(filepath.Join(root, "b/zz"), nil, 0o644) }, "changed"},
		"grows":    {"a/x", func(root string) error { return os.WriteFile(filepath.Join(root, "a/x"), []byte("longer"), 0o644) }, "changed"},
		"shrinks":  {"a/x", func(root string) error { return os.Truncate(filepath.Join(root, "a/x"), 1) }, "changed"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, online := range []bool{false, true} {
				src := t.TempDir()
				smallTree(t, src)
				var b bytes.Buffer
				opts := Options{Online: online}
				s, err := packChanging(src, opts, &b, c.at, c.change)
				if !online {
					if err == nil || !strings.Contains(err.Error(), c.want) {
						t.Errorf("Pack = %v, want %q", err, c.want)
					}
					continue
				}
				if err != nil || s.Changed == 0 {
					t.Errorf("online: %+v, %v", s, err)
				}
				if _, err := Verify(context.Background(), &b); err != nil {
					t.Errorf("online: the archive is broken: %v", err)
				}
			}
		})
	}
}

// packChanging is Pack, with something done when an entry is begun.
func packChanging(root string, opts Options, w io.Writer, at string, change func(string) error) (Summary, error) {
	a, err := newWriter(w, nil)
	if err != nil {
		return Summary{}, err
	}
	p := &packer{archive: a, content: newContentHash(), buf: make([]byte, 1<<10), online: opts.Online}
	sum := newTally(nil)
	visit := func(ctx context.Context, e *Entry, fd int) ([]byte, error) {
		if e.Path == at {
			if err := change(root); err != nil {
				return nil, err
			}
		}
		return p.visit(ctx, e, fd)
	}
	if err := walk(context.Background(), root, &walker{opts: opts, tally: sum, visit: visit}); err != nil {
		return Summary{}, err
	}
	s := sum.end()
	return s, a.finish(s)
}
