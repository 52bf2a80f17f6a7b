package steps

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
)

// readable refuses images of Redis that cannot read the data which is there: an older one
// does not start on it. Tags do not tell where they float, so the new image, which is here
// by now, is asked for its version. What could not be told is a fact for the report.
func (s *baselineLive) readable(ctx context.Context) (unknown []app.Fact, refused []error) {
	if s.Spec.Kind != Upgrade && !s.Spec.Options.KeepData || s.Spec.Kind == Backup {
		return nil, nil // a rollback gives the files of before back
	}
	stack, err := s.apps(ctx)
	if err != nil {
		return nil, []error{err}
	}
	var now pulled
	if _, err := s.Run.Result("pull", &now); err != nil {
		return nil, []error{err}
	}
	for _, r := range app.FindRedis(stack) {
		id := s.changesTo(stack, r.Service, now)
		if id == "" || contains(s.Spec.Options.AcceptUnhealthy, r.Service) {
			continue
		}
		to, err := s.releaseIn(ctx, id, appOf(s.newImage(r.Service)))
		var p *app.Problem
		if err == nil {
			p, err = r.Reads(ctx, to)
		}
		switch {
		case p != nil:
			refused = append(refused, &Refusal{Reason: p.What, Found: p.Found, Needed: p.Needed, Next: p.Next})
		case err != nil:
			unknown = append(unknown, app.Fact{App: r.Title, Service: r.Service, Name: "data that the new image reads", Rule: app.Told, Unasked: s.Mask(err.Error())})
		}
	}
	return unknown, refused
}

// newImage is the reference that a service is to have; "" where it goes.
func (h *Host) newImage(service string) string {
	i := slices.IndexFunc(h.Spec.Changes, func(c Change) bool { return c.Service == service })
	if i < 0 {
		return ""
	}
	return h.Spec.Changes[i].New
}

// changesTo is the id of the image that a service is to have; "" where it is the one that
// runs, or not known.
func (h *Host) changesTo(stack *apps, service string, now pulled) string {
	ref := h.newImage(service)
	i := slices.IndexFunc(now.Tags, func(t tag) bool { return t.Ref == ref })
	c, err := stack.one(service, false)
	if i < 0 || err != nil || c.Image == now.Tags[i].ID {
		return ""
	}
	return now.Tags[i].ID
}

// releaseIn asks the server of an image for its version.
func (h *Host) releaseIn(ctx context.Context, id, of string) (app.Release, error) {
	program := "redis-server"
	if of == catalog.Valkey {
		program = "valkey-server"
	}
	out, err := h.said(ctx, id, program, "--version")
	r, ok := app.ParseRelease(string(out))
	if err != nil || !ok {
		return r, cmp.Or(ctx.Err(), error(&app.NoAnswer{Why: "the new image does not say which version of Redis or Valkey it has"}))
	}
	return r, nil
}

// saidTimeout is what a program of an image may take to say what it is.
const saidTimeout = time.Minute

// said gives what a program of an image prints, in a container without a network that is
// gone afterwards.
func (h *Host) said(ctx context.Context, id string, command ...string) ([]byte, error) {
	args := []string{"run", "--rm", "--pull", "never", "--label", docker.LabelRun + "=" + h.Spec.Run, "--label", docker.LabelHelper + "=1", "--network", "none",
		"--entrypoint", command[0], "--", id}
	var out bytes.Buffer
	within, cancel := context.WithTimeout(ctx, saidTimeout)
	defer cancel()
	_, err := h.Docker.Do(within, docker.Command{Args: append(args, command[1:]...), Stdout: &out})
	if within.Err() != nil {
		left, stop := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer stop()
		err = errors.Join(err, h.Docker.EndLeftovers(left, h.Spec.Run))
	}
	return out.Bytes(), err
}
