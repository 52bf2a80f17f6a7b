package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Fixed ids, which tests may name.
const (
	tenantID  = "00000000-0000-4000-8000-000000000001"
	appID     = "00000000-0000-4000-8000-000000000002"
	datasetID = "00000000-0000-4000-8000-000000000003"
)

// vector is the embedding of a text: the same for the same words, nearer for
// more words in common.
func vector(text string) string {
	var sum [64]float64
	for _, word := range strings.Fields(strings.ToLower(text)) {
		hash := sha256.Sum256([]byte(word))
		for i := range sum {
			sum[i] += float64(int8(hash[i%32]^byte(i))) / 128
		}
	}
	var length float64
	for _, x := range sum {
		length += x * x
	}
	out := make([]string, len(sum))
	for i, x := range sum {
		out[i] = fmt.Sprintf("%.6f", x/math.Max(math.Sqrt(length), 1e-9))
	}
	return "[" + strings.Join(out, ",") + "]"
}

// uuid is the same for the same kind and number.
func uuid(kind string, n int) string {
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], uint64(n))
	h := sha256.Sum256(append([]byte(kind), number[:]...))
	h[6], h[8] = 0x40|h[6]&0x0f, 0x80|h[8]&0x3f
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// seed fills Dify's database and Redis: small, and -mb more for a benchmark.
func seed(ctx context.Context, s *Settings, args []string) error {
	flags := flag.NewFlagSet("seed", flag.ContinueOnError)
	megabytes := flags.Int("mb", 0, "megabytes to add")
	token := flags.String("token", "dataset-lab", "token of the api")
	if err := flags.Parse(args); err != nil {
		return err
	}
	db, err := pgx.Connect(ctx, s.postgres(s.get("DB_DATABASE", "dify")))
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if err := rows(ctx, db, *token); err != nil {
		return err
	}
	if *megabytes > 0 {
		if err := bulk(ctx, db, *megabytes); err != nil {
			return err
		}
	}
	return keys(ctx, s)
}

// rows are the few that every lab has.
func rows(ctx context.Context, db *pgx.Conn, token string) error {
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`INSERT INTO dify_setups VALUES ('1.13.3', '2026-01-02 03:04:05')`, nil},
		{`INSERT INTO tenants VALUES ($1::uuid, 'lab', 'public key')`, []any{tenantID}},
		{`INSERT INTO accounts SELECT gen_random_uuid(), $1::uuid, 'user ' || i, 'user' || i || '@example.com', md5(i::text) FROM generate_series(1, 20) i`, []any{tenantID}},
		{`INSERT INTO apps SELECT CASE i WHEN 1 THEN $1::uuid ELSE gen_random_uuid() END, $2::uuid, 'app ' || i, (ARRAY['chat', 'workflow'])[1 + i % 2], '#FFEAD5' FROM generate_series(1, 12) i`, []any{appID, tenantID}},
		{`INSERT INTO api_tokens VALUES (gen_random_uuid(), 'dataset', $1)`, []any{token}},
		{`INSERT INTO datasets VALUES ($1::uuid, $2::uuid, 'handbook', '{"type": "pgvector"}')`, []any{datasetID, tenantID}},
		{`INSERT INTO conversations SELECT md5(i::text)::uuid, $1::uuid, 'conversation ' || i FROM generate_series(1, 40) i`, []any{appID}},
		{`INSERT INTO messages (conversation_id, query, answer, rating, price, metadata, created_at)
			SELECT md5((1 + i % 40)::text)::uuid, E'question ' || i || E' \'quoted\' \\ tab\t line\n end 漢字 é',
			repeat('answer ' || i || ' ', 1 + i % 9),
			CASE WHEN i % 7 = 0 THEN 'like'::feedback_rating END, i / 1000.0, jsonb_build_object('tokens', i, 'nested', jsonb_build_array(i, null, 'x')),
			timestamptz '2026-01-01' + i * interval '1 minute' FROM generate_series(1, 2000) i`, nil},
		{`DO $$ BEGIN -- 1.14.0 drops it
			IF EXISTS (SELECT FROM information_schema.columns WHERE table_name = 'messages' AND column_name = 'legacy_note') THEN
				UPDATE messages SET legacy_note = 'note ' || id WHERE id % 5 = 0;
			END IF;
		END $$`, nil},
		{`INSERT INTO workflow_runs (app_id, status, inputs) SELECT $1::uuid, (ARRAY['succeeded', 'failed', 'stopped'])[1 + i % 3], jsonb_build_object('i', i) FROM generate_series(1, 100) i`, []any{appID}},
		{`INSERT INTO operation_logs (id, action) SELECT i * 13, 'action ' || i FROM generate_series(1, 700) i`, nil},
		{`SELECT setval('taskset_id_sequence', 4200)`, nil},
		{`INSERT INTO upload_files SELECT gen_random_uuid(), 'upload_files/' || i, 'file ' || i, 10 * i,
			lo_from_bytea(0, convert_to(repeat('large object ' || i || ' ', 300 * i), 'UTF8')) FROM generate_series(1, 5) i`, nil},
	} {
		if _, err := db.Exec(ctx, q.sql, q.args...); err != nil {
			return fmt.Errorf("%.40s: %w", q.sql, err)
		}
	}
	return segments(ctx, db)
}

