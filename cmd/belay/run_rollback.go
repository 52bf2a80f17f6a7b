package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted"
)

// rollbackFlags are those of belay rollback.
type rollbackFlags struct {
	deployment
	service  string
	to       string
	loseData bool
	options  steps.Options
}

func newRollback(a *app, f *flags) *cobra.Command {
	u := &rollbackFlags{}
	cmd := &cobra.Command{
		Use: "rollback [RUN]", Args: cobra.MaximumNArgs(1),
		Short: "Take an upgrade back: one that is held or under way, or one that was committed, its data if you say so",
		Long: "Rollback brings the stack back to what it was before RUN, by default the last upgrade. The data\n" +
			"of today is backed up first, and when anything fails the stack is afterwards what it is now.\n" +
			"An upgrade that is held, or under way, is told to roll back, and followed to its end.\n\n" +
			"What becomes of the data has to be said: --accept-data-loss gives the data of before RUN back and\n" +
			"gives up what was written since; --keep-data keeps it, which only works where no migration ran.\n" +
			"With --service one service goes back, with those that carry its version, and no data is touched.",
		RunE: func(cmd *cobra.Command, args []string) error {
			run := strings.Join(args, "")
			switch {
			case u.service == "" && u.to != "":
				return usage("--to goes with --service")
			case u.service != "" && run != "":
				return usage("--service %s: name no run, but with --to the version to go back to", u.service)
			case u.service != "":
				return a.rollbackService(cmd.Context(), f, u)
			}
			return a.rollback(cmd.Context(), f, run, u)
		},
	}
	u.deployment.flags(cmd)
	s := cmd.Flags()
	s.StringVar(&u.service, "service", "", "take back this service alone, and those that carry its version")
	s.StringVar(&u.to, "to", "", "with --service: the version, a tag or sha256:… (default: the one before)")
	s.BoolVar(&u.loseData, "accept-data-loss", false, "give the data of before back; what was written since is given up")
	s.BoolVar(&u.options.KeepData, "keep-data", false, "keep the data of today; refused where a migration ran since")
	s.StringSliceVar(&u.options.AcceptUnhealthy, "accept-unhealthy", nil, "a service that may be unwell before and after")
	s.StringSliceVar(&u.options.AcceptFailing, "accept-failing-baseline", nil, "a baseline command or probe that may fail before")
	haltFlags(cmd, &u.options)
	s.BoolVar(&u.options.NoClone, "no-clone", false, "make no clones of databases: slower to undo, less room needed")
	cmd.MarkFlagsMutuallyExclusive("accept-data-loss", "keep-data")
	cmd.MarkFlagsMutuallyExclusive("service", "accept-data-loss")
	cmd.MarkFlagsMutuallyExclusive("service", "keep-data")
	return cmd
}

// rollback takes a whole run back.
func (a *app) rollback(ctx context.Context, f *flags, target string, u *rollbackFlags) error {
	if now, err := a.takeBackNow(ctx, f, target, u); now {
		return err
	}
	h, run, err := a.begin(ctx, f, "", u.deployment, "rollback")
	if err != nil {
		return err
	}
	defer h.unlock()
	all, err := readRuns(h.state)
	if err != nil {
		return &exitError{exitCouldNot, err}
	}
	back, err := h.toTakeBack(all, target)
	if err != nil {
		return err
	}
	notes, err := h.dataQuestion(ctx, back, u)
	if err != nil {
		return err
	}
	spec := steps.Spec{Run: run, Kind: steps.Rollback, Options: u.options, Restore: back.spec.Backup}
	err = h.prepare(ctx, &spec)
	if err == nil {
		err = h.before(ctx, &spec, all, back)
	}
	if err != nil {
		h.discard(run)
		return err
	}
	for _, m := range spec.Moves {
		notes = append(notes, fmt.Sprintf("%s: back to the data of PostgreSQL %d in %s; those of %d stay in %s", m.Service, m.To, m.New.Name(), m.From, m.Old.Name()))
	}
	return h.carryOut(ctx, f, &spec, nil, append(notes, "goes back to what was before run "+back.id))
}

// toTakeBack is the run that is named, or the last upgrade that was not taken back.
func (h *host) toTakeBack(all []pastRun, target string) (pastRun, error) {
	if target != "" {
		r, err := h.run(target)
		if err == nil && (!r.committed() || r.spec.Kind == steps.Backup) {
			outcome, _ := outcomeOf(r)
			err = usage("run %s changed nothing that could be taken back: %s, %s; `belay history` lists all", r.id, r.spec.Kind, outcome)
		}
		return r, err
	}
	taken := map[string]bool{}
	for _, r := range all {
		switch {
		case !r.committed():
		case r.spec.Kind == steps.Rollback && r.changes():
			taken[r.spec.Restore] = true
		case r.spec.Kind == steps.Upgrade && !taken[r.spec.Backup]:
			return r, nil
		}
	}
	return pastRun{}, runError(&upgrade.Refusal{Reason: "there is no upgrade to take back", Next: "belay history lists the runs; belay backups the data that can be restored"})
}

