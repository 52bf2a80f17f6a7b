package postgres

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestCopyNames(t *testing.T) {
	long := strings.Repeat("ä", 31) // 62 bytes
	for _, test := range []struct {
		c    Copy
		want string
	}{
		{Copy{Clone, run1, "dify"}, "dify__belay_20261122t031500z4f2a"},
		{Copy{Failed, run1, odd}, odd + "__failed_20261122t031500z4f2a"},
		{Copy{Scratch, run1, strings.Repeat("x", 33)}, strings.Repeat("x", 33) + "__scratch_20261122t031500z4f2a"},
		{Copy{Scratch, run1, strings.Repeat("x", 34)}, strings.Repeat("x", 24) + "_b0b43789__scratch_20261122t031500z4f2a"},
		{Copy{Clone, run1, long}, strings.Repeat("ä", 13) + "_af5af882__belay_20261122t031500z4f2a"},
	} {
		name := test.c.Name()
		if name != test.want || len(name) > 63 {
			t.Errorf("%v: %q (%d bytes), want %q", test.c, name, len(name), test.want)
		}
		if got, ok := ours(name, test.c.comment()); !ok || got != test.c {
			t.Errorf("%q with its comment: %v, %t", name, got, ok)
		}
		if _, ok := ours(name, "another's comment"); ok {
			t.Errorf("%q with another's comment is ours", name)
		}
		if _, ok := ours(name, "belay:"+string(test.c.Kind)+" "+run1+" of other"); ok {
			t.Errorf("%q with the comment of another copy is ours", name)
		}
		got, ok := ours(name, "")
		if cut := len(test.c.Of) > 33; ok != (test.c.Kind != Failed) || ok && (got.Of == "") != cut {
			t.Errorf("%q without a comment: %v, %t", name, got, ok)
		}
	}
	if (Copy{Clone, run1, long}).Name() == (Copy{Clone, run1, long + "x"}).Name() {
		t.Error("two long names make one")
	}
	for _, c := range []Copy{{Clone, "4f2a", "a"}, {Clone, run1, ""}, {"other", run1, "a"}} {
		if c.valid() == nil {
			t.Errorf("%v: no error", c)
		}
	}
	for _, name := range []string{"dify", "dify__belay_1", "__belay_20261122t031500z4f2a", "dify__belay_20261122t031500z4f2a2", "dify__pre_20261122t031500z4f2a"} {
		if c, ok := ours(name, ""); ok {
			t.Errorf("%q is ours: %v", name, c)
		}
	}
}

