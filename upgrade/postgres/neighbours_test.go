package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// seedNear is what there may be of vectors: an extension in a schema of its own, odd names,
// NULLs, copies and ties, zeros, vectors of several lengths in one column.
const seedNear = `
CREATE SCHEMA "Vec ""tors"; CREATE EXTENSION vector SCHEMA "Vec ""tors"; SET search_path = public, "Vec ""tors";
CREATE FUNCTION made(i int, dims int) RETURNS vector LANGUAGE sql VOLATILE AS $$ SELECT array_agg(random() - 0.5)::vector FROM generate_series(1, dims) WHERE i > 0 $$;
SELECT setseed(0.25) \g /dev/null
CREATE TABLE docs (id int PRIMARY KEY, body text, e vector(32));
INSERT INTO docs SELECT i, 'canary' || i, made(i, 32) FROM generate_series(1, 500) i;
INSERT INTO docs SELECT id + 2000, body, e FROM docs WHERE id <= 50;
INSERT INTO docs SELECT id + 3000, body, NULL FROM docs WHERE id <= 50;
INSERT INTO docs VALUES (4000, 'zeros', array_fill(0, ARRAY[32])::vector);
CREATE INDEX by_cosine ON docs USING hnsw (e vector_cosine_ops);
CREATE INDEX by_bits ON docs USING hnsw ((binary_quantize(e)::bit(32)) bit_hamming_ops);
CREATE TABLE "odd "" table's :belay_n" ("e :x" vector(3), "x" text);
INSERT INTO "odd "" table's :belay_n" SELECT ARRAY[i % 3, i % 5, i % 7]::vector, CASE WHEN i > 300 THEN 't' || i END FROM generate_series(1, 600) i;
CREATE INDEX "by ""L2" ON "odd "" table's :belay_n" USING ivfflat ("e :x" vector_l2_ops) WITH (lists = 4);
CREATE TABLE parted (id int, e vector(16), PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (300); CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT i, made(i, 16) FROM generate_series(1, 600) i;
CREATE INDEX by_ip ON parted USING hnsw (e vector_ip_ops);
CREATE TABLE mixed (kind text, n int[], e vector);
INSERT INTO mixed SELECT 'a''b', ARRAY[i, 1], made(i, 8) FROM generate_series(1, 400) i; INSERT INTO mixed SELECT 'c', ARRAY[i], made(i, 5) FROM generate_series(1, 9) i;
CREATE INDEX by_some ON mixed USING ivfflat ((e::halfvec(8)) halfvec_l2_ops) WITH (lists = 1) WHERE kind = 'a''b' AND n[1:2] IS NOT NULL;
CREATE TABLE none (e vector(3)); CREATE INDEX none_e ON none USING hnsw (e vector_l2_ops);
CREATE TABLE twice AS SELECT e FROM parted_1; CREATE INDEX twice_1 ON twice USING hnsw (e vector_l2_ops); CREATE INDEX twice_2 ON twice USING ivfflat (e vector_l2_ops) WITH (lists = 1);
CREATE TABLE broken (e vector(3)); CREATE INDEX broken_e ON broken USING hnsw (e vector_l2_ops);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken_e'::regclass;
CREATE MATERIALIZED VIEW seen AS SELECT e FROM parted_1; CREATE INDEX seen_e ON seen USING hnsw (e vector_l2_ops);
DROP FUNCTION made;
ANALYZE;
`

// next starts the server of a later major beside s where the engine can have its image, else
// another one of the same.
func next(t *testing.T, s *Server) *Server {
	t.Helper()
	const later = "pgvector/pgvector:pg18"
	d := s.Exec.(dockerExec)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if d.docker(ctx, "image", "inspect", later).Run() == nil || d.docker(ctx, "pull", "-q", later).Run() == nil {
		t.Setenv("BELAY_TEST_POSTGRES_IMAGE", later)
	}
	return start(t)
}

