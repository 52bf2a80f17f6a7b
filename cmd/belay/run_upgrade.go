package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/upgrade"
	application "github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/report"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted"
)

// upgradeFlags are those of belay upgrade.
type upgradeFlags struct {
	deployment
	from      string
	overwrite bool
	set       []string
	dryRun    bool
	retry     bool
	approve   string
	now       bool
	holdAs    string // the run that this process is to hold
	options   steps.Options
}

func newUpgrade(a *app, f *flags) *cobra.Command {
	u := &upgradeFlags{}
	cmd := &cobra.Command{
		Use: "upgrade [DIR]", Args: cobra.MaximumNArgs(1),
		Short: "Upgrade the stack that runs from here: backed up, verified, or rolled back",
		Long: "Upgrade brings the stack that runs from DIR to what its files say, to the files of a checkout\n" +
			"(--from), or to other versions of its images (--set). Where nothing differs it looks for what\n" +
			"moved behind floating tags. It backs up, measures, upgrades and verifies; when anything fails,\n" +
			"the stack is afterwards what it was before, its data included.\n\n" +
			"With --hold it stops before that is final, and waits for your own tests or for a person: belay\n" +
			"commit keeps it, belay rollback takes it back.\n\n" +
			"Exit codes: 0 upgraded, up to date or held, 4 failed and rolled back, 5 a person is needed, 10 another\n" +
			"run is under way, 11 refused before anything was changed, 12 waiting for approval or a window,\n" +
			"with nothing changed, 130 cancelled and rolled back.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := u.checkHold(cmd.Flags().Changed("hold")); err != nil {
				return err
			}
			return a.upgrade(cmd.Context(), f, strings.Join(args, ""), u)
		},
	}
	u.deployment.flags(cmd)
	u.wantedFlags(cmd)
	u.approvalFlags(cmd)
	s := cmd.Flags()
	s.BoolVar(&u.dryRun, "dry-run", false, "print the plan, and change nothing")
	s.BoolVar(&u.retry, "retry", false, "try again what failed before, also where no person watches")
	s.StringSliceVar(&u.options.AcceptUnhealthy, "accept-unhealthy", nil, "a service that may be unwell before and after")
	s.StringSliceVar(&u.options.AcceptFailing, "accept-failing-baseline", nil, "a baseline command or probe that may fail before")
	s.BoolVar(&u.options.AcceptDataLoss, "accept-data-loss", false, "roll back with the data of before, even when rows were written since")
	u.holdFlags(cmd)
	haltFlags(cmd, &u.options)
	s.BoolVar(&u.options.Reactivate, "reactivate", false, "activate workflows of n8n again that the upgrade leaves inactive; needs n8n.key-env in belay.yml")
	s.BoolVar(&u.options.NoClone, "no-clone", false, "make no clones of databases: slower to roll back, less room needed")
	s.BoolVar(&u.options.VerifyRestore, "verify-restore", false, "restore each dump into a scratch database before going on")
	return cmd
}

// haltFlags say how work that is under way is waited for, and what may be missing of the
// copy that is made when the stack stands still.
func haltFlags(cmd *cobra.Command, o *steps.Options) {
	s := cmd.Flags()
	s.DurationVar((*time.Duration)(&o.DrainTimeout), "drain-timeout", 0, "how long executions and jobs that are under way are waited for (default: drain.timeout, 10m)")
	s.BoolVar(&o.NoDrain, "no-drain", false, "cut off executions and jobs that are under way")
	cmd.MarkFlagsMutuallyExclusive("drain-timeout", "no-drain")
	uncoveredFlag(cmd, o)
}

func uncoveredFlag(cmd *cobra.Command, o *steps.Options) {
	cmd.Flags().Var((*kinds)(&o.AcceptUncovered), "accept-uncovered", "a kind of data that no backup has, and no rollback gives back: "+strings.Join(application.Kinds, ", "))
}

// kinds is a flag with kinds of data.
type kinds []application.Kind

func (k *kinds) String() string { return "" }
func (k *kinds) Type() string   { return "KIND" }
func (k *kinds) Set(text string) error {
	for _, one := range strings.Split(text, ",") {
		if !slices.Contains(application.Kinds, one) {
			return fmt.Errorf("one of: %s", strings.Join(application.Kinds, ", "))
		}
		*k = append(*k, application.Kind(one))
	}
	return nil
}

// wantedFlags say what is wanted of the stack.
func (u *upgradeFlags) wantedFlags(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&u.from, "from", "", "a checkout whose files replace those of the stack")
	s.BoolVar(&u.overwrite, "overwrite", false, "with --from: replace files that were edited on the host")
	s.StringArrayVar(&u.set, "set", nil, "a version for an image or a service: IMAGE=TAG")
	cmd.MarkFlagsMutuallyExclusive("from", "set")
}

func (u *upgradeFlags) mode() (wanted.Mode, error) {
	var m wanted.Mode
	if u.overwrite && u.from == "" {
		return m, usage("--overwrite goes with --from")
	}
	if u.from != "" {
		m.From = &wanted.From{Dir: u.from, Overwrite: u.overwrite}
	}
	for _, s := range u.set {
		p, err := wanted.ParsePin(s)
		if err != nil {
			return m, usage("--set: %w", err)
		}
		m.Set = append(m.Set, p)
	}
	return m, nil
}

// modeOf completes a mode with what belay.yml and the state folder know.
func (h *host) modeOf(m wanted.Mode) wanted.Mode {
	m.State, m.Catalog, m.Groups, m.Protected = h.state, catalog.Load(), h.groups, h.protected
	return m
}

