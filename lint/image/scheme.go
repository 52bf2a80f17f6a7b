package image

import (
	"strconv"
	"strings"
)

// scheme is a habit of writing tags.
type scheme uint8

const (
	schemePlain     scheme = iota
	schemePostgres         // 16.4-alpine: since version 10 two numbers are a release
	schemeExtension        // pg16, 0.8.6-pg16-trixie, pg16-v0.3.0: an extension on a PostgreSQL
	schemePostGIS          // 16-3.4-alpine: the PostgreSQL, then the extension
	schemeFix              // 1.10.1-fix.1: a release after 1.10.1
	schemeCodename         // bookworm-slim is a major version of Debian
)

// schemeOf goes by the last two parts of the path, so that a mirror of an
// image is read as the image is.
func schemeOf(path string) scheme {
	switch name := ownerAndName(path); name {
	case "library/postgres", "bitnami/postgresql", "bitnamilegacy/postgresql", "cloudnative-pg/postgresql", "supabase/postgres":
		return schemePostgres
	case "pgvector/pgvector", "ankane/pgvector", "tensorchord/pgvecto-rs", "tensorchord/vchord-postgres",
		"timescale/timescaledb", "timescale/timescaledb-ha", "paradedb/paradedb":
		return schemeExtension
	case "postgis/postgis", "immich-app/postgres":
		return schemePostGIS
	case "library/debian", "library/ubuntu", "library/buildpack-deps":
		return schemeCodename
	default:
		if strings.HasPrefix(name, "langgenius/dify-") {
			return schemeFix
		}
	}
	return schemePlain
}

// ownerAndName is the last two parts of an image's path, in the spelling of
// Docker Hub where the same image has another elsewhere: n8n's GitHub
// organisation is n8n-io (build of n8n, .github/workflows/release-publish.yml).
func ownerAndName(path string) string {
	parts := strings.Split(path, "/")
	if len(parts) > 2 {
		parts = parts[len(parts)-2:]
	}
	if parts[0] == "n8n-io" {
		parts[0] = "n8nio"
	}
	return strings.Join(parts, "/")
}

// identity is equal for two names of one image. Only owners that publish one
// image in several places, or are mirrored under their own name, are taken
// for the same elsewhere.
func identity(r Ref) string {
	name := ownerAndName(r.Path)
	switch owner, _, _ := strings.Cut(name, "/"); owner {
	case "library", "langgenius", "n8nio", "pgvector", "valkey", "semitechnologies":
		return name
	}
	return r.Familiar()
}

var (
	fixRE       = lazy(`^(.*\d)-fix\.?(\d{0,9})$`)
	extensionRE = lazy(`^(?:(.*)-)?pg(\d{1,2}(?:\.\d+)?)(?:-(.*))?$`)
	postgisRE   = lazy(`^(\d{1,2}(?:\.\d+)?)(?:-(.*))?$`)
)

// readFix reads Dify's tags. Its "-fix" releases come after their base:
// 1.10.1-fix.1 (2025-12-09) is a security fix of 1.10.1 (2025-11-26).
func readFix(s string) Tag {
	m := fixRE().FindStringSubmatch(s)
	if m == nil {
		return readTag(s)
	}
	t := readTag(m[1])
	if t.Pin != Exact || t.Version.IsZero() || t.Variant != "" {
		return readTag(s)
	}
	t.Version.post = 1
	if n, err := strconv.ParseUint(m[2], 10, 32); err == nil && n > 0 {
		t.Version.post = n
	}
	return t
}

// readPostgres reads tags of PostgreSQL itself, where a release has two
// numbers from 10 on and three before.
func readPostgres(s string) Tag {
	t := readTag(s)
	if t.Prefix != "" || t.Version.IsZero() || t.Version.nums[0] >= calendar || len(t.Version.nums) != 2 {
		return t
	}
	if t.Version.nums[0] < 10 {
		t.Pin = max(Major, t.Pin-1) // 9.6 is a major version
		return t
	}
	t.Pin, t.Version.whole = Exact, true
	return t
}

// readExtension reads tags that name an extension's version, a PostgreSQL's,
// or both: pgvector's README, "Docker". "pg16" is the newest extension on any
// 16, so it is as loose as a major version.
func readExtension(s string) Tag {
	m := extensionRE().FindStringSubmatch(s)
	if m == nil {
		return readTag(s)
	}
	return onPostgres(m[2], strings.Trim(m[1]+"-"+m[3], "-"))
}

func readPostGIS(s string) Tag {
	m := postgisRE().FindStringSubmatch(s)
	if m == nil {
		return readTag(s)
	}
	return onPostgres(m[1], m[2])
}

// onPostgres is the tag of an extension on a PostgreSQL of version server.
func onPostgres(server, extension string) Tag {
	t := readTag(extension)
	t.Pin = max(Major, t.Pin)
	t.postgres = readPostgres(server).Version
	return t
}
