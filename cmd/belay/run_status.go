package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

func newStatus(a *app, f *flags) *cobra.Command {
	var d deployment
	cmd := &cobra.Command{
		Use: "status [DIR]", Args: cobra.MaximumNArgs(1),
		Short: "Say what the last run of a stack left, and what to do next",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.status(cmd.Context(), f, strings.Join(args, ""), d)
		},
	}
	d.flags(cmd)
	return cmd
}

// status is what `belay status --format json` says.
type status struct {
	Version   int         `json:"version"`
	Project   string      `json:"project"`
	Dir       string      `json:"dir"`
	State     string      `json:"state"`            // the state folder that governs it
	Marker    string      `json:"marker,omitempty"` // what the engine says governs it, where that is another
	Holder    string      `json:"holder,omitempty"` // who has the lock
	Last      *runLine    `json:"last,omitempty"`
	Open      *runLine    `json:"open,omitempty"` // a run without an end
	Next      string      `json:"next,omitempty"`
	Backup    *backupLine `json:"backup,omitempty"` // the newest that is complete
	BackupAge string      `json:"backupAge,omitempty"`
}

func (a *app) status(ctx context.Context, f *flags, dir string, d deployment) error {
	h, err := a.hostOfDead(ctx, f, dir, d)
	if errors.Is(err, errNoRuns) {
		return a.answer(f, "no run is known of a stack here\n", status{Version: 1})
	}
	if err != nil {
		return err
	}
	s := status{Version: 1, Project: h.stack.Project.Name, Dir: h.stack.Project.Dir, State: h.state}
	all, err := readRuns(h.state)
	if err != nil {
		return &exitError{exitStuck, err}
	}
	for i, r := range all {
		line := lineOf(r)
		if i == 0 {
			s.Last = &line
		}
		if r.open() && s.Open == nil {
			s.Open = &line
		}
	}
	h.lockStatus(&s, len(all) > 0 && s.Open != nil)
	h.nextStatus(&s, all)
	lines, err := h.backupLines(ctx)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if l.State == "complete" {
			s.Backup, s.BackupAge = &l, brief(h.now().Sub(l.Created))
			break
		}
	}
	look, cancel := context.WithTimeout(ctx, 5*time.Second) // the engine may be what is wrong
	defer cancel()
	if at, ok, err := h.docker.Marker(look, s.Project); err == nil && ok && at != s.State {
		s.Marker = at
	}
	return a.answer(f, s.text(), s)
}

// lockStatus says who has the lock. It takes it for no instant: the owner's own is
// looked at, and only behind a run without an end that of its children.
func (h *host) lockStatus(s *status, open bool) {
	o, running := ownerOf(h.state)
	if !running && (!open || !locked(filepath.Join(h.state, "lock"))) {
		return
	}
	s.Holder = o.String()
	if !running {
		s.Holder = "what " + s.Holder + " started; itself it is gone"
	}
}

// locked reports whether another process has the lock at path.
func locked(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	return errors.Is(err, syscall.EWOULDBLOCK)
}

// nextStatus says what to do about a run without an end.
func (h *host) nextStatus(s *status, all []pastRun) {
	if s.Open == nil {
		return
	}
	s.Open.Outcome = "not ended"
	for _, r := range all {
		if r.id != s.Open.ID {
			continue
		}
		s.Next = recoverCommand(r.spec)
		if r.damage != nil {
			s.Open.Outcome, s.Next = r.damage.Error(), (&openRun{r}).Hint()
		}
	}
	switch {
	case s.Holder == "" || strings.HasPrefix(s.Holder, "what "):
	case s.Open.Until != nil:
		s.Open.Outcome, s.Open.At = "held", "held until "+s.Open.Until.Format(time.RFC3339)
		s.Next = "belay commit " + shellWord(s.Dir) + ", or belay rollback --project-directory " + shellWord(s.Dir)
	default:
		s.Open.Outcome, s.Next = "under way", "wait for its end"
	}
}

func (s status) text() string {
	return table(func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "stack\t%s in %s\nstate\t%s\n", s.Project, s.Dir, s.State)
		if s.Marker != "" {
			fmt.Fprintf(w, "\tbut on this engine %s governs it\n", s.Marker)
		}
		if s.Last != nil {
			fmt.Fprintf(w, "last run\t%s, %s, %s: %s\n", s.Last.ID, s.Last.Kind, s.Last.Began.Format("2006-01-02 15:04 UTC"), s.Last.Outcome)
		} else {
			fmt.Fprintln(w, "last run\tnone")
		}
		if s.Open != nil {
			fmt.Fprintf(w, "not ended\t%s, %s: %s\n", s.Open.ID, s.Open.Kind, cmp.Or(s.Open.At, s.Open.Outcome))
		}
		fmt.Fprintf(w, "lock\t%s\n", cmp.Or(s.Holder, "free"))
		if s.Backup != nil {
			fmt.Fprintf(w, "last backup\t%s, %s, %s ago\n", s.Backup.ID, size(s.Backup.Size), s.BackupAge)
		} else {
			fmt.Fprintln(w, "last backup\tnone")
		}
		if s.Next != "" {
			fmt.Fprintf(w, "next\t%s\n", s.Next)
		}
	})
}

