package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// One server for all that leaves the others' databases alone.
func TestServer(t *testing.T) {
	s := start(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *Server)
	}{
		{"probe", probes},
		{"a restored dump and a clone have everything", carriesEverything},
		{"locales and tablespaces", locales},
		{"fingerprint sees each change", seesChanges},
		{"a dump that is cut or damaged is refused", refusesDamage},
		{"swap", swaps},
		{"swap again at each point", swapsAgain},
		{"drop takes only copies", dropsOnlyCopies},
		{"busy", busy},
		{"end", ends},
		{"written", written},
		{"roles", restoresRoles},
		{"set aside", setsAside},
		{"count and column", counts},
		{"space", space},
		{"a crash empties unlogged tables", crashes}, // the last: the server starts again
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s) })
	}
}

func probes(t *testing.T, s *Server) {
	f, ok, err := Probe(t.Context(), s.Exec, s.Container)
	if err != nil || !ok || !f.SuperUser || f.User != "the owner" || f.Major < 12 || f.Client != f.Major || f.DataDir == "" || f.SystemID == "" || f.Recovery {
		t.Fatalf("%+v, %t, %v", f, ok, err)
	}
	if _, ok, err := Probe(t.Context(), s.Exec, s.Container+"-none"); err == nil || ok {
		t.Errorf("of a container that does not exist: %t, %v", ok, err)
	}
}

