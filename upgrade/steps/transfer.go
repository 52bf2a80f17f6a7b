package steps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/belaystack/belay/upgrade/postgres"
)

// transfer fills the data folders of servers that get another major version. The new server
// runs in a one-off container on the new volume, beside the old one and closed to
// everybody, and takes over what that holds: roles, settings, databases. Both are stopped
// then; the old one's data are as its own shutdown left them, and are the way back.
type transfer struct{ *Host }

// transferring is what there was before.
type transferring struct {
	before
	Folders []string `json:"folders,omitempty"` // of the new servers, which were not there
}

// Transferred is the result of transfer.
type Transferred struct {
	Servers []TransferredServer `json:"servers"`
}

// TransferredServer is one server in its new place.
type TransferredServer struct {
	Service   string     `json:"service"`
	From      string     `json:"from"` // "17.5"
	To        string     `json:"to"`
	Old       DataPlace  `json:"old"`
	New       DataPlace  `json:"new"`
	Jobs      int        `json:"jobs"`
	Databases []Database `json:"databases"`
	Indexes   []Index    `json:"indexes,omitempty"`
	Notes     []string   `json:"notes,omitempty"` // what was not carried over, and what is another
	Parts     []Part     `json:"parts"`
}

// Database is one that was carried over.
type Database struct {
	Name   string `json:"name"`
	Tables int    `json:"tables"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"` // in the old server
}

// Part is how long a part of the work took.
type Part struct {
	Name string   `json:"name"`
	Took Duration `json:"took"`
}

// Check asks the data which version they are of, whatever the tags say. That the new place is
// empty was seen when the run was planned, and is seen again by Capture.
func (s *transfer) Check(ctx context.Context) error {
	servers, err := s.servers(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range s.Spec.Moves {
		i := slices.IndexFunc(servers, func(srv *postgres.Server) bool { return srv.Service == m.Service })
		if i < 0 {
			errs = append(errs, &Refusal{Reason: "service " + m.Service + " would get another major version of PostgreSQL, and no server runs in it", Next: "start it: docker compose up -d " + m.Service})
			continue
		}
		facts, ok, err := postgres.Probe(ctx, servers[i].Exec, servers[i].Container)
		if err != nil || !ok {
			return cmp.Or(err, errNoServer)
		}
		if facts.Major != m.From {
			errs = append(errs, &Refusal{Reason: "service " + m.Service + ": its data are not of the version that its tag names", Found: fmt.Sprintf("PostgreSQL %d", facts.Major),
				Needed: fmt.Sprintf("PostgreSQL %d", m.From), Next: "let its tag name the version that runs, and start it so (docker compose up -d), before another is asked for"})
		}
		errs = append(errs, s.reachable(ctx, servers[i]), s.oneFolder(ctx, servers[i]))
	}
	return errors.Join(errs...)
}

// reachable refuses a server that the new one could not read: it will be where 127.0.0.1 is
// the old one, with the password that both were given.
func (s *transfer) reachable(ctx context.Context, srv *postgres.Server) error {
	port, err := srv.Port(ctx)
	if err != nil {
		return err
	}
	if _, err := srv.Seen(srv, "127.0.0.1", port).Port(ctx); err != nil {
		return &Refusal{Reason: "the new version's clients could not read the server of " + srv.Service, Found: s.Mask(err.Error()),
			Needed: "its superuser on 127.0.0.1, trusted or by POSTGRES_PASSWORD", Next: "correct POSTGRES_PASSWORD, listen_addresses or pg_hba.conf"}
	}
	return nil
}

// oneFolder refuses data outside of the data folder, which the new server has no place for.
func (s *transfer) oneFolder(ctx context.Context, srv *postgres.Server) error {
	spaces, err := srv.Tablespaces(ctx)
	if err != nil || len(spaces) == 0 {
		return err
	}
	return &Refusal{Reason: "the server of " + srv.Service + " has tablespaces, whose folders the new one would not have", Found: names(spaces),
		Next: "move what is in them to pg_default (ALTER DATABASE, TABLE and INDEX … SET TABLESPACE), and drop them"}
}

// empty refuses a new place with something in it. Somebody can have put it there since the
// plan was made: draining alone may take half an hour.
func (s *transfer) empty(m Move, volumes []string) error {
	if m.New.Volume != "" {
		if slices.Contains(volumes, m.New.Volume) {
			return &Refusal{Reason: "the new volume for " + m.Service + " is there already, and nobody knows what is in it", Found: m.New.Volume,
				Next: "when nothing in it is needed: docker volume rm " + m.New.Volume}
		}
		return nil
	}
	in, err := os.ReadDir(m.New.Folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(in) > 0 {
		return &Refusal{Reason: "the new data folder for " + m.Service + " is not empty", Found: m.New.Folder, Next: "move away what is in it"}
	}
	return nil
}

func (s *transfer) Capture(ctx context.Context) (transferring, error) {
	b, err := s.volumesBefore(ctx)
	out := transferring{before: b}
	for _, m := range s.Spec.Moves {
		err = errors.Join(err, s.empty(m, b.Volumes))
		if m.New.Folder == "" {
			continue
		}
		if _, e := os.Stat(m.New.Folder); errors.Is(e, fs.ErrNotExist) {
			out.Folders = append(out.Folders, m.New.Folder)
		}
	}
	return out, err
}

func (s *transfer) Do(ctx context.Context, _ transferring) (any, error) {
	var out Transferred
	for _, m := range s.Spec.Moves {
		one, err := s.move(ctx, m)
		if err != nil {
			return nil, fmt.Errorf("service %s, PostgreSQL %d to %d: %w", m.Service, m.From, m.To, err)
		}
		out.Servers = append(out.Servers, *one)
	}
	return out, nil
}

// Undo removes the new server and its data, but for data that people have written to since
// the opening. The old ones are where they were.
func (s *transfer) Undo(ctx context.Context, b transferring) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	var old halted
	if _, err := s.captured(&old); err != nil {
		return err
	}
	if err := s.clearNew(ctx, old, b.Volumes); err != nil {
		return err
	}
	left, err := Left(s.folder())
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range b.Folders {
		of := func(m Move) bool { return m.New.Folder == dir && filepath.IsAbs(dir) }
		if !slices.ContainsFunc(s.Spec.Moves, of) || slices.ContainsFunc(left, of) {
			continue
		}
		errs = append(errs, os.RemoveAll(dir))
	}
	if err := os.Remove(s.folder("transfer.yml")); !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
