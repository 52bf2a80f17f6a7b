package rules

import (
	"slices"

	"github.com/belaystack/belay/lint"
)

// reviewRequired finds changes of images whose release notes somebody must
// have read, on a pull request that does not say so.
func reviewRequired() *lint.Rule {
	return &lint.Rule{
		ID:        "review-required",
		Severity:  lint.Error,
		NeedsBase: true,
		Guards:    true,
		Doc: lint.Doc{
			Title: "An image changed whose release notes must be read first",
			Why: "The sandbox runs users' code, and the plugin daemon holds every installed plugin; both break between patch\n" +
				"releases. The pull request carries the label `release-notes-reviewed` once somebody has read the notes.\n" +
				"Without access to the pull request the label is unknown, and that is an error too.",
			Bad: `labels: dependencies
-- base/compose.yaml --
services:
  sandbox:
    image: langgenius/dify-sandbox:0.2.12
-- compose.yaml --
services:
  sandbox:
    image: langgenius/dify-sandbox:0.2.14
`,
			Good: `labels: dependencies release-notes-reviewed
-- base/compose.yaml --
services:
  sandbox:
    image: langgenius/dify-sandbox:0.2.12
-- compose.yaml --
services:
  sandbox:
    image: langgenius/dify-sandbox:0.2.14
`,
		},
		Check: checkReviewRequired,
	}
}

func checkReviewRequired(p *lint.Pass) {
	label := p.Policy.ReviewLabel
	if p.LabelsOK && slices.Contains(p.Labels, label) {
		return
	}
	for _, c := range changes(p) {
		if !c.now.Policy.Review && !c.old.Policy.Review {
			continue
		}
		if !p.LabelsOK {
			reportImage(p, lint.Error, c.now, "run the check on the pull request, where its labels can be read",
				"%s changes %s, and whether label %s is set is not known here%s",
				nameOf(c.now), c.step(), label, origin(c.now))
			continue
		}
		reportImage(p, lint.Error, c.now, "read its release notes, then set label "+label+" on the pull request",
			"%s changes %s, and the pull request has no label %s%s",
			nameOf(c.now), c.step(), label, origin(c.now))
	}
}
