package docker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const composeFile = `
services:
  a:
    image: IMAGE
    command: [sleep]
    env_file: [a.env]
    environment: {PASSWORD: "canary$$x", UNSET: }
    ports: ["127.0.0.1::80"]
    volumes: ["data:/data", "/anon", "./x:/x:ro"]
    depends_on: {b: {condition: service_started}}
    stop_grace_period: 3s
    networks: {default: {aliases: [known]}}
  b:
    image: IMAGE
    command: [sleep]
    restart: "on-failure:3"
volumes: {data: {}}
`

// stack writes a compose project, which is taken down at the end of the test.
func stack(t *testing.T, c *Client, image, file string) Project {
	t.Helper()
	dir := t.TempDir()
	ok(t, os.Mkdir(dir+"/x", 0o755))
	for name, body := range map[string]string{"compose.yml": strings.ReplaceAll(file, "IMAGE", image), "a.env": "FROM_FILE=canary2", ".env": ""} {
		ok(t, os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600))
	}
	p := Project{Name: c.Run, Dir: dir, Files: []string{dir + "/compose.yml"}, EnvFiles: []string{dir + "/.env"}}
	t.Cleanup(func() {
		_, _ = c.Do(context.Background(), c.Compose(p, "down", "-v", "--remove-orphans", "-t", "1"))
	})
	return p
}

func up(t *testing.T, c *Client, p Project) {
	t.Helper()
	do(t, c, c.Compose(p, "up", "-d", "--pull", "never", "--no-build"))
}

func TestContainersOfProject(t *testing.T) {
	c, image := engine(t)
	p := stack(t, c, image, composeFile)
	up(t, c, p)
	if _, err := c.Do(t.Context(), c.Compose(p, "run", "-T", "--no-deps", "b", "exit", "5", "x")); err == nil {
		t.Error("compose run does not fail")
	}
	container(t, c, "create", "--label", labelProject+"="+p.Name, image, "sleep") // as made by hand from an image that compose built
	all := must[[]Container](t)(c.Containers(t.Context(), p.Name))
	if len(all) != 3 || all[0].Service != "a" || all[1].Service != "b" || all[1].Oneoff || !all[2].Oneoff || all[2].ExitCode != 5 || all[2].State != "exited" {
		t.Fatalf("containers %+v", all)
	}
	a, b := all[0], all[1]
	id := must[map[string]Image](t)(c.Images(t.Context(), image))[image].ID
	for what, good := range map[string]bool{
		"name":        a.Name == p.Name+"-a-1" && a.Number == 1 && !a.Temporary,
		"state":       a.Running() && a.Health == "" && a.RestartCount == 0 && !a.StartedAt.IsZero() && a.FinishedAt.IsZero(),
		"policy":      a.Policy.String() == "no" && b.Policy == RestartPolicy{"on-failure", 3},
		"image":       a.Image == id && a.ImageLabel == id && a.ImageRef == image,
		"identity":    a.WorkingDir == p.Dir && slices.Equal(a.ConfigFiles, p.Files) && slices.Equal(a.EnvFiles, p.EnvFiles),
		"depends on":  reflect.DeepEqual(a.DependsOn, map[string]string{"b": "service_started"}) && len(b.DependsOn) == 0,
		"environment": a.Env["PASSWORD"].Reveal() == "canary$x" && a.Env["FROM_FILE"].Reveal() == "canary2",
		"ports":       reflect.DeepEqual(a.Ports, []Port{{HostIP: "127.0.0.1", Published: a.Ports[0].Published, Target: 80, Protocol: "tcp"}}),
		"networks":    slices.Equal(a.Networks, []string{p.Name + "_default"}),
		"names":       slices.Contains(a.Names, p.Name+"-a-1") && slices.Contains(a.Names, "known"),
		"timeout":     a.StopTimeout == 3*time.Second && b.StopTimeout == 0,
	} {
		if !good {
			t.Errorf("%s: %+v", what, a)
		}
	}
	if len(a.Mounts) != 3 || !a.Mounts[0].Anonymous || a.Mounts[1].Name != p.Name+"_data" || a.Mounts[1].Anonymous || !a.Mounts[1].RW || a.Mounts[2].Source != p.Dir+"/x" || a.Mounts[2].RW {
		t.Errorf("mounts %+v", a.Mounts)
	}
	if got, differs := Identity(all); !reflect.DeepEqual(got, p) || len(differs) != 0 {
		t.Errorf("identity %+v, %q", got, differs)
	}
	if !slices.Contains(must[[]string](t)(c.Projects(t.Context())), p.Name) {
		t.Error("the project is not listed")
	}
	for _, what := range []string{p.Name + "_data", p.Dir} {
		if got := must[[]Container](t)(c.Using(t.Context(), what)); len(got) != 1 || got[0].ID != a.ID {
			t.Errorf("using %s: %+v", what, got)
		}
	}
	if got := must[[]Container](t)(c.Inspect(t.Context(), a.ID, c.Run+"-gone")); len(got) != 1 {
		t.Errorf("beside one that is gone: %+v", got)
	}
}

