package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted"
)

// planFlags add to belay plan what it takes from belay upgrade.
func (u *upgradeFlags) planFlags(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVarP(&u.project, "project", "p", "", "of a stack that runs: the compose project, where several run from the folder")
	s.StringSliceVarP(&u.files, "file", "f", nil, "of a stack that runs: its compose files")
	u.wantedFlags(cmd)
}

// runningPlan is what `belay plan --format json` says of a stack that runs.
type runningPlan struct {
	Version  int             `json:"version"`
	Project  string          `json:"project"`
	Hash     string          `json:"hash"` // by which this plan and no other is approved
	Changes  []string        `json:"changes"`
	Files    []string        `json:"files"`
	Steps    []plannedStep   `json:"steps"`
	Notes    []string        `json:"notes,omitempty"`
	Estimate *steps.Estimate `json:"estimate,omitempty"` // bytes
	Likely   float64         `json:"seconds,omitempty"`  // of all steps, by the last run
}

type plannedStep struct {
	Name     string   `json:"name"`
	Does     string   `json:"does"` // Markdown
	Stops    []string `json:"stops,omitempty"`
	Commands []string `json:"commands,omitempty"`
	Took     float64  `json:"seconds,omitempty"` // the last time
}

// planOfRunning prints what an upgrade of the stack that runs would do.
func (a *app) planOfRunning(ctx context.Context, f *flags, dir string, u *upgradeFlags) error {
	m, err := u.mode()
	if err != nil {
		return err
	}
	h, err := a.host(ctx, f, dir, u.deployment)
	var found *exitError
	if errors.As(err, &found) && found.err != nil {
		return &exitError{found.code, &noPlan{found.err}}
	}
	if err != nil {
		return err
	}
	r, err := wanted.Compute(ctx, h.docker, h.stack, h.modeOf(m))
	if err != nil {
		return runError(err)
	}
	servers, err := steps.Servers(ctx, h.docker, h.stack.Containers)
	if err != nil {
		return runError(err)
	}
	spec := steps.Spec{Run: h.runID(), Kind: steps.Upgrade, State: h.state, Servers: servers, Config: h.conf, Options: u.options}
	h.docker.Run = spec.Run
	r.Describe(&spec)
	p, in, err := h.planned(ctx, r, &spec)
	if err != nil {
		return err
	}
	return a.answer(f, p.text(r.Nothing() && !in.moved), p)
}

// planned is the plan of a spec, with what the images mean that it would pull.
func (h *host) planned(ctx context.Context, r *wanted.Result, spec *steps.Spec) (runningPlan, incoming, error) {
	in, err := incomingOf(ctx, h.docker, registryClient(), spec)
	if err != nil {
		return runningPlan{}, in, runError(err)
	}
	p := runningPlan{Version: 1, Project: h.stack.Project.Name, Hash: boundBy(spec, h.stack.Containers, in).hash(), Notes: slices.Concat(r.Notes, in.notes)}
	sh := &steps.Host{Spec: *spec, Docker: h.docker, Store: h.store, Mask: h.mask, Now: h.now}
	e, err := sh.Estimate(ctx)
	if err == nil {
		p.Estimate = &e
	} else {
		p.Notes = append(p.Notes, "how much room is needed could not be measured: "+h.mask(err.Error()))
	}
	planned := r.Plan(commandsOf(r), wanted.Estimates{Backup: e.Backup, Needed: e.Backup + e.Clones + e.Images, Free: e.FreeStore, Took: h.tookBefore()})
	p.Files = planned.Files
	for _, s := range planned.Steps {
		p.Steps = append(p.Steps, plannedStep{s.Name, s.Does, s.Stops, s.Commands, s.Took.Seconds()})
		p.Likely += s.Took.Seconds()
	}
	for _, s := range r.Services {
		p.Changes = append(p.Changes, changeText(s)...)
	}
	p.Changes = append(p.Changes, in.changes...)
	return p, in, nil
}

// noPlan says how to plan without a stack that runs.
type noPlan struct{ err error }

func (e *noPlan) Error() string { return e.err.Error() }
func (e *noPlan) Unwrap() error { return e.err }