// segments are 300 paragraphs of ten documents, with their vectors.
func segments(ctx context.Context, db *pgx.Conn) error {
	batch := &pgx.Batch{}
	topics := []string{"backup of the database", "upgrade of the images", "rollback to the version before", "pinning of tags", "health of services"}
	for d := range 10 {
		batch.Queue(`INSERT INTO documents VALUES ($1::uuid, $2::uuid, $3, $4)`, uuid("document", d), datasetID, fmt.Sprintf("chapter %d", d), d)
	}
	for i := range 300 {
		text := fmt.Sprintf("paragraph %d of chapter %d on the %s", i, i%10, topics[i%len(topics)])
		batch.Queue(`INSERT INTO document_segments VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5)`, uuid("segment", i), datasetID, uuid("document", i%10), i, text)
		batch.Queue(`INSERT INTO embedding_vectors VALUES ($1::uuid, $2::uuid, $3, jsonb_build_object('doc_id', $1), $4::vector)`, uuid("segment", i), datasetID, text, vector(text))
	}
	return db.SendBatch(ctx, batch).Close()
}

// bulk adds what a benchmark dumps: JSON rows, messages and float arrays, a
// third of the megabytes each.
func bulk(ctx context.Context, db *pgx.Conn, megabytes int) error {
	for _, sql := range []string{
		`CREATE TABLE bulk_events (id bigint PRIMARY KEY, data jsonb)`,
		`CREATE TABLE bulk_messages (id bigint PRIMARY KEY, body text, at timestamptz)`,
		`CREATE TABLE bulk_vectors (id bigint PRIMARY KEY, embedding real[])`,
		`SELECT setseed(0.5)`,
		fmt.Sprintf(`INSERT INTO bulk_events SELECT i, jsonb_build_object('id', i, 'user', md5(i::text), 'tags', jsonb_build_array(i %% 7, 'tag ' || i %% 100), 'text', repeat(md5((i %% 1000)::text) || ' ', 40)) FROM generate_series(1, %d) i`, megabytes*235),
		fmt.Sprintf(`INSERT INTO bulk_messages SELECT i, 'message ' || i || ' ' || repeat('the quick brown fox ' || i %% 997 || ' ', 15), timestamptz '2026-01-01' + i * interval '1 second' FROM generate_series(1, %d) i`, megabytes*800),
		fmt.Sprintf(`INSERT INTO bulk_vectors SELECT i, (SELECT array_agg((random() * 2 - 1)::real) FROM generate_series(1, 768) k WHERE i > 0) FROM generate_series(1, %d) i`, megabytes*79),
		`ANALYZE`,
	} {
		if _, err := db.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%.40s: %w", sql, err)
		}
	}
	return nil
}

// keys fills Redis: every type, two databases, binary values and a time to live.
func keys(ctx context.Context, s *Settings) error {
	cache, broker := redisClient(s, 0), redisClient(s, 1)
	defer cache.Close()
	defer broker.Close()
	pipe := cache.Pipeline()
	for i := range 200 {
		pipe.Set(ctx, fmt.Sprintf("cache:%d", i), fmt.Sprintf("value %d \x00\xff", i), 0)
	}
	pipe.HSet(ctx, "tenant:1", "name", "lab", "plan", "sandbox")
	pipe.SAdd(ctx, "members", "a", "b", "c c", "ü")
	pipe.RPush(ctx, "history", "one", "two", "three")
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	return broker.HSet(ctx, "_kombu.binding.dataset", "dataset", "exchange").Err()
}
