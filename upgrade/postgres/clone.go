package postgres

import (
	"context"
	"fmt"
)

// Clone copies a database inside the server, so that a rollback has its data
// back at once: as Copy{Clone, run, db.Name}, with its ACL, settings and labels,
// closed to connections. Nobody may be connected to db: *BusyError. The copy is
// complete when it has its comment; an older one of the same run is replaced.
//
// The clone lies on the same disk: it is no backup. From 15 on the server refuses
// it when the collation version that db recorded is not that of its libraries.
func (s *Server) Clone(ctx context.Context, db Database, run string) (Copy, error) {
	c := Copy{Kind: Clone, Run: run, Of: db.Name}
	if err := s.clone(ctx, db, c); err != nil {
		return Copy{}, fmt.Errorf("database %q clone: %w", db.Name, err)
	}
	return c, nil
}

func (s *Server) clone(ctx context.Context, db Database, c Copy) error {
	if err := c.valid(); err != nil {
		return err
	}
	if err := s.Drop(ctx, c.Name()); err != nil {
		return err
	}
	there, err := s.Sessions(ctx, db.Name)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return &BusyError{Database: db.Name, Sessions: there}
	}
	script := byVersion + `\set strategy ''
\if :v15
\set strategy 'STRATEGY file_copy'
\endif
` + fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s :strategy OWNER %s TABLESPACE %s ALLOW_CONNECTIONS false IS_TEMPLATE false;\n",
		ident(c.Name()), ident(db.Name), ident(db.Owner), ident(db.Tablespace)) +
		settle(db, c.Name()) + complete(c)
	return s.sql(ctx, s.maintenance(), script, nil)
}

// complete marks a copy. The commit waits for the disk, and with it everything
// before it.
func complete(c Copy) string {
	return fmt.Sprintf("SET synchronous_commit = on;\nCOMMENT ON DATABASE %s IS %s;\n", ident(c.Name()), literal(c.comment()))
}

// Drop removes a database that Belay made, and ends the sessions in it. Nothing
// happens when there is none of that name. Another's database is an error.
func (s *Server) Drop(ctx context.Context, name string) error {
	found, err := s.look(ctx, name)
	if err != nil {
		return fmt.Errorf("database %q drop: %w", name, err)
	}
	if !found[name].exists {
		return nil
	}
	if _, own := ours(name, found[name].comment); !own {
		return fmt.Errorf("database %q drop: Belay did not make it", name)
	}
	script := fmt.Sprintf("UPDATE pg_database SET datistemplate = false WHERE datname = %s AND datistemplate;\n", literal(name)) +
		byVersion + "\\if :v13\n" +
		fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE);\n\\else\n", ident(name)) +
		fmt.Sprintf("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s \\g /dev/null\n", literal(name)) +
		fmt.Sprintf("DROP DATABASE IF EXISTS %s;\n\\endif\n", ident(name))
	if err := s.sql(ctx, s.maintenance(), script, nil); err != nil {
		return fmt.Errorf("database %q drop: %w", name, err)
	}
	return nil
}
