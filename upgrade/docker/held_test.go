package docker

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"
)

func TestHeld(t *testing.T) {
	c, image := engine(t)
	dir := t.TempDir()
	held, err := c.Hold(t.Context(), Helper{Image: image, Args: []string{"sleep"}, Mounts: []Mount{{Type: "bind", Source: dir, Destination: "/a"}}})
	ok(t, err)
	data := make([]byte, 8<<20)
	_, _ = rand.Read(data)
	for range 2 {
		var out bytes.Buffer
		ok(t, held.Run(t.Context(), []string{"cat"}, bytes.NewReader(data), &out))
		if !bytes.Equal(out.Bytes(), data) {
			t.Error("other bytes came back")
		}
	}
	var e *Error
	if err := held.Run(t.Context(), []string{"exit", "7", "because"}, nil, nil); !errors.As(err, &e) || e.Exit != 7 || e.Stderr != "because" {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := held.Run(ctx, []string{"sleep"}, nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	ok(t, held.Close(ctx)) // its time is over
	noLeftovers(t, c)
	if _, err := c.Hold(t.Context(), Helper{Image: image, Args: []string{"sleep"}, Mounts: []Mount{{Type: "bind", Source: dir + "/none", Destination: "/a"}}}); err == nil {
		t.Error("a folder that is not there was mounted")
	}
	noLeftovers(t, c)
}
