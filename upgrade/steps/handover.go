package steps

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/postgres"
)

// handOver is the last moment at which the data is that of the old version. Its
// Undo gives the data back: from the clones where there are any, else from the
// backup. That the old files and tags are back by then is the work of
// apply-files, which comes later and is undone before.
type handOver struct{ *Host }

// given is what the data can be given back from.
type given struct {
	Backup   string `json:"backup"`
	Checksum string `json:"checksum"`

	Volumes []string `json:"volumes"` // that compose has made for the project
}

func (s *handOver) Check(context.Context) error { return nil }

func (s *handOver) Capture(ctx context.Context) (given, error) {
	b, err := s.open()
	if err != nil {
		return given{}, err
	}
	volumes, err := s.volumeNames(ctx)
	return given{b.ID, b.Checksum, volumes}, err
}

// Do looks once more that nothing has written since the backup.
func (s *handOver) Do(ctx context.Context, _ given) (any, error) {
	if err := s.still(ctx); err != nil {
		return nil, err
	}
	return nil, s.alone(ctx)
}

func (s *handOver) Undo(ctx context.Context, g given) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	b, err := s.openBackup(g.Backup, g.Checksum)
	if err != nil {
		return err
	}
	var old halted
	if _, err := s.captured(&old); err != nil {
		return err
	}
	// Nothing new may run beside the old servers, or write what is given back.
	if err := s.clear(ctx, old); err != nil {
		return err
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	// Containers that are gone are made before, for their anonymous volumes.
	if err := s.create(ctx, old, func(was) bool { return true }); err != nil {
		return err
	}
	if err := s.giveBack(ctx, b, s.Spec.Run, s.Spec.moves); err != nil {
		return err
	}
	return s.filesAgain("old")
}

// filesAgain sets the files of the stack once more that lie in folders that were
// given back: a backup of files that had been edited before the run has the edited
// ones.
func (h *Host) filesAgain(side string) error {
	var a applied
	if ok, err := h.Run.Saved("apply-files", &a); err != nil || !ok {
		return err
	}
	return (&applyFiles{h}).files(a, side)
}

// giveBack makes databases and volumes what they are in a backup, but for the servers whose
// data are there as they were. The copies that it makes on the way belong to run.
func (h *Host) giveBack(ctx context.Context, b *backup.Backup, run string, there func(service string) bool) error {
	d, err := b.Details()
	if err != nil {
		return err
	}
	servers, err := h.servers(ctx)
	if err != nil {
		return err
	}
	for _, srv := range servers {
		if there(srv.Service) {
			continue
		}
		if err := h.roles(ctx, b, d, srv); err != nil {
			return err
		}
		if err := h.databasesBack(ctx, b, d, srv, run); err != nil {
			return err
		}
	}
	if err := h.volumesBack(ctx, b, d); err != nil {
		return err
	}
	return h.singleFilesBack(b, d)
}

func (h *Host) roles(ctx context.Context, b *backup.Backup, d *backup.Detail, srv *postgres.Server) error {
	i := slices.IndexFunc(d.Globals, func(g backup.Globals) bool { return g.Service == srv.Service })
	if i < 0 {
		return fmt.Errorf("backup %s: it has no roles of %s", b.ID, srv.Service)
	}
	r, err := b.Reader(d.Globals[i].Content)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = srv.RestoreGlobals(ctx, r)
	return err
}

