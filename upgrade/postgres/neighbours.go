package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Near is what a vector index finds for a sample of the rows that it indexes.
type Near struct {
	Index  string `json:"index"`  // schema.index
	Table  string `json:"table"`  // schema.table
	Method string `json:"method"` // hnsw, ivfflat
	// Skipped is why nothing is known of the recall; "" when it is.
	Skipped string  `json:"skipped,omitempty"`
	Asked   int     `json:"asked"` // the most queries that were to be asked; a small table has fewer rows
	Queries []Query `json:"queries,omitempty"`
	Recall  float64 `json:"recall"` // mean share of the exact 10 nearest that the index finds, 0 to 1
}

// Query is the search for the vector of one row, by reading the whole table: hashes of rows
// and numbers, no values.
type Query struct {
	Row int64 `json:"row"` // whose vector it is
	// Scale is the size of the numbers that a distance is the difference of, and that it
	// is rounded at; 0 when the distance itself is.
	Scale float64 `json:"scale"`
	// Rows and Distances are those of the nearest, in this order: one more than are compared,
	// to tell whether the last of these ties with what follows.
	Rows      []int64   `json:"rows"`
	Distances []float64 `json:"distances"`
}

const (
	nearest     = 10   // are compared
	maxQueries  = 100  // per index
	minQueries  = 10   // however long they take
	exactTime   = 5    // seconds that the exact searches of an index may take, about
	worseRecall = 0.02 // that a rebuilt index may lose: two builds of one table are not equal
	// rounding is how far a distance may be off, relative to what it is rounded at: vectors are
	// of 24 bits, and another build of pgvector adds their parts up in another order.
	rounding = 1e-6
)

// listVectorIndexes prints the indexes. The distance is the ordering operator that CREATE
// OPERATOR CLASS gave to the type of the index (strategy 1 of vector.sql of pgvector). Of a
// partitioned table the indexes of the partitions are listed, of which its own consists.
const listVectorIndexes = `SELECT jsonb_build_object('schema', n.nspname, 'name', c.relname, 'table', t.relname, 'method', am.amname, 'view', t.relkind = 'm',
 'valid', i.indisvalid AND i.indisready, 'key', pg_get_indexdef(i.indexrelid, 1, false), 'condition', coalesce(pg_get_expr(i.indpred, i.indrelid), 'true'),
 'operator', coalesce((SELECT format('OPERATOR(%I.%s)', s.nspname, o.oprname) ` + distance + `), ''),
 'cosine', coalesce((SELECT o.oprname = '<=>' ` + distance + `), false),
 'primary', coalesce((SELECT string_agg(format('x.%I', a.attname), ', ' ORDER BY k.n)
   FROM pg_index p CROSS JOIN unnest(p.indkey::int2[]) WITH ORDINALITY AS k(attnum, n) JOIN pg_attribute a ON a.attrelid = p.indrelid AND a.attnum = k.attnum
   WHERE p.indrelid = t.oid AND p.indisprimary), 'x.*'))
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am am ON am.oid = c.relam
WHERE am.amname IN ('hnsw', 'ivfflat') AND c.relkind = 'i' AND ` + userRelations + `
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C";
`

const distance = `FROM pg_opclass k JOIN pg_amop m ON m.amopfamily = k.opcfamily AND m.amoplefttype = k.opcintype AND m.amopstrategy = 1
   JOIN pg_operator o ON o.oid = m.amopopr JOIN pg_namespace s ON s.oid = o.oprnamespace WHERE k.oid = i.indclass[0] AND m.amoppurpose = 'o'`

const notValid = "it is not valid" // nor is it in a dump

// vectorIndex is a line of listVectorIndexes.
type vectorIndex struct {
	Schema, Name, Table, Method string
	View, Valid, Cosine         bool
	Key, Condition              string // SQL: what is indexed, of which rows
	Operator                    string // SQL
	Primary                     string // SQL: the columns that tell the table's rows apart
}

