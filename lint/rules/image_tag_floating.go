package rules

import "github.com/belaystack/belay/lint"

// imageTagFloating finds tags that name no version where one is asked for.
func imageTagFloating() *lint.Rule {
	return &lint.Rule{
		ID:       "image-tag-floating",
		Severity: lint.Error,
		Doc: lint.Doc{
			Title: "A tag floats where the policy asks for a version",
			Why: "`latest`, `stable` or `main` move. The next pull brings another version without a change that anyone\n" +
				"reviewed, and after a failure nobody knows which version to go back to. In dev the built-in policy lets\n" +
				"Dify and n8n float. It is an error for images that the policy names, and a warning for all others.",
			Bad: `-- compose.yaml --
services:
  api:
    image: langgenius/dify-api:${DIFY_VERSION:-latest}
`,
			Good: `-- compose.yaml --
services:
  api:
    image: langgenius/dify-api:${DIFY_VERSION:-1.13.3}
`,
		},
		Check: checkImageTagFloating,
	}
}

func checkImageTagFloating(p *lint.Pass) {
	for img := range p.Images(p.Stack) {
		if looseIn(p, img) != floating {
			continue
		}
		reportImage(p, pinSeverity(img), img, "write the version that runs now; docker compose images shows it",
			"tag %s of %s floats, and the policy asks for %s%s", tagOf(img), nameOf(img), asked(img, p.Env), origin(img))
	}
}
