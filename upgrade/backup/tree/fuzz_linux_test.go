package tree

import (
	"bytes"
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzEntry: what is read of a header and its records is what is written of it.
func FuzzEntry(f *testing.F) {
	for _, e := range []*Entry{
		{Path: ".", Type: TypeDir, Mode: 0o1777},
		{Path: "a/b", Type: TypeFile, Size: 9, Mtime: Time{-2, 250_000_000}, UID: 1 << 30, Attrs: []Attr{{"user.a=%", []byte("=\n")}}},
		{Path: "s", Type: TypeFile, Size: 1 << 40, Data: []Segment{{4096, 10}}},
		{Path: "h\xff", Type: TypeLink, Link: "a/b"},
		{Path: "d", Type: TypeChar, Major: 1, Minor: 3},
	} {
		name := archiveName(e)
		f.Add(header(byte(e.Type), name, e, e.stored()), records(e, name, e.stored()))
	}
	f.Fuzz(func(t *testing.T, block, recs []byte) {
		if len(block) != blockSize {
			return
		}
		parsed, err := parseRecords(recs)
		if err != nil {
			return
		}
		e, size, err := parseEntry(block, parsed)
		if err != nil || size >= 1<<62 {
			return
		}
		name := archiveName(e)
		if parsed, err = parseRecords(records(e, name, size)); err != nil {
			t.Fatalf("own records of %+v: %v", e, err)
		}
		again, _, err := parseEntry(header(byte(e.Type), name, e, size), parsed)
		if err != nil || cmp.Diff(e, again) != "" {
			t.Fatalf("%v\n%s", err, cmp.Diff(e, again))
		}
	})
}

// FuzzRead: a reader never gives a piece that is not of the file, whatever it reads.
func FuzzRead(f *testing.F) {
	src := f.TempDir()
	smallTree(f, src)
	var b bytes.Buffer
	if _, err := Pack(context.Background(), src, Options{}, &b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := newReader(bytes.NewReader(data))
		for err == nil {
			var e *Entry
			if e, err = a.next(); err != nil || e.Type != TypeFile {
				continue
			}
			var end int64
			err = a.content(context.Background(), func(off int64, p []byte) error {
				if off < end || off+int64(len(p)) > e.Size {
					t.Fatalf("%d bytes at %d of a file of %d", len(p), off, e.Size)
				}
				end = off + int64(len(p))
				return nil
			})
		}
	})
}
