package wanted

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/upgrade/docker"
)

// newDocker gives the engine of the tests, and three tags of an image that waits.
func newDocker(t *testing.T) *docker.Client {
	host := os.Getenv("BELAY_TEST_DOCKER_HOST")
	if host == "" {
		if slices.Contains(strings.Split(os.Getenv("BELAY_TEST_REQUIRE"), ","), "docker") {
			t.Fatal("BELAY_TEST_DOCKER_HOST is not set, and BELAY_TEST_REQUIRE asks for docker")
		}
		t.Skip("BELAY_TEST_DOCKER_HOST is not set")
	}
	c := &docker.Client{Env: append(os.Environ(), "DOCKER_HOST="+host)}
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"main.go": "package main\n\nimport (\n\t\"os\"\n\t\"os/signal\"\n\t\"syscall\"\n)\n\nfunc main() {\n\tend := make(chan os.Signal, 1)\n\tsignal.Notify(end, syscall.SIGTERM)\n\t<-end\n}\n"})
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "wait"), filepath.Join(dir, "main.go"))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	program, err := os.ReadFile(filepath.Join(dir, "wait"))
	if err != nil {
		t.Fatal(err)
	}
	var image bytes.Buffer
	w := tar.NewWriter(&image)
	if err := w.WriteHeader(&tar.Header{Name: "wait", Mode: 0o755, Size: int64(len(program))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(program); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	run(t, c, docker.Command{Args: []string{"import", "-c", `CMD ["/wait"]`, "-", "belay-wanted/app:1.0.0"}, Stdin: &image})
	t.Cleanup(func() {
		_, _ = c.Do(context.Background(), docker.Command{Args: []string{"image", "rm", "belay-wanted/app:1.0.0", "belay-wanted/app:1.1.0"}})
	})
	run(t, c, docker.Command{Args: []string{"tag", "belay-wanted/app:1.0.0", "belay-wanted/app:1.1.0"}})
	return c
}

func run(t *testing.T, c *docker.Client, cmd docker.Command) string {
	t.Helper()
	out, err := c.Do(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// rich is a stack of the constructs that change what docker compose hashes.
func rich() map[string]string {
	return map[string]string{
		"compose.yaml": `include: [inc.yaml]
services:
  a:
    image: belay-wanted/app:${TAG}
    environment: {PW: "${PW}", DOLLAR: "a$$b"}
    volumes: ["data:/data", "./x:/etc/x:ro", "./bind:/bind"]
    healthcheck: {test: ["CMD", "true"], interval: 5s}
    depends_on: [b]
    stop_grace_period: 1s
    configs: [cfg]
    deploy: {resources: {limits: {memory: 64m}}, replicas: 1}
    ulimits: {nofile: {soft: 100, hard: 200}}
  b:
    image: belay-wanted/app:1.0.0
    env_file: [{path: envs/a.env}, {path: none.env, required: false}]
    labels: [x=y]
    secrets: [sec]
    extra_hosts: ["a:1.2.3.4"]
  c:
    extends: {file: base.yaml, service: t}
    networks: {front: {aliases: [q]}}
    tmpfs: /run
  p:
    image: belay-wanted/app:1.0.0
    profiles: [extra]
configs: {cfg: {file: cfg.txt}}
secrets: {sec: {file: ./cfg.txt}}
networks: {front: {}}
volumes: {data: {}}
`,
		"base.yaml":             "services:\n  t:\n    image: belay-wanted/app:1.0.0\n    env_file: envs/a.env\n",
		"inc.yaml":              "services:\n  inc:\n    image: belay-wanted/app:${TAG}\n    env_file: ./envs/a.env\n    volumes: ['./d:/d']\n",
		"compose.override.yaml": "services:\n  b:\n    command: [/wait, now]\n",
		".env":                  "TAG=1.0.0\nPW=a$$b'\"canary\n",
		"envs/a.env":            "FOO=bar$TAG\nLIT='x$y'\n",
		"cfg.txt":               "hi\n",
	}
}

// TestDocker: what docker compose left on real containers is what this package works
// out from files, for files that are on disk and for files that are not any more.
func TestDocker(t *testing.T) {
	c := newDocker(t)
	top := t.TempDir()
	dir := filepath.Join(top, fmt.Sprintf("belay-wanted-%d", os.Getpid()))
	writeFiles(t, dir, rich())
	compose := func(args ...string) {
		t.Helper()
		run(t, c, docker.Command{Args: append([]string{"compose"}, args...), Dir: dir, Env: []string{"PWD=" + dir}})
	}
	t.Cleanup(func() {
		_, _ = c.Do(context.Background(), docker.Command{Args: []string{"compose", "--profile", "*", "down", "-v", "-t", "0"}, Dir: dir})
	})
	compose("up", "-d")
	m := Mode{State: filepath.Join(top, "state"), Catalog: catalog.Load()}
	compute := func(m Mode) *Result {
		t.Helper()
		d, err := Find(t.Context(), c, Where{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		r, err := Compute(t.Context(), c, d, m)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := compute(m)
	if !r.Nothing() || len(r.Services) != 4 || len(r.Notes) != 0 {
		t.Fatalf("nothing was changed: %+v %q", r.Services, r.Notes)
	}
	if got := mapped(r.New.Paths(), filepath.Base); !slices.Equal(got, []string{".env", "base.yaml", "cfg.txt", "compose.override.yaml", "compose.yaml", "a.env", "inc.yaml"}) {
		t.Errorf("files %v", got)
	}

	// The tag in .env: two services by one value, and nothing drifts.
	writeFiles(t, dir, map[string]string{".env": strings.Replace(rich()[".env"], "1.0.0", "1.1.0", 1)})
	r = compute(m)
	for _, s := range r.Services {
		if s.Changed != (s.Name == "a" || s.Name == "inc") || s.Drifted {
			t.Errorf("%+v", s)
		}
	}
	if got := string(r.Old[filepath.Join(dir, ".env")].Data); got != rich()[".env"] {
		t.Errorf("the old .env: %q", got)
	}
	writeFiles(t, dir, rich())

	// A version by --set, applied by hand: docker compose agrees on what changed.
	m.Set = []Pin{{"b", "1.1.0"}}
	r = compute(m)
	m.Set = nil
	if got := mapped(r.changedFiles(), filepath.Base); !slices.Equal(got, []string{".env", "base.yaml", "compose.yaml"}) {
		t.Fatalf("changed %v", got)
	}
	for _, path := range r.changedFiles() {
		if err := os.WriteFile(path, r.New[path].Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	compose("up", "-d")
	if r := compute(m); !r.Nothing() || slices.ContainsFunc(r.Services, func(s Service) bool { return s.Old != "belay-wanted/app:1.1.0" || !s.Local }) {
		t.Errorf("%+v", r.Services)
	}

	// The file it was made of is gone from disk: the hash says which services.
	writeFiles(t, dir, map[string]string{"envs/a.env": "FOO=other\n"})
	r = compute(m)
	for _, s := range r.Services {
		if s.Drifted != (s.Name != "a") || s.Changed {
			t.Errorf("%+v", s)
		}
	}
}

// TestDockerIdentity: one stack by its folder, by a symlink to it, and under a name
// of its own.
func TestDockerIdentity(t *testing.T) {
	c := newDocker(t)
	top := t.TempDir()
	real, link := filepath.Join(top, "real"), filepath.Join(top, fmt.Sprintf("belay-wanted-link-%d", os.Getpid()))
	writeFiles(t, real, map[string]string{"compose.yaml": "services:\n  a:\n    image: belay-wanted/app:1.0.0\n    volumes: ['./d:/d']\n    stop_grace_period: 1s\n"})
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(link)
	project := docker.Project{Name: name, Dir: link, Files: []string{filepath.Join(link, "compose.yaml")}}
	down := func(name string) {
		t.Cleanup(func() {
			_, _ = c.Do(context.Background(), docker.Command{Args: []string{"compose", "-p", name, "down", "-v", "-t", "0"}, Dir: "/"})
		})
	}
	down(name)
	if _, err := Find(t.Context(), c, Where{Dir: link}); err == nil {
		t.Fatal("found before it was started")
	}
	run(t, c, c.Compose(project, "up", "-d"))
	for _, dir := range []string{link, real} {
		_, err := Find(t.Context(), c, Where{Dir: dir})
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
	}
	d, err := Find(t.Context(), c, Where{Dir: link})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Compute(t.Context(), c, d, Mode{State: top, Catalog: catalog.Load()})
	if err != nil || !r.Nothing() || d.Project.Dir != link {
		t.Errorf("%v %+v %+v", err, d.Project, r)
	}
	other := project
	other.Name += "-two"
	down(other.Name)
	run(t, c, c.Compose(other, "up", "-d"))
	_, err = Find(t.Context(), c, Where{Dir: link})
	refused(t, err, Identity, "several projects run from")
	if _, err = Find(t.Context(), c, Where{Dir: link, Project: other.Name}); err != nil {
		t.Error(err)
	}

	// What docker compose warns of is a refusal with its place.
	writeFiles(t, real, map[string]string{"compose.yaml": "services:\n  a:\n    image: belay-wanted/app:1.0.0\n    command: /wait ${BELAY_NOWHERE}\n    volumes: ['./d:/d']\n    stop_grace_period: 1s\n"})
	_, err = Compute(t.Context(), c, d, Mode{State: top, Catalog: catalog.Load()})
	refused(t, err, Variable, "/compose.yaml:4:20: variable BELAY_NOWHERE is not set")
	writeFiles(t, real, map[string]string{"compose.yaml": "services:\n  a: {image: belay-wanted/app:1.0.0, ports: canary}\n"})
	_, err = Compute(t.Context(), c, d, Mode{State: top, Catalog: catalog.Load()})
	refused(t, err, Files, "")
}

// TestDockerMove: what is written for another major version is what docker compose then
// runs, and a volume that is there already is seen.
func TestDockerMove(t *testing.T) {
	c := newDocker(t)
	for _, tag := range []string{"pg17", "pg18"} {
		ref := "belay-wanted/pgvector/pgvector:" + tag
		run(t, c, docker.Command{Args: []string{"tag", "belay-wanted/app:1.0.0", ref}})
		t.Cleanup(func() { _, _ = c.Do(context.Background(), docker.Command{Args: []string{"image", "rm", ref}}) })
	}
	top := t.TempDir()
	name := fmt.Sprintf("belay-wanted-move-%d", os.Getpid())
	dir := filepath.Join(top, name)
	writeFiles(t, dir, map[string]string{"compose.yaml": "services:\n  db:\n    image: belay-wanted/pgvector/pgvector:pg17\n    stop_grace_period: 1s\n    volumes: ['db:/var/lib/postgresql/data', 'logs:/logs']\n" +
		"  app:\n    image: belay-wanted/app:1.0.0\n    stop_grace_period: 1s\n    volumes: ['logs:/logs']\nvolumes:\n  db: # of db\n  logs:\n"})
	compose := func(args ...string) {
		t.Helper()
		run(t, c, docker.Command{Args: append([]string{"compose"}, args...), Dir: dir, Env: []string{"PWD=" + dir}})
	}
	t.Cleanup(func() {
		_, _ = c.Do(context.Background(), docker.Command{Args: []string{"compose", "down", "-v", "-t", "0"}, Dir: dir})
		_, _ = c.Do(context.Background(), docker.Command{Args: []string{"volume", "rm", name + "_db", name + "_db_pg18"}})
	})
	compose("up", "-d")
	compute := func(m Mode) (*Result, error) {
		d, err := Find(t.Context(), c, Where{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		m.State, m.Catalog = filepath.Join(top, "state"), catalog.Load()
		return Compute(t.Context(), c, d, m)
	}
	m := Mode{Set: []Pin{{"db", "pg18"}}}
	run(t, c, docker.Command{Args: []string{"volume", "create", name + "_db_pg18"}})
	_, err := compute(m)
	refused(t, err, Volume, "a volume "+name+"_db_pg18 is there already")
	run(t, c, docker.Command{Args: []string{"volume", "rm", name + "_db_pg18"}})

	r, err := compute(m)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Moves) != 1 || r.Moves[0].Old.Volume != name+"_db" || r.Moves[0].New.Volume != name+"_db_pg18" || r.Moves[0].New.Target != "/var/lib/postgresql" {
		t.Fatalf("%+v", r.Moves)
	}
	for _, path := range r.changedFiles() {
		if err := os.WriteFile(path, r.New[path].Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	compose("up", "-d")
	all, err := c.Containers(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		has := slices.ContainsFunc(x.Mounts, func(m docker.Mount) bool { return m.Name == name+"_db_pg18" && m.Destination == "/var/lib/postgresql" })
		if has != (x.Service == "db") {
			t.Errorf("%s has %+v", x.Service, x.Mounts)
		}
	}
	if r, err := compute(Mode{}); err != nil || !r.Nothing() {
		t.Errorf("%v %+v", err, r)
	}
}
