package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// way is one of several ways to do the same.
type way struct {
	name string
	do   func(context.Context) (size int64, err error)
	got  []cost
}

// cost of one round.
type cost struct{ wall, cpu, size float64 }

// inTurn carries the ways out, each round beginning with another.
func (b *bench) inTurn(ctx context.Context, ways []*way) error {
	for r := range b.rounds {
		for i := range ways {
			w := ways[(r+i)%len(ways)]
			syscall.Sync()
			cpu, begun := b.cpu(), time.Now()
			size, err := w.do(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			c := cost{time.Since(begun).Seconds(), b.cpu() - cpu, float64(size)}
			w.got = append(w.got, c)
			fmt.Printf("    round %d: %-34s %7.2f s, processor %7.2f s, %7.1f MB\n", r+1, w.name, c.wall, c.cpu, c.size/1e6)
		}
	}
	first := ways[0]
	fmt.Printf("  %-34s %8s %8s %8s   against the first: time, processor, size\n", "", "s", "cpu s", "MB")
	for _, w := range ways {
		fmt.Printf("  %-34s %8.2f %8.2f %8.1f   %.2f  %.2f  %.3f\n", w.name, median(w.got, wall), median(w.got, cpu), median(w.got, size)/1e6,
			ratio(w.got, first.got, wall), ratio(w.got, first.got, cpu), ratio(w.got, first.got, size))
	}
	return nil
}

func wall(c cost) float64 { return c.wall }
func cpu(c cost) float64  { return c.cpu }
func size(c cost) float64 { return c.size }

func median(all []cost, of func(cost) float64) float64 {
	var v []float64
	for _, c := range all {
		v = append(v, of(c))
	}
	return middle(v)
}

// ratio is the median of the rounds' ratios.
func ratio(a, b []cost, of func(cost) float64) float64 {
	var v []float64
	for i := range a {
		if of(b[i]) > 0 {
			v = append(v, of(a[i])/of(b[i]))
		}
	}
	return middle(v)
}

func middle(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// cpu is the processor time that the server, this program and what it started have
// taken, in seconds.
func (b *bench) cpu() float64 {
	var self, children syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &self)         // cannot fail
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children) // cannot fail
	sum := 0.0
	for _, t := range []syscall.Timeval{self.Utime, self.Stime, children.Utime, children.Stime} {
		sum += float64(t.Sec) + float64(t.Usec)/1e6
	}
	return sum + b.serverCPU()
}

// serverCPU is that of the container, by either version of control groups.
func (b *bench) serverCPU() float64 {
	id := b.server.Container
	if data, err := os.ReadFile(filepath.Join("/sys/fs/cgroup/cpuacct/docker", id, "cpuacct.usage")); err == nil {
		n, _ := strconv.ParseFloat(strings.TrimSpace(string(data)), 64)
		return n / 1e9
	}
	f, err := os.Open(filepath.Join(b.cgroup, "cpu.stat"))
	if err != nil {
		return 0
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if n, ok := strings.CutPrefix(in.Text(), "usage_usec "); ok {
			us, _ := strconv.ParseFloat(n, 64)
			return us / 1e6
		}
	}
	return 0
}

// used is what one process took, without what it started.
type used struct {
	memory, cpu float64  // MB at most; seconds
	busy        []period // in which a thread of it ran or waited for the disk
}

// look is how often a process is looked at.
const look = 10 * time.Millisecond

// usage watches a process until it is gone.
func usage(pid int) <-chan used {
	out := make(chan used, 1)
	go func() {
		var u used
		last := time.Now()
		for {
			now := time.Now()
			if busy(pid) {
				u.busy = append(u.busy, period{last, now})
			}
			last = now
			data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			_, line, ok := strings.Cut(string(data), "VmHWM:")
			if err != nil || !ok {
				out <- u
				return
			}
			kb, _ := strconv.ParseFloat(strings.Fields(line)[0], 64)
			u.memory = kb / 1024
			if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
				// After the name, which may hold anything: state is the first, utime the 12th, in 1/100 s.
				f := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
				user, _ := strconv.ParseFloat(f[11], 64)
				system, _ := strconv.ParseFloat(f[12], 64)
				u.cpu = (user + system) / 100
			}
			time.Sleep(look)
		}
	}()
	return out
}

// busy reports whether a thread of a process is not asleep.
func busy(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid)) // the pattern is right
	return slices.ContainsFunc(threads, func(t string) bool {
		data, err := os.ReadFile(t)
		i := strings.LastIndexByte(string(data), ')')
		return err == nil && i >= 0 && i+2 < len(data) && strings.ContainsRune("RD", rune(data[i+2]))
	})
}
