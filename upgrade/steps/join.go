package steps

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/belaystack/belay/upgrade/docker"
)

// A container may share the network, the processes, the memory or the mounts of another
// (network_mode: service:x, pid, ipc, volumes_from). The engine knows the other by its
// id: when that one is made anew, the first cannot start any more; when that one starts
// again, the first goes on in what is left of the old one.

// joined are the containers that c shares something with.
func joined(all []docker.Container, c docker.Container) []docker.Container {
	var out []docker.Container
	for _, o := range all {
		if o.ID != c.ID && (slices.Contains(c.Joins, o.ID) || slices.Contains(c.Joins, o.Name)) {
			out = append(out, o)
		}
	}
	return out
}

// joining gives the services that share something with one of services, and what
// shares something with those, with what they depend on; none of services themselves.
func joining(cfg *docker.Config, services []string) map[string]map[string]string {
	out := map[string]map[string]string{}
	for todo := slices.Clone(services); len(todo) > 0; todo = todo[1:] {
		for _, name := range present(cfg) {
			svc := cfg.Services[name]
			if slices.Contains(svc.Joins, todo[0]) && !slices.Contains(services, name) && out[name] == nil {
				out[name] = svc.DependsOn
				todo = append(todo, name)
			}
		}
	}
	return out
}

// rejoin starts containers of services again that run and share something with one that
// started after them, and after a time.
func (h *Host) rejoin(ctx context.Context, after time.Time, services []string) error {
	all, err := h.containers(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		if !slices.Contains(services, c.Service) || c.State != "running" {
			continue
		}
		late := slices.ContainsFunc(joined(all, c), func(o docker.Container) bool {
			return o.StartedAt.After(c.StartedAt) && o.StartedAt.After(after)
		})
		if !late {
			continue
		}
		if err := errors.Join(h.Docker.Stop(ctx, 0, c.ID), h.Docker.Start(ctx, c.ID)); err != nil {
			return err
		}
	}
	return nil
}

// upJoined is up, which makes containers anew that share something with one that is
// gone. Compose does so by itself for service:NAME, and not for container:NAME.
func (h *Host) upJoined(ctx context.Context, cfg *docker.Config, services []string) error {
	if !slices.ContainsFunc(services, func(n string) bool { return len(cfg.Services[n].Joins) > 0 }) {
		return h.up(ctx, services)
	}
	lost, err := h.lost(ctx, services)
	if err != nil {
		return err
	}
	if err := h.up(ctx, slices.DeleteFunc(slices.Clone(services), func(n string) bool { return slices.Contains(lost, n) })); err != nil {
		return err
	}
	return h.up(ctx, lost, "--force-recreate")
}

// createJoined makes the old containers anew that share something with one that is gone,
// when the other has been made again.
func (h *Host) createJoined(ctx context.Context, old halted) error {
	for range old.Containers { // as long as the longest chain
		lost, err := h.lost(ctx, old.services())
		if err != nil || len(lost) == 0 {
			return err
		}
		if err := h.up(ctx, lost, "--no-start", "--force-recreate"); err != nil {
			return err
		}
		if err := h.quiet(ctx, old, lost); err != nil {
			return err
		}
		if err := h.sameImages(ctx, old, lost); err != nil {
			return err
		}
	}
	return nil
}

// lost gives those of services with a container that shares something with one that is
// not there.
func (h *Host) lost(ctx context.Context, services []string) ([]string, error) {
	all, err := h.containers(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, c := range all {
		if !slices.Contains(services, c.Service) || len(joined(all, c)) == len(c.Joins) {
			continue
		}
		found, err := h.Docker.Inspect(ctx, c.Joins...)
		if err != nil {
			return nil, err
		}
		if len(found) < len(c.Joins) {
			out = appendNew(out, c.Service)
		}
	}
	return out, nil
}

// joins refuses a server that shares another service's network: the other stops at the
// halt, and the server's clients are cut off from it.
func (s *preflight) joins(ctx context.Context) error {
	all, err := s.containers(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range all {
		if !slices.Contains(s.Spec.Servers, c.Service) {
			continue
		}
		for _, o := range joined(all, c) {
			errs = append(errs, &Refusal{Reason: "the PostgreSQL server of " + c.Service + " shares the namespace of service " + o.Service + ", which is stopped during a run",
				Next: "give " + c.Service + " a network of its own"})
		}
	}
	return errors.Join(errs...)
}
