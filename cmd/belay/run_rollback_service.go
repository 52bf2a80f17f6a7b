package main

import (
	"context"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted"
)

// rollbackService takes one service back, with those that carry its version. No data
// is touched, so it is refused where data may not be what the old version knows.
func (a *app) rollbackService(ctx context.Context, f *flags, u *rollbackFlags) error {
	h, run, err := a.begin(ctx, f, "", u.deployment, "rollback --service "+u.service)
	if err != nil {
		return err
	}
	defer h.unlock()
	all, err := readRuns(h.state)
	if err != nil {
		return &exitError{exitCouldNot, err}
	}
	if err := h.hasService(u.service); err != nil {
		return err
	}
	last, was := lastChange(all, u.service)
	down := &wanted.Down{Service: u.service, Version: u.to}
	if u.to == "" {
		if down.Version, err = versionBefore(u.service, last, was); err != nil {
			return runError(err)
		}
	}
	r, err := wanted.Compute(ctx, h.docker, h.stack, h.modeOf(wanted.Mode{Down: down}))
	if err != nil {
		return runError(err)
	}
	if err := h.oneWay(ctx, r, last); err != nil {
		return runError(err)
	}
	spec := steps.Spec{Run: run, Kind: steps.Rollback, Options: u.options}
	spec.Options.KeepData = true
	err = h.prepare(ctx, &spec)
	spec.Options.KeepData = true
	if err == nil {
		err = r.Fill(&spec)
	}
	if err != nil {
		h.discard(run)
		return coded(err)
	}
	return h.carryOut(ctx, f, &spec, nil, append(r.Notes, "service "+u.service+" goes back to "+down.Version+"; no data is touched"))
}

// hasService refuses a name that no service of the stack has.
func (h *host) hasService(name string) error {
	var all []string
	for _, c := range h.stack.Containers {
		all = append(all, c.Service)
	}
	if slices.Contains(all, name) {
		return nil
	}
	return runError(&upgrade.Refusal{Reason: "no service of the stack has this name", Found: name, Needed: strings.Join(slices.Compact(all), ", "), Next: "name one of them"})
}

// lastChange is the last committed run that gave a service another image, and that
// change.
func lastChange(all []pastRun, service string) (pastRun, steps.Change) {
	for _, r := range all {
		if !r.committed() || r.spec.Kind == steps.Backup {
			continue
		}
		var pulled struct{ Tags []tagged }
		r.read(journal.Done, "pull", &pulled)
		for _, c := range r.spec.Changes {
			moved := slices.ContainsFunc(pulled.Tags, func(t tagged) bool { return t.Ref == c.New && t.ID != c.OldID })
			if c.Service == service && c.Old != "" && c.New != "" && (c.Old != c.New || moved) {
				return r, c
			}
		}
	}
	return pastRun{}, steps.Change{}
}

// versionBefore is the tag that a service had before, or the digest, where the tag
// was the same.
func versionBefore(service string, r pastRun, c steps.Change) (string, error) {
	next := "name it: belay rollback --service " + service + " --to VERSION"
	if r.spec.Kind == steps.Rollback { // the version before is the one that it went back from
		return "", &upgrade.Refusal{Reason: "service " + service + " went back already, in run " + r.id + ": which version is meant is not known", Next: next}
	}
	unknown := &upgrade.Refusal{Reason: "which version of " + service + " was before is not known", Next: next}
	if r.id == "" || c.Hidden {
		return "", unknown
	}
	ref, err := image.Parse(c.Old)
	if err != nil {
		return "", unknown
	}
	if now, err := image.Parse(c.New); err == nil && now.Tag != ref.Tag && ref.Tag != "" {
		return ref.Tag, nil
	}
	if ref.Digest != "" {
		return ref.Digest, nil
	}
	var m steps.Measured
	r.read(journal.Done, "baseline-live", &m)
	if s, ok := stateOf(m.Services, c.Service); ok && len(s.Digests) > 0 {
		if _, digest, ok := strings.Cut(s.Digests[0], "@"); ok {
			return digest, nil
		}
	}
	return "", unknown
}

// oneWay refuses where the older version may not be able to work with what the newer
// one made of the data.
func (h *host) oneWay(ctx context.Context, r *wanted.Result, last pastRun) error {
	var services []string
	for _, s := range r.Services {
		if !s.Changed || s.Was == "" {
			continue
		}
		if g, passed := noWayBack(s.New, s.Old); passed {
			return &upgrade.Refusal{Reason: "service " + s.Name + " passed a gate that has no way back without its data: " + g.Title, Found: g.ID,
				Next: "belay rollback takes the whole run back, with its data"}
		}
		switch s.App.Kind {
		case catalog.Database, catalog.Cache, catalog.Search, catalog.VectorStore, catalog.ObjectStore:
		default: // of an image that is not known too
			services = append(services, s.Name)
		}
	}
	if len(services) == 0 {
		return nil
	}
	whole := "belay rollback takes the whole run back, with its data"
	if last.id == "" {
		return &upgrade.Refusal{Reason: "whether a migration ran since that version is not known: no run here changed " + strings.Join(services, ", "), Next: whole}
	}
	why, err := h.migratedSince(ctx, last, services)
	if err != nil || len(why) == 0 {
		return err
	}
	return &upgrade.Refusal{Reason: strings.Join(why, "; "), Next: whole}
}