func carriesEverything(t *testing.T, s *Server) {
	db := seed(t, s, odd)
	do(t, s, odd, "UPDATE plain SET x = 'later' WHERE id = 1;") // the materialized view does not know of it
	before := fingerprint(t, s, odd)
	if before.Tables["public.plain"].Rows != 1000 || before.LargeObjects.Rows != 3 || !slices.Equal(before.Skipped, []string{"public.far"}) {
		t.Fatalf("%+v", before)
	}
	if again := fingerprint(t, s, odd).Diff(before); again != nil {
		t.Errorf("a second reading differs: %q", again)
	}

	archive := dump(t, s, odd)
	contents, err := s.Check(t.Context(), bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	if missing := before.Missing(contents); missing != nil {
		t.Errorf("rows in the archive: %q", missing)
	}
	scratch, err := s.RestoreScratch(t.Context(), db, run1, bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	// A scratch database has neither a comment nor a limit.
	want := []string{"setting of the database: comment differs", "setting of the database: connection limit differs"}
	if diff := scratch.Diff(before); !slices.Equal(diff, want) {
		t.Errorf("restored differs: %q", diff)
	}

	for _, kind := range []Kind{Fresh, Clone} {
		c := Copy{Kind: kind, Run: run1[:len(run1)-1] + string(kind)[:1], Of: odd}
		c.Run = strings.Replace(c.Run, "4f2f", "4f2b", 1)
		if kind == Clone {
			_, err = s.Clone(t.Context(), db, c.Run)
		} else {
			err = refill(t, s, db, c, archive)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Swap(t.Context(), db, c); err != nil {
			t.Fatal(err)
		}
		if diff := fingerprint(t, s, odd).Diff(before); diff != nil {
			t.Errorf("after the swap with its %s: %q", kind, diff)
		}
		now := database(t, s, odd)
		now.Size = db.Size
		if a, b := hashJSON(now), hashJSON(db); a != b {
			t.Errorf("%s:\n%+v\n%+v", kind, now, db)
		}
		if err := s.Drop(t.Context(), Copy{Failed, c.Run, odd}.Name()); err != nil {
			t.Error(err)
		}
	}
	if copies, err := s.Copies(t.Context()); err != nil || len(copies) > 0 {
		t.Errorf("left over: %+v, %v", copies, err)
	}
}

func refill(t *testing.T, s *Server, db Database, c Copy, archive []byte) error {
	t.Helper()
	if err := s.Create(t.Context(), db, c); err != nil {
		return err
	}
	if err := s.Restore(t.Context(), c, bytes.NewReader(archive)); err != nil {
		return err
	}
	notes, err := s.Finish(t.Context(), db, c)
	if len(notes) > 0 {
		t.Errorf("notes: %q", notes)
	}
	return err
}

// What a server of this version can say about a locale is said again for a copy.
func locales(t *testing.T, s *Server) {
	f, _, err := Probe(t.Context(), s.Exec, s.Container)
	if err != nil {
		t.Fatal(err)
	}
	do(t, s, "postgres", `COPY (SELECT) TO PROGRAM 'mkdir -p /tmp/space'; CREATE TABLESPACE "far away" LOCATION '/tmp/space';`)
	for _, test := range []struct {
		name, options string
		since         int
	}{
		{"latin", "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'", 12},
		{"ascii", "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' IS_TEMPLATE true", 12},
		{"spaced", `TABLESPACE "far away" CONNECTION LIMIT 0`, 12},
		{"icu", "LOCALE_PROVIDER icu ICU_LOCALE 'de-AT' LC_COLLATE 'C' LC_CTYPE 'C'", 15},
		{"rules", "LOCALE_PROVIDER icu ICU_LOCALE 'de' ICU_RULES '&a < g' LC_COLLATE 'C' LC_CTYPE 'C'", 16},
		{"builtin", "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'", 17},
	} {
		if f.Major < test.since {
			continue
		}
		do(t, s, "postgres", "CREATE DATABASE "+test.name+" TEMPLATE template0 "+test.options+";")
		do(t, s, test.name, "CREATE TABLE a AS SELECT 'b'::text AS t; DROP SCHEMA IF EXISTS extra; CREATE SCHEMA extra;")
		if test.name == "latin" {
			do(t, s, test.name, "INSERT INTO a VALUES ('ä'); CREATE TABLE \"ü\" (i int); ALTER TABLE a SET SCHEMA extra; DROP SCHEMA public CASCADE; DROP EXTENSION plpgsql;")
		}
		db, archive, before := database(t, s, test.name), dump(t, s, test.name), fingerprint(t, s, test.name)
		c := Copy{Fresh, run1, test.name}
		if err := refill(t, s, db, c, archive); err != nil {
			t.Fatal(err)
		}
		if err := s.Swap(t.Context(), db, c); err != nil {
			t.Fatal(err)
		}
		if diff := fingerprint(t, s, test.name).Diff(before); diff != nil {
			t.Errorf("%s: %q", test.name, diff)
		}
		now := database(t, s, test.name)
		if now.Size = db.Size; hashJSON(now) != hashJSON(db) {
			t.Errorf("%+v\n%+v", now, db)
		}
		if err := s.Drop(t.Context(), Copy{Failed, run1, test.name}.Name()); err != nil {
			t.Error(err)
		}
	}
}

func seesChanges(t *testing.T, s *Server) {
	const db = "changes"
	seed(t, s, db)
	before := fingerprint(t, s, db)
	for _, test := range []struct{ change, back, want string }{
		{"UPDATE plain SET x = 'z' WHERE id = 5", "UPDATE plain SET x = 't5' WHERE id = 5", "table public.plain: content differs in as many rows (1000)"},
		{"INSERT INTO twice VALUES (1)", "", "table public.twice: 5 rows, were 4"},
		{"UPDATE twice SET x = 2 WHERE x = 1", "", "table public.twice: content differs in as many rows (5)"},
		{"UPDATE plain SET f = f + 1e-13 WHERE id = 7", "", "table public.plain: content differs in as many rows (1000)"},
		{"INSERT INTO nothing DEFAULT VALUES", "", "table public.nothing: 3 rows, were 2"},
		{"UPDATE parted SET n = 0 WHERE day = '2026-01-25'", "", "table public.parted_1: content differs in as many rows (11)"},
		{"SELECT nextval('used') \\g /dev/null", "", "sequence public.used: at 100, was at 99"},
		{"SELECT nextval('\"Seq 1\"') \\g /dev/null", "", `sequence public."Seq 1": at 42, was before 42`},
		{"SELECT lo_put(4243, 20000, '\\x00') \\g /dev/null", "", "large objects: content differs in as many (3)"},
		{"ALTER LARGE OBJECT 4243 OWNER TO app", "", "large objects: content differs in as many (3)"},
		{"SELECT lo_unlink(4243) \\g /dev/null", "", "large objects: 2, were 3"},
		{"CREATE TABLE late (a int)", "", "table public.late is new: it has 0 rows; schema: TABLE public.late is new"},
		{"DROP TABLE late", "", "table public.late is gone: it had 0 rows; schema: TABLE public.late is gone"},
		{"ALTER TYPE mood ADD VALUE 'good'", "", "schema: TYPE public.mood differs"},
		{"ALTER TABLE twice OWNER TO app", "", "schema: TABLE public.twice differs"},
		{"GRANT SELECT ON twice TO reader", "", "schema: ACL public.TABLE twice is new"},
		{"CREATE OR REPLACE FUNCTION half(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n / 3'", "", "schema: FUNCTION public.half(integer) differs"},
		{"ALTER TABLE private DISABLE ROW LEVEL SECURITY", "", "schema: ROW SECURITY public.private is gone"},
		{"ALTER DATABASE changes RESET search_path", "", "setting of the database: settings differs"},
		{"ALTER DATABASE changes CONNECTION LIMIT 21", "", "setting of the database: connection limit differs"},
		{"COMMENT ON DATABASE changes IS 'canary'", "", "setting of the database: comment differs"},
		{"GRANT CONNECT ON DATABASE changes TO PUBLIC", "", "setting of the database: acl differs"},
		{"DROP EXTENSION pg_trgm CASCADE", "", "extension pg_trgm: none, was "},
	} {
		do(t, s, db, test.change+";\n")
		f := fingerprint(t, s, db)
		got := strings.Join(f.Diff(before), "; ")
		if got != test.want && !(strings.HasSuffix(test.want, "was ") && strings.Contains(got, test.want)) {
			t.Errorf("%s:\n got %s\nwant %s", test.change, got, test.want)
		}
		if before = f; test.back != "" {
			do(t, s, db, test.back+";\n")
			before = fingerprint(t, s, db)
		}
	}
}

func refusesDamage(t *testing.T, s *Server) {
	do(t, s, "postgres", "CREATE DATABASE damaged;")
	do(t, s, "damaged", "CREATE TABLE a AS SELECT i, md5(i::text) FROM generate_series(1, 3000) i; CREATE TABLE canary_b (a int UNIQUE, t text);")
	db, archive := database(t, s, "damaged"), dump(t, s, "damaged")
	for _, n := range []int{0, 3, 500, len(archive) / 2, len(archive) - 1} {
		if _, err := s.Check(t.Context(), bytes.NewReader(archive[:n])); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(archive))
		}
		if _, err := s.RestoreScratch(t.Context(), db, run1, bytes.NewReader(archive[:n])); err == nil {
			t.Errorf("restored from %d of %d bytes: no error", n, len(archive))
		}
	}
	// What a restore says of a row that does not fit has no value of it.
	do(t, s, "damaged", "INSERT INTO canary_b VALUES (31337, 'canary-value');")
	archive = bytes.Replace(dump(t, s, "damaged"), []byte("31337\tcanary-value"), []byte("31337xcanary-value"), 1)
	_, err := s.RestoreScratch(t.Context(), db, run1, bytes.NewReader(archive))
	if err == nil || strings.Contains(err.Error(), "canary-value") || !strings.Contains(err.Error(), "pg_restore: error: ") {
		t.Errorf("a row that does not fit: %v", err)
	}
	if copies, err := s.Copies(t.Context()); err != nil || len(copies) > 0 {
		t.Errorf("left over: %+v, %v", copies, err)
	}
	if err := s.Dump(t.Context(), "no such", &bytes.Buffer{}); err == nil {
		t.Error("dump of a database that does not exist: no error")
	}
}

// writer is a client that connects again whenever it can.
func writer(ctx context.Context, s *Server, db string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		other := *s
		other.App = "writer"
		for ctx.Err() == nil {
			_ = other.sql(ctx, db, "SELECT pg_sleep(5);", nil) // ended and kept out by the swap
		}
	}()
	return func() { cancel(); <-done }
}