// skipped is why an index cannot be asked.
func (v vectorIndex) skipped() string {
	switch {
	case !v.Valid:
		return notValid
	case v.View:
		return "it is of a materialized view, which a restore computes anew"
	case v.Operator == "":
		return "its operator class has no distance"
	}
	return ""
}

// sample picks the rows whose vectors are searched for, by a hash of their primary key or
// of the whole row: the same on every server. A ctid is good for the length of a snapshot.
// Where the index has a condition, its expression may fail for other rows.
const sample = `SELECT coalesce(array_agg(at ORDER BY hash), '{}') AS belay_at FROM (
 SELECT x.ctid AS at, hashtextextended(ROW(<primary>)::text COLLATE "C", 7) AS hash FROM ONLY <table> AS x
 WHERE CASE WHEN <condition> THEN (<key>) IS NOT NULL ELSE false END ORDER BY 2 LIMIT <most>) s \gset
`

// queries are the first of the sample as "q". Vectors of zeros have no cosine, and no place
// in an index of it. The hash of a row is made of its whole content.
const queries = `WITH q AS MATERIALIZED (
 SELECT * FROM (SELECT u.n, u.at, (SELECT (<key>) FROM ONLY <table> AS x WHERE x.ctid = u.at) AS v
  FROM unnest(:'belay_at'::tid[]) WITH ORDINALITY AS u(at, n)) s
 WHERE abs((s.v <operator> s.v)::float8) < 'Infinity' ORDER BY s.n LIMIT :belay_n)
`

const hashRow = `(SELECT hashtextextended(ROW(x.*)::text COLLATE "C", 7) FROM ONLY <table> AS x WHERE x.ctid = `

// searchExactly searches by reading the table. Rows are carried by their ctid, and only those
// that are found are hashed: a row in a sort would be fetched whole.
const searchExactly = queries + `SELECT jsonb_build_object('index', <number>, 'query', jsonb_build_object('row', ` + hashRow + `q.at), 'scale', <scale>, 'rows', e.rows, 'distances', e.distances))
FROM q CROSS JOIN LATERAL (SELECT jsonb_agg(f.row ORDER BY f.d, f.row) AS rows, jsonb_agg(f.d ORDER BY f.d, f.row) AS distances
 FROM (SELECT f.d, ` + hashRow + `f.at) AS row
  FROM (SELECT x.ctid AS at, ((<key>) <operator> q.v)::float8 AS d FROM ONLY <table> AS x WHERE <condition> ORDER BY (<key>) <operator> q.v LIMIT <nearest> + 1) f
  WHERE abs(f.d) < 'Infinity' OFFSET 0) f) e
ORDER BY q.n`

// searchByIndex prints, for each query in turn, how far off what the index finds is.
const searchByIndex = queries + `SELECT jsonb_build_object('index', <number>, 'found', coalesce(e.found, '[]'))
FROM q CROSS JOIN LATERAL (SELECT jsonb_agg(f.d) AS found
 FROM (SELECT ((<key>) <operator> q.v)::float8 AS d FROM ONLY <table> AS x WHERE <condition> ORDER BY (<key>) <operator> q.v LIMIT <nearest>) f
 WHERE abs(f.d) < 'Infinity') e
ORDER BY q.n`

const (
	withoutIndex = "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = on; SET LOCAL enable_sort = on;\n"
	withIndex    = "SET LOCAL enable_indexscan = on; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;\n"
)

// measure sets the number of queries by the time that the first one takes.
const measure = `\set belay_n 1
SELECT clock_timestamp() AS belay_start \gset
` + searchExactly + ` \g /dev/null
SELECT least(<most>, greatest(<least>, <seconds> / greatest(extract(epoch FROM clock_timestamp() - :'belay_start'::timestamptz), 0.001)))::int AS belay_n \gset
`

