package docker

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestHelperStreamsExactly(t *testing.T) {
	c, image := engine(t)
	data := make([]byte, 64<<20)
	_, _ = rand.Read(data)
	copy(data[1000:], "\x10\x11\x10\x11\x04\x03\r\n\x00") // the keys that detach a terminal
	in, out := sha256.Sum256(data), sha256.New()
	begin := time.Now()
	ok(t, c.Helper(t.Context(), Helper{Image: image, Args: []string{"cat"}, Stdin: bytes.NewReader(data), Stdout: out}))
	t.Logf("64 MiB in and out in %s", time.Since(begin))
	if !bytes.Equal(out.Sum(nil), in[:]) {
		t.Error("other bytes came back")
	}
	noLeftovers(t, c)
}

// The engine must not drop or keep in memory what a slow reader has not taken yet.
func TestHelperWithSlowReader(t *testing.T) {
	c, image := engine(t)
	data := make([]byte, 8<<20)
	_, _ = rand.Read(data)
	in, out := sha256.Sum256(data), sha256.New()
	ok(t, c.Helper(t.Context(), Helper{Image: image, Args: []string{"cat"}, Stdin: bytes.NewReader(data), Stdout: slow{out}}))
	if !bytes.Equal(out.Sum(nil), in[:]) {
		t.Error("other bytes came back")
	}
}

type slow struct{ io.Writer }

func (s slow) Write(b []byte) (int, error) {
	time.Sleep(2 * time.Millisecond)
	return s.Writer.Write(b)
}

func noLeftovers(t *testing.T, c *Client) {
	t.Helper()
	if left := must[[]Container](t)(c.Leftovers(t.Context(), c.Run)); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
}

func TestHelperFails(t *testing.T) {
	c, image := engine(t)
	err := c.Helper(t.Context(), Helper{Image: image, Args: []string{"exit", "7", "because"}})
	var e *Error
	if !errors.As(err, &e) || e.Exit != 7 || e.Stderr != "because" {
		t.Errorf("error %v", err)
	}
	if err := c.Helper(t.Context(), Helper{Image: image, Args: []string{"cat"}, Mounts: []Mount{{Type: "volume", Destination: "/v"}}}); err == nil {
		t.Error("a volume without a name was mounted: docker makes an anonymous one")
	}
	for what, h := range map[string]Helper{
		"image":  {Image: "belay-docker-test-none:1", Args: []string{"cat"}},
		"volume": {Image: image, Args: []string{"cat"}, Mounts: []Mount{{Type: "volume", Name: c.Run + "-none", Destination: "/v"}}},
	} {
		if err := c.Helper(t.Context(), h); !errors.Is(err, ErrNotFound) {
			t.Errorf("no %s: %v", what, err)
		}
	}
	if err := c.Helper(t.Context(), Helper{Image: image, Args: []string{"cat"}, Mounts: []Mount{{Type: "bind", Source: t.TempDir() + "/none", Destination: "/v"}}}); err == nil {
		t.Error("a folder that is not there was mounted")
	}
	if v := must[map[string]Volume](t)(c.Volumes(t.Context(), c.Run+"-none")); len(v) != 0 {
		t.Error("a volume was made for a helper")
	}
	noLeftovers(t, c)
}

func TestHelperCancelled(t *testing.T) {
	c, image := engine(t)
	for _, mode := range []string{"sleep", "stubborn"} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Helper(ctx, Helper{Image: image, Args: []string{mode}}) }()
		eventually(t, mode+" runs", func() bool {
			left := must[[]Container](t)(c.Leftovers(t.Context(), c.Run))
			return len(left) == 1 && left[0].State == "running"
		})
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", mode, err)
		}
		noLeftovers(t, c)
	}
}

