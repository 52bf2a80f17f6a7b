package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/postgres"
	"github.com/belaystack/belay/upgrade/steps"
)

func newBackups(a *app, f *flags) *cobra.Command {
	var d deployment
	cmd := &cobra.Command{
		Use: "backups", Args: cobra.NoArgs,
		Short: "List, show, verify, restore or prune the backups of a stack",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.listBackups(cmd.Context(), f, d)
		},
	}
	add := func(c *cobra.Command) *cobra.Command {
		d.flags(c)
		cmd.AddCommand(c)
		return c
	}
	d.flags(cmd)
	add(&cobra.Command{Use: "list", Args: cobra.NoArgs, Short: "List the backups, the newest first",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listBackups(cmd.Context(), f, d) }})
	add(&cobra.Command{Use: "show ID", Args: cobra.ExactArgs(1), Short: "Say what a backup holds",
		RunE: func(cmd *cobra.Command, args []string) error { return a.showBackup(cmd.Context(), f, d, args[0]) }})
	noRestore := false
	add(&cobra.Command{Use: "verify ID", Args: cobra.ExactArgs(1), Short: "Read a backup and restore its databases beside those that run, to prove it",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.verifyBackup(cmd.Context(), f, d, args[0], !noRestore)
		}}).Flags().BoolVar(&noRestore, "no-restore", false, "read it only: checksums, and every archive as a restore would")
	var o steps.Options
	give := add(&cobra.Command{Use: "restore ID", Args: cobra.ExactArgs(1), Short: "Give the stack the data of a backup, its images and files as they are",
		RunE: func(cmd *cobra.Command, args []string) error { return a.restoreBackup(cmd.Context(), f, d, args[0], o) },
	})
	uncoveredFlag(give, &o)
	restore := give.Flags()
	restore.BoolVar(&o.AcceptDataLoss, "accept-data-loss", false, "what was written since the backup is given up")
	restore.BoolVar(&o.ReadOnly, "read-only-mounts", false, "give back what services have mounted read-only, too: configuration, certificates")
	add(&cobra.Command{Use: "prune", Args: cobra.NoArgs, Short: "Remove what belay.yml does not keep: backups, copies of databases, old runs",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.prune(cmd.Context(), f, d) }})
	return cmd
}

// storeOf gives the host of a stack, also of one that does not run.
func (a *app) storeOf(ctx context.Context, f *flags, d deployment) (*host, error) {
	return a.hostOfDead(ctx, f, "", d)
}

// backupLine is a backup as `belay backups --format json` has it.
type backupLine struct {
	ID        string    `json:"id"`
	State     string    `json:"state"`
	Created   time.Time `json:"created,omitzero"`
	Size      int64     `json:"size"`
	Encrypted bool      `json:"encrypted,omitempty"`
	Run       string    `json:"run,omitempty"`
	Kind      string    `json:"kind,omitempty"` // of the run that made it
	Problem   string    `json:"problem,omitempty"`
}

func (h *host) backupLines(ctx context.Context) ([]backupLine, error) {
	all, err := h.store.List(ctx)
	if err != nil {
		return nil, &exitError{exitCouldNot, err}
	}
	var out []backupLine
	for _, i := range all {
		l := backupLine{ID: i.ID, State: string(i.State), Size: i.Size}
		if i.Err != nil {
			l.Problem = i.Err.Error()
		}
		if m := i.Manifest; m != nil {
			l.Created, l.Encrypted, l.Run = m.Created, m.Encrypted, m.Run
			if r, err := readRun(h.state, m.Run); err == nil {
				l.Kind = string(r.spec.Kind)
			}
		}
		out = append(out, l)
	}
	return out, nil
}

func (a *app) listBackups(ctx context.Context, f *flags, d deployment) error {
	h, err := a.storeOf(ctx, f, d)
	if err != nil {
		return err
	}
	lines, err := h.backupLines(ctx)
	if err != nil {
		return err
	}
	text := table(func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "BACKUP\tMADE\tSIZE\tSTATE\tFOR")
		for _, l := range lines {
			made, state := "", l.State
			if !l.Created.IsZero() {
				made = l.Created.Format("2006-01-02 15:04 UTC")
			}
			if l.Encrypted {
				state += ", encrypted"
			}
			if l.Problem != "" {
				state += ": " + l.Problem
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", l.ID, made, size(l.Size), state, l.Kind)
		}
	})
	if len(lines) == 0 {
		text = "no backups in " + h.store.Dir + "\n"
	}
	return a.answer(f, text, struct {
		Version int          `json:"version"`
		Folder  string       `json:"folder"`
		Backups []backupLine `json:"backups"`
	}{1, h.store.Dir, lines})
}

// table aligns columns.
func table(fill func(*tabwriter.Writer)) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fill(w)
	_ = w.Flush() // to a text
	return b.String()
}

// openBackup opens a backup by its id or by the start of it.
func (h *host) openBackup(ctx context.Context, id string) (*backup.Backup, error) {
	all, err := h.store.List(ctx)
	if err != nil {
		return nil, &exitError{exitCouldNot, err}
	}
	var found []string
	for _, i := range all {
		if strings.HasPrefix(i.ID, id) {
			found = append(found, i.ID)
		}
	}
	if slices.Contains(found, id) {
		found = []string{id}
	}
	if len(found) != 1 {
		return nil, usage("backup %s: %s of that name in %s; `belay backups` lists them", id, map[bool]string{true: "none", false: "several"}[len(found) == 0], h.store.Dir)
	}
	b, err := h.store.Open(found[0])
	if err != nil {
		return nil, &exitError{exitCouldNot, err}
	}
	return b, nil
}

