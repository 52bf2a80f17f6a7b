package catalog

import (
	"strings"

	"github.com/belaystack/belay/lint/image"
)

// rdbFormat is a version of Redis or Valkey from which on it saves its data in another
// format of RDB files. Older releases do not read that one.
type rdbFormat struct {
	app, since string
	format     int
}

// rdbFormats is the table, in the order of the versions: RDB_VERSION in rdb.h of each, and
// redis/librdb, redis-ver.h. Valkey began as Redis 7.2.4.
func rdbFormats() []rdbFormat {
	return []rdbFormat{
		{Redis, "5.0.0", 9},
		{Redis, "7.0.0", 10},
		{Redis, "7.2.0", 11},
		{Redis, "7.4.0", 12},
		{Redis, "8.6.0", 13},
		{Valkey, "7.2.0", 11},
		{Valkey, "9.0.0", 80},
	}
}

// The formats that Redis alone writes. Valkey refuses them, unless its rdb-version-check is
// relaxed: rdb.h of Valkey 9.0, RDB_FOREIGN_VERSION_MIN.
const firstForeign, lastForeign = 12, 79

// WritesRDB is the format in which a release of Redis or Valkey saves its data. False is
// not known: it is from before the table, or another program. Of one that is newer than the
// table it is the last that is known, and what it writes may be a later one.
func WritesRDB(app, version string) (format int, known bool) {
	for _, f := range rdbFormats() {
		if f.app == app && atLeast(version, f.since) {
			format, known = f.format, true
		}
	}
	return format, known
}

// ReadsRDB says whether a release of Redis or Valkey reads a format. False for known: of
// that release, or whether it has a format that is newer than the table, nothing is known.
func ReadsRDB(app, version string, format int) (reads, known bool) {
	writes, known := WritesRDB(app, version)
	listed, last := false, 0
	for _, f := range rdbFormats() {
		listed = listed || f.format == format
		if f.app == app {
			last = f.format
		}
	}
	switch {
	case !known:
		return false, false
	case app == Valkey && format >= firstForeign && format <= lastForeign:
		return false, true
	case format <= writes:
		return true, true
	}
	return false, listed || writes < last
}

// RDBSince is the first version of Redis or Valkey that reads a format; "" where none is
// known.
func RDBSince(app string, format int) string {
	for _, f := range rdbFormats() {
		if f.app == app && f.format >= format && !(app == Valkey && format >= firstForeign && format <= lastForeign) {
			return strings.TrimSuffix(f.since, ".0")
		}
	}
	return ""
}

// atLeast says that a release is a version or a later one. A build of no release calls
// itself 255.255.255, and is none.
func atLeast(release, version string) bool {
	a, b := image.Ref{Tag: release}.Read().Version, image.Ref{Tag: version}.Read().Version
	major, _ := a.Major()
	order := a.Compare(b)
	return major < 255 && (order == image.Newer || order == image.Equal)
}