// databasesBack swaps every database of a server for the one of before. Those
// that came later are put aside, not dropped.
func (h *Host) databasesBack(ctx context.Context, b *backup.Backup, d *backup.Detail, srv *postgres.Server, run string) error {
	found, err := srv.Copies(ctx)
	if err != nil {
		return err
	}
	was := map[string]bool{}
	for _, db := range d.Databases {
		if db.Service != srv.Service {
			continue
		}
		was[db.Name] = true
		var def postgres.Database
		if err := json.Unmarshal(db.Definition, &def); err != nil {
			return err
		}
		if def.System() {
			continue // nothing of an application is in it: preflight
		}
		if err := h.databaseBack(ctx, b, srv, db, def, found, run); err != nil {
			return err
		}
	}
	now, err := srv.Databases(ctx)
	if err != nil {
		return err
	}
	for _, db := range now {
		if !was[db.Name] && !db.System() {
			if err := srv.SetAside(ctx, db, run); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *Host) databaseBack(ctx context.Context, b *backup.Backup, srv *postgres.Server, db backup.Database, def postgres.Database, found []postgres.Found, run string) error {
	has := func(k postgres.Kind) bool {
		return slices.ContainsFunc(found, func(f postgres.Found) bool {
			return f.Kind == k && f.Run == run && f.Name == (postgres.Copy{Kind: k, Run: run, Of: db.Name}).Name() && f.Complete
		})
	}
	what := "give " + db.Name + " in " + db.Service + " back"
	from := postgres.Copy{Kind: postgres.Fresh, Run: run, Of: db.Name}
	switch {
	case has(postgres.Clone):
		from.Kind = postgres.Clone
		h.say(Progress{What: what + " from its clone"})
	case has(postgres.Fresh):
	case has(postgres.Failed): // done before this process was begun
		return nil
	default:
		h.say(Progress{What: what + " from the backup", Total: def.Size})
		if err := h.restore(ctx, b, srv, db, def, from); err != nil {
			return err
		}
	}
	return srv.Swap(ctx, def, from)
}

// restore fills a fresh copy of a database from its archive.
func (h *Host) restore(ctx context.Context, b *backup.Backup, srv *postgres.Server, db backup.Database, def postgres.Database, into postgres.Copy) error {
	r, err := b.Reader(db.Content)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := srv.Create(ctx, def, into); err != nil {
		return err
	}
	if err := srv.Restore(ctx, into, r); err != nil {
		return err
	}
	_, err = srv.Finish(ctx, def, into)
	return err
}

// gives reports whether a mount is made what it was. What services only read is not
// written by an upgrade, other than by apply-files, which has its own way back.
func (h *Host) gives(v backup.Volume) bool { return !v.ReadOnly || h.Spec.Options.ReadOnly }

// volumesBack makes volumes and folders what they are in a backup. Anonymous
// ones are found by what they are mounted for, since a container that was made
// anew may have others.
func (h *Host) volumesBack(ctx context.Context, b *backup.Backup, d *backup.Detail) error {
	cs, err := h.containers(ctx)
	if err != nil {
		return err
	}
	var mounts []docker.Mount
	var all []backup.Volume
	image := ""
	for _, v := range d.Volumes {
		if v.Type == singleFile || !h.gives(v) {
			continue
		}
		var m docker.Mount
		if m, image, err = h.mountOf(cs, v, d.Volumes); err != nil {
			return err
		}
		m.RW = true
		if slices.ContainsFunc(mounts, func(o docker.Mount) bool { return same(o, m) }) {
			continue
		}
		if err := h.makeMount(ctx, m, v); err != nil {
			return err
		}
		mounts, all = append(mounts, m), append(all, v)
	}
	held, err := h.holdMounts(ctx, image, mounts)
	if err != nil {
		return err
	}
	for i, v := range all {
		h.say(Progress{What: "give " + v.Destination + " of " + v.Service + " back"})
		if err := h.unpack(ctx, held, b, v, mounts[i]); err != nil {
			return errors.Join(err, held.Close(ctx))
		}
	}
	return held.Close(ctx)
}

// makeMount makes a volume or folder that is gone.
func (h *Host) makeMount(ctx context.Context, m docker.Mount, v backup.Volume) error {
	switch {
	case m.Type == "bind" && v.ReadOnly:
		return os.MkdirAll(m.Source, 0o755)
	case m.Type == "volume":
		return h.Docker.CreateVolume(ctx, docker.Volume{Name: m.Name, Driver: v.Driver, Labels: v.Labels, Options: v.Options})
	}
	return nil
}

// mountOf gives the mount that a volume of a backup stands for, and an image
// that is here.
func (h *Host) mountOf(cs []docker.Container, v backup.Volume, all []backup.Volume) (docker.Mount, string, error) {
	m := docker.Mount{Type: v.Type, Name: v.Name, Source: v.Source}
	if v.Type == "anonymous" {
		m.Type = "volume"
		m.Name = anonymousNow(cs, v, all)
	}
	image := ""
	for _, c := range cs {
		if image == "" || c.Service == v.Service {
			image = c.Image
		}
	}
	if image == "" {
		return m, "", fmt.Errorf("no container of the stack is there to restore %s of %s with", v.Destination, v.Service)
	}
	return m, image, nil
}

// anonymousNow is the name of an anonymous volume: that of the backup where a
// container still has it, else one at the same place that the backup does not know.
func anonymousNow(cs []docker.Container, v backup.Volume, all []backup.Volume) string {
	name := ""
	for _, c := range cs {
		for _, m := range c.Mounts {
			known := slices.ContainsFunc(all, func(o backup.Volume) bool { return o.Name == m.Name })
			switch {
			case m.Type == "volume" && m.Name == v.Name:
				return v.Name
			case name == "" && c.Service == v.Service && m.Anonymous && m.Destination == v.Destination && !known:
				name = m.Name
			}
		}
	}
	return cmp.Or(name, v.Name)
}
