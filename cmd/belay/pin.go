package main

import (
	"slices"
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
)

// pin is what a person wants an image pinned to: `redis=7.4.2-alpine`,
// `redis=sha256:…` to keep the tag, or both as `redis=7.4.2-alpine@sha256:…`.
type pin struct {
	name   string
	tag    string // "" keeps the one that is written
	digest string // "" for none
	used   bool
}

// pinnable are the findings that a pin repairs.
var pinnable = []string{"image-tag-missing", "image-tag-floating", "image-pin-major", "image-pin-exact", "image-digest-required"}

// parsePins reads the values of --pin.
func parsePins(texts []string) ([]*pin, error) {
	var pins []*pin
	for _, text := range texts {
		name, version, ok := strings.Cut(text, "=")
		p := &pin{name: name, tag: version}
		if tag, digest, both := strings.Cut(version, "@"); both {
			p.tag, p.digest = tag, digest
		} else if strings.HasPrefix(version, "sha256:") {
			p.tag, p.digest = "", version
		}
		ref, err := image.Parse(name)
		if err == nil && ok && version != "" && ref.Tag+ref.Digest == "" {
			_, err = image.Parse(name + suffix(p.tag, p.digest))
		}
		if err != nil || !ok || version == "" || ref.Tag+ref.Digest != "" {
			return nil, usage("--pin %q: want IMAGE=TAG, IMAGE=sha256:… or IMAGE=TAG@sha256:…", text)
		}
		pins = append(pins, p)
	}
	return pins, nil
}

func suffix(tag, digest string) string {
	var out string
	if tag != "" {
		out = ":" + tag
	}
	if digest != "" {
		out += "@" + digest
	}
	return out
}

// apply gives the findings of found that a pin repairs their edits. The error
// is about a pin that repairs nothing: the person meant something else.
func applyPins(pins []*pin, r *repository, found []lint.Finding) error {
	for i := range found {
		f := &found[i]
		if len(f.Edits) > 0 || !slices.Contains(pinnable, f.Rule) {
			continue
		}
		for _, s := range r.stacks {
			if svc := s.stack.Service(f.Service); svc != nil && s.stack.Name == f.Stack {
				f.Edits = pinned(pins, svc)
			}
		}
	}
	for _, p := range pins {
		if !p.used {
			return usage("--pin %s: no finding that a tag or digest for this image would repair", p.name)
		}
	}
	return nil
}

// pinned gives the edit that pins the image of svc, if one of pins names it.
func pinned(pins []*pin, svc *compose.Service) []source.Edit {
	ref, err := image.Parse(svc.Image.Reveal())
	if err != nil {
		return nil
	}
	for _, p := range pins {
		want, _ := image.Parse(p.name)
		if want.Registry != ref.Registry || want.Path != ref.Path {
			continue
		}
		var e source.Edit
		var ok bool
		switch {
		case ref.Digest != "":
		case ref.Tag == "":
			e, ok = svc.Image.Append(suffix(p.tag, p.digest))
		case p.tag == "":
			e, ok = svc.Image.Swap(ref.Tag, ref.Tag+suffix("", p.digest))
		default:
			e, ok = svc.Image.Swap(ref.Tag, strings.TrimPrefix(suffix(p.tag, p.digest), ":"))
		}
		if ok {
			p.used = true
			return []source.Edit{e}
		}
	}
	return nil
}
