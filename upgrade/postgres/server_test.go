package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const run1 = "20261122T031500Z-4f2a"

// dockerExec runs commands with docker's own client.
type dockerExec struct{ host string }

// exit is an exit status.
type exit int

func (e exit) Error() string { return "exit" }
func (e exit) ExitCode() int { return int(e) }

type execError struct {
	err    error
	stderr string
}

func (e *execError) Error() string { return e.err.Error() + ": " + e.stderr }
func (e *execError) ExitCode() int {
	var exit interface{ ExitCode() int }
	if errors.As(e.err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

func (d dockerExec) docker(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+d.host)
	return cmd
}

func (d dockerExec) Exec(ctx context.Context, container string, args, env []string, stdin io.Reader, stdout io.Writer) error {
	all := []string{"exec"}
	if stdin != nil {
		all = append(all, "-i")
	}
	for _, e := range env {
		all = append(all, "-e", e)
	}
	if strings.Contains(strings.Join(append(all, args...), " "), "canary") {
		return errors.New("a secret among the arguments or in the environment")
	}
	cmd := d.docker(ctx, append(append(all, container), args...)...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &stderr
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		return &execError{err, stderr.String()}
	}
	return nil
}

// image of the server that the tests start.
func image() string {
	if ref := os.Getenv("BELAY_TEST_POSTGRES_IMAGE"); ref != "" {
		return ref
	}
	return "pgvector/pgvector:pg17"
}

// start runs a server in a container of its own. It has another superuser than
// postgres, a password that is asked for, and another port.
func start(t testing.TB, args ...string) *Server {
	t.Helper()
	missing := func(why string) {
		t.Helper()
		if strings.Contains(os.Getenv("BELAY_TEST_REQUIRE"), "docker") {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	d := dockerExec{os.Getenv("BELAY_TEST_DOCKER_HOST")}
	if d.host == "" {
		missing("BELAY_TEST_DOCKER_HOST is not set")
	}
	if err := d.docker(t.Context(), "image", "inspect", image()).Run(); err != nil {
		missing("no image " + image() + " in the engine")
	}
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		t.Fatal(err)
	}
	name := "postgres-test-" + hex.EncodeToString(id)
	args = append([]string{"run", "-d", "--name", name, "-e", "POSTGRES_USER=the owner", "-e", "POSTGRES_PASSWORD=canary-p'w",
		"-e", "POSTGRES_INITDB_ARGS=--auth-local=scram-sha-256", "--network", "none",
		image(), "postgres", "-p", "5433", "-c", "fsync=off"}, args...)
	if out, err := d.docker(t.Context(), args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := d.docker(context.Background(), "rm", "-f", "-v", name).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	s := &Server{Container: name, Exec: d, App: "belay/" + run1}
	s.Maintenance = ready(t, d, name).Maintenance
	return s
}

// ready waits until the server in a container takes connections.
func ready(t testing.TB, d dockerExec, name string) *Facts {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for {
		f, ok, err := Probe(ctx, d, name)
		// The entry point first starts a server for itself, which listens to nobody.
		if out, _ := d.docker(ctx, "exec", name, "cat", "/proc/1/comm").Output(); err == nil && ok && string(out) == "postgres\n" {
			return f
		}
		if ctx.Err() != nil {
			out, _ := d.docker(context.Background(), "logs", "--tail", "5", name).CombinedOutput()
			t.Fatalf("the server does not start: %v: %s", err, out)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// do runs SQL in a database, as the tests' own hand.
func do(t testing.TB, s *Server, db, script string) string {
	t.Helper()
	other := *s
	other.App = "test"
	var out bytes.Buffer
	if err := other.sql(t.Context(), db, "SET search_path = public;\n"+script, &out); err != nil {
		t.Fatalf("%s: %v", script[:min(len(script), 80)], err)
	}
	return strings.TrimSpace(out.String())
}

// database finds one in the list of all.
func database(t testing.TB, s *Server, name string) Database {
	t.Helper()
	list, err := s.Databases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("database %q is not in the list", name)
	return Database{}
}

func fingerprint(t testing.TB, s *Server, db string) *Fingerprint {
	t.Helper()
	f, err := s.Fingerprint(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func dump(t testing.TB, s *Server, db string) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := s.Dump(t.Context(), db, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