func swaps(t *testing.T, s *Server) {
	do(t, s, "postgres", "CREATE DATABASE turn CONNECTION LIMIT 9; COMMENT ON DATABASE turn IS 'mine';")
	do(t, s, "turn", "CREATE TABLE a AS SELECT 1 AS old;")
	db := database(t, s, "turn")
	c, err := s.Clone(t.Context(), db, run1)
	if err != nil {
		t.Fatal(err)
	}
	do(t, s, "turn", "UPDATE a SET old = 2;")
	stop := writer(t.Context(), s, "turn")
	defer stop()
	time.Sleep(500 * time.Millisecond)
	for range 3 { // the second and third find nothing to do
		if err := s.Swap(t.Context(), db, c); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	failed := Copy{Failed, run1, "turn"}
	if got := do(t, s, "turn", "SELECT old FROM a;"); got != "1" {
		t.Errorf("after the swap: %s", got)
	}
	copies, err := s.Copies(t.Context())
	if err != nil || len(copies) != 1 || copies[0].Copy != failed || !copies[0].Complete {
		t.Errorf("%+v, %v", copies, err)
	}
	if now := database(t, s, "turn"); now.Comment != "mine" || now.ConnLimit != 9 || !now.AllowConn {
		t.Errorf("%+v", now)
	}
	for _, name := range []string{"postgres", "template0", "template1"} {
		if err := s.Swap(t.Context(), Database{Name: name}, Copy{Clone, run1, name}); err == nil {
			t.Errorf("swap of %s: no error", name)
		}
	}
	if err := s.Drop(t.Context(), failed.Name()); err != nil {
		t.Error(err)
	}
	if err := s.Swap(t.Context(), db, c); err == nil {
		t.Error("swap with a clone that is gone: no error")
	}
	do(t, s, "postgres", "DROP DATABASE turn;")
}

// Killed after each of its halves, a swap is finished by the next one.
func swapsAgain(t *testing.T, s *Server) {
	halves := map[string]func(db Database, c Copy) error{
		"before": func(Database, Copy) error { return nil },
		"after both are closed": func(db Database, c Copy) error {
			return s.clear(t.Context(), db.Name, c.Name())
		},
		"within the transaction": func(db Database, c Copy) error {
			// The session ends between the two renames.
			text, _, _ := strings.Cut(renames(db, c, &Copy{Failed, run1, db.Name}), "ALTER DATABASE "+ident(c.Name()))
			err := s.sql(t.Context(), "postgres", text, nil)
			if found, look := s.look(t.Context(), db.Name); err == nil && look == nil && !found[db.Name].exists {
				return errors.New("there is no database of the name")
			}
			return err
		},
		"by another hand after the first rename": func(db Database, c Copy) error {
			failed := Copy{Failed, run1, db.Name}
			return s.sql(t.Context(), "postgres", "ALTER DATABASE again RENAME TO "+ident(failed.Name())+";\n"+complete(failed), nil)
		},
		"after somebody dropped it": func(Database, Copy) error {
			return s.sql(t.Context(), "postgres", "DROP DATABASE again;", nil)
		},
		"after all": func(db Database, c Copy) error { return s.Swap(t.Context(), db, c) },
	}
	for name, half := range halves {
		t.Run(name, func(t *testing.T) {
			do(t, s, "postgres", "CREATE DATABASE again; COMMENT ON DATABASE again IS 'mine';")
			do(t, s, "again", "CREATE TABLE a AS SELECT 1 AS old;")
			db := database(t, s, "again")
			c, err := s.Clone(t.Context(), db, run1)
			if err != nil {
				t.Fatal(err)
			}
			do(t, s, "again", "UPDATE a SET old = 2;")
			if err := half(db, c); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := s.Swap(t.Context(), db, c); err != nil {
					t.Fatal(err)
				}
			}
			if got := do(t, s, "again", "SELECT old FROM a;"); got != "1" {
				t.Errorf("after the swap: %s", got)
			}
			now := database(t, s, "again")
			if now.Size = db.Size; hashJSON(now) != hashJSON(db) {
				t.Errorf("%+v\n%+v", now, db)
			}
			if err := s.Drop(t.Context(), Copy{Failed, run1, "again"}.Name()); err != nil {
				t.Fatal(err)
			}
			do(t, s, "postgres", "DROP DATABASE again;")
		})
	}
}

