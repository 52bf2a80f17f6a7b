package steps

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/upgrade/postgres"
)

// carrying is one move under way.
type carrying struct {
	*transfer
	Move
	old, new *postgres.Server // the old one as the new container sees it, once that is there
	own      *postgres.Server // the old one in its own container
	facts    *postgres.Facts  // of the new server
	out      *TransferredServer
	means    postgres.Means
	rows     rowCounts // of the old server, before anything was read from it
}

func (s *transfer) move(ctx context.Context, m Move) (*TransferredServer, error) {
	servers, err := s.servers(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(servers, func(srv *postgres.Server) bool { return srv.Service == m.Service })
	if i < 0 {
		return nil, errNoServer
	}
	c := &carrying{transfer: s, Move: m, old: servers[i], out: &TransferredServer{Service: m.Service, Old: m.Old, New: m.New}}
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"start the new server", c.begin},
		{"roles", c.globals},
		{"databases", c.databases},
		{"compare", c.compare},
		{"vector search", c.search},
		{"settings", c.settings},
		{"stop both servers", c.end},
	} {
		begun := s.Now()
		if err := part.do(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
		c.out.Parts = append(c.out.Parts, Part{part.name, Duration(s.Now().Sub(begun))})
	}
	return c.out, nil
}

// globals carries over what belongs to the server as a whole.
func (c *carrying) globals(ctx context.Context) error {
	var roles bytes.Buffer
	if err := c.old.Globals(ctx, &roles); err != nil {
		return err
	}
	later, err := c.new.RestoreGlobals(ctx, &roles)
	if err != nil {
		return err
	}
	if len(later) > 0 {
		c.note("roles that the new server has besides: %s", names(later))
	}
	return nil
}

// ofTheOld are settings that point to files of the old server, or to others that follow it
// or that it follows: the new one must not write there, nor wait for those.
var ofTheOld = []string{"archive_cleanup_command", "archive_command", "archive_library", "archive_mode", "config_file", "data_directory", "hba_file", "ident_file",
	"primary_conninfo", "primary_slot_name", "promote_trigger_file", "recovery_end_command", "restore_command", "synchronous_standby_names"}

// settings carries over what ALTER SYSTEM set, and tells what is left behind. They are in
// force when the server starts again.
func (c *carrying) settings(ctx context.Context) error {
	was, err := c.own.Cluster(ctx)
	if err != nil {
		return err
	}
	var left []string
	for _, name := range sortedKeys(was.Altered) {
		if slices.Contains(ofTheOld, name) || strings.HasPrefix(name, "recovery_target") {
			left = append(left, name)
			delete(was.Altered, name)
		}
	}
	refused, err := c.new.SetAltered(ctx, was.Altered)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		c.note("settings that were not carried over, since they are about the old server: %s", names(left))
	}
	if len(refused) > 0 {
		c.note("settings that the new version does not take: %s", strings.Join(refused, "; "))
	}
	now, err := c.new.Cluster(ctx)
	if err != nil {
		return err
	}
	for _, line := range now.Left(was) {
		if !slices.Contains(refused, line) {
			c.note("%s", line)
		}
	}
	return nil
}

func (c *carrying) note(format string, args ...any) {
	c.out.Notes = append(c.out.Notes, fmt.Sprintf(format, args...))
}

func (c *carrying) databases(ctx context.Context) error {
	dbs, err := c.old.Databases(ctx)
	if err != nil {
		return err
	}
	dir := postgres.DumpDir(c.New.Target, c.facts.DataDir)
	for _, db := range dbs {
		if err := c.database(ctx, db, dir); err != nil {
			return err
		}
		c.out.Databases = append(c.out.Databases, Database{Name: db.Name, Bytes: db.Size})
	}
	// What the image made of its own variables, and what stood in for it meanwhile.
	now, err := c.new.Databases(ctx)
	if err != nil {
		return err
	}
	for _, db := range now {
		if !db.System() && !slices.ContainsFunc(dbs, func(o postgres.Database) bool { return o.Name == db.Name }) {
			if err := c.new.SetAside(ctx, db, c.Spec.Run); err != nil {
				return err
			}
		}
	}
	copies, err := c.new.Copies(ctx)
	if err != nil {
		return err
	}
	return each(copies, func(f postgres.Found) error { return c.new.Drop(ctx, f.Name) })
}

func (c *carrying) database(ctx context.Context, db postgres.Database, dir string) error {
	into := postgres.Copy{Kind: postgres.Fresh, Run: c.Spec.Run, Of: db.Name}
	name := into.Name()
	if db.System() {
		name = db.Name
	}
	stop := c.watch(ctx, db, name)
	err := c.new.Load(ctx, c.old, db, into, c.means, dir)
	stop()
	if err != nil {
		return err
	}
	older, err := c.new.UpdateExtensions(ctx, db, name)
	if err != nil {
		return err
	}
	if len(older) > 0 {
		return fmt.Errorf("database %s: %s", db.Name, strings.Join(older, "; "))
	}
	if db.System() {
		return c.new.Settle(ctx, db)
	}
	if _, err := c.new.Finish(ctx, db, into); err != nil {
		return err
	}
	return c.new.Swap(ctx, db, into)
}

// watch tells every few seconds how much of a database is in the new server.
func (c *carrying) watch(ctx context.Context, db postgres.Database, name string) (stop func()) {
	what := "carry " + db.Name + " in " + c.Service + " over"
	c.say(Progress{What: what, Total: db.Size})
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause(ctx, 3*time.Second) == nil {
			if n, err := c.new.Size(ctx, name); err == nil {
				c.say(Progress{What: what, Bytes: min(n, db.Size), Total: db.Size})
			}
		}
	}()
	return func() {
		cancel()
		<-done
		c.say(Progress{What: what, Bytes: db.Size, Total: db.Size, Done: true})
	}
}
