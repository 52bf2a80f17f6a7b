package main

import (
	"os"
	"syscall"
)

// maxRSS is the peak memory of an ended process in KiB, as Linux counts it.
func maxRSS(p *os.ProcessState) int64 {
	if u, ok := p.SysUsage().(*syscall.Rusage); ok {
		return int64(u.Maxrss)
	}
	return 0
}
