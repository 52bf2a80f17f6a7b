package rules

import (
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
)

// looseness is what is wrong with a pin. An image has one at most, so that
// one mistake is one finding, whichever rules look at it.
type looseness uint8

const (
	tight       looseness = iota
	noTag                 // image-tag-missing
	floating              // image-tag-floating
	noMajor               // image-pin-major
	notExact              // image-pin-exact
	needsDigest           // image-digest-required
)

// looseIn says what the policy finds wrong with img's pin. What a stack builds
// itself is pulled from nowhere: its tag is a name and not a pin.
func looseIn(p *lint.Pass, img lint.Image) looseness {
	asked, tag := img.Policy.Pin(p.Env), img.Ref.Read()
	digest := asked == image.Digest || p.Env == lint.Prod && img.Policy.Digest
	asked = min(asked, image.Exact)
	switch {
	case isBuilt(img.Service) || img.Ref.Digest != "":
		return tight
	case img.Ref.Tag == "" && (asked > image.Floating || digest):
		return noTag
	case tag.Pin == image.Floating && asked == image.Major && !tag.Channel() && !img.Policy.Any():
		return noMajor
	case tag.Pin == image.Floating && asked > image.Floating:
		return floating
	case tag.Pin < asked:
		return notExact
	case digest:
		return needsDigest
	}
	return tight
}

// isBuilt reports whether the stack builds the service's image.
func isBuilt(svc *compose.Service) bool { return svc.Config.Build != nil }

// pinSeverity is that of a missing version: an error where the policy names
// the image, a warning where it only asks the same of all others.
func pinSeverity(img lint.Image) lint.Severity {
	if img.Policy.Any() {
		return lint.Warning
	}
	return lint.Error
}

// asked says what the policy asks of img, as in "the policy asks for …".
func asked(img lint.Image, env lint.Environment) string {
	text := "an exact version"
	switch img.Policy.Pin(env) {
	case image.Floating:
		text = "a digest" // nothing else brings a finding then
	case image.Major:
		text = "a major version"
		if img.Policy.Any() {
			text = "a version"
		}
	case image.Minor:
		text = "a minor version"
	}
	return text + " in " + string(env)
}

// reportImage reports what is wrong with img where a person edits it, and
// names the place of use when that is another.
func reportImage(p *lint.Pass, sev lint.Severity, img lint.Image, hint, format string, args ...any) *lint.Finding {
	at := img.Service.Image
	f := p.ReportAs(sev, at.Span, img.Service, hint, format, args...)
	if at.Use != at.Span && !at.Use.IsZero() {
		f.Related = append(f.Related, lint.Related{Span: at.Use, Message: img.Service.Name + " uses it here"})
	}
	return f
}

// origin says in brackets which variable gives the image its tag, or nothing.
func origin(img lint.Image) string {
	text := ""
	for _, via := range img.Service.Image.Via {
		switch via.Kind {
		case compose.ViaEnv:
			text = " (" + via.Name + " in " + via.At.File + ")"
		case compose.ViaDefault:
			text = " (the default of " + via.Name + ")"
		}
	}
	return text
}

// tagOf is what may be printed of the tag; the whole reference where the tag
// cannot be told from the rest.
func tagOf(img lint.Image) string {
	if img.Tag == "" && img.Ref.Tag != "" {
		return img.Shown
	}
	if img.Tag == "" {
		return "no tag"
	}
	return img.Tag
}

// nameOf is what may be printed of the name without the tag.
func nameOf(img lint.Image) string { return image.SplitName(img.Shown) }

// swap gives the edit of img's tag, or none where it is not written to the letter.
func swap(img lint.Image, to string) []source.Edit {
	e, ok := img.Service.Image.Swap(img.Ref.Tag, to)
	if !ok {
		return nil
	}
	return []source.Edit{e}
}
