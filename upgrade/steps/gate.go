package steps

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
)

// well waits until the containers of services are well: they run, and are
// healthy where they have a check; or they were there to do something once, and
// ended with 0. Those in except may be as they are. It does not trust `docker
// compose up --wait`, which takes a container without a check for ready at its
// first sign of life, and a one-off that ended for a failure: docker/compose
// issues 10596.
func (h *Host) well(ctx context.Context, services, except []string) error {
	begun := h.Now()
	restarts := map[string]int{} // by container, when it was first seen
	serving := map[string]bool{} // services whose application said so
	for {
		cs, err := h.containers(ctx)
		if err != nil {
			return err
		}
		for _, c := range cs {
			if _, seen := restarts[c.ID]; !seen {
				restarts[c.ID] = c.RestartCount
			}
		}
		var bad *UnwellError
		over := false
		for _, service := range services {
			if slices.Contains(except, service) {
				continue
			}
			if e := unwell(cs, service); e != nil {
				bad = e
				over = over || e.final || e.restarts-restarts[e.id] >= maxRestarts || h.Now().Sub(begun) > h.deadline(service)
			}
		}
		if bad == nil {
			if bad, err = h.notServing(ctx, services, except, serving); err != nil {
				return err
			}
			over = bad != nil && h.Now().Sub(begun) > h.deadline(bad.Service)
		}
		if bad == nil {
			return nil
		}
		if over {
			bad.Lines = h.lastLines(ctx, bad.id, begun)
			return bad
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("%w: %w", err, bad)
		}
	}
}

// notServing gives a service whose application does not do yet what its container's
// health is silent about; nil when there is none. It asks those that are not in serving.
func (h *Host) notServing(ctx context.Context, services, except []string, serving map[string]bool) (*UnwellError, error) {
	stack, err := h.apps(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range stack.Members() {
		if !m.Running || serving[m.Service] || !slices.Contains(services, m.Service) || slices.Contains(except, m.Service) {
			continue
		}
		if what := app.NotServing(ctx, stack, m); what != "" {
			c, err := stack.one(m.Service, false)
			return &UnwellError{Service: m.Service, What: what, id: c.ID, restarts: c.RestartCount}, err
		}
		serving[m.Service] = true
	}
	return nil, nil
}

// steady waits for the stability window: services must stay well, without a
// restart. A container that crashes in a loop runs whenever one looks.
func (h *Host) steady(ctx context.Context, services, except []string) error {
	first, err := h.containers(ctx)
	if err != nil {
		return err
	}
	begun := h.Now()
	for {
		now, err := h.containers(ctx)
		if err != nil {
			return err
		}
		for _, service := range services {
			if slices.Contains(except, service) {
				continue
			}
			e := unwell(now, service)
			if e == nil {
				e = restarted(first, now, service)
			}
			if e != nil {
				e.Lines = h.lastLines(ctx, e.id, time.Time{})
				return e
			}
		}
		if h.Now().Sub(begun) >= time.Duration(h.Spec.Config.Window) {
			return nil
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
}

// UnwellError is a service that is not as it should be.
type UnwellError struct {
	Service  string
	What     string // "is unhealthy"
	Lines    string // the last it logged, masked
	id       string
	final    bool // it will not get better by waiting
	restarts int
}

// maxRestarts is how often a container may start again before it counts as one
// that crashes in a loop: with the engine's growing pauses, half a minute. What
// it depends on was well before it was started.
const maxRestarts = 8

func (e *UnwellError) Error() string {
	s := fmt.Sprintf("service %s %s", e.Service, e.What)
	if e.Lines != "" {
		s += "; it logged: " + e.Lines
	}
	return s
}

func unwell(all []docker.Container, service string) *UnwellError {
	found := false
	for _, c := range all {
		if c.Service != service {
			continue
		}
		found = true
		e := &UnwellError{Service: service, id: c.ID, restarts: c.RestartCount}
		switch {
		case c.State == "exited" && c.ExitCode == 0 && (c.Policy.Name == "no" || c.Policy.Name == "" || c.Policy.Name == "on-failure"):
			continue
		case c.State == "exited" && (c.Policy.Name == "no" || c.Policy.Name == ""):
			e.What, e.final = fmt.Sprintf("ended with exit status %d", c.ExitCode), true
		case c.State != "running":
			e.What = fmt.Sprintf("is %s after %d restarts", c.State, c.RestartCount)
		case c.Health == "unhealthy":
			e.What = "is unhealthy by its own check"
		case c.Health == "starting":
			e.What = "is not healthy yet by its own check"
		default:
			continue
		}
		return e
	}
	if !found {
		return &UnwellError{Service: service, What: "has no container"}
	}
	return nil
}

func restarted(first, now []docker.Container, service string) *UnwellError {
	for _, c := range now {
		i := slices.IndexFunc(first, func(f docker.Container) bool { return f.ID == c.ID })
		if c.Service != service {
			continue
		}
		if i < 0 || first[i].RestartCount != c.RestartCount || !first[i].StartedAt.Equal(c.StartedAt) {
			return &UnwellError{Service: service, What: fmt.Sprintf("did not stay up: %d restarts", c.RestartCount), id: c.ID}
		}
	}
	return nil
}

func (h *Host) deadline(service string) time.Duration {
	if d, ok := h.Spec.Config.Deadlines[service]; ok {
		return time.Duration(d)
	}
	return time.Duration(h.Spec.Config.Deadline)
}

// lastLines are the last that a container logged, as one line, masked.
func (h *Host) lastLines(ctx context.Context, id string, since time.Time) string {
	if id == "" {
		return ""
	}
	var buf bytes.Buffer
	if err := h.Docker.Logs(ctx, id, since, 10, &buf); err != nil {
		return ""
	}
	return strings.Join(strings.Split(strings.TrimSpace(buf.String()), "\n"), " | ")
}

// unwell are the services that were not running, or known to be unwell, before:
// nothing more is asked of them afterwards.
func (h halted) unwell() []string {
	var out []string
	for _, w := range h.Containers {
		if w.Unwell || !w.Running {
			out = append(out, w.Service)
		}
	}
	return out
}
