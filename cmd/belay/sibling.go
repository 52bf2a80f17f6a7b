package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/report"
	"github.com/belaystack/belay/upgrade/wanted/deployed"
)

// siblingCommand is what this program does as the sibling of the Action's container.
const siblingCommand = "__sibling"

// Files of the sibling's own. They are there as long as its container.
const (
	handover  = "/belay-handover" // variables of the job, as JSON
	begunFile = "/belay-begun"    // it was started before
	endedFile = "/belay-ended"    // its work is over: the exit status
)

// runReport is the report of a run, for the job that waits for it.
type runReport = report.Run

// sibling is this process, where it works on the host for the Action.
type sibling struct {
	seal     string
	folder   string   // that the stack runs from
	stack    string   // its name in the checkout's belay.yml
	checkout string   // folder of the stack in the checkout; that may be gone
	sees     []string // folders that are the host's here

	end ending
}

func newSibling(a *app) *cobra.Command {
	s := &sibling{}
	cmd := &cobra.Command{Use: siblingCommand, Hidden: true, Args: cobra.MinimumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		a.sibling = s
		return a.serve(cmd.Context(), args)
	}}
	f := cmd.Flags()
	f.StringVar(&s.seal, "seal", "", "what its own lines begin with")
	f.StringVar(&s.folder, "folder", "", "that the stack runs from")
	f.StringVar(&s.stack, "stack", "", "its name in belay.yml")
	f.StringVar(&s.checkout, "checkout", "", "its folder in the checkout")
	f.StringArrayVar(&s.sees, "sees", nil, "a folder that is the host's")
	return cmd
}

// serve carries a command out, once; started again by the engine or a person, it recovers.
// When the work is over the engine is told not to start it any more.
func (a *app) serve(ctx context.Context, args []string) error {
	a.runs()
	s := a.sibling
	a.held = func(r *report.Run) {
		s.end = ending{Held: true, Report: r}
		s.tell(a)
	}
	code, ended := exitOf(endedFile)
	if !ended {
		code = a.serveOnce(ctx, args)
		if err := os.WriteFile(endedFile, []byte(strconv.Itoa(code)), 0o600); err != nil {
			a.say(err) // it would be recovered again, which finds nothing left
		}
		s.end.Exit, s.end.Held = code, false // also of one that was held for a while
		s.tell(a)
	}
	if slices.Contains(lasting, commandOf(args)) {
		a.retire(ctx)
	}
	return &exitError{code: code}
}

// commandOf is the command of a command line.
func commandOf(args []string) string { return args[0] }

// exitOf reads the exit status that a file has.
func exitOf(name string) (int, bool) {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, false
	}
	code, err := strconv.Atoi(string(data))
	return code, err == nil
}

// retire tells the engine, which may be about to come back, that this container is done.
func (a *app) retire(ctx context.Context) {
	c, err := a.engine()
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineWait)
		defer cancel()
		if err = c.Ready(ctx); err == nil {
			err = c.Retire(ctx)
		}
	}
	if err != nil {
		a.say(err) // started again it finds that its work is over
	}
}

// serveOnce does the work, and gives its exit status.
func (a *app) serveOnce(ctx context.Context, args []string) int {
	begun, err := os.Stat(begunFile)
	if err == nil {
		return a.serveAgain(ctx, begun.ModTime())
	}
	if err := errors.Join(takeVariables(), os.WriteFile(begunFile, nil, 0o600)); err != nil {
		return a.fail(&exitError{exitCouldNot, err})
	}
	if slices.Contains(lasting, args[0]) && args[0] != "recover" {
		if code := a.healFirst(ctx); code != exitOK {
			return code
		}
	}
	return a.execute(ctx, args)
}

// takeVariables sets the variables that were handed over, and removes the file.
func takeVariables() error {
	data, err := os.ReadFile(handover)
	if err != nil {
		return err
	}
	if err := os.Remove(handover); err != nil {
		return err
	}
	var all map[string]string
	if err := json.Unmarshal(data, &all); err != nil {
		return errors.New("the variables of the job were not handed over whole")
	}
	for name, value := range all {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("variable %s: %w", name, err)
		}
	}
	return nil
}

