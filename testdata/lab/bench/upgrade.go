package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// memory backs the stack up and watches Belay alone, not what it starts.
func (b *bench) memory(ctx context.Context) error {
	p, err := b.start(ctx, "backup", b.dir)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := p.wait(); err != nil {
		return err
	}
	fmt.Printf("  belay backup: %.0f MB at most, %.1f s\n", p.used.memory, time.Since(begun).Seconds())
	return nil
}

// upgrade upgrades the stack while a user asks ten times a second.
func (b *bench) upgrade(ctx context.Context) error {
	port, err := b.port()
	if err != nil {
		return err
	}
	user := watch("http://127.0.0.1:" + port + "/console/api/setup")
	p, err := b.start(ctx, "upgrade", "--set", "langgenius/dify-api=1.14.0", b.dir)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := p.wait(); err != nil {
		return err
	}
	ended := time.Now()
	time.Sleep(2 * time.Second) // the user is answered again
	seen, gaps := user.end()
	var r report
	if err := b.last(&r); err != nil {
		return err
	}
	fmt.Printf("  an upgrade of %.1f s, %.0f MB at most\n", ended.Sub(begun).Seconds(), p.used.memory)
	fmt.Printf("  users were without an answer for %.1f s in %d gaps; Belay says %.1f s\n", seen.Seconds(), gaps, r.Downtime.To.Sub(r.Downtime.From).Seconds())
	for _, s := range r.Downtime.Parts {
		fmt.Printf("    %-16s %6.1f s\n", s.Step, s.To.Sub(s.From).Seconds())
	}
	return b.own(begun, ended, r, p)
}

// report is what this program reads of Belay's.
type report struct {
	Steps    []span
	Downtime struct {
		From, To time.Time
		Parts    []span
	}
}

type span struct {
	Name, Step string
	Started    time.Time
	Ended      time.Time
	From, To   time.Time
}

// last reads the newest report.
func (b *bench) last(r *report) error {
	all, err := filepath.Glob(filepath.Join(b.state(), "*", "runs", "*", "report.json"))
	if err != nil || len(all) == 0 {
		return errors.New("no run left a report")
	}
	slices.Sort(all)
	return read(all[len(all)-1], r)
}

// own tells what of the time passed while no other program was at work for Belay.
func (b *bench) own(begun, ended time.Time, r report, p *process) error {
	calls, err := p.calls()
	if err != nil {
		return err
	}
	total := ended.Sub(begun)
	free := idle(begun, ended, calls)
	var sum, busy time.Duration
	by, at := map[string]time.Duration{}, map[string]time.Duration{}
	for _, g := range free {
		sum += g.to.Sub(g.from)
		for _, s := range r.Steps {
			by[s.Name] += overlap(g, period{s.Started, s.Ended})
		}
		for _, w := range p.used.busy {
			d := overlap(g, w)
			busy += d
			for _, s := range r.Steps {
				at[s.Name] += overlap(common(g, w), period{s.Started, s.Ended})
			}
		}
	}
	fmt.Printf("  %d docker commands; none ran for %.2f s, and Belay was at work in %.2f s of them, %.1f %% of the upgrade; else it waited for the stack\n",
		len(calls), sum.Seconds(), busy.Seconds(), 100*busy.Seconds()/total.Seconds())
	for _, s := range r.Steps {
		n := 0
		for _, c := range calls {
			if c.from.After(s.Started) && c.from.Before(s.Ended) {
				n++
			}
		}
		fmt.Printf("    %-16s %6.1f s, %3d commands, none for %5.2f s, at work in %5.2f s of them\n",
			s.Name, s.Ended.Sub(s.Started).Seconds(), n, by[s.Name].Seconds(), at[s.Name].Seconds())
	}
	fmt.Printf("  processor time of Belay itself: %.2f s\n", p.used.cpu)
	return nil
}

// process is a belay whose docker commands are noted: PATH begins with a docker that
// notes when the real one began and ended.
type process struct {
	cmd     *exec.Cmd
	out     bytes.Buffer
	log     string
	watched <-chan used
	used    used // once it has ended
}

