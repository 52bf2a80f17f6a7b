package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
)

// temporary makes the container that compose makes before it takes away c.
func (l *lab) temporary(c docker.Container) {
	l.Helper()
	args := []string{"create", "--name", c.ID[:12] + "_" + c.Name, "--restart", "always"}
	for k, v := range map[string]string{"project": c.Project, "service": c.Service, "container-number": "1", "config-hash": "another", "oneoff": "False", "replace": c.Name,
		"project.working_dir": c.WorkingDir, "project.config_files": strings.Join(c.ConfigFiles, ","), "image": c.Image} {
		args = append(args, "--label", "com.docker.compose."+k+"="+v)
	}
	_, err := l.Docker.Do(l.Context(), docker.Command{Args: append(args, l.image, "sleep")})
	l.ok(err)
}

// nothingPending is that a plain `docker compose up -d` changes nothing.
func (l *lab) nothingPending() {
	l.Helper()
	if p, err := l.Docker.Pending(l.Context(), l.Spec.Project); err != nil || len(p) > 0 {
		l.Errorf("docker compose up -d would: %q, %v", p, err)
	}
}

func TestGate(t *testing.T) {
	for _, c := range []struct{ name, service, want string }{
		{"crash loop", `command: [crash], restart: always`, "restart"},
		{"ends as if all was done", `command: [exit, "0"], restart: always`, "restart"},
		{"one-shot", `command: [exit, "0"]`, ""},
		{"failed one-shot", `command: [exit, "4"]`, "ended with exit status 4"},
		{"unhealthy", `command: [sleep], healthcheck: {test: [CMD, /prog, ok, /none], interval: 1s, retries: 1}`, "healthy"},
		{"healthy", `command: [sleep], healthcheck: {test: [CMD, /prog, ok, /prog], interval: 1s}`, ""},
		{"none wanted", `command: [sleep], scale: 0`, ""},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			l := onEngine(t, "services: {other: {image: IMAGE, command: [sleep]}, a: {image: IMAGE, "+c.service+"}}")
			l.Spec.Config.Deadline = Duration(6 * time.Second)
			done(l, "halt", &halt{l.Host}) // with the policy of a halted stack the second case passed
			begun := time.Now()
			_, err := carryOut(l, "launch", &launch{l.Host})
			var e *UnwellError
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (!errors.As(err, &e) || e.Service != "a" || !strings.Contains(e.What, c.want)):
				t.Errorf("error %v", err)
			case c.want == "" && time.Since(begun) < time.Duration(l.Spec.Config.Window):
				t.Errorf("well after %s", time.Since(begun))
			}
		})
	}
}

