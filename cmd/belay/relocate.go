package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/docker"
)

// The container of an action sees the checkout and the engine's socket, and nothing else of
// the host; and it dies with its job. What works on a stack of the host is therefore done
// by a sibling: another container of the same image, in which the paths of the stack are
// those of the host, and which goes on without the job.

// defaultState is the folder that the sibling has without being told.
const defaultState = "/var/lib/belay"

// lasting are the commands whose sibling the engine starts again when it was killed: it
// recovers then.
var lasting = []string{"upgrade", "rollback", "commit", "recover", "backup"}

// relocation is a command of the Action on its way to the host.
type relocation struct {
	*app
	docker    *docker.Client
	command   string
	args      []string // of the command
	cfg       *config.Config
	stack     config.Stack
	workspace string // the checkout, on the host
	own       docker.Container
	siblings  map[string]*docker.Sibling
	mounts    []docker.Mount
	told      *writeBack
}

// refusal is why the Action does not work on the host; nothing was changed.
func refusal(reason, found, needed, next string) error {
	return runError(&upgrade.Refusal{Reason: reason, Found: found, Needed: needed, Next: next})
}

// onHost carries a command out on the host of the stack.
func (a *app) onHost(ctx context.Context, args []string) error {
	a.runs()
	if err := a.trustedEvent(); err != nil {
		return err
	}
	r := &relocation{app: a, command: args[0], args: args}
	if err := r.findStack(); err != nil {
		return err
	}
	if err := r.findHost(ctx); err != nil {
		return err
	}
	r.told = r.tells()
	return r.carryOver(ctx)
}

// hostEvents are the events whose workflow is that of the repository itself, on a commit
// that somebody with the right to write put there.
var hostEvents = []string{"push", "schedule", "workflow_dispatch", "repository_dispatch", "deployment", "release"}

// trustedEvent refuses events that others than the repository's own people cause, such as
// those of pull requests, also from forks: what they bring must not reach a host.
func (a *app) trustedEvent() error {
	event := a.getenv("GITHUB_EVENT_NAME")
	if slices.Contains(hostEvents, event) {
		return nil
	}
	return refusal("the Action works on a host for no event that a pull request or a fork can cause", event, strings.Join(hostEvents, ", "),
		"run `check` on pull requests, and this in a workflow for push, schedule or workflow_dispatch")
}

// findStack reads the belay.yml of the checkout, which says where the stack runs.
func (r *relocation) findStack() error {
	top, _, err := r.place("")
	if err != nil {
		return err
	}
	root, err := source.OpenRoot(top)
	if err != nil {
		return &exitError{exitCouldNot, err}
	}
	defer root.Close()
	if r.cfg, err = (&repository{root: root}).config(""); err != nil {
		return coded(err)
	}
	name, dir := strings.TrimSpace(r.getenv(inputVariable("stack"))), strings.TrimSpace(r.getenv(inputVariable("path")))
	var names []string
	var found []config.Stack
	for _, s := range r.cfg.Stacks {
		names = append(names, s.Name)
		if (name == "" || s.Name == name) && (dir == "" || filepath.Clean(s.Dir) == filepath.Clean(dir)) {
			found = append(found, s)
		}
	}
	switch {
	case len(names) == 0:
		return usage("belay.yml names no stack: the Action works on a host where it says `deploy:`, the folder that the stack runs from")
	case len(found) == 0:
		return usage("no stack of belay.yml is meant by the inputs stack and path; there are: %s", strings.Join(names, ", "))
	case len(found) > 1:
		return usage("input stack: name one of: %s", strings.Join(names, ", "))
	}
	r.stack = found[0]
	if r.stack.Deploy == "" {
		return usage("belay.yml: stack %s has no `deploy:`: name the folder of the host that it runs from, outside of the runner's own", r.stack.Name)
	}
	return nil
}

// findHost looks at the container that this is, and at the siblings that are there.
func (r *relocation) findHost(ctx context.Context) error {
	if at := r.getenv("DOCKER_HOST"); at != "" && !strings.HasPrefix(at, "unix://") {
		return refusal("DOCKER_HOST leads to an engine on another machine, and paths here are those of this one", at, "a socket of this host", "run this on a runner of the engine's own host")
	}
	var err error
	if r.docker, err = r.engine(); err != nil {
		return err
	}
	var all []string
	for _, command := range hostCommands {
		all = append(all, r.siblingName(command))
	}
	r.own, r.siblings, err = r.docker.Own(ctx, all...)
	switch {
	case errors.Is(err, docker.ErrEngine):
		return refusal("no engine answers here: the Action needs the socket of the host's, which a runner gives to container actions", "", "/var/run/docker.sock", "is docker installed on the runner, and may its user use it? docker version")
	case errors.Is(err, docker.ErrNoContainer):
		return refusal("this is no container of the engine that answers here", "", "", "on the host itself run belay "+r.command+" in a step, without the Action")
	case err != nil:
		return &exitError{exitCouldNot, err}
	}
	at := r.getenv("GITHUB_WORKSPACE")
	for _, m := range r.own.Mounts {
		if m.Destination == at && m.Type == "bind" {
			r.workspace = m.Source
		}
	}
	if r.workspace == "" {
		return refusal("the checkout is no folder of the host", at, "", "use a runner on the host itself, without a container of its own for the job")
	}
	return r.outsideWorkspace(r.stack.Deploy)
}