// changes reports whether a run changed files or images.
func (r pastRun) changes() bool {
	return len(r.spec.Files) > 0 || slices.ContainsFunc(r.spec.Changes, func(c steps.Change) bool {
		return c.Old != c.New || c.New != "" && r.spec.Images[c.New] != "" && r.spec.Images[c.New] != c.OldID
	})
}

// asDeployed completes a spec with the files on disk, which have to be those of the
// stack that runs.
func (h *host) asDeployed(ctx context.Context, spec *steps.Spec) error {
	r, err := wanted.Compute(ctx, h.docker, h.stack, h.modeOf(wanted.Mode{}))
	if err != nil {
		return runError(err)
	}
	if err := r.Fill(spec); err != nil {
		return &exitError{exitCouldNot, err}
	}
	if len(spec.Files) > 0 {
		return runError(&upgrade.Refusal{Reason: "files on disk are not those of the stack that runs", Found: spec.Files[0].Path,
			Next: "carry them out with belay upgrade, or put them back"})
	}
	return nil
}

// before completes a spec with the files and the images of before a run.
func (h *host) before(ctx context.Context, spec *steps.Spec, all []pastRun, back pastRun) error {
	if err := h.asDeployed(ctx, spec); err != nil {
		return err
	}
	if err := h.filesBefore(spec, all, back); err != nil {
		return runError(err)
	}
	spec.Moves = movesBefore(all, back)
	return runError(h.imagesBefore(ctx, spec, back))
}

// imagesBefore has every service go back to the image that it ran on.
func (h *host) imagesBefore(ctx context.Context, spec *steps.Spec, back pastRun) error {
	spec.Images = map[string]string{}
	was := map[string]steps.Change{}
	for _, c := range back.spec.Changes {
		if c.Old == "" {
			continue
		}
		_, here, err := h.docker.Image(ctx, c.OldID)
		if err != nil {
			return err
		}
		if !here && !h.again(ctx, spec, back, c.OldID) {
			return &upgrade.Refusal{Reason: "the image that " + c.Service + " ran on before is not here any more", Found: "no " + c.OldID,
				Next: "go back one service at a time: belay rollback --service " + c.Service + " --to VERSION"}
		}
		was[c.Service] = c
		spec.Images[c.Old] = c.OldID
	}
	for i := range spec.Changes {
		c := &spec.Changes[i]
		b := was[c.Service] // none: it goes
		c.New, c.Local, c.Hidden = b.Old, true, c.Hidden || b.Hidden
		delete(was, c.Service)
	}
	for _, service := range sortedKeys(was) {
		b := was[service]
		spec.Changes = append(spec.Changes, steps.Change{Service: service, New: b.Old, Local: true, Hidden: b.Hidden})
	}
	return nil
}

// again reports whether the run can get an image again that ran before another run and
// is not here any more: from its registry, or from the backup that is given back.
func (h *host) again(ctx context.Context, spec *steps.Spec, back pastRun, id string) bool {
	var held []steps.Held
	back.read(journal.Done, "keep-images", &held)
	for _, x := range held {
		if x.ID == id && len(x.Digests) > 0 {
			if spec.Digests == nil {
				spec.Digests = map[string][]string{}
			}
			spec.Digests[id] = x.Digests
			return true
		}
	}
	b, err := h.openBackup(ctx, spec.Restore)
	if err != nil {
		return false
	}
	saved, err := steps.SavedImage(b, id)
	return err == nil && saved != ""
}

// restoreBackup gives the stack the data of a backup. Its files and images stay.
func (a *app) restoreBackup(ctx context.Context, f *flags, d deployment, id string, o steps.Options) error {
	h, run, err := a.begin(ctx, f, "", d, "backups restore")
	if err != nil {
		return err
	}
	defer h.unlock()
	b, err := h.openBackup(ctx, id)
	if err != nil {
		return err
	}
	if !o.AcceptDataLoss {
		return runError(&upgrade.Refusal{Reason: "what was written since " + b.Created.Format("2006-01-02 15:04:05 UTC") + " would be given up, in databases and volumes",
			Next: "belay backups restore " + b.ID + " --accept-data-loss; the data of today is backed up first"})
	}
	o.AcceptDataLoss = false // of this run's own undo nothing was said
	spec := steps.Spec{Run: run, Kind: steps.Rollback, Options: o, Restore: b.ID}
	err = h.prepare(ctx, &spec)
	if err == nil {
		err = h.today(ctx, &spec)
	}
	if err != nil {
		h.discard(run)
		return err
	}
	return h.carryOut(ctx, f, &spec, nil, []string{"gives back the data of backup " + b.ID + ", as was accepted by --accept-data-loss"})
}

// today completes a spec with the files and images as they are.
func (h *host) today(ctx context.Context, spec *steps.Spec) error {
	if err := h.asDeployed(ctx, spec); err != nil {
		return err
	}
	spec.Images = map[string]string{}
	for i := range spec.Changes {
		c := &spec.Changes[i]
		if c.Old == "" {
			return runError(&upgrade.Refusal{Reason: "service " + c.Service + " does not run", Next: "docker compose up -d first"})
		}
		c.New, c.Local, spec.Images[c.Old] = c.Old, true, c.OldID
	}
	return nil
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
