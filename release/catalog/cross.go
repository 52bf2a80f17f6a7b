package catalog

import (
	"github.com/belaystack/belay/lint/image"
)

// behind reports whether r is clearly newer than old: for an old tag like
// "7-alpine" newer than every 7.
func (c *Catalog) behind(old, r image.Ref) bool { return c.Compare(old, r) == image.Newer }

// reached reports whether now is clearly r or newer: for a tag like "8-alpine"
// whether every 8 is.
func (c *Catalog) reached(now, r image.Ref) bool {
	o := c.Compare(r, floor(now))
	return o == image.Newer || o == image.Equal
}

// floor gives the first release that ref can mean: redis:8.0.0-alpine for
// redis:8-alpine. What names a release or no version is its own floor.
func floor(ref image.Ref) image.Ref {
	t := ref.Read()
	if t.Version.IsZero() || t.Pin != image.Major && t.Pin != image.Minor {
		return ref
	}
	version := t.Version.String()
	for range 3 {
		version += ".0"
		if r := withVersion(ref, version); r.Read().Pin == image.Exact {
			return r
		}
	}
	return ref
}

// withVersion gives ref with another version and its own ending, so that the
// two can be compared.
func withVersion(ref image.Ref, version string) image.Ref {
	t, m := ref.Read(), onServer().FindStringSubmatch(ref.Tag)
	ref.Tag = version
	if m != nil {
		ref.Tag += "-" + m[2]
	} else if t.Variant != "" {
		ref.Tag += "-" + t.Variant
	}
	return ref
}