// healFirst ends what a run left that died: one of another job, or of a person.
func (a *app) healFirst(ctx context.Context) int {
	h, err := a.hostOfDead(ctx, &flags{}, a.sibling.folder, deployment{})
	if err != nil {
		return exitOK // the command itself says it
	}
	open, err := h.openRuns()
	if err != nil || len(open) == 0 {
		return exitOK
	}
	err = a.recover(ctx, &flags{}, a.sibling.folder, deployment{}, recovery{})
	var e *exitError
	if errors.As(err, &e) && e.code == exitHeld {
		return exitOK // it lives
	}
	a.sibling.end.Report, a.sibling.end.Repository = nil, nil
	return a.fail(err)
}

// serveAgain recovers what this container had begun before it was killed.
func (a *app) serveAgain(ctx context.Context, begun time.Time) int {
	_ = a.printf("started again: recovering\n")
	code := a.execute(ctx, []string{"recover", "--", a.sibling.folder})
	if code != exitOK {
		return code
	}
	if a.sibling.end.Report == nil {
		a.lastReport(ctx, begun)
	}
	if a.sibling.end.Report == nil {
		return a.fail(&exitError{exitCouldNot, errors.New("this was killed before it began: nothing was changed; run the job again")})
	}
	return codeOfOutcome(a.sibling.end.Report.Outcome)
}

// lastReport tells of a run that ended right before this container was killed.
func (a *app) lastReport(ctx context.Context, begun time.Time) {
	h, err := a.hostOfDead(ctx, &flags{}, a.sibling.folder, deployment{})
	if err != nil {
		return
	}
	if p, ok := newestRun(h.state); ok && !p.open() && p.began().After(begun) {
		a.sibling.ended(h, p, h.report(p, nil, nil))
	}
}

// codeOfOutcome is the exit status of a run that ended so.
func codeOfOutcome(o report.Outcome) int {
	switch o {
	case report.Done, report.Nothing, report.Held:
		return exitOK
	case report.RolledBack:
		return exitRolledBack
	case report.Refused:
		return exitRefused
	case report.Cancelled:
		return exitCancelled
	case report.Stuck:
		return exitStuck
	}
	return exitCouldNot
}

// tell says how far the work is.
func (s *sibling) tell(a *app) {
	s.end.Commit = a.getenv("GITHUB_SHA")
	data, err := json.Marshal(s.end)
	if err != nil {
		a.say(err)
		return
	}
	fmt.Fprintf(a.stdout, "%s %s\n", s.seal, data)
}

// ended takes the report of a run that is over for the job that waits, and what it means
// for the repository.
func (s *sibling) ended(h *host, p pastRun, r *report.Run) {
	if s == nil {
		return
	}
	s.end.Report, s.end.Repository = r, nil
	switch r.Outcome {
	case report.Done, report.RolledBack, report.Cancelled:
		var err error
		if s.end.Repository, err = s.differing(h, p); err != nil {
			h.say(fmt.Errorf("what the repository is to have could not be read: %w", err))
		}
	}
}

// differing are the files of the repository that a run changed or was to change, and that
// the host has otherwise than the checkout: with a record of what runs, with the tags of
// before. Never an env file.
func (s *sibling) differing(h *host, p pastRun) (map[string][]byte, error) {
	dir := p.spec.Project.Dir
	record, err := deployed.Read(h.state)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var paths []string
	for _, f := range p.spec.Files {
		paths = append(paths, f.Path)
	}
	if len(p.spec.Project.Files) > 0 {
		paths = appendMissing(paths, p.spec.Project.Files[0]) // the record block's
	}
	top := h.getenv("GITHUB_WORKSPACE")
	out := map[string][]byte{}
	for _, at := range paths {
		rel, err := filepath.Rel(dir, at)
		if err != nil || !filepath.IsLocal(rel) || strings.HasPrefix(path.Base(rel), ".env") {
			continue
		}
		name, err := filepath.Rel(top, filepath.Join(s.checkout, rel))
		if err != nil || !filepath.IsLocal(name) {
			continue
		}
		theirs, err := os.ReadFile(filepath.Join(s.checkout, rel))
		tracked := err == nil
		if !tracked && !brought(record, at) {
			continue // the host's own
		}
		now, err := os.ReadFile(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if tracked {
				out[filepath.ToSlash(name)] = nil
			}
		case err != nil:
			return nil, err
		case !tracked || !bytes.Equal(now, theirs):
			out[filepath.ToSlash(name)] = now
		}
	}
	return out, nil
}

