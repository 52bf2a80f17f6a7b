package postgres

import (
	"context"
	"fmt"
)

// SetAside puts a database that an upgrade made away, as its Failed copy: it is
// not dropped, and retention finds it. A call after one that was killed does the
// rest.
func (s *Server) SetAside(ctx context.Context, db Database, run string) error {
	failed := Copy{Kind: Failed, Run: run, Of: db.Name}
	fail := func(err error) error { return fmt.Errorf("database %q set aside: %w", db.Name, err) }
	if err := failed.valid(); err != nil {
		return fail(err)
	}
	if db.System() || db.Name == s.maintenance() {
		return fail(fmt.Errorf("it is the server's own"))
	}
	if err := s.clear(ctx, db.Name); err != nil {
		return fail(err)
	}
	script := fmt.Sprintf("BEGIN;\nSET LOCAL synchronous_commit = on;\nALTER DATABASE %s RENAME TO %s;\nALTER DATABASE %s WITH IS_TEMPLATE false;\nCOMMENT ON DATABASE %s IS %s;\nCOMMIT;\n",
		ident(db.Name), ident(failed.Name()), ident(failed.Name()), ident(failed.Name()), literal(failed.comment()))
	if err := s.sql(ctx, s.maintenance(), script, nil); err != nil {
		return fail(err)
	}
	return nil
}

// countRows generates one SELECT per table and runs it.
const countRows = `SELECT format('SELECT jsonb_build_object(''schema'', %L, ''name'', %L, ''rows'', count(*)) FROM ONLY %I.%I', n.nspname, c.relname, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND ` + userRelations + ` \gexec
COMMIT;
`

// Count gives the exact number of rows of each table that a Fingerprint has, by
// the same names.
func (s *Server) Count(ctx context.Context, db string) (map[string]int64, error) {
	out := map[string]int64{}
	err := s.each(ctx, db, snapshot+countRows, func(decode func(any) error) error {
		var r struct {
			Schema, Name string
			Rows         int64
		}
		err := decode(&r)
		if err == nil {
			out[qualified(r.Schema, r.Name)] = r.Rows
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("rows of database %q count: %w", db, err)
	}
	return out, nil
}

// Column reads a column of a small table that an application keeps for itself,
// wherever its schema; false when db or the table is not there, or is in two
// schemas.
func (s *Server) Column(ctx context.Context, db, table, column string) ([]string, bool, error) {
	fail := func(err error) ([]string, bool, error) {
		return nil, false, fmt.Errorf("column %s of %s in database %q read: %w", column, table, db, err)
	}
	found, err := s.look(ctx, db)
	if err != nil {
		return fail(err)
	}
	if !found[db].exists {
		return nil, false, nil
	}
	var got struct {
		Tables int
		Values []string
	}
	query := fmt.Sprintf(`SELECT count(*) = 1 AS one, min(n.nspname::text) AS home FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = %s AND c.relkind = 'r' AND `+userRelations+` \gset
\if :one
SELECT jsonb_build_object('tables', 1, 'values', (SELECT coalesce(jsonb_agg(%s::text), '[]') FROM :"home".%s));
\else
SELECT '{"tables": 0}';
\endif
`, literal(table), ident(column), ident(table))
	if err := s.query(ctx, db, query, &got); err != nil {
		return fail(err)
	}
	return got.Values, got.Tables == 1, nil
}
