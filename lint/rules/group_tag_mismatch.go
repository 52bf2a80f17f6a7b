package rules

import (
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
)

// groupTagMismatch finds members of a group that carry another tag than the
// rest, or than the member they lag behind.
func groupTagMismatch() *lint.Rule {
	return &lint.Rule{
		ID:       "group-tag-mismatch",
		Severity: lint.Error,
		Doc: lint.Doc{
			Title: "Images that belong together carry different tags",
			Why: "Dify's api, worker, web and agent images are one program in several containers, and so are n8n and its\n" +
				"runners. With different versions they read each other's tasks and answers wrong, and an old worker runs\n" +
				"against a database that the new api has migrated. Names of one image in several registries count as one.",
			Bad: `-- compose.yaml --
services:
  api:
    image: langgenius/dify-api:1.13.3
  worker:
    image: langgenius/dify-api:1.13.3
  web:
    image: langgenius/dify-web:1.13.2
`,
			Good: `-- compose.yaml --
services:
  api:
    image: langgenius/dify-api:1.13.3
  worker:
    image: langgenius/dify-api:1.13.3
  web:
    image: langgenius/dify-web:1.13.3
  n8n:
    image: docker.n8n.io/n8nio/n8n:2.41.3
  runners:
    image: n8nio/runners:2.41.3
`,
		},
		Check: checkGroupTagMismatch,
	}
}

func checkGroupTagMismatch(p *lint.Pass) {
	for _, g := range p.Policy.Groups {
		var members []lint.Image
		for img := range p.Images(p.Stack) {
			// A digest without a tag says nothing, and neither does a
			// name for what the stack builds.
			if g.Contains(img.Ref) && !isBuilt(img.Service) && (img.Ref.Tag != "" || img.Ref.Digest == "") {
				members = append(members, img)
			}
		}
		checkGroup(p, g, members)
	}
}

// checkGroup compares the tags of a group's members. Those that differ from
// the majority are reported, with a repair; without a majority the older ones.
func checkGroup(p *lint.Pass, g lint.Group, members []lint.Image) {
	norm, most := normOf(members)
	for _, img := range members {
		if sameTag(img.Ref, norm.Ref) {
			continue
		}
		var edits []source.Edit
		if most {
			edits = copyTag(img, norm)
		}
		f := reportImage(p, lint.Error, img, groupHint(g, most, len(edits) > 0),
			"%s has tag %s, and %s has %s%s: the images of group %s must carry the same tag",
			nameOf(img), tagOf(img), nameOf(norm), tagOf(norm), origin(norm), g.Name)
		for _, other := range members {
			if other.Service != img.Service {
				f.Related = append(f.Related, lint.Related{Span: other.Service.Image.Span,
					Message: other.Service.Name + ": " + other.Shown})
			}
		}
		f.Edits = edits
	}
}

func groupHint(g lint.Group, most, fixable bool) string {
	switch {
	case fixable:
		return "give it the tag of the others, or run belay lint --fix"
	case most:
		return "give it the tag of the others"
	}
	return "decide which tag is right, and give it to all images of group " + g.Name
}

// normOf gives a member whose tag is the right one: that of most members,
// with most set, else the newest, and the first where age is unknown.
func normOf(members []lint.Image) (norm lint.Image, most bool) {
	best, tied := 0, false
	for _, img := range members {
		n := 0
		for _, other := range members {
			if sameTag(img.Ref, other.Ref) {
				n++
			}
		}
		switch {
		case n > best:
			norm, best, tied = img, n, false
		case n == best && !sameTag(img.Ref, norm.Ref):
			tied = true
			if newer := img.Ref.Read().Version.Compare(norm.Ref.Read().Version); newer == image.Newer {
				norm = img
			}
		}
	}
	return norm, !tied
}

// sameTag reports whether two images of a group carry the same tag: also as
// "latest" and none, or "v1.2.3" and "1.2.3".
func sameTag(a, b image.Ref) bool {
	if orLatest(a.Tag) == orLatest(b.Tag) {
		return true
	}
	x, y := a.Read(), b.Read()
	return x.Variant == y.Variant && x.Pin == image.Exact && y.Pin == image.Exact && x.Version.Compare(y.Version) == image.Equal
}

func orLatest(tag string) string {
	if tag == "" {
		return "latest"
	}
	return tag
}

// copyTag gives the edit that puts from's tag in the place of to's, in the
// way it is written there: a variable stays one. Text of an env file gets into
// an env file only.
func copyTag(to, from lint.Image) []source.Edit {
	if to.Ref.Tag == "" || from.Ref.Tag == "" {
		return nil
	}
	edits := swap(to, from.Ref.Tag)
	if len(edits) == 0 || edits[0].Secret || from.Tag == from.Ref.Tag {
		return edits
	}
	written := image.SplitTag(from.Service.Image.Raw)
	if len(to.Service.Image.Vars) > 0 || !strings.Contains(written, "$") {
		return nil // a variable within a variable's default is for a person to write
	}
	edits[0].New = written
	return edits
}
