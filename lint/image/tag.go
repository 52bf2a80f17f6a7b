package image

import (
	"fmt"
	"strconv"
	"strings"
)

// Tag is what a tag says.
type Tag struct {
	Pin     Pin     // Floating to Exact
	Version Version // zero when none is named; for PostgreSQL with an extension, that of the extension
	Prefix  string  // what stands before the version, "v" and "release" aside: "python" of python3.11
	Variant string  // what stands behind it: "alpine3.19", "local"; the whole tag when it names no version

	postgres Version // the server's, for images of PostgreSQL with an extension
}

// Read reads r's tag by the habits of r's image. A missing tag is Floating.
// The digest is not looked at: that is Pin's matter.
func (r Ref) Read() Tag {
	switch schemeOf(r.Path) {
	case schemePostgres:
		return readPostgres(r.Tag)
	case schemeExtension:
		return readExtension(r.Tag)
	case schemePostGIS:
		return readPostGIS(r.Tag)
	case schemeFix:
		return readFix(r.Tag)
	case schemeCodename:
		if _, release := system(strings.TrimSuffix(r.Tag, "-slim")); release != "" {
			return Tag{Pin: Major, Variant: r.Tag}
		}
	}
	return readTag(r.Tag)
}

// Pin is how tightly r is fixed: Digest when it has one, else what its tag says.
func (r Ref) Pin() Pin {
	if r.Digest != "" {
		return Digest
	}
	return r.Read().Pin
}

// Compare says how b's version stands to a's: Newer when b is the newer one.
// It is Unknown for images of different names, mirrors of one image aside, and
// whenever the tags do not say. Digests are not looked at.
func Compare(a, b Ref) Order {
	if identity(a) != identity(b) {
		return Unknown
	}
	old, tag := a.Read(), b.Read()
	if a.Tag == b.Tag && old.Pin > Floating {
		return Equal
	}
	return tag.compare(old)
}

func (t Tag) compare(u Tag) Order {
	if t.Prefix != u.Prefix {
		return Unknown
	}
	// With an extension the server's version decides first: its data
	// folder is what cannot go back.
	if !t.postgres.IsZero() || !u.postgres.IsZero() {
		if o := t.postgres.Compare(u.postgres); o != Equal {
			return o
		}
	}
	o := t.Version.Compare(u.Version)
	if o == Equal && t.Variant != u.Variant && !(isSystem(t.Variant) && isSystem(u.Variant)) {
		return Unknown
	}
	return o
}

// PostgresMajor is the major version of the PostgreSQL server in r's image,
// when it is an image of the PostgreSQL family and its tag says so: 16 for
// postgres:16.4-alpine and pgvector/pgvector:0.8.6-pg16.
func PostgresMajor(r Ref) (int, bool) {
	t := r.Read()
	v := t.postgres
	if schemeOf(r.Path) == schemePostgres && t.Prefix == "" {
		v = t.Version
	}
	n, ok := v.Major()
	return int(n), ok && n < 1000
}

var (
	shaRE     = lazy(`^(?:[a-z]+-)?([0-9a-f]{7,40})$`)
	versionRE = lazy(`^([^0-9]*)(\d+(?:\.\d+){0,3})(.*)$`)
	dateRE    = lazy(`^((?:19|20)\d\d)[-_]?([01]\d)[-_]?([0-3]\d)(?:T(\d\d)-?(\d\d)-?(\d\d)Z)?((?:[^0-9].*)?)$`)
	preRE     = lazy(`^(?i)[-._]?(alpha|beta|rc|preview|pre|a|b)[-._]?(\d*)((?:[-._+].*)?)$`)
	buildRE   = lazy(`^[-._](?:r|v|b|build\.?)?(\d+)$`)
)

// readTag reads a tag of an image without habits of its own.
func readTag(s string) Tag {
	if isSHA(s) {
		return Tag{Pin: Exact, Variant: s}
	}
	m := versionRE().FindStringSubmatch(s)
	if m == nil {
		return Tag{Pin: Floating, Variant: s}
	}
	prefix, numbers, rest := cleanPrefix(m[1]), m[2], m[3]
	if t, ok := readDate(numbers + rest); ok {
		t.Prefix = prefix
		return t
	}
	if namesNoVersion(prefix) {
		return Tag{Pin: Floating, Variant: s}
	}
	v, ok := parseNumbers(numbers)
	if !ok {
		return Tag{Pin: Exact, Variant: s} // a number too long for a version: a build of some kind
	}
	t := Tag{Prefix: prefix, Version: v, Pin: numbersPin(v.nums)}
	rest = t.takePre(rest)
	rest = t.takeBuild(rest)
	t.Version.whole = t.Pin == Exact
	t.Variant = strings.TrimLeft(rest, "-._+")
	return t
}