// script asks the index, number i of the list: asked queries, or as many as fit when that is 0.
func (v vectorIndex) script(i, asked int) string {
	count := measure
	if asked > 0 {
		count = "\\set belay_n " + strconv.Itoa(asked) + "\n"
	}
	text := sample + withoutIndex + count + "SELECT jsonb_build_object('index', <number>, 'asked', :belay_n);\n" + searchExactly + ";\n" +
		withIndex + "EXPLAIN (FORMAT JSON) " + searchByIndex + ";\n" + searchByIndex + ";\n"
	scale := "abs((q.v <operator> q.v)::float8)" // of inner products: the square of the length
	if v.Cosine {
		scale = "1" // less the cosine
	}
	text = strings.ReplaceAll(text, "<scale>", scale)
	return strings.NewReplacer(
		"<table>", ident(v.Schema)+"."+ident(v.Table), "<key>", v.Key, "<condition>", "("+v.Condition+")",
		"<operator>", v.Operator, "<primary>", v.Primary, "<number>", strconv.Itoa(i), "<seconds>", strconv.Itoa(exactTime),
		"<most>", strconv.Itoa(maxQueries), "<least>", strconv.Itoa(minQueries), "<nearest>", strconv.Itoa(nearest),
	).Replace(text)
}

// Neighbours searches for the vectors of some rows, by each HNSW and IVFFlat index of a database
// and by reading its table: of each at most 100, and no more than take about 5 seconds, but 10.
// Which rows depends on their content alone. With was, what the database gave on another server,
// as many are asked as there. The settings of the database for the indexes apply
// (hnsw.ef_search, ivfflat.probes), those of the application's role do not. The list is sorted by
// index and has each of them: one that was not asked says why. It is an error when the database
// cannot be read.
func (s *Server) Neighbours(ctx context.Context, db string, was []Near) ([]Near, error) {
	var list []*asked
	err := s.each(ctx, db, listVectorIndexes, func(decode func(any) error) error {
		var v vectorIndex
		err := decode(&v)
		if err == nil {
			list = append(list, &asked{vectorIndex: v, near: Near{
				Index: qualified(v.Schema, v.Name), Table: qualified(v.Schema, v.Table), Method: v.Method, Skipped: v.skipped(),
			}})
		}
		return err
	})
	if err == nil {
		err = s.each(ctx, db, ask(list, was), func(decode func(any) error) error { return read(list, decode) })
	}
	if err != nil {
		return nil, fmt.Errorf("database %q search for vectors: %w", db, err)
	}
	var out []Near
	for _, a := range list {
		a.near.Recall = a.recall()
		out = append(out, a.near)
	}
	return out, nil
}

// asked is an index and what it answers.
type asked struct {
	vectorIndex
	near  Near
	found [][]float64 // distances of what the index finds, by query
}

// ask is the script that asks each index that can be asked.
func ask(list []*asked, was []Near) string {
	var b strings.Builder
	b.WriteString(snapshot)
	for i, a := range list {
		n := 0
		if at := byIndex(was, a.near.Index); at >= 0 {
			n = was[at].Asked
		}
		if a.near.Skipped == "" {
			b.WriteString(a.script(i, n))
		}
	}
	return b.String() + "COMMIT;\n"
}

