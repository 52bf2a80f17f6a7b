package postgres

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// Seen is a server as it is reached from the container of another, with that one's
// clients: at an address that the two share.
func (s *Server) Seen(from *Server, host string, port int) *Server {
	return &Server{Service: s.Service, Container: from.Container, Exec: from.Exec, App: from.App, Maintenance: s.Maintenance,
		at: []string{"BELAY_PGHOST=" + host, "BELAY_PGPORT=" + strconv.Itoa(port)}}
}

// Port is where the server listens.
func (s *Server) Port(ctx context.Context) (int, error) {
	var port int
	if err := s.query(ctx, s.maintenance(), "SELECT current_setting('port')::int;\n", &port); err != nil {
		return 0, fmt.Errorf("port of the server of %s read: %w", s.Service, err)
	}
	return port, nil
}

// Listens reports whether a server takes connections by TCP: that of docker-library's entry
// point which fills a new data folder does not.
func (s *Server) Listens(ctx context.Context) bool {
	return s.Exec.Exec(ctx, s.Container, client("pg_isready", "-q", "-t", "3", "-d", conninfo(s.maintenance())), s.env(), nil, nil) == nil
}

// Tablespaces are those that somebody made, by name: folders of their own, outside of the data.
func (s *Server) Tablespaces(ctx context.Context) ([]string, error) {
	var names []string
	query := "SELECT coalesce(jsonb_agg(spcname ORDER BY spcname), '[]') FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global');\n"
	if err := s.query(ctx, s.maintenance(), query, &names); err != nil {
		return nil, fmt.Errorf("tablespaces of %s list: %w", s.Service, err)
	}
	return names, nil
}

// Means are what a transfer may use of a container.
type Means struct {
	Jobs   int   // dumps and index builds at a time
	Memory int64 // for each of them, bytes
	Shared bool  // workers may help to build an index: theirs need shared memory of the size of Memory
}

// readMeans prints CPUs, the memory that is free, the limit of the container's, and the size
// of its shared memory, each in bytes.
const readMeans = `nproc 2>/dev/null || echo 1
awk '/^MemAvailable:/ {print $2 * 1024}' /proc/meminfo 2>/dev/null || echo 0
cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || echo max
df -P -k /dev/shm 2>/dev/null | awk 'END {print $4 * 1024}' 2>/dev/null || echo 0
`

// Means asks a container what a transfer may take of it: a job for each CPU, at most 8, and
// for all of them together a quarter of the memory.
func (s *Server) Means(ctx context.Context) (Means, error) {
	var out bytes.Buffer
	if err := s.Exec.Exec(ctx, s.Container, []string{"sh", "-c", readMeans}, nil, nil, &out); err != nil {
		return Means{}, fmt.Errorf("means of %s read: %w", s.Service, err)
	}
	return meansOf(strings.Fields(out.String())), nil
}

func meansOf(f []string) Means {
	number := func(i int) int64 {
		if i >= len(f) {
			return 0
		}
		n, _ := strconv.ParseFloat(f[i], 64) // awk writes large ones as 1.6e+10
		return int64(n)
	}
	m := Means{Jobs: int(min(max(number(0), 1), 8))}
	free := number(1)
	if limit := number(2); limit > 0 {
		free = min(cmp.Or(free, limit), limit)
	}
	m.Memory = min(max(free/4/int64(m.Jobs), 64<<20), 2<<30)
	m.Shared = number(3) >= m.Memory*int64(m.Jobs)+64<<20
	return m
}

// Load fills a Fresh copy of db, or db itself where it is one of the server's own, with what
// the server from holds of it: a dump by this container's clients into dir, a folder of the
// container, and a restore from there. Roles must exist before. dir is gone afterwards.
func (s *Server) Load(ctx context.Context, from *Server, db Database, c Copy, m Means, dir string) error {
	into := db.Name
	if !db.System() {
		if err := s.Create(ctx, db, c); err != nil {
			return err
		}
		into = c.Name()
	}
	fail := func(what string, err error) error { return fmt.Errorf("database %q %s: %w", db.Name, what, err) }
	remove := []string{"rm", "-rf", "--", dir}
	if err := s.Exec.Exec(ctx, s.Container, remove, nil, nil, nil); err != nil {
		return fail("dump", err)
	}
	jobs := strconv.Itoa(m.Jobs)
	args := client("pg_dump", "-w", "-Fd", "-j", jobs, "--compress="+s.compression(ctx), "-f", dir, "-d", conninfo(db.Name))
	if err := s.Exec.Exec(ctx, s.Container, args, from.env(), nil, nil); err != nil {
		return fail("dump by the new version's clients", err)
	}
	workers := "max_parallel_maintenance_workers=0"
	if m.Shared {
		workers = "max_parallel_maintenance_workers=2"
	}
	env := s.env("synchronous_commit=off", workers, fmt.Sprintf("maintenance_work_mem=%dkB", m.Memory>>10))
	if err := s.Exec.Exec(ctx, s.Container, client("pg_restore", "-w", "--exit-on-error", "-j", jobs, "-d", conninfo(into), dir), env, nil, nil); err != nil {
		return fail("restore", err)
	}
	if err := s.Exec.Exec(ctx, s.Container, remove, nil, nil, nil); err != nil {
		return fail("restore", err)
	}
	return nil
}

