package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/postgres"
)

// backUp copies databases, volumes and files of one moment, and runs the user's
// own backups.
type backUp struct{ *Host }

// backedUp is the result of backup.
type backedUp struct {
	ID       string `json:"id"`
	Checksum string `json:"checksum"` // of manifest.json
	Bytes    int64  `json:"bytes"`    // before compression

	LeftOut  []backup.LeftOut  `json:"leftOut,omitempty"`
	Together []backup.Together `json:"together,omitempty"`
}

func (s *backUp) Check(context.Context) error { return s.Store.Check() }

func (s *backUp) Capture(context.Context) (struct{}, error) { return struct{}{}, nil }

func (s *backUp) Do(ctx context.Context, _ struct{}) (any, error) {
	store, err := s.newRunKey()
	if err != nil {
		return nil, err
	}
	w, err := store.Create(s.Spec.Backup)
	if err != nil {
		return nil, err
	}
	b := &backing{Host: s.Host, w: w, d: &backup.Detail{Excludes: s.Spec.Config.Exclude}}
	sum, err := b.all(ctx)
	if err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	return backedUp{ID: s.Spec.Backup, Checksum: sum, Bytes: b.bytes, LeftOut: b.d.LeftOut, Together: b.d.Together}, nil
}

// Undo leaves a backup that is complete, and removes what is not.
func (s *backUp) Undo(ctx context.Context, _ struct{}) error {
	if err := s.dropRunKey(); err != nil {
		return err
	}
	var out backedUp
	if ok, err := s.Run.Result("backup", &out); err != nil || ok {
		return err
	}
	return s.Store.Remove(s.Spec.Backup)
}

// backing is a backup that is being made.
type backing struct {
	*Host
	w     *backup.Writer
	d     *backup.Detail
	bytes int64
}

func (b *backing) all(ctx context.Context) (string, error) {
	var old halted
	if _, err := b.captured(&old); err != nil {
		return "", err
	}
	cs, err := b.containers(ctx)
	if err != nil {
		return "", err
	}
	if !b.Spec.Options.Online {
		b.d.Moment = backup.Moment{Consistent: true, Halted: old.At}
	}
	for _, part := range []func(context.Context, []docker.Container) error{b.services, b.databases, b.volumes, b.files, b.images, b.commands} {
		if err := part(ctx, cs); err != nil {
			return "", err
		}
	}
	if b.d.Together, err = b.together(ctx); err != nil {
		return "", err
	}
	return b.w.Commit(backup.Manifest{
		ID: b.Spec.Backup, Run: b.Spec.Run, Project: b.Spec.Project.Name, Created: b.Now().UTC(), Belay: b.Spec.Version, Detail: b.d,
	})
}

func (b *backing) services(ctx context.Context, cs []docker.Container) error {
	v, err := b.Docker.Versions(ctx)
	if err != nil {
		return err
	}
	if b.d.Engine, err = json.Marshal(v); err != nil {
		return err
	}
	for _, c := range cs {
		img, _, err := b.Docker.Image(ctx, c.Image)
		if err != nil {
			return err
		}
		if c.Running() {
			b.d.Moment.Running = append(b.d.Moment.Running, c.Service)
		}
		b.d.Services = append(b.d.Services, backup.Service{Name: c.Service, Image: c.ImageRef, ImageID: c.Image, Digests: img.Digests})
	}
	return nil
}

// content copies what write gives into a new content, and gives its name.
func (b *backing) content(what string, kind backup.Kind, total int64, write func(io.Writer) error) (string, error) {
	c, err := b.w.Add(kind)
	if err != nil {
		return "", err
	}
	p := &meter{to: c, say: func(n int64) { b.say(Progress{What: what, Bytes: n, Total: total}) }, now: b.Now}
	if err := c.CloseWithError(write(p)); err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	b.bytes += c.Plain()
	b.say(Progress{What: what, Bytes: c.Plain(), Total: total, Done: true})
	return c.Name(), nil
}

func (b *backing) databases(ctx context.Context, _ []docker.Container) error {
	before, counted, err := b.before()
	if err != nil {
		return err
	}
	servers, err := b.servers(ctx)
	if err != nil {
		return err
	}
	for _, srv := range servers {
		name, err := b.content("roles of "+srv.Service, backup.KindGlobals, 0, func(w io.Writer) error { return srv.Globals(ctx, w) })
		if err != nil {
			return err
		}
		b.d.Globals = append(b.d.Globals, backup.Globals{Service: srv.Service, Content: name})
		dbs, err := srv.Databases(ctx)
		if err != nil {
			return err
		}
		facts, _, err := postgres.Probe(ctx, srv.Exec, srv.Container)
		if err != nil {
			return err
		}
		for _, db := range dbs {
			if !db.AllowConn || db.Invalid {
				return fmt.Errorf("database %s in %s takes no connections and cannot be dumped: allow them, or drop it", db.Name, srv.Service)
			}
			var f *postgres.Fingerprint
			if counted {
				f = before[srv.Service][db.Name]
			}
			if err := b.database(ctx, srv, facts, db, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *backing) database(ctx context.Context, srv *postgres.Server, facts *postgres.Facts, db postgres.Database, f *postgres.Fingerprint) error {
	what := "dump of " + db.Name + " in " + srv.Service
	name, err := b.content(what, backup.KindDatabase, db.Size, func(w io.Writer) error { return srv.Dump(ctx, db.Name, w) })
	if err != nil {
		return err
	}
	out := backup.Database{Service: srv.Service, Name: db.Name, Content: name}
	if facts != nil {
		out.Server = fmt.Sprint(facts.Version)
	}
	if out.Definition, err = json.Marshal(db); err != nil {
		return err
	}
	if f != nil {
		if out.Fingerprint, err = json.Marshal(f); err != nil {
			return err
		}
	}
	b.d.Databases = append(b.d.Databases, out)
	return nil
}

// meter passes bytes on and tells how many, twice a second.
type meter struct {
	to   io.Writer
	n    int64
	last time.Time
	now  func() time.Time
	say  func(int64)
}

func (m *meter) Write(b []byte) (int, error) {
	n, err := m.to.Write(b)
	m.n += int64(n)
	if now := m.now(); now.Sub(m.last) > 500*time.Millisecond {
		m.last = now
		m.say(m.n)
	}
	return n, err
}

func (b *backing) commands(ctx context.Context, _ []docker.Container) error {
	var failed []string
	for _, cmd := range b.Spec.Config.BackUp {
		r := b.run(ctx, cmd)
		b.d.Commands = append(b.d.Commands, backup.Command{Name: r.Name, Exit: r.Exit, Duration: time.Duration(r.Took), Output: r.Output})
		if r.Exit != 0 {
			failed = append(failed, fmt.Sprintf("%s (exit status %d)", r.Name, r.Exit))
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("own backups: %s", strings.Join(failed, ", "))
	}
	return nil
}

func appendNew[T comparable](list []T, more ...T) []T {
	for _, m := range more {
		if !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}
