package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
)

func newCommit(a *app, f *flags) *cobra.Command {
	var d deployment
	cmd := &cobra.Command{
		Use: "commit [DIR]", Args: cobra.MaximumNArgs(1),
		Short: "Keep the upgrade that is held: open it, and end its run",
		Long: "Commit gives the verdict on an upgrade that waits for one (belay upgrade --hold), and follows it\n" +
			"to its end. The other verdict is belay rollback.\n\n" +
			"Exit codes: 0 committed, 4 rolled back all the same, 5 a person is needed, 11 no run is held.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.commitHeld(cmd.Context(), f, strings.Join(args, ""), d)
		},
	}
	d.flags(cmd)
	return cmd
}

// commitHeld keeps the run that is held.
func (a *app) commitHeld(ctx context.Context, f *flags, dir string, d deployment) error {
	h, err := a.hostOfDead(ctx, f, dir, d)
	if errors.Is(err, errNoRuns) {
		return runError(&upgrade.Refusal{Reason: "no run is held: " + err.Error(), Next: "belay upgrade --hold 20m begins one"})
	}
	if err != nil {
		return err
	}
	if h.tell, err = a.teller(f); err != nil {
		return err
	}
	run, err := h.toCommit()
	if err != nil {
		return err
	}
	if run.alive() {
		given, err := steps.Decide(h.runFolder(run.id), h.verdict(steps.Keep, "commit"))
		if err != nil {
			return &exitError{exitCouldNot, err}
		}
		if given.Verdict != steps.Keep {
			h.say(fmt.Errorf("run %s has its verdict already: %s", run.id, given))
		}
		if run, err = h.follow(ctx, run); err != nil {
			return err
		}
	}
	if run.abandoned() {
		return a.undoAbandoned(ctx, f, dir, d, run, recovery{}, exitRolledBack)
	}
	return h.ended(f, run, run.exit())
}

// toCommit is the run that is held, whether its holder lives or not.
func (h *host) toCommit() (pastRun, error) {
	all, err := readRuns(h.state)
	if err != nil {
		return pastRun{}, stuckError(err)
	}
	all = slices.DeleteFunc(all, func(r pastRun) bool { return r.spec.Kind != steps.Upgrade && !r.open() })
	if len(all) == 0 {
		return pastRun{}, runError(&upgrade.Refusal{Reason: "no run is held, and there was no upgrade", Next: "belay upgrade --hold 20m begins one"})
	}
	r := all[0]
	if _, ok := r.holding(); ok {
		return r, nil
	}
	outcome, _ := outcomeOf(r)
	what := fmt.Sprintf("%s, %s at %s", r.id, outcome, r.ended().Format(time.RFC3339))
	if d, ok, err := steps.Decided(h.runFolder(r.id)); ok && err == nil && !r.open() {
		what += "; its verdict was " + d.String()
	}
	switch {
	case !r.open():
		return r, runError(&upgrade.Refusal{Reason: "no run is held", Found: what, Next: "belay history show " + r.id + " tells of it"})
	case r.alive():
		return r, runError(&upgrade.Refusal{Reason: string(r.spec.Kind) + " run " + r.id + " is under way, and not held", Next: "belay status says how far it is"})
	}
	return r, stuckError(&openRun{r})
}

// takeBackNow takes the upgrade back that is held or under way, which is the one that is
// named or none is. False: there is none, and what is to be taken back has ended.
func (a *app) takeBackNow(ctx context.Context, f *flags, target string, u *rollbackFlags) (bool, error) {
	h, err := a.hostOfDead(ctx, f, "", u.deployment)
	if err != nil {
		return false, nil // who looks for the stack that runs says why
	}
	run, ok := h.underWay()
	if !ok || !strings.HasPrefix(run.id, target) {
		return false, nil
	}
	if u.options.KeepData {
		return true, usage("--keep-data: run %s has not ended, and goes back with its data", run.id)
	}
	if h.tell, err = a.teller(f); err != nil {
		return true, err
	}
	if run.alive() {
		if err := h.mayLose(ctx, run, u.loseData); err != nil {
			return true, err
		}
		d := h.verdict(steps.TakeBack, "rollback")
		d.LoseData = u.loseData
		given, err := steps.Decide(h.runFolder(run.id), d)
		if err != nil {
			return true, &exitError{exitCouldNot, err}
		}
		if given.Verdict != steps.TakeBack {
			h.say(fmt.Errorf("run %s has its verdict already: %s", run.id, given))
		}
		if run, err = h.follow(ctx, run); err != nil {
			return true, err
		}
	}
	if run.abandoned() {
		return true, a.undoAbandoned(ctx, f, run.spec.Project.Dir, u.deployment.elsewhere(), run, recovery{loseData: u.loseData}, exitOK)
	}
	switch {
	case run.committed():
		_ = h.ended(f, run, exitRefused) // the error says the same
		return true, runError(&upgrade.Refusal{Reason: "run " + run.id + " was committed before it could be taken back", Next: "belay rollback " + run.id + " says what that takes"})
	case run.exit() == exitStuck:
		return true, h.ended(f, run, exitStuck)
	}
	return true, h.ended(f, run, exitOK)
}