func TestNear(t *testing.T) {
	s := start(t)
	other := next(t, s)
	do(t, s, "postgres", "CREATE DATABASE near;")
	do(t, s, "near", seedNear)
	db, c := database(t, s, "near"), Copy{Fresh, run1, "near"}
	if err := other.Create(t.Context(), db, c); err != nil {
		t.Fatal(err)
	}
	if err := other.Restore(t.Context(), c, bytes.NewReader(dump(t, s, "near"))); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Finish(t.Context(), db, c); err != nil {
		t.Fatal(err)
	}
	was := near(t, s, "near", nil)
	t.Run("each index is asked, or says why not", func(t *testing.T) { asksEach(t, was) })
	for i := range was {
		was[i].Asked = min(was[i].Asked, 25) // enough for the changes below
	}
	was = near(t, s, "near", was)
	t.Run("the whole table is read without an index", func(t *testing.T) { readsWhole(t, s) })
	t.Run("a rebuilt database finds the same", func(t *testing.T) {
		if got := CompareNear(was, near(t, other, c.Name(), was)); got != nil {
			t.Errorf("%q", got)
		}
	})
	t.Run("changes are told", func(t *testing.T) { tellsWorse(t, other, c.Name(), was) })
}

func near(t *testing.T, s *Server, db string, was []Near) []Near {
	t.Helper()
	list, err := s.Neighbours(t.Context(), db, was)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func asksEach(t *testing.T, was []Near) {
	var got []string
	for _, n := range was {
		// A busy machine asks less.
		asked := n.Asked >= minQueries && n.Asked <= maxQueries && len(n.Queries) == n.Asked
		got = append(got, fmt.Sprintf("%s of %s, %s: %t, %s", n.Index, n.Table, n.Method, asked, n.Skipped))
		if good := n.Recall > 0.9 && n.Recall <= 1; n.Queries != nil && n.Skipped == "" && n.Method == "hnsw" && !good {
			t.Errorf("%s: recall %f", n.Index, n.Recall)
		}
		for _, q := range n.Queries {
			if len(q.Rows) != nearest+1 || len(q.Distances) != nearest+1 || !slices.IsSorted(q.Distances) {
				t.Errorf("%s: %+v", n.Index, q)
			}
		}
	}
	want := []string{
		"public.broken_e of public.broken, hnsw: false, it is not valid",
		`public."by ""L2" of public."odd "" table's :belay_n", ivfflat: true, `,
		"public.by_bits of public.docs, hnsw: true, ",
		"public.by_cosine of public.docs, hnsw: true, ",
		"public.by_some of public.mixed, ivfflat: true, ",
		"public.none_e of public.none, hnsw: false, ",
		"public.parted_1_e_idx of public.parted_1, hnsw: true, ",
		"public.parted_rest_e_idx of public.parted_rest, hnsw: true, ",
		"public.seen_e of public.seen, hnsw: false, it is of a materialized view, which a restore computes anew",
		"public.twice_1 of public.twice, hnsw: true, the planner does not use it",
		"public.twice_2 of public.twice, ivfflat: true, ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	text, err := json.Marshal(was)
	if err != nil || strings.Contains(string(text), "canary") {
		t.Errorf("%v: a value in %s", err, text)
	}
}

func readsWhole(t *testing.T, s *Server) {
	var v vectorIndex
	err := s.each(t.Context(), "near", listVectorIndexes, func(decode func(any) error) error {
		for v.Name != "by_cosine" {
			if err := decode(&v); err != nil {
				return err
			}
		}
		return io.EOF
	})
	if err != nil {
		t.Fatal(err)
	}
	script := strings.ReplaceAll(v.script(0, 20), "EXPLAIN (FORMAT JSON) ", "")
	script = strings.ReplaceAll(script, "WITH q AS MATERIALIZED", "EXPLAIN WITH q AS MATERIALIZED")
	var out bytes.Buffer
	if err := s.sql(t.Context(), "near", snapshot+script+"COMMIT;\n", &out); err != nil {
		t.Fatal(err)
	}
	plans := strings.Split(out.String(), "CTE q\n")
	if len(plans) != 4 || strings.Contains(plans[1], "Index") || !strings.Contains(plans[1], "Seq Scan on docs x") ||
		!strings.Contains(plans[2], "Index Scan using by_cosine") || strings.Contains(plans[2], "Seq Scan on docs") {
		t.Errorf("%s", out.String())
	}
}

func tellsWorse(t *testing.T, s *Server, db string, was []Near) {
	const (
		extension = `SET search_path = public, "Vec ""tors"; `
		first     = `WHERE id = (SELECT id FROM docs WHERE e IS NOT NULL ORDER BY hashtextextended(ROW(id)::text COLLATE "C", 7) LIMIT 1)`
		docs      = "index public.by_bits: exact neighbours differ; index public.by_cosine: exact neighbours differ"
		part      = "index public.parted_1_e_idx: exact neighbours differ"
	)
	for _, test := range []struct{ change, want string }{
		// Ties stand in another order then.
		{`CREATE TABLE o AS TABLE "odd "" table's :belay_n"; TRUNCATE "odd "" table's :belay_n"; INSERT INTO "odd "" table's :belay_n" SELECT * FROM o ORDER BY md5(o::text);
CREATE TABLE d AS TABLE docs; TRUNCATE docs; INSERT INTO docs SELECT * FROM d ORDER BY md5(id::text)`, ""},
		{"UPDATE docs SET body = 'canary' " + first, docs},
		{"UPDATE docs SET body = d.body FROM d WHERE d.id = docs.id", ""},
		{"DELETE FROM docs " + first, docs},
		{"INSERT INTO docs SELECT * FROM d " + strings.Replace(first, "FROM docs", "FROM d", 1), ""},
		{"UPDATE parted_1 SET e = e * e WHERE id % 5 = 0", part},
		{"DROP INDEX by_some; CREATE INDEX by_some ON mixed USING ivfflat ((e::halfvec(8)) halfvec_l2_ops) WITH (lists = 200) WHERE kind = 'a''b' AND n[1:2] IS NOT NULL",
			"index public.by_some: recall@10 is 0."},
		// The settings of the database hold for the search.
		{"DO 'BEGIN EXECUTE format(''ALTER DATABASE %I SET ivfflat.probes = 200'', current_database()); END'", part},
		{"DROP INDEX by_some; DROP INDEX by_cosine", "index public.by_cosine is gone; index public.by_some is gone; " + part},
	} {
		do(t, s, db, extension+test.change+";\n")
		got := strings.Join(CompareNear(was, near(t, s, db, was)), "; ")
		if begins := strings.HasSuffix(test.want, " 0.") && strings.HasPrefix(got, test.want); got != test.want && !begins {
			t.Errorf("%s:\n got %s\nwant %s", test.change, got, test.want)
		}
	}
}

func TestNearSame(t *testing.T) {
	query := func(scale float64, rows string, distances ...float64) Query {
		q := Query{Scale: scale, Distances: distances}
		for _, r := range rows {
			q.Rows = append(q.Rows, int64(r))
		}
		return q
	}
	tail := func(last ...float64) []float64 { return append([]float64{1, 2, 3, 4, 5, 6, 7, 8}, last...) }
	for _, test := range []struct {
		name     string
		was, now Query
		want     bool
	}{
		{"equal", query(0, "ab", 0, 1), query(0, "ab", 0, 1), true},
		{"a distance rounded", query(0, "ab", 0, 1), query(0, "ab", 0, 1+5e-7), true},
		{"another distance", query(0, "ab", 0, 1), query(0, "ab", 0, 1+5e-6), false},
		{"other rows that do not tie", query(1, "ab", 0, 1e-3), query(1, "ba", 6e-8, 1e-3), false},
		{"copies by cosine", query(1, "ab", 0, 0), query(1, "ba", 6e-8, 6e-8), true},
		{"copies, and another scale", query(0, "ab", 0, 0), query(0, "ba", 6e-8, 6e-8), false},
		{"ties in another order", query(0, "abcd", 1, 1, 1, 2), query(0, "cabd", 1, 1, 1, 2), true},
		{"another row that ties", query(0, "abcd", 1, 1, 1, 2), query(0, "xabd", 1, 1, 1, 2), false},
		{"fewer", query(0, "ab", 1, 2), query(0, "a", 1), false},
		{"the tenth ties with what follows", query(0, "abcdefghijk", tail(9, 10, 10)...), query(0, "abcdefghixy", tail(9, 10, 10)...), true},
		{"the tenth does not", query(0, "abcdefghijk", tail(9, 10, 11)...), query(0, "abcdefghixk", tail(9, 10, 11)...), false},
		{"the eleventh is not compared", query(0, "abcdefghijk", tail(9, 10, 11)...), query(0, "abcdefghijx", tail(9, 10, 11)...), true},
	} {
		if got := test.was.same(test.now); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}
