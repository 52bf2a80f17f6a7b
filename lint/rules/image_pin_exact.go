package rules

import "github.com/belaystack/belay/lint"

// imagePinExact finds tags that name a line of releases where one release is
// asked for.
func imagePinExact() *lint.Rule {
	return &lint.Rule{
		ID:       "image-pin-exact",
		Severity: lint.Warning,
		Doc: lint.Doc{
			Title: "A tag is looser than the policy's version",
			Why: "`2` and `2.41` move with every release of that line. The sandbox, the plugin daemon and Weaviate must fit\n" +
				"the Dify release to the last number, and n8n migrates its database with each version.",
			Bad: `-- compose.yaml --
services:
  n8n:
    image: n8nio/n8n:2.41
`,
			Good: `-- compose.yaml --
services:
  n8n:
    image: n8nio/n8n:2.41.3
  plugin_daemon:
    image: langgenius/dify-plugin-daemon:0.5.3-local
`,
		},
		Check: checkImagePinExact,
	}
}

func checkImagePinExact(p *lint.Pass) {
	for img := range p.Images(p.Stack) {
		if looseIn(p, img) != notExact {
			continue
		}
		reportImage(p, lint.Warning, img, "write the release that runs now; docker compose images shows it",
			"tag %s of %s fixes no more than a %s version, and the policy asks for %s%s",
			tagOf(img), nameOf(img), img.Ref.Read().Pin, asked(img, p.Env), origin(img))
	}
}