func dropsOnlyCopies(t *testing.T, s *Server) {
	mine := "user__belay_20261122t031500z4f2a"
	failed := "user__failed_20261122t031500z4f2a"
	do(t, s, "postgres", "CREATE DATABASE "+mine+"; COMMENT ON DATABASE "+mine+" IS 'really mine'; CREATE DATABASE "+failed+"; CREATE DATABASE keep;")
	for _, name := range []string{mine, failed, "keep", "postgres"} {
		if err := s.Drop(t.Context(), name); err == nil {
			t.Errorf("%s: no error", name)
		}
		database(t, s, name)
	}
	if err := s.Drop(t.Context(), "none"); err != nil {
		t.Errorf("of nothing: %v", err)
	}
	// One that a kill left without its comment is ours, and goes with its sessions.
	do(t, s, "postgres", "COMMENT ON DATABASE "+mine+" IS NULL;")
	stop := writer(t.Context(), s, mine)
	defer stop()
	time.Sleep(300 * time.Millisecond)
	copies, err := s.Copies(t.Context())
	if err != nil || len(copies) != 1 || copies[0].Complete || copies[0].Of != "user" {
		t.Errorf("%+v, %v", copies, err)
	}
	if err := s.Drop(t.Context(), mine); err != nil {
		t.Error(err)
	}
	do(t, s, "postgres", "DROP DATABASE keep; DROP DATABASE "+failed+";")
}