const shim = `#!/bin/bash
from=$EPOCHREALTIME
"$BELAY_BENCH_DOCKER" "$@"
code=$?
echo "$from $EPOCHREALTIME $1 $2" >>"$BELAY_BENCH_LOG"
exit $code
`

func (b *bench) start(ctx context.Context, args ...string) (*process, error) {
	real, err := exec.LookPath("docker")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(b.dir, "belay.yml"), []byte("version: 1\nstate: "+b.state()+"\nlaunch: {window: 1s}\n"), 0o644); err != nil {
		return nil, err
	}
	bin := filepath.Join(b.work, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(bin, "docker"), []byte(shim), 0o755); err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, b.belay, args...), log: filepath.Join(b.work, "calls")}
	_ = os.Remove(p.log) // of the run before
	p.cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "BELAY_BENCH_DOCKER="+real, "BELAY_BENCH_LOG="+p.log)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.watched = usage(p.cmd.Process.Pid)
	return p, nil
}

func (p *process) wait() error {
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("belay: %w: %s", err, p.out.String())
	}
	p.used = <-p.watched
	return nil
}

func (b *bench) state() string {
	return filepath.Join(filepath.Dir(b.dir), filepath.Base(b.dir)+"-state")
}

type period struct{ from, to time.Time }

// calls are the docker commands of a process that has ended.
func (p *process) calls() ([]period, error) {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return nil, err
	}
	var out []period
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		from, err1 := moment(f[0])
		to, err2 := moment(f[1])
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		out = append(out, period{from, to})
	}
	slices.SortFunc(out, func(a, b period) int { return a.from.Compare(b.from) })
	return out, nil
}

func moment(s string) (time.Time, error) {
	us, err := strconv.ParseInt(strings.Replace(s, ".", "", 1), 10, 64)
	return time.UnixMicro(us), err
}

// idle gives the times between from and to in which no call was under way.
func idle(from, to time.Time, calls []period) []period {
	var out []period
	for _, c := range calls {
		if c.from.After(from) {
			out = append(out, period{from, c.from})
		}
		if c.to.After(from) {
			from = c.to
		}
	}
	return append(out, period{from, to})
}

func overlap(a, b period) time.Duration { return max(0, common(a, b).length()) }

// common is the time that both have; its length is below 0 when they have none.
func common(a, b period) period {
	if b.from.After(a.from) {
		a.from = b.from
	}
	if b.to.Before(a.to) {
		a.to = b.to
	}
	return a
}

func (p period) length() time.Duration { return p.to.Sub(p.from) }

func (b *bench) port() (string, error) {
	data, err := os.ReadFile(filepath.Join(b.dir, ".env"))
	_, after, ok := strings.Cut("\n"+string(data), "\nLAB_PORT=")
	if err != nil || !ok {
		return "", fmt.Errorf("the stack's port: %v", err)
	}
	port, _, _ := strings.Cut(after, "\n")
	return port, nil
}

// user asks an address ten times a second.
type user struct {
	stop, done chan struct{}
	down       time.Duration
	gaps       int
}

func watch(url string) *user {
	u := &user{stop: make(chan struct{}), done: make(chan struct{})}
	go u.ask(url)
	return u
}

func (u *user) ask(url string) {
	defer close(u.done)
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var since time.Time // of the gap
	for {
		asked := time.Now()
		r, err := client.Get(url)
		ok := err == nil && r.StatusCode < 500
		if err == nil {
			r.Body.Close()
		}
		switch {
		case !ok && since.IsZero():
			since = asked
			u.gaps++
		case ok && !since.IsZero():
			u.down += time.Since(since)
			since = time.Time{}
		}
		select {
		case <-tick.C:
		case <-u.stop:
			if !since.IsZero() {
				u.down += time.Since(since)
			}
			return
		}
	}
}

func (u *user) end() (time.Duration, int) {
	close(u.stop)
	<-u.done
	return u.down, u.gaps
}
