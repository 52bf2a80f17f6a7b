package steps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/postgres"
)

// Results are what earlier steps of the run returned, read from its journal.
type Results interface {
	// Result reads what Do of a step returned into v; false when it did not
	// come to its end.
	Result(step string, v any) (bool, error)
	// Saved reads what Capture of a step returned; false when it never did.
	Saved(step string, v any) (bool, error)
	// Started reports whether a step was captured, so that it may have begun.
	Started(step string) bool
}

// Host is what all steps of a run work with.
type Host struct {
	Spec    Spec
	Docker  *docker.Client
	Store   *backup.Store
	Run     Results
	Mask    func(string) string // hides the values of the stack in text of others
	Say     func(Progress)      // may be nil
	Held    func(Holding)       // told when the run is held, and waits meanwhile; may be nil
	Now     func() time.Time
	Getenv  func(string) string // of the environment of this process; nil for an empty one
	Engine  time.Duration       // how long an engine that is gone is waited for
	Refusal []error             // what was found before the run; preflight refuses for it
}

// Progress is how far a long piece of work has come.
type Progress struct {
	What  string // "dump of dify in db"
	Bytes int64  // done so far
	Total int64  // 0 when it is not known
	Done  bool
}

func (h *Host) getenv(name string) string {
	if h.Getenv == nil {
		return ""
	}
	return h.Getenv(name)
}

func (h *Host) say(p Progress) {
	if h.Say != nil {
		h.Say(p)
	}
}

// folder is the run's own, in the state folder.
func (h *Host) folder(parts ...string) string {
	return filepath.Join(append([]string{h.Spec.State, "runs", h.Spec.Run}, parts...)...)
}

// containers are those of the project, without one-off ones.
func (h *Host) containers(ctx context.Context) ([]docker.Container, error) {
	all, err := h.Docker.Containers(ctx, h.Spec.Project.Name)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(c docker.Container) bool { return c.Oneoff }), nil
}

// server gives the PostgreSQL server in c.
func (h *Host) server(c docker.Container) *postgres.Server {
	return &postgres.Server{Service: c.Service, Container: c.ID, Exec: execer{h.Docker}, App: "belay/" + h.Spec.Run}
}

// servers gives the PostgreSQL servers that run, by service. Those of services
// that the run did not know at its beginning are found by probing.
func (h *Host) servers(ctx context.Context) ([]*postgres.Server, error) {
	all, err := h.containers(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(c docker.Container) bool { return c.State != "running" })
	serves, err := atOnce(all, func(c docker.Container) (bool, error) {
		if slices.Contains(h.Spec.Servers, c.Service) {
			return true, nil
		}
		_, ok, err := postgres.Probe(ctx, execer{h.Docker}, c.ID)
		if err != nil {
			return false, fmt.Errorf("look for a server in %s: %w", c.Service, err)
		}
		return ok, nil
	})
	if err != nil {
		return nil, err
	}
	var out []*postgres.Server
	for i, c := range all {
		if serves[i] {
			out = append(out, h.server(c))
		}
	}
	return out, nil
}

// atOnce runs f for all, four at a time, and gives the results in their order.
func atOnce[T, R any](all []T, f func(T) (R, error)) ([]R, error) {
	out, errs := make([]R, len(all)), make([]error, len(all))
	var wait sync.WaitGroup
	turn := make(chan struct{}, 4)
	for i := range all {
		wait.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			out[i], errs[i] = f(all[i])
		})
	}
	wait.Wait()
	return out, errors.Join(errs...)
}

// ready waits for the engine, which may have died with what called for an undo.
func (h *Host) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, max(h.Engine, time.Minute))
	defer cancel()
	return h.Docker.Ready(ctx)
}

// execer runs the clients of a server in its own container.
type execer struct{ docker *docker.Client }

func (e execer) Exec(ctx context.Context, container string, args, env []string, stdin io.Reader, stdout io.Writer) error {
	return e.docker.Exec(ctx, container, docker.Exec{Args: args, Env: env, Stdin: stdin, Stdout: stdout})
}

