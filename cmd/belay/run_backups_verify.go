package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
)

// verifyBackup proves a backup by the step that proves a new one: alone, and undone
// afterwards.
func (a *app) verifyBackup(ctx context.Context, f *flags, d deployment, id string, restore bool) error {
	h, run, err := a.begin(ctx, f, "", d, "backups verify")
	if err != nil {
		return err
	}
	defer h.unlock()
	b, err := h.openBackup(ctx, id)
	if err != nil {
		return err
	}
	servers, err := steps.Servers(ctx, h.docker, h.stack.Containers)
	if err != nil {
		return runError(err)
	}
	spec := steps.Spec{Run: run, Kind: steps.Backup, Project: h.stack.Project, State: h.state, Backups: h.store.Dir, Servers: servers,
		Config: h.conf, Options: steps.Options{VerifyRestore: restore}}
	var got proof
	err = h.prove(ctx, &spec, b, &got)
	if err != nil {
		err = &masked{err, h.mask}
		var damage *backup.DamageError
		var data *steps.DataError
		if errors.As(err, &damage) || errors.As(err, &data) {
			return &exitError{exitFindings, err}
		}
		return runError(err)
	}
	got.Version, got.ID = 1, b.ID
	return a.answer(f, got.text(b), got)
}

// proof is what was read to prove a backup.
type proof struct {
	Version  int    `json:"version"`
	ID       string `json:"id"`
	Contents int    `json:"contents"`
	Bytes    int64  `json:"bytes"`    // on disk
	Rows     int64  `json:"rows"`     // counted in the archives
	Restored int    `json:"restored"` // databases
}

func (p proof) text(b *backup.Backup) string {
	s := fmt.Sprintf("backup %s is whole: %s, %s, every byte read", b.ID, count(p.Contents, "file"), size(p.Bytes))
	switch {
	case !b.Readable():
		s += "; it is encrypted and there is no identity, so that what is in it was not looked at"
	case p.Restored > 0:
		s += fmt.Sprintf("; %s restored, counted and hashed", count(p.Restored, "database"))
	default:
		s += fmt.Sprintf("; archives read as a restore does, %d rows counted", p.Rows)
	}
	return s + "\n"
}

// prove runs the one step with a journal in memory: it leaves nothing behind that
// another process would have to know of.
func (h *host) prove(ctx context.Context, spec *steps.Spec, b *backup.Backup, into *proof) error {
	log := &memory{now: h.now}
	r := &upgrade.Run{ID: spec.Run, Journal: log, Return: true, Redact: h.mask, Now: h.now, Abort: secondSignal(), Watch: h.tell.step}
	sh := &steps.Host{Spec: *spec, Docker: h.docker, Store: h.store, Run: &madeBefore{r, b}, Mask: h.mask, Say: h.tell.work, Now: h.now, Getenv: h.getenv, Engine: engineWait}
	all, _ := steps.List(sh)
	r.Steps = slices.DeleteFunc(all, func(t upgrade.Task) bool { return t.Name != "verify-backup" })
	err := r.Apply(ctx, spec)
	var back *upgrade.RolledBackError
	if errors.As(err, &back) {
		err = back.Cause // nothing was changed that could be rolled back
	}
	if err != nil {
		return err
	}
	_, err = r.Result("verify-backup", into)
	return err
}

// madeBefore are the results of a run whose backup was made by another.
type madeBefore struct {
	*upgrade.Run
	backup *backup.Backup
}

func (m *madeBefore) Result(step string, into any) (bool, error) {
	if step != "backup" {
		return m.Run.Result(step, into)
	}
	b, err := json.Marshal(map[string]string{"id": m.backup.ID, "checksum": m.backup.Checksum})
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal(b, into)
}

// memory is a journal that ends with the process.
type memory struct {
	now     func() time.Time
	entries []journal.Entry
}

func (m *memory) Append(ev journal.Event, step string, data json.RawMessage) error {
	m.entries = append(m.entries, journal.Entry{Seq: len(m.entries) + 1, Time: m.now().UTC(), Event: ev, Step: step, Data: data})
	return nil
}

func (m *memory) Entries() []journal.Entry { return m.entries }

// prune lets go of what belay.yml does not keep.
func (a *app) prune(ctx context.Context, f *flags, d deployment) error {
	h, run, err := a.begin(ctx, f, "", d, "backups prune")
	if err != nil {
		return err
	}
	defer h.unlock()
	servers, err := steps.Servers(ctx, h.docker, h.stack.Containers)
	if err != nil {
		return runError(err)
	}
	sh := &steps.Host{Spec: steps.Spec{Run: run, Kind: steps.Backup, Project: h.stack.Project, State: h.state, Backups: h.store.Dir, Backup: run, Servers: servers, Config: h.conf},
		Docker: h.docker, Store: h.store, Mask: h.mask, Now: h.now}
	got, err := sh.Retain(ctx)
	if err != nil {
		return runError(&masked{err, h.mask})
	}
	t, _ := got.(steps.Tidied)
	return a.answer(f, fmt.Sprintf("removed: %s, %s of Belay's own, %s kept for them, %s\n", count(len(t.Backups), "backup"), count(t.Databases, "database"),
		count(t.Images, "image"), count(len(t.Runs), "old run")), t)
}
