package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
)

// launch starts the new stack, closed to the outside: services that publish
// ports get none, and proxies are left for open. Each level of dependencies has
// to be well before the next one starts.
type launch struct{ *Host }

// launched is what is there before the new stack.
type launched struct {
	Old     halted   `json:"old"`
	Volumes []string `json:"volumes"` // of the whole engine, by name
}

// started is the result of launch.
type started struct {
	Closed []string `json:"closed"` // services that run without their ports
	Held   []string `json:"held"`   // services that are not started yet
}

func (s *launch) Check(context.Context) error { return nil }

func (s *launch) Capture(ctx context.Context) (launched, error) {
	var l launched
	if _, err := s.captured(&l.Old); err != nil {
		return l, err
	}
	var err error
	l.Volumes, err = s.allVolumes(ctx)
	return l, err
}

func (s *launch) Do(ctx context.Context, l launched) (any, error) {
	cfg, err := s.Docker.Config(ctx, s.Spec.Project)
	if err != nil {
		return nil, err
	}
	if err := s.stopGone(ctx, cfg); err != nil {
		return nil, err
	}
	public, held := faces(cfg, s.Spec.Config.Public)
	if err := s.writeOverride(cfg); err != nil {
		return nil, err
	}
	after := mainsLast(cfg)
	maps.DeleteFunc(after, func(name string, _ map[string]string) bool {
		return slices.Contains(held, name) || cfg.Services[name].Scale == 0
	})
	var all []string
	for _, level := range levelsOf(after) {
		if err := s.upClosed(ctx, cfg, level); err != nil {
			return nil, err
		}
		if err := s.rejoin(ctx, l.Old.At, level); err != nil {
			return nil, err
		}
		// Before the gate: with the policy of a halted stack a service that ends
		// would look like one that had something to do once.
		if err := s.policies(ctx, l.Old, level); err != nil {
			return nil, err
		}
		if err := s.well(ctx, level, s.Spec.Options.AcceptUnhealthy); err != nil {
			return nil, err
		}
		all = append(all, level...)
	}
	return started{Closed: public, Held: held}, s.steady(ctx, all, s.Spec.Options.AcceptUnhealthy)
}

// mainsLast is what each service waits for: what the files say, but that the main
// instances of n8n, which begin to execute when they start, wait for its workers.
func mainsLast(cfg *docker.Config) map[string]map[string]string {
	after := map[string]map[string]string{}
	var mains, others []string
	for name, svc := range cfg.Services {
		after[name] = maps.Clone(svc.DependsOn)
		switch appOf(svc.Image) {
		case catalog.N8N:
			if app.N8NRole(svc.Args) == app.N8NMain {
				mains = append(mains, name)
			} else {
				others = append(others, name)
			}
		case catalog.N8NRunners:
			others = append(others, name)
		}
	}
	for _, main := range mains {
		for _, other := range others {
			if slices.Contains(cfg.Services[other].Joins, main) {
				continue // it is in the network of the main instance
			}
			delete(after[other], main)
			after[main][other] = "service_started"
		}
	}
	return after
}

// captured reads what halt saw of the old stack.
func (h *Host) captured(into *halted) (bool, error) { return h.Run.Saved("halt", into) }

// stopGone stops servers whose service the new files do not have: under another
// name a second one would run on the same data.
func (h *Host) stopGone(ctx context.Context, cfg *docker.Config) error {
	var old halted
	if _, err := h.captured(&old); err != nil {
		return err
	}
	var gone []string
	for _, w := range old.Containers {
		if _, stays := cfg.Services[w.Service]; !stays && w.Server {
			gone = append(gone, w.ID)
		}
	}
	if err := h.setRestart(ctx, docker.RestartPolicy{Name: "no"}, gone...); err != nil {
		return err
	}
	return h.Docker.Stop(ctx, 0, gone...)
}

// faces gives the services that publish ports, which can be started without,
// and those that stand between the outside and the others, which start last.
func faces(cfg *docker.Config, public []string) (closed, held []string) {
	for _, name := range sortedKeys(cfg.Services) {
		svc := cfg.Services[name]
		switch {
		case svc.Scale == 0:
		case slices.Contains(public, name), proxy(svc.Image) && !awaited(cfg, name):
			held = append(held, name)
		case len(svc.Ports) > 0:
			closed = append(closed, name)
		}
	}
	return closed, held
}

// present are the services that are to have containers.
func present(cfg *docker.Config) []string {
	return slices.DeleteFunc(sortedKeys(cfg.Services), func(n string) bool { return cfg.Services[n].Scale == 0 })
}

func awaited(cfg *docker.Config, name string) bool {
	for _, svc := range cfg.Services {
		if _, ok := svc.DependsOn[name]; ok {
			return true
		}
	}
	return false
}

// proxies are images that stand between the outside and a stack, by the last
// part of their names.
var proxies = []string{"nginx", "nginx-unprivileged", "caddy", "traefik", "haproxy", "cloudflared", "ngrok", "envoy", "swag", "nginx-proxy-manager", "tailscale"}

func proxy(ref string) bool {
	name := ref[strings.LastIndex(ref, "/")+1:]
	if i := strings.IndexAny(name, ":@"); i >= 0 {
		name = name[:i]
	}
	return slices.Contains(proxies, name)
}

// writeOverride writes the file that takes the ports of all services away.
func (h *Host) writeOverride(cfg *docker.Config) error {
	var b strings.Builder
	b.WriteString("services:\n")
	for _, name := range present(cfg) {
		if len(cfg.Services[name].Ports) > 0 {
			fmt.Fprintf(&b, "  %q:\n    ports: !reset []\n", name)
		}
	}
	return writeSynced(h.folder("closed.yml"), []byte(b.String()), 0o600)
}

// upClosed starts services, those that publish ports without them, by the files and
// an override. The others are started by the files alone, so that the container that
// is there after open is the one that was verified.
func (h *Host) upClosed(ctx context.Context, cfg *docker.Config, services []string) error {
	var open, closed []string
	for _, name := range services {
		if len(cfg.Services[name].Ports) > 0 {
			closed = append(closed, name)
		} else {
			open = append(open, name)
		}
	}
	if err := h.upJoined(ctx, cfg, open); err != nil {
		return err
	}
	without := *h
	without.Spec.Project.Files = append(slices.Clone(h.Spec.Project.Files), h.folder("closed.yml"))
	return without.upJoined(ctx, cfg, closed)
}

// Undo stops the new stack. Its containers stay: those that take their place
// take over their anonymous volumes. What services it added is removed, with
// the volumes that it made.
func (s *launch) Undo(ctx context.Context, l launched) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := s.clearNew(ctx, l.Old, l.Volumes); err != nil {
		return err
	}
	err := os.Remove(s.folder("closed.yml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// stopAll keeps containers from being started again and stops them. One that is gone
// meanwhile, or about to be, needs neither: a one-off removes itself when it has ended.
func (h *Host) stopAll(ctx context.Context, all []docker.Container) error {
	for try := 0; ; try++ {
		err := h.setRestart(ctx, docker.RestartPolicy{Name: "no"}, ids(all)...)
		if err == nil {
			err = h.Docker.Stop(ctx, 0, ids(all)...)
		}
		if !errors.Is(err, docker.ErrNotFound) && !errors.Is(err, docker.ErrRemoving) || try == 3 {
			return err
		}
		left, e := h.Docker.Inspect(ctx, ids(all)...)
		if e != nil {
			return errors.Join(e, err)
		}
		all = slices.DeleteFunc(left, func(c docker.Container) bool { return c.State == "removing" })
	}
}