// Hint names the next move.
func (e *noPlan) Hint() string {
	var h interface{ Hint() string }
	if errors.As(e.err, &h) && h.Hint() != "" {
		return h.Hint() + "; or plan a change of files alone: belay plan --base REF"
	}
	return "to plan a change of files alone: belay plan --base REF"
}

func changeText(s wanted.Service) []string {
	old, now := s.Old, s.New
	if s.Hidden {
		old, now = "…", "…"
	}
	switch {
	case s.Name == "":
		return []string{s.Was + ": goes"}
	case s.Was == "":
		return []string{s.Name + ": is new, " + now}
	case s.Moved:
		return []string{s.Name + ": " + now + ", which means another image now"}
	case s.Changed:
		return []string{s.Name + ": " + old + " -> " + now}
	}
	return nil
}

// commandsOf are those that gates on the way ask for.
func commandsOf(r *wanted.Result) []upgrade.Command {
	var out []upgrade.Command
	told := map[string]bool{}
	for _, s := range r.Services {
		old, err := image.Parse(s.Old)
		now, e := image.Parse(s.New)
		if err != nil || e != nil || s.Hidden {
			continue
		}
		for _, g := range catalog.Load().Gates(old, now) {
			for _, act := range g.Do {
				if act.Command != "" && !told[act.Command] {
					told[act.Command] = true
					out = append(out, upgrade.Command{When: act.When, Text: act.Command})
				}
			}
		}
	}
	return out
}

// partsOf are the steps of a run that a step of a plan stands for.
func partsOf(step string) []string {
	switch step {
	case "pull":
		return []string{"pull", "keep-images", "snapshot-files"}
	case "baseline":
		return []string{"baseline-live"}
	case "halt":
		return []string{"halt", "baseline-data"}
	case "backup":
		return []string{"backup", "verify-backup", "clone"}
	case "apply-files":
		return []string{"hand-over", "apply-files"}
	case "verify":
		return []string{"verify", "open"}
	case "record":
		return []string{"record", "retention"}
	}
	return []string{step}
}

// tookBefore is how long each step took in the last upgrade that was committed.
func (h *host) tookBefore() map[string]time.Duration {
	out := map[string]time.Duration{}
	all, err := readRuns(h.state)
	if err != nil {
		return out
	}
	for _, r := range all {
		if r.spec.Kind != steps.Upgrade || !r.committed() {
			continue
		}
		at := r.began()
		took := map[string]time.Duration{}
		for _, e := range r.entries {
			if e.Event == journal.Captured || e.Event == journal.Done {
				took[e.Step] += e.Time.Sub(at)
			}
			at = e.Time
		}
		for _, name := range []string{"preflight", "pull", "baseline", "halt", "backup", "apply-files", "migrate", "launch", "verify", "record"} {
			for _, part := range partsOf(name) {
				out[name] += took[part]
			}
		}
		break
	}
	return out
}

func (p runningPlan) text(nothing bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", p.Project)
	if nothing {
		b.WriteString("files and images are as wanted, and no tag has moved: nothing would be stopped\n")
	} else {
		b.WriteString("what would change\n")
	}
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "  %s\n", c)
	}
	for _, f := range p.Files {
		fmt.Fprintf(&b, "  file %s\n", f)
	}
	for i, s := range p.Steps {
		took := ""
		if s.Took > 0 {
			took = " (" + brief(time.Duration(s.Took*float64(time.Second))) + " the last time)"
		}
		fmt.Fprintf(&b, "%3d. %s%s: %s\n", i+1, s.Name, took, strings.ReplaceAll(s.Does, "`", ""))
		if len(s.Stops) > 0 {
			fmt.Fprintf(&b, "     stands still: %s\n", strings.Join(s.Stops, ", "))
		}
		for _, c := range s.Commands {
			fmt.Fprintf(&b, "     $ %s\n", c)
		}
	}
	if e := p.Estimate; e != nil {
		fmt.Fprintf(&b, "room: at most %s for the backup, %s are free there; %s for clones beside the databases, %s are free; about %s for images\n",
			size(e.Backup), size(e.FreeStore), size(e.Clones), size(e.FreeData), size(e.Images))
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	fmt.Fprintf(&b, "plan: %s\n", p.Hash)
	return b.String()
}
