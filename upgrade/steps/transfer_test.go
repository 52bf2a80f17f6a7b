package steps

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/journal"
)

// nextImage is a server of the next major version.
func nextImage() string {
	return cmp.Or(os.Getenv("BELAY_TEST_NEXT_POSTGRES_IMAGE"), "pgvector/pgvector:pg18")
}

// seedMajor makes what plain commands lose: a second database, roles that own and are
// granted something, settings of databases and roles, and everything in between.
const seedMajor = `CREATE ROLE app LOGIN PASSWORD 'canary' CONNECTION LIMIT 7;
CREATE ROLE readers; GRANT readers TO app; ALTER ROLE app SET work_mem = '5MB'; COMMENT ON ROLE app IS 'it''s ours';
CREATE DATABASE plugin OWNER app CONNECTION LIMIT 9; COMMENT ON DATABASE plugin IS 'of plugins';
ALTER DATABASE plugin SET lock_timeout = '3s'; ALTER ROLE app IN DATABASE plugin SET statement_timeout = '4s';
REVOKE CONNECT ON DATABASE plugin FROM PUBLIC; GRANT CONNECT ON DATABASE plugin TO readers;
ALTER SYSTEM SET log_min_duration_statement = '5min'; ALTER SYSTEM SET archive_command = 'canary %p';
\connect plugin
CREATE TABLE t (id serial PRIMARY KEY, x text); INSERT INTO t (x) SELECT 'canary ' || i FROM generate_series(1, 500) i;
ALTER TABLE t OWNER TO app; GRANT SELECT ON t TO readers;
\connect shop
CREATE EXTENSION vector; CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE docs (id bigserial PRIMARY KEY, m mood, v vector(8));
INSERT INTO docs (m, v) SELECT 'good', ARRAY(SELECT random() FROM generate_series(1, 8) WHERE i > 0)::vector FROM generate_series(1, 2000) i;
CREATE INDEX docs_v ON docs USING hnsw (v vector_cosine_ops);
CREATE TABLE part (at date, n int) PARTITION BY RANGE (at); CREATE TABLE part_26 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO part SELECT '2026-01-01'::date + i, i FROM generate_series(1, 300) i;
SELECT lo_from_bytea(0, 'canary'::bytea);
CREATE PUBLICATION told FOR TABLE docs;
`

const majorStack = `services:
  db:
    image: "SERVER"
    restart: always
    environment: {POSTGRES_PASSWORD: canary, POSTGRES_DB: shopMORE}
    hostname: database
    volumes: ["VOLUME", "./init:/docker-entrypoint-initdb.d:ro"]
volumes: {data: {}, data_pg18: {}}
`

// majorLab is a server with data, and the files of a stack in which it has the next version.
func majorLab(t *testing.T, more, was, next string) *lab {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	if _, here, err := l.Docker.Image(t.Context(), nextImage()); err != nil || !here {
		err = errors.Join(err, l.Docker.Pull(t.Context(), nextImage(), nil))
		if err != nil && !slices.Contains(strings.Split(os.Getenv("BELAY_TEST_REQUIRE"), ","), "docker") {
			t.Skipf("needs %s, which cannot be pulled: %v", nextImage(), err)
		}
		l.ok(err)
	}
	l.ok(os.MkdirAll(filepath.Join(l.dir, "stack", "init"), 0o755))
	// It acts on an empty folder, and would stop the new server.
	l.ok(os.WriteFile(filepath.Join(l.dir, "stack", "init", "init.sh"), []byte("[ -e /tmp/once ] || { touch /tmp/once; [ \"${PG_MAJOR:-17}\" = 17 ]; }\n"), 0o644))
	files := func(image, volume string) string {
		return strings.NewReplacer("SERVER", image, "VOLUME", volume, "MORE", more).Replace(majorStack)
	}
	l.write(files(serverImage(), was))
	l.do("up", "--detach", "--pull", "never", "--no-build", "--remove-orphans")
	l.Spec.Servers = []string{"db"}
	l.Spec.Config.Deadline = Duration(saidTimeout)
	l.serving("db")
	l.ok(l.Docker.Exec(t.Context(), l.one("db").ID, docker.Exec{Args: []string{"psql", "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-q"}, Stdin: strings.NewReader(seedMajor)}))
	done(l, "halt", &halt{l.Host})
	done(l, "baseline-data", &baselineData{l.Host})
	l.write(files(nextImage(), next))
	return l
}

