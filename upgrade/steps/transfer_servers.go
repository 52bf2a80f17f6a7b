package steps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/postgres"
)

// begin starts the new server in the network of the old one, which it reaches there on the
// loopback address that docker-library's pg_hba.conf trusts, or by its password.
func (c *carrying) begin(ctx context.Context) error {
	was, ok, err := postgres.Probe(ctx, c.old.Exec, c.old.Container)
	if err != nil || !ok {
		return cmp.Or(err, errNoServer)
	}
	at, err := c.old.Port(ctx)
	if err != nil {
		return err
	}
	if c.rows, err = c.written(ctx); err != nil {
		return err
	}
	port := at + 1
	if c.New.Folder != "" {
		if err := folderLike(c.New.Folder, c.Old.Folder); err != nil {
			return err
		}
	}
	id, err := c.oneOff(ctx, port)
	if err != nil {
		return err
	}
	c.new = &postgres.Server{Service: c.Service, Container: id, Exec: c.old.Exec, App: c.old.App}
	if err := c.listening(ctx, port); err != nil {
		return err
	}
	if c.facts, ok, err = postgres.Probe(ctx, c.new.Exec, id); err != nil || !ok {
		return cmp.Or(err, errNoServer)
	}
	c.new.Maintenance, c.old.Maintenance = c.facts.Maintenance, was.Maintenance
	c.out.From, c.out.To = was.Release(), c.facts.Release()
	switch {
	case c.facts.Major != c.To:
		return fmt.Errorf("the new image has PostgreSQL %d", c.facts.Major)
	case c.facts.User != was.User:
		return fmt.Errorf("its superuser would be another (POSTGRES_USER)")
	}
	if c.means, err = c.new.Means(ctx); err != nil {
		return err
	}
	c.out.Jobs = c.means.Jobs
	c.own, c.old = c.old, c.old.Seen(c.new, "127.0.0.1", at)
	return nil
}

// folderLike makes a folder with the owner and the mode of another.
func folderLike(path, model string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	info, err := os.Stat(model)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(path, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, info.Mode().Perm())
}

// oneOff starts a container of the new definition, in the old server's network and with
// another port. What initialises a first database, as the folder of docker-library's entry
// point, is hidden: all comes from the old server.
func (c *carrying) oneOff(ctx context.Context, port int) (string, error) {
	override := c.folder("transfer.yml")
	text := fmt.Sprintf(`services:
  %q:
    network_mode: %q
    networks: !reset null
    ports: !reset []
    expose: !reset []
    hostname: !reset null
    domainname: !reset null
    mac_address: !reset null
    dns: !reset null
    extra_hosts: !reset null
    links: !reset []
    environment:
      PGPORT: "%d"
    volumes:
      - {type: tmpfs, target: /docker-entrypoint-initdb.d}
`, c.Service, "container:"+c.old.Container, port)
	if err := writeSynced(override, []byte(text), 0o600); err != nil {
		return "", err
	}
	p := c.Spec.Project
	p.Files = append(slices.Clone(p.Files), override)
	if _, err := c.Docker.Do(ctx, c.Docker.Compose(p, "run", "--detach", "--no-deps", "-T", "--pull", "never", "--", c.Service)); err != nil {
		return "", err
	}
	all, err := c.Docker.Containers(ctx, c.Spec.Project.Name)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(x docker.Container) bool { return x.Oneoff && x.Service == c.Service })
	if i < 0 {
		return "", errors.New("its container ended at once")
	}
	return all[i].ID, c.setRestart(ctx, docker.RestartPolicy{Name: "no"}, all[i].ID)
}

// listening waits until the new server takes connections by TCP: the one with which an empty
// folder is filled first does not.
func (c *carrying) listening(ctx context.Context, port int) error {
	seen := c.new.Seen(c.new, "127.0.0.1", port)
	for begun := c.Now(); !seen.Listens(ctx); {
		cs, err := c.Docker.Inspect(ctx, c.new.Container)
		if err != nil {
			return err
		}
		late := c.Now().Sub(begun) > max(time.Duration(c.Spec.Config.Deadline), time.Minute)
		if len(cs) == 0 || !cs[0].Running() || late {
			return fmt.Errorf("it does not serve; it said: %s", c.lastWords(ctx, c.new.Container))
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// lastWords are the last lines of a container's log.
func (h *Host) lastWords(ctx context.Context, id string) string {
	out := &tail{max: 8}
	if err := h.Docker.Logs(ctx, id, time.Time{}, 8, out); err != nil {
		return err.Error()
	}
	return h.Mask(strings.ReplaceAll(out.String(), "\n", " | "))
}

// end stops both servers, the new one first: what it does not write down now would be lost.
func (c *carrying) end(ctx context.Context) error {
	if err := c.new.Checkpoint(ctx); err != nil {
		return err
	}
	if err := c.stopWhole(ctx, c.new.Container); err != nil {
		return fmt.Errorf("the new server: %w", err)
	}
	if err := c.Docker.Remove(ctx, c.new.Container); err != nil {
		return err
	}
	if err := c.untouched(ctx); err != nil {
		return err
	}
	cs, err := c.containers(ctx)
	if err != nil {
		return err
	}
	for _, x := range cs {
		if x.Service != c.Service {
			continue
		}
		if err := c.setRestart(ctx, docker.RestartPolicy{Name: "no"}, x.ID); err != nil {
			return err
		}
		if err := c.stopWhole(ctx, x.ID); err != nil {
			return fmt.Errorf("the old server: %w", err)
		}
	}
	return os.Remove(c.folder("transfer.yml"))
}

// untouched makes sure that nobody wrote to the old server since it was read: a client
// outside of the stack can, by its published port, and the new one would not have that.
func (c *carrying) untouched(ctx context.Context) error {
	if err := c.alone(ctx); err != nil {
		return err
	}
	now, err := c.written(ctx)
	if err != nil {
		return err
	}
	for _, db := range sortedKeys(c.rows[c.Service]) {
		if rows, tables, known := now[c.Service][db].Since(c.rows[c.Service][db]); rows > 0 || !known {
			return fmt.Errorf("somebody wrote to %s of the old server while it was carried over: %d rows (%s)", db, rows, some(tables))
		}
	}
	return nil
}

// stopWhole stops a server and makes sure that it ended by itself.
func (h *Host) stopWhole(ctx context.Context, id string) error {
	if err := h.Docker.Stop(ctx, 5*time.Minute, id); err != nil {
		return err
	}
	cs, err := h.Docker.Inspect(ctx, id)
	if err != nil {
		return err
	}
	if len(cs) == 1 && cs[0].ExitCode != 0 {
		return &UnsavedError{Service: cs[0].Service, Exit: cs[0].ExitCode, OOM: cs[0].OOMKilled}
	}
	return nil
}
