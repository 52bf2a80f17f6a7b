package postgres

import (
	"context"
	"fmt"
	"sort"
	"strings"
)

// Database is what is known of a database besides its content: what neither a
// dump without --create nor a clone carries. Settings and the comment may hold
// secrets: it belongs into a backup, never into a log.
type Database struct {
	Name             string      `json:"name"`
	Owner            string      `json:"owner"`
	Encoding         string      `json:"encoding"`
	Provider         string      `json:"provider"` // of the locale: libc, icu, builtin
	Collate          string      `json:"collate"`
	Ctype            string      `json:"ctype"`
	Locale           string      `json:"locale,omitempty"`            // of icu and builtin
	Rules            string      `json:"rules,omitempty"`             // of icu, from 16 on
	CollationVersion string      `json:"collation_version,omitempty"` // recorded, from 15 on
	CollationActual  string      `json:"collation_actual,omitempty"`  // of the libraries that the server runs with
	Tablespace       string      `json:"tablespace"`
	ConnLimit        int         `json:"conn_limit"` // -1: none
	AllowConn        bool        `json:"allow_conn"`
	Template         bool        `json:"template"`
	Invalid          bool        `json:"invalid,omitempty"` // a DROP DATABASE of it was interrupted
	ACL              []Grant     `json:"acl"`               // nil: the default
	Comment          string      `json:"comment,omitempty"`
	Settings         []Setting   `json:"settings,omitempty"`
	Labels           []Label     `json:"labels,omitempty"`
	Extensions       []Extension `json:"extensions,omitempty"`
	Public           bool        `json:"public"` // has the schema public, which template0 has too
	Size             int64       `json:"size"`   // bytes
}

// Grant is one privilege on a database, in the order of its ACL.
type Grant struct {
	Grantor   string `json:"grantor"`
	Grantee   string `json:"grantee"` // "" is PUBLIC
	Privilege string `json:"privilege"`
	Option    bool   `json:"option,omitempty"` // with grant option
}

// Setting is what ALTER DATABASE … SET and ALTER ROLE … IN DATABASE … SET left.
type Setting struct {
	Role   string   `json:"role,omitempty"` // "" for all roles
	Config []string `json:"config"`         // "name=value", as pg_db_role_setting has it
}

// Label is a security label.
type Label struct {
	Provider string `json:"provider"`
	Label    string `json:"label"`
}

// Extension is one that is installed in a database.
type Extension struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Schema  string `json:"schema"`
}

// System tells the databases that every server has: postgres, template0 and
// template1. Their data is never swapped.
func (d Database) System() bool {
	return d.Name == "postgres" || d.Name == "template0" || d.Name == "template1"
}

// byVersion sets variables for \if.
const byVersion = `SELECT current_setting('server_version_num')::int >= 130000 AS v13,
 current_setting('server_version_num')::int >= 150000 AS v15,
 current_setting('server_version_num')::int >= 160000 AS v16 \gset
`

// describe prints what pg_database and what hangs on it have of each database
// that a condition tells.
const describe = byVersion + `\if :v15
\set actual 'pg_database_collation_actual_version(d.oid)'
\else
\set actual NULL
\endif
SELECT jsonb_build_object('kind', 'database', 'row', to_jsonb(d) - 'datacl',
 'owner', pg_get_userbyid(d.datdba), 'encoding', pg_encoding_to_char(d.encoding),
 'tablespace', (SELECT spcname FROM pg_tablespace t WHERE t.oid = d.dattablespace),
 'actual', CASE WHEN d.datallowconn THEN :actual END, 'comment', shobj_description(d.oid, 'pg_database'),
 'size', CASE WHEN d.datconnlimit <> -2 THEN pg_database_size(d.oid) END,
 'acl', CASE WHEN d.datacl IS NOT NULL THEN (
   SELECT coalesce(jsonb_agg(jsonb_build_object('grantor', pg_get_userbyid(grantor),
     'grantee', CASE WHEN grantee <> 0 THEN pg_get_userbyid(grantee) ELSE '' END,
     'privilege', privilege_type, 'option', is_grantable) ORDER BY ordinality), '[]')
   FROM aclexplode(d.datacl) WITH ORDINALITY) END,
 'settings', (SELECT jsonb_agg(jsonb_build_object('role', coalesce(r.rolname, ''), 'config', s.setconfig) ORDER BY r.rolname NULLS FIRST)
   FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole WHERE s.setdatabase = d.oid),
 'labels', (SELECT jsonb_agg(jsonb_build_object('provider', l.provider, 'label', l.label) ORDER BY l.provider)
   FROM pg_shseclabel l WHERE l.objoid = d.oid AND l.classoid = 'pg_database'::regclass))
FROM pg_database d WHERE `

const listDatabases = describe + `d.datname <> 'template0' ORDER BY d.datname COLLATE "C";
`

