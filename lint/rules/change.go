package rules

import (
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// change is a service's image in the base and now.
type change struct {
	old, now lint.Image
}

// changes pairs the images of the stack with those of the base: services of
// one name, else the only service of the base that is gone and ran the same
// image. Services that are new are left out, and so is what did not change.
func changes(p *lint.Pass) []change {
	base := map[string]lint.Image{}
	var gone []lint.Image
	for img := range p.Images(p.Base) {
		base[img.Service.Name] = img
		if p.Stack.Service(img.Service.Name) == nil {
			gone = append(gone, img)
		}
	}
	var out []change
	for now := range p.Images(p.Stack) {
		old, ok := base[now.Service.Name]
		if !ok && p.Base.Service(now.Service.Name) == nil {
			old, ok = renamed(gone, now)
		}
		if ok && old.Ref != now.Ref && !isBuilt(now.Service) {
			out = append(out, change{old, now})
		}
	}
	return out
}

// renamed gives the one service among gone that ran the image of now.
func renamed(gone []lint.Image, now lint.Image) (old lint.Image, ok bool) {
	for _, img := range gone {
		if img.Ref.Familiar() != now.Ref.Familiar() {
			continue
		}
		if ok {
			return lint.Image{}, false
		}
		old, ok = img, true
	}
	return old, ok
}

// order says whether the change goes up or down; across two images of the
// PostgreSQL family the server's major version does.
func (c change) order(cat *catalog.Catalog) image.Order {
	if o := cat.Compare(c.old.Ref, c.now.Ref); o != image.Unknown {
		return o
	}
	from, to, ok := c.postgres()
	switch {
	case !ok || from == to:
		return image.Unknown
	case from < to:
		return image.Newer
	}
	return image.Older
}

// postgres gives the server's major versions, when both are known.
func (c change) postgres() (from, to int, ok bool) {
	from, okFrom := image.PostgresMajor(c.old.Ref)
	to, okTo := image.PostgresMajor(c.now.Ref)
	return from, to, okFrom && okTo
}

// step says what changes, with the name only where it does.
func (c change) step() string {
	switch {
	case c.old.Ref.Familiar() != c.now.Ref.Familiar():
		return "from " + c.old.Shown + " to " + c.now.Shown
	case c.old.Ref.Tag == c.now.Ref.Tag:
		return "to another digest of " + tagOf(c.now)
	}
	return "from " + tagOf(c.old) + " to " + tagOf(c.now)
}
