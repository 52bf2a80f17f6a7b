package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// stack is one of the lab's that is upgraded.
type stack struct {
	kind     string
	set      []string               // the arguments that upgrade it
	deadline string                 // of its launch
	good     int                    // entries of a journal after which an upgrade can be killed
	bad      int                    // and of one that is not verified
	instants float64                // the seconds in which one is killed at random instants
	moves    func(line string) bool // what of its world changes by itself; nil: nothing
	news     *regexp.Regexp         // what two upgrades that nobody disturbed differ by, more than byTime
	webhook  bool                   // n8n has to answer one
}

// stacks are the small one, on which everything is tried, the whole one with the real n8n, on
// which Belay is killed too, but it takes minutes each time, and one whose PostgreSQL gets
// another major version.
var stacks = map[string]stack{
	"mini":  {kind: "mini", set: []string{"--set", good}, deadline: "90s", good: 38, bad: 50, instants: 40},
	"major": {kind: "mini@1.16.0", set: []string{"--set", "pgvector/pgvector=pg18"}, deadline: "90s", good: 40, bad: 53, instants: 60},
	"full": {kind: "full", set: []string{"--set", good, "--set", "langgenius/dify-web=1.14.0", "--set", "langgenius/dify-sandbox=0.2.15",
		"--set", "langgenius/dify-plugin-daemon=0.6.0-local", "--set", "n8nio/n8n=1.123.81"},
		deadline: "300s", good: 38, bad: 50, instants: 120, webhook: true,
		// Each start of n8n turns its logs over.
		moves: regexp.MustCompile(`^files \S+_n8n_data (\. directory|.*\./(n8nEventLog|crash\.journal))`).MatchString,
		// Its migrations write ids and times of their own.
		news: regexp.MustCompile(`^(tables postgres n8n public\.(?:role|execution_data|workflow_history|workflow_publish_history) \d+ )\S+$`)},
}

// bench is a place of its own to break things in: an engine of the lab, and a stack on it.
type bench struct {
	stack
	lab    string // the folder of the lab
	engine string // BELAY_ENGINE
	dir    string // of the stack
	state  string // Belay's state folder; the project's is below it
	belay  string // the binary
	keep   string // where failures are kept

	env    []string
	before string // the world as it began
	after  string // and after an upgrade that nobody disturbed
	more   string // of belay.yml, for a stack that needs it
}

const (
	from = "langgenius/dify-api:1.13.3"
	good = "langgenius/dify-api=1.14.0"
)

// newBench starts an engine and a stack.
func newBench(ctx context.Context, s stack, lab, engine, belay, work, keep string) (*bench, error) {
	name := engine + "-" + strings.NewReplacer("@", "-", ".", "-").Replace(s.kind)
	b := &bench{stack: s, lab: lab, engine: engine, belay: belay, keep: keep,
		dir: filepath.Join(work, name), state: filepath.Join(work, name+"-state")}
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
		if _, err := b.sh(ctx, leftovers+`"$1/lab" stack -k "$3" "$2"`, lab, b.dir, s.kind); err != nil {
			return nil, err
		}
	}
	return b, b.fresh(ctx)
}

// fresh makes the stack as it was at first. When it never was that before, as the lab's
// data have changed, it also sees what an upgrade that nobody disturbs makes of it.
func (b *bench) fresh(ctx context.Context) error {
	for range 3 {
		if err := b.reset(ctx); err != nil {
			return err
		}
		if known, err := b.calibrate(ctx, b.kind, b.set...); known || err != nil {
			return err
		}
	}
	return fmt.Errorf("no two resets of %s are the same", b.dir)
}

// leftovers removes the helpers of runs that were killed here, by an earlier matrix too:
// they hold volumes.
const leftovers = "docker ps -aq --filter label=belay.run | xargs -r docker rm -f >/dev/null\n"

func (b *bench) reset(ctx context.Context) error {
	_, err := b.sh(ctx, leftovers+`"$1/lab" reset "$2" && rm -rf "$3"
		wanted=$(cd "$2" && docker compose config --images)
		docker images --format '{{.Repository}}:{{.Tag}}' | { grep -v '<none>' | grep -vxF -e "$wanted" | grep -v ^n8nio/ || true; } | xargs -r docker rmi -f >/dev/null # so that an upgrade has to pull; the real n8n is big`, b.lab, b.dir, b.state)
	if err != nil {
		return err
	}
	if err := b.config(""); err != nil {
		return err
	}
	b.before, err = b.world(ctx)
	return err
}

