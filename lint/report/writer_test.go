package report

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

var errBroken = errors.New("broken")

// brokenWriter fails.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

// scripted answers writes as told, then takes 3 bytes at a time, and says so
// as some writers do.
type scripted struct {
	answers []error
	got     bytes.Buffer
}

func (s *scripted) Write(p []byte) (int, error) {
	if len(s.answers) > 0 {
		err := s.answers[0]
		s.answers = s.answers[1:]
		return 0, err
	}
	n, err := s.got.Write(p[:min(3, len(p))])
	if s.got.Len() < 7 {
		err = io.ErrShortWrite
	}
	return n, err
}

func TestWriterGoesOn(t *testing.T) {
	again := &os.PathError{Op: "write", Path: "|1", Err: syscall.EAGAIN}
	s := &scripted{answers: []error{again, again, syscall.EINTR}}
	n, err := NewWriter(s).Write([]byte("arrives whole"))
	if n != 13 || err != nil || s.got.String() != "arrives whole" {
		t.Errorf("wrote %d, %v: %q", n, err, s.got.String())
	}
	if _, err := NewWriter(brokenWriter{}).Write([]byte("x")); !errors.Is(err, errBroken) {
		t.Errorf("error %v", err)
	}
	if _, err := NewWriter(&scripted{answers: []error{nil}}).Write([]byte("x")); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a writer that takes nothing: %v", err)
	}
}

// large is more than any pipe holds.
func large() *Result {
	r := sample()
	for range 2000 {
		r.Findings = append(r.Findings, sample().Findings...)
	}
	return r
}

// blockingPipe gives a pipe whose write end the os package takes for a
// blocking file, as it does stdout.
func blockingPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	r, w = os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// slowly reads everything in small pieces with pauses.
func slowly(r io.Reader) string {
	var b bytes.Buffer
	piece := make([]byte, 8<<10)
	for {
		n, err := r.Read(piece)
		b.Write(piece[:n])
		if err != nil {
			return b.String()
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// A pipe that turned non-blocking while we held it used to cut the output at
// 64 KB with "resource temporarily unavailable".
func TestSlowPipe(t *testing.T) {
	r, w := blockingPipe(t)
	if err := syscall.SetNonblock(int(w.Fd()), true); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 1<<20)); !errors.Is(err, syscall.EAGAIN) {
		t.Fatalf("the pipe does not answer EAGAIN but %v: the test proves nothing", err)
	}
	go func() {
		defer w.Close()
		if err := writeText(NewWriter(w), large(), Options{}); err != nil {
			t.Error(err)
		}
	}()
	got := slowly(r)
	want := render(t, "text", large(), Options{})
	if strings.TrimLeft(got, "\x00") != want {
		t.Errorf("%d bytes arrived, want %d", len(strings.TrimLeft(got, "\x00")), len(want))
	}
}

const childVariable = "BELAY_REPORT_TEST_CHILD"

// TestMain lets the test binary be the child of TestSlowPipeOfAnotherProcess.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	time.Sleep(50 * time.Millisecond) // for the parent to change the pipe
	if err := writeText(NewWriter(os.Stdout), large(), Options{}); err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
}

// Our stdout is made non-blocking by another process that holds the pipe.
func TestSlowPipeOfAnotherProcess(t *testing.T) {
	r, w := blockingPipe(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stdout, cmd.Stderr = w, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.SetNonblock(int(w.Fd()), true); err != nil {
		t.Fatal(err)
	}
	w.Close()
	got := slowly(r)
	if err := cmd.Wait(); err != nil {
		t.Errorf("child: %v: %s", err, stderr.String())
	}
	if want := render(t, "text", large(), Options{}); got != want {
		t.Errorf("%d bytes arrived, want %d", len(got), len(want))
	}
}

func TestBrokenPipeIsAnError(t *testing.T) {
	for _, f := range Formats() {
		r, w := blockingPipe(t)
		r.Close()
		if err := f.Write(NewWriter(w), sample(), Options{Random: fixed(1)}); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("%s: error %v, want a broken pipe", f.Name, err)
		}
	}
}
