package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"
)

// Fingerprint tells whether two databases hold the same: counts and hashes, no
// values. It is the same for a database, its clone and its restored dump, and
// on every supported major.
type Fingerprint struct {
	Tables       map[string]Table    `json:"tables"` // by schema.table
	Sequences    map[string]Sequence `json:"sequences"`
	LargeObjects Table               `json:"large_objects"`
	Schema       map[string]string   `json:"schema"`     // hash of the definition, by "TYPE schema.name"
	Settings     map[string]string   `json:"settings"`   // hash, by field of Database
	Extensions   map[string]string   `json:"extensions"` // version, by name
	Skipped      []string            `json:"skipped,omitempty"`
}

// Table is the content of an ordinary table, of a partition or of a materialized
// view, or of all large objects.
type Table struct {
	Rows      int64  `json:"rows"`
	Hash      string `json:"hash"`                // of all rows, in whatever order
	Extension string `json:"extension,omitempty"` // that it belongs to: a dump has its rows only when the extension says so
	View      bool   `json:"view,omitempty"`      // materialized: a dump has no rows of it, a restore makes them anew
	Unlogged  bool   `json:"unlogged,omitempty"`  // a crash of the server empties it
}

// notPopulated is the hash of a materialized view that has no rows yet.
const notPopulated = "not populated"

// Sequence is where a sequence stands.
type Sequence struct {
	Last     int64 `json:"last"`
	Called   bool  `json:"called"`
	Unlogged bool  `json:"unlogged,omitempty"` // of an unlogged table: a crash of the server sets it back
}

// snapshot opens the script that reads everything at one moment. The search path
// is pg_catalog, so "C" is its collation.
const snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;\n"

// parallel lets one worker help with a table. The planner sees no cost in a large
// table whose values are all out of line; so little of it is enough here.
const parallel = `SET max_parallel_workers_per_gather = 1;
SET min_parallel_table_scan_size = '64kB';
SET parallel_setup_cost = 50;
`

// hashRows generates one SELECT per table and runs it. A row is the text of all
// its columns; ROW(x.*) also works where a column has the name of the alias. Two
// hashes of 64 bits of each row are summed: an order does not matter and a row
// that is there twice does not cancel out. clock_timestamp keeps the planner from
// making the text once for each hash, and unlike OFFSET 0 lets a worker hash what
// it read.
const hashRows = `SELECT format($q$SELECT jsonb_build_object('kind', 'table', 'schema', %L, 'name', %L, 'extension', %L, 'view', %L::bool, 'unlogged', %L::bool,
 'rows', count(*), 'a', coalesce(sum(hashtextextended(row, 1)), 0)::text, 'b', coalesce(sum(hashtextextended(row, 2)), 0)::text)
FROM (SELECT ROW(x.*)::text COLLATE "C" AS row, clock_timestamp() FROM ONLY %I.%I AS x) AS rows$q$,
 n.nspname, c.relname, coalesce(e.extname, ''), c.relkind = 'm', c.relpersistence = 'u', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'
LEFT JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND ` + userRelations + `
ORDER BY pg_table_size(c.oid) DESC \gexec
`

// userRelations are those that are not the system's and not temporary.
const userRelations = `c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')`

const readSequences = `SELECT format($q$SELECT jsonb_build_object('kind', 'sequence', 'schema', %L, 'name', %L, 'unlogged', %L::bool, 'last', last_value, 'called', is_called) FROM %I.%I$q$,
 n.nspname, c.relname, c.relpersistence = 'u', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND ` + userRelations + ` \gexec
`

// hashObjects hashes the large objects by page. A page that a dump leaves out
// because it is a hole, and one of zeros, are the same; so are zeros at its end,
// since the size is counted too.
const hashObjects = `SELECT jsonb_build_object('kind', 'objects',
 'rows', (SELECT count(*) FROM pg_largeobject_metadata),
 'a', coalesce(sum(hashtextextended(x.text, 1)), 0)::text, 'b', coalesce(sum(hashtextextended(x.text, 2)), 0)::text)
FROM (
 SELECT concat_ws(' ', 'page', loid, pageno, page) AS text
 FROM (SELECT loid, pageno, rtrim(encode(data, 'hex'), '0') AS page FROM pg_largeobject) p WHERE page <> ''
 UNION ALL
 SELECT concat_ws(' ', 'size', loid, max(pageno::bigint * 2048 + length(data))) FROM pg_largeobject GROUP BY loid
 UNION ALL
 SELECT concat_ws(' ', 'owner', m.oid, pg_get_userbyid(m.lomowner), (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(m.lomacl) a))
 FROM pg_largeobject_metadata m
) x;
`

