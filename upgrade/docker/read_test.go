package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestKindOf(t *testing.T) {
	tests := []struct {
		args   string
		exit   int
		stderr string
		want   error
	}{
		{"ps -a", 1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", ErrEngine},
		{"ps -a", 1, `error during connect: Get "http://%2Fx.sock/v1.41/containers/json": EOF`, ErrEngine},
		{"ps -a", 1, "failed to connect to the docker API at unix:///x.sock; check if the path is correct", ErrEngine},
		{"pull redis", 1, "unexpected EOF", ErrEngine},
		{"compose up -d", 1, "line before\nError response from daemon: rpc error: code = Unavailable desc = transport is closing", ErrEngine},
		{"start --attach x", 125, "Error waiting for container: unexpected EOF", ErrEngine},
		{"exec x pg_dump", 255, "", ErrEngine},
		{"exec x pg_dump", 1, "Error: No such exec instance: 5f3a", ErrEngine},
		// What a program says about its own connection is not about the engine.
		{"exec x psql", 2, `psql: error: connection to server at "db" failed: Connection refused`, nil},
		{"exec x pg_restore", 1, "pg_restore: error: could not read from input file: unexpected EOF", nil},
		{"start --attach x", 1, "read: unexpected EOF", nil},
		{"exec x false", 255, "it says so itself", nil},
		{"image inspect x", 1, "Error: No such image: x", ErrNotFound},
		{"image inspect x", 1, "Error response from daemon: No such image: x:latest", ErrNotFound},
		{"container inspect x", 1, "Error: No such container: x", ErrNotFound},
		{"volume inspect x", 1, "Error: No such volume: x", ErrNotFound},
		{"volume inspect x", 1, "Error response from daemon: get x: no such volume", ErrNotFound},
		{"start x", 1, "Error response from daemon: driver failed programming external connectivity on endpoint x (e0): Bind for 127.0.0.1:80 failed: port is already allocated\nError: failed to start containers: x", ErrPort},
		{"start x", 1, "Error response from daemon: task " + strings.Repeat("6", 64) + ": already exists\nError: failed to start containers: x", ErrHalfStarted},
		{"rm x", 1, "Error response from daemon: removal of container feed15af is already in progress", ErrRemoving},
		{"update x", 1, "Error response from daemon: Cannot update container feed15af: Container is marked for removal and cannot be \"update\".", ErrRemoving},
		{"exec x serve", 1, "listen tcp :80: bind: address already in use", nil},
		{"rm x", 1, "Error response from daemon: You cannot remove a running container", nil},
	}
	for _, tt := range tests {
		if got := kindOf(strings.Fields(tt.args), tt.exit, tt.stderr); got != tt.want {
			t.Errorf("%s: %d %q: kind %v, want %v", tt.args, tt.exit, tt.stderr, got, tt.want)
		}
	}
	err := fmt.Errorf("outer: %w", &Error{kind: ErrEngine, text: "x"})
	var hint interface{ Hint() string }
	if !errors.Is(err, ErrEngine) || errors.Is(err, ErrNotFound) || !errors.As(err, &hint) || hint.Hint() == "" {
		t.Error("an *Error does not answer for its kind")
	}
}

func TestSecretIsHidden(t *testing.T) {
	type holder struct {
		Env  map[string]Secret
		List []Secret
	}
	h := holder{map[string]Secret{"A": "canary"}, []Secret{"canary"}}
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", Secret("canary"), "all", h)
	seen := string(b) + log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		seen += fmt.Sprintf(verb+verb, Secret("canary"), h)
	}
	if strings.Contains(seen, "canary") || strings.Contains(seen, "63616e617279") {
		t.Errorf("a secret shows: %s", seen)
	}
	var s Secret
	if err := json.Unmarshal([]byte(`"canary"`), &s); err != nil || s.Reveal() != "canary" {
		t.Errorf("read back %q, %v", s.Reveal(), err)
	}
}

func TestPaths(t *testing.T) {
	tests := []struct {
		label    string
		absolute bool
		want     []string
	}{
		{"", true, nil},
		{"/a/compose.yml", true, []string{"/a/compose.yml"}},
		{"/a/compose.yml,/a/override.yml", true, []string{"/a/compose.yml", "/a/override.yml"}},
		{"/a,b/compose.yml,/c", true, []string{"/a,b/compose.yml", "/c"}},
		{".env,env/prod,/etc/env", false, []string{"/dir/.env", "/dir/env/prod", "/etc/env"}},
	}
	for _, tt := range tests {
		if got := paths(tt.label, "/dir", tt.absolute); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.label, got, tt.want)
		}
	}
}

