package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/markdown"
	"github.com/belaystack/belay/upgrade"
)

func newPlan(a *app, f *flags) *cobra.Command {
	u := &upgradeFlags{}
	cmd := &cobra.Command{
		Use: "plan [PATH]", Args: cobra.MaximumNArgs(1),
		Short: "Print what an upgrade of the stack that runs would do, or what a change would need",
		Long: "Plan prints what `belay upgrade` would do to the stack that runs from PATH: its steps, with what\n" +
			"stands still, how long each took the last time, and the room that is needed.\n\n" +
			"With --base it prints what the change from there to here asks of whoever deploys it: the gates\n" +
			"that it passes, the steps of the upgrade, and the way back. For that it reads files alone.\n" +
			"Either way it changes nothing.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.base == "" {
				u.profiles = f.profiles
				if f.envFile != "" {
					u.envFiles = []string{f.envFile}
				}
				return a.planOfRunning(cmd.Context(), f, strings.Join(args, ""), u)
			}
			if u.from != "" || len(u.set) > 0 || u.project != "" || len(u.files) > 0 {
				return usage("plan: --base compares files; --from, --set, --project and --file are for a stack that runs")
			}
			return a.planOf(cmd.Context(), f, strings.Join(args, ""))
		},
	}
	f.stack(cmd)
	u.planFlags(cmd)
	return cmd
}

func (a *app) planOf(ctx context.Context, f *flags, place string) error {
	r, err := a.open(ctx, f, place)
	if err != nil {
		return err
	}
	defer r.close()
	var all []*release.Dossier
	for _, s := range r.stacks {
		if s.base == nil {
			fmt.Fprintf(a.stderr, "belay: notice: %s: the base has no such stack\n", s.stack.Name)
			continue
		}
		stack := release.Stack{Base: s.base, Head: s.stack, Catalog: r.catalog, Yours: s.yours()}
		d := stack.Plan(string(s.env))
		plan(d, s, r.catalog)
		d.Stack = s.title()
		all = append(all, d)
	}
	return a.answerDossiers(f, all)
}

// plan adds how the upgrade goes and how one comes back.
func plan(d *release.Dossier, s *subject, cat *catalog.Catalog) {
	if s.base == nil || len(d.Changes)+len(d.Structure) == 0 {
		return
	}
	if i := slices.IndexFunc(d.Changes, func(c release.Change) bool { return c.Refused() }); i >= 0 {
		d.Upgrade = asSteps([]upgrade.Step{upgrade.Refused(d.Changes[i].Image)})
		return
	}
	w := upgrade.Wanted{}
	stack := release.Stack{Base: s.base, Head: s.stack, Catalog: cat}
	for _, r := range stack.Running() {
		w.Services = append(w.Services, upgrade.Service{Name: r.Name, Was: r.Was, App: r.App, OldApp: r.OldApp, Old: r.Old, New: r.New, Hidden: r.Hidden, Changed: r.Changed})
	}
	for _, g := range d.Gates {
		for _, act := range g.Do {
			w.Commands = append(w.Commands, upgrade.Command{When: act.When, Text: act.Command})
		}
	}
	d.Upgrade, d.Rollback.Steps = asSteps(upgrade.Plan(w)), asSteps(upgrade.Rollback(w))
	recorded(d, s.base)
}

// recorded adds what the record block of the base knows: when the last upgrade
// was, and the digests that the old tags stood for.
func recorded(d *release.Dossier, base *compose.Stack) {
	if len(base.Files) == 0 {
		return
	}
	record, ok, err := image.ReadRecord(base.Files[0].File)
	if !ok || err != nil {
		return
	}
	changed := map[string]int{} // by the first service of each
	for i, c := range d.Changes {
		changed[c.Services[0]] = i
	}
	last := ""
	for _, e := range record.Entries {
		last = max(last, e.Date)
		if i, ok := changed[e.Service]; ok && e.Digest != "" && d.Changes[i].OldIs(e.Image) {
			d.Rollback.To[i] += ", recorded as " + e.Digest
		}
	}
	if last != "" && len(d.Upgrade) > 0 {
		d.Upgrade[0].Text += release.Markdown(" The last upgrade on record is of " + markdown.Text(last, 10) + "; the record does not say how long it took.")
	}
}

func asSteps(plan []upgrade.Step) []release.Step {
	var out []release.Step
	for _, s := range plan {
		out = append(out, release.Step{Name: s.Name, Text: release.Markdown(s.Does), Stops: s.Stops, Commands: s.Commands})
	}
	return out
}
