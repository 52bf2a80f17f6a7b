package steps

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/upgrade/docker"
)

// migrate has the new version change its schema in one container, before any
// other of it runs: two that migrate get in each other's way, and one that could
// not may serve all the same (dify before 1.13.0: api/commands.py, upgrade_db).
type migrate struct{ *Host }

// migrated is the result of migrate.
type migrated struct {
	Services []string `json:"services,omitempty"`
	Output   string   `json:"output,omitempty"`
}

func (s *migrate) Check(context.Context) error { return nil }

// before is what there was before a step that starts containers of the new stack.
type before struct {
	Volumes []string `json:"volumes"` // of the whole engine, by name
}

func (s *migrate) Capture(ctx context.Context) (before, error) { return s.volumesBefore(ctx) }

func (s *migrate) Do(ctx context.Context, _ before) (any, error) {
	cfg, err := s.Docker.Config(ctx, s.Spec.Project)
	if err != nil {
		return nil, err
	}
	if err := s.stopGone(ctx, cfg); err != nil {
		return nil, err
	}
	var all migrated
	for _, name := range s.migrators(cfg) {
		carry := s.dify
		if appOf(cfg.Services[name].Image) == catalog.N8N {
			carry = s.n8n
		}
		output, err := carry(ctx, cfg, name)
		if err != nil {
			return nil, err
		}
		all.Services = append(all.Services, name)
		all.Output = strings.TrimPrefix(all.Output+"\n"+output, "\n")
	}
	return all, nil
}

// migrators are the services that change and whose application migrates its database
// when it starts: one for each database.
func (s *migrate) migrators(cfg *docker.Config) []string {
	var out, seen []string
	for _, name := range sortedKeys(cfg.Services) {
		svc := cfg.Services[name]
		if svc.Scale == 0 || !s.changes(name) {
			continue
		}
		database := ""
		switch appOf(svc.Image) {
		case catalog.DifyAPI:
			if svc.Environment["MIGRATION_ENABLED"].Reveal() == "false" {
				continue
			}
			database = catalog.DifyAPI
		case catalog.N8N:
			database = catalog.N8N
			for _, key := range []string{"DB_TYPE", "DB_POSTGRESDB_HOST", "DB_POSTGRESDB_DATABASE", "DB_POSTGRESDB_SCHEMA", "DB_TABLE_PREFIX"} {
				database += "\x00" + svc.Environment[key].Reveal()
			}
		}
		if database != "" && !slices.Contains(seen, database) {
			out, seen = append(out, name), append(seen, database)
		}
	}
	return out
}

// appOf is the id of the application in an image; "" for one that is not known.
func appOf(ref string) string {
	r, err := image.Parse(ref)
	if err != nil {
		return ""
	}
	app, _ := catalog.Load().App(r)
	return app.ID
}

func (s *migrate) changes(service string) bool {
	return slices.ContainsFunc(s.Spec.Changes, func(c Change) bool { return c.Service == service && c.Old != c.New }) || s.Spec.Kind == Upgrade && len(s.Spec.Files) == 0
}

// dify starts what the service depends on, and migrates in a container of its
// own: MODE=migration ends by itself from 1.7.1 on.
func (s *migrate) dify(ctx context.Context, cfg *docker.Config, service string) (string, error) {
	if err := s.stores(ctx, cfg, service); err != nil {
		return "", err
	}
	begun := s.Now()
	for {
		out := &tail{max: 20}
		cmd := s.Docker.Compose(s.Spec.Project, oneOff(cfg.Services[service].Image, service)...)
		cmd.Stdout, cmd.Watch = out, func(line string) { fmt.Fprintln(out, line) }
		if _, err := s.Docker.Do(ctx, cmd); err != nil {
			return "", fmt.Errorf("migration of %s: %w; it said: %s", service, err, s.Mask(strings.ReplaceAll(out.String(), "\n", " | ")))
		}
		if !strings.Contains(out.String(), "migration skipped") || s.Now().Sub(begun) > lockLife {
			return s.Mask(out.String()), s.head(ctx, cfg, service)
		}
		s.say(Progress{What: "wait for the lock of a migration that was killed"})
		if err := pause(ctx, 5*time.Second); err != nil {
			return "", err
		}
	}
}

// lockLife is a little more than how long the lock lives that a migration of Dify takes in
// Redis, when what took it was killed: api/commands.py, upgrade_db. Who finds it taken says
// that the migration is skipped, and ends well.
const lockLife = 75 * time.Second