const listSkipped = `SELECT jsonb_build_object('kind', CASE c.relkind WHEN 'm' THEN 'view' ELSE 'skipped' END, 'schema', n.nspname, 'name', c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (c.relkind = 'f' OR c.relkind = 'm' AND NOT c.relispopulated) AND ` + userRelations + `;
`

// Fingerprint reads the whole content of a database at one moment. The tables
// are hashed by the server with one worker besides the session where a table is
// large. Foreign tables are somebody else's data: they stand in Skipped.
func (s *Server) Fingerprint(ctx context.Context, db string) (*Fingerprint, error) {
	f := &Fingerprint{Tables: map[string]Table{}, Sequences: map[string]Sequence{}}
	script := parallel + snapshot + hashRows + readSequences + hashObjects + listSkipped +
		describe + "d.datname = current_database();\n" + listExtensions + "COMMIT;\n"
	type definitions struct {
		hashes map[string]string
		err    error
	}
	schema := make(chan definitions, 1)
	go func() {
		hashes, err := s.schema(ctx, db)
		schema <- definitions{hashes, err}
	}()
	err := s.each(ctx, db, script, func(decode func(any) error) error {
		var r contentRow
		err := decode(&r)
		if err == nil {
			f.add(r)
		}
		return err
	})
	defined := <-schema
	if err := errors.Join(err, defined.err); err != nil {
		return nil, fmt.Errorf("database %q fingerprint: %w", db, err)
	}
	f.Schema = defined.hashes
	sort.Strings(f.Skipped)
	return f, nil
}

// contentRow is a line of what the script of Fingerprint prints.
type contentRow struct {
	Kind, Schema, Name, Extension string
	View, Unlogged                bool
	Rows                          int64
	A, B                          string
	Last                          int64
	Called                        bool
	Extensions                    []Extension
	databaseRow
}

func (f *Fingerprint) add(r contentRow) {
	name := qualified(r.Schema, r.Name)
	switch r.Kind {
	case "table":
		f.Tables[name] = Table{Rows: r.Rows, Hash: r.A + "," + r.B, Extension: r.Extension, View: r.View, Unlogged: r.Unlogged}
	case "view":
		f.Tables[name] = Table{Hash: notPopulated, View: true}
	case "sequence":
		f.Sequences[name] = Sequence{Last: r.Last, Called: r.Called, Unlogged: r.Unlogged}
	case "objects":
		f.LargeObjects = Table{Rows: r.Rows, Hash: r.A + "," + r.B}
	case "skipped":
		f.Skipped = append(f.Skipped, name)
	case "database":
		f.Settings = r.database().hashes()
	case "extensions":
		f.Extensions = map[string]string{}
		for _, e := range r.Extensions {
			f.Extensions[e.Name] = e.Version
		}
	}
}

// hashes are what a rollback must give back of a database besides its content.
// The name is not among them, nor what no statement can set.
func (d Database) hashes() map[string]string {
	acl := make([]string, 0, len(d.ACL))
	for _, g := range d.ACL {
		acl = append(acl, fmt.Sprintf("%q %q %s %t", g.Grantor, g.Grantee, g.Privilege, g.Option))
	}
	sort.Strings(acl)
	return map[string]string{
		"owner": hash(d.Owner), "encoding": hash(d.Encoding), "provider": hash(d.Provider),
		"collate": hash(d.Collate), "ctype": hash(d.Ctype), "locale": hash(d.Locale), "rules": hash(d.Rules),
		"tablespace": hash(d.Tablespace), "connection limit": hash(strconv.Itoa(d.ConnLimit)),
		"allow connections": hash(strconv.FormatBool(d.AllowConn)), "template": hash(strconv.FormatBool(d.Template)),
		"acl": hash(fmt.Sprint(d.ACL == nil), acl...), "comment": hash(d.Comment),
		"settings": hashJSON(d.Settings), "labels": hashJSON(d.Labels),
	}
}

func hash(text string, more ...string) string {
	h := sha256.New()
	for _, t := range append([]string{text}, more...) {
		fmt.Fprintf(h, "%d:%s", len(t), t)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func hashJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "not hashed: " + err.Error()
	}
	return hash(string(text))
}
