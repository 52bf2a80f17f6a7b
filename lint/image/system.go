package image

import "strings"

// Libc is the C library of an image. PostgreSQL sorts text by it, so that an
// index written under one is wrong under the other.
type Libc uint8

// The C libraries; LibcUnknown where name and tag do not say.
const (
	LibcUnknown Libc = iota
	Musl
	Glibc
)

var libcNames = [...]string{"unknown", "musl", "glibc"}

// String gives unknown, musl or glibc.
func (l Libc) String() string { return libcNames[l] }

// System is the distribution that r's tag names: "alpine", "debian" or
// "ubuntu", and its release where the tag has it: "3.19", "bookworm". For the
// PostgreSQL family a tag that names none is what its publisher builds by
// default; else both are "".
func (r Ref) System() (distribution, release string) {
	if r.Tag == "" && r.Digest != "" {
		return "", ""
	}
	for word := range strings.SplitSeq(r.Read().Variant, "-") {
		if d, rel := system(word); d != "" {
			return d, rel
		}
	}
	switch name := ownerAndName(r.Path); name {
	case "timescale/timescaledb":
		return "alpine", "" // timescaledb-docker, Dockerfile: FROM postgres:…-alpine
	case "timescale/timescaledb-ha":
		return "ubuntu", ""
	case "library/postgres", "pgvector/pgvector", "postgis/postgis", "bitnami/postgresql", "bitnamilegacy/postgresql":
		return "debian", ""
	}
	return "", ""
}

// Libc is the C library of r's image, as far as name and tag say.
func (r Ref) Libc() Libc {
	switch d, _ := r.System(); d {
	case "alpine":
		return Musl
	case "debian", "ubuntu":
		return Glibc
	}
	return LibcUnknown
}

// isSystem reports whether a variant names a distribution and nothing else.
func isSystem(variant string) bool {
	if variant == "" {
		return true
	}
	for word := range strings.SplitSeq(variant, "-") {
		if d, _ := system(word); d == "" && word != "slim" {
			return false
		}
	}
	return true
}

// system reads one word of a variant: "alpine3.19", "bookworm".
func system(word string) (distribution, release string) {
	if rel, ok := strings.CutPrefix(word, "alpine"); ok && strings.Trim(rel, "0123456789.") == "" {
		return "alpine", rel
	}
	switch word {
	case "debian", "ubuntu":
		return word, ""
	case "slim":
		return "debian", ""
	case "stretch", "buster", "bullseye", "bookworm", "trixie", "forky":
		return "debian", word
	case "xenial", "bionic", "focal", "jammy", "noble", "resolute":
		return "ubuntu", word
	}
	return "", ""
}