// compression is what the clients can do: lz4 costs next to nothing where they have it, from
// 16 on as a rule.
func (s *Server) compression(ctx context.Context) string {
	args := client("pg_dump", "-w", "--schema-only", "--compress=lz4", "-f", "/dev/null", "-d", conninfo(s.maintenance()))
	if s.Exec.Exec(ctx, s.Container, args, s.env(), nil, nil) != nil {
		return "1"
	}
	return "lz4"
}

// updateExtensions brings each to the version that the server has by itself.
const updateExtensions = `SELECT format('ALTER EXTENSION %I UPDATE', e.extname)
FROM pg_extension e JOIN pg_available_extensions a ON a.name = e.extname WHERE a.default_version <> e.extversion \gexec
`

// UpdateExtensions brings the extensions of a database to the versions of the server, and
// returns those that are older than they were in db, which must not be.
func (s *Server) UpdateExtensions(ctx context.Context, db Database, name string) (older []string, err error) {
	if err := s.sql(ctx, name, updateExtensions, nil); err != nil {
		return nil, fmt.Errorf("database %q update extensions: %w", db.Name, err)
	}
	var now Database
	if err := s.query(ctx, name, listExtensions, &now); err != nil {
		return nil, fmt.Errorf("database %q extensions: %w", db.Name, err)
	}
	have := map[string]string{}
	for _, e := range now.Extensions {
		have[e.Name] = e.Version
	}
	for _, e := range db.Extensions {
		if have[e.Name] != e.Version && !newest(have[e.Name], e.Version) {
			older = append(older, fmt.Sprintf("extension %s is %s, was %s", e.Name, orNone(have[e.Name]), e.Version))
		}
	}
	return older, nil
}

// Settle gives one of the server's own databases the ACL, settings, connection limit and
// comment that it had in another server.
func (s *Server) Settle(ctx context.Context, db Database) error {
	if !db.System() {
		return errors.New("database " + db.Name + " is not the server's own")
	}
	comment := "NULL"
	if db.Comment != "" {
		comment = literal(db.Comment)
	}
	script := settle(db, db.Name) + fmt.Sprintf("ALTER DATABASE %s CONNECTION LIMIT %d;\nCOMMENT ON DATABASE %s IS %s;\n", ident(db.Name), db.ConnLimit, ident(db.Name), comment)
	if err := s.sql(ctx, s.maintenance(), script, nil); err != nil {
		return fmt.Errorf("database %q settle: %w", db.Name, err)
	}
	return nil
}

// Size is that of a database in bytes; 0 when there is none of the name.
func (s *Server) Size(ctx context.Context, name string) (int64, error) {
	var n int64
	err := s.query(ctx, s.maintenance(), "SELECT coalesce((SELECT pg_database_size(oid) FROM pg_database WHERE datname = "+literal(name)+"), 0);\n", &n)
	return n, err
}

// Checkpoint writes what the server holds in memory to disk, so that it stops at once.
func (s *Server) Checkpoint(ctx context.Context) error {
	return s.sql(ctx, s.maintenance(), "CHECKPOINT;\n", nil)
}

// DumpDir is a folder for Load in a container with a mount at target: on the new volume,
// whose room was looked at, unless the data fill the mount themselves.
func DumpDir(target, dataDir string) string {
	if path.Clean(target) == path.Clean(dataDir) {
		return "/tmp/belay-dump"
	}
	return path.Join(target, ".belay-dump")
}

// Carried takes out of a fingerprint what may differ from was, that of the same database on
// the server that it was carried over from: extensions that are newer now, and how one of
// the server's own sorts text, which the image decides.
func (f *Fingerprint) Carried(was *Fingerprint, system bool) {
	for name, v := range was.Extensions {
		if newest(f.Extensions[name], v) {
			f.Extensions[name] = v
		}
	}
	if !system {
		return
	}
	for _, key := range []string{"encoding", "provider", "collate", "ctype", "locale", "rules"} {
		f.Settings[key] = was.Settings[key]
	}
}