// calibrate gives b what an upgrade that nobody disturbs makes of the stack as it is now,
// from a file of an earlier call. When there is none it makes one, and is to be called
// again for the stack as it was.
func (b *bench) calibrate(ctx context.Context, name string, args ...string) (known bool, err error) {
	key := sha256.Sum256([]byte(strings.Join(b.plain(b.before, true), "\n")))
	file := fmt.Sprintf("%s.%s-%x", b.dir, name, key[:6])
	data, err := os.ReadFile(file + ".after")
	if b.after = string(data); err == nil {
		return true, nil
	}
	p, err := b.start(append(append([]string{"upgrade"}, args...), b.dir)...)
	if err != nil {
		return false, err
	}
	if code := p.wait(ctx, 8*time.Minute); code != 0 {
		return false, fmt.Errorf("an upgrade that nobody disturbs ends with %d: %s", code, last(p.out.String(), 1500))
	}
	after, err := b.world(ctx)
	if err != nil {
		return false, err
	}
	return false, errors.Join(os.WriteFile(file+".before", []byte(b.before), 0o600), os.WriteFile(file+".after", []byte(after), 0o600))
}

// config writes belay.yml, always with the same time so that the world is the same.
func (b *bench) config(more string) error {
	path := filepath.Join(b.dir, "belay.yml")
	text := fmt.Sprintf("version: 1\nstate: %s\nlaunch: {window: 1s, deadline: %s}\n%s%s", b.state, b.deadline, b.more, more)
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

// world is what the lab sees of the stack. The migration of the new version fills a table
// with ids and times of its own, different ones each time: what else is in it is told apart. So is the compose file without
// its comments, where Belay writes the date.
func (b *bench) world(ctx context.Context) (string, error) {
	return b.sh(ctx, `"$1/world" --no unlogged --no kept "$2"
		docker images --no-trunc --format 'tag {{.Repository}}:{{.Tag}} {{.ID}}' | grep -v -e '^tag belay\.local/' -e '<none>' | sort
		echo compose $(grep -v '^#' "$2/docker-compose.yml" | sha256sum)
		pg=$(docker ps -q --filter label=com.docker.compose.project="$(basename "$2")" --filter label=com.docker.compose.service=postgres)
		[ -z "$pg" ] || docker exec -i "$pg" psql -X -A -t -v ON_ERROR_STOP=1 -U postgres -d dify <<'SQL'
SELECT 'SELECT ''forms '' || definition::text || '' '' || status::text FROM dify_app.human_input_forms ORDER BY 1' WHERE to_regclass('dify_app.human_input_forms') IS NOT NULL \gexec
SQL
`, b.lab, b.dir)
}

var (
	moment = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000`)
	// belayText is written by Belay itself: a file that is replaced has a new time, and its
	// folder too.
	belayText = regexp.MustCompile(`^files stack (\.|\./docker-compose\.yml|\./belay\.yml|\./\.env|content \S+ \./belay\.yml) |^files stack content \S+ \./belay\.yml`)
	// byTime is what two upgrades that nobody disturbed differ by.
	byTime = regexp.MustCompile(`^(files \S+ content )\S+( \./docker-compose\.yml)$|^(tables postgres dify dify_app\.human_input_forms \d+ )\S+$`)
)

// plain takes out of a world what may differ: Belay's keepers and its marker, the times
// of files that it replaced; for the new version also what the clock decides.
func (b *bench) plain(world string, isNew bool) []string {
	var out []string
	for line := range strings.Lines(world) {
		line = strings.TrimSuffix(line, "\n")
		if b.moves != nil && b.moves(line) {
			continue
		}
		if strings.HasPrefix(line, "belay - keeper") || strings.HasPrefix(line, "belay - volume") || strings.Contains(line, "./belay.yml") {
			continue
		}
		if isNew || belayText.MatchString(line) {
			line = moment.ReplaceAllString(line, "TIME")
		}
		if isNew {
			line = byTime.ReplaceAllString(line, "${1}${3}HASH${2}")
			if b.news != nil {
				line = b.news.ReplaceAllString(line, "${1}HASH")
			}
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
	old := differ(b.plain(b.before, false), b.plain(w, false))
	is, diff := "old", old
	if len(old) > 0 && b.after != "" {
		if now := differ(b.plain(b.after, true), b.plain(w, true)); len(now) < len(old) {
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
	if b.webhook {
		if out, err := b.sh(ctx, `port=$(sed -n 's/^LAB_N8N_PORT=//p' "$1/.env")
			for i in $(seq 60); do
				[ "$(curl -fs -m 5 "http://127.0.0.1:$port/webhook/lab-ping")" != '{"pong":"yes"}' ] || exit 0
				sleep 1
			done
			curl -s -m 5 "http://127.0.0.1:$port/webhook/lab-ping"; exit 1`, b.dir); err != nil {
			return is + ", NO WEBHOOK", []string{err.Error(), out}
		}
	}
	return is, nil
}