func TestConfigAndPending(t *testing.T) {
	c, image := engine(t)
	p := stack(t, c, image, composeFile)
	conf := must[*Config](t)(c.Config(t.Context(), p))
	a := conf.Services["a"]
	if a.Image != image || a.Environment["PASSWORD"].Reveal() != "canary$x" || a.Environment["FROM_FILE"].Reveal() != "canary2" || conf.Volumes["data"].Name != p.Name+"_data" {
		t.Errorf("%+v", conf)
	}
	if got := must[[]string](t)(c.Pending(t.Context(), p)); !slices.Contains(got, "Container "+p.Name+"-a-1 Creating") {
		t.Errorf("before: %q", got)
	}
	if len(must[[]Container](t)(c.Containers(t.Context(), p.Name))) != 0 {
		t.Fatal("a look changed something")
	}
	up(t, c, p)
	if got := must[[]string](t)(c.Pending(t.Context(), p)); len(got) != 0 {
		t.Errorf("after: %q", got)
	}
	other := importImage(t, c, c.Run+":2", `ENTRYPOINT ["/prog"]`, "LABEL x=2")
	old := must[map[string]Image](t)(c.Images(t.Context(), image))[image].ID
	ok(t, c.Tag(t.Context(), other, image))
	if got := must[[]string](t)(c.Pending(t.Context(), p)); !slices.Contains(got, "Container "+p.Name+"-b-1 Recreate") {
		t.Errorf("with a moved tag: %q", got)
	}
	ok(t, c.Tag(t.Context(), old, image))
	if got := must[[]string](t)(c.Pending(t.Context(), p)); len(got) != 0 {
		t.Errorf("with the tag back: %q", got)
	}
}

// A mandatory variable that is missing is what up would end with, too.
func TestConfigFails(t *testing.T) {
	c, image := engine(t)
	p := stack(t, c, image, "services: {a: {image: IMAGE, environment: {X: '${NEEDED:?is needed}'}}}")
	_, err := c.Config(t.Context(), p)
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Stderr, "NEEDED") {
		t.Errorf("error %v", err)
	}
}

// compose up runs in a plugin, a child of the docker command: it has the lock, hears
// the interrupt, and is gone when Do returns.
func TestComposePluginInGroup(t *testing.T) {
	c, image := engine(t)
	lock, held := lockFile(t)
	c.Lock = lock
	p := stack(t, c, image, "services: {a: {image: IMAGE, command: [sleep], stop_grace_period: 2s}}")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := c.Do(ctx, c.Compose(p, "up", "--pull", "never"))
		done <- err
	}()
	eventually(t, "it is up", func() bool {
		all := must[[]Container](t)(c.Containers(t.Context(), p.Name))
		return len(all) == 1 && all[0].State == "running"
	})
	plugins := holders(t, lock.Name(), "docker-compose")
	if len(plugins) != 1 {
		t.Fatalf("compose plugins that hold the lock as descriptor 3: %v", plugins)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left := holders(t, lock.Name(), ""); !slices.Equal(left, []int{os.Getpid()}) {
		t.Errorf("processes %v have the lock, want only this one", left)
	}
	// It heard: an attached up that is killed leaves the container running.
	eventually(t, "the container is stopped", func() bool {
		return !must[[]Container](t)(c.Containers(t.Context(), p.Name))[0].Running()
	})
	lock.Close()
	if held() {
		t.Error("the lock is held still")
	}
}

// holders are the processes of that program that have a file open.
func holders(t *testing.T, path, program string) []int {
	t.Helper()
	fds := must[[]string](t)(filepath.Glob("/proc/[0-9]*/fd/*"))
	var pids []int
	for _, fd := range fds {
		to, err := os.Readlink(fd)
		if err != nil || to != path {
			continue
		}
		dir := filepath.Dir(filepath.Dir(fd))
		name, _ := os.ReadFile(dir + "/cmdline")
		if program != "" && (!strings.HasSuffix(strings.Split(string(name), "\x00")[0], program) || filepath.Base(fd) != "3") {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(dir))
		pids = append(pids, pid)
	}
	return pids
}
