package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/report"
	"github.com/belaystack/belay/upgrade/steps"
)

// report tells a run from its journal. err is what this process knows besides; nil
// for a run of another.
func (h *host) report(p pastRun, err error, notes []string) *report.Run {
	name, _ := os.Hostname() // for people
	r := &report.Run{
		ID: p.id, Kind: report.Kind(p.spec.Kind), Project: p.spec.Project.Name, Host: name, Belay: p.spec.Version, Commit: p.spec.Commit, Plan: p.spec.Plan,
		Started: p.began(), Ended: p.ended(), Accepted: accepted(p.spec.Options), Notes: notes,
	}
	r.Outcome, r.Reason = outcomeOf(p)
	r.Refusals = refusalsOf(err)
	if len(r.Refusals) > 0 {
		r.Reason = ""
	}
	held, isHeld := p.held()
	if isHeld {
		fillHeld(r, p, held)
	} else if p.open() {
		r.Next = []string{recoverCommand(p.spec)}
		var asks interface{ Consent() string }
		if errors.As(err, &asks) && asks.Consent() != "" {
			r.Next[0] += " " + asks.Consent()
		}
		r.Stands = stands(p)
	}
	var hint interface{ Hint() string }
	if r.Outcome == report.Stuck && errors.As(err, &hint) && hint.Hint() != "" && hint.Hint() != r.Next[0] {
		r.Stands = append(r.Stands, hint.Hint())
	}
	r.Notes = append(r.Notes, p.closure().Warnings...)
	r.Notes = append(r.Notes, carriedOver(p)...)
	r.Notes = append(r.Notes, leftBehind(h.runFolder(p.id))...)
	r.Notes = append(r.Notes, notWaitedFor(p)...)
	r.Notes = append(r.Notes, activatedAgain(p)...)
	var given steps.Decision
	if p.read(journal.Done, "hold", &given) {
		r.Notes = append(r.Notes, "verdict: "+given.String())
	}
	r.Steps = stepsOf(p)
	r.Downtime = downtimeOf(p, r.Steps)
	h.fillServices(r, p)
	h.fillData(r, p)
	h.fillChecks(r, p)
	h.fillBackups(r, p)
	return r
}

// fillHeld tells until when a run is held, what comes then, and how tests reach the stack.
func fillHeld(r *report.Run, p pastRun, held steps.Holding) {
	r.Until = held.Until
	r.Next = []string{commitCommand(p.spec), rollbackCommand(p.spec)}
	where, then := "closed to the outside", "rolled back"
	if held.Open {
		where = "open"
	}
	if held.Default.Verdict == steps.Keep {
		then = "committed"
	} else if held.Default.LoseData {
		then += ", and what was written to it is lost"
	}
	r.Reason = "The new stack is up, verified and " + where + ". Without a verdict until then it is " + then + "."
	if held.Network != "" {
		r.Notes = append(r.Notes, "tests reach it from within: docker run --rm --network "+shellWord(held.Network)+" IMAGE COMMAND, or docker compose exec SERVICE COMMAND")
	}
}

// outcomeOf is how a run ended, and why.
func outcomeOf(p pastRun) (report.Outcome, string) {
	why := whyOf(p)
	switch end := p.closure().Outcome; {
	case end == upgrade.Committed, end == upgrade.Returned:
		return report.Done, ""
	case end == upgrade.Unchanged:
		return report.Nothing, ""
	case end != "" && p.cancelled():
		return report.Cancelled, why
	case end == upgrade.Turned:
		return report.Refused, why
	case end == upgrade.RolledBack:
		return report.RolledBack, why
	}
	if _, ok := p.held(); ok {
		return report.Held, ""
	}
	if e := p.entries; len(e) > 0 && e[len(e)-1].Event != journal.Failed {
		return report.Running, "" // or dead: who has the lock knows
	}
	return report.Stuck, why
}

// whyOf is the first failure that a journal tells of, and that of its undo.
func whyOf(p pastRun) string {
	var first, undo string
	for _, e := range p.entries {
		var f upgrade.Failure
		if e.Event != journal.Failed && e.Event != journal.Undoing || json.Unmarshal(e.Data, &f) != nil {
			continue
		}
		switch {
		case f.Undo:
			undo = e.Step + ": " + f.Error
		case !f.After:
			first = cmp.Or(first, f.Error)
		}
	}
	if undo != "" && p.open() {
		return strings.Trim(first+"; and it could not be undone: "+undo, "; ")
	}
	return first
}

func refusalsOf(err error) []report.Refusal {
	var refused *upgrade.RefusedError
	if !errors.As(err, &refused) {
		return nil
	}
	var out []report.Refusal
	for _, r := range refused.Refusals {
		out = append(out, report.Refusal{Step: r.Step, Reason: r.Reason, Found: r.Found, Needed: r.Needed, Hint: r.Next})
	}
	for _, e := range refused.Others {
		out = append(out, report.Refusal{Reason: e.Error()})
	}
	return out
}

// accepted are the flags that left something out, or did more.
func accepted(o steps.Options) []string {
	var out []string
	for _, s := range o.AcceptUnhealthy {
		out = append(out, "--accept-unhealthy "+s)
	}
	for _, s := range o.AcceptFailing {
		out = append(out, "--accept-failing-baseline "+s)
	}
	for _, k := range o.AcceptUncovered {
		out = append(out, "--accept-uncovered "+string(k))
	}
	for _, f := range []struct {
		on   bool
		flag string
	}{{o.AcceptDataLoss, "--accept-data-loss"}, {o.KeepData, "--keep-data"}, {o.NoClone, "--no-clone"}, {o.NoDrain, "--no-drain"}, {o.Reactivate, "--reactivate"}, {o.Online, "--online"}, {o.Now, "--now"}} {
		if f.on {
			out = append(out, f.flag)
		}
	}
	return out
}

