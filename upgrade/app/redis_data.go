package app

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// dataFile is a file of a server in RDB format: a dump, or the base of an AOF.
type dataFile struct {
	Name   string
	Format int
}

// headers prints the first bytes of the files in which a server may have its data: the
// dump, the bases of an AOF from 7.0 on, the AOF of before, which begins as a dump does.
const headers = `for f in "$1/$2" "$1/$3/$4".*.base.rdb "$1/$4"; do
  if [ -f "$f" ]; then head -c 9 "$f" | tr -c 'A-Z0-9' '?'; echo " ${f##*/}"; fi
done`

// rdbHeader is how a dump begins: REDIS0012, and VALKEY080 from Valkey 9.0 on (valkey-io/valkey issue 2888).
var rdbHeader = regexp.MustCompile(`^(?:REDIS(\d{4})|VALKEY(\d{3})) (.+)$`)

// files are the files of a server that are there, in RDB format.
func (r *Redis) files(ctx context.Context) ([]dataFile, error) {
	at := map[string]string{"dir": "/data", "dbfilename": "dump.rdb", "appenddirname": "appendonlydir", "appendfilename": "appendonly.aof"}
	if strings.Contains(r.Image.Path, "bitnami") {
		at["dir"] = "/bitnami/" + r.App + "/data"
	}
	for _, pattern := range []string{"dir", "dbfilename", "append*"} {
		c, err := r.config(ctx, pattern)
		if err != nil {
			break // the image's own places
		}
		for name := range at {
			at[name] = cmp.Or(c[name], at[name])
		}
	}
	out, err := r.st.Exec(ctx, r.Service, nil, "sh", "-c", headers, "belay", at["dir"], at["dbfilename"], at["appenddirname"], at["appendfilename"])
	if err != nil {
		return nil, unknown("the files of %s in service %s cannot be read", r.Title, r.Service)
	}
	var found []dataFile
	for line := range strings.Lines(out) {
		if m := rdbHeader.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			format, _ := strconv.Atoi(m[1] + m[2])
			found = append(found, dataFile{m[3], format})
		}
	}
	return found, nil
}

func filesText(all []dataFile) string {
	var list []string
	for _, f := range all {
		list = append(list, fmt.Sprintf("%s of RDB format %d", f.Name, f.Format))
	}
	return strings.Join(list, ", ")
}

// Release is a release of Redis or Valkey.
type Release struct{ App, Title, Version string }

// serverVersion is the line that `redis-server --version` prints: "Redis server v=7.0.15
// sha=…", and Valkey its own name.
var serverVersion = regexp.MustCompile(`^(Redis|Valkey) server v=(\d+\.\d+\.\d+)\b`)

// ParseRelease reads what redis-server or valkey-server says of its version.
func ParseRelease(said string) (Release, bool) {
	m := serverVersion.FindStringSubmatch(said)
	if m == nil {
		return Release{}, false
	}
	return Release{App: strings.ToLower(m[1]), Title: m[1], Version: m[2]}, true
}

// Reads gives the reason why another release could not read the data of a server: it would
// not start. What the server saves when it is stopped counts, and what lies there. A later
// release of the same program reads what it finds.
func (r *Redis) Reads(ctx context.Context, to Release) (*Problem, error) {
	found, err := r.files(ctx)
	if err != nil {
		return nil, err
	}
	info, silent := r.info(ctx)
	runs := info.release()
	if runs.App == to.App && !earlier(to.Version, runs.Version) {
		return nil, nil
	}
	if writes, known := catalog.WritesRDB(runs.App, runs.Version); known && !r.persistence(ctx, info).off() {
		found = append(found, dataFile{Format: writes})
	}
	for _, f := range found {
		reads, known := catalog.ReadsRDB(to.App, to.Version, f.Format)
		switch {
		case !known:
			return nil, unknown("whether %s %s reads RDB format %d is not known", to.Title, to.Version, f.Format)
		case !reads:
			return r.unreadable(f, runs, to), nil
		}
	}
	return nil, silent
}

func (r *Redis) unreadable(f dataFile, runs, to Release) *Problem {
	p := &Problem{
		What:   fmt.Sprintf("service %s would have %s %s, which cannot read the data that is there and would not start", r.Service, to.Title, to.Version),
		Found:  fmt.Sprintf("%s is of RDB format %d", f.Name, f.Format),
		Needed: "the release that wrote it",
		Next:   "name a newer image; the way down is a rollback that gives the old files back",
	}
	if f.Name == "" {
		p.Found = fmt.Sprintf("%s %s, which saves in RDB format %d when it stops", runs.Title, runs.Version, f.Format)
	}
	if since := catalog.RDBSince(to.App, f.Format); since != "" {
		p.Needed = to.Title + " " + since + " or newer"
	}
	return p
}

// release is the program that INFO tells of.
func (i redisInfo) release() Release {
	if i["valkey_version"] != "" {
		return Release{catalog.Valkey, "Valkey", i.version()}
	}
	return Release{catalog.Redis, "Redis", i.version()}
}

// earlier says that a version is before another, or that it cannot be told.
func earlier(version, than string) bool {
	order := image.Ref{Tag: version}.Read().Version.Compare(image.Ref{Tag: than}.Read().Version)
	return order != image.Newer && order != image.Equal
}
