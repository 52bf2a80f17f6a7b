package rules

import (
	"path"
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// postgresLibcSwitch finds a PostgreSQL server that changes between Alpine
// and Debian and keeps its data folder.
func postgresLibcSwitch() *lint.Rule {
	return &lint.Rule{
		ID:        "postgres-libc-switch",
		Severity:  lint.Error,
		NeedsBase: true,
		Guards:    true,
		Doc: lint.Doc{
			Title: "PostgreSQL changes between Alpine and Debian on the same data",
			Why: "The two sort text by other rules (musl and glibc). Indexes that were built by one are wrong for the other:\n" +
				"rows are not found, and unique keys let duplicates in. PostgreSQL does not notice. Images built on Debian,\n" +
				"such as `pgvector/pgvector`, count as Debian. A dump and a restore into a new volume is safe.",
			Bad: `-- base/compose.yaml --
name: shop
services:
  db:
    image: postgres:16-alpine
    volumes:
      - data:/var/lib/postgresql/data
volumes:
  data:
-- compose.yaml --
name: shop
services:
  db:
    image: pgvector/pgvector:pg16
    volumes:
      - data:/var/lib/postgresql/data
volumes:
  data:
`,
			Good: `-- base/compose.yaml --
name: shop
services:
  db:
    image: postgres:16
    volumes:
      - data:/var/lib/postgresql/data
volumes:
  data:
-- compose.yaml --
name: shop
services:
  db:
    image: pgvector/pgvector:pg16
    volumes:
      - data:/var/lib/postgresql/data
volumes:
  data:
`,
		},
		Check: checkPostgresLibcSwitch,
	}
}

func checkPostgresLibcSwitch(p *lint.Pass) {
	for img := range p.Images(p.Stack) {
		svc := img.Service
		old := p.Base.Service(svc.Name)
		if old == nil || envOfChange(p) && len(old.Image.Vars) > 0 {
			continue
		}
		before, err := image.Parse(old.Image.Reveal())
		app, _ := p.App(svc)
		if was, _ := p.App(old); err != nil || app.ID != catalog.Postgres || was.ID != catalog.Postgres {
			continue
		}
		from, to := libc(before), libc(img.Ref)
		if from == "" || to == "" || from == to || !sameData(p, old, svc) {
			continue
		}
		f := p.Report(svc.Image.Span, svc,
			"stay with "+from+", or dump the databases and restore them into a new volume",
			"%s changes from %s to %s on the same data: indexes on text become wrong without a word", svc.Name, from, to)
		if use := svc.Image.Use; use != svc.Image.Span {
			f.Related = append(f.Related, lint.Related{Span: use, Message: svc.Name + " uses it here"})
		}
	}
}

// libc names the system of a PostgreSQL image, or "" where its tag does not
// say: a bare digest, or a suite that is neither.
func libc(ref image.Ref) string {
	switch {
	case strings.Contains(ref.Tag, "alpine"):
		return "Alpine"
	case ref.Tag == "" && ref.Digest != "":
		return ""
	case ref.Match("**/timescale/timescaledb"):
		return "Alpine" // its Debian variant is another repository, timescaledb-ha
	}
	return "Debian"
}

// sameData reports whether the PostgreSQL server old and its successor svc
// mount the same source for their data, as far as can be told.
func sameData(p *lint.Pass, old, svc *compose.Service) bool {
	return dataSource(p.Base, old) == dataSource(p.Stack, svc)
}

// dataSource is where the data of a PostgreSQL server lies: a volume by key,
// a folder below the stack's, or "".
func dataSource(s *compose.Stack, svc *compose.Service) string {
	for _, target := range []string{pgData17, pgHome} {
		if m := mountOf(svc, target); m.kind == kept {
			return sourceOf(s, svc, path.Clean(m.Target))
		}
	}
	return ""
}
