package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
)

// engineWait is how long an engine that is gone is waited for: the daemon of a host
// that boots takes its time.
const engineWait = 5 * time.Minute

func newRecover(a *app, f *flags) *cobra.Command {
	var d deployment
	var o recovery
	cmd := &cobra.Command{
		Use: "recover [DIR]", Args: cobra.MaximumNArgs(1),
		Short: "Finish or undo a run that died",
		Long: "Recover goes on with a run that has no end: killed, out of room, cut off by a reboot. It waits\n" +
			"for what that run left at work, finishes what was committed and takes back everything else.\n" +
			"It can be killed and run again. Where nothing is left to do it says so.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.recover(cmd.Context(), f, strings.Join(args, ""), d, o)
		},
	}
	d.flags(cmd)
	cmd.Flags().BoolVar(&o.loseData, "accept-data-loss", false, "give the data of before back, even when rows were written since")
	cmd.Flags().BoolVar(&o.anyVersion, "any-version", false, "go on with this version where the one that began the run cannot be had any more")
	return cmd
}

// recovery is what a person allows a recovery.
type recovery struct{ loseData, anyVersion bool }

func (a *app) recover(ctx context.Context, f *flags, dir string, d deployment, o recovery) error {
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
		if err := h.recoverOne(ctx, f, run, o); err != nil {
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
		return runError(h.busy(err))
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

func (h *host) recoverOne(ctx context.Context, f *flags, run pastRun, o recovery) error {
	spec := run.spec
	if run.damage != nil || len(run.entries) == 0 {
		return stuckError(&openRun{run})
	}
	if err := h.sameBinary(&spec, o.anyVersion); err != nil {
		return stuckError(err)
	}
	h.docker.Run = run.id
	spec.Options.AcceptDataLoss = spec.Options.AcceptDataLoss || o.loseData
	if err := h.docker.EndLeftovers(ctx, run.id); err != nil {
		return stuckError(err)
	}
	if err := steps.EndSessions(ctx, h.docker, spec.Project.Name, run.id); err != nil {
		return stuckError(err)
	}
	if err := steps.DropUnfinished(h.runFolder(run.id)); err != nil {
		return stuckError(err)
	}
	log, err := journal.Open(filepath.Join(h.runFolder(run.id), "journal"), h.now)
	if err != nil {
		return stuckError(err)
	}
	defer log.Close()
	h.store, h.conf = &backup.Store{Dir: spec.Backups, Reserve: storeReserve}, spec.Config
	h.readKeys()
	_, err = h.runOf(&spec, log, nil).Recover(ctx)
	return h.conclude(h.format(f), run.id, err, nil)
}

// format is what a recovery prints like; nothing of other flags matters to it.
func (h *host) format(f *flags) *flags { return &flags{format: f.format, noColor: f.noColor} }

// sameBinary starts the program that began the run in the place of this one, where
// it is another: only it knows its steps for certain. Without it a person has to say
// that this one is to go on.
func (h *host) sameBinary(spec *steps.Spec, anyVersion bool) error {
	own, _ := h.keepBinary() // a disk that is full must not keep it from recovering
	kept := filepath.Join(h.state, "bin", spec.Binary)
	sum, err := sumOf(kept)
	switch {
	case own == spec.Binary && err == nil:
		h.docker.Binary = kept
		return nil
	case own == spec.Binary, spec.Binary == "":
		return nil
	case err == nil && sum != spec.Binary:
		err = fmt.Errorf("%s: damaged: its content is not what its name says", kept)
	}
	if err != nil && anyVersion {
		return nil
	}
	if err != nil {
		return &otherBinary{spec: *spec, version: versionText(), path: kept, err: err}
	}
	h.say(fmt.Errorf("run %s was begun by belay %s: that one goes on with it", spec.Run, spec.Version))
	h.unlock() // what follows takes it again
	return syscall.Exec(kept, append([]string{kept}, os.Args[1:]...), os.Environ())
}

// otherBinary is a run that another program began, which is not there any more.
type otherBinary struct {
	spec          steps.Spec
	version, path string
	err           error
}

func (e *otherBinary) Error() string {
	return fmt.Sprintf("run %s was begun by another belay, %s, and this is %s; the copy that was kept cannot be used: %v", e.spec.Run, e.spec.Version, e.version, e.err)
}

func (e *otherBinary) Unwrap() error { return e.err }

// Hint names the next move.
func (e *otherBinary) Hint() string {
	return "copy belay " + e.spec.Version + " to " + e.path + ", or run its recover; where it cannot be had any more: " + recoverCommand(e.spec) + " --any-version"
}