func busy(t *testing.T, s *Server) {
	do(t, s, "postgres", "CREATE DATABASE busy;")
	stop := writer(t.Context(), s, "busy")
	time.Sleep(500 * time.Millisecond)
	_, err := s.Clone(t.Context(), database(t, s, "busy"), run1)
	var b *BusyError
	if !errors.As(err, &b) || len(b.Sessions) != 1 || b.Sessions[0].App != "writer" || b.Hint() == "" {
		t.Errorf("%v", err)
	}
	stop()
	if err := s.End(t.Context(), "belay/x"); err != nil {
		t.Error(err)
	}
	do(t, s, "postgres", "DROP DATABASE busy WITH (FORCE);")
}

// A dead run's client goes on in the container; its session is ended, others are not.
func ends(t *testing.T, s *Server) {
	dead, other := *s, *s
	dead.App, other.App = "belay/20261122T031500Z-dead", "belay/20261122T031500Z-beef"
	for _, server := range []*Server{&dead, &other} {
		go func() { _ = server.sql(context.WithoutCancel(t.Context()), "postgres", "SELECT pg_sleep(30);", nil) }()
	}
	count := func() string {
		return do(t, s, "postgres", "SELECT string_agg(application_name, ' ' ORDER BY application_name) FROM pg_stat_activity WHERE application_name LIKE 'belay/20261122T%' AND query LIKE '%sleep(30)%';")
	}
	for until := time.Now().Add(10 * time.Second); count() != other.App+" "+dead.App && time.Now().Before(until); {
		time.Sleep(50 * time.Millisecond)
	}
	if err := s.End(t.Context(), dead.App); err != nil {
		t.Fatal(err)
	}
	if got := count(); got != other.App {
		t.Errorf("left: %q", got)
	}
	if err := s.End(t.Context(), other.App); err != nil {
		t.Error(err)
	}
	for _, app := range []string{"", "belay/", "psql"} {
		if err := s.End(t.Context(), app); err == nil {
			t.Errorf("end of %q: no error", app)
		}
	}
}

