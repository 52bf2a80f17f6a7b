package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/markdown"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted"
)

// approval says who has to say yes to an upgrade, when it may begin, and what was said.
type approval struct {
	dispatch bool // a plan that no person watches is approved by its hash
	windows  config.Windows
	given    string // of a hash, at least 12 hex digits; "" for none
	now      bool   // a person lets it begin outside of the windows
	attended bool
}

// waiting is why an upgrade does not begin now. Nothing was changed, and nothing failed.
type waiting struct {
	Reason string
	Hash   string    // of the plan
	Until  time.Time // when a window opens; zero where it is not that
	Next   string

	approves bool // Hash has to be given
}

func (e *waiting) Error() string { return e.Reason }

// Hint names the next move.
func (e *waiting) Hint() string { return e.Next }

// approvalFlags are those by which an upgrade is let go.
func (u *upgradeFlags) approvalFlags(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&u.approve, "approve", "", "the hash of the plan that is approved, as belay plan prints it: another plan is not carried out")
	s.BoolVar(&u.now, "now", false, "begin outside of the windows of belay.yml; at a terminal alone")
}

var hashRE = regexp.MustCompile(`^[0-9a-f]{12,64}$`)

// checkApproval looks at what the flags say.
func (u *upgradeFlags) checkApproval(attended bool) error {
	if u.approve != "" && !hashRE.MatchString(u.approve) {
		return usage("--approve: want the hash of a plan, at least 12 of its hex digits; belay plan prints it")
	}
	if u.now && !attended {
		return usage("--now is for a person at a terminal; windows: of belay.yml holds for all others")
	}
	return nil
}

// approvalOf gives what holds for an upgrade to the files of a checkout, "" for none: what
// the deployed belay.yml says, where there is one, so that a change does not loosen its
// own check; and where the checkout's asks for an approval, that too.
func (h *host) approvalOf(u *upgradeFlags) (approval, error) {
	a := approval{dispatch: h.delivery.Approval == config.Dispatch, windows: h.delivery.Windows, given: u.approve, now: u.now, attended: h.attended()}
	if u.from == "" {
		return a, nil
	}
	next, err := h.deliveryOf(u.from)
	if err != nil {
		return a, err
	}
	a.dispatch = a.dispatch || next.Approval == config.Dispatch
	if h.conf.File == "" {
		a.windows = next.Windows
	}
	return a, nil
}

// delivery is what a belay.yml says about how upgrades of a stack are let go.
type delivery struct {
	Approval config.Approval
	Windows  config.Windows
}

// deliveryOf reads it of the checkout that a folder is in.
func (h *host) deliveryOf(dir string) (delivery, error) {
	dir, _, err := h.place(dir)
	if err != nil {
		return delivery{}, err
	}
	root, err := source.OpenRoot(h.nearest(dir))
	if err != nil {
		return delivery{}, &exitError{exitCouldNot, err}
	}
	defer root.Close()
	cfg, err := (&repository{root: root}).config("")
	if err != nil {
		return delivery{}, coded(err)
	}
	s := configOf(cfg, dir, root)
	return delivery{cfg.ApprovalOf(s), cfg.WindowsOf(s)}, nil
}

// begins says whether an upgrade may begin now: where it must not, with a *waiting, which
// is told with the plan. Where the plan was approved, the spec is bound to it.
func (h *host) begins(ctx context.Context, f *flags, u *upgradeFlags, r *wanted.Result, spec *steps.Spec, refused []error) error {
	a, err := h.approvalOf(u)
	if err != nil {
		return err
	}
	now := h.now()
	spec.Options.Now = a.now && !a.windows.Open(now)
	if !a.asks(now) {
		return nil
	}
	p, in, err := h.planned(ctx, r, spec)
	if err != nil {
		return err
	}
	if r.Nothing() && !in.moved {
		spec.Approved = in.pulled // what moves after this look waits for the next one
		return nil
	}
	b := boundBy(spec, h.stack.Containers, in)
	wait := a.decide(p.Hash, now)
	if wait == nil {
		spec.Plan, spec.Approved = p.Hash, in.pulled
		return nil
	}
	if len(refused) > 0 { // nobody should approve what a check will refuse
		return runError(errors.Join(refused...))
	}
	if a.given != "" && !strings.HasPrefix(p.Hash, a.given) {
		if since := b.since(h.state, a.given); since != "" {
			wait.Reason += "; since then other: " + since
		}
	}
	wait.Next = h.nextOf(wait, u, spec)
	if err := b.keep(h.state); err != nil {
		h.say(fmt.Errorf("keep the plan: %w", err)) // it is only there to tell what differs
	}
	return h.wait(f, p, wait)
}

