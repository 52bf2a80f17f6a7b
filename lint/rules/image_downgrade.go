package rules

import (
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// imageDowngrade finds images that a change takes to an older version.
func imageDowngrade() *lint.Rule {
	return &lint.Rule{
		ID:        "image-downgrade",
		Severity:  lint.Error,
		NeedsBase: true,
		Guards:    true,
		Doc: lint.Doc{
			Title: "An image goes back to an older version",
			Why: "A newer version has changed the data: migrated tables, rewritten files. The older one starts on it and\n" +
				"fails, or worse, does not fail. The way down is a rollback that restores the data as well. Dify's `-fix`\n" +
				"releases count as newer than their base. It is a warning for images without data of their own, and a note\n" +
				"for a companion that the new Dify release ships at an older version. Tags that cannot be compared are\n" +
				"no finding.",
			Bad: `-- base/compose.yaml --
services:
  n8n:
    image: n8nio/n8n:2.41.3
-- compose.yaml --
services:
  n8n:
    image: n8nio/n8n:2.40.1
`,
			Good: `-- base/compose.yaml --
services:
  api:
    image: langgenius/dify-api:1.10.1
  cache:
    image: redis:7-alpine
-- compose.yaml --
services:
  api:
    image: langgenius/dify-api:1.10.1-fix.1
  cache:
    image: redis:7.2.4-alpine
`,
		},
		Check: checkImageDowngrade,
	}
}

func checkImageDowngrade(p *lint.Pass) {
	for _, c := range changes(p) {
		if c.order(p.Catalog) != image.Older {
			continue
		}
		app := c.now.App
		if api, ok := difyOf(p); ok && shippedAt(p, api, app, c.now) {
			reportImage(p, lint.Note, c.now, "nothing: read its release notes all the same",
				"%s goes back %s, as Dify %s ships it%s", nameOf(c.now), c.step(), tagOf(api), origin(c.now))
			continue
		}
		sev := lint.Warning
		if app.Stateful || app.Release != "" || c.now.Policy.Review {
			sev = lint.Error
		}
		reportImage(p, sev, c.now, "keep the newer version; the way down is a rollback, which restores the data too",
			"%s goes back %s%s", nameOf(c.now), c.step(), origin(c.now))
	}
}

// shippedAt reports whether img is the companion that Dify's release names.
func shippedAt(p *lint.Pass, api lint.Image, app catalog.App, img lint.Image) bool {
	release, ok := p.Catalog.Release(api.Ref.Tag)
	return ok && app.ID != "" && img.Ref.Tag != "" && isCompanion(api, app, img) && release.Companions[app.ID] == img.Ref.Tag
}
