package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/belaystack/belay/upgrade/docker"
)

// create makes the containers of the old stack that are gone, and replaces
// those that are not the old ones, without starting any. Containers of services
// that the old stack does not have are removed; their volumes stay.
func (h *Host) create(ctx context.Context, old halted, which func(was) bool) error {
	if err := h.lostFiles(); err != nil {
		return err
	}
	now, err := h.whole(ctx)
	if err != nil {
		return err
	}
	var missing []string
	for _, w := range old.Containers {
		if which(w) && !slices.Contains(missing, w.Service) && !slices.ContainsFunc(now, func(c docker.Container) bool { return c.ID == w.ID }) {
			missing = append(missing, w.Service)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := h.tidy(ctx, old, missing, now); err != nil {
		return err
	}
	if err := h.imagesOf(ctx, old, missing); err != nil {
		return err
	}
	if err := h.up(ctx, missing, "--no-start"); err != nil {
		return err
	}
	if err := h.quiet(ctx, old, missing); err != nil {
		return err
	}
	if err := h.sameImages(ctx, old, missing); err != nil {
		return err
	}
	return h.createJoined(ctx, old)
}

// whole gives the containers of the project, after removing those that a compose
// that was killed made to take the place of another, which is there still: the
// other has the data, and two of one service would both run at the next `up`.
func (h *Host) whole(ctx context.Context) ([]docker.Container, error) {
	now, err := h.containers(ctx)
	if err != nil {
		return nil, err
	}
	var out []docker.Container
	for _, c := range now {
		replaced := slices.ContainsFunc(now, func(o docker.Container) bool {
			return o.ID != c.ID && o.Service == c.Service && o.Number == c.Number && !o.Temporary
		})
		if !c.Temporary || !replaced || c.State != "created" {
			out = append(out, c)
			continue
		}
		if err := h.Docker.Remove(ctx, c.ID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// quiet keeps the engine from starting containers that were just made, until
// their turn comes: a daemon that starts again starts what its policy says.
func (h *Host) quiet(ctx context.Context, old halted, services []string) error {
	now, err := h.containers(ctx)
	if err != nil {
		return err
	}
	var made []string
	for _, c := range now {
		was := slices.ContainsFunc(old.Containers, func(w was) bool { return w.ID == c.ID })
		if slices.Contains(services, c.Service) && !was && c.Policy.Name != "no" {
			made = append(made, c.ID)
		}
	}
	return h.setRestart(ctx, docker.RestartPolicy{Name: "no"}, made...)
}

// clear stops whatever is not the old stack as it stands, also what a one-off of
// a dead run left, and removes the containers of services that the old stack does
// not have. Those that took the place of old ones stay: what takes their place
// again takes over their anonymous volumes. Old servers are left alone.
func (h *Host) clear(ctx context.Context, old halted) error {
	all, err := h.Docker.Containers(ctx, h.Spec.Project.Name)
	if err != nil {
		return err
	}
	var stop, remove []docker.Container
	for _, c := range all {
		if slices.ContainsFunc(old.Containers, func(w was) bool { return w.Server && w.ID == c.ID }) {
			continue
		}
		stop = append(stop, c)
		if c.Oneoff || !slices.Contains(old.services(), c.Service) {
			remove = append(remove, c)
		}
	}
	if err := h.stopAll(ctx, stop); err != nil {
		return err
	}
	return h.Docker.Remove(ctx, ids(remove)...)
}

// tidy removes what a compose that was killed left of the services: containers
// that wait under a temporary name to take the place of another. Of the two the
// other has the volumes.
func (h *Host) tidy(ctx context.Context, old halted, services []string, now []docker.Container) error {
	for _, service := range services {
		var of []docker.Container
		want := 0
		for _, c := range now {
			if c.Service == service {
				of = append(of, c)
			}
		}
		for _, w := range old.Containers {
			if w.Service == service {
				want++
			}
		}
		for _, c := range of {
			if len(of) > want && c.State == "created" {
				if err := h.Docker.Remove(ctx, c.ID); err != nil {
					return err
				}
				want++
			}
		}
	}
	return nil
}

// sameImages compares what the containers of services are made of with what
// they were made of.
func (h *Host) sameImages(ctx context.Context, old halted, services []string) error {
	now, err := h.containers(ctx)
	if err != nil {
		return err
	}
	for _, w := range old.Containers {
		if !slices.Contains(services, w.Service) {
			continue
		}
		c, ok := find(now, w)
		switch {
		case !ok:
			return fmt.Errorf("service %s: there is no container after its creation", w.Service)
		case c.Image != w.Image:
			return &WrongImageError{Service: w.Service, Want: w.Image, Got: c.Image}
		}
	}
	return nil
}

// WrongImageError means that a service came back on an image nobody asked for.
type WrongImageError struct{ Service, Want, Got string }

func (e *WrongImageError) Error() string {
	return fmt.Sprintf("service %s is made of image %s, want %s", e.Service, e.Got, e.Want)
}

// Hint names the next move.
func (e *WrongImageError) Hint() string {
	return "something else starts this stack or moves its tags; stop it"
}

// start starts the old stack, gives the containers their restart policies, and
// waits until each is well that was asked to be.
func (h *Host) start(ctx context.Context, old halted) error {
	for _, level := range byLevel(old.Containers) {
		now, err := h.containers(ctx)
		if err != nil {
			return err
		}
		var services []string
		for _, w := range level {
			c, ok := find(now, w)
			if !ok {
				return fmt.Errorf("service %s: its container is gone", w.Service)
			}
			if err := h.revive(ctx, c, w); err != nil {
				return err
			}
			if w.Running {
				services = append(services, w.Service)
			}
		}
		if err := h.rejoin(ctx, old.At, services); err != nil {
			return err
		}
		if err := h.well(ctx, services, append(old.unwell(), h.Spec.Options.AcceptUnhealthy...)); err != nil {
			return err
		}
	}
	return h.sameImages(ctx, old, old.services())
}

func (h *Host) revive(ctx context.Context, c docker.Container, w was) error {
	if c.Policy != w.Policy {
		if err := h.setRestart(ctx, w.Policy, c.ID); err != nil {
			return err
		}
	}
	if !w.Running || c.State == "running" {
		return nil
	}
	err := h.Docker.Start(ctx, c.ID)
	if errors.Is(err, docker.ErrHalfStarted) {
		return h.up(ctx, []string{w.Service}, "--force-recreate")
	}
	return err
}

// find gives the container of w: itself, or the one in its place.
func find(now []docker.Container, w was) (docker.Container, bool) {
	for _, same := range []func(docker.Container) bool{
		func(c docker.Container) bool { return c.ID == w.ID },
		func(c docker.Container) bool { return c.Name == w.Name },
		func(c docker.Container) bool { return c.Service == w.Service },
	} {
		if i := slices.IndexFunc(now, same); i >= 0 {
			return now[i], true
		}
	}
	return docker.Container{}, false
}

func (h halted) services() []string {
	var out []string
	for _, w := range h.Containers {
		if !slices.Contains(out, w.Service) {
			out = append(out, w.Service)
		}
	}
	return out
}
