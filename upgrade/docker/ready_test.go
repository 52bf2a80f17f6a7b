package docker

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// line is a socket that leads to the engine's, and can be cut like a dying engine.
type line struct {
	path, to string
	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
}

func (l *line) connect(t *testing.T) {
	listener, err := net.Listen("unix", l.path)
	if err != nil {
		t.Error(err)
		return
	}
	l.mu.Lock()
	l.listener = listener
	l.mu.Unlock()
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", l.to)
			if err != nil {
				in.Close()
				continue
			}
			l.mu.Lock()
			l.open = append(l.open, in, out)
			l.mu.Unlock()
			go func() { _, _ = io.Copy(out, in); _ = out.(*net.UnixConn).CloseWrite() }()
			go func() { _, _ = io.Copy(in, out); in.Close() }()
		}
	}()
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listener.Close()
	for _, c := range l.open {
		c.Close()
	}
	l.open = nil
}

func TestEngineThatGoes(t *testing.T) {
	c, image := engine(t)
	id := container(t, c, "run", "-d", image, "sleep")
	to := strings.TrimPrefix(os.Getenv("BELAY_TEST_DOCKER_HOST"), "unix://")
	l := &line{path: filepath.Join(t.TempDir(), "s"), to: to}
	near := c
	c = &Client{Env: append(slices.Clone(near.Env), "DOCKER_HOST=unix://"+l.path), Grace: near.Grace, Run: near.Run, Binary: near.Binary}
	if err := c.Start(t.Context(), id); !errors.Is(err, ErrEngine) {
		t.Errorf("no engine: %v", err)
	}
	if _, err := c.Versions(t.Context()); !errors.Is(err, ErrEngine) {
		t.Errorf("versions of no engine: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	if err := c.Ready(short); !errors.Is(err, ErrEngine) {
		t.Errorf("never ready: %v, want the last attempt's error", err)
	}
	for what, begin := range map[string]func() error{
		"exec":   func() error { return c.Exec(t.Context(), id, Exec{Args: []string{"/prog", "sleep"}}) },
		"logs":   func() error { _, err := c.Do(t.Context(), Command{Args: []string{"logs", "-f", id}}); return err },
		"wait":   func() error { _, err := c.Do(t.Context(), Command{Args: []string{"wait", id}}); return err },
		"helper": func() error { return c.Helper(t.Context(), Helper{Image: image, Args: []string{"sleep"}}) },
	} {
		time.AfterFunc(300*time.Millisecond, func() { l.connect(t) })
		ok(t, c.Ready(t.Context()))
		done := make(chan error, 1)
		go func() { done <- begin() }()
		time.Sleep(1500 * time.Millisecond)
		l.cut()
		if err := <-done; !errors.Is(err, ErrEngine) {
			t.Errorf("%s: %v", what, err)
		}
	}
	l.connect(t)
	defer l.cut()
	ok(t, c.Ready(t.Context()))
	ok(t, c.EndLeftovers(t.Context(), c.Run))
}