func TestHelperMounts(t *testing.T) {
	c, image := engine(t)
	v := volume(t, c, c.Run+"-data")
	dir := filepath.Join(t.TempDir(), `a, "b" c`)
	ok(t, os.Mkdir(dir, 0o755))
	mounts := []Mount{{Type: "volume", Name: v, Destination: "/v", RW: true}, {Type: "bind", Source: dir, Destination: "/b", RW: true}}
	for _, at := range []string{"/v", "/b"} {
		ok(t, c.Helper(t.Context(), Helper{Image: image, Args: []string{"rights", at}, Mounts: mounts}))
		ok(t, c.Helper(t.Context(), Helper{Image: image, Args: []string{"write", at + "/f", "text"}, Mounts: mounts}))
	}
	if b, err := os.ReadFile(dir + "/f"); string(b) != "text" {
		t.Errorf("bind: %q, %v", b, err)
	}
	mounts[0].RW, mounts[1].RW = false, false
	for _, at := range []string{"/v", "/b"} {
		var out bytes.Buffer
		ok(t, c.Helper(t.Context(), Helper{Image: image, Args: []string{"read", at + "/f"}, Mounts: mounts, Stdout: &out}))
		err := c.Helper(t.Context(), Helper{Image: image, Args: []string{"write", at + "/f", "other"}, Mounts: mounts})
		if out.String() != "text" || err == nil || !strings.Contains(err.Error(), "read-only file system") {
			t.Errorf("%s: read %q, write %v", at, &out, err)
		}
	}
}

// An image that declares volumes left an anonymous one behind for each helper; an image
// that compose built made compose take the helper for a service.
func TestHelperOfAnyImage(t *testing.T) {
	c, _ := engine(t)
	id := importImage(t, c, c.Run+":odd", "VOLUME /var/lib/data", "USER nobody", "WORKDIR /app", `HEALTHCHECK CMD ["/none"]`,
		"LABEL com.docker.compose.project="+c.Run, "LABEL com.docker.compose.service=x", "LABEL com.docker.compose.config-hash=x")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.Helper(ctx, Helper{Image: id, Args: []string{"sleep"}, Env: []string{"A=b"}}) }()
	eventually(t, "it runs", func() bool {
		left := must[[]Container](t)(c.Leftovers(t.Context(), c.Run))
		return len(left) == 1 && left[0].State == "running"
	})
	h := must[[]Container](t)(c.Leftovers(t.Context(), c.Run))[0]
	if h.Health != "" || h.LogDriver != "none" || h.NetworkMode != "none" || h.User != "0:0" || h.Image != id || h.Env["A"] != "b" {
		t.Errorf("helper %+v", h)
	}
	if found := must[[]Container](t)(c.Containers(t.Context(), c.Run)); len(found) != 0 {
		t.Errorf("compose would take the helper for its own: %+v", found)
	}
	if len(h.Mounts) != 1 || h.Mounts[0].Type != "tmpfs" {
		t.Errorf("the helper has an anonymous volume: %+v", h.Mounts)
	}
	cancel()
	<-done
	noLeftovers(t, c)
}

// Removing a helper with its volumes must leave the stack's anonymous ones.
func TestHelperLeavesAnonymousVolumes(t *testing.T) {
	c, image := engine(t)
	owner := container(t, c, "create", "-v", "/data", image, "sleep")
	m := inspectOne(t, c, owner).Mounts
	if len(m) != 1 || !m[0].Anonymous {
		t.Fatalf("mounts %+v", m)
	}
	at := []Mount{{Type: "volume", Name: m[0].Name, Destination: "/v", RW: true}}
	ok(t, c.Helper(t.Context(), Helper{Image: image, Args: []string{"write", "/v/f", "text"}, Mounts: at}))
	ok(t, c.Remove(t.Context(), owner)) // nothing uses it now
	t.Cleanup(func() { _, _ = c.Do(context.Background(), Command{Args: []string{"volume", "rm", m[0].Name}}) })
	var out bytes.Buffer
	ok(t, c.Helper(t.Context(), Helper{Image: image, Args: []string{"read", "/v/f"}, Mounts: at, Stdout: &out}))
	if v := must[map[string]Volume](t)(c.Volumes(t.Context(), m[0].Name)); out.String() != "text" || !v[m[0].Name].Anonymous {
		t.Errorf("read %q; volume %+v", &out, v)
	}
}

func TestLeftoversAreEnded(t *testing.T) {
	c, image := engine(t)
	for range 2 {
		container(t, c, "run", "-d", "--label", LabelHelper+"=1", "--label", LabelRun+"="+c.Run, image, "stubborn")
	}
	other := container(t, c, "create", "--label", LabelHelper+"=1", "--label", LabelRun+"="+c.Run+"x", image, "sleep")
	if left := must[[]Container](t)(c.Leftovers(t.Context(), c.Run)); len(left) != 2 {
		t.Errorf("%d left over, want 2", len(left))
	}
	ok(t, c.EndLeftovers(t.Context(), c.Run))
	ok(t, c.EndLeftovers(t.Context(), c.Run))
	noLeftovers(t, c)
	inspectOne(t, c, other)
}