// underWay is the upgrade that has not ended: held, or carried out by a process that lives.
func (h *host) underWay() (pastRun, bool) {
	open, err := h.openRuns()
	if err != nil || len(open) == 0 || open[0].spec.Kind != steps.Upgrade {
		return pastRun{}, false
	}
	_, held := open[0].holding()
	return open[0], held || open[0].alive()
}

// elsewhere is the deployment without its folder, for a command that is given it.
func (d deployment) elsewhere() deployment {
	d.projectDir = ""
	return d
}

// mayLose refuses to take a run back that has opened the stack to somebody who wrote.
func (h *host) mayLose(ctx context.Context, run pastRun, agreed bool) error {
	if _, opened := run.at(journal.Captured, "open"); !opened || agreed {
		return nil
	}
	h.docker.Run = run.id
	sh := &steps.Host{Spec: run.spec, Docker: h.docker, Run: &upgrade.Run{ID: run.id, Journal: past(run.entries)}, Mask: h.mask, Now: h.now, Getenv: h.getenv, Engine: engineWait}
	err := sh.WrittenSince(ctx)
	var written *steps.WrittenError
	if !errors.As(err, &written) {
		return runError(err)
	}
	return runError(&upgrade.Refusal{Reason: written.Error(), Needed: "your word on it",
		Next: rollbackCommand(run.spec) + " --accept-data-loss gives them up; " + commitCommand(run.spec) + " keeps them"})
}

// past is a journal that is only read.
type past []journal.Entry

func (p past) Entries() []journal.Entry { return p }

func (p past) Append(journal.Event, string, json.RawMessage) error {
	return errors.New("this journal is another process's")
}

// verdict says who gives one.
func (h *host) verdict(call steps.Call, command string) steps.Decision {
	o := h.owner("", command)
	who := fmt.Sprintf("process %d", o.PID)
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	by := fmt.Sprintf("%s, %s on %s", o.Command, who, cmp.Or(o.Host, "an unknown host"))
	if o.URL != "" {
		by += ", " + o.URL
	}
	return steps.Decision{Verdict: call, By: by, At: h.now().UTC().Truncate(time.Second)}
}

// follow tells how a run of another process goes on, until it has ended or nobody carries
// it out any more.
func (h *host) follow(ctx context.Context, run pastRun) (pastRun, error) {
	seen := len(run.entries)
	for {
		alive := run.alive() // before the journal is read: what it wrote last is seen
		now, err := readRun(h.state, run.id)
		if err != nil {
			return run, &exitError{exitCouldNot, err}
		}
		for i := seen; i < len(now.entries); i++ {
			h.retell(now.id, now.entries[i], now.entries[i-1].Time)
		}
		run, seen = now, len(now.entries)
		if !alive || run.damage != nil {
			return run, nil
		}
		select {
		case <-ctx.Done():
			return run, &exitError{exitCancelled, fmt.Errorf("%w: run %s goes on without this command; belay status says how far it is", context.Cause(ctx), run.id)}
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// retell tells of an entry as the run itself would have.
func (h *host) retell(run string, e journal.Entry, before time.Time) {
	p := upgrade.Progress{Run: run, Step: e.Step, Event: e.Event, Time: e.Time}
	var fail upgrade.Failure
	if e.Event == journal.Failed && json.Unmarshal(e.Data, &fail) == nil {
		p.Detail = h.mask(fail.Error)
	}
	begins := p
	begins.Time = before
	switch e.Event {
	case journal.Captured:
		begins.Event = upgrade.Starting
		h.tell.step(begins)
	case journal.Undone:
		begins.Event = journal.Undoing
		h.tell.step(begins)
	}
	h.tell.step(p)
}

// ended prints the report of a run that another process carried out, and gives the code.
func (h *host) ended(f *flags, run pastRun, code int) error {
	var end error
	if code != exitOK {
		end = &exitError{code: code}
	}
	r := h.report(run, nil, nil)
	h.sibling.ended(h, run, r)
	if err := h.summarize(r); err != nil { // the run is what it is without
		h.say(&masked{err, h.mask})
	}
	return h.sayEnd(f, run, r, end)
}

// undoAbandoned undoes a held run whose process died. code is for one that is undone.
func (a *app) undoAbandoned(ctx context.Context, f *flags, dir string, d deployment, run pastRun, o recovery, code int) error {
	a.say(fmt.Errorf("the process that held run %s is gone, and nobody watched the stack since: it is rolled back, and not committed", run.id))
	if err := a.recover(ctx, f, dir, d, o); err != nil || code == exitOK {
		return err
	}
	return &exitError{code: code}
}