func (a *app) upgrade(ctx context.Context, f *flags, dir string, u *upgradeFlags) error {
	m, err := u.mode()
	if err != nil {
		return err
	}
	if err := u.checkApproval(a.attended() || u.holdAs != ""); err != nil {
		return err
	}
	if u.dryRun {
		return a.planOfRunning(ctx, f, dir, u)
	}
	if u.options.Hold > 0 && u.holdAs == "" && a.held == nil {
		return a.holdApart(ctx, f, dir, u)
	}
	h, err := a.host(ctx, f, dir, u.deployment)
	if err != nil {
		return err
	}
	if h.tell, err = a.teller(f); err != nil {
		return err
	}
	run := cmp.Or(u.holdAs, h.runID())
	if err := h.lock(ctx, run, "upgrade"); err != nil {
		return err
	}
	defer h.unlock()
	if err := h.noOpenRun(); err != nil {
		return err
	}
	r, err := wanted.Compute(ctx, h.docker, h.stack, h.modeOf(m))
	if err != nil {
		return runError(err)
	}
	if h.inActions() && h.getenv("GITHUB_EVENT_NAME") == "push" && r.Nothing() {
		return h.nothingPushed(r)
	}
	spec := steps.Spec{Run: run, Kind: steps.Upgrade, Options: u.options}
	if err := h.prepare(ctx, &spec); err != nil {
		return err
	}
	if err := r.Fill(&spec); err != nil {
		return &exitError{exitCouldNot, err}
	}
	if err := h.triedBefore(&spec, u.retry || h.attended()); err != nil {
		h.discard(run)
		return err
	}
	refused, err := h.lintErrors(ctx, f, u.from, r)
	if err != nil {
		h.discard(run)
		return err
	}
	if err := h.begins(ctx, f, u, r, &spec, refused); err != nil {
		h.discard(run)
		return err
	}
	return h.carryOut(ctx, f, &spec, refused, r.Notes)
}

// nothingPushed ends an upgrade by a push that changes no file of the stack, such as that of
// what Belay itself wrote into the repository. What moved behind floating tags is for a
// schedule, or for a person.
func (h *host) nothingPushed(r *wanted.Result) error {
	if h.sibling != nil {
		h.sibling.end.Report = &report.Run{Kind: report.Upgrade, Project: h.stack.Project.Name, Belay: versionText(), Commit: r.Commit, Outcome: report.Nothing,
			Reason: "the push changes no file of the stack", Notes: r.Notes}
	}
	return h.printf("nothing to do: the push changes no file of the stack\n")
}

// attended reports whether a person sits before this command.
func (a *app) attended() bool {
	file, ok := a.stdin.(*os.File)
	return ok && !a.inActions() && columns(file) > 0
}

// goalHash names what an upgrade is to reach, from wherever and with whichever flags: what
// failed once fails again, though the plan to get there is another one (see bound).
func goalHash(s *steps.Spec) string {
	type want struct{ Service, New string }
	var all struct {
		Images []want
		Files  []steps.File
	}
	for _, c := range s.Changes {
		all.Images = append(all.Images, want{c.Service, c.New})
	}
	for _, f := range s.Files {
		all.Files = append(all.Files, steps.File{Path: f.Path, New: f.New})
	}
	b, _ := json.Marshal(all) // texts alone
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// triedBefore refuses what failed the last time it was tried: without a person it
// would fail every night, with the stack down meanwhile.
func (h *host) triedBefore(spec *steps.Spec, again bool) error {
	if again {
		return nil
	}
	all, err := readRuns(h.state)
	if err != nil {
		return stuckError(err)
	}
	want := goalHash(spec)
	for _, r := range all {
		if r.spec.Kind == steps.Backup {
			continue
		}
		if r.committed() {
			return nil
		}
		if r.closure().Outcome != upgrade.RolledBack || goalHash(&r.spec) != want {
			continue
		}
		if !r.failed() {
			continue // killed or cancelled: that says nothing about the plan
		}
		return runError(&upgrade.Refusal{Reason: "this was tried in run " + r.id + " and rolled back",
			Next: "belay history show " + r.id + " tells why; when that is mended: belay upgrade --retry"})
	}
	return nil
}

// lintErrors gives what the linter holds against the files that are wanted: those
// that stand here, as --set makes them, or those of the checkout.
func (h *host) lintErrors(ctx context.Context, f *flags, from string, wants *wanted.Result) ([]error, error) {
	dir, own := h.stack.Project.Dir, &flags{environment: f.environment, profiles: h.stack.Project.Profiles}
	if from != "" {
		dir = from
	} else {
		own.instead = map[string][]byte{}
		for path, file := range wants.New {
			if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
				path = filepath.Join(dir, filepath.Base(path))
			}
			own.instead[path] = file.Data
		}
	}
	r, err := h.app.open(ctx, own, dir)
	if err != nil {
		return nil, err
	}
	defer r.close()
	var out []error
	for _, s := range r.stacks {
		if !samePath(r.root.Abs(s.stack.Dir), dir) {
			continue
		}
		found, _ := h.app.lint(r, s, part{rules: func(string) bool { return true }}, nil, false)
		for _, x := range found {
			if x.Severity == lint.Error {
				out = append(out, &upgrade.Refusal{Reason: fmt.Sprintf("%s: %s [%s]", x.Pos, x.Message, x.Rule),
					Next: "belay lint " + shellWord(dir) + " says more"})
			}
		}
	}
	return out, nil
}
