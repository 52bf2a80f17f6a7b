package rules

import (
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// imageMajorJump finds images that a change takes to another major version.
func imageMajorJump() *lint.Rule {
	return &lint.Rule{
		ID:        "image-major-jump",
		Severity:  lint.Error,
		NeedsBase: true,
		Guards:    true,
		Doc: lint.Doc{
			Title: "An image changes its major version",
			Why: "A new major PostgreSQL does not start on the files of the old one: it needs a dump, a new volume and a\n" +
				"restore. Weaviate is upgraded one minor version at a time. Both are errors. Other images break things with\n" +
				"a major version on purpose, and databases write a format that the old version cannot read: a warning.",
			Bad: `-- base/compose.yaml --
services:
  db:
    image: pgvector/pgvector:pg16
-- compose.yaml --
services:
  db:
    image: pgvector/pgvector:pg17
`,
			Good: `-- base/compose.yaml --
services:
  db:
    image: pgvector/pgvector:0.8.5-pg16
  minio:
    image: minio/minio:RELEASE.2023-03-20T20-16-18Z
-- compose.yaml --
services:
  db:
    image: pgvector/pgvector:0.8.6-pg16
  minio:
    image: minio/minio:RELEASE.2024-01-01T00-00-00Z
`,
		},
		Check: checkImageMajorJump,
	}
}

func checkImageMajorJump(p *lint.Pass) {
	for _, c := range changes(p) {
		if c.order(p.Catalog) != image.Newer {
			continue
		}
		app := c.now.App
		old, now := c.old.Ref.Read().Version, c.now.Ref.Read().Version
		from, to, ok := c.postgres()
		switch {
		case ok && from != to:
			reportImage(p, lint.Error, c.now, "give it a change of its own: dump all databases, restore them into a new volume, keep the old one",
				"PostgreSQL goes %s: the new server does not start on the old files%s", c.step(), origin(c.now))
		case ok:
		case app.ID == catalog.Weaviate && now.Skips(old):
			reportImage(p, lint.Error, c.now, "go up one minor version at a time, and let each one start in between",
				"Weaviate goes %s and leaves versions out%s", c.step(), origin(c.now))
		case jumps(old, now):
			reportImage(p, lint.Warning, c.now, "read the notes of the new major version, and make it a change of its own",
				"%s goes to another major version, %s%s", nameOf(c.now), c.step(), origin(c.now))
		}
	}
}

// jumps reports whether the first number goes up, and is no year.
func jumps(old, now image.Version) bool {
	from, okFrom := old.Major()
	to, okTo := now.Major()
	return okFrom && okTo && to > from && !old.Calendar()
}
