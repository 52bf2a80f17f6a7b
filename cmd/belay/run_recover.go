package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted"
)

// engineWait is how long an engine that is gone is waited for: the daemon of a host
// that boots takes its time.
const engineWait = 5 * time.Minute

func newRecover(a *app, f *flags) *cobra.Command {
	var d deployment
	loss := false
	cmd := &cobra.Command{
		Use: "recover [DIR]", Args: cobra.MaximumNArgs(1),
		Short: "Finish or undo a run that died",
		Long: "Recover goes on with a run that has no end: killed, out of room, cut off by a reboot. It waits\n" +
			"for what that run left at work, finishes what was committed and takes back everything else.\n" +
			"It can be killed and run again. Where nothing is left to do it says so.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.recover(cmd.Context(), f, strings.Join(args, ""), d, loss)
		},
	}
	d.flags(cmd)
	cmd.Flags().BoolVar(&loss, "accept-data-loss", false, "give the data of before back, even when rows were written since")
	return cmd
}

func (a *app) recover(ctx context.Context, f *flags, dir string, d deployment, loss bool) error {
	h, err := a.hostOfDead(ctx, f, dir, d)
	if errors.Is(err, errNoRuns) {
		return a.printf("nothing to recover\n")
	}
	if err != nil {
		return err
	}
	if h.tell, err = a.teller(f); err != nil {
		return err
	}
	if err := h.waitForLock(ctx); err != nil {
		return err
	}
	defer h.unlock()
	open, err := h.openRuns() // with the lock: the run may have come to its end meanwhile
	if err != nil {
		return stuckError(err)
	}
	if len(open) == 0 {
		return a.printf("nothing to recover\n")
	}
	if err := h.reach(ctx); err != nil {
		return err
	}
	for _, run := range open {
		if err := h.recoverOne(ctx, f, run, loss); err != nil {
			return err
		}
	}
	return nil
}

// waitForLock takes the lock as soon as the last child of a dead run is gone.
func (h *host) waitForLock(ctx context.Context) error {
	said := ""
	hold, err := journal.Wait(ctx, filepath.Join(h.state, "lock"), h.owner("", "recover"), time.Second, func(e *journal.HeldError) {
		if text := e.Error(); text != said {
			said = text
			h.say(fmt.Errorf("waiting: %w", e))
		}
	})
	if err != nil {
		return runError(err)
	}
	h.hold, h.docker.Lock = hold, hold.File()
	return nil
}

// reach waits for the engine and looks at what is there.
func (h *host) reach(ctx context.Context) error {
	if err := h.ready(ctx); err != nil {
		return stuckError(err)
	}
	var err error
	if h.stack.Containers, err = h.docker.Containers(ctx, h.stack.Project.Name); err != nil {
		return stuckError(err)
	}
	return h.hide()
}

// ready waits until the engine answers, a bounded time.
func (h *host) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, engineWait)
	defer cancel()
	return h.docker.Ready(ctx)
}

func (h *host) recoverOne(ctx context.Context, f *flags, run pastRun, loss bool) error {
	spec := run.spec
	if run.damage != nil || len(run.entries) == 0 {
		return stuckError(&openRun{run})
	}
	if err := h.sameBinary(&spec); err != nil {
		return stuckError(err)
	}
	h.docker.Run = run.id
	spec.Options.AcceptDataLoss = spec.Options.AcceptDataLoss || loss
	if err := h.docker.EndLeftovers(ctx, run.id); err != nil {
		return stuckError(err)
	}
	if err := steps.EndSessions(ctx, h.docker, spec.Project.Name, run.id); err != nil {
		return stuckError(err)
	}
	log, err := journal.Open(filepath.Join(h.runFolder(run.id), "journal"), h.now)
	if err != nil {
		return stuckError(err)
	}
	defer log.Close()
	h.store.Dir = spec.Backups
	_, err = h.runOf(&spec, log, nil).Recover(ctx)
	return h.conclude(h.format(f), run.id, err, nil)
}

// format is what a recovery prints like; nothing of other flags matters to it.
func (h *host) format(f *flags) *flags { return &flags{format: f.format, noColor: f.noColor} }

// sameBinary starts the program that began the run in the place of this one, where
// it is another and was kept: only it knows its steps for certain.
func (h *host) sameBinary(spec *steps.Spec) error {
	own, _ := h.keepBinary() // a disk that is full must not keep it from recovering
	kept := filepath.Join(h.state, "bin", spec.Binary)
	_, err := os.Stat(kept)
	switch {
	case own == spec.Binary && err == nil:
		h.docker.Binary = kept
		return nil
	case own == spec.Binary, spec.Binary == "", err != nil, h.getenv("BELAY_RECOVERS") == spec.Run:
		return nil //nolint:nilerr // it is gone: an unknown step is refused later on
	}
	h.say(fmt.Errorf("run %s was begun by belay %s: that one goes on with it", spec.Run, spec.Version))
	h.unlock() // what follows takes it again
	return syscall.Exec(kept, append([]string{kept}, os.Args[1:]...), append(os.Environ(), "BELAY_RECOVERS="+spec.Run))
}

// errNoRuns means that no state folder speaks of a stack.
var errNoRuns = errors.New("no run is known")

// hostOfDead finds a stack by the state folder that speaks of it: what a run that
// died left of the containers need not agree with the files.
func (a *app) hostOfDead(ctx context.Context, f *flags, dir string, d deployment) (*host, error) {
	a.runs()
	c, err := a.engine()
	if err != nil {
		return nil, err
	}
	if dir, err = a.folder(dir, d); err != nil {
		return nil, err
	}
	h := &host{app: a, docker: c, stack: &wanted.Deployed{Project: docker.Project{Name: d.project, Dir: dir}}}
	if d.project == "" {
		if h.stack.Project, err = h.projectOf(f, dir); err != nil {
			return nil, err
		}
	}
	if err := h.configure(f); err != nil {
		return nil, err
	}
	return h, h.hide()
}

// projectOf gives the project whose last run was of the stack in dir.
func (h *host) projectOf(f *flags, dir string) (docker.Project, error) {
	h.stack.Project.Name = "any"
	if err := h.configure(f); err != nil {
		return docker.Project{}, err
	}
	top := filepath.Dir(h.state)
	all, err := os.ReadDir(top)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return docker.Project{}, &exitError{exitCouldNot, err}
	}
	var newest pastRun
	for _, one := range all {
		runs, err := os.ReadDir(filepath.Join(top, one.Name(), "runs"))
		if err != nil {
			continue // no folder of a project
		}
		for _, run := range slices.Backward(runs) {
			r, err := readRun(filepath.Join(top, one.Name()), run.Name())
			if err == nil && len(r.entries) > 0 && samePath(r.spec.Project.Dir, dir) {
				if r.began().After(newest.began()) {
					newest = r
				}
				break
			}
		}
	}
	if newest.id == "" {
		return docker.Project{}, &exitError{exitCouldNot, fmt.Errorf("%w of a stack in %s", errNoRuns, dir)}
	}
	return newest.spec.Project, nil
}

func samePath(a, b string) bool {
	x, errX := filepath.EvalSymlinks(a)
	y, errY := filepath.EvalSymlinks(b)
	return errX == nil && errY == nil && x == y
}
