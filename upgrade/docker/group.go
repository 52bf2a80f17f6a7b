package docker

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// runGroup runs p in a process group of its own and returns when the group is gone.
// A terminal's Ctrl-C does not reach it: who cancels ctx decides. The whole group is
// signalled, not the docker command alone: that one, killed, leaves its compose
// plugin behind as an orphan that goes on (seen with CLI 20.10).
func runGroup(ctx context.Context, p *exec.Cmd, stdin *input, grace time.Duration) error {
	defer stdin.leave(grace)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.WaitDelay = grace // a stream that outlives the process cannot hold us for ever
	if err := p.Start(); err != nil {
		return err
	}
	stdin.copy()
	waited := make(chan struct{})
	interrupted := make(chan bool, 1)
	go func() { interrupted <- interrupt(ctx, p.Process.Pid, grace, waited) }()
	err := p.Wait()
	close(waited)
	if <-interrupted {
		return errors.Join(context.Cause(ctx), ctxErr(ctx))
	}
	end(p.Process.Pid, grace)
	return err
}

// ctxErr is the error of ctx when its cause does not say it too.
func ctxErr(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), ctx.Err()) {
		return nil
	}
	return ctx.Err()
}

// interrupt ends the group when ctx ends before the process does, and says so.
func interrupt(ctx context.Context, group int, grace time.Duration, waited <-chan struct{}) bool {
	select {
	case <-waited:
		return false
	case <-ctx.Done():
	}
	select {
	case <-waited:
		return false
	default:
	}
	end(group, grace)
	return true
}

// end asks what is left of a group to end, waits for it, and kills it after grace.
func end(group int, grace time.Duration) {
	if syscall.Kill(-group, syscall.SIGINT) != nil || emptied(group, grace) {
		return
	}
	_ = syscall.Kill(-group, syscall.SIGKILL) // an error says that it is gone
	emptied(group, 2*time.Second)
}

// emptied waits until the group has no process that lives, at most for d.
func emptied(group int, d time.Duration) bool {
	for until := time.Now().Add(d); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if errors.Is(syscall.Kill(-group, 0), syscall.ESRCH) || !lives(group) {
			return true
		}
	}
	return false
}

// lives says that a process of the group is more than a dead entry in the table: the
// first process of a container need not be one that takes orphans off it.
func lives(group int) bool {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return true // no /proc: believe the signal
	}
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		// "pid (name) state parent group …"; the name may hold anything (proc(5)).
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if len(f) > 2 && f[2] == strconv.Itoa(group) && f[0] != "Z" && f[0] != "X" {
			return true
		}
	}
	return false
}

// grace is Grace or its default.
func (c *Client) grace() time.Duration {
	if c.Grace <= 0 {
		return 10 * time.Second
	}
	return c.Grace
}
