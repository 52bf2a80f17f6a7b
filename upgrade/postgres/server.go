// Package postgres reads, dumps, copies, restores and swaps the databases of a
// PostgreSQL server that runs in a container, with the server's own clients.
//
// What must stay true:
//   - The clients run inside the server's container: they have the server's
//     version, so that the dump of today can be restored today.
//   - No secret is in an argument or in the environment that is passed in: the
//     user and password are read inside the container; SQL goes in by stdin.
//   - Names are data. They are quoted here or by the server, never by a shell,
//     and never stand where they could be an option or a connection string.
//   - Nothing that was there is overwritten or dropped: a restore fills a new
//     database, a swap renames, and Drop takes nothing but a Copy.
//   - Results are JSON, so that no character of a name is a delimiter. They and
//     the errors hold names and counts, never the values of rows.
//
// Supported are the majors 12 to 18. What differs between them is asked for
// through to_jsonb(row) and decoded with the fields that are there, or put
// between \if and \endif by the server's version.
package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Execer runs a command in a container, without a terminal. Its error has the
// command's exit status as ExitCode() int when there is one. It is an error when
// the command fails, whatever it wrote before.
type Execer interface {
	Exec(ctx context.Context, container string, args, env []string, stdin io.Reader, stdout io.Writer) error
}

// Server is one PostgreSQL server of a stack.
type Server struct {
	Service   string // of the compose project
	Container string // id or name
	Exec      Execer
	App       string // application_name of our sessions: "belay/<run>"
	// Maintenance is the database in which statements about the whole server run:
	// Facts.Maintenance; "" is postgres.
	Maintenance string

	at []string // variables that say where it listens, when it is not the container's own
}

// sql runs an SQL script with psql in database db and copies what it prints to out.
func (s *Server) sql(ctx context.Context, db, script string, out io.Writer) error {
	args := client("psql", "-X", "-A", "-t", "-q",
		"-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse", "-v", "SHOW_CONTEXT=never",
		"-d", conninfo(db), "-f", "-")
	env := append(s.env(), "PGCLIENTENCODING=UTF8")
	return s.Exec.Exec(ctx, s.Container, args, env, strings.NewReader(preamble+script), out)
}

// query runs a script that prints one JSON document, and decodes it into v.
func (s *Server) query(ctx context.Context, db, script string, v any) error {
	var out bytes.Buffer
	if err := s.sql(ctx, db, script, &out); err != nil {
		return err
	}
	if !utf8.Valid(out.Bytes()) {
		return fmt.Errorf("database %q read: a name in it is not UTF-8", db)
	}
	if err := json.Unmarshal(out.Bytes(), v); err != nil {
		return fmt.Errorf("database %q read: %w", db, err)
	}
	return nil
}

// each runs a script that prints JSON documents, and decodes them in turn: use
// is called with a decoder's Decode.
func (s *Server) each(ctx context.Context, db, script string, use func(decode func(any) error) error) error {
	var out bytes.Buffer
	if err := s.sql(ctx, db, script, &out); err != nil {
		return err
	}
	if !utf8.Valid(out.Bytes()) {
		return fmt.Errorf("database %q read: a name in it is not UTF-8", db)
	}
	for d := json.NewDecoder(&out); ; {
		switch err := use(d.Decode); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("database %q read: %w", db, err)
		}
	}
}

func (s *Server) maintenance() string {
	if s.Maintenance == "" {
		return "postgres"
	}
	return s.Maintenance
}

// env is what every client gets: the name of the session and settings that
// outrank those of the database and the role.
func (s *Server) env(more ...string) []string {
	return append([]string{"PGAPPNAME=" + s.App, "PGOPTIONS=" + options(more...)}, s.at...)
}
