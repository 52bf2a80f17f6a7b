package postgres

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// roleHashes hashes all that belongs to a role: attributes, the hash of its
// password, settings, comment and what it is a member of. A limit of infinity is
// the same as none.
const roleHashes = `SELECT jsonb_build_object('name', rolname, 'hash', encode(sha256(convert_to(concat_ws(E'\x01',
 rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, coalesce(rolpassword, ''),
 nullif(rolvaliduntil::text, 'infinity'), shobj_description(a.oid, 'pg_authid'),
 (SELECT setconfig::text FROM pg_db_role_setting s WHERE s.setdatabase = 0 AND s.setrole = a.oid),
 (SELECT jsonb_agg(to_jsonb(m) - '{oid,roleid,member,grantor}'::text[] || jsonb_build_object('role', pg_get_userbyid(m.roleid))
   ORDER BY pg_get_userbyid(m.roleid), pg_get_userbyid(m.grantor)) FROM pg_auth_members m WHERE m.member = a.oid)::text
 ), 'UTF8')), 'hex'))
FROM pg_authid a WHERE rolname !~ '^pg_' ORDER BY rolname;
`

// Roles gives a hash of each role of the server, by name.
func (s *Server) Roles(ctx context.Context) (map[string]string, error) {
	roles := map[string]string{}
	err := s.each(ctx, s.maintenance(), roleHashes, func(decode func(any) error) error {
		var r struct{ Name, Hash string }
		err := decode(&r)
		if err == nil {
			roles[r.Name] = r.Hash
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("roles list: %w", err)
	}
	return roles, nil
}

// maxGlobals is more than any server's roles take.
const maxGlobals = 64 << 20

// RestoreGlobals makes the roles as Globals wrote them: missing ones are made,
// and those that exist get their attributes, passwords, settings and memberships
// back, in one transaction. Tablespaces that are missing follow. Nothing is
// dropped: it returns the roles that came later. Statements that Globals never
// writes are refused.
func (s *Server) RestoreGlobals(ctx context.Context, r io.Reader) (later []string, err error) {
	text, err := io.ReadAll(io.LimitReader(r, maxGlobals+1))
	if err == nil && len(text) > maxGlobals {
		err = fmt.Errorf("more than %d MB", maxGlobals>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("roles read: %w", err)
	}
	g, err := parseGlobals(string(text))
	if err != nil {
		return nil, fmt.Errorf("roles read: %w", err)
	}
	if err := s.sql(ctx, s.maintenance(), g.script(), nil); err != nil {
		return nil, fmt.Errorf("roles restore: %w", err)
	}
	now, err := s.Roles(ctx)
	if err != nil {
		return nil, err
	}
	for name := range now {
		if !slices.Contains(g.roles, name) {
			later = append(later, name)
		}
	}
	slices.Sort(later)
	return later, nil
}

// globals are the statements of a dump of the roles.
type globals struct {
	roles       []string // by name
	statements  []string // about roles, but CREATE ROLE
	tablespaces map[string]string
	after       []string // about tablespaces, but CREATE TABLESPACE
}

// known are the statements that pg_dumpall --globals-only writes.
var known = []string{
	"SET ", "ALTER ROLE ", "COMMENT ON ROLE ", "GRANT ", "REVOKE ", "SECURITY LABEL ",
	"ALTER TABLESPACE ", "COMMENT ON TABLESPACE ",
}

func parseGlobals(text string) (*globals, error) {
	g := &globals{tablespaces: map[string]string{}}
	list, err := statements(text)
	if err != nil {
		return nil, err
	}
	for i, st := range list {
		if rest, ok := strings.CutPrefix(st, "CREATE ROLE "); ok {
			name, tail, ok := cutIdent(rest)
			if !ok || tail != ";" {
				return nil, fmt.Errorf("statement %d cannot be read", i+1)
			}
			g.roles = append(g.roles, name)
			continue
		}
		if rest, ok := strings.CutPrefix(st, "CREATE TABLESPACE "); ok {
			name, _, ok := cutIdent(rest)
			if !ok {
				return nil, fmt.Errorf("statement %d cannot be read", i+1)
			}
			g.tablespaces[name] = strings.TrimSuffix(st, ";")
			continue
		}
		if !slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(st, k) }) {
			return nil, fmt.Errorf("statement %d is of a kind that is not expected", i+1)
		}
		if strings.Contains(st, " TABLESPACE ") && !strings.HasPrefix(st, "ALTER ROLE ") && !strings.HasPrefix(st, "COMMENT ON ROLE ") {
			g.after = append(g.after, st)
		} else {
			g.statements = append(g.statements, st)
		}
	}
	if len(g.roles) == 0 {
		return nil, fmt.Errorf("there is no role in it")
	}
	return g, nil
}

// reset takes from the roles that exist what only statements of the dump give.
// %s is the list of the roles.
const reset = `SELECT format('ALTER ROLE %%I RESET ALL', rolname) FROM pg_authid WHERE rolname IN (%[1]s) \gexec
SELECT format('ALTER ROLE %%I PASSWORD NULL', rolname) FROM pg_authid WHERE rolname IN (%[1]s) AND rolpassword IS NOT NULL \gexec
SELECT format('ALTER ROLE %%I VALID UNTIL %%L', rolname, 'infinity') FROM pg_authid WHERE rolname IN (%[1]s) AND rolvaliduntil IS NOT NULL \gexec
SELECT format('ALTER ROLE %%I CONNECTION LIMIT -1', rolname) FROM pg_authid WHERE rolname IN (%[1]s) AND rolconnlimit <> -1 \gexec
SELECT format('COMMENT ON ROLE %%I IS NULL', rolname) FROM pg_authid WHERE rolname IN (%[1]s) AND shobj_description(oid, 'pg_authid') IS NOT NULL \gexec
\set by ''''''
\if :v16
\set by 'format('' GRANTED BY %%I'', pg_get_userbyid(m.grantor))'
\endif
SELECT format('REVOKE %%I FROM %%I%%s CASCADE', pg_get_userbyid(m.roleid), pg_get_userbyid(m.member), :by)
FROM pg_auth_members m WHERE pg_get_userbyid(m.member) IN (%[1]s) \gexec
`

// script is the SQL of RestoreGlobals. The server is told to keep the statements,
// which have passwords' hashes, out of its log.
func (g *globals) script() string {
	var b strings.Builder
	b.WriteString(byVersion + `BEGIN;
SET LOCAL log_statement = 'none'; SET LOCAL log_min_duration_statement = -1; SET LOCAL log_min_error_statement = 'panic';
`)
	for _, r := range g.roles {
		fmt.Fprintf(&b, "SELECT %s WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %s) \\gexec\n", literal("CREATE ROLE "+ident(r)), literal(r))
	}
	fmt.Fprintf(&b, reset, literals(g.roles))
	for _, st := range g.statements {
		b.WriteString(st + "\n")
	}
	b.WriteString("COMMIT;\n")
	for _, name := range slices.Sorted(maps.Keys(g.tablespaces)) {
		fmt.Fprintf(&b, "SELECT %s WHERE NOT EXISTS (SELECT FROM pg_tablespace WHERE spcname = %s) \\gexec\n", literal(g.tablespaces[name]), literal(name))
	}
	for _, st := range g.after {
		b.WriteString(st + "\n")
	}
	return b.String()
}

// statements splits the text of pg_dumpall at its semicolons, without comments
// and psql's own commands. Strings are as standard_conforming_strings has them.
func statements(text string) ([]string, error) {
	var list []string
	var b strings.Builder
	for i := 0; i < len(text); {
		rest := text[i:]
		empty := b.Len() == 0
		switch {
		case strings.HasPrefix(rest, "--") || empty && rest[0] == '\\':
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			i += n
		case rest[0] == '\'' || rest[0] == '"':
			n := strings.IndexByte(rest[1:], rest[0])
			if n < 0 {
				return nil, fmt.Errorf("statement %d has no end", len(list)+1)
			}
			b.WriteString(rest[:n+2]) // a doubled quote is two strings side by side
			i += n + 2
		case rest[0] == '\\':
			return nil, fmt.Errorf("statement %d has a backslash where there is none in a dump", len(list)+1)
		case empty && (rest[0] == '\n' || rest[0] == ' '):
			i++
		default:
			b.WriteByte(rest[0])
			i++
			if rest[0] == ';' {
				list = append(list, b.String())
				b.Reset()
			}
		}
	}
	if b.Len() > 0 {
		return nil, fmt.Errorf("statement %d has no end", len(list)+1)
	}
	return list, nil
}
