package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// disturbed are people and programs that come in between.
func disturbed() []point {
	var out []point
	for _, at := range []string{"captured backup", "captured migrate", "done verify"} {
		out = append(out, fault{group: "disturb", name: ".env deleted at " + at, quick: at == "captured backup", at: at,
			happens: func(_ context.Context, b *bench, _ *proc) error { return os.Remove(filepath.Join(b.dir, ".env")) },
		}.point())
	}
	out = append(out, fault{group: "disturb", name: ".env deleted after launch, then not verified", at: "done launch", config: unverified, worlds: []string{"old"},
		happens: func(_ context.Context, b *bench, _ *proc) error { return os.Remove(filepath.Join(b.dir, ".env")) }}.point())
	out = append(out,
		fault{group: "disturb", name: "a second upgrade meanwhile", quick: true, at: "captured halt", exits: []int{0}, worlds: []string{"new"}, happens: second("", 10)}.point(),
		fault{group: "disturb", name: "a second one from another state folder", at: "captured halt", exits: []int{0}, worlds: []string{"new"}, happens: second("other", 11)}.point(),
		fault{group: "disturb", name: "somebody starts the stack at backup", at: "captured backup", happens: func(ctx context.Context, b *bench, _ *proc) error {
			_, err := b.sh(ctx, `cd "$1" && docker compose up -d >/dev/null 2>&1 || true`, b.dir)
			return err
		}}.point(),
		fault{group: "disturb", name: "SIGTERM at backup", at: "captured backup", exits: []int{130}, worlds: []string{"old"}, happens: signalled}.point(),
		fault{group: "disturb", name: "SIGTERM at launch", quick: true, at: "captured launch", after: time.Second, exits: []int{130}, worlds: []string{"old"}, happens: signalled}.point(),
	)
	for _, child := range []string{"compose\x00--ansi\x00", "up\x00--detach", "pg_dump", "pg_restore", "MODE=migration", "__tree"} {
		for _, bad := range []bool{false, true} {
			if bad && child == "MODE=migration" {
				continue // the way back migrates nothing
			}
			name := fmt.Sprintf("with a child %s bad=%t", strings.ReplaceAll(child, "\x00", " "), bad)
			out = append(out, fault{group: "child", name: name, quick: child == "up\x00--detach" && !bad, config: unverifiedIf(bad),
				args: []string{"--no-clone", "--set", good}, at: map[bool]string{true: "undoing"}[bad], happens: killWith(child)}.point())
		}
	}
	return out
}

func unverifiedIf(bad bool) string {
	if bad {
		return unverified
	}
	return ""
}

func signalled(_ context.Context, _ *bench, p *proc) error {
	return p.cmd.Process.Signal(syscall.SIGTERM)
}

// second starts another upgrade, which has to be refused.
func second(state string, want int) func(context.Context, *bench, *proc) error {
	return func(ctx context.Context, b *bench, _ *proc) error {
		was := b.state
		if state != "" {
			b.state += "-" + state
			if err := b.config(""); err != nil {
				return err
			}
		}
		p, err := b.start("upgrade", "--retry", "--set", good, b.dir)
		code := -1
		if err == nil {
			code = p.wait(ctx, time.Minute)
		}
		if state != "" {
			os.RemoveAll(b.state)
			b.state = was
			err = b.config("")
		}
		if err == nil && code != want {
			err = fmt.Errorf("the second upgrade ended with %d, want %d: %s", code, want, p.out.String())
		}
		return err
	}
}

// killWith kills belay while a child of that command line runs.
func killWith(child string) func(context.Context, *bench, *proc) error {
	return func(_ context.Context, _ *bench, p *proc) error {
		for !p.ended() {
			for _, pid := range p.session() {
				if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && pid != p.cmd.Process.Pid && strings.Contains(string(line), child) {
					time.Sleep(50 * time.Millisecond)
					p.kill()
					return nil
				}
			}
			time.Sleep(5 * time.Millisecond)
		}
		return errMissed
	}
}

// session are the processes of the session that p leads.
func (p *proc) session() []int {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	var out []int
	for _, path := range all {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(data), ") ") // state ppid pgrp session
		f := strings.Fields(rest)
		if len(f) > 3 && f[3] == strconv.Itoa(p.cmd.Process.Pid) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			out = append(out, pid)
		}
	}
	return out
}

// killSession kills p and all that it started.
func (p *proc) killSession() {
	for _, pid := range p.session() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-p.done
}
