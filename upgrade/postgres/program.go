package postgres

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Program is the PostgreSQL server that an image brings, as its files say.
type Program struct {
	Major int    `json:"major"`
	Libc  string `json:"libc"` // "musl", "glibc"; "" when it is neither
	// LibcVersion of glibc: "2.41". musl sorts by bytes, whatever its version.
	LibcVersion string            `json:"libcVersion,omitempty"`
	Extensions  map[string]string `json:"extensions"` // name -> version that CREATE EXTENSION takes
}

// inspect prints what Program has, a line each. The server lies in /usr/lib/postgresql/MAJOR
// in Debian's packages, and its extensions in /usr/share; else the two share a prefix.
const inspect = `server=$(command -v postgres || ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null | tail -n 1 || :)
[ -n "$server" ] || exit 3
"$server" --version
if ls /lib/ld-musl-* >/dev/null 2>&1; then echo libc musl; else echo "libc $(getconf GNU_LIBC_VERSION 2>/dev/null || :)"; fi
bin=$(dirname "$(readlink -f "$server")")
for share in "$(pg_config --sharedir 2>/dev/null || :)" "$bin/../share/postgresql" "$bin/../share" "/usr/share/postgresql/$(basename "$(dirname "$bin")")"; do
  [ -n "$share" ] && [ -e "$share/extension/plpgsql.control" ] || continue
  for control in "$share"/extension/*.control; do
    name=${control##*/}
    echo "extension ${name%.control} $(sed -n "s/^ *default_version *= *'\([^']*\)'.*/\1/p" "$control")"
  done
  exit 0
done
echo "no extensions"
`

// InspectArgs is the command to be run in a container of an image, without a network and
// without data, whose output ReadProgram reads.
func InspectArgs() []string { return []string{"sh", "-c", inspect} }

// Inspect asks the container in which the server runs.
func (s *Server) Inspect(ctx context.Context) (*Program, error) {
	var out bytes.Buffer
	err := s.Exec.Exec(ctx, s.Container, InspectArgs(), nil, nil, &out)
	var p *Program
	if err == nil {
		p, err = ReadProgram(&out)
	}
	if err != nil {
		return nil, fmt.Errorf("server of %s inspect: %w", s.Service, err)
	}
	return p, nil
}

var programVersion = regexp.MustCompile(`^postgres \(PostgreSQL\) (\d+)`)

// ReadProgram reads what InspectArgs printed.
func ReadProgram(r io.Reader) (*Program, error) {
	p := &Program{Extensions: map[string]string{}}
	known := true
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if m := programVersion.FindStringSubmatch(line); m != nil {
			p.Major, _ = strconv.Atoi(m[1])
		}
		switch f := strings.Fields(line); {
		case len(f) >= 2 && f[0] == "libc":
			p.Libc = f[1]
			if len(f) == 3 {
				p.LibcVersion = f[2]
			}
		case len(f) == 3 && f[0] == "extension":
			p.Extensions[f[1]] = f[2]
		case line == "no extensions":
			known = false
		}
	}
	switch {
	case lines.Err() != nil:
		return nil, lines.Err()
	case p.Major == 0:
		return nil, fmt.Errorf("it does not say which version of PostgreSQL it has")
	case !known:
		return nil, fmt.Errorf("it does not say which extensions it has")
	}
	return p, nil
}

// Misfit is why the server of an image must not run on data that another wrote.
type Misfit struct {
	What   string
	Found  string // in the data
	Needed string
	Next   string
}

// Misfits says what of dbs, which the server was has written, the server p cannot take
// over. Both are of the same data folder.
func (p *Program) Misfits(was *Program, dbs []Database) []Misfit {
	if p.Major != was.Major {
		return []Misfit{{"another major version of PostgreSQL cannot read the data", fmt.Sprintf("data of PostgreSQL %d", was.Major), fmt.Sprintf("PostgreSQL %d", p.Major),
			"keep the major version; another one takes a dump and a restore into a new volume"}}
	}
	var out []Misfit
	if p.Libc != was.Libc && p.Libc != "" && was.Libc != "" {
		if named := sorted(dbs); len(named) > 0 {
			out = append(out, Misfit{"the new image sorts text by other rules, and indexes would miss rows: " + strings.Join(named, ", "), was.Libc, p.Libc,
				"keep to images of the same C library (Alpine's is musl, Debian's glibc); another one takes a dump and a restore into a new volume"})
		}
	}
	return append(out, p.Lacks(dbs)...)
}

