package postgres

import (
	"bytes"
	"context"
	"io"
	"os"
	"strconv"
	"testing"
)

// seedBig makes a database of about MB megabytes: rows with JSON, messages with
// two indexes, arrays of floats.
const seedBig = `
CREATE TABLE runs AS SELECT i AS id, jsonb_build_object('inputs', md5(i::text), 'outputs', repeat(md5((i * 7)::text), 20), 'n', i) AS data, now() AS at FROM generate_series(1, MB * 300) i;
ALTER TABLE runs ADD PRIMARY KEY (id);
CREATE TABLE messages AS SELECT i AS id, i % 1000 AS conversation, md5(i::text) || repeat(' word' || i, 20) AS body FROM generate_series(1, MB * 1000) i;
ALTER TABLE messages ADD PRIMARY KEY (id); CREATE INDEX ON messages (conversation);
CREATE TABLE vectors AS SELECT i AS id, (SELECT array_agg(random()::real) FROM generate_series(1, 768) WHERE i > 0) AS e FROM generate_series(1, MB * 95) i;
`

// Run with BELAY_TEST_BENCH_MB=600 for the figures of the documentation.
func BenchmarkServer(b *testing.B) {
	mb := 20
	if n, err := strconv.Atoi(os.Getenv("BELAY_TEST_BENCH_MB")); err == nil {
		mb = n
	}
	s := start(b)
	do(b, s, "postgres", "CREATE DATABASE big;")
	do(b, s, "big", string(bytes.ReplaceAll([]byte(seedBig), []byte("MB"), []byte(strconv.Itoa(mb))))+"ANALYZE; CHECKPOINT;")
	db := database(b, s, "big")
	archive := b.TempDir() + "/big.dump"
	measure := func(name string, do func(context.Context) error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(db.Size)
			for b.Loop() {
				if err := do(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	read := func(use func(io.Reader) error) error {
		f, err := os.Open(archive)
		if err != nil {
			return err
		}
		defer f.Close()
		return use(f)
	}
	fresh := Copy{Fresh, run1, "big"}
	measure("fingerprint", func(ctx context.Context) error { _, err := s.Fingerprint(ctx, "big"); return err })
	measure("dump", func(ctx context.Context) error {
		f, err := os.Create(archive)
		if err != nil {
			return err
		}
		defer f.Close()
		return s.Dump(ctx, "big", f)
	})
	measure("check", func(ctx context.Context) error {
		return read(func(r io.Reader) error { _, err := s.Check(ctx, r); return err })
	})
	measure("clone", func(ctx context.Context) error { _, err := s.Clone(ctx, db, run1); return err })
	measure("restore", func(ctx context.Context) error {
		if err := s.Create(ctx, db, fresh); err != nil {
			return err
		}
		return read(func(r io.Reader) error { return s.Restore(ctx, fresh, r) })
	})
	measure("finish", func(ctx context.Context) error { _, err := s.Finish(ctx, db, fresh); return err })
	b.Run("swap", func(b *testing.B) {
		for b.Loop() {
			if err := s.Swap(b.Context(), db, fresh); err != nil {
				b.Fatal(err)
			}
		}
	})
}
