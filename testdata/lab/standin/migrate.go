package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// lockName and lockTTL are Dify's (api/extensions/ext_redis.py, api/commands).
const (
	lockName = "db_upgrade_lock"
	lockTTL  = 60 * time.Second
)

// upgradeDB is `flask upgrade-db`: it migrates when it gets the lock, and goes
// on without migrating when another has it, or had it when it was killed.
func upgradeDB(ctx context.Context, s *Settings) error {
	s.log("INFO", "Preparing database migration...")
	client := redisClient(s, 0)
	defer client.Close()
	got, err := client.SetNX(ctx, lockName, "1", lockTTL).Result()
	if err != nil {
		return fmt.Errorf("redis lock: %w", err)
	}
	if !got {
		s.log("INFO", "Database migration skipped")
		return nil
	}
	renewing, stop := context.WithCancel(ctx)
	defer stop()
	if !older(s.Version, "1.13.1") { // before that the lock goes after its time, whatever happens
		go renew(renewing, client)
	}
	s.log("INFO", "Starting database migration.")
	err = migrate(ctx, s)
	client.Del(context.WithoutCancel(ctx), lockName)
	if err == nil {
		s.log("INFO", "Database migration successful!")
		// The cache knows the release too: a rollback has to take Redis along.
		return client.Set(ctx, "dify:release", s.Version, 0).Err()
	}
	s.log("ERROR", "Database migration failed: %v", err)
	if s.has("servesbroken") || older(s.Version, "1.13.0") { // up to 1.12.1 the failure was only logged
		return nil
	}
	return fmt.Errorf("database migration: %w", err)
}

func renew(ctx context.Context, client *redis.Client) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(lockTTL / 3):
			client.Expire(ctx, lockName, lockTTL)
		}
	}
}

// migrate brings the database from its revision to the image's head.
func migrate(ctx context.Context, s *Settings) error {
	db, err := pgx.Connect(ctx, s.postgres(s.get("DB_DATABASE", "dify")))
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if _, err := db.Exec(ctx, `CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32) PRIMARY KEY)`); err != nil {
		return err
	}
	at, err := current(ctx, db)
	if err != nil {
		return err
	}
	known := difyRevisions[:head(s.Version)]
	done := 0
	if at != "" {
		done = 1 + slices.IndexFunc(known, func(r revision) bool { return r.id == at })
		if done == 0 {
			//lint:ignore ST1005 the application's own words
			return fmt.Errorf("Can't locate revision identified by '%s'", at)
		}
	}
	for i, r := range known[done:] {
		from := at
		if i > 0 {
			from = known[done+i-1].id
		}
		s.log("INFO", "Running upgrade %s -> %s, release %s", from, r.id, r.release)
		if err := apply(ctx, s, db, r); err != nil {
			return err
		}
	}
	if s.has("tworows") {
		if _, err := db.Exec(ctx, `INSERT INTO alembic_version VALUES ('0000deadbeef') ON CONFLICT DO NOTHING`); err != nil {
			return err
		}
	}
	if s.has("losesrows") && done < len(known) {
		_, err = db.Exec(ctx, `DELETE FROM document_segments WHERE position % 3 = 0`)
	}
	return err
}

// current returns the database's revision, "" for a database of none.
func current(ctx context.Context, db *pgx.Conn) (string, error) {
	rows, err := db.Query(ctx, `SELECT version_num FROM alembic_version`)
	if err != nil {
		return "", err
	}
	at, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return "", err
	}
	if len(at) > 1 {
		return "", fmt.Errorf("alembic_version has %d rows", len(at))
	}
	return strings.Join(at, ""), nil
}

// apply commits the first half, then the second with the new version number.
func apply(ctx context.Context, s *Settings, db *pgx.Conn, r revision) error {
	upgrade := r.id != difyRevisions[0].id
	for _, sql := range r.first { // each on its own, like an autocommit block
		if _, err := db.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", strings.SplitN(sql, "(", 2)[0], err)
		}
	}
	if upgrade {
		if err := pause(ctx, s); err != nil {
			return err
		}
		if s.has("failmigrate") || s.has("servesbroken") {
			_, err := db.Exec(ctx, `ALTER TABLE messages ADD CONSTRAINT messages_answer CHECK (length(answer) < 1)`)
			return err
		}
	}
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		for _, sql := range append(slices.Clone(r.then),
			`DELETE FROM alembic_version`, `INSERT INTO alembic_version VALUES ('`+r.id+`')`) {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return fmt.Errorf("%s: %w", strings.SplitN(sql, "(", 2)[0], err)
			}
		}
		if r.files == nil {
			return nil
		}
		return r.files(s.get("STORAGE_ROOT", "/app/api/storage"))
	})
}

// pause is how long a migration takes, 0 without the fault slowmigrate.
func pause(ctx context.Context, s *Settings) error {
	if !s.has("slowmigrate") && s.env["STANDIN_MIGRATE_SECONDS"] == "" {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(s.seconds("STANDIN_MIGRATE_SECONDS", 10)):
		return nil
	}
}

// moveFiles is what 1.14.0 does to the files: adds, rewrites, moves and removes.
func moveFiles(root string) error {
	if err := os.WriteFile(filepath.Join(root, ".dify_secret_key"), []byte("written-by-1.14\n"), 0o600); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(root, "legacy.idx")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	old := filepath.Join(root, "upload_files", "note.txt")
	if _, err := os.Stat(old); err != nil {
		return nil
	}
	if err := os.Chmod(old, 0o600); err != nil {
		return err
	}
	return os.Rename(old, filepath.Join(root, "upload_files", "note-moved.txt"))
}

// flask answers `flask db heads|current|upgrade` and `flask upgrade-db`.
func flask(ctx context.Context, s *Settings, args []string) error {
	switch strings.Join(args, " ") {
	case "db heads":
		fmt.Println(difyRevisions[head(s.Version)-1].id, "(head)")
		return nil
	case "db current":
		db, err := pgx.Connect(ctx, s.postgres(s.get("DB_DATABASE", "dify")))
		if err != nil {
			return err
		}
		defer db.Close(context.WithoutCancel(ctx))
		at, err := current(ctx, db)
		if at == difyRevisions[head(s.Version)-1].id {
			at += " (head)"
		}
		fmt.Println(at)
		return err
	case "db upgrade":
		return migrate(ctx, s)
	case "upgrade-db":
		return upgradeDB(ctx, s)
	}
	return fmt.Errorf("flask: no such command %q", strings.Join(args, " "))
}
