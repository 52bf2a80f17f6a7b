package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// variant is the stack with another definition.
type variant struct {
	name    string
	edit    []string                             // of docker-compose.yml: old, new, ...
	config  string                               // of belay.yml
	set     []string                             // the arguments that upgrade it
	prepare func(context.Context, *bench) error  // before it is started
	started func(context.Context, *bench) error  // and once it runs
	moves   func(line string) bool               // what of its world changes by itself
	check   func(context.Context, *bench) string // more that has to be true at the end; what is wrong
	end     func(context.Context, *bench) error
}

// with is a fault that happens to an upgrade of the variant.
func (v variant) with(f fault) point {
	if f.args == nil {
		f.args = v.set
	}
	p := f.point()
	p.Do = func(ctx context.Context, b *bench) (o outcome) {
		before, after, moves := b.before, b.after, b.moves
		defer func() {
			b.before, b.after, b.moves, b.more = before, after, moves, ""
			if v.end != nil {
				if err := v.end(context.WithoutCancel(ctx), b); err != nil && o.Err == nil {
					o.Err = err
				}
			}
		}()
		if err := v.make(ctx, b); err != nil {
			return outcome{Err: fmt.Errorf("make the stack %s: %w", v.name, err), Dirty: true}
		}
		o = f.do(ctx, b)
		o.Dirty = true
		if o.World == "" && o.Err == nil {
			o.World, o.Diff = b.verdict(ctx)
		}
		if v.check != nil && o.Err == nil && len(o.Diff) == 0 {
			if wrong := v.check(ctx, b); wrong != "" {
				o.Diff = []string{wrong}
			}
		}
		if !o.good() {
			b.save(p, o)
		}
		return o
	}
	return p
}

// make turns the lab's stack into the variant; the first time it also sees what an
// upgrade that nobody disturbs makes of it.
func (v variant) make(ctx context.Context, b *bench) error {
	b.moves, b.more = v.moves, v.config
	for range 3 {
		if err := v.change(ctx, b); err != nil {
			return err
		}
		if known, err := b.calibrate(ctx, v.name, v.set...); known || err != nil {
			return err
		}
		if err := b.reset(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("no two stacks %s are the same", v.name)
}

func (v variant) change(ctx context.Context, b *bench) error {
	if v.prepare != nil {
		if err := v.prepare(ctx, b); err != nil {
			return err
		}
	}
	if err := b.config(""); err != nil {
		return err
	}
	path := filepath.Join(b.dir, "docker-compose.yml")
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := strings.NewReplacer(v.edit...).Replace(string(data))
	if text == string(data) {
		return fmt.Errorf("%s: nothing to edit for %s", path, v.name)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	if _, err := b.sh(ctx, `cd "$1" && docker compose up -d --wait >/dev/null`, b.dir); err != nil {
		return err
	}
	if b.before, err = b.world(ctx); err != nil || v.started == nil {
		return err
	}
	return v.started(ctx, b)
}

// registry is the one of all engines: one point at a time moves its tags.
var registry sync.Mutex

const floating = "langgenius/dify-api:latest"

// moved is a stack with a tag that means another image in the registry than here.
func moved() variant {
	to := func(ctx context.Context, b *bench, build string) error {
		_, err := b.sh(ctx, `"$1/lab" move "$2" "$3"`, b.lab, floating, build)
		return err
	}
	return variant{
		name: "moved", edit: []string{from, floating}, set: []string{}, config: "environment: dev\n",
		prepare: func(ctx context.Context, b *bench) error {
			if err := to(ctx, b, "1"); err != nil {
				return err
			}
			_, err := b.sh(ctx, `docker pull -q "$1" >/dev/null`, floating)
			return err
		},
		started: func(ctx context.Context, b *bench) error { return to(ctx, b, "2") },
		end:     func(ctx context.Context, b *bench) error { return to(ctx, b, "1") },
	}
}

func movedTags() []point {
	v := moved()
	again := func(ctx context.Context, b *bench, _ *proc) error {
		_, err := b.sh(ctx, `"$1/lab" move "$2" 3`, b.lab, floating)
		return err
	}
	kill := func(_ context.Context, _ *bench, p *proc) error { p.kill(); return nil }
	all := []fault{
		{name: "to another build", quick: true, exits: []int{0}, worlds: []string{"new"}},
		{name: "then not verified", config: unverified, exits: []int{4}, worlds: []string{"old"}},
		{name: "and once more meanwhile", at: "captured halt", happens: again, exits: []int{0}, worlds: []string{"new"}},
		{name: "and once more, not verified", at: "captured halt", config: unverified, happens: again, exits: []int{4}, worlds: []string{"old"}},
	}
	for _, at := range []string{"captured pull", "done pull", "captured apply-files", "done apply-files", "captured launch", "undone apply-files"} {
		f := fault{name: "killed at " + at, at: at, happens: kill, worlds: []string{"old"}}
		if at == "captured pull" {
			f.after = 300 * time.Millisecond
		}
		if at == "undone apply-files" {
			f.config = unverified
		}
		all = append(all, f)
	}
	var out []point
	for _, f := range all {
		f.group = "tag"
		p := v.with(f)
		do := p.Do
		p.Do = func(ctx context.Context, b *bench) outcome {
			registry.Lock()
			defer registry.Unlock()
			return do(ctx, b)
		}
		out = append(out, p)
	}
	return out
}
