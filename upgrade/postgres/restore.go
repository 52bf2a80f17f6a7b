package postgres

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Create makes the empty database that an archive of db is restored into, a
// Fresh or a Scratch copy: from template0, with the encoding, locale, tablespace,
// owner, ACL, settings and labels of db, and its extensions in their versions
// where the server has them. Roles must exist before. One of the same run and
// kind that was there is replaced.
func (s *Server) Create(ctx context.Context, db Database, c Copy) error {
	if err := s.create(ctx, db, c); err != nil {
		return fmt.Errorf("database %q create as %s: %w", db.Name, c.Kind, err)
	}
	return nil
}

func (s *Server) create(ctx context.Context, db Database, c Copy) error {
	if err := c.valid(); err != nil {
		return err
	}
	if c.Of != db.Name || c.Kind != Fresh && c.Kind != Scratch {
		return fmt.Errorf("%q is no name for it", c.Name())
	}
	if err := s.Drop(ctx, c.Name()); err != nil {
		return err
	}
	var version int
	if err := s.query(ctx, s.maintenance(), "SHOW server_version_num;\n", &version); err != nil {
		return err
	}
	if err := s.sql(ctx, s.maintenance(), create(db, c.Name(), version)+settle(db, c.Name()), nil); err != nil {
		return err
	}
	return s.sql(ctx, c.Name(), prepare(db), nil)
}

// prepare takes out of a new database what template0 has and db had not, and
// installs extensions of which the server would take another version by itself:
// an archive says CREATE EXTENSION IF NOT EXISTS without one. Only in schemas
// that are there before the archive is read.
func prepare(db Database) string {
	var b strings.Builder
	if !db.Public {
		b.WriteString("DROP SCHEMA IF EXISTS public;\n")
	}
	plpgsql := false
	var values []string
	for _, e := range db.Extensions {
		plpgsql = plpgsql || e.Name == "plpgsql"
		if e.Schema == "public" || e.Schema == "pg_catalog" {
			values = append(values, fmt.Sprintf("(%s, %s, %s)", literal(e.Name), literal(e.Version), literal(e.Schema)))
		}
	}
	if !plpgsql {
		b.WriteString("DROP EXTENSION IF EXISTS plpgsql;\n")
	}
	if len(values) > 0 {
		b.WriteString(`SELECT format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA %I VERSION %L CASCADE', v.name, v.home, v.version)
FROM (VALUES ` + strings.Join(values, ", ") + `) v(name, version, home)
JOIN pg_available_extension_versions a ON a.name = v.name AND a.version = v.version
JOIN pg_available_extensions d ON d.name = v.name
WHERE d.default_version <> v.version AND coalesce(a.schema, v.home) = v.home AND v.name <> 'plpgsql' \gexec
`)
	}
	return b.String()
}

// Restore reads an archive into a database that Create made, and stops at the
// first error. Indexes are built without parallel workers: theirs need shared
// memory of the size of maintenance_work_mem, and a container has 64 MB of it
// (README of pgvector, "Indexing").
func (s *Server) Restore(ctx context.Context, c Copy, archive io.Reader) error {
	if err := c.valid(); err != nil {
		return err
	}
	if c.Kind != Fresh && c.Kind != Scratch {
		return fmt.Errorf("database %q restore: it is no %s or %s copy", c.Name(), Fresh, Scratch)
	}
	args := client("pg_restore", "-w", "--exit-on-error", "-d", conninfo(c.Name()))
	// Finish commits with the disk waited for; until then the copy is incomplete.
	env := s.env("synchronous_commit=off", "max_parallel_maintenance_workers=0")
	if err := s.Exec.Exec(ctx, s.Container, args, env, archive, nil); err != nil {
		return fmt.Errorf("database %q restore: %w", c.Name(), err)
	}
	return nil
}

// Finish gathers the planner's statistics of a restored copy, which no archive
// has, and marks it complete. It returns what is not as it was in db: versions
// of extensions and of the collation.
func (s *Server) Finish(ctx context.Context, db Database, c Copy) ([]string, error) {
	fail := func(err error) ([]string, error) {
		return nil, fmt.Errorf("database %q finish: %w", c.Name(), err)
	}
	if err := c.valid(); err != nil {
		return fail(err)
	}
	args := client("vacuumdb", "-w", "-q", "--analyze-only", "-j", "2", "-d", conninfo(c.Name()))
	if err := s.Exec.Exec(ctx, s.Container, args, s.env(), nil, nil); err != nil {
		return fail(err)
	}
	var now Database
	if err := s.query(ctx, c.Name(), listExtensions, &now); err != nil {
		return fail(err)
	}
	var notes []string
	have := map[string]string{}
	for _, e := range now.Extensions {
		have[e.Name] = e.Version
	}
	for _, e := range db.Extensions {
		if have[e.Name] != e.Version {
			notes = append(notes, fmt.Sprintf("extension %s is %s, was %s", e.Name, orNone(have[e.Name]), e.Version))
		}
	}
	if db.CollationVersion != db.CollationActual {
		notes = append(notes, fmt.Sprintf("collation version was %s and is %s now, with indexes built by it", orNone(db.CollationVersion), orNone(db.CollationActual)))
	}
	if err := s.sql(ctx, s.maintenance(), complete(c), nil); err != nil {
		return fail(err)
	}
	return notes, nil
}

func orNone(version string) string {
	if version == "" {
		return "none"
	}
	return version
}

// RestoreScratch proves an archive of db: it is restored into a database of its
// own, which is fingerprinted and dropped.
func (s *Server) RestoreScratch(ctx context.Context, db Database, run string, archive io.Reader) (*Fingerprint, error) {
	c := Copy{Kind: Scratch, Run: run, Of: db.Name}
	if err := s.Create(ctx, db, c); err != nil {
		return nil, err
	}
	f, err := s.scratch(ctx, c, archive)
	// A cancelled run leaves no scratch database behind either.
	if drop := s.Drop(context.WithoutCancel(ctx), c.Name()); err == nil {
		err = drop
	}
	return f, err
}

func (s *Server) scratch(ctx context.Context, c Copy, archive io.Reader) (*Fingerprint, error) {
	if err := s.Restore(ctx, c, archive); err != nil {
		return nil, err
	}
	return s.Fingerprint(ctx, c.Name())
}
