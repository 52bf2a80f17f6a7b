package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary play the processes that have a lock.
func TestMain(m *testing.M) {
	path := os.Getenv("BELAY_JOURNAL_TEST_LOCK")
	switch os.Getenv("BELAY_JOURNAL_TEST_ROLE") {
	case "":
		os.Exit(m.Run())
	case "hold": // an upgrade with a child that outlives it
		h, err := Lock(path, owner())
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		child := role("linger", path)
		child.ExtraFiles = []*os.File{h.File()}
		if err := child.Start(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("child", child.Process.Pid)
		time.Sleep(time.Minute)
	case "linger":
		time.Sleep(time.Minute)
	}
}

func role(name, path string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "BELAY_JOURNAL_TEST_ROLE="+name, "BELAY_JOURNAL_TEST_LOCK="+path)
	return c
}

func owner() Owner {
	return Owner{PID: os.Getpid(), Run: "20261122T031500Z-4f2a", Host: "host1", Started: clock(), Command: "belay upgrade", URL: "https://ci.example/1"}
}

// holder starts a process that takes the lock, and the child that it starts.
func holder(t *testing.T, path string) (parent *exec.Cmd, child int) {
	t.Helper()
	parent = role("hold", path)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = parent.Process.Kill(); _ = parent.Wait() })
	line, _ := bufio.NewReader(out).ReadString('\n')
	if _, err := fmt.Sscanf(line, "child %d", &child); err != nil {
		t.Fatalf("holder says %q", line)
	}
	t.Cleanup(func() { _ = syscall.Kill(child, syscall.SIGKILL) })
	return parent, child
}

func isHeld(t *testing.T, path string) *HeldError {
	t.Helper()
	h, err := Lock(path, Owner{PID: 1})
	if err == nil {
		h.Release()
	}
	held := (*HeldError)(nil)
	if !errors.As(err, &held) {
		t.Fatalf("not held: %v", err)
	}
	return held
}

// TestChildKeepsLock: the lock is free only when the last child of a dead run is
// gone, and until then it says that the run itself is not there any more.
func TestChildKeepsLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	parent, child := holder(t, path)
	held := isHeld(t, path)
	want := fmt.Sprintf("lock %s: held by belay upgrade, process %d on host1 since 2026-11-22T02:15:00Z, run 20261122T031500Z-4f2a, https://ci.example/1", path, parent.Process.Pid)
	if !held.Running || held.Error() != want || !strings.Contains(held.Hint(), "belay status") {
		t.Errorf("running %v, %v, hint %q", held.Running, held, held.Hint())
	}
	if _, err := Wait(t.Context(), path, Owner{}, time.Millisecond, func(*HeldError) { t.Error("waited for one that lives") }); !errors.As(err, &held) {
		t.Errorf("wait for one that lives: %v", err)
	}

	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	held = isHeld(t, path)
	if held.Running || len(held.Others) != 1 || held.Others[0].PID != child || !strings.Contains(held.Hint(), "belay recover") {
		t.Errorf("running %v, others %v, want %d; hint %q", held.Running, held.Others, child, held.Hint())
	}

	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Wait(short, path, Owner{}, time.Millisecond, func(*HeldError) {}); !errors.As(err, &held) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("wait in vain: %v", err)
	}

	waited := 0
	h, err := Wait(t.Context(), path, owner(), time.Millisecond, func(e *HeldError) {
		if waited++; waited == 3 {
			_ = syscall.Kill(child, syscall.SIGKILL)
		}
	})
	if err != nil || waited < 3 {
		t.Fatalf("wait: %v after %d times", err, waited)
	}
	if again := isHeld(t, path); !again.Running || again.Owner.PID != os.Getpid() {
		t.Errorf("taken by this process, but: %v", again)
	}
	if err := h.Release(); err != nil {
		t.Fatal(err)
	}
	if h, err = Lock(path, Owner{}); err != nil {
		t.Fatal(err)
	}
	h.Release()
}

// TestOneGetsTheLock: of many that ask at once, one has it at a time.
func TestOneGetsTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var mu sync.Mutex
	var wg sync.WaitGroup
	inside, got := 0, 0
	for range 16 {
		wg.Go(func() {
			for range 50 {
				h, err := Lock(path, owner())
				if err != nil {
					if !errors.As(err, new(*HeldError)) {
						t.Error(err)
					}
					continue
				}
				mu.Lock()
				if inside++; inside > 1 {
					t.Error("two at once")
				}
				got++
				mu.Unlock()
				time.Sleep(100 * time.Microsecond)
				mu.Lock()
				inside--
				mu.Unlock()
				h.Release()
			}
		})
	}
	wg.Wait()
	if got == 0 {
		t.Error("nobody got it")
	}
}

// TestOwnerOverwritten: a shorter description leaves nothing of a longer one.
func TestOwnerOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	for _, o := range []Owner{owner(), {PID: 7, Command: "belay recover"}} {
		h, err := Lock(path, o)
		if err != nil {
			t.Fatal(err)
		}
		if got := isHeld(t, path).Owner; got.PID != o.PID || got.URL != o.URL || !got.Started.Equal(o.Started) {
			t.Errorf("owner %+v, want %+v", got, o)
		}
		b, _ := os.ReadFile(path)
		if strings.Count(string(b), "\n") != 1 || o.URL == "" && strings.Contains(string(b), "4f2a") {
			t.Errorf("description %q", b)
		}
		h.Release()
	}
	if i, err := os.Stat(path); err != nil || i.Mode().Perm() != 0o600 {
		t.Error(i.Mode(), err)
	}
	if err := os.WriteFile(path, []byte(`{"pid": "x`), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := flock(f, syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if got := isHeld(t, path); got.Owner != (Owner{}) || got.Running || !strings.Contains(got.Error(), "an unknown process") {
		t.Errorf("a broken description: %v", got)
	}
}