// A one-off of a killed run removes itself while it is being stopped.
func TestStopAllWithOneThatIsGone(t *testing.T) {
	t.Parallel()
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}, b: {image: IMAGE, command: [sleep]}}")
	all := []docker.Container{l.one("a"), l.one("b")}
	l.ok(l.Docker.Stop(l.Context(), time.Second, all[0].ID))
	l.ok(l.Docker.Remove(l.Context(), all[0].ID))
	l.ok(l.stopAll(l.Context(), all))
	if b := l.one("b"); b.Running() || b.Policy.Name != "no" {
		t.Errorf("%s %s", b.State, b.Policy)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func get(port int) (string, error) {
	c := http.Client{Timeout: 2 * time.Second}
	r, err := c.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return string(b), err
}

func TestClosedUntilOpened(t *testing.T) {
	port := freePort(t)
	l := onEngine(t, fmt.Sprintf(`
services:
  web: {image: IMAGE, command: [serve, ":80", hello], ports: ["127.0.0.1:%d:80"], restart: always}
  in: {image: IMAGE, command: [serve, ":81", inside], restart: unless-stopped}
`, port))
	second, none := Duration(time.Second), 0
	l.Spec.Config.Probes = []Probe{
		{Name: "web", Service: "web", URL: "http://127.0.0.1:80/", Expect: app.Expect{Contains: "hello"}, Timeout: second},
		{Name: "other", Service: "in", URL: "http://web/", Expect: app.Expect{Contains: "nothing of it"}, Timeout: second, Retries: &none},
		{Name: "tcp", Service: "in", TCP: "127.0.0.1:81", Timeout: second},
		{Name: "run", Service: "in", Run: []string{"/prog", "env", "PATH"}, Expect: app.Expect{Matches: "^/usr/.*bin"}, Timeout: second},
		{Name: "exit", Service: "in", Run: []string{"/prog", "exit", "3"}, Timeout: second, Retries: &none},
		{Name: "gone", Service: "none", TCP: "127.0.0.1:81", Timeout: second, Retries: &none},
	}
	done(l, "halt", &halt{l.Host})
	done(l, "launch", &launch{l.Host})
	if body, err := get(port); err == nil {
		t.Errorf("closed, and it answers %q", body)
	}
	if c := l.one("in"); c.Policy.Name != "unless-stopped" {
		t.Errorf("in has the policy %s", c.Policy)
	}
	got, err := l.probe(t.Context(), time.Minute, nil)
	l.ok(err)
	for i, want := range []string{"", "does not contain", "", "", "/prog in in says: [3]", "no container of service none runs"} {
		if i >= len(got) || want == "" && got[i].Error != "" || !strings.Contains(got[i].Error, want) {
			t.Fatalf("probe %d of a closed stack: %+v", i, got)
		}
	}
	s := &open{l.Host}
	before := done(l, "open", s)
	if body, err := get(port); err != nil || body != "hello" {
		t.Errorf("opened: %q, %v", body, err)
	}
	if c := l.one("web"); c.Policy.Name != "always" {
		t.Errorf("web has the policy %s", c.Policy)
	}
	l.nothingPending()
	for range 2 {
		l.ok(s.Undo(t.Context(), before))
		if body, err := get(port); err == nil {
			t.Errorf("closed again, and it answers %q", body)
		}
	}
}

const oldStack = `
services:
  a: {image: IMAGE, command: [keep, /anon/f, old], volumes: [/anon, "data:/data", "./app.conf:/app.conf"], restart: always, environment: {X: "${SET:?}"}}
volumes: {data: {}}
`

const newStack = `
services:
  a: {image: IMAGE, command: [keep, /anon/f, new], volumes: [/anon, "data:/data", "more:/more", "./app.conf:/app.conf"], restart: always, environment: {X: "${SET:?}2"}}
  b: {image: IMAGE, command: [keep, /more/f, new], volumes: ["more:/more", "own:/own"]}
volumes: {data: {}, more: {}, own: {}}
`

// The way back from a launched stack: anonymous volumes have the old content in the
// containers that are there then, what the new stack made is gone.
func TestLaunchAndBack(t *testing.T) {
	for _, c := range []struct {
		name    string
		secret  bool // backups are encrypted, and nobody here has the identity
		disturb func(*lab)
	}{
		{"plain", false, func(*lab) {}},
		{"encrypted", true, func(*lab) {}},
		{"container gone", false, func(l *lab) {
			l.ok(errors.Join(l.stopAll(l.Context(), []docker.Container{l.one("a")}), l.Docker.Remove(l.Context(), l.one("a").ID)))
		}},
		{"half recreated", false, func(l *lab) { l.temporary(l.one("a")) }},
		{"env gone", false, func(l *lab) { l.ok(os.Remove(l.dir + "/stack/.env")) }},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			l := onEngine(t, oldStack)
			if c.secret {
				id, err := age.GenerateX25519Identity()
				l.ok(err)
				l.Store.Recipients = []age.Recipient{id.Recipient()}
			}
			launchAndBack(l, c.disturb)
		})
	}
}

