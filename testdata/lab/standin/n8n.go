package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// n8nMigration has the release it came with, as numbers to compare.
type n8nMigration struct {
	major, minor int
	stamp        int64
	name         string
	sql          string
}

var n8nMigrations = []n8nMigration{
	{1, 0, 1587669153312, "InitialMigration1587669153312", `CREATE TABLE credentials_entity (id varchar(36) PRIMARY KEY, name varchar(128) NOT NULL, data text NOT NULL, type varchar(128) NOT NULL);
		CREATE TABLE workflow_entity (id varchar(36) PRIMARY KEY, name varchar(128) NOT NULL, active boolean NOT NULL, nodes json NOT NULL, "versionId" char(36));
		CREATE TABLE execution_entity (id serial PRIMARY KEY, "workflowId" varchar(36), mode varchar(40) NOT NULL DEFAULT 'webhook', status varchar(40) NOT NULL, "startedAt" timestamptz, "deletedAt" timestamptz);
		CREATE TABLE settings (key varchar(255) PRIMARY KEY, value text NOT NULL)`},
	{1, 91, 1740445074052, "UpdateParentFolderIdColumn1740445074052", `CREATE TABLE folder (id varchar(36) PRIMARY KEY, name varchar(128)); ALTER TABLE workflow_entity ADD COLUMN "parentFolderId" varchar(36)`},
	{1, 98, 1745322634000, "CleanEvaluations1745322634000", `CREATE TABLE test_run (id varchar(36) PRIMARY KEY, status varchar(40)); UPDATE workflow_entity SET "versionId" = md5(id) WHERE "versionId" IS NULL`},
	{2, 0, 1762763704614, "BackfillMissingWorkflowHistoryRecords1762763704614", `ALTER TABLE workflow_entity ADD COLUMN "activeVersionId" varchar(36), ADD COLUMN "isArchived" boolean NOT NULL DEFAULT false; UPDATE workflow_entity SET "activeVersionId" = "versionId" WHERE active`},
}

type n8nServer struct {
	s     *Settings
	db    *pgxpool.Pool
	ready atomic.Bool
}

// n8n listens first and migrates then, as n8n does.
func n8n(ctx context.Context, s *Settings) error {
	if err := encryptionKey(s); err != nil {
		return err
	}
	pool, err := n8nPool(ctx, s)
	if err != nil {
		return err
	}
	defer pool.Close()
	server := &n8nServer{s: s, db: pool}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := server.migrate(ctx); err != nil {
			fmt.Printf("There was an error running database migrations\n%v\n", err)
			cancel(err)
			return
		}
		server.ready.Store(true)
		fmt.Printf("Version: %s\nn8n ready on ::, port 5678\n", s.Version)
	}()
	err = serve(ctx, s, 5678, server)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// n8nCommand is n8n called by hand: each of its commands migrates first, and ends with 1
// when that fails.
func n8nCommand(ctx context.Context, s *Settings, args []string) error {
	if err := encryptionKey(s); err != nil {
		return err
	}
	pool, err := n8nPool(ctx, s)
	if err != nil {
		return err
	}
	defer pool.Close()
	server := &n8nServer{s: s, db: pool}
	if err := server.migrate(ctx); err != nil {
		return fmt.Errorf("there was an error running database migrations: %w", err)
	}
	switch args[0] {
	case "list:workflow":
		return nil
	case "export:credentials":
		var n int
		if err := pool.QueryRow(ctx, `SELECT count(*) FROM credentials_entity`).Scan(&n); err != nil {
			return err
		}
		if n == 0 {
			//lint:ignore ST1005 the application's own words
			return errors.New("No credentials found with specified filters")
		}
		fmt.Printf("Successfully exported %d credentials.\n", n)
		return nil
	}
	return fmt.Errorf("n8n: no such command %q", args[0])
}

func n8nPool(ctx context.Context, s *Settings) (*pgxpool.Pool, error) {
	s.env["DB_USERNAME"], s.env["DB_PASSWORD"] = s.env["DB_POSTGRESDB_USER"], s.env["DB_POSTGRESDB_PASSWORD"]
	s.env["DB_HOST"], s.env["DB_PORT"] = s.get("DB_POSTGRESDB_HOST", "postgres"), s.get("DB_POSTGRESDB_PORT", "5432")
	return pgxpool.New(ctx, s.postgres(s.get("DB_POSTGRESDB_DATABASE", "n8n")))
}

