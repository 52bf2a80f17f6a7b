package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// bench is a place of its own to break things in: an engine of the lab, and the small
// stack on it.
type bench struct {
	lab    string // the folder of the lab
	engine string // BELAY_ENGINE
	dir    string // of the stack
	state  string // Belay's state folder; the project's is below it
	belay  string // the binary
	keep   string // where failures are kept

	env    []string
	before string // the world as it began
	after  string // and after an upgrade that nobody disturbed
	log    *bytes.Buffer
}

const (
	from = "langgenius/dify-api:1.13.3"
	good = "langgenius/dify-api=1.14.0"
)

// newBench starts an engine and a stack.
func newBench(ctx context.Context, lab, engine, belay, work, keep string) (*bench, error) {
	b := &bench{lab: lab, engine: engine, belay: belay, keep: keep,
		dir: filepath.Join(work, engine), state: filepath.Join(work, engine+"-state"), log: &bytes.Buffer{}}
	b.env = append(os.Environ(), "BELAY_ENGINE="+engine)
	out, err := b.sh(ctx, `"$1/lab" up >/dev/null && "$1/lab" env`, lab)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) { // export A='b' C='d' PATH='e':"$PATH"
		for _, m := range regexp.MustCompile(`(\w+)='([^']*)'`).FindAllStringSubmatch(line, -1) {
			if m[1] == "PATH" {
				m[2] += ":" + os.Getenv("PATH")
			}
			b.env = append(b.env, m[1]+"="+m[2])
		}
	}
	if _, err := os.Stat(b.dir); err != nil {
		if _, err := b.sh(ctx, `"$1/lab" stack -k mini "$2"`, lab, b.dir); err != nil {
			return nil, err
		}
	}
	return b, b.calibrate(ctx)
}

// calibrate sees what an upgrade that nobody disturbs makes of the stack.
func (b *bench) calibrate(ctx context.Context) error {
	if err := b.fresh(ctx); err != nil {
		return err
	}
	if data, err := os.ReadFile(b.dir + ".after"); err == nil { // of an earlier call
		b.after = string(data)
		return nil
	}
	p, err := b.start("upgrade", "--set", good, b.dir)
	if err != nil {
		return err
	}
	if code := p.wait(ctx, 5*time.Minute); code != 0 {
		return fmt.Errorf("an upgrade that nobody disturbs ends with %d: %s", code, p.out.String())
	}
	if b.after, err = b.world(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(b.dir+".after", []byte(b.after), 0o600); err != nil {
		return err
	}
	return b.fresh(ctx)
}

// fresh makes the stack as it was at first.
func (b *bench) fresh(ctx context.Context) error {
	_, err := b.sh(ctx, `docker ps -aq --filter label=belay.run | xargs -r docker rm -f >/dev/null
		"$1/lab" reset "$2" && rm -rf "$3"`, b.lab, b.dir, b.state)
	if err != nil {
		return err
	}
	if err := b.config(""); err != nil {
		return err
	}
	b.before, err = b.world(ctx)
	return err
}

// config writes belay.yml, always with the same time so that the world is the same.
func (b *bench) config(more string) error {
	path := filepath.Join(b.dir, "belay.yml")
	text := fmt.Sprintf("version: 1\nstate: %s\nlaunch: {window: 1s}\n%s", b.state, more)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Chtimes(path, time.Unix(1700000000, 0), time.Unix(1700000000, 0))
}

// sh runs a script of the shell and gives what it prints.
func (b *bench) sh(ctx context.Context, script string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "bash", append([]string{"-c", "set -eo pipefail\n" + script, "faults"}, args...)...)
	c.Env = b.env
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	c.WaitDelay = 2 * time.Second // engines that it starts have its streams
	err := c.Run()
	if err != nil && !strings.Contains(err.Error(), "WaitDelay") {
		return out.String(), fmt.Errorf("%s: %w: %s", strings.SplitN(script, "\n", 2)[0], err, last(errs.String(), 800))
	}
	return out.String(), nil
}

// settle waits for containers that the engine itself starts, after a reboot.
func (b *bench) settle(ctx context.Context) {
	_, _ = b.sh(ctx, `for i in $(seq 60); do
		docker ps -a --filter label=com.docker.compose.project="$(basename "$1")" --format '{{.Status}}' | grep -q -e starting -e Restarting || break
		sleep 0.5
	done`, b.dir)
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

func (b *bench) world(ctx context.Context) (string, error) {
	return b.sh(ctx, `"$1/world" --no unlogged --no kept "$2"`, b.lab, b.dir)
}

var (
	moment = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000`)
	// belayText is written by Belay itself: a file that is replaced has a new time, and its
	// folder too.
	belayText = regexp.MustCompile(`^files stack (\.|\./docker-compose\.yml|\./belay\.yml|\./\.env|content \S+ \./belay\.yml) |^files stack content \S+ \./belay\.yml`)
	// byTime is what two upgrades that nobody disturbed differ by.
	byTime = regexp.MustCompile(`^(files \S+ content )\S+( \./(?:docker-compose\.yml|\.dify_secret_key))$`)
)

// plain takes out of a world what may differ: Belay's keepers and its marker, the times
// of files that it replaced; for the new version also what the clock decides.
func plain(world string, isNew bool) []string {
	var out []string
	for line := range strings.Lines(world) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "belay - keeper") || strings.HasPrefix(line, "belay - volume") || strings.Contains(line, "./belay.yml") {
			continue
		}
		if isNew || belayText.MatchString(line) {
			line = moment.ReplaceAllString(line, "TIME")
		}
		if isNew {
			line = byTime.ReplaceAllString(line, "${1}HASH${2}")
		}
		out = append(out, line)
	}
	return out
}

// differ gives the lines that two worlds do not have in common.
func differ(a, c []string) []string {
	count := map[string]int{}
	for _, l := range a {
		count[l]++
	}
	var out []string
	for _, l := range c {
		if count[l]--; count[l] < 0 {
			out = append(out, "+"+l)
		}
	}
	for _, l := range a {
		if count[l] > 0 {
			count[l]--
			out = append(out, "-"+l)
		}
	}
	return out
}

// verdict says what the stack is: "old", "new", or the ways in which it is neither.
func (b *bench) verdict(ctx context.Context) (string, []string) {
	b.settle(ctx)
	w, err := b.world(ctx)
	if err != nil {
		return "unreadable", []string{err.Error()}
	}
	old := differ(plain(b.before, false), plain(w, false))
	is, diff := "old", old
	if len(old) > 0 && b.after != "" {
		if now := differ(plain(b.after, true), plain(w, true)); len(now) < len(old) {
			is, diff = "new", now
		}
	}
	if len(diff) > 0 {
		return "MIXTURE near " + is, diff
	}
	if _, err := b.sh(ctx, `"$1/inert" "$2"`, b.lab, b.dir); err != nil {
		out, _ := b.sh(ctx, `"$1/inert" "$2" || true`, b.lab, b.dir)
		return is + ", NOT INERT", []string{err.Error(), out}
	}
	return is, nil
}
