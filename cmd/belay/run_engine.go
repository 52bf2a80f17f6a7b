package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/docker"
)

// engine drives the docker command of the user.
func (a *app) engine() (*docker.Client, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, &exitError{exitCouldNot, err}
	}
	return &docker.Client{Env: os.Environ(), Grace: 10 * time.Second, Binary: self}, nil
}

// localEngine is engine, refused where the docker command leads to another machine: the paths
// of a stack are the engine's, and state, files and backups would lie here. What docker does
// not tell is no refusal: the next command says why, and what only reads goes on without.
func (a *app) localEngine(ctx context.Context) (*docker.Client, error) {
	if err := hostSystem(); err != nil {
		return nil, runError(err)
	}
	c, err := a.engine()
	if err != nil {
		return nil, err
	}
	name, at, err := c.Endpoint(ctx)
	if err != nil || strings.HasPrefix(at, "unix://") {
		return c, nil
	}
	r := &upgrade.Refusal{Reason: "DOCKER_HOST leads to an engine on another machine, and paths here are those of this one", Found: redacted(at), Needed: "a socket of this host",
		Next: "run this on the engine's own host, or unset DOCKER_HOST to work on the engine of this one"}
	if name != "default" { // docker has this one where DOCKER_HOST is set, whatever else is
		r.Reason = fmt.Sprintf("docker's context %q leads to an engine on another machine, and paths here are those of this one", name)
		r.Next = "run this on the engine's own host, or choose the engine of this one: docker context use default, without DOCKER_CONTEXT"
	}
	return nil, runError(r)
}

// redacted is an address without the password that it may hold.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		scheme, _, _ := strings.Cut(address, "://")
		return scheme
	}
	return u.Redacted()
}

// hostSystem refuses a machine whose paths are not those of an engine: on others than Linux
// that runs in a machine of its own.
func hostSystem() error {
	if runtime.GOOS == "linux" {
		return nil
	}
	return &upgrade.Refusal{Reason: "belay works on stacks where the engine itself runs", Found: runtime.GOOS, Needed: "linux",
		Next: "run this on the Linux host of the stack; check, lint, env, notes and plan --base work here"}
}
