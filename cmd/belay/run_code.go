package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/journal"
)

// Exit codes of the commands that run, from docs/design section 5.
const (
	exitRolledBack = 4
	exitStuck      = 5
	exitHeld       = 10
	exitRefused    = 11
	exitWaiting    = 12
)

// maxMemory is where the garbage collector of a command that runs begins to work
// harder, in bytes: such a command lives as long as its slowest dump, beside the
// applications.
const maxMemory = 48 << 20

// runs makes this process fit for a command that runs: it keeps little memory, and
// neither a terminal nor a pipe that is closed ends it halfway. What it says then is
// lost, and the journal has it.
func (a *app) runs() {
	debug.SetGCPercent(100)
	debug.SetMemoryLimit(maxMemory)
	// Caught and not ignored, so that the programs that it starts have the default.
	lost := make(chan os.Signal, 1)
	signal.Notify(lost, syscall.SIGHUP, syscall.SIGPIPE)
	go func() {
		for range lost {
		}
	}()
	a.ran = true
}

// runError gives an error of a run its exit code.
func runError(err error) error {
	var e *exitError
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &exitError{runCode(err), err}
}

// runCode is the exit code of an error of a run. What is stuck is so however it came
// to that, also by a signal.
func runCode(err error) int {
	var stuck *upgrade.StuckError
	var unknown *upgrade.UnknownStepError
	var damaged *journal.DamagedError
	var back *upgrade.RolledBackError
	var after *upgrade.AfterError
	var refused *upgrade.RefusedError
	var one *upgrade.Refusal
	var future *journal.FutureError
	var marker *docker.MarkerError
	var held *journal.HeldError
	var waits *waiting
	switch {
	case errors.As(err, &stuck), errors.As(err, &unknown), errors.As(err, &damaged):
		return exitStuck
	case errors.As(err, &after):
		return exitOK
	case errors.As(err, &held):
		return exitHeld
	case errors.As(err, &refused), errors.As(err, &one), errors.As(err, &future), errors.As(err, &marker):
		return exitRefused
	case errors.As(err, &waits):
		return exitWaiting
	case errors.Is(err, context.Canceled):
		return exitCancelled
	case errors.As(err, &back):
		return exitRolledBack
	}
	return exitCouldNot
}

// stuck is an error that leaves a run without its end.
func stuckError(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitStuck, err}
}

// untilSignal gives a context that the first signal ends which asks this process to end.
// Its cause says by what name people know that signal.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case sig := <-ch:
			cancel(&signalled{sig})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(context.Canceled)
		signal.Stop(ch)
	}
}

// signalled is why a command stops that a signal asked to.
type signalled struct{ os.Signal }

func (e *signalled) Error() string {
	name := e.String()
	if n, ok := e.Signal.(syscall.Signal); ok && unix.SignalName(n) != "" {
		name = unix.SignalName(n)
	}
	return "cancelled by " + name
}

// Is says that it is a cancelled context's error.
func (e *signalled) Is(target error) bool { return target == context.Canceled }

// secondSignal is closed by the second signal that asks this process to end: the
// first makes a run roll back, the second stops that too.
func secondSignal() <-chan struct{} {
	ch, out := make(chan os.Signal, 2), make(chan struct{})
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ch
		<-ch
		close(out)
	}()
	return out
}
