package postgres

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Dump writes an archive of a database to w: pg_dump's custom format, not
// compressed, since w does that better and faster. It holds neither what
// Database does nor the roles. What was written before an error is no archive.
func (s *Server) Dump(ctx context.Context, db string, w io.Writer) error {
	args := client("pg_dump", "-w", "-Fc", "-Z0", "-d", conninfo(db))
	if err := s.Exec.Exec(ctx, s.Container, args, s.env(), nil, w); err != nil {
		return fmt.Errorf("database %q dump: %w", db, err)
	}
	return nil
}

// Globals writes the server's roles, with the hashes of their passwords, their
// memberships and settings, and the tablespaces to w, as SQL in UTF-8.
func (s *Server) Globals(ctx context.Context, w io.Writer) error {
	args := client("pg_dumpall", "-w", "--globals-only", "--encoding=UTF8", "-l", s.maintenance())
	if err := s.Exec.Exec(ctx, s.Container, args, s.env(), nil, w); err != nil {
		return fmt.Errorf("roles dump: %w", err)
	}
	return nil
}

// Contents is what an archive holds.
type Contents struct {
	Tables       map[string]int64 `json:"tables"` // rows, by schema.table as in a Fingerprint
	LargeObjects int64            `json:"large_objects"`
}

// Check has pg_restore read an archive to its end, as a restore would, and
// counts the rows in it.
func (s *Server) Check(ctx context.Context, archive io.Reader) (*Contents, error) {
	r, w := io.Pipe()
	type result struct {
		contents *Contents
		err      error
	}
	counted := make(chan result, 1)
	go func() {
		c, err := count(r)
		r.CloseWithError(err) // ends the command when the text is not what was expected
		counted <- result{c, err}
	}()
	args := client("pg_restore", "--data-only", "-f", "-")
	err := s.Exec.Exec(ctx, s.Container, args, s.env(), archive, w)
	w.CloseWithError(err)
	c := <-counted
	if c.err != nil && !errors.Is(c.err, err) {
		err = errors.Join(c.err, err)
	}
	if err != nil {
		return nil, fmt.Errorf("archive check: %w", err)
	}
	return c.contents, nil
}

// count reads the SQL that pg_restore --data-only writes.
func count(r io.Reader) (*Contents, error) {
	c := &Contents{Tables: map[string]int64{}}
	in := bufio.NewReaderSize(r, 1<<20)
	table := "" // whose rows are being read
	for {
		line, err := readLine(in)
		if err != nil {
			if errors.Is(err, io.EOF) && table == "" && len(line) == 0 {
				return c, nil
			}
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		switch {
		case table != "" && string(line) == "\\.\n":
			table = ""
		case table != "":
			c.Tables[table]++
		case bytes.HasPrefix(line, []byte("COPY ")):
			if table, err = copyTarget(string(line), in); err != nil {
				return nil, err
			}
			c.Tables[table] += 0
		case bytes.HasPrefix(line, []byte("SELECT pg_catalog.lo_open(")):
			c.LargeObjects++
		}
	}
}

// readLine reads a line to its end and returns its start, as far as it fits.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	line = bytes.Clone(line[:64])
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = in.ReadSlice('\n')
	}
	return line, err
}

// copyTarget takes the table out of "COPY schema.table (columns) FROM stdin;",
// which goes on in further lines when a name has a line break.
func copyTarget(line string, in *bufio.Reader) (string, error) {
	for !strings.HasSuffix(line, " FROM stdin;\n") {
		more, err := in.ReadString('\n')
		if err != nil {
			return "", err
		}
		line += more
	}
	schema, rest, ok := cutIdent(strings.TrimPrefix(line, "COPY "))
	if !ok || !strings.HasPrefix(rest, ".") {
		return "", errors.New("a table's name in it cannot be read")
	}
	name, _, ok := cutIdent(rest[1:])
	if !ok {
		return "", errors.New("a table's name in it cannot be read")
	}
	return qualified(schema, name), nil
}

// cutIdent takes an identifier, quoted or not, off the start of a text.
func cutIdent(text string) (name, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ". (;")
		if end <= 0 {
			return "", "", false
		}
		return text[:end], text[end:], true
	}
	for rest = text[1:]; ; {
		part, tail, found := strings.Cut(rest, `"`)
		if !found {
			return "", "", false
		}
		name, rest = name+part, tail
		if !strings.HasPrefix(rest, `"`) {
			return name, rest, true
		}
		name, rest = name+`"`, rest[1:]
	}
}