func written(t *testing.T, s *Server) {
	do(t, s, "postgres", "CREATE DATABASE counted;")
	do(t, s, "counted", "CREATE TABLE a (i int); CREATE TABLE \"B\" (i int); INSERT INTO a SELECT generate_series(1, 10);")
	before, err := s.Written(t.Context(), "counted")
	if err != nil || before.Tables["public.a"] != 10 || before.Sessions != 0 {
		t.Fatalf("%+v, %v", before, err)
	}
	do(t, s, "counted", "INSERT INTO \"B\" VALUES (1), (2); DELETE FROM a WHERE i < 4; UPDATE a SET i = 0 WHERE i = 9;")
	after, err := s.Written(t.Context(), "counted")
	if err != nil {
		t.Fatal(err)
	}
	rows, tables, known := after.Since(before)
	if rows != 6 || !known || !slices.Equal(tables, []string{`public."B"`, "public.a"}) {
		t.Errorf("%d, %q, %t", rows, tables, known)
	}
	do(t, s, "counted", "SELECT pg_stat_reset() \\g /dev/null")
	reset, err := s.Written(t.Context(), "counted")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, known := reset.Since(after); known {
		t.Error("after a reset: known")
	}
	do(t, s, "postgres", "DROP DATABASE counted;")
}

func restoresRoles(t *testing.T, s *Server) {
	roles(t, s)
	before, err := s.Roles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var saved bytes.Buffer
	if err := s.Globals(t.Context(), &saved); err != nil {
		t.Fatal(err)
	}
	do(t, s, "postgres", `
ALTER ROLE app PASSWORD 'other' VALID UNTIL 'infinity' SUPERUSER CONNECTION LIMIT 1; COMMENT ON ROLE app IS NULL; ALTER ROLE app RESET ALL; ALTER ROLE app SET work_mem = '9MB';
REVOKE pg_monitor FROM app; ALTER ROLE reader LOGIN PASSWORD 'canary-4' VALID UNTIL '2030-01-01'; COMMENT ON ROLE reader IS 'new';
CREATE ROLE later; GRANT later TO app; CREATE ROLE last IN ROLE app; GRANT "the owner" TO app;
CREATE ROLE gone; DROP ROLE gone;
`)
	changed, err := s.Roles(t.Context())
	if err != nil || changed["app"] == before["app"] || changed["reader"] == before["reader"] {
		t.Fatalf("the change is not seen: %v", err)
	}
	for range 2 {
		later, err := s.RestoreGlobals(t.Context(), bytes.NewReader(saved.Bytes()))
		if err != nil || !slices.Equal(later, []string{"last", "later"}) {
			t.Fatalf("%q, %v", later, err)
		}
	}
	do(t, s, "postgres", "DROP ROLE last, later;")
	after, err := s.Roles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names(before, after) {
		if before[name] != after[name] {
			t.Errorf("role %q differs", name)
		}
	}
	var again bytes.Buffer
	if err := s.Globals(t.Context(), &again); err != nil {
		t.Fatal(err)
	}
	untilInfinity := strings.NewReplacer(" VALID UNTIL 'infinity'", "")
	a, _ := statements(saved.String())
	b, _ := statements(untilInfinity.Replace(again.String()))
	if !slices.Equal(a, b) {
		t.Errorf("the dump of the roles differs:\n%s\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	if _, err := s.RestoreGlobals(t.Context(), strings.NewReader(saved.String()+"DROP ROLE app;\n")); err == nil {
		t.Error("a statement that does not belong there: no error")
	}
	if _, err := s.RestoreGlobals(t.Context(), strings.NewReader(saved.String()+"ALTER ROLE app PASSWORD 'canary-5' NONSENSE;\n")); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a statement that fails: %v", err)
	}
}

