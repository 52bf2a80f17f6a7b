package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// folder finds the lab from the folder that this is run in.
func folder() (string, error) {
	out, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "testdata", "lab"), nil
}

func build(ctx context.Context, lab, to string) error {
	c := exec.CommandContext(ctx, "go", "build", "-o", to, "./cmd/belay")
	c.Dir, c.Env = filepath.Dir(filepath.Dir(lab)), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build belay: %w: %s", err, out)
	}
	return nil
}

// judge carries a point out on a stack that is the old one, and leaves one.
func (b *bench) judge(ctx context.Context, p point) outcome {
	begun := time.Now()
	o := p.Do(ctx, b)
	if o.World == "" && o.Err == nil {
		o.World, o.Diff = b.verdict(ctx)
	}
	o.Took = time.Since(begun)
	if !o.good() && !o.Dirty {
		b.save(p, o)
	}
	if !o.good() || o.Dirty || b.webhook || o.World != "old" || len(b.journals()) > 12 {
		if err := b.fresh(ctx); err != nil && o.Err == nil {
			o.Err = fmt.Errorf("the lab: %w", err)
		}
	} else if err := b.config(""); err != nil {
		o.Err = err
	}
	return o
}

// save keeps what a failure left: journals, reports, worlds.
func (b *bench) save(p point, o outcome) {
	to := filepath.Join(b.keep, strings.NewReplacer(" ", "-", "/", "-").Replace(p.Group+" "+p.Name))
	_ = os.RemoveAll(to)
	if err := os.MkdirAll(to, 0o700); err != nil {
		return
	}
	for _, j := range b.journals() {
		if data, err := os.ReadFile(j); err == nil {
			_ = os.WriteFile(filepath.Join(to, filepath.Base(filepath.Dir(j))+".journal"), data, 0o600)
		}
	}
	_ = os.WriteFile(filepath.Join(to, "outcome"), fmt.Appendf(nil, "%+v\n%s\n%s\n", o, strings.Join(o.Diff, "\n"), o.Note), 0o600)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, _ := b.sh(ctx, `docker ps -a --no-trunc; docker images; docker volume ls; docker ps -aq | xargs -r docker inspect`)
	_ = os.WriteFile(filepath.Join(to, "docker"), []byte(out), 0o600)
	w, _ := b.world(ctx)
	_ = os.WriteFile(filepath.Join(to, "world"), []byte(w), 0o600)
}

// table is what is printed.
type table struct {
	good, bad int
	groups    map[string]map[string]int
	names     []string
	failed    []string
}

func (t *table) add(p point, o outcome) {
	is := o.World
	switch {
	case o.Err != nil:
		is = "ERROR " + o.Err.Error()
	case !o.good():
		is = "FAILED " + o.World
	}
	fmt.Printf("%-8s %-44s exit %3d recover %-10s %-20s %4.0fs %s\n", p.Group, p.Name, o.Exit, fmt.Sprint(o.Recover), is, o.Took.Seconds(), first(o.Note))
	if t.groups == nil {
		t.groups = map[string]map[string]int{}
	}
	if t.groups[p.Group] == nil {
		t.groups[p.Group] = map[string]int{}
		t.names = append(t.names, p.Group)
	}
	if o.good() {
		t.good++
		t.groups[p.Group][o.World]++
		return
	}
	t.bad++
	t.groups[p.Group]["failed"]++
	t.failed = append(t.failed, p.Group+" "+p.Name)
	for _, l := range o.Diff[:min(6, len(o.Diff))] {
		fmt.Println("           ", last(l, 220))
	}
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return last(s[strings.LastIndex(s, "\n")+1:], 160)
}

func first(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}

func (t *table) end(want int) int {
	fmt.Printf("\n%-12s %6s %6s %6s %6s\n", "group", "points", "old", "new", "failed")
	for _, g := range t.names {
		n := 0
		for _, k := range t.groups[g] {
			n += k
		}
		fmt.Printf("%-12s %6d %6d %6d %6d\n", g, n, t.groups[g]["old"], t.groups[g]["new"], t.groups[g]["failed"])
	}
	fmt.Printf("%d of %d points ended whole, %d did not\n", t.good, want, t.bad)
	for _, f := range t.failed {
		fmt.Println("  failed:", f)
	}
	if t.bad > 0 || t.good < want {
		return 1
	}
	return 0
}

func filter(all []point, want func(point) bool) []point {
	var out []point
	for _, p := range all {
		if want(p) {
			out = append(out, p)
		}
	}
	return out
}

// spread takes n points, at equal distances: of the short version, and when n is more
// than those are, all of them and others.
func spread(all []point, n int) []point {
	quick := filter(all, func(p point) bool { return p.Quick })
	rest := filter(all, func(p point) bool { return !p.Quick })
	return append(pick(quick, n), pick(rest, n-len(quick))...)
}

func pick(from []point, n int) []point {
	n = max(0, min(n, len(from)))
	var out []point
	for i := range n {
		out = append(out, from[i*len(from)/n])
	}
	return out
}
