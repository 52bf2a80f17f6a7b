package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// engine gives a client of the test engine, and an image that holds nothing but prog.
// Whatever a test makes there bears the run's id, and is gone afterwards.
func engine(t *testing.T) (*Client, string) {
	t.Helper()
	host := os.Getenv("BELAY_TEST_DOCKER_HOST")
	if host == "" {
		if slices.Contains(strings.Split(os.Getenv("BELAY_TEST_REQUIRE"), ","), "docker") {
			t.Fatal("BELAY_TEST_DOCKER_HOST is not set, and BELAY_TEST_REQUIRE asks for docker")
		}
		t.Skip("needs a docker engine: .ci/engine run go test ./upgrade/docker")
	}
	run := make([]byte, 6)
	_, _ = rand.Read(run)
	c := &Client{
		Env: append(os.Environ(), "DOCKER_HOST="+host), Grace: 10 * time.Second,
		Run: "belay-docker-test-" + hex.EncodeToString(run), Binary: prog(t),
	}
	t.Cleanup(func() { nothingLeft(t, c) })
	image := c.Run + ":1"
	importImage(t, c, image, `ENTRYPOINT ["/prog"]`)
	return c, image
}

// nothingLeft looks for what bears the label of the test's images and volumes.
func nothingLeft(t *testing.T, c *Client) {
	for _, look := range []string{"ps -a -q", "image ls -a -q", "volume ls -q"} {
		args := append(strings.Fields(look), "--filter", "label=belay.test="+c.Run)
		if out, err := c.Do(context.Background(), Command{Args: args}); err != nil || len(out) > 0 {
			t.Errorf("left behind, says docker %s: %q, %v", look, out, err)
		}
	}
}

// prog builds the program once.
var prog = func() func(t *testing.T) string {
	var once sync.Once
	var dir string
	var failed error
	return func(t *testing.T) string {
		t.Helper()
		once.Do(func() {
			if dir, failed = os.MkdirTemp("", "belay-docker-test"); failed != nil {
				return
			}
			build := exec.Command("go", "build", "-o", dir, "./testdata/prog")
			build.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				failed = fmt.Errorf("%w: %s", err, out)
			}
		})
		if failed != nil {
			t.Fatal(failed)
		}
		return filepath.Join(dir, "prog")
	}
}()

func TestMain(m *testing.M) {
	code := m.Run()
	if old, _ := filepath.Glob(filepath.Join(os.TempDir(), "belay-docker-test*", "prog")); len(old) > 0 {
		for _, path := range old {
			_ = os.RemoveAll(filepath.Dir(path))
		}
	}
	os.Exit(code)
}

// importImage makes an image of prog alone and gives its id.
func importImage(t *testing.T, c *Client, ref string, changes ...string) string {
	t.Helper()
	body, err := os.ReadFile(c.Binary)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "prog", Mode: 0o755, Size: int64(len(body))}); err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(body)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	args := []string{"import"}
	for _, change := range append(changes, "LABEL belay.test="+c.Run) {
		args = append(args, "--change", change)
	}
	id := strings.TrimSpace(do(t, c, Command{Args: append(args, "-", ref), Stdin: &b}))
	t.Cleanup(func() {
		_, _ = c.Do(context.Background(), Command{Args: []string{"image", "rm", "-f", id}})
	})
	return id
}

func do(t *testing.T, c *Client, cmd Command) string {
	t.Helper()
	out, err := c.Do(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func must[T any](t *testing.T) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// container makes one with docker create or run -d and gives its id.
func container(t *testing.T, c *Client, args ...string) string {
	t.Helper()
	id := strings.TrimSpace(do(t, c, Command{Args: args}))
	t.Cleanup(func() {
		_, _ = c.Do(context.Background(), Command{Args: []string{"rm", "-f", "-v", id}})
	})
	return id
}

// volume makes one and takes it away.
func volume(t *testing.T, c *Client, name string) string {
	t.Helper()
	ok(t, c.CreateVolume(t.Context(), Volume{Name: name, Labels: map[string]string{"belay.test": c.Run}}))
	t.Cleanup(func() {
		_, _ = c.Do(context.Background(), Command{Args: []string{"volume", "rm", "-f", name}})
	})
	return name
}

// inspectOne gives the container of that id.
func inspectOne(t *testing.T, c *Client, id string) Container {
	t.Helper()
	found := must[[]Container](t)(c.Inspect(t.Context(), id))
	if len(found) != 1 {
		t.Fatalf("%d containers of id %s", len(found), id)
	}
	return found[0]
}

func TestVersionsOfEngine(t *testing.T) {
	c, _ := engine(t)
	v := must[Versions](t)(c.Versions(t.Context()))
	if v.Engine == "" || v.API == "" || v.CLI == "" || v.ID == "" || !filepath.IsAbs(v.RootDir) || v.Driver == "" || !v.Rootful {
		t.Errorf("%+v", v)
	}
	if v.Compose == "" || strings.HasPrefix(v.Compose, "v") {
		t.Errorf("compose %q", v.Compose)
	}
}