const listExtensions = `SELECT jsonb_build_object('kind', 'extensions', 'name', current_database(),
 'extensions', (SELECT jsonb_agg(jsonb_build_object('name', extname, 'version', extversion, 'schema', nspname) ORDER BY extname)
   FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace),
 'public', EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public'));
`

// databaseRow is pg_database as to_jsonb gives it; the column of the locale has
// had three names.
type databaseRow struct {
	Row struct {
		Datname        string
		Datlocprovider string
		Datcollate     string
		Datctype       string
		Daticulocale   string // 15, 16
		Datlocale      string // from 17 on
		Daticurules    string
		Datcollversion string
		Datconnlimit   int
		Datallowconn   bool
		Datistemplate  bool
	}
	Owner, Encoding, Tablespace, Actual, Comment string
	ACL                                          []Grant
	Settings                                     []Setting
	Labels                                       []Label
	Size                                         int64
}

func (r databaseRow) database() Database {
	provider := map[string]string{"": "libc", "c": "libc", "i": "icu", "b": "builtin"}[r.Row.Datlocprovider]
	return Database{
		Name: r.Row.Datname, Owner: r.Owner, Encoding: r.Encoding, Provider: provider,
		Collate: r.Row.Datcollate, Ctype: r.Row.Datctype, Locale: r.Row.Datlocale + r.Row.Daticulocale, Rules: r.Row.Daticurules,
		CollationVersion: r.Row.Datcollversion, CollationActual: r.Actual,
		Tablespace: r.Tablespace, ConnLimit: r.Row.Datconnlimit, AllowConn: r.Row.Datallowconn,
		Template: r.Row.Datistemplate, Invalid: r.Row.Datconnlimit == -2,
		ACL: r.ACL, Comment: r.Comment, Settings: r.Settings, Labels: r.Labels, Size: r.Size,
	}
}

// Databases lists the databases of the server by name, without template0 and
// without Belay's own copies. Of one that allows no connections the extensions
// stay unknown; it cannot be dumped either.
func (s *Server) Databases(ctx context.Context) ([]Database, error) {
	rows, err := s.databaseRows(ctx)
	if err != nil {
		return nil, err
	}
	var list []Database
	var script strings.Builder
	at := map[string]int{}
	for _, r := range rows {
		d := r.database()
		if _, own := ours(d.Name, d.Comment); own {
			continue
		}
		if d.AllowConn && !d.Invalid {
			at[d.Name] = len(list)
			script.WriteString(connect(d.Name) + preamble + listExtensions)
		}
		list = append(list, d)
	}
	err = s.each(ctx, s.maintenance(), script.String(), func(decode func(any) error) error {
		var r struct {
			Name       string
			Extensions []Extension
			Public     bool
		}
		if err := decode(&r); err != nil {
			return err
		}
		d := &list[at[r.Name]]
		d.Extensions, d.Public = r.Extensions, r.Public
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("extensions of the databases list: %w", err)
	}
	return list, nil
}

func (s *Server) databaseRows(ctx context.Context) ([]databaseRow, error) {
	var rows []databaseRow
	err := s.each(ctx, s.maintenance(), listDatabases, func(decode func(any) error) error {
		var r databaseRow
		err := decode(&r)
		if err == nil {
			rows = append(rows, r)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("databases list: %w", err)
	}
	return rows, nil
}

// Found is a copy that is on the server.
type Found struct {
	Copy
	Name     string `json:"name"`
	Complete bool   `json:"complete"`
	Size     int64  `json:"size"` // bytes
}

// Copies lists the databases that Belay made, of all runs, by name.
func (s *Server) Copies(ctx context.Context) ([]Found, error) {
	rows, err := s.databaseRows(ctx)
	if err != nil {
		return nil, err
	}
	var found []Found
	for _, r := range rows {
		if c, own := ours(r.Row.Datname, r.Comment); own {
			complete := r.Comment != "" && r.Row.Datconnlimit != -2
			found = append(found, Found{Copy: c, Name: r.Row.Datname, Complete: complete, Size: r.Size})
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Name < found[j].Name })
	return found, nil
}

// state is what stands in pg_database under a name.
type state struct {
	exists  bool
	comment string
}

// look reads which of the names exist.
func (s *Server) look(ctx context.Context, names ...string) (map[string]state, error) {
	found := map[string]state{}
	query := `SELECT jsonb_build_object('name', datname, 'comment', coalesce(shobj_description(oid, 'pg_database'), ''))
FROM pg_database WHERE datname IN (` + literals(names) + ");\n"
	err := s.each(ctx, s.maintenance(), query, func(decode func(any) error) error {
		var r struct{ Name, Comment string }
		err := decode(&r)
		if err == nil {
			found[r.Name] = state{true, r.Comment}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("databases look up: %w", err)
	}
	return found, nil
}