// stands says of a run without an end what is done and what is not undone.
func stands(p pastRun) []string {
	if _, ok := p.at(journal.Committed, ""); ok {
		return []string{"the new stack is verified and stays; what is left is to record it"}
	}
	var out []string
	for _, e := range p.entries {
		if e.Event != journal.Captured {
			continue
		}
		state := "begun, and not undone"
		if _, ok := p.at(journal.Done, e.Step); ok {
			state = "done, and not undone"
		}
		if _, ok := p.at(journal.Undone, e.Step); ok {
			state = "undone"
		}
		out = append(out, e.Step+": "+state)
	}
	return out
}

// stepsOf are the steps in the order in which they began.
func stepsOf(p pastRun) []report.Step {
	var out []report.Step
	find := func(name string) *report.Step {
		i := slices.IndexFunc(out, func(s report.Step) bool { return s.Name == name })
		if i < 0 {
			out = append(out, report.Step{Name: name, State: report.StepRunning})
			i = len(out) - 1
		}
		return &out[i]
	}
	at := p.began()
	for _, e := range p.entries {
		switch e.Event {
		case journal.Captured:
			find(e.Step).Started = at
		case journal.Done:
			s := find(e.Step)
			s.State, s.Ended = report.StepDone, e.Time
			if s.Started.IsZero() {
				s.Started = at // a step after the commit
			}
		case journal.Undoing, journal.Nothing:
			for i := range out {
				if s := &out[i]; s.State == report.StepRunning {
					s.State, s.Ended = report.StepFailed, e.Time
				}
			}
		case journal.Undone:
			s := find(e.Step)
			s.Undo = report.Span{From: at, To: e.Time}
			if s.State == report.StepDone {
				s.State = report.StepUndone
			}
		case journal.Failed:
			failedStep(find, e)
		}
		at = e.Time
	}
	return out
}

// failedStep notes a failure at its step: that of a Do names it in its text alone.
func failedStep(find func(string) *report.Step, e journal.Entry) {
	var f upgrade.Failure
	if json.Unmarshal(e.Data, &f) != nil {
		return
	}
	name, text := e.Step, f.Error
	if name == "" {
		var ok bool
		if name, text, ok = strings.Cut(f.Error, ": "); !ok || strings.Contains(name, " ") {
			return
		}
	}
	s := find(name)
	s.Error = text
	switch {
	case f.Undo:
		s.State = report.StepStuck
	default:
		s.State, s.Ended = report.StepFailed, e.Time
	}
}

// downtimeOf is from the first stop to the opening, or to the old stack again.
func downtimeOf(p pastRun, all []report.Step) *report.Downtime {
	from, ok := p.at(journal.Captured, "halt")
	if !ok || p.spec.Options.Online {
		return nil
	}
	var drained struct{ Closes bool }
	if p.read(journal.Captured, "drain", &drained) && drained.Closes {
		from, _ = p.at(journal.Captured, "drain")
	}
	to, undone := p.at(journal.Undone, "halt")
	if !undone {
		to, _ = p.at(journal.Done, "open")
	}
	return report.NewDowntime(from.Time, to.Time, all)
}

// writeReport keeps the report in the run's folder.
func (h *host) writeReport(p pastRun, r *report.Run) error {
	data, err := report.JSON(r)
	if err != nil {
		return err
	}
	for name, b := range map[string][]byte{"report.md": []byte(report.Markdown(r, report.Options{})), "report.html": report.HTML(r), "report.json": data} {
		if e := os.WriteFile(filepath.Join(h.runFolder(p.id), name), b, 0o600); e != nil {
			err = errors.Join(err, e)
		}
	}
	return err
}

// summarize writes the job summary and the outputs, in a workflow.
func (h *host) summarize(r *report.Run) error {
	if !h.inActions() {
		return nil
	}
	if err := h.toWorkflow(&ending{Report: r}); err != nil {
		return fmt.Errorf("job summary: %w", err)
	}
	return nil
}

// sayEnd prints how a run ended: to a program its last event, to a person what
// decides. It gives the error that is left to say: none where the text has said it.
func (h *host) sayEnd(f *flags, p pastRun, r *report.Run, end error) error {
	code := exitOK
	var e *exitError
	if errors.As(end, &e) {
		code = e.code
	}
	if t, ok := h.tell.(*eventTeller); ok {
		t.print(runEvent{Time: h.now().UTC(), Run: p.id, Event: "ended", Detail: string(r.Outcome), Exit: &code})
		return end
	}
	_ = h.printf("%s\nreport: %s\n", report.Text(r, h.columns(), h.color(f)), filepath.Join(h.runFolder(p.id), "report.html"))
	if end == nil || r.Reason == "" && len(r.Refusals) == 0 && len(r.Notes) == 0 {
		return end
	}
	return &exitError{code: code}
}

// columns is the width of the terminal that is printed to; 0 without one.
func (a *app) columns() int {
	if file, ok := a.stdout.(*os.File); ok {
		return columns(file)
	}
	return 0
}
