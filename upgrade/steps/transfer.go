package steps

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/postgres"
)

// transfer fills the data folders of servers that get another major version. The new server
// runs in a one-off container on the new volume, beside the old one and closed to
// everybody, and takes over what that holds: roles, settings, databases. Both are stopped
// then; the old one's data are as its own shutdown left them, and are the way back.
type transfer struct{ *Host }

// transferring is what there was before.
type transferring struct {
	before
	Folders []string `json:"folders,omitempty"` // of the new servers, which were not there
}

// Transferred is the result of transfer.
type Transferred struct {
	Servers []TransferredServer `json:"servers"`
}

// TransferredServer is one server in its new place.
type TransferredServer struct {
	Service   string     `json:"service"`
	From      string     `json:"from"` // "17.5"
	To        string     `json:"to"`
	Old       DataPlace  `json:"old"`
	New       DataPlace  `json:"new"`
	Jobs      int        `json:"jobs"`
	Databases []Database `json:"databases"`
	Indexes   []Index    `json:"indexes,omitempty"`
	Notes     []string   `json:"notes,omitempty"` // what was not carried over, and what is another
	Parts     []Part     `json:"parts"`
}

// Database is one that was carried over.
type Database struct {
	Name   string `json:"name"`
	Tables int    `json:"tables"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"` // in the old server
}

// Part is how long a part of the work took.
type Part struct {
	Name string   `json:"name"`
	Took Duration `json:"took"`
}

