package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

// plugin is Dify's plugin daemon: a database of its own, which it makes when it
// is missing and changes without a version table, and files.
func plugin(ctx context.Context, s *Settings) error {
	name := s.get("DB_DATABASE", "dify_plugin")
	if err := ensureDatabase(ctx, s, name); err != nil {
		return err
	}
	db, err := pgx.Connect(ctx, s.postgres(name))
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if err := autoMigrate(ctx, s, db); err != nil {
		return err
	}
	if err := pluginFiles(s); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health/check", func(w http.ResponseWriter, _ *http.Request) {
		health := map[string]any{"status": "ok", "pool_status": map[string]int{"size": 1}, "version": s.Version, "build_time": "2026-01-01T00:00:00Z", "platform": "local"}
		if !older(s.Version, "0.2.0") {
			health["active_requests"], health["active_dispatch_requests"] = 1, 0 // the question itself is one
		}
		answer(w, 200, health)
	})
	return serve(ctx, s, 5002, mux)
}

// ensureDatabase makes the database when it is missing, silently (internal/db/pg
// of the real one): a restore that forgets it gives an empty set of plugins.
func ensureDatabase(ctx context.Context, s *Settings, name string) error {
	db, err := pgx.Connect(ctx, s.postgres("postgres"))
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	var n int
	if err := db.QueryRow(ctx, `SELECT count(*) FROM pg_database WHERE datname = $1`, name).Scan(&n); err != nil || n > 0 {
		return err
	}
	_, err = db.Exec(ctx, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize())
	return err
}

// autoMigrate only ever adds, as GORM's does.
func autoMigrate(ctx context.Context, s *Settings, db *pgx.Conn) error {
	sql := []string{
		`CREATE TABLE IF NOT EXISTS plugins (id uuid PRIMARY KEY, plugin_unique_identifier text NOT NULL, refers int NOT NULL DEFAULT 1)`,
		`CREATE TABLE IF NOT EXISTS plugin_installations (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, plugin_id text NOT NULL, created_at timestamptz NOT NULL DEFAULT now())`,
		`CREATE TABLE IF NOT EXISTS tenant_storages (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, size bigint NOT NULL DEFAULT 0)`,
	}
	if !strings.HasPrefix(s.Version, "0.5.") {
		sql = append(sql,
			`CREATE TABLE IF NOT EXISTS plugin_readme_records (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), plugin_unique_identifier text, language text)`,
			`ALTER TABLE plugin_installations ADD COLUMN IF NOT EXISTS runtime_type varchar(127) NOT NULL DEFAULT 'local'`,
			`UPDATE plugins SET refers = refers + 1`)
	}
	for _, q := range sql {
		if _, err := db.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// pluginFiles lays out the working folders; 0.6 unpacks its plugins anew.
func pluginFiles(s *Settings) error {
	root := s.get("PLUGIN_STORAGE_LOCAL_ROOT", "/app/storage")
	for _, dir := range []string{"plugin", "plugin_packages", "assets", "cwd"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	if strings.HasPrefix(s.Version, "0.5.") {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(root, "cwd")); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(root, "cwd"), 0o750); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "cwd", "runtime"), []byte(s.Version+"\n"), 0o600)
}
