package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/report"
	"github.com/belaystack/belay/upgrade/wanted/deployed"
)

// ended takes the report of a run that is over for the job that waits, and what it means
// for the repository.
func (s *sibling) ended(h *host, p pastRun, r *report.Run) {
	if s == nil {
		return
	}
	s.end.Report, s.end.Repository = r, nil
	switch r.Outcome {
	case report.Done, report.RolledBack, report.Cancelled:
		var err error
		if s.end.Repository, err = s.differing(h, p); err != nil {
			h.say(fmt.Errorf("what the repository is to have could not be read: %w", err))
		}
	}
}

// differing are the files of the repository that a run changed or was to change, and that
// the host has otherwise than the checkout: with a record of what runs, with the tags of
// before. Never an env file.
func (s *sibling) differing(h *host, p pastRun) (map[string][]byte, error) {
	dir := p.spec.Project.Dir
	record, err := deployed.Read(h.state)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var paths []string
	for _, f := range p.spec.Files {
		paths = append(paths, f.Path)
	}
	if len(p.spec.Project.Files) > 0 {
		paths = appendMissing(paths, p.spec.Project.Files[0]) // the record block's
	}
	top := h.getenv("GITHUB_WORKSPACE")
	out := map[string][]byte{}
	for _, at := range paths {
		rel, err := filepath.Rel(dir, at)
		if err != nil || !filepath.IsLocal(rel) || strings.HasPrefix(path.Base(rel), ".env") {
			continue
		}
		name, err := filepath.Rel(top, filepath.Join(s.checkout, rel))
		if err != nil || !filepath.IsLocal(name) {
			continue
		}
		theirs, err := os.ReadFile(filepath.Join(s.checkout, rel))
		tracked := err == nil
		if !tracked && !brought(record, at) {
			continue // the host's own
		}
		now, err := os.ReadFile(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if tracked {
				out[filepath.ToSlash(name)] = nil
			}
		case err != nil:
			return nil, err
		case !tracked || !bytes.Equal(now, theirs):
			out[filepath.ToSlash(name)] = now
		}
	}
	return out, nil
}

// brought reports whether a checkout brought a file to the host.
func brought(r *deployed.Record, at string) bool {
	if r == nil {
		return false
	}
	f, ok := r.File(at)
	return ok && f.Checkout
}

func appendMissing(list []string, one string) []string {
	if slices.Contains(list, one) {
		return list
	}
	return append(list, one)
}

// unseen are the paths that a stack is made of and that are not the host's here. The
// checkout is mounted, but a stack's data must not be in it: who is asked for that refuses.
func (s *sibling) unseen(h *host) []string {
	// Those of state and backups have folders for each project, which may not be there yet.
	all := append([]string{h.stack.Project.Dir, filepath.Dir(h.state)}, slices.Concat(h.stack.Project.Files, h.stack.Project.EnvFiles)...)
	if !below(h.store.Dir, h.state) {
		all = append(all, filepath.Dir(h.store.Dir))
	}
	if h.conf.Identity != "" {
		all = append(all, h.conf.Identity)
	}
	for _, c := range h.stack.Containers {
		for _, m := range c.Mounts {
			if m.Type == "bind" && !s.machine(m.Source) {
				all = append(all, m.Source)
			}
		}
	}
	top := h.getenv("GITHUB_WORKSPACE")
	var out []string
	for _, p := range all {
		if below(p, top) || !slices.ContainsFunc(s.sees, func(dir string) bool { return below(p, dir) }) {
			out = appendMissing(out, p)
		}
	}
	return out
}

// machine says that a path is of the machine, not of a stack: nothing is backed up of it,
// and a container has its own or must not hide it.
func (s *sibling) machine(p string) bool {
	for _, dir := range []string{"/proc", "/sys", "/dev", "/run", "/var/run"} {
		if below(p, dir) {
			return true
		}
	}
	return slices.Contains([]string{"/", "/usr", "/usr/local", "/usr/local/bin", "/usr/local/lib", "/usr/local/lib/docker", "/etc/localtime", "/etc/timezone"}, p)
}

// visible makes sure that what a command reads and writes is the host's.
func (h *host) visible() error {
	if h.sibling == nil {
		return nil
	}
	h.sibling.end.Needs = h.sibling.unseen(h)
	if len(h.sibling.end.Needs) == 0 {
		return nil
	}
	return &exitError{code: exitCouldNot} // the container that started this one makes another
}

// runnable refuses commands of belay.yml that the host has a program for and this container
// has not: nothing but belay, docker and docker compose is in it.
func (h *host) runnable() error {
	if h.sibling == nil {
		return nil
	}
	var errs []error
	for _, c := range slices.Concat(h.conf.Baseline, h.conf.Verify, h.conf.BackUp) {
		if c.Service != "" || c.Image != "" || len(c.Run) == 0 {
			continue
		}
		if _, err := exec.LookPath(c.Run[0]); err != nil {
			errs = append(errs, &upgrade.Refusal{Reason: "command " + c.Name + " of belay.yml is for the host, and the Action's image has no " + c.Run[0],
				Next: "give it an image, or a service to run in; or run belay on the host itself, without the Action"})
		}
	}
	return runError(errors.Join(errs...))
}

// fromCheckout is the belay.yml of the checkout, where none is deployed with the stack.
// Where state and backups lie only a deployed one says.
func (s *sibling) fromCheckout(h *host) (*config.Config, config.Stack, string, error) {
	top := h.getenv("GITHUB_WORKSPACE")
	root, err := source.OpenRoot(top)
	if err != nil {
		return nil, config.Stack{}, "", &exitError{exitCouldNot, err}
	}
	defer root.Close()
	cfg, err := (&repository{root: root}).config("")
	if err != nil {
		return nil, config.Stack{}, "", coded(err)
	}
	i := slices.IndexFunc(cfg.Stacks, func(one config.Stack) bool { return one.Name == s.stack })
	if i < 0 {
		return nil, config.Stack{}, "", usage("belay.yml has no stack %s", s.stack)
	}
	stack := cfg.Stacks[i]
	cfg.State, cfg.Backup.Directory, stack.State, stack.Backup.Directory = "", "", "", ""
	return cfg, stack, top, nil
}