// Check asks the data which version they are of, whatever the tags say, and looks that the
// new place is empty.
func (s *transfer) Check(ctx context.Context) error {
	servers, err := s.servers(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range s.Spec.Moves {
		i := slices.IndexFunc(servers, func(srv *postgres.Server) bool { return srv.Service == m.Service })
		if i < 0 {
			errs = append(errs, &Refusal{Reason: "service " + m.Service + " would get another major version of PostgreSQL, and no server runs in it", Next: "start it: docker compose up -d " + m.Service})
			continue
		}
		facts, ok, err := postgres.Probe(ctx, servers[i].Exec, servers[i].Container)
		if err != nil || !ok {
			return cmp.Or(err, errNoServer)
		}
		if facts.Major != m.From {
			errs = append(errs, &Refusal{Reason: "service " + m.Service + ": its data are not of the version that its tag names", Found: fmt.Sprintf("PostgreSQL %d", facts.Major),
				Needed: fmt.Sprintf("PostgreSQL %d", m.From), Next: "let its tag name the version that runs, and start it so (docker compose up -d), before another is asked for"})
		}
		errs = append(errs, s.empty(ctx, m), s.reachable(ctx, servers[i]), s.oneFolder(ctx, servers[i]))
	}
	return errors.Join(errs...)
}

// reachable refuses a server that the new one could not read: it will be where 127.0.0.1 is
// the old one, with the password that both were given.
func (s *transfer) reachable(ctx context.Context, srv *postgres.Server) error {
	port, err := srv.Port(ctx)
	if err != nil {
		return err
	}
	if _, err := srv.Seen(srv, "127.0.0.1", port).Port(ctx); err != nil {
		return &Refusal{Reason: "the new version's clients could not read the server of " + srv.Service, Found: s.Mask(err.Error()),
			Needed: "its superuser on 127.0.0.1, trusted or by POSTGRES_PASSWORD", Next: "correct POSTGRES_PASSWORD, listen_addresses or pg_hba.conf"}
	}
	return nil
}

// oneFolder refuses data outside of the data folder, which the new server has no place for.
func (s *transfer) oneFolder(ctx context.Context, srv *postgres.Server) error {
	spaces, err := srv.Tablespaces(ctx)
	if err != nil || len(spaces) == 0 {
		return err
	}
	return &Refusal{Reason: "the server of " + srv.Service + " has tablespaces, whose folders the new one would not have", Found: names(spaces),
		Next: "move what is in them to pg_default (ALTER DATABASE, TABLE and INDEX … SET TABLESPACE), and drop them"}
}

// empty refuses a new place with something in it.
func (s *transfer) empty(ctx context.Context, m Move) error {
	if m.New.Volume != "" {
		found, err := s.Docker.Volumes(ctx, m.New.Volume)
		if err != nil {
			return err
		}
		if _, there := found[m.New.Volume]; there {
			return &Refusal{Reason: "the new volume for " + m.Service + " is there already, and nobody knows what is in it", Found: m.New.Volume,
				Next: "when nothing in it is needed: docker volume rm " + m.New.Volume}
		}
		return nil
	}
	in, err := os.ReadDir(m.New.Folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(in) > 0 {
		return &Refusal{Reason: "the new data folder for " + m.Service + " is not empty", Found: m.New.Folder, Next: "move away what is in it"}
	}
	return nil
}

func (s *transfer) Capture(ctx context.Context) (transferring, error) {
	b, err := s.volumesBefore(ctx)
	out := transferring{before: b}
	for _, m := range s.Spec.Moves {
		if m.New.Folder == "" {
			continue
		}
		if _, e := os.Stat(m.New.Folder); errors.Is(e, fs.ErrNotExist) {
			out.Folders = append(out.Folders, m.New.Folder)
		}
	}
	return out, err
}

func (s *transfer) Do(ctx context.Context, _ transferring) (any, error) {
	var out Transferred
	for _, m := range s.Spec.Moves {
		one, err := s.move(ctx, m)
		if err != nil {
			return nil, fmt.Errorf("service %s, PostgreSQL %d to %d: %w", m.Service, m.From, m.To, err)
		}
		out.Servers = append(out.Servers, *one)
	}
	return out, nil
}

// carrying is one move under way.
type carrying struct {
	*transfer
	Move
	old, new *postgres.Server // the old one as the new container sees it, once that is there
	own      *postgres.Server // the old one in its own container
	facts    *postgres.Facts  // of the new server
	out      *TransferredServer
	means    postgres.Means
	rows     rowCounts // of the old server, before anything was read from it
}

func (s *transfer) move(ctx context.Context, m Move) (*TransferredServer, error) {
	servers, err := s.servers(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(servers, func(srv *postgres.Server) bool { return srv.Service == m.Service })
	if i < 0 {
		return nil, errNoServer
	}
	c := &carrying{transfer: s, Move: m, old: servers[i], out: &TransferredServer{Service: m.Service, Old: m.Old, New: m.New}}
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"start the new server", c.begin},
		{"roles", c.globals},
		{"databases", c.databases},
		{"compare", c.compare},
		{"vector search", c.search},
		{"settings", c.settings},
		{"stop both servers", c.end},
	} {
		begun := s.Now()
		if err := part.do(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
		c.out.Parts = append(c.out.Parts, Part{part.name, Duration(s.Now().Sub(begun))})
	}
	return c.out, nil
}

// begin starts the new server in the network of the old one, which it reaches there on the
// loopback address that docker-library's pg_hba.conf trusts, or by its password.
func (c *carrying) begin(ctx context.Context) error {
	was, ok, err := postgres.Probe(ctx, c.old.Exec, c.old.Container)
	if err != nil || !ok {
		return cmp.Or(err, errNoServer)
	}
	at, err := c.old.Port(ctx)
	if err != nil {
		return err
	}
	if c.rows, err = c.written(ctx); err != nil {
		return err
	}
	port := at + 1
	if c.New.Folder != "" {
		if err := folderLike(c.New.Folder, c.Old.Folder); err != nil {
			return err
		}
	}
	id, err := c.oneOff(ctx, port)
	if err != nil {
		return err
	}
	c.new = &postgres.Server{Service: c.Service, Container: id, Exec: c.old.Exec, App: c.old.App}
	if err := c.listening(ctx, port); err != nil {
		return err
	}
	if c.facts, ok, err = postgres.Probe(ctx, c.new.Exec, id); err != nil || !ok {
		return cmp.Or(err, errNoServer)
	}
	c.new.Maintenance, c.old.Maintenance = c.facts.Maintenance, was.Maintenance
	c.out.From, c.out.To = was.Release(), c.facts.Release()
	switch {
	case c.facts.Major != c.To:
		return fmt.Errorf("the new image has PostgreSQL %d", c.facts.Major)
	case c.facts.User != was.User:
		return fmt.Errorf("its superuser would be another (POSTGRES_USER)")
	}
	if c.means, err = c.new.Means(ctx); err != nil {
		return err
	}
	c.out.Jobs = c.means.Jobs
	c.own, c.old = c.old, c.old.Seen(c.new, "127.0.0.1", at)
	return nil
}

// folderLike makes a folder with the owner and the mode of another.
func folderLike(path, model string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	info, err := os.Stat(model)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(path, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, info.Mode().Perm())
}

// oneOff starts a container of the new definition, in the old server's network and with
// another port. What initialises a first database, as the folder of docker-library's entry
// point, is hidden: all comes from the old server.
func (c *carrying) oneOff(ctx context.Context, port int) (string, error) {
	override := c.folder("transfer.yml")
	text := fmt.Sprintf(`services:
  %q:
    network_mode: %q
    networks: !reset null
    ports: !reset []
    expose: !reset []
    hostname: !reset null
    domainname: !reset null
    mac_address: !reset null
    dns: !reset null
    extra_hosts: !reset null
    links: !reset []
    environment:
      PGPORT: "%d"
    volumes:
      - {type: tmpfs, target: /docker-entrypoint-initdb.d}
`, c.Service, "container:"+c.old.Container, port)
	if err := writeSynced(override, []byte(text), 0o600); err != nil {
		return "", err
	}
	p := c.Spec.Project
	p.Files = append(slices.Clone(p.Files), override)
	if _, err := c.Docker.Do(ctx, c.Docker.Compose(p, "run", "--detach", "--no-deps", "-T", "--pull", "never", "--", c.Service)); err != nil {
		return "", err
	}
	all, err := c.Docker.Containers(ctx, c.Spec.Project.Name)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(x docker.Container) bool { return x.Oneoff && x.Service == c.Service })
	if i < 0 {
		return "", errors.New("its container ended at once")
	}
	return all[i].ID, c.setRestart(ctx, docker.RestartPolicy{Name: "no"}, all[i].ID)
}

// listening waits until the new server takes connections by TCP: the one with which an empty
// folder is filled first does not.
func (c *carrying) listening(ctx context.Context, port int) error {
	seen := c.new.Seen(c.new, "127.0.0.1", port)
	for begun := c.Now(); !seen.Listens(ctx); {
		cs, err := c.Docker.Inspect(ctx, c.new.Container)
		if err != nil {
			return err
		}
		late := c.Now().Sub(begun) > max(time.Duration(c.Spec.Config.Deadline), time.Minute)
		if len(cs) == 0 || !cs[0].Running() || late {
			return fmt.Errorf("it does not serve; it said: %s", c.lastWords(ctx, c.new.Container))
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// lastWords are the last lines of a container's log.
func (h *Host) lastWords(ctx context.Context, id string) string {
	out := &tail{max: 8}
	if err := h.Docker.Logs(ctx, id, time.Time{}, 8, out); err != nil {
		return err.Error()
	}
	return h.Mask(strings.ReplaceAll(out.String(), "\n", " | "))
}

// globals carries over what belongs to the server as a whole.
func (c *carrying) globals(ctx context.Context) error {
	var roles bytes.Buffer
	if err := c.old.Globals(ctx, &roles); err != nil {
		return err
	}
	later, err := c.new.RestoreGlobals(ctx, &roles)
	if err != nil {
		return err
	}
	if len(later) > 0 {
		c.note("roles that the new server has besides: %s", names(later))
	}
	return nil
}

// ofTheOld are settings that point to files of the old server, or to others that follow it
// or that it follows: the new one must not write there, nor wait for those.
var ofTheOld = []string{"archive_cleanup_command", "archive_command", "archive_library", "archive_mode", "config_file", "data_directory", "hba_file", "ident_file",
	"primary_conninfo", "primary_slot_name", "promote_trigger_file", "recovery_end_command", "restore_command", "synchronous_standby_names"}

// settings carries over what ALTER SYSTEM set, and tells what is left behind. They are in
// force when the server starts again.
func (c *carrying) settings(ctx context.Context) error {
	was, err := c.own.Cluster(ctx)
	if err != nil {
		return err
	}
	var left []string
	for _, name := range sortedKeys(was.Altered) {
		if slices.Contains(ofTheOld, name) || strings.HasPrefix(name, "recovery_target") {
			left = append(left, name)
			delete(was.Altered, name)
		}
	}
	refused, err := c.new.SetAltered(ctx, was.Altered)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		c.note("settings that were not carried over, since they are about the old server: %s", names(left))
	}
	if len(refused) > 0 {
		c.note("settings that the new version does not take: %s", strings.Join(refused, "; "))
	}
	now, err := c.new.Cluster(ctx)
	if err != nil {
		return err
	}
	for _, line := range now.Left(was) {
		if !slices.Contains(refused, line) {
			c.note("%s", line)
		}
	}
	return nil
}

func (c *carrying) note(format string, args ...any) {
	c.out.Notes = append(c.out.Notes, fmt.Sprintf(format, args...))
}

func (c *carrying) databases(ctx context.Context) error {
	dbs, err := c.old.Databases(ctx)
	if err != nil {
		return err
	}
	dir := postgres.DumpDir(c.New.Target, c.facts.DataDir)
	for _, db := range dbs {
		if err := c.database(ctx, db, dir); err != nil {
			return err
		}
		c.out.Databases = append(c.out.Databases, Database{Name: db.Name, Bytes: db.Size})
	}
	// What the image made of its own variables, and what stood in for it meanwhile.
	now, err := c.new.Databases(ctx)
	if err != nil {
		return err
	}
	for _, db := range now {
		if !db.System() && !slices.ContainsFunc(dbs, func(o postgres.Database) bool { return o.Name == db.Name }) {
			if err := c.new.SetAside(ctx, db, c.Spec.Run); err != nil {
				return err
			}
		}
	}
	copies, err := c.new.Copies(ctx)
	if err != nil {
		return err
	}
	return each(copies, func(f postgres.Found) error { return c.new.Drop(ctx, f.Name) })
}

func (c *carrying) database(ctx context.Context, db postgres.Database, dir string) error {
	into := postgres.Copy{Kind: postgres.Fresh, Run: c.Spec.Run, Of: db.Name}
	name := into.Name()
	if db.System() {
		name = db.Name
	}
	stop := c.watch(ctx, db, name)
	err := c.new.Load(ctx, c.old, db, into, c.means, dir)
	stop()
	if err != nil {
		return err
	}
	older, err := c.new.UpdateExtensions(ctx, db, name)
	if err != nil {
		return err
	}
	if len(older) > 0 {
		return fmt.Errorf("database %s: %s", db.Name, strings.Join(older, "; "))
	}
	if db.System() {
		return c.new.Settle(ctx, db)
	}
	if _, err := c.new.Finish(ctx, db, into); err != nil {
		return err
	}
	return c.new.Swap(ctx, db, into)
}

// watch tells every few seconds how much of a database is in the new server.
func (c *carrying) watch(ctx context.Context, db postgres.Database, name string) (stop func()) {
	what := "carry " + db.Name + " in " + c.Service + " over"
	c.say(Progress{What: what, Total: db.Size})
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause(ctx, 3*time.Second) == nil {
			if n, err := c.new.Size(ctx, name); err == nil {
				c.say(Progress{What: what, Bytes: min(n, db.Size), Total: db.Size})
			}
		}
	}()
	return func() {
		cancel()
		<-done
		c.say(Progress{What: what, Bytes: db.Size, Total: db.Size, Done: true})
	}
}

// compare holds every database against what it held before.
func (c *carrying) compare(ctx context.Context) error {
	was, ok, err := c.before()
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("what was counted before is not there")
	}
	dbs, err := c.new.Databases(ctx)
	if err != nil {
		return err
	}
	prints, err := atOnce(dbs, func(d postgres.Database) (*postgres.Fingerprint, error) { return c.new.Fingerprint(ctx, d.Name) })
	if err != nil {
		return err
	}
	var diff []string
	for name := range was[c.Service] {
		if !slices.ContainsFunc(dbs, func(d postgres.Database) bool { return d.Name == name }) {
			diff = append(diff, "database "+name+" is not there")
		}
	}
	for i, db := range dbs {
		f, b := prints[i], was[c.Service][db.Name]
		if b == nil {
			diff = append(diff, "database "+db.Name+" is new")
			continue
		}
		f.Carried(b, db.System())
		for _, line := range restoredDiff(f, b) {
			diff = append(diff, db.Name+": "+line)
		}
		j := slices.IndexFunc(c.out.Databases, func(d Database) bool { return d.Name == db.Name })
		c.out.Databases[j].Tables = len(f.Tables)
		for _, t := range f.Tables {
			c.out.Databases[j].Rows += t.Rows
		}
	}
	return differing(diff)
}

// rebuilds is how often an index is built again that finds less than the old one did: how
// well one is differs from build to build, by more than what is allowed.
const rebuilds = 2

// search asks both servers for the nearest neighbours of the same rows.
func (c *carrying) search(ctx context.Context) error {
	dbs, err := c.own.Databases(ctx)
	if err != nil {
		return err
	}
	for _, db := range dbs {
		was, err := c.own.Neighbours(ctx, db.Name, nil)
		if err != nil {
			return err
		}
		if len(was) == 0 {
			continue
		}
		c.say(Progress{What: "compare the vector search of " + db.Name + " in " + c.Service})
		now, err := c.new.Neighbours(ctx, db.Name, was)
		for n := 0; n < rebuilds && err == nil && len(postgres.Worse(was, now)) > 0; n++ {
			if err = c.new.Reindex(ctx, db.Name, postgres.Worse(was, now)); err == nil {
				now, err = c.new.Neighbours(ctx, db.Name, was)
			}
		}
		if err != nil {
			return err
		}
		if diff := postgres.CompareNear(was, now); len(diff) > 0 {
			return &DataError{Diff: diff}
		}
		for i := range now {
			c.out.Indexes = append(c.out.Indexes, searched(db.Name, was, now[i]))
		}
	}
	return nil
}

// Index is a vector index in both servers.
type Index struct {
	Database string  `json:"database"`
	Name     string  `json:"name"`
	Method   string  `json:"method"`
	Queries  int     `json:"queries"`
	Before   float64 `json:"before"` // recall of the ten nearest
	After    float64 `json:"after"`
	Unknown  string  `json:"unknown,omitempty"` // why the recall is not known; the exact search was compared all the same
}

func searched(db string, was []postgres.Near, now postgres.Near) Index {
	out := Index{Database: db, Name: now.Index, Method: now.Method, Queries: len(now.Queries), After: now.Recall, Unknown: now.Skipped}
	if i := slices.IndexFunc(was, func(n postgres.Near) bool { return n.Index == now.Index }); i >= 0 {
		out.Before, out.Unknown = was[i].Recall, cmp.Or(out.Unknown, was[i].Skipped)
	}
	return out
}

// end stops both servers, the new one first: what it does not write down now would be lost.
func (c *carrying) end(ctx context.Context) error {
	if err := c.new.Checkpoint(ctx); err != nil {
		return err
	}
	if err := c.stopWhole(ctx, c.new.Container); err != nil {
		return fmt.Errorf("the new server: %w", err)
	}
	if err := c.Docker.Remove(ctx, c.new.Container); err != nil {
		return err
	}
	if err := c.untouched(ctx); err != nil {
		return err
	}
	cs, err := c.containers(ctx)
	if err != nil {
		return err
	}
	for _, x := range cs {
		if x.Service != c.Service {
			continue
		}
		if err := c.setRestart(ctx, docker.RestartPolicy{Name: "no"}, x.ID); err != nil {
			return err
		}
		if err := c.stopWhole(ctx, x.ID); err != nil {
			return fmt.Errorf("the old server: %w", err)
		}
	}
	return os.Remove(c.folder("transfer.yml"))
}

// untouched makes sure that nobody wrote to the old server since it was read: a client
// outside of the stack can, by its published port, and the new one would not have that.
func (c *carrying) untouched(ctx context.Context) error {
	if err := c.alone(ctx); err != nil {
		return err
	}
	now, err := c.written(ctx)
	if err != nil {
		return err
	}
	for _, db := range sortedKeys(c.rows[c.Service]) {
		if rows, tables, known := now[c.Service][db].Since(c.rows[c.Service][db]); rows > 0 || !known {
			return fmt.Errorf("somebody wrote to %s of the old server while it was carried over: %d rows (%s)", db, rows, some(tables))
		}
	}
	return nil
}

// stopWhole stops a server and makes sure that it ended by itself.
func (h *Host) stopWhole(ctx context.Context, id string) error {
	if err := h.Docker.Stop(ctx, 5*time.Minute, id); err != nil {
		return err
	}
	cs, err := h.Docker.Inspect(ctx, id)
	if err != nil {
		return err
	}
	if len(cs) == 1 && cs[0].ExitCode != 0 {
		return &UnsavedError{Service: cs[0].Service, Exit: cs[0].ExitCode, OOM: cs[0].OOMKilled}
	}
	return nil
}

// Undo removes the new server and its data. The old ones are where they were.
func (s *transfer) Undo(ctx context.Context, b transferring) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	var old halted
	if _, err := s.captured(&old); err != nil {
		return err
	}
	if err := s.clearNew(ctx, old, b.Volumes); err != nil {
		return err
	}
	var errs []error
	for _, dir := range b.Folders {
		if !slices.ContainsFunc(s.Spec.Moves, func(m Move) bool { return m.New.Folder == dir && filepath.IsAbs(dir) }) {
			continue
		}
		errs = append(errs, os.RemoveAll(dir))
	}
	if err := os.Remove(s.folder("transfer.yml")); !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
