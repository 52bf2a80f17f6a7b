package rules

import "github.com/belaystack/belay/lint"

// imageTagMissing finds images that a pull takes at whatever latest is then.
func imageTagMissing() *lint.Rule {
	return &lint.Rule{
		ID:       "image-tag-missing",
		Severity: lint.Error,
		Doc: lint.Doc{
			Title: "An image names neither a tag nor a digest",
			Why: "Docker reads a missing tag as `latest`. What runs then depends on the day of the pull, and no version is\n" +
				"written anywhere to go back to. It is an error for images that the policy names, and a warning for all\n" +
				"others. A service with `build:` is left out: its image is a name for what is built.",
			Bad: `-- compose.yaml --
services:
  proxy:
    image: nginx
`,
			Good: `-- compose.yaml --
services:
  proxy:
    image: nginx:1.28.0
  api:
    image: registry.example.com:5000/api
    build: .
`,
		},
		Check: checkImageTagMissing,
	}
}

func checkImageTagMissing(p *lint.Pass) {
	for img := range p.Images(p.Stack) {
		if looseIn(p, img) != noTag {
			continue
		}
		reportImage(p, pinSeverity(img), img, "write the version that runs now behind the name; docker compose images shows it",
			"image %s has no tag: docker takes latest, and the policy asks for %s%s", img.Shown, asked(img, p.Env), origin(img))
	}
}