func newStacks(a *app, f *flags) *cobra.Command {
	repository := false
	cmd := &cobra.Command{
		Use: "stacks [DIR]", Args: cobra.MaximumNArgs(1), Short: "List the compose projects of this engine, and which state folder governs each",
		Long: "Stacks lists the compose projects that run on this engine, and which state folder governs each.\n\n" +
			"With --repository it lists the stacks of the repository in DIR instead, from its files alone: those of\n" +
			"belay.yml, canaries first. As JSON that is what the matrix of a workflow takes.",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := strings.Join(args, "")
			switch {
			case repository:
				return a.repositoryStacks(f, dir)
			case dir != "":
				return usage("stacks %s: a folder goes with --repository", dir)
			}
			return a.stacks(cmd.Context(), f)
		},
	}
	cmd.Flags().BoolVar(&repository, "repository", false, "list the stacks of the repository, not those of the engine")
	return cmd
}

// repositoryStack is one stack of a repository, for the matrix of a workflow.
type repositoryStack struct {
	Name        string           `json:"name"`
	Path        string           `json:"path"`
	Environment lint.Environment `json:"environment"`
	Deploy      string           `json:"deploy"` // "" where belay.yml does not say
	Host        string           `json:"host"`   // likewise
	Canary      bool             `json:"canary"`
}

// repositoryStacks lists what belay.yml says of the stacks, else every folder with a
// compose file.
func (a *app) repositoryStacks(f *flags, name string) error {
	dir, file, err := a.place(name)
	if err == nil && file != "" {
		err = usage("%s: name a folder", name)
	}
	if err != nil {
		return err
	}
	r := &repository{}
	defer r.close()
	if r.root, err = source.OpenRoot(a.top(dir)); err != nil {
		return &exitError{exitCouldNot, err}
	}
	if r.cfg, err = r.config(f.config); err != nil {
		return coded(err)
	}
	below, err := r.root.Rel(dir)
	if err != nil {
		return usage("%s: %w", name, err)
	}
	all, err := r.selectStacks(below, "")
	if err != nil {
		return coded(err)
	}
	lines := []repositoryStack{}
	for _, s := range all {
		env, err := f.environmentOf(r.cfg, s)
		if err != nil {
			return err
		}
		lines = append(lines, repositoryStack{s.Name, s.Dir, env, s.Deploy, s.Host, s.Canary})
	}
	slices.SortStableFunc(lines, func(x, y repositoryStack) int {
		switch {
		case x.Canary == y.Canary:
			return 0
		case x.Canary:
			return -1
		}
		return 1
	})
	text := table(func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "STACK\tPATH\tENVIRONMENT\tDEPLOYED IN\tHOST\tCANARY")
		for _, l := range lines {
			canary := ""
			if l.Canary {
				canary = "canary"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, l.Path, l.Environment, cmp.Or(l.Deploy, "-"), cmp.Or(l.Host, "-"), canary)
		}
	})
	return a.answer(f, text, struct {
		Version int               `json:"version"`
		Stacks  []repositoryStack `json:"stacks"`
	}{1, lines})
}

// stackLine is one project of the engine.
type stackLine struct {
	Project  string `json:"project"`
	Dir      string `json:"dir"`
	Services int    `json:"services"` // containers that run
	State    string `json:"state,omitempty"`
	Last     string `json:"last,omitempty"` // how its last run ended
}

func (a *app) stacks(ctx context.Context, f *flags) error {
	a.runs()
	c, err := a.localEngine(ctx)
	if err != nil {
		return err
	}
	projects, err := c.Projects(ctx)
	if err != nil {
		return runError(err)
	}
	lines := []stackLine{}
	for _, name := range projects {
		l := stackLine{Project: name}
		all, err := c.Containers(ctx, name)
		if err != nil {
			return runError(err)
		}
		for _, one := range all {
			l.Dir = cmp.Or(l.Dir, one.WorkingDir)
			if one.Running() {
				l.Services++
			}
		}
		if l.State, _, err = c.Marker(ctx, name); err != nil {
			return runError(err)
		}
		if runs, err := readRuns(l.State); err == nil && l.State != "" && len(runs) > 0 {
			l.Last = runs[0].id + ": " + lineOf(runs[0]).Outcome
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.Last = err.Error()
		}
		lines = append(lines, l)
	}
	text := table(func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "PROJECT\tRUNNING\tFOLDER\tSTATE\tLAST RUN")
		for _, l := range lines {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", l.Project, l.Services, l.Dir, cmp.Or(l.State, "none"), cmp.Or(l.Last, "none"))
		}
	})
	return a.answer(f, text, struct {
		Version int         `json:"version"`
		Stacks  []stackLine `json:"stacks"`
	}{1, lines})
}
