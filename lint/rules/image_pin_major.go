package rules

import "github.com/belaystack/belay/lint"

// imagePinMajor finds tags that say how an image is built and not which major
// version it holds. Tags such as latest are left to image-tag-floating.
func imagePinMajor() *lint.Rule {
	return &lint.Rule{
		ID:       "image-pin-major",
		Severity: lint.Error,
		Doc: lint.Doc{
			Title: "A tag names no major version where the policy asks for one",
			Why: "`redis:alpine` fixes the distribution and nothing else. A pull may bring the next major version, and a\n" +
				"database that has written its files in a new format does not go back: PostgreSQL refuses to start on the\n" +
				"old files, Redis 7.2 cannot read what 7.4 wrote.",
			Bad: `-- compose.yaml --
services:
  cache:
    image: redis:alpine
`,
			Good: `-- compose.yaml --
services:
  cache:
    image: redis:7-alpine
  db:
    image: pgvector/pgvector:0.8.6-pg16
`,
		},
		Check: checkImagePinMajor,
	}
}

func checkImagePinMajor(p *lint.Pass) {
	for img := range p.Images(p.Stack) {
		if looseIn(p, img) != noMajor {
			continue
		}
		reportImage(p, lint.Error, img, "put the major version that runs now before it; docker compose images shows it",
			"tag %s of %s names no version, and the policy asks for %s%s", tagOf(img), nameOf(img), asked(img, p.Env), origin(img))
	}
}