func TestSplitNames(t *testing.T) {
	for value, want := range map[string][]string{
		``:                              {""},
		`""`:                            {""},
		`public`:                        {"public"},
		`"$user", public`:               {"$user", "public"},
		`"a, b","c""d" , "e"`:           {"a, b", `c"d`, "e"},
		`$libdir/one, "/opt/two three"`: {"$libdir/one", "/opt/two three"},
	} {
		if got := splitNames(value); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}

func TestGrantsFollowTheirGrantors(t *testing.T) {
	db := Database{Owner: "o", ACL: []Grant{{"b", "c", "CONNECT", false}, {"a", "b", "CONNECT", true}, {"o", "a", "CONNECT", true}, {"o", "", "TEMPORARY", false}}}
	var order []string
	for _, g := range grantOrder(db) {
		order = append(order, g.Grantor+g.Grantee)
	}
	if got := strings.Join(order, " "); got != "oa o ab bc" {
		t.Error(got)
	}
}

func TestNames(t *testing.T) {
	if got, want := conninfo(`a'b\ c=d`), `dbname='a\'b\\ c=d'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := qualified("public", `a"B`), `public."a""B"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestCount(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	text := "SET x = 1;\n\nCOPY public.a (i) FROM stdin;\n1\n" + long + "\n\\\\.\n\\.\n\nCOPY \"S.\"\"\".\"new\nline (\" (\"c\nd\") FROM stdin;\n\\N\n\\.\nCOPY s.none  FROM stdin;\n\\.\nSELECT pg_catalog.lo_open('7', 131072);\n"
	c, err := count(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"public.a": 3, "\"S.\"\"\".\"new\nline (\"": 1, "s.none": 0}
	for _, name := range names(c.Tables, want) {
		if c.Tables[name] != want[name] {
			t.Errorf("%q: %d, want %d", name, c.Tables[name], want[name])
		}
	}
	if len(c.Tables) != len(want) || c.LargeObjects != 1 {
		t.Errorf("%v", c)
	}
	if _, err := count(strings.NewReader(text[:60])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %v", err)
	}
}

func TestStatements(t *testing.T) {
	got, err := statements("-- c;\n\\restrict abc;\nA 'x;''y' \"q;\"\"\";\n\nB E'a\\\\';-- end\nC\n;\n")
	if want := []string{`A 'x;''y' "q;""";`, `B E'a\\';`, "C\n;"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	for _, text := range []string{"A 'x;", "A", `A \! id;`, `A "`} {
		if got, err := statements(text); err == nil {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func FuzzStatements(f *testing.F) {
	f.Add("A 'x;''y' \"q\";\n-- c\nB;")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := statements(text)
		if err != nil {
			return
		}
		again, err := statements(strings.Join(list, "\n"))
		if err != nil || !slices.Equal(list, again) {
			t.Errorf("%q: %q, %v", list, again, err)
		}
	})
}

func FuzzCount(f *testing.F) {
	f.Add("COPY public.a (i) FROM stdin;\n1\n\\.\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := count(strings.NewReader(text)); err == nil && c.LargeObjects > int64(len(text)) {
			t.Error(c)
		}
	})
}

func FuzzSplitNames(f *testing.F) {
	f.Add(`"a, b", c`)
	f.Fuzz(func(t *testing.T, value string) {
		quoted := ident(value) + ", " + ident(value)
		if got := splitNames(quoted); !slices.Equal(got, []string{value, value}) {
			t.Errorf("%s: %q", quoted, got)
		}
		splitNames(value)
	})
}

// What the server writes differently after a restore is the same; what means
// something else is not.
func TestNormal(t *testing.T) {
	const head = "--\n-- Name: t; Type: TABLE; Schema: s; Owner: o\n--\n\n"
	before := objects("-- Dumped from database version 17.4\n\\restrict a\n\n" + head + "CREATE TABLE s.t (\n    v character varying(20),\n    CHECK (((v)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))\n);\n\n\n")
	after := objects("-- Dumped from database version 17.5\n\\restrict b\n\n" + head + "CREATE TABLE s.t (\n    v character varying(20),\n    CHECK (((v)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])))\n);\n\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict b\n\n")
	other := objects(head + "CREATE TABLE s.t (\n    v character varying(20),\n    CHECK (((v)::text = ANY (ARRAY[('a'::character varying)::text, ('c'::character varying)::text])))\n);\n")
	if len(before) != 1 || before["TABLE s.t"] == "" || before["TABLE s.t"] != after["TABLE s.t"] {
		t.Errorf("%v, %v", before, after)
	}
	if before["TABLE s.t"] == other["TABLE s.t"] {
		t.Error("another check is the same")
	}
}

func TestSince(t *testing.T) {
	before := Counters{OID: 1, Reset: "r", Tables: map[string]int64{"a": 5, "b": 0}}
	for _, test := range []struct {
		name  string
		after Counters
		rows  int64
		known bool
	}{
		{"nothing", before, 0, true},
		{"rows and a new table", Counters{OID: 1, Reset: "r", Tables: map[string]int64{"a": 7, "b": 0, "c": 1}}, 3, true},
		{"less", Counters{OID: 1, Reset: "r", Tables: map[string]int64{"a": 4, "b": 9}}, 9, false},
		{"a table went", Counters{OID: 1, Reset: "r", Tables: map[string]int64{"a": 5}}, 0, false},
		{"reset", Counters{OID: 1, Reset: "s", Tables: map[string]int64{"a": 5, "b": 1}}, 1, false},
		{"another database", Counters{OID: 2, Reset: "r", Tables: map[string]int64{"a": 5, "b": 0}}, 0, false},
	} {
		if rows, _, known := test.after.Since(before); rows != test.rows || known != test.known {
			t.Errorf("%s: %d, %t", test.name, rows, known)
		}
	}
}

// scripted answers the one question that it is made for.
type scripted struct {
	t      *testing.T
	script string // that must be asked
	out    string
	err    error
}

func (s scripted) Exec(_ context.Context, container string, args, _ []string, _ io.Reader, stdout io.Writer) error {
	if container != "c" || len(args) < 3 || args[0] != "sh" || args[1] != "-c" || !strings.HasSuffix(args[2], s.script) {
		s.t.Fatalf("%s: %q", container, args)
	}
	if _, err := io.WriteString(stdout, s.out); err != nil {
		return err
	}
	return s.err
}

func TestProbeOfWhatIsNoServer(t *testing.T) {
	for _, test := range []struct {
		name string
		e    scripted
		fail bool
	}{
		{"no shell", scripted{err: &execError{err: exit(127)}}, false},
		{"no client", scripted{out: "none\n"}, false},
		{"a server that does not answer", scripted{out: "template1\npsql (PostgreSQL) 17.5\n", err: &execError{err: exit(2)}}, true},
		{"nonsense", scripted{out: "postgres\npsql (PostgreSQL) 17.5\n"}, true},
	} {
		test.e.t, test.e.script = t, find
		if f, ok, err := Probe(t.Context(), test.e, "c"); ok || f != nil || (err != nil) != test.fail {
			t.Errorf("%s: %v, %t, %v", test.name, f, ok, err)
		}
	}
}

// What came before an error does not make a dump or a check.
func TestErrorAfterOutput(t *testing.T) {
	e := scripted{t: t, script: filter, out: "COPY public.a (i) FROM stdin;\n1\n\\.\n", err: errors.New("pg_restore: error: canary")}
	s := &Server{Container: "c", Exec: e}
	if c, err := s.Check(t.Context(), strings.NewReader("")); err == nil || c != nil {
		t.Errorf("%v, %v", c, err)
	}
	if err := s.Dump(t.Context(), "a", io.Discard); !errors.Is(err, e.err) {
		t.Error(err)
	}
	e.out, e.err = "COPY nonsense\n", nil
	s.Exec = e
	if c, err := s.Check(t.Context(), strings.NewReader("")); err == nil || c != nil {
		t.Errorf("nonsense: %v, %v", c, err)
	}
}
