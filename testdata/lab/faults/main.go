// Command faults breaks upgrades of a stack of the lab at every point it can think of,
// and judges what is left by the lab's own eyes: world and inert. It shares no code with
// Belay, drives its command, and reads of its journals only how far they are.
//
//	go run ./testdata/lab/faults [-stack full] [-belay BIN] [-engines N] [-quick N] [-only REGEXP] [-list]
//
// Every point has to end in the old stack or in the new one, whole, with at most a few
// runs of `belay recover`; what does not is kept in -keep. Exit status 1 when any did not.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"
)

// point is one thing that is done to an upgrade.
type point struct {
	Group, Name string
	Quick       bool // part of the short version
	Do          func(context.Context, *bench) outcome
}

// outcome is what came of it.
type outcome struct {
	Exit    int // of the command that was disturbed
	Recover []int
	World   string // old, new, or what else
	Diff    []string
	Note    string
	Err     error
	Allowed []string // worlds that are right here; none: old and new
	Dirty   bool     // the stack is to be made anew, whatever it is
	Took    time.Duration
}

func (o outcome) good() bool {
	if o.Err != nil || len(o.Diff) > 0 {
		return false
	}
	allowed := o.Allowed
	if allowed == nil {
		allowed = []string{"old", "new"}
	}
	for _, a := range allowed {
		if o.World == a {
			return true
		}
	}
	return false
}

func main() { os.Exit(run()) }

func run() int {
	binary := flag.String("belay", "", "the binary; none: it is built")
	engines := flag.Int("engines", 2, "engines to work on at once")
	prefix := flag.String("engine", "faults", "the engines' name, numbered from the second on")
	kind := flag.String("stack", "mini", "the stack of the lab: mini or full, the latter after lab n8n")
	quick := flag.Int("quick", 0, "only so many points, spread over all groups")
	only := flag.String("only", "", "only points whose group and name match")
	seed := flag.Uint64("seed", 1, "of the random instants")
	random := flag.Int("random", 50, "random instants")
	work := flag.String("work", filepath.Join(os.TempDir(), "belay-faults"), "folder for stacks")
	at := flag.String("lab", "", "the lab's folder; none: that of this repository")
	list := flag.Bool("list", false, "print the points")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	s, ok := stacks[*kind]
	if !ok {
		fmt.Fprintln(os.Stderr, "faults: no stack", *kind)
		return 3
	}
	points := all(s, rand.New(rand.NewPCG(*seed, 0)), *random)
	if *only != "" {
		re := regexp.MustCompile(*only)
		points = filter(points, func(p point) bool { return re.MatchString(p.Group + " " + p.Name) })
	}
	if *quick > 0 {
		points = spread(points, *quick)
	}
	if *list {
		for _, p := range points {
			fmt.Println(p.Group, p.Name)
		}
		return 0
	}
	lab, err := *at, error(nil)
	if lab == "" {
		lab, err = folder()
	}
	if err == nil && *binary == "" {
		*binary = filepath.Join(*work, "belay")
		err = build(ctx, lab, *binary)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		return 3
	}
	return carryOut(ctx, points, *engines, func(i int) (*bench, error) {
		name := *prefix
		if i > 0 {
			name = fmt.Sprint(*prefix, i+1)
		}
		return newBench(ctx, s, lab, name, *binary, *work, filepath.Join(*work, "failures"))
	})
}

// carryOut shares the points out among benches and prints the table.
func carryOut(ctx context.Context, points []point, engines int, open func(int) (*bench, error)) int {
	todo := queue(points)
	var mu sync.Mutex
	var wg sync.WaitGroup
	t := table{}
	for i := range min(engines, len(points)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			b, err := open(i)
			if err != nil {
				fmt.Fprintf(os.Stderr, "faults: bench %d: %v\n", i, err)
				return
			}
			for p := range todo {
				if ctx.Err() != nil {
					return
				}
				o := b.judge(ctx, p)
				mu.Lock()
				t.add(p, o)
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	return t.end(len(points))
}

func queue(points []point) <-chan point {
	ch := make(chan point, len(points))
	for _, p := range points {
		ch <- p
	}
	close(ch)
	return ch
}
