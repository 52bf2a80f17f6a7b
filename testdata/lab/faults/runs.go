package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// runs are upgrades in a row that nobody disturbs: what they leave is counted, and the
// secrets of the stack are looked for where they do not belong.
func runs() []point {
	return []point{
		{Group: "runs", Name: "3 without anything to do", Quick: true, Do: noOps(3)},
		{Group: "runs", Name: "30 without anything to do", Do: noOps(30)},
		{Group: "runs", Name: "20 real ones", Do: reals(20)},
	}
}

func noOps(n int) func(context.Context, *bench) outcome {
	return func(ctx context.Context, b *bench) outcome {
		o := outcome{Dirty: true, Allowed: []string{"old"}}
		var first census
		for i := range n {
			if o = b.plainRun(ctx, o); !o.good() {
				return o
			}
			now, err := b.census(ctx)
			if err != nil {
				return outcome{Err: err}
			}
			if i == 0 {
				first = now
			}
			if diff := first.diff(now); len(diff) > 0 {
				o.World, o.Diff = fmt.Sprintf("run %d left something", i+1), diff
				return o
			}
			o.Note = fmt.Sprintf("each: %v; run folders: %d", now, len(b.journals()))
		}
		o.World = ""
		return o
	}
}

func reals(n int) func(context.Context, *bench) outcome {
	return func(ctx context.Context, b *bench) outcome {
		o := outcome{Dirty: true, Allowed: []string{"new"}}
		var first census
		for i := range n {
			if i > 0 {
				if err := b.fresh(ctx); err != nil {
					return outcome{Err: err}
				}
			}
			if o = b.plainRun(ctx, o, "--set", good); !o.good() {
				return o
			}
			now, err := b.census(ctx)
			if err != nil {
				return outcome{Err: err}
			}
			if i == 0 {
				first = now
			}
			if diff := first.diff(now); len(diff) > 0 {
				o.World, o.Diff = fmt.Sprintf("upgrade %d left something", i+1), diff
				return o
			}
			o.Note = fmt.Sprintf("each: %v", now)
		}
		o.World = ""
		return o
	}
}

// plainRun is one upgrade, which has to end with 0 and without a secret anywhere.
func (b *bench) plainRun(ctx context.Context, o outcome, args ...string) outcome {
	secrets, err := b.canaries()
	if err != nil {
		return outcome{Err: err}
	}
	p, err := b.start(append(append([]string{"upgrade"}, args...), b.dir)...)
	if err != nil {
		return outcome{Err: err}
	}
	seen := b.watchArgv(p, secrets)
	o.Exit = p.wait(ctx, 8*time.Minute)
	o.World = o.Allowed[0]
	if o.Exit != 0 {
		o.World, o.Diff = "a run nobody disturbed failed", []string{last(p.out.String(), 1500)}
		return o
	}
	found := append(<-seen, b.leaks(ctx, secrets, p.out.Bytes())...)
	if len(found) > 0 {
		o.World, o.Diff = "SECRETS", found
	}
	return o
}

// canaries are the secrets of the stack, by key.
func (b *bench) canaries() (map[string]string, error) {
	data, err := os.ReadFile(filepath.Join(b.dir, ".env"))
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.HasPrefix(value, "canary-") {
			out[key] = value
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s/.env has no canaries", b.dir)
	}
	return out, nil
}

func secretIn(text []byte, secrets map[string]string) (key string) {
	for k, v := range secrets {
		if bytes.Contains(text, []byte(v)) {
			return k
		}
	}
	return ""
}

// watchArgv looks at the command lines of all processes of p while it runs.
func (b *bench) watchArgv(p *proc, secrets map[string]string) <-chan []string {
	out := make(chan []string, 1)
	go func() {
		var found []string
		for !p.ended() && len(found) == 0 {
			for _, pid := range p.session() {
				line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // it may be gone
				if key := secretIn(line, secrets); key != "" {
					words := strings.Split(string(line), "\x00")
					found = append(found, fmt.Sprintf("%s in the arguments of %s %s", key, words[0], words[1]))
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
		out <- found
	}()
	return out
}

// leaks names the places with a secret that are not the stack's own: what was printed,
// journals, reports and all else in the state folder but the kept files and the backups,
// and containers that are no service of the stack.
func (b *bench) leaks(ctx context.Context, secrets map[string]string, printed []byte) []string {
	var found []string
	if key := secretIn(printed, secrets); key != "" {
		found = append(found, key+" was printed")
	}
	_ = filepath.WalkDir(b.state, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && (d.Name() == "files" || d.Name() == "backups" || d.Name() == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		data, err := os.ReadFile(path)
		if key := secretIn(data, secrets); err == nil && key != "" {
			found = append(found, key+" in "+path)
		}
		return nil
	})
	out, err := b.sh(ctx, `docker ps -aq --no-trunc | while read -r id; do
		[ "$(docker inspect --format '{{ index .Config.Labels "com.docker.compose.project" }}' "$id")" = "$(basename "$1")" ] || docker inspect "$id"
	done; docker volume ls -q | xargs -r docker volume inspect`, b.dir)
	if key := secretIn([]byte(out), secrets); err == nil && key != "" {
		found = append(found, key+" in what docker inspect says of a container that is not of the stack, or of a volume")
	}
	return found
}

// census counts what there is.
type census map[string]int

func (b *bench) census(ctx context.Context) (census, error) {
	out, err := b.sh(ctx, `echo containers $(docker ps -aq | wc -l)
		echo volumes $(docker volume ls -q | wc -l)
		echo networks $(docker network ls -q | wc -l)
		echo images $(docker images -q --no-trunc | sort -u | wc -l)
		echo tags $(docker images --format '{{.Repository}}:{{.Tag}}' | wc -l)
		pg=$(docker ps -q --filter label=com.docker.compose.project="$(basename "$1")" --filter label=com.docker.compose.service=postgres)
		echo databases $(docker exec "$pg" psql -X -A -t -U postgres -c 'SELECT count(*) FROM pg_database')
		echo files $(find "$1" | wc -l)
		echo binaries $(find "$2"/*/bin -type f | wc -l)
		echo mounts $(grep -c "$1" /proc/mounts || true)`, b.dir, b.state)
	c := census{}
	for line := range strings.Lines(out) {
		var name string
		var n int
		if _, err := fmt.Sscan(line, &name, &n); err != nil {
			return nil, fmt.Errorf("count %q: %w", line, err)
		}
		c[name] = n
	}
	return c, err
}

func (c census) diff(now census) []string {
	var out []string
	for name, n := range c {
		if now[name] != n {
			out = append(out, fmt.Sprintf("%s: %d, and were %d", name, now[name], n))
		}
	}
	return out
}
