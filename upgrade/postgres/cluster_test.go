package postgres

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// seedCluster is what ALTER SYSTEM, an editor and replication leave. A value that is not valid
// and a name that is gone are as a later major may see them.
const seedCluster = `
ALTER SYSTEM SET work_mem = '9MB';
ALTER SYSTEM SET search_path = "$user", "we, i""rd", public;
ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements', 'auto_explain';
ALTER SYSTEM SET archive_command = 'cp "%p" ''/canary a''/%f; \ :work';
ALTER SYSTEM SET log_line_prefix = '';
ALTER SYSTEM SET session_preload_libraries = 'auto_explain';
COPY (SELECT) TO PROGRAM 'cat >/dev/null; cd "$PGDATA" && { echo "promote_trigger_file = ''canary''"; echo "Cursor_Tuple_Fraction = ''canary''"; echo "temp_tablespaces = ''''"; } >>postgresql.auto.conf';
COPY (SELECT) TO PROGRAM 'cat >/dev/null; cd "$PGDATA" && { echo "TIMEZONE = ''canary''"; echo "temp_buffers = 9MB"; echo "port = 5999"; echo "temp_buffers = 10MB"; } >>postgresql.conf';
COPY (SELECT) TO PROGRAM 'cat >/dev/null; cd "$PGDATA" && sed -i /replication/d pg_hba.conf && { echo "host \"my db\",x all 10.0.0.0/8 ldap ldapserver=l ldapbasedn=d ldapbindpasswd=canary"; echo "host all"; } >>pg_hba.conf';
COPY (SELECT) TO PROGRAM 'cat >/dev/null; cd "$PGDATA" && echo "map canary app" >>pg_ident.conf';
SELECT pg_create_physical_replication_slot('standby') \g /dev/null
CREATE DATABASE "Repl 1";
`

func TestCluster(t *testing.T) {
	s := start(t)
	other := next(t, s)
	read := func(s *Server) *Cluster {
		t.Helper()
		c, err := s.Cluster(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if left := read(other).Left(read(s)); left != nil {
		t.Errorf("two new servers: %q", left)
	}
	do(t, s, "postgres", seedCluster)
	do(t, s, "Repl 1", "CREATE TABLE a (i int); CREATE PUBLICATION pub FOR TABLE a; CREATE SUBSCRIPTION sub CONNECTION 'host=canary' PUBLICATION p WITH (connect = false);")
	was := read(s)
	if again := read(s).Left(was); again != nil {
		t.Errorf("of itself: %q", again)
	}

	// What is only in the files would keep a server from starting.
	refused, err := other.SetAltered(t.Context(), was.Altered)
	want := []string{"cursor_tuple_fraction: its value is not valid", "promote_trigger_file: it is not known", "temp_tablespaces: an empty list cannot be set"}
	if err != nil || !slices.Equal(refused, want) {
		t.Errorf("%q, %v, want %q", refused, err, want)
	}
	now := read(other)
	same := maps.Clone(was.Altered)
	for _, name := range []string{"cursor_tuple_fraction", "promote_trigger_file", "temp_tablespaces"} {
		delete(same, name)
	}
	if len(same) != 6 || !maps.Equal(now.Altered, same) {
		t.Errorf("%q, want %q", now.Altered, same)
	}
	want = []string{
		"setting cursor_tuple_fraction of ALTER SYSTEM is missing",
		"setting promote_trigger_file of ALTER SYSTEM is missing",
		"setting temp_tablespaces of ALTER SYSTEM is missing",
		"setting temp_buffers of postgresql.conf is missing",
		"setting timezone of postgresql.conf differs",
		"pg_hba.conf, line 121 was not valid and is not compared",
		`rule of pg_hba.conf is missing: host "my db",x all 10.0.0.0/8 ldap ldapserver ldapbasedn ldapbindpasswd ldapscope`,
		"rule of pg_hba.conf is new: local replication all scram-sha-256",
		"rule of pg_hba.conf is new: host replication all 127.0.0.1/32 trust",
		"rule of pg_hba.conf is new: host replication all ::1/128 trust",
		"maps of pg_ident.conf differ",
		"publication pub of database Repl 1 is missing",
		"subscription sub of database Repl 1 is missing",
		"replication slot standby is missing",
	}
	got := now.Left(was)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	shown, _ := json.Marshal(append(got, refused...))
	kept := *was
	kept.Altered = nil
	rest, _ := json.Marshal(kept)
	if strings.Contains(string(shown)+string(rest), "canary") {
		t.Errorf("a value in %s or %s", shown, rest)
	}

	do(t, s, "postgres", `COPY (SELECT) TO PROGRAM 'cat >/dev/null; echo canary >>"$PGDATA/postgresql.conf"';`)
	if _, err := s.Cluster(t.Context()); err == nil || !strings.Contains(err.Error(), ": postgresql.conf, line ") || strings.Contains(err.Error(), "canary") {
		t.Errorf("of a file that cannot be read: %v", err)
	}

	d := other.Exec.(dockerExec)
	if out, err := d.docker(t.Context(), "restart", other.Container).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ready(t, d, other.Container)
	if got := do(t, other, "postgres", "SELECT current_setting('shared_preload_libraries'), current_setting('work_mem');"); got != "pg_stat_statements, auto_explain|9MB" {
		t.Errorf("after a start: %s", got)
	}
	if out, err := d.docker(t.Context(), "logs", other.Container).CombinedOutput(); err != nil || strings.Contains(string(out), "canary") {
		t.Errorf("%v: a value in the log:\n%s", err, out)
	}
}

func TestLeftRules(t *testing.T) {
	a, b := Rule{"host all all all scram-sha-256", "1"}, Rule{"host a all all ldap ldapbindpasswd", "1"}
	changed := Rule{b.Text, "2"}
	for _, test := range []struct {
		was, now []Rule
		want     string
	}{
		{[]Rule{a, b}, []Rule{a, b}, ""},
		{[]Rule{a, b}, []Rule{b, a}, "rules of pg_hba.conf stand in another order"},
		{[]Rule{a, b}, []Rule{a, changed}, "rule of pg_hba.conf has other options: " + b.Text},
		{[]Rule{a}, []Rule{b}, "rule of pg_hba.conf is missing: " + a.Text + "; rule of pg_hba.conf is new: " + b.Text},
	} {
		if got := strings.Join(leftRules(test.was, test.now), "; "); got != test.want {
			t.Errorf("%v, %v: %s, want %s", test.was, test.now, got, test.want)
		}
	}
	for _, test := range [][3]string{
		{"10.0.0.0", "255.0.0.0", "10.0.0.0/8"}, {"10.0.0.0", "255.0.255.0", "10.0.0.0 255.0.255.0"}, {"0.0.0.0", "0.0.0.0", "0.0.0.0/0"},
		{"::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1/128"}, {"all", "", "all"}, {"db.example", "", "db.example"},
	} {
		if got := network(test[0], test[1]); got != test[2] {
			t.Errorf("%s %s: %s, want %s", test[0], test[1], got, test[2])
		}
	}
}