// tree is a hash of all files of a volume.
func (l *lab) tree(volume string) string {
	l.Helper()
	out, err := l.Docker.Do(l.Context(), docker.Command{Args: []string{"run", "--rm", "--network", "none", "--mount", "type=volume,source=" + volume + ",destination=/data,readonly",
		"--entrypoint", "sh", serverImage(), "-euc", "cd /data; find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum; find . -printf '%p %m %U %G %y\n' | sort | sha256sum"}})
	l.ok(err)
	return string(out)
}

// All of a server is on the next major version afterwards, in another volume; the old one
// was not written, and is what an undo goes back to.
func TestTransfer(t *testing.T) {
	l := majorLab(t, "", "data:/var/lib/postgresql/data", "data_pg18:/var/lib/postgresql")
	project := l.Spec.Project.Name
	l.Spec.Moves = []Move{{Service: "db", From: 17, To: 18, Old: DataPlace{Volume: project + "_data", Target: "/var/lib/postgresql/data"},
		New: DataPlace{Volume: project + "_data_pg18", Target: "/var/lib/postgresql"}}}
	s := &transfer{l.Host}
	l.ok(s.Check(t.Context()))
	var said []string
	l.Say = func(p Progress) { said = append(said, p.What) }
	b := done(l, "transfer", s)
	var out Transferred
	if _, err := l.j.Result("transfer", &out); err != nil || len(out.Servers) != 1 {
		t.Fatal(out, err)
	}
	one := out.Servers[0]
	names := map[string]Database{}
	for _, d := range one.Databases {
		names[d.Name] = d
	}
	if !strings.HasPrefix(one.From, "17.") || !strings.HasPrefix(one.To, "18.") || names["shop"].Rows != 2300 || names["plugin"].Rows != 500 || len(one.Parts) < 5 {
		t.Errorf("%+v", one)
	}
	if len(one.Indexes) != 1 || one.Indexes[0].Queries == 0 || one.Indexes[0].Unknown != "" || one.Indexes[0].After < 0.9 {
		t.Errorf("%+v", one.Indexes)
	}
	if notes := strings.Join(one.Notes, "\n"); !strings.Contains(notes, "about the old server: archive_command") || strings.Contains(notes, "canary") {
		t.Errorf("notes: %q", one.Notes)
	}
	if !slices.Contains(said, "carry shop in db over") {
		t.Errorf("told: %q", said)
	}
	if c := l.one("db"); c.State != "exited" || c.ExitCode != 0 || c.Policy.Name != "no" {
		t.Errorf("the old server: %s, %d, %s", c.State, c.ExitCode, c.Policy)
	}
	if strings.Contains(l.state(), "-run-") {
		t.Errorf("left: %s", l.state())
	}

	atStop := l.tree(project + "_data")

	// The new stack starts on it, with what its first start would have forgotten.
	l.do("up", "--detach", "--pull", "never", "--no-build")
	l.ok(l.answering(t.Context(), []string{"db"}))
	servers, err := l.servers(t.Context())
	l.ok(err)
	now, err := l.data(t.Context())
	l.ok(err)
	before, _, err := l.before()
	l.ok(err)
	for _, name := range []string{"shop", "plugin"} {
		f := now["db"][name]
		f.Carried(before["db"][name], false)
		if diff := f.Diff(before["db"][name]); diff != nil {
			t.Errorf("%s: %q", name, diff)
		}
	}
	if roles, err := servers[0].Roles(t.Context()); err != nil || roles["app"] == "" || roles["readers"] == "" {
		t.Errorf("%v, %v", roles, err)
	}
	var got bytes.Buffer
	l.ok(l.Docker.Exec(t.Context(), l.one("db").ID, docker.Exec{Args: []string{"psql", "-U", "postgres", "-d", "shop", "-XAtc",
		"SHOW log_min_duration_statement; SELECT count(*) FROM pg_publication; SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database"}, Stdout: &got}))
	if want := "5min\n1\nplugin postgres shop template0 template1\n"; got.String() != want {
		t.Errorf("%q, want %q", got.String(), want)
	}

	l.write(strings.NewReplacer("SERVER", serverImage(), "VOLUME", "data:/var/lib/postgresql/data", "MORE", "").Replace(majorStack))
	l.ok(s.Undo(t.Context(), b))
	if now := l.tree(project + "_data"); now != atStop {
		t.Errorf("the old data were written: %s, %s", atStop, now)
	}
	l.ok((&baselineData{l.Host}).serve(t.Context()))
	after, err := l.data(t.Context())
	l.ok(err)
	if diff := before.diff(after); diff != nil {
		t.Errorf("after the undo: %q", diff)
	}
	l.ok(l.dropNoted(t.Context()))
	if found, err := l.Docker.Volumes(t.Context(), project+"_data_pg18"); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
}