// asks reports whether the plan has to be known before the upgrade begins.
func (a approval) asks(now time.Time) bool {
	return a.given != "" || a.dispatch && !a.attended || !a.now && !a.windows.Open(now)
}

// decide gives why the plan with a hash must not begin now; nil when it may. Windows hold
// for what was approved, too.
func (a approval) decide(hash string, now time.Time) *waiting {
	w := &waiting{Hash: hash, approves: a.given != "" || a.dispatch && !a.attended}
	var reasons []string
	switch {
	case a.given != "" && !strings.HasPrefix(hash, a.given):
		reasons = append(reasons, "what was approved is another plan than what would be done now, "+hash)
	case a.given == "" && a.dispatch && !a.attended:
		reasons = append(reasons, "the plan waits for approval, which belay.yml asks for: "+hash)
	}
	if !a.now && !a.windows.Open(now) {
		w.Until = a.windows.Next(now)
		reasons = append(reasons, "outside of the windows; next one: "+w.Until.Format("Mon 15:04")+" "+w.Until.Location().String())
	}
	if len(reasons) == 0 {
		return nil
	}
	w.Reason = strings.Join(reasons, "; ")
	return w
}

// nextOf is the command that carries the plan out.
func (h *host) nextOf(w *waiting, u *upgradeFlags, spec *steps.Spec) string {
	words := []string{"belay upgrade", shellWord(h.stack.Project.Dir)}
	if u.from != "" {
		words = append(words, "--from", shellWord(u.from))
	}
	for _, set := range u.set {
		words = append(words, "--set", shellWord(set))
	}
	for _, f := range []struct {
		on   bool
		flag string
	}{{u.overwrite, "--overwrite"}, {u.retry, "--retry"}, {spec.Options.VerifyRestore, "--verify-restore"},
		{spec.Options.DrainTimeout > 0, "--drain-timeout " + time.Duration(spec.Options.DrainTimeout).String()}} {
		if f.on {
			words = append(words, f.flag)
		}
	}
	words = append(words, accepted(spec.Options)...)
	next := ""
	if w.approves {
		words = append(words, "--approve", w.Hash)
		if h.inActions() {
			next = "run the workflow by hand with plan-hash: " + w.Hash + "; or on the host: "
		}
	}
	if !w.Until.IsZero() {
		next = "within a window: " + next
	}
	return next + strings.Join(words, " ")
}

// wait tells the plan that waits and why, to whoever reads.
func (h *host) wait(f *flags, p runningPlan, w *waiting) error {
	w.Reason, w.Next = h.mask(w.Reason), h.mask(w.Next)
	end := runError(w)
	var err error
	if t, ok := h.tell.(*eventTeller); ok {
		code := exitWaiting
		t.print(runEvent{Time: h.now().UTC(), Event: "ended", Detail: "waiting: " + w.Reason, Plan: &p, Exit: &code})
	} else {
		err = h.answer(f, p.text(false), p)
	}
	if err = errors.Join(err, h.waitSummary(p, w)); err != nil {
		h.say(err)
	}
	return end
}

// waitSummary puts the plan that waits into the job's summary and outputs.
func (h *host) waitSummary(p runningPlan, w *waiting) error {
	head := "## " + markdown.Text(p.Project, 100) + ": the upgrade waits\n\n" + markdown.Fence("", w.Reason+"\n"+w.Next) + "\n"
	plan := p.text(false)
	end := &ending{PlanHash: w.Hash, Waiting: head + markdown.Fence("", plan[:min(len(plan), maxWaiting)])}
	if h.sibling != nil {
		h.sibling.end = *end
	}
	if !h.inActions() {
		return nil
	}
	if err := h.toWorkflow(end); err != nil {
		return fmt.Errorf("job summary: %w", err)
	}
	return nil
}

// maxWaiting bounds what is told of a plan that waits, in bytes: a summary holds a megabyte,
// with those of other steps.
const maxWaiting = 200 << 10