// numbersPin is how tightly n numbers name a release. A single large one that
// is no year counts builds.
func numbersPin(nums []uint64) Pin {
	switch first := nums[0]; {
	case len(nums) == 2:
		return Minor
	case len(nums) > 2, first >= 1000 && (first < calendar || first >= 2100):
		return Exact
	}
	return Major
}

// takePre takes a pre-release off rest, which follows the numbers, and gives
// what remains. "beta1", "-beta.1" and "b1" are one.
func (t *Tag) takePre(rest string) string {
	m := preRE().FindStringSubmatch(rest)
	if m == nil || len(m[1]) == 1 && m[2] == "" {
		return rest
	}
	word := strings.ToLower(m[1])
	switch word {
	case "a":
		word = "alpha"
	case "b":
		word = "beta"
	}
	if m[2] == "" {
		t.Version.pre = word
		return m[3]
	}
	n, err := strconv.ParseUint(m[2], 10, 63)
	if err != nil {
		return rest
	}
	t.Version.pre, t.Pin = fmt.Sprintf("%s.%d", word, n), Exact
	return m[3]
}

// takeBuild takes a build number off rest, likewise.
func (t *Tag) takeBuild(rest string) string {
	m := buildRE().FindStringSubmatch(rest)
	if m == nil {
		return rest
	}
	n, err := strconv.ParseUint(m[1], 10, 63)
	if err != nil || n == 0 {
		return rest
	}
	t.Version.build = n
	if n >= 10000 { // 7-20240115; 7-1 may be rebuilt
		t.Pin = Exact
	}
	return ""
}

// isSHA reports whether s is a commit, perhaps behind a word: sha-5c6372d2f7.
func isSHA(s string) bool {
	m := shaRE().FindStringSubmatch(s)
	return m != nil && (len(m[1]) == 40 || strings.ContainsAny(m[1], "0123456789") && strings.ContainsAny(m[1], "abcdef"))
}

// cleanPrefix is what stands before a version, without what says nothing.
func cleanPrefix(s string) string {
	s = strings.ToLower(s)
	for _, empty := range []string{"v", "release-", "release.", "version-"} {
		if s == empty {
			return ""
		}
	}
	s = strings.TrimRight(s, "-._")
	for _, v := range []string{"-v", "_v", ".v"} {
		s = strings.TrimSuffix(s, v)
	}
	return s
}

// namesNoVersion reports whether what follows prefix is no version of the
// image: lts-jdk17, stable-alpine3.19, alpine3.19.
func namesNoVersion(prefix string) bool {
	return isChannel(prefix) || prefix != "" && isSystem(prefix)
}

// Channel reports whether a floating tag names a line of builds, like latest
// or main; one like alpine says how the image is built and no more.
func (t Tag) Channel() bool {
	return t.Pin == Floating && isChannel(t.Variant)
}

func isChannel(s string) bool {
	first, _, _ := strings.Cut(s, "-")
	switch first {
	case "latest", "stable", "next", "beta", "alpha", "main", "master", "develop", "dev", "edge", "nightly", "canary",
		"rolling", "current", "lts", "mainline", "trunk", "head", "snapshot", "unstable", "testing", "experimental",
		"preview", "rc", "prod", "production", "staging", "test":
		return true
	}
	return false
}

// readDate reads 20240115, 2024-01-15 and 2023-03-20T20-16-18Z.
func readDate(s string) (Tag, bool) {
	m := dateRE().FindStringSubmatch(s)
	if m == nil {
		return Tag{}, false
	}
	numbers := m[1] + "." + m[2] + "." + m[3]
	if m[4] != "" {
		numbers += "." + m[4] + m[5] + m[6]
	}
	v, ok := parseNumbers(numbers)
	v.whole = true
	return Tag{Pin: Exact, Version: v, Variant: strings.TrimLeft(m[7], "-._+")}, ok
}

func parseNumbers(s string) (Version, bool) {
	var v Version
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 63)
		if err != nil {
			return Version{}, false
		}
		v.nums = append(v.nums, n)
	}
	return v, true
}
