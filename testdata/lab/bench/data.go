package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/postgres"
)

// dumps compares Belay's way of dumping, checksums and fsync included, with pg_dump's.
func (b *bench) dumps(ctx context.Context) error {
	db, err := b.big(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("  a database of %d MB\n", db.Size>>20)
	if err := b.applications(ctx, "stop"); err != nil {
		return err
	}
	bare := func(script string) func(context.Context) (int64, error) {
		return func(ctx context.Context) (int64, error) {
			to := filepath.Join(b.work, "bare")
			if err := shell(ctx, script, b.server.Container, to, b.user); err != nil {
				return 0, err
			}
			return sizeOf(to)
		}
	}
	err = b.inTurn(ctx, []*way{
		{name: "belay", do: b.dump},
		{name: "pg_dump -Fc", do: bare(`docker exec "$1" pg_dump -U "$3" -Fc dify >"$2"`)},
		{name: "pg_dump -Fc -Z0 | zstd -3", do: bare(`docker exec "$1" pg_dump -U "$3" -Fc -Z0 dify | zstd -q -3 -f -o "$2"`)},
		{name: "pg_dump -Fc -Z0 >/dev/null", do: bare(`docker exec "$1" pg_dump -U "$3" -Fc -Z0 dify | cat >/dev/null; : >"$2"`)},
	})
	if err != nil {
		return err
	}
	return b.applications(ctx, "start")
}

func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), os.Remove(path)
}

// dump writes one database into a backup of its own.
func (b *bench) dump(ctx context.Context) (int64, error) {
	store := &backup.Store{Dir: filepath.Join(b.work, "backups")}
	w, err := store.Create(fmt.Sprintf("bench-%d", time.Now().UnixNano()))
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(store.Dir)
	defer w.Abort()
	c, err := w.Add(backup.KindDatabase)
	if err != nil {
		return 0, err
	}
	if err := c.CloseWithError(b.server.Dump(ctx, "dify", c)); err != nil {
		return 0, err
	}
	files, err := filepath.Glob(filepath.Join(store.Dir, "*", c.Name()))
	if err != nil || len(files) != 1 {
		return 0, fmt.Errorf("the dump is not where it was to be: %v", err)
	}
	return sizeOf(files[0])
}

// back compares the ways back: the clone swapped in, and the dump restored.
func (b *bench) back(ctx context.Context) error {
	db, err := b.big(ctx)
	if err != nil {
		return err
	}
	if err := b.applications(ctx, "stop"); err != nil {
		return err
	}
	archive := filepath.Join(b.work, "archive")
	if err := shell(ctx, `docker exec "$1" pg_dump -U "$3" -Fc -Z0 dify >"$2"`, b.server.Container, archive, b.user); err != nil {
		return err
	}
	defer os.Remove(archive)
	var clones, swaps, restores []cost
	for r := range b.rounds {
		clone := postgres.Copy{Kind: postgres.Clone, Run: fmt.Sprintf("20260101T%06dZ-aaaa", r), Of: db.Name}
		fresh := postgres.Copy{Kind: postgres.Fresh, Run: fmt.Sprintf("20260101T%06dZ-bbbb", r), Of: db.Name}
		err := errors.Join(
			b.once(&clones, func() error { _, err := b.server.Clone(ctx, db, clone.Run); return err }),
			b.once(&swaps, func() error { return b.server.Swap(ctx, db, clone) }),
			b.once(&restores, func() error { return b.restore(ctx, db, fresh, archive) }),
		)
		for _, c := range []postgres.Copy{clone, fresh} {
			c.Kind = postgres.Failed
			err = errors.Join(err, b.server.Drop(ctx, c.Name()))
		}
		if err != nil {
			return err
		}
	}
	fmt.Printf("  clone, before the upgrade   %6.2f s\n  swap of the clone           %6.2f s\n  restore, ANALYZE and swap   %6.2f s\n",
		median(clones, wall), median(swaps, wall), median(restores, wall))
	fmt.Printf("  the way back by clone takes %.3f of that by restore; making the clone as well %.3f\n",
		ratio(swaps, restores, wall), (median(clones, wall)+median(swaps, wall))/median(restores, wall))
	return b.applications(ctx, "start")
}

// once measures one thing once.
func (b *bench) once(into *[]cost, do func() error) error {
	syscall.Sync()
	begun := time.Now()
	err := do()
	*into = append(*into, cost{wall: time.Since(begun).Seconds()})
	return err
}

// restore fills a new database from an archive and puts it in the place of the old.
func (b *bench) restore(ctx context.Context, db postgres.Database, fresh postgres.Copy, archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := b.server.Create(ctx, db, fresh); err != nil {
		return err
	}
	if err := b.server.Restore(ctx, fresh, f); err != nil {
		return err
	}
	if _, err := b.server.Finish(ctx, db, fresh); err != nil {
		return err
	}
	return b.server.Swap(ctx, db, fresh)
}
