//go:build linux

package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/belaystack/belay/upgrade/journal"
)

// TestMain lets the test binary be the processes that run on a disk of their own,
// or are killed.
func TestMain(m *testing.M) {
	dir := os.Getenv("BELAY_MACHINE_TEST_DIR")
	switch os.Getenv("BELAY_MACHINE_TEST_ROLE") {
	case "":
		os.Exit(m.Run())
	case "full disk":
		fullDisk(dir)
	case "live":
		live(dir)
	}
}

func role(name, dir string, env ...string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "BELAY_MACHINE_TEST_ROLE="+name, "BELAY_MACHINE_TEST_DIR="+dir)
	c.Env = append(c.Env, env...)
	return c
}

// TestFullDisk fills the journal's file system before each of its entries in turn,
// for good and for a while. The run must end as it would have: all new or all old,
// and closed without help when it had its reserve.
func TestFullDisk(t *testing.T) {
	c := role("full disk", t.TempDir())
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// fillingLog fills the disk before its nth entry.
type fillingLog struct {
	*journal.Log
	n, fill int
	dir     string
	greedy  bool // takes the reserve's room as well
}

func (l *fillingLog) Append(ev journal.Event, step string, d json.RawMessage) error {
	if l.n++; l.n == l.fill {
		if l.greedy {
			os.Remove(filepath.Join(l.dir, "run", "reserve"))
		}
		fill(filepath.Join(l.dir, "filler"))
	}
	return l.Log.Append(ev, step, d)
}

func fill(path string) {
	f, err := os.Create(path)
	if err != nil {
		return
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
}

// fullDisk is TestFullDisk in a process whose mounts nobody else sees.
func fullDisk(dir string) {
	// The kernel copies the mounts, and would pass new ones on.
	err := errors.Join(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""),
		syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"))
	if err != nil {
		fmt.Println("mount:", err)
		os.Exit(1)
	}
	runs, full := 0, 0
	for _, setup := range []string{"", "c:do", "return", "c:do=nothing", "b:check=refuse"} {
		offsets := reference(dir, setup)
		for n := range offsets {
			for _, greedy := range []bool{false, true} {
				// The entry starts just before the end of a page, so that it
				// needs another one, and its first bytes get through.
				pad := ((4086-offsets[n])%4096 + 4096) % 4096
				if n == 0 {
					pad = 5000
				}
				met, err := onFullDisk(dir, setup, n+1, pad, greedy)
				if err != nil {
					fmt.Printf("setup %q, full at entry %d, reserve gone %v: %v\n", setup, n+1, greedy, err)
					os.Exit(1)
				}
				runs++
				if met {
					full++
				}
			}
		}
	}
	fmt.Printf("%d runs on a disk that filled up, %d had to undo or recover; none mixed", runs, full)
}

// reference gives where each entry of a run begins that has all the room it needs.
func reference(dir, setup string) (offsets []int) {
	_, l := begin(dir, setup, 0, false)
	defer end(dir, l)
	_ = l.run(setup, 0)
	b, err := os.ReadFile(l.path)
	if err != nil {
		panic(err)
	}
	at := 0
	for line := range strings.Lines(string(b)) {
		offsets = append(offsets, at)
		at += len(line)
	}
	return offsets
}

// onDisk is one run on the small disk.
type onDisk struct {
	w    *world
	log  *fillingLog
	path string
}

func begin(dir, setup string, at int, greedy bool) (*world, *onDisk) {
	path := filepath.Join(dir, "run", "journal")
	err := os.Mkdir(filepath.Dir(path), 0o700)
	if err != nil {
		panic(err)
	}
	l, err := journal.Create(path, clock)
	if err != nil {
		panic(err)
	}
	w := fresh(setup)
	return w, &onDisk{w, &fillingLog{Log: l, fill: at, dir: dir, greedy: greedy}, path}
}

func (d *onDisk) run(setup string, pad int) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d.w.stop = cancel
	return d.w.newRun(d.log, setup).Apply(ctx, strings.Repeat("x", pad))
}

func end(dir string, d *onDisk) {
	d.log.Close()
	os.RemoveAll(filepath.Join(dir, "run"))
	os.Remove(filepath.Join(dir, "filler"))
}

// onFullDisk checks one run, and reports whether the full disk changed its end.
func onFullDisk(dir, setup string, at, pad int, greedy bool) (met bool, err error) {
	w, d := begin(dir, setup, at, greedy)
	defer end(dir, d)
	first := d.run(setup, pad)
	entries, err := journal.Read(d.path)
	if err != nil {
		return false, err
	}
	if len(entries) != len(d.log.Entries()) {
		return false, fmt.Errorf("%d entries on disk, %d in memory", len(entries), len(d.log.Entries()))
	}
	if !greedy && at > 1 && !journal.Ended(entries) {
		return false, fmt.Errorf("not closed in spite of the reserve: %v", first)
	}
	met = errors.Is(first, syscall.ENOSPC) || !journal.Ended(entries)
	os.Remove(filepath.Join(dir, "filler"))
	clear(w.fail)
	l, err := journal.Open(d.path, clock)
	if err != nil {
		return met, err
	}
	defer l.Close()
	outcome, err := w.newRun(l, setup).Recover(context.Background())
	if err != nil {
		return met, err
	}
	allNew, allOld := w.steps()
	if allNew != (outcome == Committed) || allOld == allNew {
		return met, fmt.Errorf("outcome %s, world %v, first %v", outcome, w.kv, first)
	}
	return met, nil
}

// TestSIGKILL kills real processes, at every third instant of the run and at one
// of its recovery.
func TestSIGKILL(t *testing.T) {
	outcomes := map[string]int{}
	for _, setup := range []string{"", "c:do", "return"} {
		for k, killed := 1, true; killed; k += 3 {
			dir := t.TempDir()
			killed = lives(t, dir, setup, "apply", k)
			lives(t, dir, setup, "recover", 1+k*7%37)
			if lives(t, dir, setup, "recover", 0) {
				t.Fatal("killed without a fuse")
			}
			w, outcome := fresh(setup), ""
			b, err := os.ReadFile(filepath.Join(dir, "outcome"))
			if err == nil {
				outcome = string(b)
			}
			w.load(filepath.Join(dir, "world"))
			allNew, allOld := w.steps()
			if outcome == "" || allNew != (outcome == string(Committed)) || allNew == allOld {
				t.Fatalf("setup %q, killed at %d: outcome %q, world %v", setup, k, outcome, w.kv)
			}
			outcomes[outcome]++
		}
	}
	t.Logf("runs killed twice by SIGKILL: %v, none mixed", outcomes)
}

func lives(t *testing.T, dir, setup, what string, fuse int) (killed bool) {
	t.Helper()
	c := role("live", dir, "BELAY_MACHINE_TEST_SETUP="+setup, "BELAY_MACHINE_TEST_WHAT="+what, "BELAY_MACHINE_TEST_FUSE="+strconv.Itoa(fuse))
	out, err := c.CombinedOutput()
	if s, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() && s.Signal() == syscall.SIGKILL {
		return true
	}
	if err != nil {
		t.Fatalf("%s %q with fuse %d: %v\n%s", what, setup, fuse, err, out)
	}
	return false
}

// live is the process that TestSIGKILL kills.
func live(dir string) {
	setup := os.Getenv("BELAY_MACHINE_TEST_SETUP")
	fuse, err := strconv.Atoi(os.Getenv("BELAY_MACHINE_TEST_FUSE"))
	if err != nil {
		panic(err)
	}
	w := fresh(setup)
	w.load(filepath.Join(dir, "world"))
	w.file, w.fuse = filepath.Join(dir, "world"), fuse
	w.die = func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} }
	path, open := filepath.Join(dir, "journal"), journal.Open
	if _, err := os.Stat(path); err != nil {
		open = journal.Create
	}
	l, err := open(path, clock)
	if err != nil {
		panic(err)
	}
	r := w.newRun(tickingLog{l, w, path}, setup)
	if os.Getenv("BELAY_MACHINE_TEST_WHAT") == "apply" {
		_ = r.Apply(context.Background(), nil)
		return
	}
	outcome, err := r.Recover(context.Background())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "outcome"), []byte(outcome), 0o600)
	}
	if err != nil {
		panic(err)
	}
}

func (w *world) load(path string) {
	if b, err := os.ReadFile(path); err == nil {
		if err := json.Unmarshal(b, &w.kv); err != nil {
			panic(err)
		}
	}
}
