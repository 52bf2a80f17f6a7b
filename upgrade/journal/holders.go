package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Process is one that has a lock. Its arguments are left out: those of other
// programs may hold secrets.
type Process struct {
	PID  int
	Name string // the program's, at most 15 bytes: proc(5), comm
}

func (p Process) String() string { return fmt.Sprintf("%s (process %d)", p.Name, p.PID) }

// holders looks for the processes that have the file of f open, this one
// excepted. It needs /proc, and sees those of its own user, or all as root.
func holders(f *os.File) []Process {
	want, err := f.Stat()
	if err != nil {
		return nil
	}
	var found []Process
	open, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range open {
		parts := strings.Split(fd, "/")
		pid, err := strconv.Atoi(parts[2])
		if err != nil || pid == os.Getpid() || slices.ContainsFunc(found, func(p Process) bool { return p.PID == pid }) {
			continue
		}
		// By name first: to look at a file of a dead network mount may hang.
		if to, err := os.Readlink(fd); err != nil || filepath.Base(to) != filepath.Base(f.Name()) {
			continue
		}
		if is, err := os.Stat(fd); err != nil || !os.SameFile(is, want) {
			continue
		}
		name, err := os.ReadFile("/proc/" + parts[2] + "/comm")
		if err != nil {
			continue // gone meanwhile
		}
		found = append(found, Process{pid, strings.TrimSpace(string(name))})
	}
	slices.SortFunc(found, func(a, b Process) int { return a.PID - b.PID })
	return found
}

func list(ps []Process) string {
	if len(ps) == 0 {
		return "processes that cannot be seen from here"
	}
	var out []string
	for _, p := range ps {
		out = append(out, p.String())
	}
	return strings.Join(out, ", ")
}
