package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Swap puts a complete copy of db, a Clone or a Fresh one, in the place of the
// database of that name, which becomes the Failed copy of the same run. Sessions
// in both are ended and kept out meanwhile. The new one gets the comment, the
// connection limit and the flags of db; it has had the ACL and settings since it
// was made.
//
// Both renames are one transaction: there is no moment without a database of the
// name. A kill leaves at most the old one closed to connections. Swap again does
// the rest, or nothing when all is done. The databases of every server (System)
// are refused, as are their names.
func (s *Server) Swap(ctx context.Context, db Database, from Copy) error {
	if err := s.swap(ctx, db, from); err != nil {
		return fmt.Errorf("database %q swap with its %s: %w", db.Name, from.Kind, err)
	}
	return nil
}

func (s *Server) swap(ctx context.Context, db Database, from Copy) error {
	failed := Copy{Kind: Failed, Run: from.Run, Of: from.Of}
	switch {
	case from.valid() != nil:
		return from.valid()
	case from.Of != db.Name || from.Kind != Clone && from.Kind != Fresh:
		return fmt.Errorf("database %q is no replacement", from.Name())
	case db.System() || db.Name == s.maintenance():
		return fmt.Errorf("a database of the server itself is not replaced")
	}
	found, err := s.look(ctx, db.Name, from.Name(), failed.Name())
	if err != nil {
		return err
	}
	current, fresh, old := found[db.Name], found[from.Name()], found[failed.Name()]
	if old.exists && old.comment != failed.comment() {
		return fmt.Errorf("database %q is in the way", failed.Name())
	}
	switch {
	case !fresh.exists && current.exists && old.exists:
		return nil // done before
	case !fresh.exists:
		return fmt.Errorf("database %q does not exist", from.Name())
	case fresh.comment != from.comment():
		return fmt.Errorf("database %q is not complete", from.Name())
	case current.exists && old.exists:
		return fmt.Errorf("databases %q and %q both exist already", from.Name(), failed.Name())
	case !current.exists && !old.exists:
		// Somebody dropped it. What stands for it tells a second call that the first was done.
		script := fmt.Sprintf("CREATE DATABASE %s TEMPLATE template0 ALLOW_CONNECTIONS false;\n", ident(failed.Name())) + complete(failed)
		if err := s.sql(ctx, s.maintenance(), script, nil); err != nil {
			return err
		}
	}
	if !current.exists {
		return s.exchange(ctx, db, from, nil)
	}
	if err := s.exchange(ctx, db, from, &failed); err != nil {
		s.reopen(ctx, db, from)
		return err
	}
	return nil
}

// clear keeps new sessions out of databases and ends those that are in.
func (s *Server) clear(ctx context.Context, names ...string) error {
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "ALTER DATABASE %s WITH ALLOW_CONNECTIONS false;\n", ident(n))
	}
	return s.end(ctx, b.String(), "datname IN ("+literals(names)+") AND backend_type NOT IN ('autovacuum worker', 'parallel worker')")
}

// exchange clears both databases and renames them, the current one to failed;
// nil when there is no current one.
func (s *Server) exchange(ctx context.Context, db Database, from Copy, failed *Copy) error {
	names := []string{from.Name()}
	if failed != nil {
		names = append(names, db.Name)
	}
	if err := s.clear(ctx, names...); err != nil {
		return err
	}
	return s.sql(ctx, s.maintenance(), renames(db, from, failed), nil)
}

// renames is the transaction that is the swap.
func renames(db Database, from Copy, failed *Copy) string {
	var b strings.Builder
	b.WriteString("BEGIN;\nSET LOCAL synchronous_commit = on;\n")
	if failed != nil {
		fmt.Fprintf(&b, "ALTER DATABASE %s RENAME TO %s;\n", ident(db.Name), ident(failed.Name()))
		fmt.Fprintf(&b, "ALTER DATABASE %s WITH IS_TEMPLATE false;\n", ident(failed.Name()))
		fmt.Fprintf(&b, "COMMENT ON DATABASE %s IS %s;\n", ident(failed.Name()), literal(failed.comment()))
	}
	fmt.Fprintf(&b, "ALTER DATABASE %s RENAME TO %s;\n", ident(from.Name()), ident(db.Name))
	fmt.Fprintf(&b, "ALTER DATABASE %s WITH ALLOW_CONNECTIONS %t CONNECTION LIMIT %d IS_TEMPLATE %t;\n",
		ident(db.Name), db.AllowConn, db.ConnLimit, db.Template)
	comment := "NULL"
	if db.Comment != "" {
		comment = literal(db.Comment)
	}
	fmt.Fprintf(&b, "COMMENT ON DATABASE %s IS %s;\nCOMMIT;\n", ident(db.Name), comment)
	return b.String()
}

// reopen lets connections into the current database again after a swap that
// failed, as well as can be: the error that counts is that of the swap. It does
// so on time of its own, and not when the swap came through after all.
func (s *Server) reopen(ctx context.Context, db Database, from Copy) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if found, err := s.look(ctx, from.Name()); err != nil || !found[from.Name()].exists {
		return
	}
	_ = s.sql(ctx, s.maintenance(), fmt.Sprintf("ALTER DATABASE %s WITH ALLOW_CONNECTIONS %t;\n", ident(db.Name), db.AllowConn), nil)
}
