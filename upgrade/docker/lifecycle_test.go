package docker

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLifecycle(t *testing.T) {
	c, image := engine(t)
	id := container(t, c, "create", "--restart", "always", image, "stubborn")
	other := container(t, c, "create", image, "sleep")
	ok(t, c.SetRestart(t.Context(), RestartPolicy{Name: "no"}, id)) // not started yet
	ok(t, c.Start(t.Context(), id, other))
	ok(t, c.Start(t.Context(), id))
	if got := inspectOne(t, c, id); got.State != "running" || got.Policy.Name != "no" {
		t.Errorf("%s, policy %s", got.State, got.Policy)
	}
	if err := c.Remove(t.Context(), id); err == nil {
		t.Error("a running container was removed")
	}
	begin := time.Now()
	ok(t, c.Stop(t.Context(), 1500*time.Millisecond, id, other))
	if d := time.Since(begin); d < 2*time.Second {
		t.Errorf("1.5 s were rounded down: killed after %s", d)
	}
	ok(t, c.Stop(t.Context(), 0, id))
	if got := inspectOne(t, c, id); got.State != "exited" || got.ExitCode != 137 || got.FinishedAt.IsZero() {
		t.Errorf("%s %d", got.State, got.ExitCode)
	}
	ok(t, c.SetRestart(t.Context(), RestartPolicy{Name: "on-failure", Max: 4}, id, other))
	if got := inspectOne(t, c, id).Policy; got != (RestartPolicy{"on-failure", 4}) {
		t.Errorf("policy %v", got)
	}
	ok(t, c.Remove(t.Context(), id, other))
	ok(t, c.Remove(t.Context(), id, other))
	ok(t, c.Start(t.Context()))
	if err := c.Start(t.Context(), id); !errors.Is(err, ErrNotFound) {
		t.Errorf("start of one that is gone: %v", err)
	}
}

func TestRemoveLeavesVolumes(t *testing.T) {
	c, image := engine(t)
	id := container(t, c, "create", "-v", "/data", image, "sleep")
	name := inspectOne(t, c, id).Mounts[0].Name
	ok(t, c.Remove(t.Context(), id))
	t.Cleanup(func() { _, _ = c.Do(context.Background(), Command{Args: []string{"volume", "rm", name}}) })
	if _, there := must[map[string]Volume](t)(c.Volumes(t.Context(), name))[name]; !there {
		t.Error("the anonymous volume is gone")
	}
}

// A one-off that ends removes itself, at its leisure on a busy engine: a recovery that met
// one was stuck.
func TestRemoveOfWhatRemovesItself(t *testing.T) {
	dir := t.TempDir()
	c := script(t, `case "$*" in
"rm -- x")
	[ ! -e `+dir+`/gone ] || { echo "Error: No such container: x" >&2; exit 1; }
	[ -e `+dir+`/tries ] || echo "Error: No such container: another" >&2
	echo . >>`+dir+`/tries
	echo "Error response from daemon: removal of container x is already in progress" >&2
	exit 1;;
*inspect*)
	if [ "$(wc -l <`+dir+`/tries)" -lt 3 ]; then echo '[{"Id": "x", "Name": "/x", "State": {"Status": "removing"}}]'; exit; fi
	: >`+dir+`/gone
	echo "[]"
	echo "Error: No such container: x" >&2
	exit 1;;
esac
echo "unexpected: $*" >&2
exit 2
`)
	ok(t, c.Remove(t.Context(), "x"))
	if tries, err := os.ReadFile(dir + "/tries"); err != nil || len(tries) != 6 {
		t.Errorf("tried %q, %v", tries, err)
	}
}

func TestExecInContainer(t *testing.T) {
	c, image := engine(t)
	id := container(t, c, "run", "-d", image, "sleep")
	in := "\x10\x11\r\n\x00\x04binary"
	var out bytes.Buffer
	ok(t, c.Exec(t.Context(), id, Exec{Args: []string{"/prog", "cat"}, Stdin: strings.NewReader(in), Stdout: &out}))
	if out.String() != in {
		t.Errorf("%q", &out)
	}
	out.Reset()
	ok(t, c.Exec(t.Context(), id, Exec{Args: []string{"/prog", "env"}, Env: []string{"PGPASSWORD=canary"}, Stdout: &out}))
	if !strings.Contains(out.String(), "PGPASSWORD=canary\n") {
		t.Errorf("environment %q", &out)
	}
	err := c.Exec(t.Context(), id, Exec{Args: []string{"/prog", "exit", "3", "psql: Connection refused"}, Env: []string{"PGPASSWORD=canary"}})
	var e *Error
	if !errors.As(err, &e) || e.Exit != 3 || e.Stderr != "psql: Connection refused" || errors.Is(err, ErrEngine) || strings.Contains(err.Error(), "canary") {
		t.Errorf("error %v", err)
	}
	if err := c.Exec(t.Context(), c.Run+"-gone", Exec{Args: []string{"x"}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("in a container that is gone: %v", err)
	}
}

func TestLogsAndStats(t *testing.T) {
	c, image := engine(t)
	c.Mask = func(s string) string { return strings.ReplaceAll(s, "canary-7c1f", "***") }
	id := container(t, c, "run", "-d", image, "log")
	read := func(since time.Time, tail int) string {
		var b bytes.Buffer
		ok(t, c.Logs(t.Context(), id, since, tail, &b))
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		slices.Sort(lines)
		return strings.Join(lines, "; ")
	}
	eventually(t, "it logs", func() bool { return read(time.Time{}, 0) == "to stderr ***; to stdout ***" })
	if got := read(time.Time{}, 1); got == "" || strings.Contains(got, ";") {
		t.Errorf("the last line: %q", got)
	}
	if got := read(time.Now().Add(time.Hour), 0); got != "" {
		t.Errorf("since later: %q", got)
	}
	if err := c.Logs(t.Context(), id, time.Time{}, 0, failing{os.ErrClosed}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a writer that fails: %v", err)
	}
	stats := must[[]Stat](t)(c.Stats(t.Context(), []string{id}))
	if len(stats) != 1 || stats[0].Container != id || stats[0].MemBytes <= 0 || stats[0].MemLimit <= stats[0].MemBytes || stats[0].PIDs <= 0 {
		t.Errorf("stats %+v", stats)
	}
}