func space(t *testing.T, s *Server) {
	f, _, err := Probe(t.Context(), s.Exec, s.Container)
	if err != nil {
		t.Fatal(err)
	}
	sp, err := s.Space(t.Context(), f.DataDir)
	if err != nil || sp.Free <= 0 || sp.Total < sp.Free {
		t.Errorf("%+v, %v", sp, err)
	}
}

func setsAside(t *testing.T, s *Server) {
	do(t, s, "postgres", "CREATE DATABASE surplus;")
	do(t, s, "surplus", "CREATE TABLE a AS SELECT 1 AS kept;")
	db := database(t, s, "surplus")
	stop := writer(t.Context(), s, "surplus")
	defer stop()
	if err := s.SetAside(t.Context(), db, run1); err != nil {
		t.Fatal(err)
	}
	copies, err := s.Copies(t.Context())
	if err != nil || len(copies) != 1 || copies[0].Copy != (Copy{Failed, run1, "surplus"}) {
		t.Errorf("%+v, %v", copies, err)
	}
	if err := s.SetAside(t.Context(), Database{Name: "postgres"}, run1); err == nil {
		t.Error("of the server's own: no error")
	}
	if err := s.Drop(t.Context(), copies[0].Name); err != nil {
		t.Error(err)
	}
}

func counts(t *testing.T, s *Server) {
	const db = "counts"
	seed(t, s, db)
	do(t, s, db, `CREATE TABLE "sch""ema".versions (v text, n int); INSERT INTO "sch""ema".versions VALUES ('a''b', 1), ('c', 2); CREATE TABLE two (a int); CREATE TABLE "sch""ema".two (a int); CREATE TABLE none (a int);`)
	got, err := s.Count(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	for name, table := range fingerprint(t, s, db).Tables {
		if rows, ok := got[name]; table.Hash != "not populated" && (!ok || rows != table.Rows) {
			t.Errorf("%s: %d, want %d", name, rows, table.Rows)
		}
	}
	for _, test := range []struct {
		db, table, column string
		want              []string
		ok                bool
	}{
		{db, "versions", "v", []string{"a'b", "c"}, true},
		{db, "versions", "n", []string{"1", "2"}, true},
		{db, "none", "a", []string{}, true},
		{db, "two", "a", nil, false},
		{db, "no such", "a", nil, false},
		{"no such", "versions", "v", nil, false},
	} {
		values, ok, err := s.Column(t.Context(), test.db, test.table, test.column)
		if err != nil || ok != test.ok || !slices.Equal(values, test.want) {
			t.Errorf("%s.%s in %s: %q, %t, %v", test.table, test.column, test.db, values, ok, err)
		}
	}
}

func crashes(t *testing.T, s *Server) {
	do(t, s, "postgres", "CREATE DATABASE crash;")
	do(t, s, "crash", `CREATE UNLOGGED TABLE fast (id int GENERATED ALWAYS AS IDENTITY, a int); INSERT INTO fast (a) VALUES (1), (2);
		CREATE UNLOGGED TABLE slow (a int); CREATE TABLE kept (a int); INSERT INTO kept VALUES (1); CHECKPOINT;`)
	before := fingerprint(t, s, "crash")
	d := s.Exec.(dockerExec)
	for _, command := range []string{"kill", "start"} {
		if out, err := d.docker(t.Context(), command, s.Container).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	ready(t, d, s.Container)
	now := fingerprint(t, s, "crash")
	if diff := now.Diff(before); diff != nil {
		t.Errorf("differs: %q", diff)
	}
	if got := now.Emptied(before); !slices.Equal(got, []string{"public.fast"}) {
		t.Errorf("emptied: %q", got)
	}
	do(t, s, "crash", "INSERT INTO fast (a) VALUES (3); DELETE FROM kept;")
	want := []string{"table public.fast: 1 rows, were 2", "table public.kept: 0 rows, were 1"}
	if diff := fingerprint(t, s, "crash").Diff(before); len(diff) < 2 || !slices.Equal(diff[:2], want) {
		t.Errorf("differs: %q", diff)
	}
	do(t, s, "postgres", "DROP DATABASE crash;")
}
