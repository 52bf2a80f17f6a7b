package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/wanted"
)

// errNoRuns means that no state folder speaks of a stack.
var errNoRuns = errors.New("no run is known")

// hostOfDead finds a stack by the state folder that speaks of it: what a run that
// died left of the containers need not agree with the files, and its belay.yml need
// not be one that can be read, or the one that the run began with. What a run
// recorded holds then, and the engine knows in which folder that is.
func (a *app) hostOfDead(ctx context.Context, f *flags, dir string, d deployment) (*host, error) {
	a.runs()
	c, err := a.localEngine(ctx)
	if err != nil {
		return nil, err
	}
	if dir, err = a.folder(dir, d); err != nil {
		return nil, err
	}
	if f.config != "" {
		return nil, usageConfig(f)
	}
	h := &host{app: a, docker: c, stack: &wanted.Deployed{Project: docker.Project{Name: d.project, Dir: dir}}}
	err = h.byConfig(f)
	if err == nil && len(h.runFolders()) > 0 {
		return h, errors.Join(h.visible(), h.hide())
	}
	if h.sibling != nil && len(h.sibling.end.Needs) > 0 {
		return h, err // a folder that is not seen may have runs all the same
	}
	r, found := h.byMarker(ctx, d.project, dir)
	if !found {
		return h, errors.Join(err, h.hide())
	}
	if err != nil && !errors.Is(err, errNoRuns) {
		a.say(err)
		a.say(fmt.Errorf("going on with what run %s recorded of %s", r.id, filepath.Join(dir, "belay.yml")))
	}
	h.stack.Project, h.conf, h.state = r.spec.Project, r.spec.Config, r.spec.State
	h.store = &backup.Store{Dir: r.spec.Backups, Reserve: storeReserve}
	h.readKeys()
	return h, h.hide()
}

// byConfig finds the state folder by the belay.yml that is deployed with the stack.
func (h *host) byConfig(f *flags) error {
	if h.stack.Project.Name == "" {
		p, err := h.projectOf(f)
		if err != nil {
			return err
		}
		h.stack.Project = p
	}
	if err := h.configure(f); err != nil {
		return err
	}
	h.readKeys()
	return nil
}

// readKeys reads the age keys. Without them some of a backup cannot be looked at, and
// a run has for its own way back a key of its own.
func (h *host) readKeys() {
	if err := h.keys(); err != nil {
		h.say(err)
	}
}

// runFolders are the names of the runs in the state folder, the oldest first.
func (h *host) runFolders() []string {
	all, err := os.ReadDir(filepath.Join(h.state, "runs"))
	if err != nil {
		return nil // no run, or none that may be read: who reads it says so
	}
	var out []string
	for _, one := range all {
		out = append(out, one.Name())
	}
	return out
}

// byMarker finds the newest run of a project, or of the stack in dir, in the state
// folders that the engine knows of. An engine that does not answer knows none.
func (h *host) byMarker(ctx context.Context, project, dir string) (pastRun, bool) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // the engine may be what is wrong
	defer cancel()
	states, err := h.docker.Markers(ctx)
	if err != nil {
		return pastRun{}, false
	}
	var newest pastRun
	for _, name := range sortedKeys(states) {
		r, ok := newestRun(states[name])
		if !ok || project != "" && project != name || project == "" && !samePath(r.spec.Project.Dir, dir) {
			continue
		}
		if r.began().After(newest.began()) {
			newest = r
		}
	}
	return newest, newest.id != ""
}

// projectOf gives the project whose last run was of the stack in the folder.
func (h *host) projectOf(f *flags) (docker.Project, error) {
	dir := h.stack.Project.Dir
	h.stack.Project.Name = "any"
	err := h.configure(f)
	h.stack.Project.Name = ""
	if err == nil {
		err = h.visible()
	}
	if err != nil {
		return docker.Project{}, err
	}
	top := filepath.Dir(h.state)
	all, err := os.ReadDir(top)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return docker.Project{}, &exitError{exitCouldNot, err}
	}
	var newest pastRun
	for _, one := range all {
		r, ok := newestRun(filepath.Join(top, one.Name()))
		if ok && samePath(r.spec.Project.Dir, dir) && r.began().After(newest.began()) {
			newest = r
		}
	}
	if newest.id == "" {
		return docker.Project{}, &exitError{exitCouldNot, fmt.Errorf("%w of a stack in %s", errNoRuns, dir)}
	}
	return newest.spec.Project, nil
}

// newestRun is the last run of a state folder that can be read; false when there is
// none, or the folder is none.
func newestRun(state string) (pastRun, bool) {
	runs, err := os.ReadDir(filepath.Join(state, "runs"))
	if err != nil {
		return pastRun{}, false
	}
	for _, run := range slices.Backward(runs) {
		if r, err := readRun(state, run.Name()); err == nil && len(r.entries) > 0 {
			return r, true
		}
	}
	return pastRun{}, false
}

func samePath(a, b string) bool {
	x, errX := filepath.EvalSymlinks(a)
	y, errY := filepath.EvalSymlinks(b)
	return errX == nil && errY == nil && x == y
}