// n8n migrates by the smallest of its commands: each of them brings the schema up to its
// version before it does anything, and this one starts no trigger (packages/cli,
// commands/base-command.ts). It ends with 1 when a migration fails.
func (s *migrate) n8n(ctx context.Context, cfg *docker.Config, service string) (string, error) {
	if err := s.stores(ctx, cfg, service); err != nil {
		return "", err
	}
	out := &tail{max: 20}
	watch := &lines{each: func(line string) {
		if name, ok := strings.CutPrefix(line, "Starting migration "); ok {
			s.say(Progress{What: s.Mask("migration " + name + " of " + service)})
		}
	}}
	cmd := s.Docker.Compose(s.Spec.Project, "run", "--rm", "--no-deps", "-T", "--pull", "never", "--entrypoint", "n8n", "--", service, "list:workflow", "--active=true", "--onlyId")
	cmd.Stdout, cmd.Watch = io.MultiWriter(out, watch), func(line string) { fmt.Fprintln(out, line) }
	if _, err := s.Docker.Do(ctx, cmd); err != nil {
		return "", fmt.Errorf("migration of %s: %w; it said: %s", service, err, s.Mask(strings.ReplaceAll(out.String(), "\n", " | ")))
	}
	return s.Mask(out.String()), nil
}

func oneOff(ref, service string) []string {
	run := []string{"run", "--rm", "--no-deps", "-T", "--pull", "never"}
	if r, err := image.Parse(ref); err == nil {
		if v := r.Read().Version.Numbers(); len(v) == 3 && slices.Compare(v, []uint64{1, 7, 1}) < 0 {
			return append(run, "--entrypoint", "flask", "--", service, "db", "upgrade")
		}
	}
	return append(run, "-e", "MODE=migration", "--", service)
}

// stores starts the servers and caches that a service needs, level by level.
func (s *migrate) stores(ctx context.Context, cfg *docker.Config, service string) error {
	need := []string{}
	for todo := []string{service}; len(todo) > 0; todo = todo[1:] {
		for _, dep := range sortedKeys(cfg.Services[todo[0]].DependsOn) {
			if !slices.Contains(need, dep) {
				need, todo = append(need, dep), append(todo, dep)
			}
		}
	}
	after := map[string]map[string]string{}
	for _, n := range need {
		if ref, err := image.Parse(cfg.Services[n].Image); err == nil {
			if app, ok := catalog.Load().App(ref); ok && (app.Kind == catalog.Application || app.Kind == catalog.Sidecar) {
				continue
			}
		}
		after[n] = cfg.Services[n].DependsOn
	}
	if err := s.writeOverride(cfg); err != nil {
		return err
	}
	for _, level := range levelsOf(after) {
		if err := s.upClosed(ctx, cfg, level); err != nil {
			return err
		}
		if err := s.well(ctx, level, s.Spec.Options.AcceptUnhealthy); err != nil {
			return err
		}
	}
	return nil
}

// head compares the schema's version with the one that the image brings.
func (s *migrate) head(ctx context.Context, cfg *docker.Config, service string) error {
	heads, err := s.flask(ctx, service, "heads")
	if err != nil {
		return fmt.Errorf("ask the image of %s for the head of its migrations: %w", service, err)
	}
	want := headOf(heads)
	db := cfg.Services[service].Environment["DB_DATABASE"].Reveal()
	if want == "" || db == "" {
		return fmt.Errorf("service %s: its image does not say which migration is its last", service)
	}
	servers, err := s.servers(ctx)
	if err != nil {
		return err
	}
	for _, srv := range servers {
		got, ok, err := srv.Column(ctx, db, "alembic_version", "version_num")
		if err != nil {
			return err
		}
		if ok && (len(got) != 1 || got[0] != want) {
			return fmt.Errorf("migration of %s: the schema is at %v, and the image brings %s", service, got, want)
		}
		if ok {
			return nil
		}
	}
	// A server outside of the stack is asked by the application itself.
	current, err := s.flask(ctx, service, "current")
	if err != nil {
		return fmt.Errorf("ask %s for the version of its schema: %w", service, err)
	}
	if headOf(current) != want {
		return fmt.Errorf("migration of %s: its schema is not at %s, which the image brings", service, want)
	}
	return nil
}

// flask asks the migrations of Dify's image.
func (s *migrate) flask(ctx context.Context, service, what string) (string, error) {
	var out bytes.Buffer
	cmd := s.Docker.Compose(s.Spec.Project, "run", "--rm", "--no-deps", "-T", "--pull", "never", "--entrypoint", "flask", "--", service, "db", what)
	cmd.Stdout = &out
	_, err := s.Docker.Do(ctx, cmd)
	return out.String(), err
}

// headOf is the only revision that an answer of `flask db heads` or `flask db current`
// calls a head; "" when there is none, or when there are others beside it.
func headOf(answer string) string {
	var heads, others []string
	for line := range strings.Lines(answer) {
		line = strings.TrimSpace(line)
		if rev, ok := strings.CutSuffix(line, " (head)"); ok {
			heads = append(heads, rev)
		} else if revision.MatchString(line) {
			others = append(others, line)
		}
	}
	if len(heads) != 1 || len(others) > 0 {
		return ""
	}
	return heads[0]
}

// revision is how alembic names one.
var revision = regexp.MustCompile(`^[0-9a-f]{12}$`)

// Undo ends the one-off container, and the stores that were started for it: the
// data cannot be given back to a store that runs.
func (s *migrate) Undo(ctx context.Context, b before) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	var old halted
	if _, err := s.captured(&old); err != nil {
		return err
	}
	return s.clearNew(ctx, old, b.Volumes)
}
