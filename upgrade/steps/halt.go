package steps

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
)

// halt stops everything but the PostgreSQL servers, so that what follows is one
// moment. It is the last step to be undone that matters: then the files, the
// tags and the data are the old ones again, and the old stack is started.
type halt struct{ *Host }

// was is one container of the old stack.
type was struct {
	ID        string               `json:"id"`
	Name      string               `json:"name"`
	Service   string               `json:"service"`
	Image     string               `json:"image"`
	ImageRef  string               `json:"imageRef"`
	Running   bool                 `json:"running"`
	Unwell    bool                 `json:"unwell,omitempty"` // it did not run for good, or its check said so
	Policy    docker.RestartPolicy `json:"policy"`
	Grace     Duration             `json:"grace,omitempty"`  // until it is killed, when it needs more than its own
	Server    bool                 `json:"server,omitempty"` // PostgreSQL is in it
	Saves     bool                 `json:"saves,omitempty"`  // it writes its data when it is stopped
	Anonymous []anonymous          `json:"anonymous,omitempty"`
	After     map[string]string    `json:"after,omitempty"` // services it depends on, with the condition
}

// anonymous is a volume that only its container knows.
type anonymous struct {
	Destination string `json:"destination"`
	Volume      string `json:"volume"`
}

// halted is the old stack, in the order in which it starts.
type halted struct {
	Containers []was     `json:"containers"`
	At         time.Time `json:"at"` // of the capture
}

func (s *halt) Check(ctx context.Context) error {
	all, err := s.Docker.Containers(ctx, s.Spec.Project.Name)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range all {
		if c.Oneoff && c.State == "running" {
			errs = append(errs, &Refusal{Reason: "a one-off container of the stack runs", Found: c.Name, Next: "wait for its end, or stop it: docker stop " + c.Name})
		}
	}
	return errors.Join(errs...)
}

// Capture takes from drain what that has stopped.
func (s *halt) Capture(ctx context.Context) (halted, error) {
	h, err := s.asItRuns(ctx)
	if err != nil {
		return halted{}, err
	}
	var d draining
	if _, err := s.Run.Saved("drain", &d); err != nil {
		return halted{}, err
	}
	for i, w := range h.Containers {
		if j := slices.IndexFunc(d.Old.Containers, func(o was) bool { return o.ID == w.ID }); j >= 0 && slices.Contains(d.Intake, w.Service) {
			h.Containers[i] = d.Old.Containers[j]
		}
	}
	if len(d.Intake) > 0 {
		h.At = d.Old.At
	}
	return h, nil
}

// asItRuns is the stack as it is now.
func (s *Host) asItRuns(ctx context.Context) (halted, error) {
	cs, err := s.containers(ctx)
	if err != nil {
		return halted{}, err
	}
	h := halted{At: s.Now().UTC()}
	for _, c := range cs {
		w := was{ID: c.ID, Name: c.Name, Service: c.Service, Image: c.Image, ImageRef: c.ImageRef, Running: alive(c),
			Unwell: c.State != "running" || c.Health == "unhealthy", Policy: c.Policy, Server: slices.Contains(s.Spec.Servers, c.Service), After: c.DependsOn}
		if ref, err := image.Parse(c.ImageRef); err == nil {
			m := app.NewMember(app.Member{Image: ref, Env: c.Env, Args: c.Args})
			w.Saves = app.SavesAtStop(m)
			if g := app.Grace(m); g > c.StopTimeout {
				w.Grace = Duration(g)
			}
		}
		for _, of := range joined(cs, c) {
			if w.After[of.Service] == "" {
				w.After = maps.Clone(w.After) // of the container as inspected
				if w.After == nil {
					w.After = map[string]string{}
				}
				w.After[of.Service] = "service_started"
			}
		}
		for _, m := range c.Mounts {
			if m.Anonymous {
				w.Anonymous = append(w.Anonymous, anonymous{m.Destination, m.Name})
			}
		}
		h.Containers = append(h.Containers, w)
	}
	h.Containers = ordered(h.Containers)
	return h, nil
}

