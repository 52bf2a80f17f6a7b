package steps

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
)

// programs are built once: that of the images, and that of helper containers.
var programs struct{ dir, failed string }

func TestMain(m *testing.M) {
	if os.Getenv("BELAY_TEST_DOCKER_HOST") != "" {
		programs.dir, programs.failed = build()
	}
	code := m.Run()
	_ = os.RemoveAll(programs.dir) // of nothing, where nothing was built
	os.Exit(code)
}

func build() (dir, failed string) {
	dir, err := os.MkdirTemp("", "belay-steps-test")
	if err != nil {
		return "", err.Error()
	}
	for _, of := range []string{"./testdata/prog", "./testdata/helper"} {
		b := exec.Command("go", "build", "-o", dir+"/", of)
		b.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := b.CombinedOutput(); err != nil {
			return dir, string(out)
		}
	}
	return dir, ""
}

// journaled are the results of steps, as a journal would have them.
type journaled struct{ saved, result map[string]json.RawMessage }

func (j *journaled) Result(step string, v any) (bool, error) { return read(j.result, step, v) }
func (j *journaled) Saved(step string, v any) (bool, error)  { return read(j.saved, step, v) }
func (j *journaled) Started(step string) bool                { return j.saved[step] != nil }

func read(m map[string]json.RawMessage, step string, v any) (bool, error) {
	raw, ok := m[step]
	if !ok || len(raw) == 0 {
		return ok, nil
	}
	return true, json.Unmarshal(raw, v)
}

// lab is a stack on the test engine, and a host for its steps.
type lab struct {
	*testing.T
	*Host
	j     *journaled
	image string // with prog in it
	dir   string
}

// onEngine gives a stack of that compose file, in which IMAGE is an image that holds
// prog alone. Everything bears the run's name and is gone afterwards.
func onEngine(t *testing.T, file string) *lab {
	t.Helper()
	host := os.Getenv("BELAY_TEST_DOCKER_HOST")
	if host == "" {
		if slices.Contains(strings.Split(os.Getenv("BELAY_TEST_REQUIRE"), ","), "docker") {
			t.Fatal("BELAY_TEST_DOCKER_HOST is not set, and BELAY_TEST_REQUIRE asks for docker")
		}
		t.Skip("needs a docker engine: .ci/engine run go test ./upgrade/steps")
	}
	if programs.failed != "" {
		t.Fatal(programs.failed)
	}
	b := make([]byte, 6)
	_, _ = rand.Read(b)
	name := "belay-steps-tests-" + hex.EncodeToString(b)
	c := &docker.Client{Env: append(os.Environ(), "DOCKER_HOST="+host), Run: "20261122T031500Z-" + hex.EncodeToString(b[:2]), Binary: programs.dir + "/helper", Grace: 5 * time.Second}
	dir := t.TempDir()
	l := &lab{T: t, j: &journaled{map[string]json.RawMessage{}, map[string]json.RawMessage{}}, image: name + ":1", dir: dir}
	l.Host = &Host{Docker: c, Store: &backup.Store{Dir: dir + "/backups"}, Run: l.j, Mask: func(s string) string { return strings.ReplaceAll(s, "canary", "***") }, Now: time.Now, Engine: time.Minute}
	l.Spec = Spec{Run: c.Run, Kind: Upgrade, State: dir + "/state", Backup: c.Run, Config: Defaults(),
		Project: docker.Project{Name: name, Dir: dir + "/stack", Files: []string{dir + "/stack/compose.yml"}, EnvFiles: []string{dir + "/stack/.env"}}}
	l.Spec.Config.Window, l.Spec.Config.Deadline = Duration(2*time.Second), Duration(20*time.Second)
	l.Spec.Sources = append(slices.Clone(l.Spec.Project.Files), l.Spec.Project.EnvFiles...)
	l.ok(os.MkdirAll(l.folder("files"), 0o700))
	hostFile(t, dir, "stack", ".env")
	l.ok(os.WriteFile(dir+"/stack/.env", []byte("SET=canary\n"), 0o600))
	t.Cleanup(l.clean)
	l.importImage(l.image)
	l.write(file)
	l.do("up", "--detach", "--pull", "never", "--no-build")
	return l
}

func (l *lab) write(file string) {
	l.Helper()
	l.ok(os.WriteFile(l.dir+"/stack/compose.yml", []byte(strings.ReplaceAll(file, "IMAGE", l.image)), 0o644))
}