// As in Dify's files: the data lie in a folder below a bind mount, whatever the version.
func TestTransferFolder(t *testing.T) {
	l := majorLab(t, ", PGDATA: /var/lib/postgresql/data/pgdata", "./db:/var/lib/postgresql/data", "./db_pg18:/var/lib/postgresql/data")
	at := func(name string) DataPlace {
		return DataPlace{Folder: filepath.Join(l.Spec.Project.Dir, name), Target: "/var/lib/postgresql/data"}
	}
	l.Spec.Moves = []Move{{Service: "db", From: 17, To: 18, Old: at("db"), New: at("db_pg18")}}
	s := &transfer{l.Host}
	b := done(l, "transfer", s)
	version, err := os.ReadFile(filepath.Join(l.Spec.Moves[0].New.Folder, "pgdata", "PG_VERSION"))
	if string(version) != "18\n" {
		t.Errorf("%q, %v", version, err)
	}
	if left, err := filepath.Glob(filepath.Join(l.Spec.Moves[0].New.Folder, ".belay*")); err != nil || left != nil {
		t.Errorf("left: %q, %v", left, err)
	}
	// The new server is not there to say that nobody wrote since the opening.
	l.Spec.Options.AcceptDataLoss = true
	l.ok((&open{l.Host}).Undo(t.Context(), opened{Written: rowCounts{"db": {"shop": {}}}}))
	l.ok(s.Undo(t.Context(), b))
	if in, err := os.ReadDir(l.Spec.Moves[0].New.Folder); err != nil || len(in) == 0 {
		t.Errorf("what may have been written is gone: %v", err)
	}
	l.ok(os.Remove(l.folder(leftFile)))
	l.ok(s.Undo(t.Context(), b))
	if in, err := os.ReadDir(l.Spec.Moves[0].New.Folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is still %v, %v", in, err)
	}
	if version, err := os.ReadFile(filepath.Join(l.Spec.Moves[0].Old.Folder, "pgdata", "PG_VERSION")); string(version) != "17\n" {
		t.Errorf("the old one: %q, %v", version, err)
	}
}

// What a client outside of the stack wrote meanwhile is not in the new server: the run fails,
// and the old server has it.
func TestTransferWritten(t *testing.T) {
	l := majorLab(t, "", "data:/var/lib/postgresql/data", "data_pg18:/var/lib/postgresql")
	l.Spec.Moves = []Move{{Service: "db", From: 17, To: 18, New: DataPlace{Volume: l.Spec.Project.Name + "_data_pg18", Target: "/var/lib/postgresql"}}}
	s, wrote := &transfer{l.Host}, false
	l.Say = func(p Progress) {
		if p.What == "carry shop in db over" && p.Done && !wrote {
			wrote = true
			l.ok(l.Docker.Exec(t.Context(), l.one("db").ID, docker.Exec{Args: []string{"psql", "-U", "postgres", "-d", "shop", "-qc", "INSERT INTO part VALUES ('2026-02-02', 1)"}}))
		}
	}
	b, err := carryOut(l, "transfer", s)
	if err == nil || !wrote || !strings.Contains(err.Error(), "somebody wrote to shop of the old server while it was carried over: 1 rows (public.part_26)") {
		t.Errorf("%v, %v", wrote, err)
	}
	l.ok(s.Undo(t.Context(), b))
	if c := l.one("db"); c.State != "running" {
		t.Errorf("the old server: %s", c.State)
	}
}

