// Command belay guards version bumps of self-hosted docker compose stacks.
//
// This package is the only place that exits, reads the environment, reads the
// clock or prints. run is the whole program; everything below it gives values
// and errors.
//
// To add a command: one new file with a function that makes the cobra command,
// and one line in newRoot.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the image of the Action has no time zones, and windows are in some

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/github"
)

// version is set by the release build; otherwise it is read from the build info.
var version string

// The exit codes of the commands there are so far. docs/design lists them all.
const (
	exitOK        = 0
	exitFindings  = 1
	exitUsage     = 2
	exitCouldNot  = 3
	exitCancelled = 130
)

func main() {
	// A short-lived process: it ends before it has used the 24 MB at which it would collect.
	debug.SetGCPercent(600)
	ctx, stop := untilSignal(context.Background())
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// app is what every command needs of the world.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	envTexts       []envText      // the content of .env, handed over as Action inputs
	event          *event         // the event of the workflow run; nil outside of Actions
	ran            bool           // the command is one that runs: it says itself how a signal ended it
	gh             *github.Client // made by client
	sibling        *sibling       // this is the container that works on the host for the Action; nil elsewhere

	args []string // the command line
	held holder   // set where this process may itself wait while a run is held
}

// run is main without the process: everything it needs comes in as an
// argument, and everything it decides goes out as an exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	logrus.SetOutput(io.Discard) // compose-go logs names and values of variables there
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, getenv: getenv, now: time.Now}
	if a.inActions() && len(args) == 0 {
		var err error
		if args, err = a.fromInputs(); err != nil {
			return a.fail(&exitError{exitUsage, err})
		}
		if slices.Contains(hostCommands, args[0]) {
			return a.fail(a.onHost(ctx, args))
		}
	}
	return a.execute(ctx, args)
}

// execute carries out a command line.
func (a *app) execute(ctx context.Context, args []string) int {
	a.args = args
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if ctx.Err() != nil && !a.ran {
		return exitCancelled
	}
	return a.fail(err)
}

// fail prints err with the next move, and gives its exit code.
func (a *app) fail(err error) int {
	if err == nil {
		return exitOK
	}
	var e *exitError
	if !errors.As(err, &e) {
		e = &exitError{exitUsage, err} // cobra's own: a flag or an argument
	}
	if e.err == nil {
		return e.code
	}
	a.say(e.err)
	return e.code
}

// say prints err and its next move; of several errors, each with its own.
func (a *app) say(err error) {
	var all config.Errors
	if errors.As(err, &all) {
		for _, one := range all {
			a.say(one)
		}
		return
	}
	if parts, ok := err.(interface{ Unwrap() []error }); ok && len(parts.Unwrap()) > 1 && err.Error() == errors.Join(parts.Unwrap()...).Error() {
		for _, one := range parts.Unwrap() {
			a.say(one)
		}
		return
	}
	text := err.Error()
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		text += "\nhint: " + h.Hint()
	}
	for line := range strings.SplitSeq(report.Printable(text), "\n") {
		fmt.Fprintf(a.stderr, "belay: %s\n", line)
	}
}

// exitError carries the exit code to run. Without err there is nothing left to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode sorts err into the exit codes: what the user's files and flags say
// is 2, what the machine would not do is 3.
func coded(err error) error {
	var e *exitError
	var src *source.Error
	switch {
	case err == nil, errors.As(err, &e):
		return err
	case errors.As(err, &src):
		return &exitError{exitUsage, err}
	}
	return &exitError{exitCouldNot, err}
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "belay",
		Short: "Guards version bumps of self-hosted docker compose stacks",
		Long: "Belay checks the image pins of a compose stack against a policy, how its .env departs\n" +
			"from its examples, and what a version bump means before it is merged. It needs no docker\n" +
			"for that, and the network only for release notes.",
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	f := &flags{}
	f.everywhere(root)
	root.AddCommand(
		newCheck(a, f), newLint(a, f), newEnv(a, f), newNotes(a, f), newPlan(a, f), newRules(a, f), newInit(a, f), newVersion(a, f),
		newUpgrade(a, f), newCommit(a, f), newRollback(a, f), newRecover(a, f), newVerify(a, f), newBackup(a, f), newBackups(a, f),
		newStatus(a, f), newHistory(a, f), newStacks(a, f), newTree(a), newProbe(a), newSibling(a),
	)
	return root
}

// versionText is the version of this build.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return "dev"
}
