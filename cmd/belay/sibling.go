package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/upgrade/report"
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
