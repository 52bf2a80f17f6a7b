package rules

import (
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// companionMismatch finds images whose tag is not the one that the Dify
// release of the stack ships.
func companionMismatch() *lint.Rule {
	return &lint.Rule{
		ID:       "companion-mismatch",
		Severity: lint.Error,
		Doc: lint.Doc{
			Title: "A companion of Dify is not of the version that this release ships",
			Why: "Each Dify release is tested with one version of the sandbox, the plugin daemon and Weaviate. They do not\n" +
				"move with Dify's number and not always upwards: 1.13.3 went back from plugin daemon 0.5.4 to 0.5.3, and\n" +
				"1.9.2 needs Weaviate 1.27. An older companion is an error, a newer one a warning. A release that Belay\n" +
				"does not know is a note, and a Dify that floats is not compared.",
			Bad: `-- compose.yaml --
services:
  api:
    image: langgenius/dify-api:1.13.3
  sandbox:
    image: langgenius/dify-sandbox:0.2.12
`,
			Good: `-- compose.yaml --
services:
  api:
    image: langgenius/dify-api:1.13.3
  sandbox:
    image: langgenius/dify-sandbox:0.2.14
  plugin_daemon:
    image: langgenius/dify-plugin-daemon:0.5.3-local
  weaviate:
    image: semitechnologies/weaviate:1.27.0
`,
		},
		Check: checkCompanionMismatch,
	}
}

func checkCompanionMismatch(p *lint.Pass) {
	api, ok := difyOf(p)
	if !ok {
		return
	}
	release, known := p.Catalog.Release(api.Ref.Tag)
	for img := range p.Images(p.Stack) {
		app := img.App
		if !isCompanion(api, app, img) {
			continue
		}
		if !known {
			reportImage(p, lint.Note, api, "compare the tags with docker/docker-compose.yaml of that release",
				"Dify %s is not in Belay's catalog: its companions are not checked%s", tagOf(api), origin(api))
			return
		}
		checkCompanion(p, api, release, app, img)
	}
}

// difyOf gives the image that says which Dify release the stack runs. There is
// none when no api image starts, when it names no release, or when several
// disagree, which is group-tag-mismatch's to say.
func difyOf(p *lint.Pass) (api lint.Image, ok bool) {
	for img := range p.Images(p.Stack) {
		app := img.App
		if app.ID != catalog.DifyAPI || !img.Service.Enabled || isBuilt(img.Service) {
			continue
		}
		if tag := img.Ref.Read(); tag.Pin != image.Exact || tag.Version.IsZero() || ok && img.Ref.Tag != api.Ref.Tag {
			return lint.Image{}, false
		}
		if !ok {
			api, ok = img, true
		}
	}
	return api, ok
}

// isCompanion reports whether a Dify release prescribes img's tag. PostgreSQL,
// Redis and Qdrant it ships as well, but works with others.
func isCompanion(api lint.Image, app catalog.App, img lint.Image) bool {
	if isBuilt(img.Service) || img.Ref.Tag == "" || img.Ref.Read().Pin != image.Exact {
		return false // a looser pin is a finding of its own
	}
	switch app.ID {
	case catalog.DifySandbox, catalog.DifyPluginDaemon, catalog.DifyAgent:
		return true
	case catalog.Weaviate:
		return usesWeaviate(api)
	}
	return false
}

// grouped reports whether the policy asks for the same tag already.
func grouped(p *lint.Pass, a, b image.Ref) bool {
	for _, g := range p.Policy.Groups {
		if g.Contains(a) && g.Contains(b) {
			return true
		}
	}
	return false
}

// usesWeaviate reports whether Dify keeps its vectors in Weaviate, which it
// does unless VECTOR_STORE says otherwise: docker/.env.example of Dify.
func usesWeaviate(api lint.Image) bool {
	v, ok := api.Service.Env("VECTOR_STORE")
	return !ok || v.Reveal() == "" || v.Reveal() == "weaviate"
}

func checkCompanion(p *lint.Pass, api lint.Image, release catalog.Release, app catalog.App, img lint.Image) {
	want, shipped := release.Companions[app.ID]
	if !shipped {
		reportImage(p, lint.Warning, img, "remove the service, or check whether Dify is of the right version",
			"Dify %s ships no image %s%s", tagOf(api), nameOf(img), origin(img))
		return
	}
	if want == release.Version && grouped(p, api.Ref, img.Ref) {
		return // group-tag-mismatch compares the two
	}
	right := img.Ref
	right.Tag = want
	has, should := img.Ref.Read().Version, right.Read().Version
	order := has.Compare(should)
	if order == image.Unknown || order == image.Equal {
		return
	}
	sev := lint.Error
	if order == image.Newer {
		sev = lint.Warning
	}
	hint, edits := "set it to "+want, swap(img, want)
	switch {
	case app.ID == catalog.Weaviate && order == image.Newer:
		// An older server does not read what a newer one wrote, and a newer
		// patch is a choice.
		hint, edits = "check that this Dify's client speaks to it; the store itself does not go back", nil
		if has.SameLine(should) {
			sev = lint.Note
		}
	case app.ID == catalog.Weaviate && !has.SameLine(should):
		hint, edits = "go up to "+want+" one minor version at a time", nil
	case len(edits) > 0:
		hint += ", or run belay lint --fix"
	}
	f := reportImage(p, sev, img, hint, "%s %s is %s than %s, which Dify %s ships%s",
		nameOf(img), tagOf(img), order, want, tagOf(api), origin(img))
	f.Related = append(f.Related, lint.Related{Span: api.Service.Image.Span, Message: api.Service.Name + ": " + api.Shown})
	f.Edits = edits
}
