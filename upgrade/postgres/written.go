package postgres

import (
	"context"
	"fmt"
	"maps"
	"sort"
)

// Counters are the server's counts of rows that were inserted, updated or
// deleted in a database, from its cumulative statistics.
type Counters struct {
	OID      int64            `json:"oid"`   // of the database
	Reset    string           `json:"reset"` // when the statistics began: a crash begins those of the server anew
	Tables   map[string]int64 `json:"tables"`
	Sessions int              `json:"sessions"` // connected when it was read
}

const countWritten = `SELECT jsonb_build_object(
 'oid', d.oid::bigint, 'reset', concat_ws(' ', s.stats_reset, (SELECT stats_reset FROM pg_stat_bgwriter)),
 'sessions', (SELECT count(*) FROM pg_stat_activity a WHERE a.datid = d.oid AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'),
 'tables', (SELECT coalesce(jsonb_agg(jsonb_build_object('schema', schemaname, 'name', relname, 'rows', n_tup_ins + n_tup_upd + n_tup_del)), '[]')
   FROM pg_stat_user_tables WHERE schemaname !~ '^pg_(temp|toast_temp)'))
FROM pg_database d JOIN pg_stat_database s ON s.datid = d.oid WHERE d.datname = current_database();
`

// Written reads the counters of a database. A session reports what it wrote when
// it is idle or ends: from 15 on after 10 s at most (PGSTAT_IDLE_INTERVAL of
// pgstat.c), before that perhaps only with its next statement. They are exact
// once the sessions of the applications have ended, which Sessions tells.
func (s *Server) Written(ctx context.Context, db string) (Counters, error) {
	c := Counters{Tables: map[string]int64{}}
	r := struct {
		OID      *int64
		Reset    *string
		Sessions *int
		Tables   []struct {
			Schema, Name string
			Rows         int64
		}
	}{OID: &c.OID, Reset: &c.Reset, Sessions: &c.Sessions}
	if err := s.query(ctx, db, countWritten, &r); err != nil {
		return Counters{}, fmt.Errorf("counters of database %q read: %w", db, err)
	}
	for _, t := range r.Tables {
		c.Tables[qualified(t.Schema, t.Name)] = t.Rows
	}
	return c, nil
}

// Without are the counters less a table.
func (c Counters) Without(schema, name string) Counters {
	c.Tables = maps.Clone(c.Tables)
	delete(c.Tables, qualified(schema, name))
	return c
}

// Since counts the rows written between two readings and names the tables. known
// is false when the counters cannot tell: they were reset, the server crashed, a
// table went, or it is another database. TRUNCATE is not counted.
func (c Counters) Since(before Counters) (rows int64, tables []string, known bool) {
	known = c.OID == before.OID && c.Reset == before.Reset
	for name, was := range before.Tables {
		if now, ok := c.Tables[name]; !ok || now < was {
			known = false
		}
	}
	for name, now := range c.Tables {
		if n := now - before.Tables[name]; n > 0 {
			rows += n
			tables = append(tables, name)
		}
	}
	sort.Strings(tables)
	return rows, tables, known
}