func launchAndBack(l *lab, disturb func(*lab)) {
	ctx := l.Context()
	conf := l.dir + "/stack/app.conf"
	l.do("stop")
	_ = os.Remove(conf) // the folder that docker made
	l.ok(os.WriteFile(conf, []byte("old"), 0o640))
	l.do("up", "--detach", "--force-recreate")
	image := l.one("a").Image
	oldFile, err := os.ReadFile(l.Spec.Project.Files[0])
	l.ok(err)
	newFile := []byte(strings.ReplaceAll(newStack, "IMAGE", l.image))
	l.Spec.Files = []File{{Path: l.Spec.Project.Files[0], Old: hash(oldFile), New: hash(newFile)}}
	for dir, data := range map[string][]byte{"old": oldFile, "new": newFile} {
		l.ok(os.MkdirAll(l.folder("files", dir), 0o700))
		l.ok(writeSynced(l.folder("files", dir, hash(data)), data, 0o600))
	}
	snapshot := &snapshotFiles{l.Host}
	files := done(l, "snapshot-files", snapshot)
	stop, back, give, apply, start := &halt{l.Host}, &backUp{l.Host}, &handOver{l.Host}, &applyFiles{l.Host}, &launch{l.Host}
	halted := done(l, "halt", stop)
	done(l, "backup", back)
	done(l, "verify-backup", &verifyBackup{l.Host})
	given := done(l, "hand-over", give)
	applied := done(l, "apply-files", apply)
	launched := done(l, "launch", start)
	l.ok(os.WriteFile(conf, []byte("new"), 0o600))
	disturb(l)
	for range 2 {
		l.ok(start.Undo(ctx, launched))
		l.ok(apply.Undo(ctx, applied))
		l.ok(give.Undo(ctx, given))
		if a := l.one("a"); a.Running() || a.Policy.Name == "always" {
			l.Errorf("before the old stack starts: %s", l.state())
		}
		if got := anonymousFile(l, ctx); got != "old" {
			l.Errorf("in the anonymous volume before it starts: %q", got)
		}
		l.ok(stop.Undo(ctx, halted))
		l.ok(back.Undo(ctx, struct{}{}))
		l.ok(snapshot.Undo(ctx, files))
		if l.Store.Recipients != nil {
			break // the key went with the undo of backup
		}
	}
	if a := l.one("a"); a.State != "running" || a.Policy.Name != "always" || a.Image != image || strings.Count(l.state(), "\n") != 0 {
		l.Errorf("afterwards:\n%s", l.state())
	}
	if got, err := os.ReadFile(conf); string(got) != "old" {
		l.Errorf("the single file: %q, %v", got, err)
	}
	if info, err := os.Stat(conf); err != nil || info.Mode().Perm() != 0o640 {
		l.Errorf("its mode: %v", info.Mode())
	}
	if got, err := l.volumeNames(ctx); err != nil || len(got) != 1 {
		l.Errorf("volumes afterwards: %q, %v", got, err)
	}
	if _, err := os.Stat(l.folder(runKey)); !os.IsNotExist(err) {
		l.Errorf("the key of the run: %v", err)
	}
	l.nothingPending()
}

func anonymousFile(l *lab, _ context.Context) string {
	l.Helper()
	for _, m := range l.one("a").Mounts {
		if m.Anonymous {
			return l.inVolume(m, "f")
		}
	}
	return "no anonymous volume"
}

// The stores that a migration needs, and servers that data is given back to, ran with
// their ports published while the stack was closed.
func TestStoresAreClosed(t *testing.T) {
	port := freePort(t)
	l := onEngine(t, fmt.Sprintf(`
services:
  store: {image: IMAGE, command: [serve, ":80", hello], ports: ["127.0.0.1:%d:80"]}
  app: {image: IMAGE, command: [sleep], depends_on: [store]}
`, port))
	done(l, "halt", &halt{l.Host})
	cfg, err := l.Docker.Config(t.Context(), l.Spec.Project)
	l.ok(err)
	closed := func(when string) {
		t.Helper()
		if body, err := get(port); err == nil || !l.one("store").Running() {
			t.Errorf("%s: it answers %q, %s", when, body, l.state())
		}
	}
	l.ok((&migrate{l.Host}).stores(t.Context(), cfg, "app"))
	closed("for a migration")
	l.Spec.Servers = []string{"store"}
	l.Spec.Config.Deadline = 0
	if err := l.serveNew(t.Context()); !errors.Is(err, errNoServer) {
		t.Fatal(err)
	}
	closed("for data")
	l.Spec.Servers, l.Spec.Config.Deadline = nil, Duration(20*time.Second)
	first := l.one("store").ID
	done(l, "launch", &launch{l.Host})
	closed("launched")
	if l.one("store").ID != first {
		t.Error("launch made the container anew")
	}
	done(l, "open", &open{l.Host})
	if body, err := get(port); err != nil || body != "hello" {
		t.Errorf("opened: %q, %v", body, err)
	}
}
