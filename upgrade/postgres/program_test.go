package postgres

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestReadProgram(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want *Program
		err  string
	}{
		"glibc": {"postgres (PostgreSQL) 17.5 (Debian 17.5-1.pgdg120+1)\nlibc glibc 2.36\nextension plpgsql 1.0\nextension vector 0.8.0\n",
			&Program{Major: 17, Libc: "glibc", LibcVersion: "2.36", Extensions: map[string]string{"plpgsql": "1.0", "vector": "0.8.0"}}, ""},
		"musl":          {"postgres (PostgreSQL) 18.1\nlibc musl\nextension plpgsql 1.0\n", &Program{Major: 18, Libc: "musl", Extensions: map[string]string{"plpgsql": "1.0"}}, ""},
		"another libc":  {"postgres (PostgreSQL) 18.1\nlibc \nextension plpgsql 1.0\n", &Program{Major: 18, Extensions: map[string]string{"plpgsql": "1.0"}}, ""},
		"no version":    {"postgres (EnterpriseDB)\nlibc musl\n", nil, "which version"},
		"no extensions": {"postgres (PostgreSQL) 18.1\nlibc musl\nno extensions\n", nil, "which extensions"},
		"nothing":       {"", nil, "which version"},
	} {
		got, err := ReadProgram(strings.NewReader(tt.text))
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestMisfits(t *testing.T) {
	db := func(name, collate string, extensions ...string) Database {
		d := Database{Name: name, Provider: "libc", Collate: collate, Ctype: collate}
		for _, e := range extensions {
			n, v, _ := strings.Cut(e, " ")
			d.Extensions = append(d.Extensions, Extension{Name: n, Version: v})
		}
		return d
	}
	icu := db("icu", "en_US.utf8")
	icu.Provider = "icu"
	was := Program{Major: 17, Libc: "glibc", LibcVersion: "2.36", Extensions: map[string]string{"plpgsql": "1.0", "vector": "0.10.0"}}
	for name, tt := range map[string]struct {
		change func(*Program)
		dbs    []Database
		want   string // What, or "" for none
		found  string
	}{
		"the same":              {func(*Program) {}, []Database{db("a", "en_US.utf8", "vector 0.10.0")}, "", ""},
		"another major":         {func(p *Program) { p.Major = 18 }, nil, "another major version of PostgreSQL cannot read the data", "data of PostgreSQL 17"},
		"an older major":        {func(p *Program) { p.Major = 16 }, nil, "another major version of PostgreSQL cannot read the data", "data of PostgreSQL 17"},
		"another libc":          {func(p *Program) { p.Libc = "musl" }, []Database{db("a", "en_US.utf8"), db("c", "C")}, "the new image sorts text by other rules, and indexes would miss rows: a", "glibc"},
		"another libc, for C":   {func(p *Program) { p.Libc = "musl" }, []Database{db("c", "C"), icu, db("postgres", "en_US.utf8")}, "", ""},
		"libc not known":        {func(p *Program) { p.Libc = "" }, []Database{db("a", "en_US.utf8")}, "", ""},
		"no extension":          {func(p *Program) { delete(p.Extensions, "vector") }, []Database{db("a", "C", "vector 0.8.0"), db("b", "C", "vector 0.8.0")}, "the new image lacks extension vector, which databases use: a, b", "vector 0.8.0"},
		"no extension, unused":  {func(p *Program) { delete(p.Extensions, "vector") }, []Database{db("a", "C", "plpgsql 1.0")}, "", ""},
		"an older extension":    {func(p *Program) { p.Extensions["vector"] = "0.9.2" }, []Database{db("a", "C", "vector 0.8.0"), db("b", "C", "vector 0.10.0")}, "the new image has an older extension vector than databases use: a, b", "vector 0.10.0"},
		"a newer extension":     {func(p *Program) { p.Extensions["vector"] = "0.11.0" }, []Database{db("a", "C", "vector 0.8.0")}, "", ""},
		"a version that is odd": {func(p *Program) { p.Extensions["vector"] = "0.10.0dev" }, []Database{db("a", "C", "vector 0.10.0dev")}, "", ""},
	} {
		to := was
		to.Extensions = map[string]string{"plpgsql": "1.0", "vector": "0.10.0"}
		tt.change(&to)
		got := to.Misfits(&was, tt.dbs)
		switch {
		case tt.want == "" && len(got) > 0, tt.want != "" && (len(got) != 1 || got[0].What != tt.want || got[0].Found != tt.found || got[0].Needed == "" || got[0].Next == ""):
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestExtensionsAndCollations(t *testing.T) {
	p := &Program{Extensions: map[string]string{"vector": "0.8.1"}}
	dbs := []Database{
		{Name: "a", Extensions: []Extension{{Name: "plpgsql", Version: "1.0"}, {Name: "vector", Version: "0.8.0"}}, CollationVersion: "2.36", CollationActual: "2.36"},
		{Name: "b", Extensions: []Extension{{Name: "vector", Version: "0.8.0"}}, CollationVersion: "2.31", CollationActual: "2.36"},
	}
	if got, want := Extensions(dbs, p), `vector 0.8.0 (the server has 0.8.1: ALTER EXTENSION "vector" UPDATE) in a, b`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := Extensions(nil, nil); got != "none" {
		t.Error(got)
	}
	for want, dbs := range map[string][]Database{
		"as recorded":   dbs[:1],
		"none recorded": nil,
		"b was sorted by version 2.31, and the server has 2.36: REINDEX DATABASE, then ALTER DATABASE … REFRESH COLLATION VERSION": dbs,
	} {
		if got := Collations(dbs); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// What a container of the image says without data is what the server says that runs on it.
func TestInspect(t *testing.T) {
	s := start(t)
	got, err := s.Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d := s.Exec.(dockerExec)
	command := InspectArgs()
	out, err := d.docker(t.Context(), append([]string{"run", "--rm", "--network", "none", "--entrypoint", command[0], image()}, command[1:]...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	of, err := ReadProgram(bytes.NewReader(out))
	if err != nil || !reflect.DeepEqual(of, got) {
		t.Errorf("%+v, %v, and the server said %+v", of, err, got)
	}
	facts, _, err := Probe(t.Context(), s.Exec, s.Container)
	if err != nil || got.Major != facts.Major || got.Libc != "glibc" || got.LibcVersion == "" {
		t.Errorf("%+v, and the server is %+v, %v", got, facts, err)
	}
	// Each version is one that the server would install.
	var have map[string]string
	if err := s.query(t.Context(), "postgres", "SELECT jsonb_object_agg(name, default_version) FROM pg_available_extensions;\n", &have); err != nil || !reflect.DeepEqual(have, got.Extensions) {
		t.Errorf("%v, and the server has %v, %v", got.Extensions, have, err)
	}
	dbs, err := s.Databases(t.Context())
	if misfits := of.Misfits(got, dbs); err != nil || len(misfits) > 0 {
		t.Errorf("%+v, %v", misfits, err)
	}
}
