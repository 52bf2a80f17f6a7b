package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/postgres"
	"github.com/belaystack/belay/upgrade/steps"
)

// prepare fills in what every run has in common, and makes the run's folder.
func (h *host) prepare(ctx context.Context, spec *steps.Spec) error {
	if err := static("/proc/self/exe"); err != nil {
		return &exitError{exitCouldNot, err}
	}
	var err error
	spec.Version, spec.State, spec.Backups, spec.Backup = versionText(), h.state, h.store.Dir, spec.Run
	spec.Project, spec.Config = h.stack.Project, h.conf
	if spec.Binary, err = h.keepBinary(); err != nil {
		return &exitError{exitCouldNot, fmt.Errorf("keep a copy of this program: %w", err)}
	}
	// The copy stays what it is also when this program is replaced meanwhile.
	h.docker.Binary = filepath.Join(h.state, "bin", spec.Binary)
	if spec.Servers, err = steps.Servers(ctx, h.docker, h.stack.Containers); err != nil {
		return runError(err)
	}
	if err := os.MkdirAll(h.runFolder(spec.Run), 0o700); err != nil {
		return &exitError{exitCouldNot, err}
	}
	return nil
}

// runFolder is a run's own.
func (h *host) runFolder(run string) string { return filepath.Join(h.state, "runs", run) }

// discard removes the folder of a run that did not begin.
func (h *host) discard(run string) {
	if _, err := os.Stat(filepath.Join(h.runFolder(run), "journal")); errors.Is(err, os.ErrNotExist) {
		_ = os.RemoveAll(h.runFolder(run)) // without a journal it is no run, and retention passes over it
	}
}

// keepBinary keeps a copy of this program in the state folder, for a recovery
// after it was replaced, and gives its sha256, which comes with an error too where it
// is known.
func (h *host) keepBinary() (string, error) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return "", err
	}
	defer self.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, self); err != nil {
		return "", err
	}
	name := hex.EncodeToString(sum.Sum(nil))
	to := filepath.Join(h.state, "bin", name)
	if _, err := os.Stat(to); err == nil {
		return name, nil
	}
	if _, err := self.Seek(0, io.SeekStart); err != nil {
		return name, err
	}
	f, err := os.CreateTemp(filepath.Dir(to), ".new-")
	if err != nil {
		return name, err
	}
	defer os.Remove(f.Name()) // it is gone when it was renamed
	_, err = io.Copy(f, self)
	if err = errors.Join(err, f.Chmod(0o700), f.Sync(), f.Close()); err != nil {
		return name, err
	}
	if err := os.Rename(f.Name(), to); err != nil {
		return name, err
	}
	return name, syncFolder(filepath.Dir(to))
}

// sumOf is the sha256 of a file, in hex.
func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// carryOut runs the steps of a spec, and tells how it ended.
func (h *host) carryOut(ctx context.Context, f *flags, spec *steps.Spec, refused []error, notes []string) error {
	log, err := journal.Create(filepath.Join(h.runFolder(spec.Run), "journal"), h.now)
	if err != nil {
		return &exitError{exitCouldNot, err}
	}
	defer log.Close()
	if spec.Kind == steps.Upgrade {
		var enough func()
		ctx, enough = h.untilTakenBack(ctx, spec.Run)
		defer enough()
		h.onHeld = func(held steps.Holding) {
			enough()
			h.nowHeld(f, spec.Run, held, notes)
		}
	}
	r := h.runOf(spec, log, refused)
	err = r.Apply(ctx, spec)
	if errors.Is(err, upgrade.ErrNothing) {
		err = nil
		notes = append(notes, h.alreadyOn(ctx)...)
	}
	return h.conclude(f, spec.Run, err, notes)
}

// alreadyOn says which versions the data of the PostgreSQL servers are of: a server runs on
// no others, whatever its tag says.
func (h *host) alreadyOn(ctx context.Context) []string {
	servers, err := h.servers(ctx)
	if err != nil {
		return nil // nothing was asked of them
	}
	var out []string
	for _, service := range sortedKeys(servers) {
		if f, ok, err := postgres.Probe(ctx, servers[service].Exec, servers[service].Container); err == nil && ok {
			out = append(out, fmt.Sprintf("%s is already on PostgreSQL %s, by its data", service, f.Release()))
		}
	}
	return out
}

// runOf puts a run together from its spec.
func (h *host) runOf(spec *steps.Spec, log *journal.Log, refused []error) *upgrade.Run {
	r := &upgrade.Run{ID: spec.Run, Journal: log, Return: spec.Kind == steps.Backup, Next: recoverCommand(*spec), Redact: h.mask, Now: h.now,
		Ready: h.ready, Abort: secondSignal(), Watch: h.tell.step}
	sh := &steps.Host{Spec: *spec, Docker: h.docker, Store: h.store, Run: r, Mask: h.mask, Say: h.tell.work, Now: h.now, Getenv: h.getenv, Engine: engineWait, Refusal: refused, Held: h.onHeld}
	r.Steps, r.After = steps.List(sh)
	return r
}

// conclude writes the report of a run that is over or stuck, and says how it ended.
func (h *host) conclude(f *flags, run string, err error, notes []string) error {
	if err != nil {
		err = &masked{err, h.mask}
	}
	end := runError(err)
	past, e := readRun(h.state, run)
	if e == nil {
		rep := h.report(past, err, notes)
		e = h.writeReport(past, rep)
		if !h.wasHeld { // the workflow's step has ended that this one belonged to
			e = errors.Join(e, h.summarize(rep))
		}
		h.sibling.ended(h, past, rep)
		end = h.sayEnd(f, past, rep, end)
	}
	if e != nil { // the run is what it is without a report
		h.say(fmt.Errorf("report of run %s: %w", run, &masked{e, h.mask}))
	}
	return end
}

// masked is an error with the values of the stack taken out of its text.
type masked struct {
	err  error
	mask func(string) string
}

func (e *masked) Error() string { return e.mask(e.err.Error()) }
func (e *masked) Unwrap() error { return e.err }
