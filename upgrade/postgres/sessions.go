package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Session is a client or background worker that is connected to a database.
type Session struct {
	PID      int    `json:"pid"`
	Database string `json:"database"`
	App      string `json:"app"` // application_name
	User     string `json:"user"`
	Addr     string `json:"addr"` // "" for a local one
	Type     string `json:"type"` // backend_type: "client backend"
	State    string `json:"state"`
}

// whoIsThere lists sessions but the asking one. Autovacuum gives way by itself,
// and parallel workers end with their leader.
const whoIsThere = `SELECT coalesce(jsonb_agg(jsonb_build_object('pid', pid, 'database', datname, 'app', application_name,
 'user', coalesce(usename, ''), 'addr', coalesce(host(client_addr), ''), 'type', backend_type, 'state', coalesce(state, '')) ORDER BY pid), '[]')
FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> pg_backend_pid()
 AND backend_type NOT IN ('autovacuum worker', 'parallel worker')`

// Sessions lists who is connected to a database, "" for all: also the sessions
// of this run, which are told by their App.
func (s *Server) Sessions(ctx context.Context, db string) ([]Session, error) {
	query := whoIsThere
	if db != "" {
		query += " AND datname = " + literal(db)
	}
	var list []Session
	if err := s.query(ctx, s.maintenance(), query+";\n", &list); err != nil {
		return nil, fmt.Errorf("sessions of database %q list: %w", db, err)
	}
	return list, nil
}

// BusyError says that other sessions are in a database that must be still.
type BusyError struct {
	Database string
	Sessions []Session
}

func (e *BusyError) Error() string {
	var who []string
	for _, s := range e.Sessions {
		who = append(who, fmt.Sprintf("%q as %q from %q (pid %d)", s.App, s.User, s.Addr, s.PID))
	}
	return fmt.Sprintf("database %q is in use: %d sessions: %s", e.Database, len(e.Sessions), strings.Join(who, ", "))
}

// Hint is the next move.
func (e *BusyError) Hint() string {
	return "stop what is connected to it from outside the stack, then try again"
}

// end runs SQL that prints nothing, then terminates the sessions that a condition
// on pg_stat_activity tells, and waits until they are gone.
func (s *Server) end(ctx context.Context, first, where string) error {
	kill := first + `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND ` + where + ";\n"
	var left json.Number
	for quiet := 0; ; {
		if err := s.query(ctx, s.maintenance(), kill, &left); err != nil {
			return err
		}
		// A client that was being started connects a moment later: twice none is none.
		if quiet++; left != "0" {
			quiet = 0
		}
		if quiet == 2 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s sessions do not end: %w", left, context.Cause(ctx))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// End terminates the sessions of a dead run and waits until they are gone: those
// whose application_name begins with app, "belay/<run>". A recovery has the name
// of the run that it recovers; so this comes before its own dumps and restores.
func (s *Server) End(ctx context.Context, app string) error {
	if run, ok := strings.CutPrefix(app, "belay/"); !ok || run == "" {
		return fmt.Errorf("sessions of %q end: no name of a run", app)
	}
	app = app[:min(len(app), 63)] // what PostgreSQL keeps of it
	if err := s.end(ctx, "", fmt.Sprintf("left(application_name, %d) = %s", len(app), literal(app))); err != nil {
		return fmt.Errorf("sessions of %q end: %w", app, err)
	}
	return nil
}
