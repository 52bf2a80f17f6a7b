package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// postgresDataPath finds volumes of a PostgreSQL server at a path where its
// image does not keep the data. Facts from docker-library/postgres, the
// Dockerfiles and entrypoints of 17 and 18.
func postgresDataPath() *lint.Rule {
	return &lint.Rule{
		ID:       "postgres-data-path",
		Severity: lint.Error,
		Doc: lint.Doc{
			Title: "A PostgreSQL volume is mounted where this version does not keep its data",
			Why: "Up to 17 the image keeps its data in `/var/lib/postgresql/data`, and makes an anonymous volume there: a\n" +
				"mount at `/var/lib/postgresql` stays empty, and the data goes with the container. From 18 on the data is in\n" +
				"`/var/lib/postgresql/18/docker`, the mount belongs at `/var/lib/postgresql`, and with one at\n" +
				"`/var/lib/postgresql/data` the image refuses to start. With `PGDATA` set to a folder below the mount, as in\n" +
				"Dify's file, the data is in the mount with either; files of another major version are still refused.",
			Bad: `-- compose.yaml --
name: shop
services:
  db:
    image: postgres:18
    volumes:
      - db_data:/var/lib/postgresql/data
  old:
    image: pgvector/pgvector:pg16
    volumes:
      - old_data:/var/lib/postgresql
volumes:
  db_data:
  old_data:
`,
			Good: `-- compose.yaml --
name: shop
services:
  db:
    image: postgres:18
    volumes:
      - db_data:/var/lib/postgresql
  old:
    image: pgvector/pgvector:pg16
    volumes:
      - old_data:/var/lib/postgresql/data
  dify:
    image: postgres:15-alpine
    environment:
      PGDATA: /var/lib/postgresql/data/pgdata
    volumes:
      - dify_data:/var/lib/postgresql/data
volumes:
  db_data:
  old_data:
  dify_data:
`,
		},
		Check: checkPostgresDataPath,
	}
}

// The folders of the official image. What is built on it keeps them.
const (
	pgHome   = "/var/lib/postgresql"
	pgData17 = pgHome + "/data" // PGDATA and VOLUME up to 17; 18 refuses a mount here
)

func checkPostgresDataPath(p *lint.Pass) {
	for img := range p.Images(p.Stack) {
		svc := img.Service
		app, _ := p.App(svc)
		major, ok := image.PostgresMajor(img.Ref)
		if !ok || !isOfficialPostgres(app, img.Ref) {
			continue
		}
		pgdata, set := pgdataOf(svc)
		if !path.IsAbs(pgdata) && set {
			continue // not known, or something the image refuses itself
		}
		if major >= 18 {
			checkPostgres18(p, img, pgdata)
			continue
		}
		if !set {
			pgdata = pgData17
		}
		// The image's own anonymous volume covers what is mounted above it.
		if m := mountOf(svc, pgdata); within(pgdata, pgData17) && m.kind == kept && m.Target != "" && !within(path.Clean(m.Target), pgData17) {
			p.Report(svc.MountAt(m.Target), svc, "dump the databases first: they are in the anonymous volume; then mount the volume at "+pgData17,
				"up to 17, %s keeps its data in an anonymous volume at %s, not in the one mounted at %s", img.Shown, pgData17, pgHome)
		}
	}
}

// checkPostgres18 reports the mount that the entrypoint of 18 and later stops
// at. It looks only when PGDATA is the image's own.
func checkPostgres18(p *lint.Pass, img lint.Image, pgdata string) {
	svc := img.Service
	if pgdata != "" && !strings.HasSuffix(pgdata, "/docker") {
		return
	}
	if m := mountOf(svc, pgData17); path.Clean(m.Target) == pgData17 {
		p.Report(svc.MountAt(m.Target), svc,
			"for an empty volume mount it at "+pgHome+"; data of an older major needs a dump and a restore into a new one",
			"from 18 on, %s refuses to start with a mount at %s", img.Shown, pgData17)
	}
}

// isOfficialPostgres reports whether ref is the official PostgreSQL image, or
// one that is built on it and keeps its folders.
func isOfficialPostgres(app catalog.App, ref image.Ref) bool {
	return app.ID == catalog.Postgres && !slices.ContainsFunc(
		[]string{"**/supabase/postgres", "**/timescale/timescaledb-ha", "**/bitnami/*", "**/bitnamilegacy/*", "**/cloudnative-pg/*"}, ref.Match)
}

// pgdataOf gives PGDATA as the container gets it, and whether it is set.
func pgdataOf(svc *compose.Service) (dir string, set bool) {
	v, ok := svc.Env("PGDATA")
	if !ok || v.Reveal() == "" {
		return "", ok && len(v.Vars) > 0
	}
	return path.Clean(v.Reveal()), true
}