// brought reports whether a checkout brought a file to the host.
func brought(r *deployed.Record, at string) bool {
	if r == nil {
		return false
	}
	f, ok := r.File(at)
	return ok && f.Checkout
}

func appendMissing(list []string, one string) []string {
	if slices.Contains(list, one) {
		return list
	}
	return append(list, one)
}

// unseen are the paths that a stack is made of and that are not the host's here. The
// checkout is mounted, but a stack's data must not be in it: who is asked for that refuses.
func (s *sibling) unseen(h *host) []string {
	// Those of state and backups have folders for each project, which may not be there yet.
	all := append([]string{h.stack.Project.Dir, filepath.Dir(h.state)}, slices.Concat(h.stack.Project.Files, h.stack.Project.EnvFiles)...)
	if !below(h.store.Dir, h.state) {
		all = append(all, filepath.Dir(h.store.Dir))
	}
	if h.conf.Identity != "" {
		all = append(all, h.conf.Identity)
	}
	for _, c := range h.stack.Containers {
		for _, m := range c.Mounts {
			if m.Type == "bind" && !s.machine(m.Source) {
				all = append(all, m.Source)
			}
		}
	}
	top := h.getenv("GITHUB_WORKSPACE")
	var out []string
	for _, p := range all {
		if below(p, top) || !slices.ContainsFunc(s.sees, func(dir string) bool { return below(p, dir) }) {
			out = appendMissing(out, p)
		}
	}
	return out
}

// machine says that a path is of the machine, not of a stack: nothing is backed up of it,
// and a container has its own or must not hide it.
func (s *sibling) machine(p string) bool {
	for _, dir := range []string{"/proc", "/sys", "/dev", "/run", "/var/run"} {
		if below(p, dir) {
			return true
		}
	}
	return slices.Contains([]string{"/", "/usr", "/usr/local", "/usr/local/bin", "/usr/local/lib", "/usr/local/lib/docker", "/etc/localtime", "/etc/timezone"}, p)
}

// visible makes sure that what a command reads and writes is the host's.
func (h *host) visible() error {
	if h.sibling == nil {
		return nil
	}
	h.sibling.end.Needs = h.sibling.unseen(h)
	if len(h.sibling.end.Needs) == 0 {
		return nil
	}
	return &exitError{code: exitCouldNot} // the container that started this one makes another
}

// runnable refuses commands of belay.yml that the host has a program for and this container
// has not: nothing but belay, docker and docker compose is in it.
func (h *host) runnable() error {
	if h.sibling == nil {
		return nil
	}
	var errs []error
	for _, c := range slices.Concat(h.conf.Baseline, h.conf.Verify, h.conf.BackUp) {
		if c.Service != "" || c.Image != "" || len(c.Run) == 0 {
			continue
		}
		if _, err := exec.LookPath(c.Run[0]); err != nil {
			errs = append(errs, &upgrade.Refusal{Reason: "command " + c.Name + " of belay.yml is for the host, and the Action's image has no " + c.Run[0],
				Next: "give it an image, or a service to run in; or run belay on the host itself, without the Action"})
		}
	}
	return runError(errors.Join(errs...))
}

// fromCheckout is the belay.yml of the checkout, where none is deployed with the stack.
// Where state and backups lie only a deployed one says.
func (s *sibling) fromCheckout(h *host) (*config.Config, config.Stack, string, error) {
	top := h.getenv("GITHUB_WORKSPACE")
	root, err := source.OpenRoot(top)
	if err != nil {
		return nil, config.Stack{}, "", &exitError{exitCouldNot, err}
	}
	defer root.Close()
	cfg, err := (&repository{root: root}).config("")
	if err != nil {
		return nil, config.Stack{}, "", coded(err)
	}
	i := slices.IndexFunc(cfg.Stacks, func(one config.Stack) bool { return one.Name == s.stack })
	if i < 0 {
		return nil, config.Stack{}, "", usage("belay.yml has no stack %s", s.stack)
	}
	stack := cfg.Stacks[i]
	cfg.State, cfg.Backup.Directory, stack.State, stack.Backup.Directory = "", "", "", ""
	return cfg, stack, top, nil
}