// compose runs a docker compose command on the files that are on disk now.
func (h *Host) compose(ctx context.Context, args ...string) error {
	_, err := h.Docker.Do(ctx, h.Docker.Compose(h.Spec.Project, args...))
	return err
}

// up brings services to what the files on disk say, without pulling, building
// or touching what they depend on.
func (h *Host) up(ctx context.Context, services []string, more ...string) error {
	if len(services) == 0 {
		return nil
	}
	args := append([]string{"up", "--detach", "--no-deps", "--no-build", "--pull", "never", "--quiet-pull"}, more...)
	return h.compose(ctx, append(append(args, "--"), services...)...)
}

func ids(cs []docker.Container) []string {
	var out []string
	for _, c := range cs {
		out = append(out, c.ID)
	}
	return out
}

func names(list []string) string { return strings.Join(list, ", ") }

// answering waits until the servers of services take connections: a container
// without a check of its own runs long before that.
func (h *Host) answering(ctx context.Context, services []string) error {
	begun := h.Now()
	for {
		err := h.answer(ctx, services)
		if err == nil {
			return nil
		}
		if h.Now().Sub(begun) > time.Duration(h.Spec.Config.Deadline) {
			return err
		}
		if e := pause(ctx, 300*time.Millisecond); e != nil {
			return errors.Join(e, err)
		}
	}
}

func (h *Host) answer(ctx context.Context, services []string) error {
	cs, err := h.containers(ctx)
	if err != nil {
		return err
	}
	for _, c := range cs {
		if !slices.Contains(services, c.Service) {
			continue
		}
		if _, ok, err := postgres.Probe(ctx, execer{h.Docker}, c.ID); err != nil || !ok {
			return fmt.Errorf("service %s: %w", c.Service, cmp.Or(err, errNoServer))
		}
	}
	return nil
}

// others are the sessions in the databases of servers that are not ours.
func others(ctx context.Context, servers []*postgres.Server) ([]string, error) {
	var out []string
	for _, srv := range servers {
		dbs, err := srv.Databases(ctx)
		if err != nil {
			return nil, err
		}
		in, err := atOnce(dbs, func(d postgres.Database) ([]postgres.Session, error) { return srv.Sessions(ctx, d.Name) })
		if err != nil {
			return nil, err
		}
		for i, db := range dbs {
			for _, s := range in[i] {
				if !strings.HasPrefix(s.App, "belay/") {
					out = append(out, fmt.Sprintf("%s of %s in %s (%s)", s.User, db.Name, srv.Service, cmp.Or(s.App, s.Addr, "no name")))
				}
			}
		}
	}
	return out, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Servers gives the services that have a PostgreSQL server in them.
func Servers(ctx context.Context, c *docker.Client, containers []docker.Container) ([]string, error) {
	var out []string
	for _, one := range containers {
		if one.State != "running" {
			continue
		}
		_, ok, err := postgres.Probe(ctx, execer{c}, one.ID)
		if err != nil {
			return nil, fmt.Errorf("look for a server in %s: %w", one.Service, err)
		}
		if ok {
			out = appendNew(out, one.Service)
		}
	}
	return out, nil
}

// startWait is how long a server that starts is waited for: after a reboot of the host it
// first reads its log again.
const startWait = 5 * time.Minute

// EndSessions ends what a dead run left in the servers of the project: a dump or
// a restore whose client is gone goes on inside the server for a while. Servers that do
// not answer yet are waited for.
func EndSessions(ctx context.Context, c *docker.Client, project, run string) error {
	h := &Host{Docker: c, Spec: Spec{Run: run, Project: docker.Project{Name: project}}}
	waiting, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	for {
		servers, err := h.servers(ctx)
		if err == nil {
			err = each(servers, func(s *postgres.Server) error { return s.End(ctx, s.App) })
		}
		if err == nil || pause(waiting, time.Second) != nil {
			return err
		}
	}
}

// each runs f for all, and joins what went wrong.
func each[T any](all []T, f func(T) error) error {
	var errs []error
	for _, v := range all {
		errs = append(errs, f(v))
	}
	return errors.Join(errs...)
}
