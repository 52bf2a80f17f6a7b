package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted"
)

func newBackup(a *app, f *flags) *cobra.Command {
	var d deployment
	var o steps.Options
	cmd := &cobra.Command{
		Use: "backup [DIR]", Args: cobra.MaximumNArgs(1),
		Short: "Back the stack up: databases, volumes and files of one moment",
		Long: "Backup stops everything but PostgreSQL, copies databases, volumes and files, reads the copy back,\n" +
			"and starts the stack again. With --online nothing is stopped; the parts of such a backup are\n" +
			"not of one moment, and its manifest says so.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.backup(cmd.Context(), f, strings.Join(args, ""), d, o)
		},
	}
	d.flags(cmd)
	s := cmd.Flags()
	haltFlags(cmd, &o)
	s.BoolVar(&o.Online, "online", false, "stop nothing: a backup that is not of one moment")
	s.BoolVar(&o.VerifyRestore, "verify-restore", false, "restore each dump into a scratch database to prove it")
	s.StringSliceVar(&o.AcceptUnhealthy, "accept-unhealthy", nil, "a service that may be unwell before and after")
	s.StringSliceVar(&o.AcceptFailing, "accept-failing-baseline", nil, "a baseline command or probe that may fail before")
	return cmd
}

func (a *app) backup(ctx context.Context, f *flags, dir string, d deployment, o steps.Options) error {
	h, run, err := a.begin(ctx, f, dir, d, "backup")
	if err != nil {
		return err
	}
	defer h.unlock()
	spec := steps.Spec{Run: run, Kind: steps.Backup, Options: o}
	if err := h.prepare(ctx, &spec); err != nil {
		return err
	}
	notes, err := h.asItRuns(ctx, &spec)
	if err != nil {
		h.discard(run)
		return err
	}
	return h.carryOut(ctx, f, &spec, nil, notes)
}

// begin finds the stack that runs from dir and locks it for a run, whose id it gives.
// The caller unlocks.
func (a *app) begin(ctx context.Context, f *flags, dir string, d deployment, command string) (*host, string, error) {
	h, err := a.host(ctx, f, dir, d)
	if err != nil {
		return nil, "", err
	}
	if h.tell, err = a.teller(f); err != nil {
		return nil, "", err
	}
	run := h.runID()
	if err := h.lock(ctx, run, command); err != nil {
		h.unlock()
		return nil, "", err
	}
	if err := h.noOpenRun(); err != nil {
		h.unlock()
		return nil, "", err
	}
	return h, run, nil
}

// asItRuns fills a spec in that changes nothing. Files that say something else than
// what runs are no reason against a backup.
func (h *host) asItRuns(ctx context.Context, spec *steps.Spec) ([]string, error) {
	r, err := wanted.Compute(ctx, h.docker, h.stack, h.modeOf(wanted.Mode{}))
	var refused *upgrade.Refusal
	switch {
	case err == nil:
		if err := r.Fill(spec); err != nil {
			return nil, &exitError{exitCouldNot, err}
		}
		spec.Files = nil
		spec.Changes = slices.DeleteFunc(spec.Changes, func(c steps.Change) bool { return c.Old == "" })
		for i := range spec.Changes {
			spec.Changes[i].New = spec.Changes[i].Old
		}
		return r.Notes, nil
	case !errors.As(err, &refused):
		return nil, runError(err)
	}
	for _, c := range h.stack.Containers {
		if !slices.ContainsFunc(spec.Changes, func(x steps.Change) bool { return x.Service == c.Service }) {
			spec.Changes = append(spec.Changes, steps.Change{Service: c.Service, Old: c.ImageRef, OldID: c.Image, New: c.ImageRef, Hidden: true})
		}
	}
	spec.Sources = slices.Concat(h.stack.Project.Files, h.stack.Project.EnvFiles)
	return []string{"the files on disk are not those of the stack that runs (" + err.Error() + "): of the files that they name, none is in this backup"}, nil
}