// An undo after the opening, which was agreed to, removed the rows that people had written
// since with the new volume. They stay there until retention.
func TestTransferLeft(t *testing.T) {
	l := majorLab(t, "", "data:/var/lib/postgresql/data", "data_pg18:/var/lib/postgresql")
	volume := l.Spec.Project.Name + "_data_pg18"
	t.Cleanup(func() {
		_, _ = l.Docker.Do(context.Background(), docker.Command{Args: []string{"volume", "rm", "--force", volume}})
	})
	l.Spec.Moves = []Move{{Service: "db", From: 17, To: 18, New: DataPlace{Volume: volume, Target: "/var/lib/postgresql"}}}
	s, first := &transfer{l.Host}, &open{l.Host}
	volumes, err := l.volumeNames(t.Context())
	l.ok(err)
	l.j.saved["hand-over"], err = json.Marshal(given{Volumes: volumes})
	l.ok(err)
	b := done(l, "transfer", s)
	l.do("up", "--detach", "--pull", "never", "--no-build")
	l.ok(l.answering(t.Context(), []string{"db"}))
	o := captureOf(l, "open", first)
	l.Spec.Options.AcceptDataLoss = true
	l.ok(first.Undo(t.Context(), o))
	if left, err := Left(l.folder()); err != nil || left != nil {
		t.Errorf("nothing was written, and %v stays: %v", left, err)
	}
	l.ok(l.Docker.Exec(t.Context(), l.one("db").ID, docker.Exec{Args: []string{"psql", "-U", "postgres", "-d", "shop", "-qc", "INSERT INTO part VALUES ('2026-02-02', 1)"}}))
	for range 2 { // it is killed, and begins again
		l.ok(first.Undo(t.Context(), o))
	}
	l.write(strings.NewReplacer("SERVER", serverImage(), "VOLUME", "data:/var/lib/postgresql/data", "MORE", "").Replace(majorStack))
	var old halted
	_, err = l.captured(&old)
	l.ok(err)
	l.ok(s.Undo(t.Context(), b))
	l.ok((&halt{l.Host}).Undo(t.Context(), old))
	if left, err := Left(l.folder()); err != nil || !slices.Equal(left, l.Spec.Moves) {
		t.Errorf("left: %v, %v", left, err)
	}
	if got := l.inVolume(docker.Mount{Name: volume}, "18/docker/PG_VERSION"); got != "18\n" {
		t.Errorf("version in the new volume: %q", got)
	}
	var r *Refusal
	if _, err := s.Capture(t.Context()); !errors.As(err, &r) || !strings.Contains(r.Next, "docker volume rm "+volume) {
		t.Errorf("another try: %v", err)
	}
	l.ok(os.Remove(l.folder(leftFile))) // as it is where nobody wrote
	l.ok((&halt{l.Host}).Undo(t.Context(), old))
	if found, err := l.Docker.Volumes(t.Context(), volume); err != nil || len(found) != 0 {
		t.Errorf("still there: %v, %v", found, err)
	}
}

// A dump that differs, a place that is taken and a tag that says something else than the
// data end before anything is lost.
func TestTransferRefused(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	l.write("services:\n  db: {image: \"" + serverImage() + "\", environment: {POSTGRES_PASSWORD: canary}, volumes: [\"data:/var/lib/postgresql/data\"]}\nvolumes: {data: {}, taken: {}}\n")
	l.do("up", "--detach", "--pull", "never", "--no-build", "--remove-orphans")
	l.Spec.Config.Deadline = Duration(saidTimeout)
	l.serving("db")
	folder := t.TempDir()
	l.ok(os.WriteFile(filepath.Join(folder, "PG_VERSION"), []byte("18\n"), 0o644))
	refused := func(want string, m Move) {
		t.Helper()
		l.Spec.Moves = []Move{m}
		s := &transfer{l.Host}
		err := s.Check(t.Context())
		if err == nil { // what may come in between is looked at when it is the step's turn
			_, err = s.Capture(t.Context())
		}
		var r *Refusal
		if !errors.As(err, &r) || !strings.Contains(err.Error(), want) || r.Next == "" || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", want, err)
		}
	}
	move := Move{Service: "db", From: 17, To: 18, New: DataPlace{Volume: "none"}}
	refused("its data are not of the version that its tag names", Move{Service: "db", From: 16, To: 18, New: move.New})
	refused("is there already, and nobody knows what is in it", Move{Service: "db", From: 17, To: 18, New: DataPlace{Volume: l.Spec.Project.Name + "_data"}})
	refused("is not empty", Move{Service: "db", From: 17, To: 18, New: DataPlace{Folder: folder}})
	refused("no server runs in it", Move{Service: "a", From: 17, To: 18, New: move.New})
	l.do("exec", "-T", "db", "sh", "-c", `install -d -o postgres /tmp/far; psql -U postgres -c "CREATE TABLESPACE far LOCATION '/tmp/far'"`)
	refused("has tablespaces", move)
	l.do("exec", "-T", "db", "sh", "-c", `psql -U postgres -c "DROP TABLESPACE far" -c "ALTER ROLE postgres PASSWORD 'another'"
		sed -i '/^host/s/trust/scram-sha-256/' "$PGDATA/pg_hba.conf"; psql -U postgres -c "SELECT pg_reload_conf()"; sleep 1`)
	refused("clients could not read the server", move)
}