// read takes a line of what ask prints.
func read(list []*asked, decode func(any) error) error {
	var text json.RawMessage
	if err := decode(&text); err != nil {
		return err
	}
	if text[0] == '[' { // of EXPLAIN, which cannot say whose it is
		var plans []struct{ Plan plan }
		if err := json.Unmarshal(text, &plans); err != nil {
			return err
		}
		last := list[0]
		for _, a := range list {
			if a.near.Asked > 0 {
				last = a
			}
		}
		if !plans[0].Plan.uses(last.Name) {
			last.near.Skipped = "the planner does not use it"
		}
		return nil
	}
	var r struct {
		Index, Asked int
		Query        *Query
		Found        []float64
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	switch a := list[r.Index]; {
	case r.Asked > 0:
		a.near.Asked = r.Asked
	case r.Query != nil:
		a.near.Queries = append(a.near.Queries, *r.Query)
	default:
		a.found = append(a.found, r.Found)
	}
	return nil
}

// plan is a node of EXPLAIN (FORMAT JSON).
type plan struct {
	Index string `json:"Index Name"`
	Plans []plan
}

// uses tells whether an index is read. There is one table in the plan, so its name will do.
func (p plan) uses(index string) bool {
	return p.Index == index || slices.ContainsFunc(p.Plans, func(p plan) bool { return p.uses(index) })
}

// recall is the mean share of the nearest that the index finds: a row that is as near as the
// last of them is as good. It is 0 when that is not known.
func (a *asked) recall() float64 {
	if a.near.Skipped != "" || len(a.near.Queries) == 0 {
		return 0
	}
	sum := 0.0
	for i, q := range a.near.Queries {
		n, hits := min(nearest, len(q.Distances)), 0
		if n == 0 {
			return 0
		}
		for _, d := range a.found[i] {
			if d <= q.Distances[n-1]+q.off(d) {
				hits++
			}
		}
		sum += float64(min(hits, n)) / float64(n)
	}
	return sum / float64(len(a.near.Queries))
}

// off is how much the distance d may be off.
func (q Query) off(d float64) float64 { return rounding * max(q.Scale, math.Abs(d)) }

// CompareNear says what now, of a rebuilt database, does worse than was: neighbours that the
// whole table gives are not the same, an index finds fewer of them (by more than 0.02 of them),
// or is not there or not valid. It names indexes, and is empty when all is well.
// What could not be asked is not compared: Skipped says so.
func CompareNear(was, now []Near) []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, w := range was {
		i := byIndex(now, w.Index)
		if i < 0 {
			if w.Skipped != notValid {
				say("index %s is gone", w.Index)
			}
			continue
		}
		n := now[i]
		if w.Queries != nil && !slices.EqualFunc(w.Queries, n.Queries, Query.same) {
			say("index %s: exact neighbours differ", w.Index)
		}
		switch {
		case w.Skipped != "" || len(w.Queries) == 0:
		case n.Skipped == notValid:
			say("index %s is not valid", w.Index)
		case n.findsFewer(w):
			say("index %s: recall@%d is %.2f, was %.2f", w.Index, nearest, n.Recall, w.Recall)
		}
	}
	return list
}

// finds fewer than another server's index did.
func (n Near) findsFewer(w Near) bool {
	return n.Skipped == "" && w.Skipped == "" && len(w.Queries) > 0 && n.Recall < w.Recall-worseRecall
}

// Worse are the indexes that find fewer than they did, though they are of the same rows.
func Worse(was, now []Near) []string {
	var list []string
	for _, w := range was {
		if i := byIndex(now, w.Index); i >= 0 && now[i].findsFewer(w) {
			list = append(list, w.Index)
		}
	}
	return list
}

// Reindex builds indexes again, whose names are as in Near.
func (s *Server) Reindex(ctx context.Context, db string, indexes []string) error {
	var b strings.Builder
	for _, name := range indexes {
		fmt.Fprintf(&b, "SELECT format('REINDEX INDEX %%s', to_regclass(%s)) \\gexec\n", literal(name))
	}
	if err := s.sql(ctx, db, b.String(), nil); err != nil {
		return fmt.Errorf("database %q reindex: %w", db, err)
	}
	return nil
}

func byIndex(list []Near, index string) int {
	return slices.IndexFunc(list, func(n Near) bool { return n.Index == index })
}

// same tells whether another server found the same rows in the same distances. Rows that tie
// may stand in any order, and any of those that tie with the one after the last.
func (q Query) same(now Query) bool {
	if q.Row != now.Row || len(q.Distances) != len(now.Distances) {
		return false
	}
	for i, d := range q.Distances {
		if math.Abs(d-now.Distances[i]) > q.off(d) {
			return false
		}
	}
	for i, j := 0, 0; i < min(nearest, len(q.Rows)); i = j {
		for j = i + 1; j < len(q.Rows) && q.Distances[j]-q.Distances[j-1] <= 2*q.off(q.Distances[j]); {
			j++ // each may be off, the one up and the other down
		}
		if a, b := slices.Sorted(slices.Values(q.Rows[i:j])), slices.Sorted(slices.Values(now.Rows[i:j])); j <= nearest && !slices.Equal(a, b) {
			return false
		}
	}
	return true
}
