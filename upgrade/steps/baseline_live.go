package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
)

// baselineLive measures the stack while it runs, to compare with afterwards.
type baselineLive struct{ *Host }

// Measured is what a stack was like at one time.
type Measured struct {
	At       time.Time  `json:"at"`
	Services []State    `json:"services"`
	Probes   []Probed   `json:"probes,omitempty"`
	Commands []Ran      `json:"commands,omitempty"`
	Errors   []LogLines `json:"errors,omitempty"` // lines that tell of errors, by service
	Facts    []app.Fact `json:"facts,omitempty"`  // what the applications were asked

	// Of a stack that is open: Dify's API through its proxies.
	Passages []app.Passage `json:"passages,omitempty"`
}

// State is one container.
type State struct {
	Service  string   `json:"service"`
	Image    string   `json:"image"` // as the file has it
	ImageID  string   `json:"imageID"`
	Digests  []string `json:"digests,omitempty"`
	State    string   `json:"state"`
	Health   string   `json:"health,omitempty"`
	Restarts int      `json:"restarts"`
	CPU      float64  `json:"cpu"` // per cent of one core
	Memory   int64    `json:"memory"`
	Limit    int64    `json:"limit"`
	PIDs     int      `json:"pids"`
}

// LogLines are lines of a log with their numbers taken out, so that a line of
// yesterday is known again.
type LogLines struct {
	Service string   `json:"service"`
	Lines   []string `json:"lines"`
	Shown   []string `json:"shown,omitempty"` // as they were logged, masked
}

func (s *baselineLive) Check(context.Context) error { return nil }

func (s *baselineLive) Capture(context.Context) (struct{}, error) { return struct{}{}, nil }

func (s *baselineLive) Do(ctx context.Context, _ struct{}) (any, error) {
	m, err := s.Measure(ctx, s.Now().Add(-time.Hour), 0, nil)
	if err != nil {
		return nil, err
	}
	if m.Facts, err = s.facts(ctx, time.Time{}); err != nil {
		return nil, err
	}
	cs, err := s.containers(ctx)
	if err != nil {
		return nil, err
	}
	if m.Passages, err = s.passages(ctx, doors(cs)); err != nil {
		return nil, err
	}
	unknown, errs := s.readable(ctx)
	more, refused := s.takesOver(ctx)
	m.Facts, errs = slices.Concat(m.Facts, unknown, more), append(errs, refused...)
	m.Commands = s.runAll(ctx, s.Spec.Config.Baseline)
	for _, f := range failures(m.Commands, s.Spec.Options.AcceptFailing) {
		errs = append(errs, &Refusal{Reason: "a check of yours fails before the upgrade", Found: f, Needed: "exit status 0",
			Next: "mend it first; or say --accept-failing-baseline with its name, which the report will tell"})
	}
	for _, p := range m.Probes {
		if p.Error != "" && !contains(s.Spec.Options.AcceptFailing, p.Name) {
			errs = append(errs, &Refusal{Reason: "probe " + p.Name + " of " + p.Service + " fails before the upgrade", Found: p.Error,
				Next: "mend it first; or say --accept-failing-baseline " + p.Name})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return m, nil
}

func (h *Host) runAll(ctx context.Context, cmds []Command) []Ran {
	var out []Ran
	for _, c := range cmds {
		h.say(Progress{What: "run " + c.Name})
		out = append(out, h.run(ctx, c))
	}
	return out
}

// Measure looks at all containers of the stack, asks the probes for as long as within,
// compared with before, and reads the logs since a time.
func (h *Host) Measure(ctx context.Context, since time.Time, within time.Duration, before []Probed) (Measured, error) {
	m := Measured{At: h.Now().UTC()}
	cs, err := h.containers(ctx)
	if err != nil {
		return m, err
	}
	running := slices.DeleteFunc(slices.Clone(cs), func(c docker.Container) bool { return c.State != "running" })
	// The engine takes two seconds for these.
	var stats []docker.Stat
	var failed error
	measured := make(chan struct{})
	go func() {
		defer close(measured)
		stats, failed = h.Docker.Stats(ctx, ids(running))
	}()
	defer func() { <-measured }()
	for _, c := range cs {
		img, _, err := h.Docker.Image(ctx, c.Image)
		if err != nil {
			return m, err
		}
		st := State{Service: c.Service, Image: c.ImageRef, ImageID: c.Image, Digests: img.Digests, State: c.State, Health: c.Health, Restarts: c.RestartCount}
		m.Services = append(m.Services, st)
	}
	for _, c := range running {
		if l := h.errorLines(ctx, c, since); len(l.Lines) > 0 {
			m.Errors = append(m.Errors, l)
		}
	}
	if m.Probes, err = h.probe(ctx, within, before); err != nil {
		return m, err
	}
	<-measured
	for i, c := range cs {
		if j := slices.IndexFunc(stats, func(s docker.Stat) bool { return s.Container == c.ID }); j >= 0 {
			st := &m.Services[i]
			st.CPU, st.Memory, st.Limit, st.PIDs = stats[j].CPU, stats[j].MemBytes, stats[j].MemLimit, stats[j].PIDs
		}
	}
	return m, failed
}

var (
	errorWord = regexp.MustCompile(`(?i)\b(error|fatal|panic|critical|traceback|unhandled|exception)\b`)
	number    = regexp.MustCompile(`[0-9a-fA-F]*[0-9][0-9a-fA-F]*`)
)

// errorLines are the lines of a container's log since a time that tell of errors.
// What cannot be read, a log driver without a way back, has none.
func (h *Host) errorLines(ctx context.Context, c docker.Container, since time.Time) LogLines {
	out := LogLines{Service: c.Service}
	var buf bytes.Buffer
	if err := h.Docker.Logs(ctx, c.ID, since, 5000, &buf); err != nil {
		return out
	}
	for line := range strings.Lines(buf.String()) {
		line = strings.TrimSpace(line)
		if !errorWord.MatchString(line) || h.ignored(line) {
			continue
		}
		if key := short(number.ReplaceAllString(line, "#")); !slices.Contains(out.Lines, key) && len(out.Lines) < 100 {
			out.Lines, out.Shown = append(out.Lines, key), append(out.Shown, short(line))
		}
	}
	return out
}

// short is the beginning of a line, as it comes back from JSON.
func short(line string) string {
	return strings.ToValidUTF8(line[:min(len(line), 300)], "\uFFFD")
}

func (h *Host) ignored(line string) bool {
	return slices.ContainsFunc(h.Spec.Config.IgnoreLogs, func(e string) bool {
		re, err := regexp.Compile(e)
		return err == nil && re.MatchString(line)
	})
}

// newErrors are the lines that are in now and not in before.
func newErrors(before, now []LogLines) []LogLines {
	var out []LogLines
	for _, n := range now {
		l := LogLines{Service: n.Service}
		for i, line := range n.Lines {
			old := slices.ContainsFunc(before, func(b LogLines) bool { return b.Service == n.Service && slices.Contains(b.Lines, line) })
			if !old {
				l.Lines, l.Shown = append(l.Lines, line), append(l.Shown, n.Shown[i])
			}
		}
		if len(l.Lines) > 0 {
			out = append(out, l)
		}
	}
	return out
}

func (s *baselineLive) Undo(context.Context, struct{}) error { return nil }

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// String is for the report: "api: 3".
func (l LogLines) String() string { return fmt.Sprintf("%s: %d", l.Service, len(l.Lines)) }
