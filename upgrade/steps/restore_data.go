package steps

import (
	"context"
	"encoding/json"
	"os"
	"slices"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/postgres"
)

// restoreData gives the data of an earlier backup back, in a rollback of a run
// that had ended well: where an upgrade migrates. That it can be undone itself is
// the work of hand-over.
type restoreData struct{ *Host }

// restored is the result of restore-data.
type restored struct {
	Backup    string `json:"backup"`
	Databases int    `json:"databases"`
	Volumes   int    `json:"volumes"`
}

func (s *restoreData) Check(ctx context.Context) error {
	if s.Spec.Options.KeepData {
		return nil
	}
	b, err := s.Store.Open(s.Spec.Restore)
	if err != nil {
		return &Refusal{Reason: "the backup to go back to cannot be used", Found: err.Error(), Next: "choose another: belay backups"}
	}
	if !b.Readable() {
		return &Refusal{Reason: "the backup to go back to is encrypted", Found: "no identity", Needed: "the identity file of its recipient",
			Next: "name it in belay.yml: backup.identity-file"}
	}
	if _, err := b.Verify(ctx); err != nil {
		return &Refusal{Reason: "the backup to go back to is damaged", Found: err.Error(), Next: "choose another: belay backups"}
	}
	return nil
}

// restoring is what there was before.
type restoring struct {
	before
	Kept []string `json:"kept,omitempty"` // services whose data lie in their place as the run that is taken back left them
}

func (s *restoreData) Capture(ctx context.Context) (restoring, error) {
	b, err := s.volumesBefore(ctx)
	out := restoring{before: b}
	for _, m := range s.Spec.Moves {
		in, e := os.ReadDir(m.New.Folder)
		if m.New.Volume != "" && slices.Contains(b.Volumes, m.New.Volume) || m.New.Folder != "" && e == nil && len(in) > 0 {
			out.Kept = append(out.Kept, m.Service)
		}
	}
	return out, err
}

func (s *restoreData) Do(ctx context.Context, was restoring) (any, error) {
	if s.Spec.Options.KeepData {
		return nil, nil
	}
	b, err := s.Store.Open(s.Spec.Restore)
	if err != nil {
		return nil, err
	}
	d, err := b.Details()
	if err != nil {
		return nil, err
	}
	if err := s.serveNew(ctx); err != nil {
		return nil, err
	}
	kept := func(service string) bool { return slices.Contains(was.Kept, service) }
	if err := s.giveBack(ctx, b, s.asRun(), kept); err != nil {
		return nil, err
	}
	if err := s.filesAgain("new"); err != nil {
		return nil, err
	}
	return restored{Backup: b.ID, Databases: len(d.Databases), Volumes: len(d.Volumes)}, s.compare(ctx, d)
}

// asRun is the run in whose name the copies of this step are made: not that
// of the clones of this run, which are its own way back.
func (s *restoreData) asRun() string { return other(s.Spec.Run) }

// other is an id of the same form that no run has: its last digit is another,
// its second one of the next minute's.
func other(run string) string {
	b := []byte(run)
	last := len(b) - 1
	const digits = "0123456789abcdef"
	for i := range digits {
		if digits[i] == b[last] {
			b[last] = digits[(i+1)%len(digits)]
			break
		}
	}
	return string(b)
}

// compare looks that the databases are what the backup says they were.
func (s *restoreData) compare(ctx context.Context, d *backup.Detail) error {
	was, err := fingerprints(d)
	if err != nil || was == nil {
		return err
	}
	now, err := s.data(ctx)
	if err != nil {
		return err
	}
	return differing(was.diff(now))
}

// Undo stops the servers that were started. The data of this run's backup is given
// back by hand-over.
func (s *restoreData) Undo(ctx context.Context, b restoring) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	var old halted
	if _, err := s.captured(&old); err != nil {
		return err
	}
	return s.clearNew(ctx, old, b.Volumes)
}

// fingerprints are what the databases of a backup held; nil when it was made of
// a stack that ran.
func fingerprints(d *backup.Detail) (data, error) {
	if !d.Moment.Consistent {
		return nil, nil
	}
	out := data{}
	for _, db := range d.Databases {
		if db.Fingerprint == nil {
			return nil, nil
		}
		f := &postgres.Fingerprint{}
		if err := json.Unmarshal(db.Fingerprint, f); err != nil {
			return nil, err
		}
		if out[db.Service] == nil {
			out[db.Service] = map[string]*postgres.Fingerprint{}
		}
		out[db.Service][db.Name] = f
	}
	return out, nil
}

// serveNew starts the servers by the files that are on disk now, closed to the outside
// as launch would.
func (h *Host) serveNew(ctx context.Context) error {
	cfg, err := h.Docker.Config(ctx, h.Spec.Project)
	if err != nil {
		return err
	}
	if err := h.stopGone(ctx, cfg); err != nil {
		return err
	}
	var services []string
	for _, s := range h.Spec.Servers {
		if _, ok := cfg.Services[s]; ok {
			services = append(services, s)
		}
	}
	if err := h.writeOverride(cfg); err != nil {
		return err
	}
	if err := h.upClosed(ctx, cfg, services); err != nil {
		return err
	}
	if err := h.well(ctx, services, nil); err != nil {
		return err
	}
	return h.answering(ctx, services)
}