// encryptionKey keeps the key in ~/.n8n/config and refuses another.
func encryptionKey(s *Settings) error {
	dir := filepath.Join(s.get("HOME", "/home/node"), ".n8n")
	path := filepath.Join(dir, "config")
	key := s.env["N8N_ENCRYPTION_KEY"]
	if data, err := os.ReadFile(path); err == nil {
		var config struct{ EncryptionKey string }
		if err := json.Unmarshal(data, &config); err != nil {
			return err
		}
		if key != "" && key != config.EncryptionKey {
			//lint:ignore ST1005 the application's own words
			return fmt.Errorf("Mismatching encryption keys. The encryption key in the settings file %s does not match the N8N_ENCRYPTION_KEY env var.", path)
		}
		return nil
	}
	if key == "" {
		fmt.Println("No encryption key found - Auto-generating and saving to:", path)
		key = "generated-by-the-stand-in"
	}
	data, err := json.Marshal(map[string]string{"encryptionKey": key})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// includes tells whether the image's release has the migration.
func (m n8nMigration) includes(version string) bool {
	parts := strings.Split(version, ".")
	major, _ := strconv.Atoi(parts[0])
	minor, _ := strconv.Atoi(parts[min(1, len(parts)-1)])
	return major > m.major || major == m.major && minor >= m.minor
}

func (n *n8nServer) migrate(ctx context.Context) error {
	if _, err := n.db.Exec(ctx, `CREATE TABLE IF NOT EXISTS migrations (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL)`); err != nil {
		return err
	}
	var done int
	for _, m := range n8nMigrations {
		if err := n.db.QueryRow(ctx, `SELECT count(*) FROM migrations WHERE name = $1`, m.name).Scan(&done); err != nil {
			return err
		}
		if done > 0 || !m.includes(n.s.Version) {
			continue
		}
		fmt.Printf("Migrations in progress, please do NOT stop the process.\nStarting migration %s\n", m.name)
		if m.major+m.minor > 1 {
			if err := pause(ctx, n.s); err != nil {
				return err
			}
		}
		if err := n.apply(ctx, m); err != nil {
			return fmt.Errorf("migration %q failed: %w", m.name, err)
		}
		fmt.Printf("Finished migration %s\n", m.name)
	}
	return nil
}

func (n *n8nServer) apply(ctx context.Context, m n8nMigration) error {
	return pgx.BeginFunc(ctx, n.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, m.sql); err != nil {
			return err
		}
		if n.s.has("failmigrate") && m.minor > 0 {
			return errors.New(`duplicate key value violates unique constraint "pk_workflow"`)
		}
		_, err := tx.Exec(ctx, `INSERT INTO migrations (timestamp, name) VALUES ($1, $2)`, m.stamp, m.name)
		return err
	})
}

// ServeHTTP answers every path with 200 while it migrates, as n8n does.
func (n *n8nServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/healthz":
		answer(w, 200, map[string]string{"status": "ok"})
	case r.URL.Path == "/healthz/readiness":
		if !n.ready.Load() || n.s.has("unhealthy") || n.db.Ping(r.Context()) != nil {
			answer(w, 503, map[string]string{"status": "error"})
			return
		}
		answer(w, 200, map[string]string{"status": "ok"})
	case !n.ready.Load():
		fmt.Fprint(w, "n8n is starting up. Please wait")
	case r.URL.Path == "/rest/login":
		answer(w, 401, map[string]any{"status": "error", "message": "Unauthorized"})
	case r.URL.Path == "/api/v1/workflows":
		n.workflows(w, r)
	default:
		fmt.Fprintf(w, "<!doctype html><title>n8n</title><p>n8n %s (a stand-in)</p>\n", n.s.Version)
	}
}

// workflows lists them, all in one page.
func (n *n8nServer) workflows(w http.ResponseWriter, r *http.Request) {
	var known bool
	key := r.Header.Get("X-N8N-API-KEY")
	if err := n.db.QueryRow(r.Context(), `SELECT EXISTS (SELECT FROM settings WHERE key = 'lab.apiKey' AND value = $1)`, key).Scan(&known); err != nil || !known {
		answer(w, 401, map[string]string{"message": "unauthorized"})
		return
	}
	rows, err := n.db.Query(r.Context(), `SELECT id, name, active FROM workflow_entity WHERE $1 = '' OR active::text = $1 ORDER BY id`, r.URL.Query().Get("active"))
	if err != nil {
		answer(w, 500, map[string]string{"message": "internal error"})
		return
	}
	type workflow struct {
		ID     string `json:"id"`
		Name   string `json:"name"`
		Active bool   `json:"active"`
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[workflow])
	if err != nil {
		answer(w, 500, map[string]string{"message": "internal error"})
		return
	}
	answer(w, 200, map[string]any{"data": list, "nextCursor": nil})
}