// outsideWorkspace refuses a folder of the host that actions/checkout cleans: it removes
// what git does not track, and with it data. Every repository of a runner has such a
// folder below its _work.
func (r *relocation) outsideWorkspace(paths ...string) error {
	top := filepath.Dir(r.workspace)
	if work := filepath.Dir(top); filepath.Base(work) == "_work" {
		top = work
	}
	for _, p := range paths {
		if below(p, top) || below(r.workspace, p) {
			return refusal("stack "+r.stack.Name+" would have its data in the runner's working folder, where a checkout removes what git does not track", p, "a folder outside of "+top,
				"move the stack there, with its data, and name it in belay.yml: deploy: /srv/"+r.stack.Name)
		}
	}
	return nil
}

// siblingName is that of the container which carries a command out for this stack.
func (r *relocation) siblingName(command string) string {
	sum := sha256.Sum256([]byte(r.stack.Deploy))
	base := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, strings.ToLower(filepath.Base(r.stack.Deploy)))
	return "belay-" + base[:min(len(base), 40)] + "-" + hex.EncodeToString(sum[:4]) + "-" + command
}

// request names what is asked for and by whom: a job that is run again asks for the same.
func (r *relocation) request() string {
	b, _ := json.Marshal([]any{r.getenv("GITHUB_REPOSITORY"), r.getenv("GITHUB_RUN_ID"), r.getenv("GITHUB_JOB"), r.getenv("GITHUB_ACTION"), r.args}) // texts alone
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// create makes the sibling, and hands over what is secret.
func (r *relocation) create(ctx context.Context) (*docker.Sibling, error) {
	var seal [16]byte
	rand.Read(seal[:])
	checkout := filepath.Join(r.workspace, r.stack.Dir)
	s := docker.Sibling{
		Name: r.siblingName(r.command), Folder: r.stack.Deploy, Request: r.request(), Seal: hex.EncodeToString(seal[:]),
		Image: r.own.Image, State: defaultState, Socket: r.socket(), Lasting: slices.Contains(lasting, r.command),
		Mounts: append([]docker.Mount{{Source: r.stack.Deploy, RW: true}, {Source: r.workspace}}, r.mounts...),
	}
	for _, name := range []string{"CI", "GITHUB_ACTIONS", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_EVENT_NAME", "GITHUB_SHA"} {
		s.Env = append(s.Env, name+"="+r.getenv(name))
	}
	s.Env = append(s.Env, "GITHUB_WORKSPACE="+r.workspace)
	s.Args = []string{siblingCommand, "--seal", s.Seal, "--folder", r.stack.Deploy, "--stack", r.stack.Name, "--checkout", checkout, "--sees", defaultState}
	for _, m := range s.Mounts {
		s.Args = append(s.Args, "--sees", m.Source)
	}
	s.Args = append(append(s.Args, "--"), r.hostArgs(checkout)...)
	id, err := r.docker.CreateSibling(ctx, s)
	var missing *docker.NoSourceError
	switch {
	case errors.As(err, &missing):
		next := "correct `deploy:` in belay.yml, or run this on the runner of the stack's host; a new stack is started there once by hand: docker compose up -d"
		if missing.Path != r.stack.Deploy {
			next = "make it there, where it is the right one: mkdir -p -m 700 " + shellWord(missing.Path)
		}
		return nil, refusal("a folder of the stack is not on this host", missing.Path, "", next)
	case err != nil:
		return nil, err
	}
	s.ID = id
	data, err := json.Marshal(r.secrets())
	if err != nil {
		return nil, err
	}
	if err := r.docker.Handover(ctx, id, strings.TrimPrefix(handover, "/"), data); err != nil {
		return nil, errors.Join(err, r.docker.Remove(ctx, id))
	}
	return &s, r.docker.Start(ctx, id)
}

// hostArgs is the command line on the host.
func (r *relocation) hostArgs(checkout string) []string {
	head, tail := r.args, []string(nil)
	if i := slices.Index(r.args, "--"); i >= 0 {
		head, tail = r.args[:i], r.args[i:]
	}
	args := slices.Clone(head)
	switch r.command {
	case "upgrade", "plan":
		args = append(args, "--from="+checkout, "--", r.stack.Deploy)
	case "rollback":
		args = append(append(args, "--project-directory="+r.stack.Deploy), tail...)
	default:
		args = append(args, "--", r.stack.Deploy)
	}
	return args
}

// socket is the engine's, on the host: that of an engine without root lies elsewhere.
func (r *relocation) socket() string {
	for _, m := range r.own.Mounts {
		if m.Destination == "/var/run/docker.sock" || m.Destination == "/run/docker.sock" {
			return m.Source
		}
	}
	return "/var/run/docker.sock"
}

// secrets are the variables of the job, which commands and probes of belay.yml may name,
// without those of the runner itself and their tokens.
func (r *relocation) secrets() map[string]string {
	out := map[string]string{}
	for _, e := range os.Environ() {
		name, value, _ := strings.Cut(e, "=")
		switch prefix, _, _ := strings.Cut(name, "_"); {
		case slices.Contains([]string{"GITHUB", "RUNNER", "ACTIONS", "INPUT"}, prefix):
		case slices.Contains([]string{"PATH", "HOME", "HOSTNAME", "CI"}, name):
		case prefix == "DOCKER" && name != "DOCKER_AUTH_CONFIG": // which engine, and paths of this container
		default:
			out[name] = value
		}
	}
	return out
}

// needed adds what the sibling said that it has to see.
func (r *relocation) needed(paths []string) error {
	if err := r.outsideWorkspace(paths...); err != nil {
		return err
	}
	for _, p := range paths {
		if slices.ContainsFunc(r.mounts, func(m docker.Mount) bool { return m.Source == p }) {
			return fmt.Errorf("the container on the host does not see %s, which was mounted", p)
		}
		r.mounts = append(r.mounts, docker.Mount{Source: p, RW: true})
	}
	return nil
}
