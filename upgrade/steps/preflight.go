package steps

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/postgres"
)

// preflight refuses what cannot end well. It only looks.
type preflight struct{ *Host }

func (s *preflight) Check(ctx context.Context) error {
	errs := slices.Clone(s.Refusal)
	for _, look := range []func(context.Context) error{s.versions, s.state, s.healthy, s.tags, s.strangers, s.shares, s.system, s.uncovered, s.joins, s.commands, s.appKeys, s.apiKey, s.atRest, s.oneStep} {
		errs = append(errs, look(ctx))
	}
	e, err := s.Estimate(ctx)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	return errors.Join(append(errs, e.fits())...)
}

func (s *preflight) Capture(context.Context) (struct{}, error) { return struct{}{}, nil }

func (s *preflight) Do(ctx context.Context, _ struct{}) (any, error) {
	v, err := s.Docker.Versions(ctx)
	return v, err
}

func (s *preflight) Undo(context.Context, struct{}) error { return nil }

// The oldest that this was run with, and the oldest compose that knows !reset:
// docker/compose release 2.24.4.
const (
	oldestEngine  = "20.10.0"
	oldestCompose = "2.24.4"
)

func (s *preflight) versions(ctx context.Context) error {
	v, err := s.Docker.Versions(ctx)
	if err != nil {
		return err
	}
	return errors.Join(older("the docker engine", v.Engine, oldestEngine), older("docker compose", v.Compose, oldestCompose))
}

func older(what, found, needed string) error {
	f, err := semver.NewVersion(strings.TrimPrefix(found, "v"))
	if err == nil && !f.LessThan(semver.MustParse(needed)) {
		return nil
	}
	return &Refusal{Reason: what + " is too old", Found: found, Needed: needed, Next: "update it"}
}

// state refuses a second state folder for the project.
func (s *preflight) state(ctx context.Context) error {
	at, ok, err := s.Docker.Marker(ctx, s.Spec.Project.Name)
	if err != nil || !ok || at == s.Spec.State {
		return err
	}
	e := &docker.MarkerError{Project: s.Spec.Project.Name, State: at, Want: s.Spec.State}
	return &Refusal{Reason: "another state folder governs this project", Found: at, Needed: s.Spec.State, Next: e.Hint()}
}

