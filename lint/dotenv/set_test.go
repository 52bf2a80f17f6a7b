package dotenv

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFindExamples(t *testing.T) {
	fsys := fstest.MapFS{}
	for _, name := range strings.Fields(`.env docker/.env docker/.env.example docker/env.example docker/.env.dist docker/middleware.env.example
		docker/docker-compose.yaml docker/docker-compose.middleware.yaml docker/compose.prod.yml docker/envs/b/z.env.example
		docker/envs/a.env.example docker/envs/a.env docker/envs/b/c/d.env.example docker/envs/middleware.env.example
		docker/envs/prod.env.example docker/other/x.env.example .env.sample`) {
		fsys[name] = &fstest.MapFile{}
	}
	for _, tc := range []struct{ dir, stack, want string }{
		{"docker", "", "docker/.env.example docker/.env.dist docker/env.example docker/envs/a.env.example docker/envs/b/c/d.env.example docker/envs/b/z.env.example"},
		{"docker/", "docker/docker-compose.yaml docker/compose.prod.yml", "docker/.env.example docker/.env.dist docker/env.example docker/envs/a.env.example docker/envs/b/c/d.env.example docker/envs/b/z.env.example docker/envs/prod.env.example"},
		{".", "", ".env.sample"},
		{"nowhere", "", ""},
	} {
		if got := FindExamples(fsys, tc.dir, strings.Fields(tc.stack)...); !slices.Equal(got, strings.Fields(tc.want)) {
			t.Errorf("%s: %q, want %q", tc.dir, got, strings.Fields(tc.want))
		}
	}
}

func TestSet(t *testing.T) {
	set := examples(t, ".env.example", "A=1\nB=2\nB=3\n", "envs/x.env.example", "A=9\nC=4\n#D_D=1\n")
	if got, _ := set.Lookup("A"); got.Value.Reveal() != "1" {
		t.Errorf("A is %q at %s", got.Value.Reveal(), got.Span)
	}
	if got, _ := set.Lookup("B"); got.Value.Reveal() != "3" {
		t.Errorf("B is %q at %s", got.Value.Reveal(), got.Span)
	}
	if got := set.All("A"); len(got) != 2 || got[1].Span.File != "docker/envs/x.env.example" {
		t.Errorf("all of A: %v", got)
	}
	if got := set.Keys(); !slices.Equal(got, []string{"A", "B", "C"}) {
		t.Errorf("keys %q", got)
	}
	if _, ok := set.Lookup("D_D"); ok {
		t.Error("a commented-out key holds")
	}
}

func TestReadSetGoesOnAfterAnError(t *testing.T) {
	fsys := fstest.MapFS{".env.example": {Data: []byte("A='\n")}, "env.example": {Data: []byte("B=1\n")}}
	set, err := ReadSet(".", FindExamples(fsys, "."), reading(fsys))
	if err == nil || !strings.Contains(err.Error(), ".env.example:1:3: a quote") {
		t.Errorf("error %v", err)
	}
	if _, ok := set.Lookup("B"); !ok {
		t.Error("the second file is not read")
	}
}

func TestFileMadeByHand(t *testing.T) {
	f := &File{Entries: []Entry{{Key: "A", Value: NewValue("1")}, {Key: "A", Value: NewValue("2")}, {Key: "B", Commented: true}}}
	if e, ok := f.Lookup("A"); !ok || e.Value.Reveal() != "2" {
		t.Errorf("A is %q", e.Value.Reveal())
	}
	if _, ok := f.Lookup("B"); ok {
		t.Error("a commented-out key holds")
	}
	var none *File
	if _, ok := none.Lookup("A"); ok {
		t.Error("no file holds a key")
	}
}