// Lacks says which extensions of dbs the server p does not have, or has only older.
func (p *Program) Lacks(dbs []Database) []Misfit {
	var out []Misfit
	need := map[string]string{} // extension -> version
	in := map[string][]string{}
	for _, db := range dbs {
		for _, e := range db.Extensions {
			if newest(e.Version, need[e.Name]) {
				need[e.Name] = e.Version
			}
			in[e.Name] = append(in[e.Name], db.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(need)) {
		has, ok := p.Extensions[name]
		switch {
		case !ok:
			out = append(out, Misfit{"the new image lacks extension " + name + ", which databases use: " + strings.Join(in[name], ", "), name + " " + need[name], "an image with it",
				"choose an image that has it"})
		case has != need[name] && newest(need[name], has):
			out = append(out, Misfit{"the new image has an older extension " + name + " than databases use: " + strings.Join(in[name], ", "), name + " " + need[name], name + " " + has,
				"choose an image with " + name + " " + need[name] + " or newer"})
		}
	}
	return out
}

// sorted are the databases whose text the C library sorts; nothing of an application is in
// the server's own.
func sorted(dbs []Database) []string {
	var out []string
	for _, db := range dbs {
		if !db.System() && db.Provider == "libc" && (!plainCollation(db.Collate) || !plainCollation(db.Ctype)) {
			out = append(out, db.Name)
		}
	}
	return out
}

func plainCollation(name string) bool { return name == "C" || name == "POSIX" }

// newest reports whether version a of an extension comes after b, number by number; what
// is no number counts as 0. Everything comes after "".
func newest(a, b string) bool {
	if b == "" {
		return a != ""
	}
	number := func(part string) int { n, _ := strconv.Atoi(part); return n }
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	return slices.CompareFunc(as, bs, func(x, y string) int { return cmp.Compare(number(x), number(y)) }) > 0
}

// Extensions says which extensions databases use, other than the server's own language, and
// what p has newer: "vector 0.8.0 in dify".
func Extensions(dbs []Database, p *Program) string {
	in := map[string][]string{} // "vector 0.8.0" -> databases
	for _, db := range dbs {
		for _, e := range db.Extensions {
			if e.Name == "plpgsql" {
				continue
			}
			text := e.Name + " " + e.Version
			if p != nil && newest(p.Extensions[e.Name], e.Version) {
				text += fmt.Sprintf(" (the server has %s: ALTER EXTENSION %s UPDATE)", p.Extensions[e.Name], ident(e.Name))
			}
			in[text] = append(in[text], db.Name)
		}
	}
	var out []string
	for _, text := range slices.Sorted(maps.Keys(in)) {
		out = append(out, text+" in "+strings.Join(in[text], ", "))
	}
	if out == nil {
		return "none"
	}
	return strings.Join(out, "; ")
}

// Collations says whether the C library or ICU sorts text as it did when the indexes of
// databases were built, as far as the server recorded that: from 15 on.
func Collations(dbs []Database) string {
	var out []string
	known := false
	for _, db := range dbs {
		known = known || db.CollationVersion != ""
		if db.CollationVersion != "" && db.CollationActual != "" && db.CollationVersion != db.CollationActual {
			out = append(out, fmt.Sprintf("%s was sorted by version %s, and the server has %s: REINDEX DATABASE, then ALTER DATABASE … REFRESH COLLATION VERSION", db.Name, db.CollationVersion, db.CollationActual))
		}
	}
	switch {
	case out != nil:
		return strings.Join(out, "; ")
	case known:
		return "as recorded"
	}
	return "none recorded"
}