// backupShown is what a backup holds, without a value of it.
type backupShown struct {
	Version   int               `json:"version"`
	ID        string            `json:"id"`
	Path      string            `json:"path"`
	Created   time.Time         `json:"created"`
	Belay     string            `json:"belay"`
	Run       string            `json:"run"`
	Encrypted bool              `json:"encrypted"`
	Checksum  string            `json:"checksum"` // of the manifest
	Moment    *backup.Moment    `json:"moment,omitempty"`
	Services  []backup.Service  `json:"services,omitempty"`
	Databases []databaseShown   `json:"databases,omitempty"`
	Volumes   []volumeShown     `json:"volumes,omitempty"`
	Files     []backup.File     `json:"files,omitempty"`
	Commands  []backup.Command  `json:"commands,omitempty"`
	LeftOut   []backup.LeftOut  `json:"left_out,omitempty"`
	Together  []backup.Together `json:"together,omitempty"` // what of an application belongs together
}

type databaseShown struct {
	Service string `json:"service"`
	Name    string `json:"name"`
	Server  string `json:"server"`
	Tables  int    `json:"tables"`
	Rows    int64  `json:"rows"`
	Dump    int64  `json:"dump"` // bytes
}

type volumeShown struct {
	Service     string `json:"service"`
	Destination string `json:"destination"`
	Type        string `json:"type"`
	Name        string `json:"name,omitempty"` // of a volume, or a path
	Bytes       int64  `json:"bytes"`
	ReadOnly    bool   `json:"read_only,omitempty"`
}

func (a *app) showBackup(ctx context.Context, f *flags, d deployment, id string) error {
	h, err := a.storeOf(ctx, f, d)
	if err != nil {
		return err
	}
	b, err := h.openBackup(ctx, id)
	if err != nil {
		return err
	}
	s, err := h.shown(b)
	if err != nil {
		return &exitError{exitCouldNot, err}
	}
	return a.answer(f, s.text(), s)
}

func (h *host) shown(b *backup.Backup) (*backupShown, error) {
	s := &backupShown{Version: 1, ID: b.ID, Path: h.store.Dir + "/" + b.ID, Created: b.Created, Belay: b.Belay, Run: b.Run, Encrypted: b.Encrypted, Checksum: b.Checksum}
	if !b.Readable() {
		return s, nil
	}
	d, err := b.Details()
	if err != nil {
		return nil, err
	}
	s.Moment, s.Services, s.Files, s.Commands, s.LeftOut, s.Together = &d.Moment, d.Services, d.Files, d.Commands, d.LeftOut, d.Together
	for _, db := range d.Databases {
		x := databaseShown{Service: db.Service, Name: db.Name, Server: db.Server, Dump: d.Plain[db.Content].Size}
		var f postgres.Fingerprint
		if db.Fingerprint != nil && json.Unmarshal(db.Fingerprint, &f) == nil {
			for _, t := range f.Tables {
				x.Tables, x.Rows = x.Tables+1, x.Rows+t.Rows
			}
		}
		s.Databases = append(s.Databases, x)
	}
	for _, v := range d.Volumes {
		name := v.Name
		if name == "" {
			name = v.Source
		}
		s.Volumes = append(s.Volumes, volumeShown{v.Service, v.Destination, v.Type, name, d.Plain[v.Content].Size, v.ReadOnly})
	}
	return s, nil
}

func (s *backupShown) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "backup %s of %s, by belay %s in run %s\n%s\n", s.ID, s.Created.Format("2006-01-02 15:04:05 UTC"), s.Belay, s.Run, s.Path)
	if s.Moment == nil {
		return b.String() + "encrypted: name a file with an identity in belay.yml (backup.identity-file) to see more\n"
	}
	if s.Moment.Consistent {
		fmt.Fprintf(&b, "of one moment: the stack stood still from %s\n", s.Moment.Halted.Format("15:04:05 UTC"))
	} else {
		b.WriteString("NOT of one moment: the stack went on\n")
	}
	b.WriteString(table(func(w *tabwriter.Writer) {
		for _, x := range s.Services {
			fmt.Fprintf(w, "service\t%s\t%s\n", x.Name, x.Image)
		}
		for _, x := range s.Databases {
			fmt.Fprintf(w, "database\t%s of %s\t%s, %s rows, %s\n", x.Name, x.Service, count(x.Tables, "table"), fmt.Sprint(x.Rows), size(x.Dump))
		}
		for _, x := range s.Volumes {
			mode := ""
			if x.ReadOnly {
				mode = " (read-only)"
			}
			fmt.Fprintf(w, "%s\t%s of %s\t%s %s%s\n", x.Type, x.Destination, x.Service, size(x.Bytes), x.Name, mode)
		}
		for _, t := range s.Together {
			for _, x := range t.Parts {
				where := x.Where
				if x.Missing != "" {
					where = "NOT HERE: " + x.Missing
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", t.App, x.Name, where)
			}
		}
		for _, x := range s.LeftOut {
			fmt.Fprintf(w, "left out\t%s of %s\t%s: %s\n", x.Destination, x.Service, x.Source, x.Why)
		}
		for _, x := range s.Files {
			fmt.Fprintf(w, "file\t%s\t\n", x.Path)
		}
		for _, x := range s.Commands {
			fmt.Fprintf(w, "command\t%s\texit status %d after %s\n", x.Name, x.Exit, brief(x.Duration))
		}
	}))
	return b.String()
}