// healthy refuses a stack that is not well before anything is done to it.
func (s *preflight) healthy(ctx context.Context) error {
	cs, err := s.containers(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range cs {
		e := unwell(cs, c.Service)
		if e == nil || contains(s.Spec.Options.AcceptUnhealthy, c.Service) {
			continue
		}
		errs = append(errs, &Refusal{Reason: "service " + c.Service + " is not well before the run", Found: e.What,
			Next: "mend it first; or say --accept-unhealthy " + c.Service + ", which the report will tell"})
	}
	return errors.Join(errs...)
}

// tags refuses services that share a tag and run on different images: no meaning
// of the tag would bring both back.
func (s *preflight) tags(context.Context) error {
	by := map[string]Change{}
	var errs []error
	for _, c := range s.Spec.Changes {
		if c.Old == "" {
			continue
		}
		o, ok := by[c.Old]
		if ok && o.OldID != c.OldID {
			errs = append(errs, &Refusal{Reason: "services " + o.Service + " and " + c.Service + " have the same tag and run on different images",
				Next: "docker compose up -d, so that both run on the one that the tag means now"})
		}
		by[c.Old] = c
	}
	return errors.Join(errs...)
}

// strangers refuses containers outside of the project that write to its volumes:
// nothing here stops them.
func (s *preflight) strangers(ctx context.Context) error {
	cs, err := s.containers(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range dataMounts(cs, s.Spec.Servers, s.Spec.Config.Exclude) {
		name := d.Mount.Name
		if d.Mount.Type == "bind" {
			name = d.Mount.Source
		}
		using, err := s.Docker.Using(ctx, name)
		if err != nil {
			return err
		}
		for _, c := range using {
			writes := slices.ContainsFunc(c.Mounts, func(m docker.Mount) bool { return m.RW && m.Touches(name) })
			if c.Project != s.Spec.Project.Name && c.Running() && writes {
				errs = append(errs, &Refusal{Reason: "container " + c.Name + " is not of this stack and can write to its data", Found: name,
					Next: "stop it for the time of the run: docker stop " + c.Name})
			}
		}
	}
	return errors.Join(errs...)
}

// shares refuses a folder for backups that is not ours.
func (s *preflight) shares(context.Context) error {
	if err := s.Store.Check(); err != nil {
		next := "name another folder in belay.yml: backup.directory"
		var hint interface{ Hint() string }
		if errors.As(err, &hint) {
			next = hint.Hint()
		}
		return &Refusal{Reason: "backups cannot be kept", Found: err.Error(), Next: next}
	}
	return nil
}

// system refuses an application's data in the server's own databases, which
// cannot be swapped.
func (s *preflight) system(ctx context.Context) error {
	servers, err := s.servers(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, srv := range servers {
		facts, ok, err := postgres.Probe(ctx, srv.Exec, srv.Container)
		if err != nil {
			return err
		}
		if !ok || !facts.SuperUser || facts.Recovery {
			errs = append(errs, &Refusal{Reason: "the PostgreSQL server of " + srv.Service + " cannot be backed up", Found: "no superuser, or a standby",
				Needed: "the superuser of POSTGRES_USER on the primary", Next: "exclude it from the stack, or correct POSTGRES_USER"})
			continue
		}
		dbs, err := srv.Databases(ctx)
		if err != nil {
			return err
		}
		for _, db := range dbs {
			if !db.AllowConn || db.Invalid {
				errs = append(errs, &Refusal{Reason: "database " + db.Name + " of " + srv.Service + " takes no connections and cannot be backed up",
					Next: "allow them (ALTER DATABASE … ALLOW_CONNECTIONS true), or drop it"})
			}
		}
		for _, name := range []string{"postgres", "template1"} {
			n, err := srv.Count(ctx, name)
			if err != nil {
				continue // there need not be one
			}
			if len(n) > 0 && s.Spec.Kind != Backup {
				errs = append(errs, &Refusal{Reason: "database " + name + " of " + srv.Service + " holds tables of an application", Found: sortedKeys(n)[0],
					Needed: "a database of its own, which a rollback can put in the place of another", Next: "move the tables to a database with another name"})
			}
		}
	}
	return errors.Join(errs...)
}

// appKeys refuses an application whose keys are not what its data were written with.
func (s *preflight) appKeys(ctx context.Context) error {
	stack, err := s.apps(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range stack.n8n(ctx) {
		for _, p := range n.Key(ctx) {
			errs = append(errs, &Refusal{Reason: p.What, Found: p.Found, Needed: p.Needed, Next: p.Next})
		}
	}
	return errors.Join(errs...)
}

// apiKey refuses what is to activate workflows again and cannot: it would only show when
// the stack is down.
func (s *preflight) apiKey(context.Context) error {
	env := s.Spec.Config.N8N.KeyEnv
	e := &Refusal{Reason: "workflows of n8n cannot be activated again", Needed: "an API key of n8n, as belay.yml names it in n8n.key-env"}
	switch {
	case !s.Spec.reactivates():
		return nil
	case env == "":
		e.Found, e.Next = "no n8n.key-env in the deployed belay.yml", "name the variable there that Belay is started with"
	case s.getenv(env) == "":
		e.Found, e.Next = env+" is not set", "start belay with it"
	default:
		return nil
	}
	return e
}

// atRest refuses a store whose files would not hold what it knows once it is stopped.
func (s *preflight) atRest(ctx context.Context) error {
	stack, err := s.apps(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range app.FindRedis(stack) {
		if contains(s.Spec.Options.AcceptUnhealthy, r.Service) {
			continue
		}
		for _, p := range r.AtRest(ctx) {
			errs = append(errs, &Refusal{Reason: p.What, Found: p.Found, Needed: p.Needed, Next: p.Next + "; or say --accept-unhealthy " + r.Service + ", which the report will tell"})
		}
	}
	return errors.Join(errs...)
}

// oneStep refuses a vector store that would leave out a version that has to have run. What
// runs is asked: its tag may not say it.
func (s *preflight) oneStep(ctx context.Context) error {
	if s.Spec.Kind != Upgrade {
		return nil
	}
	stack, err := s.apps(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, v := range app.FindVectors(stack) {
		i := slices.IndexFunc(s.Spec.Changes, func(c Change) bool { return c.Service == v.Service && c.New != "" })
		if i < 0 {
			continue
		}
		to, err := image.Parse(s.Spec.Changes[i].New)
		if err != nil {
			continue // a name without a version
		}
		for _, p := range v.Steps(ctx, to) {
			errs = append(errs, &Refusal{Reason: p.What, Found: p.Found, Needed: p.Needed, Next: p.Next})
		}
	}
	return errors.Join(errs...)
}

// commands refuses a backup whose commands run in images that are not here: it pulls
// nothing.
func (s *preflight) commands(ctx context.Context) error {
	if s.Spec.Kind != Backup {
		return nil
	}
	var errs []error
	for _, ref := range s.commandImages() {
		_, here, err := s.Docker.Image(ctx, ref)
		if err != nil {
			return err
		}
		if !here {
			errs = append(errs, &Refusal{Reason: "the image of a command in belay.yml is not here", Found: "no " + ref, Next: "docker pull " + ref})
		}
	}
	return errors.Join(errs...)
}