func (s *halt) Do(ctx context.Context, h halted) (any, error) {
	if s.Spec.Options.Online {
		return nil, nil
	}
	var all []string
	for _, w := range h.Containers {
		if !w.Server {
			all = append(all, w.ID)
		}
	}
	if err := s.setRestart(ctx, docker.RestartPolicy{Name: "no"}, all...); err != nil {
		return nil, err
	}
	levels := byLevel(h.Containers)
	for _, level := range slices.Backward(levels) {
		if err := s.stopGently(ctx, slices.DeleteFunc(slices.Clone(level), func(w was) bool { return w.Server })); err != nil {
			return nil, err
		}
		if err := s.saved(ctx, level); err != nil {
			return nil, err
		}
	}
	if err := s.still(ctx); err != nil {
		return nil, err
	}
	return nil, s.alone(ctx)
}

// saved makes sure that those that write their data when they are stopped have ended by
// themselves: what was killed meanwhile has files older than what it knew.
func (s *halt) saved(ctx context.Context, level []was) error {
	var stopped []string
	for _, w := range level {
		if w.Saves && w.Running && !w.Unwell {
			stopped = append(stopped, w.ID)
		}
	}
	cs, err := s.Docker.Inspect(ctx, stopped...)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range cs {
		if c.ExitCode != 0 {
			errs = append(errs, &UnsavedError{Service: c.Service, Exit: c.ExitCode, OOM: c.OOMKilled})
		}
	}
	return errors.Join(errs...)
}

// UnsavedError is an application that did not end by itself when it was stopped, so that a
// copy of its files would not hold its data.
type UnsavedError struct {
	Service string
	Exit    int
	OOM     bool // for want of memory
}

func (e *UnsavedError) Error() string {
	how := fmt.Sprintf("it ended with exit status %d, and not by itself", e.Exit)
	switch {
	case e.OOM:
		how = "it was killed for want of memory"
	case e.Exit == 137:
		how = "it was killed after its time to end was over"
	}
	return fmt.Sprintf("service %s did not save its data when it was stopped: %s", e.Service, how)
}

// Hint names the next move.
func (e *UnsavedError) Hint() string {
	return "see its log; the server has to be what hears the stop, as with `exec redis-server` in a command of a shell, and a larger stop_grace_period gives it more time"
}

// setRestart sets the restart policy of containers. One that ends or starts at that
// moment the engine cannot change ("cannot update a stopped container"): one that
// crashes in a loop does so all the time.
func (h *Host) setRestart(ctx context.Context, policy docker.RestartPolicy, ids ...string) error {
	if len(ids) > 1 && h.Docker.SetRestart(ctx, policy, ids...) == nil {
		return nil
	}
	for _, id := range ids {
		for try := 0; ; try++ {
			err := h.Docker.SetRestart(ctx, policy, id)
			if err == nil {
				break
			}
			if found, e := h.Docker.Inspect(ctx, id); try == 20 || e == nil && len(found) == 0 {
				return err
			}
			if e := pause(ctx, 100*time.Millisecond); e != nil {
				return errors.Join(e, err)
			}
		}
	}
	return nil
}

// alive reports whether a container runs, is paused, or is between two of its
// starts.
func alive(c docker.Container) bool { return c.Running() || c.State == "restarting" }

// still makes sure that nothing but servers runs.
func (s *Host) still(ctx context.Context) error {
	all, err := s.Docker.Containers(ctx, s.Spec.Project.Name)
	if err != nil {
		return err
	}
	for _, c := range all {
		if alive(c) && !slices.Contains(s.Spec.Servers, c.Service) {
			return fmt.Errorf("%s runs again after it was stopped: something else starts this stack", c.Name)
		}
	}
	return nil
}

// alone waits until no session but ours is in a database: a client outside of
// the project writes as well as one in it.
func (h *Host) alone(ctx context.Context) error {
	servers, err := h.servers(ctx)
	if err != nil {
		return err
	}
	deadline := h.Now().Add(15 * time.Second)
	for {
		found, err := others(ctx, servers)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return nil
		}
		if h.Now().After(deadline) {
			return fmt.Errorf("databases are in use by clients outside of the stack: %s", strings.Join(found, ", "))
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// Undo starts the old stack. What still exists is started as it is; what is gone
// is made again from the files, which are the old ones by now.
func (s *halt) Undo(ctx context.Context, h halted) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if s.Spec.Options.Online {
		return nil
	}
	if err := s.create(ctx, h, func(was) bool { return true }); err != nil {
		return err
	}
	if err := s.start(ctx, h); err != nil {
		return err
	}
	return errors.Join(s.dropNew(ctx), s.dropNoted(ctx))
}
