package wanted

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/upgrade"
)

// ParsePin reads IMAGE=TAG.
func ParsePin(s string) (Pin, error) {
	name, tag, ok := strings.Cut(s, "=")
	p := Pin{strings.TrimSpace(name), strings.TrimSpace(tag)}
	if !ok || p.Image == "" || p.Tag == "" {
		return p, refuse(Choice, "a version for an image", s, "IMAGE=TAG", "for instance redis=7.4.2")
	}
	return p, nil
}

// set gives the stack with other versions for some images, and for the images of
// their groups.
func (w *work) set(ctx context.Context, disk *view, pins []Pin) (*view, error) {
	want := map[string]string{}
	from := map[string]Pin{}
	var refused []*Refused
	for _, pin := range pins {
		members := w.members(disk, pin.Image)
		if len(members) == 0 {
			refused = append(refused, refuse(Choice, "no service and no image of the stack has this name", pin.Image, strings.Join(w.choices(disk), ", "), "name one of them"))
		}
		for _, name := range members {
			ref, r := pin.on(disk, name)
			switch other, twice := want[name]; {
			case r != nil:
				refused = append(refused, r)
			case twice && other != ref:
				refused = append(refused, refuse(Choice, "two versions for "+name, from[name].Tag+", "+pin.Tag, "one",
					"images of one group carry one tag: name one of them"))
			default:
				want[name], from[name] = ref, pin
			}
		}
	}
	if err := join(refused); err != nil {
		return nil, err
	}
	data, err := edited(disk, want)
	if err != nil {
		return nil, err
	}
	for _, path := range sorted(data) {
		if slices.Contains(w.project.EnvFiles, path) {
			w.notes = append(w.notes, "the version stands in "+path+": that one value is changed there, and nothing else of it")
		}
	}
	v, err := w.resolve(ctx, disk.tree.with(data))
	if err != nil {
		return nil, err
	}
	return v, check(disk, v, want)
}

// on gives the reference of a service with the pin's version in it.
func (p Pin) on(v *view, name string) (string, *Refused) {
	svc := v.model.Services[name]
	if svc.built() {
		return "", refuse(Choice, "service "+name+" is built here: its tag names no release", "", "", "set the version in its build")
	}
	base, _ := cut(svc.Image)
	ref := base + ":" + p.Tag
	if strings.HasPrefix(p.Tag, "sha256:") {
		ref = base + "@" + p.Tag
	}
	if _, err := image.Parse(ref); err != nil {
		return "", &Refused{Kind: Choice, Refusal: upgrade.Refusal{Reason: "no tag: " + p.Tag, Needed: "TAG, TAG@sha256:… or sha256:…", Next: "for instance 1.13.3"}}
	}
	return ref, nil
}

// members are the services that a pin means: those with the image, or with the image
// of the service of that name, and those of its groups. Sorted.
func (w *work) members(v *view, name string) []string {
	var refs []image.Ref
	if s, ok := v.model.Services[name]; ok && !strings.Contains(name, "/") {
		if r, err := image.Parse(s.Image); err == nil {
			refs = append(refs, r)
		}
	}
	asked, err := image.Parse(name)
	out := map[string]bool{}
	for svc, s := range v.model.Services {
		r, bad := image.Parse(s.Image)
		if bad != nil {
			continue
		}
		named := len(refs) == 0 && err == nil && asked.Tag == "" && asked.Registry == r.Registry && asked.Path == r.Path
		if named || slices.ContainsFunc(refs, func(x image.Ref) bool { return w.together(x, r) }) {
			out[svc] = true
		}
	}
	if len(refs) > 0 || len(out) == 0 {
		return slices.Sorted(maps.Keys(out))
	}
	for _, svc := range slices.Sorted(maps.Keys(out)) { // what goes along with an image named by its name
		for _, more := range w.members(v, svc) {
			out[more] = true
		}
	}
	return slices.Sorted(maps.Keys(out))
}

// together reports whether two images must carry one tag: they are the same, or of
// one release, or a group names both.
func (w *work) together(a, b image.Ref) bool {
	if a.Familiar() == b.Familiar() {
		return true
	}
	x, okX := w.Catalog.App(a)
	y, okY := w.Catalog.App(b)
	if okX && okY && x.Release != "" && x.Release == y.Release {
		return true
	}
	return slices.ContainsFunc(w.Groups, func(g []string) bool {
		return slices.ContainsFunc(g, a.Match) && slices.ContainsFunc(g, b.Match)
	})
}

// choices are the services of the stack.
func (w *work) choices(v *view) []string { return slices.Sorted(maps.Keys(v.model.Services)) }
