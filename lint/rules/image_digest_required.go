package rules

import "github.com/belaystack/belay/lint"

// imageDigestRequired finds images without a digest where the policy asks for
// one. The built-in policy never does.
func imageDigestRequired() *lint.Rule {
	return &lint.Rule{
		ID:       "image-digest-required",
		Severity: lint.Warning,
		Doc: lint.Doc{
			Title: "An image has no digest where the policy asks for one",
			Why: "A publisher can push other content under an old tag. A digest names the content itself. The built-in policy\n" +
				"asks for none, since a tag with a digest needs a tool such as Renovate to stay current.",
			Bad: `-- belay.yml --
version: 1
policy:
  images:
    - match: axllent/mailpit
      prod: exact
      digest: true
-- compose.yaml --
services:
  mail:
    image: axllent/mailpit:v1.21.8
`,
			Good: `-- belay.yml --
version: 1
policy:
  images:
    - match: axllent/mailpit
      prod: exact
      digest: true
-- compose.yaml --
services:
  mail:
    image: axllent/mailpit:v1.21.8@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
`,
		},
		Check: checkImageDigestRequired,
	}
}

func checkImageDigestRequired(p *lint.Pass) {
	for img := range p.Images(p.Stack) {
		if looseIn(p, img) != needsDigest {
			continue
		}
		reportImage(p, lint.Warning, img, "append @sha256:… ; docker buildx imagetools inspect "+img.Shown+" shows it",
			"image %s has no digest, and the policy asks for one%s", img.Shown, origin(img))
	}
}