// The old volume goes with the folder of the run that left it, unless somebody uses it, or
// another run has it for its way back: it went with the first of two runs that had moved off
// it. So does the new one of a run that was taken back, where its undo left that.
func TestDropMoved(t *testing.T) {
	const mounts = "services: {a: {image: IMAGE, command: [sleep], volumes: [\"used:/x\"]}}\nvolumes: {used: {}}\n"
	l := onEngine(t, mounts)
	p := l.Spec.Project.Name
	path := func(run string) string { return filepath.Join(l.Spec.State, "runs", run) }
	// run makes the folder of one with moves from these volumes to those of their names with "18".
	run := func(id string, events []journal.Event, names ...string) {
		t.Helper()
		l.ok(os.RemoveAll(path(id)))
		l.ok(os.MkdirAll(path(id), 0o700))
		spec := Spec{}
		for _, n := range names {
			spec.Moves = append(spec.Moves, Move{Old: DataPlace{Volume: p + "_" + n}, New: DataPlace{Volume: p + "_" + n + "18"}})
		}
		header, err := json.Marshal(spec)
		l.ok(err)
		j, err := journal.Create(filepath.Join(path(id), "journal"), time.Now)
		l.ok(err)
		defer j.Close()
		l.ok(j.Append(journal.Begun, "", header))
		for _, e := range events {
			l.ok(j.Append(e, "", nil))
		}
	}
	// drop is what retention does with a run, and gives the volumes that are there then.
	drop := func(id string) string {
		t.Helper()
		entries, err := journal.Read(filepath.Join(path(id), "journal"))
		l.ok(err)
		l.ok(l.dropMoved(t.Context(), path(id), entries))
		l.ok(os.RemoveAll(path(id)))
		found, err := l.volumeNames(t.Context())
		l.ok(err)
		return strings.ReplaceAll(strings.Join(found, " "), p+"_", "")
	}
	wants := func(why, id, want string) {
		t.Helper()
		if got := drop(id); got != want {
			t.Errorf("%s: %q, want %q", why, got, want)
		}
	}
	for _, name := range []string{"old", "old18"} {
		l.ok(l.Docker.CreateVolume(t.Context(), docker.Volume{Name: p + "_" + name, Labels: map[string]string{"com.docker.compose.project": p}}))
	}
	l.do("stop", "-t", "1", "a")
	committed, back := []journal.Event{journal.Committed, journal.Closed}, []journal.Event{journal.Closed}
	run("1", back, "old")
	wants("of a run that was taken back", "1", "old old18 used")
	run("1", committed, "old")
	run("2", committed, "old")
	wants("of the first of two", "1", "old old18 used")
	run("1", committed, "old")
	run("2", nil, "old")
	wants("beside one that has not ended", "1", "old old18 used")
	run("1", committed, "old")
	run("2", nil)
	l.ok(os.WriteFile(filepath.Join(path("2"), "journal"), []byte("damaged\n"), 0o600))
	wants("beside one that cannot be read", "1", "old old18 used")
	run("1", committed, "used", "old")
	run("2", back, "old")
	wants("of one that was committed", "1", "old18 used")
	left, err := json.Marshal([]Move{{New: DataPlace{Volume: p + "_old18"}}, {New: DataPlace{Folder: "/x"}}})
	l.ok(err)
	l.ok(os.WriteFile(filepath.Join(path("2"), leftFile), left, 0o600))
	run("3", committed, "old18")
	wants("left by an undo, and the way back of another run", "2", "old18 used")
	run("2", back, "old")
	l.ok(os.WriteFile(filepath.Join(path("2"), leftFile), left, 0o600))
	wants("of a run, and left by an undo", "3", "old18 used")
	wants("left by an undo", "2", "used")
	l.write("services: {a: {image: IMAGE, command: [sleep]}}\n")
	run("1", committed, "used")
	wants("of a container that is stopped", "1", "used")
	l.do("rm", "-f", "a")
	l.write(mounts) // what the files mount stays, whoever has it now
	run("1", committed, "used")
	wants("without a container", "1", "used")
	l.write("services: {a: {image: IMAGE, command: [sleep]}}\n")
	run("1", committed, "used")
	wants("of nobody", "1", "")
}
