package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Stat is one measurement of a running container, as docker stats prints it: three
// or four digits of each number. Bytes count since the container's start.
type Stat struct {
	Container         string  // id
	CPU               float64 // percent of one core
	MemBytes          int64
	MemLimit          int64
	NetIn, NetOut     int64
	BlockIn, BlockOut int64
	PIDs              int
}

// Stats measures running containers once, which takes about two seconds. One that does
// not run has zeros.
func (c *Client) Stats(ctx context.Context, ids []string) ([]Stat, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	cmd := Command{Args: append([]string{"stats", "--no-stream", "--no-trunc", "--format", "{{json .}}", "--"}, ids...)}
	out, err := c.Do(ctx, cmd)
	if err != nil {
		return nil, err
	}
	var all []Stat
	for line := range bytes.Lines(out) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		s, err := parseStat(line)
		if err != nil {
			return nil, fmt.Errorf("%s: read the answer: %w", c.mask(cmd.String()), err)
		}
		all = append(all, s)
	}
	return all, nil
}

func parseStat(line []byte) (Stat, error) {
	var r struct{ ID, Container, CPUPerc, MemUsage, NetIO, BlockIO, PIDs string }
	if err := json.Unmarshal(line, &r); err != nil {
		return Stat{}, err
	}
	s := Stat{Container: r.ID}
	if s.Container == "" || s.Container == "--" {
		s.Container = r.Container
	}
	var errs [5]error
	s.CPU, errs[0] = number(strings.TrimSuffix(r.CPUPerc, "%"))
	s.MemBytes, s.MemLimit, errs[1] = sizes(r.MemUsage)
	s.NetIn, s.NetOut, errs[2] = sizes(r.NetIO)
	s.BlockIn, s.BlockOut, errs[3] = sizes(r.BlockIO)
	var pids float64
	pids, errs[4] = number(r.PIDs)
	s.PIDs = int(pids)
	for _, err := range errs {
		if err != nil {
			return Stat{}, err
		}
	}
	return s, nil
}

// number reads one; "--" stands for what was not measured.
func number(s string) (float64, error) {
	if s = strings.TrimSpace(s); s == "--" || s == "" {
		return 0, nil
	}
	return strconv.ParseFloat(s, 64)
}

// sizes reads "1.5MiB / 2GiB".
func sizes(s string) (a, b int64, err error) {
	left, right, _ := strings.Cut(s, " / ")
	if a, err = size(left); err != nil {
		return 0, 0, err
	}
	b, err = size(right)
	return a, b, err
}

// size reads what go-units prints: HumanSize ("1.2kB", powers of 1000) and BytesSize
// ("1.2KiB", powers of 1024).
func size(s string) (int64, error) {
	s = strings.TrimSpace(s)
	digits := strings.TrimRight(s, "BbiKkMGTPE")
	unit := strings.TrimRight(s[len(digits):], "Bb")
	base := 1000.0
	if strings.HasSuffix(unit, "i") {
		base, unit = 1024, strings.TrimSuffix(unit, "i")
	}
	power := strings.Index("KMGTPE", strings.ToUpper(unit)) + 1
	if unit == "" {
		power = 0
	} else if power == 0 {
		return 0, fmt.Errorf("size %q: unknown unit", s)
	}
	n, err := number(digits)
	return int64(math.Round(n * math.Pow(base, float64(power)))), err
}
