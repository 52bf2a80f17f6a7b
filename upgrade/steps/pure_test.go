package steps

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/postgres"
)

func TestLevels(t *testing.T) {
	needs := func(names ...string) map[string]string {
		m := map[string]string{}
		for _, n := range names {
			m[n] = "service_started"
		}
		return m
	}
	for _, c := range []struct {
		name  string
		after map[string]map[string]string
		want  [][]string
	}{
		{"nothing", nil, nil},
		{"apart", map[string]map[string]string{"b": nil, "a": nil}, [][]string{{"a", "b"}}},
		{"chain", map[string]map[string]string{"web": needs("api"), "api": needs("db", "redis"), "db": nil, "redis": nil}, [][]string{{"db", "redis"}, {"api"}, {"web"}}},
		{"on one that is not there", map[string]map[string]string{"api": needs("gone"), "db": nil}, [][]string{{"api", "db"}}},
		{"circle", map[string]map[string]string{"a": needs("b"), "b": needs("a"), "c": nil}, [][]string{{"c"}, {"a", "b"}}},
		{"on itself", map[string]map[string]string{"a": needs("a")}, [][]string{{"a"}}},
	} {
		if got := levelsOf(c.after); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestUnwell(t *testing.T) {
	for _, c := range []struct {
		name  string
		c     docker.Container
		well  bool
		final bool
	}{
		{"runs", docker.Container{State: "running"}, true, false},
		{"healthy", docker.Container{State: "running", Health: "healthy"}, true, false},
		{"starting", docker.Container{State: "running", Health: "starting"}, false, false},
		{"unhealthy", docker.Container{State: "running", Health: "unhealthy"}, false, false},
		{"restarts", docker.Container{State: "restarting"}, false, false},
		{"paused", docker.Container{State: "paused"}, false, false},
		{"not started", docker.Container{State: "created"}, false, false},
		{"one-shot", docker.Container{State: "exited", Policy: docker.RestartPolicy{Name: "no"}}, true, false},
		{"one-shot that may fail", docker.Container{State: "exited", Policy: docker.RestartPolicy{Name: "on-failure"}}, true, false},
		{"one-shot that failed", docker.Container{State: "exited", ExitCode: 3, Policy: docker.RestartPolicy{Name: "no"}}, false, true},
		{"a service that ended", docker.Container{State: "exited", Policy: docker.RestartPolicy{Name: "always"}}, false, false},
		{"a service that was stopped", docker.Container{State: "exited", Policy: docker.RestartPolicy{Name: "unless-stopped"}}, false, false},
	} {
		c.c.Service = "a"
		e := unwell([]docker.Container{{Service: "b", State: "dead"}, c.c}, "a")
		if (e == nil) != c.well || e != nil && e.final != c.final {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
	two := []docker.Container{{Service: "a", State: "running"}, {Service: "a", State: "restarting"}}
	if unwell(two, "a") == nil {
		t.Error("one of two containers restarts, and the service is well")
	}
	if unwell(nil, "a") == nil {
		t.Error("a service without a container is well")
	}
}

func TestRestarted(t *testing.T) {
	at := time.Now()
	first := []docker.Container{{ID: "1", Service: "a", RestartCount: 2, StartedAt: at}}
	for name, c := range map[string]struct {
		now  docker.Container
		want bool
	}{
		"the same":            {docker.Container{ID: "1", Service: "a", RestartCount: 2, StartedAt: at.In(time.FixedZone("x", 3600))}, false},
		"one more restart":    {docker.Container{ID: "1", Service: "a", RestartCount: 3, StartedAt: at}, true},
		"started by somebody": {docker.Container{ID: "1", Service: "a", RestartCount: 2, StartedAt: at.Add(time.Second)}, true},
		"made anew":           {docker.Container{ID: "2", Service: "a"}, true},
		"of another service":  {docker.Container{ID: "3", Service: "b"}, false},
	} {
		if e := restarted(first, []docker.Container{c.now}, "a"); (e != nil) != c.want {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// hostFile makes a file for a mount.
func hostFile(t *testing.T, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte("x"), 0o640)); err != nil {
		t.Fatal(err)
	}
	return name
}

// A folder above that of a running server was copied whole, and given back whole: the
// files of a server that ran were overwritten. /var/lib/docker/volumes likewise.
func TestDataMounts(t *testing.T) {
	dir := t.TempDir()
	file := hostFile(t, dir, "nginx.conf")
	bind := func(src, dst string) docker.Mount {
		return docker.Mount{Type: "bind", Source: src, Destination: dst, RW: true}
	}
	vol := func(name, dst string) docker.Mount {
		return docker.Mount{Type: "volume", Name: name, Destination: dst, RW: true}
	}
	read := bind(dir+"/conf", "/conf")
	read.RW = false
	anon := vol(strings.Repeat("a", 64), "/cache")
	anon.Anonymous = true
	cs := []docker.Container{
		{Service: "db", Mounts: []docker.Mount{bind("/srv/s/volumes/db[1]", "/data"), vol("pg", "/x"), vol("init", "/init")}},
		{Service: "api", Image: "sha256:1", Mounts: []docker.Mount{
			vol("storage", "/storage"), anon, bind("/srv/s/volumes", "/all"), bind("/srv/s/volumes/db[1]/pg_wal", "/wal"), vol("pg", "/pg"), read,
			bind("/var/run/docker.sock", "/var/run/docker.sock"), bind("/var/lib/docker/volumes", "/v"), bind("/", "/host"), bind("/etc/localtime", "/etc/localtime"),
			{Type: "tmpfs", Destination: "/tmp", RW: true}, bind(file, "/etc/nginx.conf"), vol("big", "/big"), vol("part", "/part"),
		}},
		{Service: "worker", Mounts: []docker.Mount{vol("storage", "/shared"), bind("/srv/s/volumes/", "/all")}},
	}
	got := map[string]stored{}
	for _, s := range dataMounts(cs, []string{"db"}, []string{"api:/big/**", "*:/part/tmp/**", "worker:/part", "nonsense"}) {
		got[s.Mount.Name+s.Mount.Source] = s
	}
	if want := []string{"/srv/s/volumes", anon.Name, "part", "storage"}; !slices.Equal(sortedKeys(got), want) {
		t.Fatalf("%q, want %q", sortedKeys(got), want)
	}
	if s := got["storage"]; len(s.Also) != 2 || s.Also[1].Service != "worker" || s.Also[1].Destination != "/shared" {
		t.Errorf("a shared volume: %+v", s.Also)
	}
	if s := got["/srv/s/volumes"]; !slices.Equal(s.Excluded, []string{`db\[1]`}) || len(s.Also) != 2 {
		t.Errorf("above a server's: %+v", s)
	}
	if s := got["part"]; !slices.Equal(s.Excluded, []string{"tmp/**"}) {
		t.Errorf("a part left out: %+v", s)
	}
	if s := got[anon.Name]; s.Also[0].Type != "anonymous" {
		t.Errorf("anonymous: %+v", s)
	}
	files := dataFiles(cs, []string{"db"}, nil)
	if len(files) != 1 || files[0].Source != file || files[0].Type != singleFile {
		t.Errorf("files %+v", files)
	}
	if left := dataFiles(cs, []string{"db"}, []string{"api:/etc/nginx.conf"}); len(left) != 0 {
		t.Errorf("a file that was left out: %+v", left)
	}
}

// Two containers of one service have an anonymous volume each, at the same place; both
// were given back into one of them.
func TestAnonymousVolumesOfTwoContainers(t *testing.T) {
	v := func(n string) backup.Volume {
		return backup.Volume{Service: "a", Destination: "/c", Type: "anonymous", Name: n}
	}
	has := func(n string) docker.Container {
		return docker.Container{Service: "a", Mounts: []docker.Mount{{Type: "volume", Name: n, Destination: "/c", Anonymous: true}}}
	}
	all := []backup.Volume{v("1"), v("2")}
	for _, c := range []struct {
		cs   []docker.Container
		want [2]string
	}{
		{[]docker.Container{has("1"), has("2")}, [2]string{"1", "2"}},
		{[]docker.Container{has("2"), has("1")}, [2]string{"1", "2"}},
		{[]docker.Container{has("1"), has("9")}, [2]string{"1", "9"}},
		{nil, [2]string{"1", "2"}},
	} {
		if got := [2]string{anonymousNow(c.cs, v("1"), all), anonymousNow(c.cs, v("2"), all)}; got != c.want {
			t.Errorf("%+v: %v, want %v", c.cs, got, c.want)
		}
	}
}

func TestFaces(t *testing.T) {
	cfg := &docker.Config{Services: map[string]docker.Service{
		"nginx":  {Image: "registry:5000/library/nginx:1.28@sha256:0", Ports: []docker.Port{{Target: 80}}, Scale: 1},
		"tunnel": {Image: "cloudflare/cloudflared", Scale: 1},
		"inner":  {Image: "nginx", Scale: 1},
		"api":    {Image: "langgenius/dify-api:1", Ports: []docker.Port{{Target: 5001}}, DependsOn: map[string]string{"inner": "service_started"}, Scale: 1},
		"db":     {Image: "postgres", Scale: 1},
		"mine":   {Image: "mine", Scale: 1},
		"off":    {Image: "caddy", Ports: []docker.Port{{Target: 80}}},
	}}
	closed, held := faces(cfg, []string{"mine"})
	if !slices.Equal(closed, []string{"api"}) || !slices.Equal(held, []string{"mine", "nginx", "tunnel"}) {
		t.Errorf("closed %q, held %q", closed, held)
	}
	for ref, want := range map[string]bool{"nginx": true, "a/b/traefik:v3": true, "jwilder/nginx-proxy": false, "my-nginx": false, "nginxinc/nginx-unprivileged:1": true} {
		if proxy(ref) != want {
			t.Errorf("proxy(%q) = %v", ref, !want)
		}
	}
}

// The rows of a table are another's only where all of its names agree.
func TestRowCountsLess(t *testing.T) {
	w := rowCounts{"db": {"n8n": {Tables: map[string]int64{`public."T_webhook"`: 5, "public.t": 1}}, "dify": {Tables: map[string]int64{`public."T_webhook"`: 2}}}}
	got := w.less([]app.Kept{{Service: "db", Database: "n8n", Schema: "public", Table: "T_webhook"}, {Service: "elsewhere", Database: "dify", Schema: "public", Table: "T_webhook"}})
	if want := "map[public.t:1] map[public.\"T_webhook\":2] 2"; fmt.Sprint(got["db"]["n8n"].Tables, got["db"]["dify"].Tables, len(w["db"]["n8n"].Tables)) != want {
		t.Errorf("%v, want %s; %v", got, want, w)
	}
}

// A server that did not answer had no rows, so that what was written to it was lost.
func TestRowsSince(t *testing.T) {
	n := func(oid, rows int64) rowCounts {
		return rowCounts{"db": {"dify": {OID: oid, Tables: map[string]int64{"public.t": rows}}}}
	}
	for _, c := range []struct {
		name        string
		before, now rowCounts
		rows        int64
		unknown     int
	}{
		{"nothing", n(1, 5), n(1, 5), 0, 0},
		{"three rows", n(1, 5), n(1, 8), 3, 0},
		{"another database", n(1, 5), n(2, 5), 0, 1},
		{"counted anew", n(1, 5), n(1, 2), 0, 1},
		{"the server is gone", n(1, 5), rowCounts{}, 0, 1},
		{"the database is gone", n(1, 5), rowCounts{"db": {}}, 0, 1},
		{"a new database", rowCounts{"db": {}}, n(1, 5), 5, 1},
	} {
		err := rowsSince(c.before, c.now)
		var e *WrittenError
		if !errors.As(err, &e) {
			if c.rows != 0 || c.unknown != 0 {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if e.Rows != c.rows || len(e.Unknown) != c.unknown {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}

func TestNewErrors(t *testing.T) {
	before := []LogLines{{Service: "api", Lines: []string{"error # of #"}, Shown: []string{"error 1 of 2"}}}
	now := []LogLines{
		{Service: "api", Lines: []string{"error # of #", "fatal"}, Shown: []string{"error 7 of 9", "fatal"}},
		{Service: "web", Lines: []string{"error # of #"}, Shown: []string{"error 1 of 2"}},
	}
	want := []LogLines{{Service: "api", Lines: []string{"fatal"}, Shown: []string{"fatal"}}, {Service: "web", Lines: []string{"error # of #"}, Shown: []string{"error 1 of 2"}}}
	if got := newErrors(before, now); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := newErrors(now, now); len(got) != 0 {
		t.Errorf("nothing is new, but %+v", got)
	}
	if got := short(strings.Repeat("a", 299) + "é"); got != strings.Repeat("a", 299)+"\uFFFD" {
		t.Errorf("cut in a character: %q", got[290:])
	}
}

func TestDataDiff(t *testing.T) {
	f := func(rows int64) *postgres.Fingerprint {
		return &postgres.Fingerprint{Tables: map[string]postgres.Table{"public.t": {Rows: rows, Hash: "h"}}}
	}
	was := data{"db": {"dify": f(1), "n8n": f(1)}}
	if d := was.diff(data{"db": {"dify": f(1), "n8n": f(1)}}); len(d) != 0 {
		t.Errorf("equal: %q", d)
	}
	got := was.diff(data{"db": {"dify": f(2), "late": f(1)}})
	if len(got) != 3 || !strings.HasPrefix(got[0], "dify in db: ") || got[1] != "n8n in db is not there" || got[2] != "late in db is new" {
		t.Errorf("%q", got)
	}
}

func TestOneOff(t *testing.T) {
	for ref, last := range map[string]string{"langgenius/dify-api:1.7.0": "upgrade", "langgenius/dify-api:1.7.1": "api", "langgenius/dify-api:latest": "api", "x@sha256:0": "api"} {
		if got := oneOff(ref, "api"); got[len(got)-1] != last || !slices.Contains(got, "--no-deps") {
			t.Errorf("%s: %q", ref, got)
		}
	}
}

func TestAtOnce(t *testing.T) {
	var now, most atomic.Int32
	all := []int{5, 4, 3, 2, 1, 0}
	got, err := atOnce(all, func(n int) (int, error) {
		for here := now.Add(1); ; {
			m := most.Load()
			if here <= m || most.CompareAndSwap(m, here) {
				break
			}
		}
		defer now.Add(-1)
		time.Sleep(time.Duration(n+1) * 5 * time.Millisecond)
		if n == 2 {
			return 0, os.ErrClosed
		}
		return 10 * n, nil
	})
	if !slices.Equal(got, []int{50, 40, 30, 0, 10, 0}) || !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v, %v", got, err)
	}
	if n := most.Load(); n < 2 || n > 4 {
		t.Errorf("%d at once", n)
	}
}

func TestRestoredDiff(t *testing.T) {
	of := func(rows int64) *postgres.Fingerprint {
		return &postgres.Fingerprint{Tables: map[string]postgres.Table{"public.fast": {Rows: rows, Hash: fmt.Sprint(rows), Unlogged: true}}}
	}
	if diff := restoredDiff(of(2), of(2)); len(diff) > 0 {
		t.Errorf("%q", diff)
	}
	if diff := restoredDiff(of(0), of(2)); !slices.Equal(diff, []string{"table public.fast: 0 rows, were 2"}) {
		t.Errorf("%q", diff)
	}
}

// A rollback that gives data back wants fewer rows; one that keeps them does not.
func TestGivesBack(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		want bool
	}{{Spec{Kind: Rollback}, true}, {Spec{Kind: Rollback, Options: Options{KeepData: true}}, false}, {Spec{Kind: Upgrade}, false}, {Spec{Kind: Backup}, false}, {Spec{}, false}} {
		if got := c.spec.givesBack(); got != c.want {
			t.Errorf("%+v: %t", c.spec.Options, got)
		}
	}
}

// Two rows of a schema, or one that is no head, are no head.
func TestHeadOf(t *testing.T) {
	for answer, want := range map[string]string{
		"INFO [alembic.runtime.migration] Context impl PostgresqlImpl.\n1c9ba48be8e4 (head)\n": "1c9ba48be8e4",
		"1c9ba48be8e4\n": "", "": "", "1c9ba48be8e4 (head)\n8c2e4b6a1d07\n": "", "1c9ba48be8e4 (head)\n8c2e4b6a1d07 (head)\n": "",
	} {
		if got := headOf(answer); got != want {
			t.Errorf("%q: %q, want %q", answer, got, want)
		}
	}
}

// A report says what a program wrote, not the command that ran it.
func TestSaid(t *testing.T) {
	if err := said(nil, "x"); err != nil {
		t.Error(err)
	}
	other := errors.New("no container")
	for err, want := range map[error]string{
		&docker.Error{Exit: 3, Stderr: "psql: notice\npsql:<stdin>:7: ERROR:  no such table\n"}: "PostgreSQL says: ERROR:  no such table",
		fmt.Errorf("database x: %w", &docker.Error{Exit: 2}):                                    "PostgreSQL says: exit status 2",
		fmt.Errorf("x: %w", &docker.Error{Exit: -1, Stderr: "it was ended"}):                    "x: ",
		fmt.Errorf("x: %w", other): "x: no container",
	} {
		if got := said(err, "PostgreSQL"); got.Error() != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A tag that moves between the plan and the pull is not what was approved.
func TestApproved(t *testing.T) {
	s := &Spec{Approved: map[string]string{"a:1": "sha256:1", "b:1": "sha256:2"}, Changes: []Change{{Service: "a", New: "a:1"}, {Service: "b", New: "b:1", Hidden: true}}}
	has := func(digests ...string) docker.Image { return docker.Image{Digests: digests} }
	for name, c := range map[string]struct {
		ref  string
		img  docker.Image
		want string
	}{
		"the same":                    {"a:1", has("x@sha256:0", "a@sha256:1"), ""},
		"another":                     {"a:1", has("a@sha256:11"), "a:1 moved since the plan was made: found sha256:11, needed sha256:1"},
		"none":                        {"a:1", has(), "a:1 moved since the plan was made, needed sha256:1"},
		"nobody said":                 {"c:1", has("c@sha256:3"), ""},
		"with a value of an env file": {"b:1", has("b@sha256:3"), "an image moved since the plan was made: found sha256:3, needed sha256:2"},
	} {
		got := ""
		if err := s.approved(c.ref, c.img); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
