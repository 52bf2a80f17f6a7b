package postgres

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
)

// Rows gives what one statement returns in a database, each row a list of texts, NULL as
// "". It runs in a transaction that cannot write. The error does not quote rows.
func (s *Server) Rows(ctx context.Context, db, statement string) ([][]string, error) {
	var out bytes.Buffer
	script := "BEGIN READ ONLY;\nCOPY (\n" + statement + "\n) TO STDOUT WITH (FORMAT csv, ENCODING 'UTF8');\nROLLBACK;\n"
	if err := s.sql(ctx, db, script, &out); err != nil {
		return nil, fmt.Errorf("database %q ask: %w", db, err)
	}
	in := csv.NewReader(&out)
	in.FieldsPerRecord = -1
	rows, err := in.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("database %q ask: %w", db, err)
	}
	return rows, nil
}