func TestConditions(t *testing.T) {
	got := conditions("db:service_healthy:false,init:service_completed_successfully:true,old")
	want := map[string]string{"db": "service_healthy", "init": "service_completed_successfully", "old": "service_started"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestIdentity(t *testing.T) {
	a := Container{Name: "a", Project: "shop", WorkingDir: "/srv", ConfigFiles: []string{"/srv/compose.yml"}}
	b, c, run := a, a, a
	b.Name, c.Name = "b", "c"
	c.ConfigFiles, c.WorkingDir = []string{"/srv/compose.yml", "/srv/more.yml"}, "/opt"
	run.Name, run.Oneoff, run.WorkingDir = "run", true, "/tmp"
	p, differs := Identity([]Container{run, a, b, c})
	if p.Name != "shop" || p.Dir != "/srv" || !slices.Equal(p.Files, a.ConfigFiles) {
		t.Errorf("project %+v", p)
	}
	want := []string{
		"compose files: a says /srv/compose.yml, c says /srv/compose.yml, /srv/more.yml",
		"working directory: a says /srv, c says /opt",
	}
	if !slices.Equal(differs, want) {
		t.Errorf("differs: %q", differs)
	}
}

func TestTouches(t *testing.T) {
	bind := Mount{Type: "bind", Source: "/srv/data"}
	volume := Mount{Type: "volume", Name: "shop_data", Source: "/var/lib/docker/volumes/shop_data/_data"}
	tests := []struct {
		mount Mount
		of    string
		want  bool
	}{
		{bind, "/srv/data", true}, {bind, "/srv", true}, {bind, "/srv/data/pg", true}, {bind, "/", true},
		{bind, "/srv/data2", false}, {bind, "/srv/..data", false}, {bind, "shop_data", false},
		{Mount{Type: "bind", Source: "/"}, "/srv", true},
		{volume, "shop_data", true}, {volume, "shop", false}, {volume, "/var/lib/docker", true},
		{Mount{Type: "tmpfs"}, "/", false},
	}
	for _, tt := range tests {
		if got := tt.mount.Touches(tt.of); got != tt.want {
			t.Errorf("%+v touches %s: %t", tt.mount, tt.of, got)
		}
	}
}

func TestImageAnswers(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	i := Image{ID: "sha256:" + strings.Repeat("0c", 32), Tags: []string{"redis:7", "ghcr.io/x/y:latest"}, Digests: []string{"redis@" + digest}}
	for ref, want := range map[string]bool{
		"redis:7": true, "docker.io/library/redis:7": true, "ghcr.io/x/y": true, "redis@" + digest: true,
		"redis:8@" + digest: true, i.ID: true, strings.Repeat("0c", 6): true,
		"redis": false, "redis:8": false, "ghcr.io/x/y:1": false, "x/redis:7": false, "redis:7@sha256:" + strings.Repeat("00", 32): false, "0c0c": false, "A B": false,
	} {
		if got := i.answers(ref); got != want {
			t.Errorf("%s: %t", ref, got)
		}
	}
}

func TestParseStat(t *testing.T) {
	got, err := parseStat([]byte(`{"BlockIO":"4.1kB / 0B","CPUPerc":"12.50%","Container":"abc","ID":"abcdef","MemPerc":"0.1%","MemUsage":"1.5MiB / 15.6GiB","Name":"x","NetIO":"1.05MB / 656B","PIDs":"3"}`))
	want := Stat{Container: "abcdef", CPU: 12.5, MemBytes: 1572864, MemLimit: 16750372454, NetIn: 1050000, NetOut: 656, BlockIn: 4100, PIDs: 3}
	if err != nil || got != want {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
	got, err = parseStat([]byte(`{"BlockIO":"--","CPUPerc":"--","Container":"abc","ID":"","MemUsage":"-- / --","NetIO":"--","PIDs":"--"}`))
	if err != nil || got != (Stat{Container: "abc"}) {
		t.Errorf("not measured: %+v, %v", got, err)
	}
	if _, err := parseStat([]byte(`{"MemUsage":"1.5XiB / 2GiB"}`)); err == nil {
		t.Error("an unknown unit is read")
	}
}

func TestPendingLine(t *testing.T) {
	for line, want := range map[string]string{
		" DRY-RUN MODE -  Container docker-p-b-1  Running ":              "",
		" DRY-RUN MODE -  Container docker-p-b-1  Recreate":              "Container docker-p-b-1 Recreate",
		" DRY-RUN MODE -  Container docker-p-b-1  Recreated":             "",
		" DRY-RUN MODE -  Container 73e24ba6aaa3_docker-p-b  Starting":   "Container 73e24ba6aaa3_docker-p-b Starting",
		" DRY-RUN MODE -  Network docker-p_default  Creating":            "Network docker-p_default Creating",
		" DRY-RUN MODE -  Container docker-p-b-1  Pondering":             "Container docker-p-b-1 Pondering",
		"time=… level=warning msg=\"the attribute `version` is obsolete": "",
	} {
		if got, _ := pendingLine(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestMountArg(t *testing.T) {
	if got := mountArg("type=bind", `source=/a,b "c"`, "readonly"); got != `type=bind,"source=/a,b ""c""",readonly` {
		t.Error(got)
	}
}

func TestKeepTag(t *testing.T) {
	id := "sha256:" + strings.Repeat("0c", 32)
	if got := keepTag("shop-_1", id); got != "belay.local/keep:shop-_1-"+strings.Repeat("0c", 12) {
		t.Error(got)
	}
	if got := keepTag(strings.Repeat("p", 200), id); len(got) > len("belay.local/keep:")+128 {
		t.Errorf("a tag of %d bytes", len(got))
	}
}

func TestParseConfig(t *testing.T) {
	conf, err := parseConfig([]byte(`{"name":"shop","networks":{"default":{"name":"shop_default"},"out":{"name":"edge","external":true}},
"services":{
 "db":{"image":"postgres:17","build":null,"restart":"always","stop_grace_period":"1m30s","healthcheck":{"test":["CMD","x"]},
  "volumes":[{"type":"volume","source":"data","target":"/data"},{"type":"volume","target":"/anon"},{"type":"bind","source":"/srv/x","target":"/x","read_only":true}],
  "networks":{"out":null,"default":null}},
 "web":{"build":{"context":"."},"environment":{"A":"pa$$ss","N":null,"E":""},"deploy":{"replicas":0},"pull_policy":"always","network_mode":"service:db",
  "depends_on":{"db":{"condition":"service_healthy","required":true}},"healthcheck":{"disable":true},
  "ports":[{"mode":"ingress","host_ip":"127.0.0.1","target":80,"published":"8080-8090","protocol":"tcp"}]}},
"volumes":{"data":{"name":"elsewhere","external":true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	db, web := conf.Services["db"], conf.Services["web"]
	wantDB := Service{
		Image: "postgres:17", Scale: 1, DependsOn: map[string]string{}, Restart: "always", StopGrace: 90 * time.Second, Healthcheck: true,
		Volumes: []Mount{
			{Type: "volume", Name: "elsewhere", Destination: "/data", RW: true},
			{Type: "volume", Destination: "/anon", RW: true, Anonymous: true},
			{Type: "bind", Source: "/srv/x", Destination: "/x"},
		},
		Networks: []string{"default", "out"}, Environment: map[string]Secret{},
	}
	if !reflect.DeepEqual(db, wantDB) {
		t.Errorf("db %+v\nwant %+v", db, wantDB)
	}
	wantWeb := Service{
		Build: true, Scale: 0, PullPolicy: "always", NetworkMode: "service:db", Joins: []string{"db"}, DependsOn: map[string]string{"db": "service_healthy"}, Restart: "no", NoHealthcheck: true,
		Environment: map[string]Secret{"A": "pa$ss", "E": ""},
		Ports:       []Port{{HostIP: "127.0.0.1", Published: "8080-8090", Target: 80, Protocol: "tcp", Mode: "ingress"}},
	}
	if !reflect.DeepEqual(web, wantWeb) {
		t.Errorf("web %+v\nwant %+v", web, wantWeb)
	}
	if conf.Volumes["data"] != (VolumeDef{Name: "elsewhere", External: true}) || conf.Networks["out"] != (NetworkDef{Name: "edge", External: true}) {
		t.Errorf("volumes %v, networks %v", conf.Volumes, conf.Networks)
	}
}

// An error of encoding/json must not tell a value.
func TestErrorTellsNoValue(t *testing.T) {
	_, err := parseConfig([]byte(`{"services":{"a":{"environment":{"PASSWORD":["canary"]}}}}`))
	if err == nil || strings.Contains(plainJSON(err).Error(), "canary") {
		t.Errorf("%v", err)
	}
}

func TestCommandString(t *testing.T) {
	c := &Client{}
	cmd := c.Compose(Project{Name: "shop", Dir: "/srv/a b", Files: []string{"/srv/c.yml", "/srv/o.yml"}, EnvFiles: []string{"/srv/.env"}, Profiles: []string{"x"}}, "up", "-d")
	want := "docker compose --ansi never -p shop --project-directory '/srv/a b' -f /srv/c.yml -f /srv/o.yml --env-file /srv/.env --profile x up -d"
	if cmd.String() != want {
		t.Errorf("%s\nwant %s", cmd, want)
	}
	if got := (Command{Args: []string{"", "it's"}}).String(); got != `docker '' 'it'\''s'` {
		t.Error(got)
	}
}

func TestExecEnvironment(t *testing.T) {
	args, err := EnvNames([]string{"PGPASSWORD=canary", "X="})
	if err != nil || !slices.Equal(args, []string{"-e", "PGPASSWORD", "-e", "X"}) {
		t.Errorf("%q, %v", args, err)
	}
	for _, bad := range []string{"DOCKER_HOST=canary", "PATH=canary", "canary", "=canary"} {
		if _, err := EnvNames([]string{bad}); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
