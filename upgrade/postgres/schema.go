package postgres

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"strings"
)

// schema hashes the definition of each object, by its type, schema and name:
// what pg_dump --schema-only says of it, with owner and privileges.
func (s *Server) schema(ctx context.Context, db string) (map[string]string, error) {
	var out bytes.Buffer
	args := client("pg_dump", "-w", "--schema-only", "-d", conninfo(db))
	if err := s.Exec.Exec(ctx, s.Container, args, s.env(), nil, &out); err != nil {
		return nil, err
	}
	return objects(out.String()), nil
}

// entry is the comment before each object (_printTocEntry of pg_backup_archiver.c).
var entry = regexp.MustCompile(`(?m)^--\n-- Name: (.*); Type: ([^;\n]*); Schema: ([^\n]*); Owner: (.*)\n--\n`)

// objects splits the text of pg_dump and hashes its parts. What stands before
// the first one tells versions, and PostgreSQL's own key of this very dump.
// Two objects of one name are hashed together, in whatever order.
func objects(text string) map[string]string {
	found := map[string]string{}
	heads := entry.FindAllStringSubmatchIndex(text, -1)
	parts := map[string][]string{}
	for i, h := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		part := func(n int) string { return text[h[2*n]:h[2*n+1]] }
		name := part(1)
		if part(3) != "-" {
			name = part(3) + "." + name
		}
		key := part(2) + " " + name
		parts[key] = append(parts[key], hash(part(4), normal(text[h[1]:end])))
	}
	for key, list := range parts {
		if len(list) > 1 {
			slices.Sort(list)
		}
		found[key] = hash(strings.Join(list, " "))
	}
	return found
}

var (
	// noise is what pg_dump says between objects, about the next one or the file.
	noise = regexp.MustCompile(`(?m)^(SET default_(tablespace|table_access_method) = .*;|\\(un)?restrict .*|-- PostgreSQL database dump complete|--)$`)
	// casts are written differently once an expression was restored: of
	// (ARRAY['a'::character varying])::text[] becomes ARRAY[('a'::character varying)::text].
	casts = regexp.MustCompile(`::(text|character varying)(\[\])?|[()\s]+`)
)

// normal is a definition without what changes when it is dumped and restored.
func normal(text string) string {
	return casts.ReplaceAllString(noise.ReplaceAllString(text, ""), "")
}