func (l *lab) clean() {
	ctx := context.Background()
	_ = os.WriteFile(l.dir+"/stack/compose.yml", []byte("services: {}\n"), 0o644)
	_ = os.WriteFile(l.dir+"/stack/.env", nil, 0o600)
	all, _ := l.Docker.Containers(ctx, l.Spec.Project.Name)
	for _, c := range all {
		_, _ = l.Docker.Do(ctx, docker.Command{Args: []string{"rm", "-f", "-v", c.ID}})
		for _, m := range c.Mounts { // those that it inherited are not anonymous to rm
			if m.Type == "volume" {
				_, _ = l.Docker.Do(ctx, docker.Command{Args: []string{"volume", "rm", "-f", m.Name}})
			}
		}
	}
	_, _ = l.Docker.Do(ctx, l.Docker.Compose(l.Spec.Project, "down", "-v", "--remove-orphans", "-t", "1"))
	for _, what := range []string{"volume", "network"} {
		out, _ := l.Docker.Do(ctx, docker.Command{Args: []string{what, "ls", "-q", "--filter", "label=com.docker.compose.project=" + l.Spec.Project.Name}})
		for _, id := range strings.Fields(string(out)) {
			_, _ = l.Docker.Do(ctx, docker.Command{Args: []string{what, "rm", id}})
		}
	}
	out, _ := l.Docker.Do(ctx, docker.Command{Args: []string{"image", "ls", "-q", "-a", "--no-trunc", "--filter", "label=belay.test=" + l.Spec.Project.Name}})
	for _, id := range strings.Fields(string(out)) {
		_, _ = l.Docker.Do(ctx, docker.Command{Args: []string{"image", "rm", "-f", id}})
	}
	left, err := l.Docker.Leftovers(ctx, l.Spec.Run)
	if err != nil || len(left) > 0 {
		l.Errorf("left over: %v, %v", left, err)
	}
}

// importImage makes an image of prog, also as its shell and as a Redis: of the version in
// REDIS, whose last save ended as SAVED says.
func (l *lab) importImage(ref string, more ...string) string {
	l.Helper()
	body, err := os.ReadFile(programs.dir + "/prog")
	l.ok(err)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"prog", "bin/sh"} {
		l.ok(w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(body))}))
		_, err = w.Write(body)
		l.ok(err)
	}
	for _, name := range []string{"bin/redis-server", "bin/redis-cli"} {
		l.ok(w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Typeflag: tar.TypeLink, Linkname: "prog"}))
	}
	l.ok(w.Close())
	args := []string{"import"}
	for _, change := range append(more, "LABEL belay.test="+l.Spec.Project.Name, `ENTRYPOINT ["/prog"]`) {
		args = append(args, "--change", change)
	}
	out, err := l.Docker.Do(l.Context(), docker.Command{Args: append(args, "-", ref), Stdin: &b})
	l.ok(err)
	return strings.TrimSpace(string(out))
}

func (l *lab) ok(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// do runs docker compose.
func (l *lab) do(args ...string) {
	l.Helper()
	l.ok(l.compose(l.Context(), args...))
}

// state says what there is, one line a container.
func (l *lab) state() string {
	l.Helper()
	all, err := l.Docker.Containers(l.Context(), l.Spec.Project.Name)
	l.ok(err)
	var out []string
	for _, c := range all {
		out = append(out, strings.Join([]string{c.Name, c.ID[:12], c.State, c.Policy.String(), c.Image}, " "))
	}
	return strings.Join(out, "\n")
}

// one gives the container of a service.
func (l *lab) one(service string) docker.Container {
	l.Helper()
	all, err := l.containers(l.Context())
	l.ok(err)
	i := slices.IndexFunc(all, func(c docker.Container) bool { return c.Service == service })
	if i < 0 {
		l.Fatalf("no container of %s:\n%s", service, l.state())
	}
	return all[i]
}

// saved runs the capture of a step, as the machine does, through JSON.
func captureOf[S any](l *lab, name string, a interface {
	Capture(context.Context) (S, error)
}) S {
	l.Helper()
	s, err := a.Capture(l.Context())
	l.ok(err)
	raw, err := json.Marshal(s)
	l.ok(err)
	l.j.saved[name] = raw
	var back S
	l.ok(json.Unmarshal(raw, &back))
	return back
}

// carryOut captures a step and does it.
func carryOut[S any](l *lab, name string, a interface {
	Capture(context.Context) (S, error)
	Do(context.Context, S) (any, error)
}) (S, error) {
	l.Helper()
	s := captureOf(l, name, a)
	r, err := a.Do(l.Context(), s)
	if err == nil {
		raw, e := json.Marshal(r)
		l.ok(e)
		l.j.result[name] = raw
	}
	return s, err
}

// done is carryOut of what is to succeed.
func done[S any](l *lab, name string, a interface {
	Capture(context.Context) (S, error)
	Do(context.Context, S) (any, error)
}) S {
	l.Helper()
	s, err := carryOut(l, name, a)
	l.ok(err)
	return s
}

// inVolume reads a file of a volume or folder through the engine.
func (l *lab) inVolume(m docker.Mount, name string) string {
	l.Helper()
	m.Destination, m.RW = helperData, false
	id, err := l.Docker.Do(l.Context(), docker.Command{Args: []string{"create", "--mount", "type=volume,source=" + m.Name + ",destination=" + helperData + ",readonly", l.image, "sleep"}})
	l.ok(err)
	defer func() {
		_, _ = l.Docker.Do(context.Background(), docker.Command{Args: []string{"rm", "-f", strings.TrimSpace(string(id))}})
	}()
	out, err := l.Docker.Do(l.Context(), docker.Command{Args: []string{"cp", strings.TrimSpace(string(id)) + ":" + filepath.Join(helperData, name), "-"}})
	if err != nil {
		return ""
	}
	t := tar.NewReader(bytes.NewReader(out))
	if _, err := t.Next(); err != nil {
		return ""
	}
	var b bytes.Buffer
	_, err = b.ReadFrom(t)
	l.ok(err)
	return b.String()
}
