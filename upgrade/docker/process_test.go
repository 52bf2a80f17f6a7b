package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// script gives a client whose docker is a shell script.
func script(t *testing.T, body string) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "docker")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o700); err != nil {
		t.Fatal(err)
	}
	return &Client{Docker: path, Grace: 5 * time.Second}
}

// lockFile gives a lock that is held, and whether it is still held without us.
func lockFile(t *testing.T) (*os.File, func() bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	return f, func() bool {
		other, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		err = syscall.Flock(int(other.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) {
			t.Fatal(err)
		}
		return err != nil
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within 10 s: %s", what)
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// The docker command was interrupted alone: its plugin went on as an orphan.
func TestCancelReachesTheGroup(t *testing.T) {
	dir := t.TempDir()
	c := script(t, fmt.Sprintf(`cd %q
trap 'touch parent-heard' INT
sh -c 'trap "touch child-heard; exit" INT; touch child-up; while :; do sleep 0.05; done'
exit 130
`, dir))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user said so")
	go func() {
		eventually(t, "both run", func() bool { return exists(dir + "/child-up") })
		cancel(why)
	}()
	_, err := c.Do(ctx, Command{})
	if !errors.Is(err, why) || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the cause and context.Canceled", err)
	}
	for _, name := range []string{"child-heard", "parent-heard"} {
		if !exists(filepath.Join(dir, name)) {
			t.Errorf("no %s: the signal did not reach it, or Do did not wait for it", name)
		}
	}
}

func TestGraceEndsInKill(t *testing.T) {
	lock, held := lockFile(t)
	dir := t.TempDir()
	c := script(t, fmt.Sprintf(`trap '' INT
sh -c 'while :; do sleep 0.05; done' >/dev/null 2>&1 &
touch %q/up
while :; do sleep 0.05; done
`, dir))
	c.Lock, c.Grace = lock, 300*time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		eventually(t, "it runs", func() bool { return exists(dir + "/up") })
		cancel()
	}()
	begin := time.Now()
	if _, err := c.Do(ctx, Command{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if d := time.Since(begin); d < c.Grace {
		t.Errorf("killed after %s, before its grace of %s", d, c.Grace)
	}
	lock.Close()
	if held() {
		t.Error("a process that ignores SIGINT still has the lock")
	}
}

// The docker command dies by itself, its child goes on: the call must not end before
// the child, or the next step runs beside it.
func TestOrphanIsEnded(t *testing.T) {
	lock, held := lockFile(t)
	c := script(t, `sh -c 'while :; do sleep 0.05; done' >/dev/null 2>&1 &
kill -9 $$
`)
	c.Lock, c.Grace = lock, 2*time.Second
	_, err := c.Do(t.Context(), Command{})
	var e *Error
	if !errors.As(err, &e) || e.Exit != -1 || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("error %v", err)
	}
	lock.Close()
	if held() {
		t.Error("the orphan still has the lock")
	}
}

func TestLockIsInherited(t *testing.T) {
	lock, held := lockFile(t)
	dir := t.TempDir()
	c := script(t, fmt.Sprintf(`sh -c 'echo up >&2; while [ ! -e %[1]q/go ]; do sleep 0.02; done'
`, dir))
	c.Lock = lock
	up, done := make(chan string, 1), make(chan error, 1)
	go func() {
		_, err := c.Do(t.Context(), Command{Watch: func(l string) { up <- l }})
		done <- err
	}()
	<-up
	lock.Close() // as the kernel does for a process that dies
	if !held() {
		t.Error("the lock is free while a child runs")
	}
	if err := os.WriteFile(dir+"/go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if held() {
		t.Error("the lock is held when all children are gone")
	}
}

func TestErrorIsMaskedAndShort(t *testing.T) {
	c := script(t, `for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "line $i of $SECRET" >&2; done; exit 7`)
	c.Mask = func(s string) string { return strings.ReplaceAll(s, "canary-1", "***") }
	var seen []string
	var copied bytes.Buffer
	_, err := c.Do(t.Context(), Command{Args: []string{"x", "canary-1"}, Env: []string{"SECRET=canary-1"}, Stderr: &copied, Watch: func(l string) { seen = append(seen, l) }})
	var e *Error
	if !errors.As(err, &e) || e.Exit != 7 {
		t.Fatalf("error %v", err)
	}
	want := "docker x ***: exit status 7: line 3 of ***\n"
	if !strings.HasPrefix(err.Error(), want) || strings.Count(err.Error(), "\n") != 9 {
		t.Errorf("error %q\nwant it to begin with %q and to have 10 lines", err, want)
	}
	if len(seen) != 12 || seen[0] != "line 1 of ***" || copied.String() != strings.Join(seen, "\n")+"\n" {
		t.Errorf("watched %q, copied %q", seen, &copied)
	}
	for _, s := range []string{fmt.Sprintf("%v", err), e.Stderr, copied.String()} {
		if strings.Contains(s, "canary") {
			t.Errorf("not masked: %q", s)
		}
	}
	if e.Command.Env != nil {
		t.Error("the error carries the environment")
	}
}

// A disk that filled up read as "broken pipe".
func TestCauseOfAStream(t *testing.T) {
	full := errors.New("no space left")
	for _, end := range []string{"", "; exit 1"} {
		c := script(t, `head -c 1000000 /dev/zero`+end)
		if _, err := c.Do(t.Context(), Command{Stdout: failing{full}}); !errors.Is(err, full) {
			t.Errorf("stdout, %q: error %v, want %v", end, err, full)
		}
		c = script(t, `cat >/dev/null`+end)
		in := io.MultiReader(strings.NewReader("begin"), failing{full})
		if _, err := c.Do(t.Context(), Command{Stdin: in}); !errors.Is(err, full) {
			t.Errorf("stdin, %q: error %v, want %v", end, err, full)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
func (f failing) Read([]byte) (int, error)  { return 0, f.err }

// A reader that never answers held the call for ever after the process had ended.
func TestInputThatBlocks(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	c := script(t, `exit 3`)
	c.Grace = 200 * time.Millisecond
	begin := time.Now()
	_, err := c.Do(t.Context(), Command{Stdin: r})
	var e *Error
	if !errors.As(err, &e) || e.Exit != 3 {
		t.Errorf("error %v", err)
	}
	if d := time.Since(begin); d > 3*time.Second {
		t.Errorf("it took %s", d)
	}
}

func TestInputAndOutput(t *testing.T) {
	c := script(t, `cat; echo "$*" >&2`)
	var out bytes.Buffer
	if _, err := c.Do(t.Context(), Command{Stdin: strings.NewReader("abc"), Stdout: &out}); err != nil || out.String() != "abc" {
		t.Errorf("%q, %v", &out, err)
	}
	if got, err := c.Do(t.Context(), Command{}); err != nil || len(got) != 0 {
		t.Errorf("without stdin: %q, %v", got, err)
	}
}

func TestCancelledBeforeItStarts(t *testing.T) {
	dir := t.TempDir()
	c := script(t, "touch "+dir+"/ran")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Do(ctx, Command{Stdin: strings.NewReader("x")}); !errors.Is(err, context.Canceled) || exists(dir+"/ran") {
		t.Errorf("error %v, ran %t", err, exists(dir+"/ran"))
	}
}

// "deadline exceeded" says nothing about why the engine did not answer.
func TestReadyTellsTheLastAnswer(t *testing.T) {
	dir := t.TempDir()
	c := script(t, fmt.Sprintf(`if [ -e %[1]q/asked ]; then sleep 60; fi
touch %[1]q/asked
echo "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?" >&2
exit 1
`, dir))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, cancel)
	if err := c.Ready(ctx); !errors.Is(err, ErrEngine) {
		t.Errorf("error %v", err)
	}
}

func TestNoSuchProgram(t *testing.T) {
	c := &Client{Docker: filepath.Join(t.TempDir(), "docker")}
	_, err := c.Do(t.Context(), Command{Args: []string{"ps"}})
	if !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrEngine) {
		t.Errorf("error %v", err)
	}
}

func TestLineWriter(t *testing.T) {
	var got []string
	w := &lineWriter{line: func(s string) { got = append(got, s) }}
	for _, s := range []string{"a", "b\nc\r", "\n\nd ", strings.Repeat("x", 3*keepBytes), "\n", "end"} {
		if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	w.flush()
	if len(got) != 4 || got[0] != "ab" || got[1] != "c" || len(got[2]) != keepBytes || got[3] != "end" {
		t.Errorf("got %d lines: %.20q", len(got), got)
	}
}
