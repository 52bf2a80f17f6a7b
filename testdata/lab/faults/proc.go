package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// proc is a belay that runs.
type proc struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan struct{}
	code int // once done; -1: by a signal
}

// start starts belay in a session of its own, as a runner would.
func (b *bench) start(args ...string) (*proc, error) {
	p := &proc{cmd: exec.Command(b.belay, args...), done: make(chan struct{})}
	p.cmd.Env = b.env
	f, err := os.CreateTemp("", "faults-out-")
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = f, f // a file, so that what it leaves behind keeps nobody waiting
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // the code says it
		data, _ := os.ReadFile(f.Name())
		p.out.Write(data)
		f.Close()
		os.Remove(f.Name())
		p.code = p.cmd.ProcessState.ExitCode()
		close(p.done)
	}()
	return p, nil
}

// upgrade starts the upgrade of the stack.
func (b *bench) upgrade(args ...string) (*proc, error) {
	return b.start(slices.Concat([]string{"upgrade"}, args, b.set, []string{b.dir})...)
}

func (p *proc) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// wait waits for its end; a belay that takes longer than limit is killed, code -2.
func (p *proc) wait(ctx context.Context, limit time.Duration) int {
	select {
	case <-p.done:
		return p.code
	case <-ctx.Done():
	case <-time.After(limit):
	}
	p.kill()
	return -2
}

func (p *proc) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// journals are the paths of the runs of the stack, oldest first.
func (b *bench) journals() []string {
	all, _ := filepath.Glob(filepath.Join(b.state, "*", "runs", "*", "journal"))
	return all
}

// entry is what this program needs to know of a journal's line.
type entry struct {
	Time        time.Time
	Event, Step string
	Data        json.RawMessage
}

// read reads a journal: "length checksum json" on each line.
func read(path string) []entry {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var out []entry
	for line := range bytes.Lines(data) {
		parts := bytes.SplitN(line, []byte(" "), 3)
		var e entry
		if len(parts) == 3 && line[len(line)-1] == '\n' && json.Unmarshal(parts[2], &e) == nil {
			out = append(out, e)
		}
	}
	return out
}

func (e entry) String() string { return strings.TrimSpace(e.Event + " " + e.Step) }

// growing is a journal that is being written.
type growing struct {
	size  int64
	count int
}

// lines counts its entries. It reads it only when it has grown: who looks a thousand times
// in a second must not keep the others from working.
func (g *growing) lines(path string) int {
	if info, err := os.Stat(path); err != nil || info.Size() == g.size {
		return g.count
	}
	if data, err := os.ReadFile(path); err == nil {
		g.size, g.count = int64(len(data)), bytes.Count(data, []byte("\n"))
	}
	return g.count
}

var errMissed = errors.New("it ended before")

// until waits for the entry number n of a run that is not in known, or for the end of p.
// It looks every 0.5 ms.
func (b *bench) until(ctx context.Context, p *proc, known int, n int) (string, error) {
	path, log := "", growing{}
	for {
		if path == "" {
			if all := b.journals(); len(all) > known {
				path = all[len(all)-1]
			}
		}
		if path != "" && log.lines(path) >= n {
			return path, nil
		}
		if p.ended() || ctx.Err() != nil {
			return path, errMissed
		}
		time.Sleep(500 * time.Microsecond)
	}
}

// untilEntry waits for an entry with this text: "captured backup".
func (b *bench) untilEntry(ctx context.Context, p *proc, known int, text string) error {
	log, n := growing{}, 0
	for {
		if all := b.journals(); len(all) > known {
			if now := log.lines(all[len(all)-1]); now != n {
				n = now
				for _, e := range read(all[len(all)-1]) {
					if e.String() == text {
						return nil
					}
				}
			}
		}
		if p.ended() || ctx.Err() != nil {
			return errMissed
		}
		time.Sleep(time.Millisecond)
	}
}

// recovered is how a recovery came to its end.
type recovered struct {
	codes []int
	out   string
}

var (
	sinceOpening = regexp.MustCompile(`rows were written since the opening: \d+ in n8n of postgres \(([^)]*)\)`)
	fired        = regexp.MustCompile(`^(public\.(execution_\w+|insights_\w+|workflow_statistics)(; |$))+$`)
)

// recover repeats belay recover until it says 0, a few times.
func (b *bench) recover(ctx context.Context, more ...string) recovered {
	var r recovered
	for range 4 {
		p, err := b.start(append([]string{"recover", b.dir}, more...)...)
		if err != nil {
			return r
		}
		code := p.wait(ctx, 5*time.Minute)
		r.codes, r.out = append(r.codes, code), r.out+p.out.String()
		if code == 0 || ctx.Err() != nil {
			break
		}
		// What a person would do then, by the words that were printed.
		if strings.Contains(p.out.String(), "the engine holds it since it died: restart it") {
			if err := b.engineCommand(ctx, "stop; $engine start"); err != nil {
				r.out += err.Error()
				return r
			}
		}
		// n8n's own schedule fired after the opening, and nobody did more.
		if m := sinceOpening.FindStringSubmatch(p.out.String()); m != nil && fired.MatchString(m[1]) {
			more = []string{"--accept-data-loss"}
		}
	}
	return r
}

func (r recovered) ok() bool { return len(r.codes) > 0 && r.codes[len(r.codes)-1] == 0 }
