package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/postgres"
)

// apps is how package app asks the containers as they are at one time.
type apps struct {
	*Host
	containers []docker.Container
	members    []app.Member
}

// apps looks at the stack as it is now.
func (h *Host) apps(ctx context.Context) (*apps, error) {
	cs, err := h.containers(ctx)
	if err != nil {
		return nil, err
	}
	a := &apps{Host: h, containers: cs}
	for _, c := range cs {
		if slices.ContainsFunc(a.members, func(m app.Member) bool { return m.Service == c.Service }) {
			continue
		}
		ref, _ := image.Parse(c.ImageRef) // an image by its id alone is of no application that is known
		m := app.Member{Service: c.Service, Image: ref, Names: c.Names, Args: c.Args, Env: c.Env, Grace: c.StopTimeout}
		for _, o := range cs {
			if o.Service != c.Service || o.State != "running" {
				continue
			}
			if m.Running = true; m.Started.IsZero() || o.StartedAt.Before(m.Started) {
				m.Started = o.StartedAt
			}
		}
		a.members = append(a.members, app.NewMember(m))
	}
	slices.SortFunc(a.members, func(x, y app.Member) int { return strings.Compare(x.Service, y.Service) })
	return a, nil
}

func (a *apps) Members() []app.Member { return a.members }

// one is a container of a service, one that runs where there is one.
func (a *apps) one(service string, running bool) (docker.Container, error) {
	of := slices.DeleteFunc(slices.Clone(a.containers), func(c docker.Container) bool { return c.Service != service })
	if i := slices.IndexFunc(of, func(c docker.Container) bool { return c.State == "running" }); i >= 0 {
		return of[i], nil
	}
	if running || len(of) == 0 {
		return docker.Container{}, &app.NoAnswer{Why: "no container of service " + service + " runs"}
	}
	return of[0], nil
}

func (a *apps) Query(ctx context.Context, service, db, statement string) ([][]string, error) {
	c, err := a.one(service, true)
	if err != nil {
		return nil, err
	}
	srv := a.server(c)
	if !slices.Contains(a.Spec.Servers, service) {
		if _, ok, err := postgres.Probe(ctx, srv.Exec, c.ID); err != nil || !ok {
			return nil, errors.Join(&app.NoAnswer{Why: "no PostgreSQL server answers in service " + service}, err)
		}
	}
	rows, err := srv.Rows(ctx, db, statement)
	return rows, said(err, "PostgreSQL in "+service)
}

// said is an error of a program in a container in the words of a report: what it wrote
// last, without the command that was run.
func said(err error, who string) error {
	var e *docker.Error
	if !errors.As(err, &e) || e.Exit < 0 {
		return err
	}
	lines := strings.Split(strings.TrimSpace(e.Stderr), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if i := strings.Index(last, "ERROR:"); i >= 0 && strings.HasPrefix(last, "psql:") {
		last = last[i:] // without the line of a script that nobody sees
	}
	if last == "" {
		last = fmt.Sprintf("exit status %d", e.Exit)
	}
	return &app.NoAnswer{Why: who + " says: " + short(last)}
}

func (a *apps) Exec(ctx context.Context, service string, env []string, args ...string) (string, error) {
	c, err := a.one(service, true)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = a.Docker.Exec(ctx, c.ID, docker.Exec{Args: args, Env: env, Stdout: &out})
	var e *docker.Error
	if errors.As(err, &e) {
		out.WriteString(e.Stderr)
	}
	return out.String(), said(err, args[0]+" in "+service)
}

// maxSettings bounds the files of applications that are read, in bytes.
const maxSettings = 1 << 20

func (a *apps) File(ctx context.Context, service, path string) ([]byte, error) {
	c, err := a.one(service, false)
	if err != nil {
		return nil, err
	}
	return a.Docker.ReadFile(ctx, c.ID, path, maxSettings)
}

func (a *apps) Ask(ctx context.Context, service string, requests ...app.Request) ([]app.Response, error) {
	c, err := a.one(service, true)
	if err != nil {
		return nil, err
	}
	var got []app.Response
	if err := a.askIn(ctx, c, asked{Requests: requests}, &got); err != nil {
		return nil, err
	}
	if len(got) != len(requests) {
		return nil, fmt.Errorf("service %s was asked %d times and answered %d times", service, len(requests), len(got))
	}
	return got, nil
}

// n8n are those of the stack, with the key to the API of the one that it is for.
func (a *apps) n8n(ctx context.Context) []*app.N8N {
	all := app.FindN8N(ctx, a)
	by := a.Spec.Config.N8N
	app.Grant(all, by, a.getenv(by.KeyEnv))
	return all
}

// passages asks for Dify's API through doors; nil where there is no Dify.
func (h *Host) passages(ctx context.Context, doors []app.Door) ([]app.Passage, error) {
	stack, err := h.apps(ctx)
	if err != nil {
		return nil, err
	}
	d := app.FindDify(ctx, stack)
	if d == nil {
		return nil, nil
	}
	out := d.Through(ctx, doors)
	for i := range out {
		out[i].Wrong = h.Mask(out[i].Wrong)
	}
	return out, nil
}

// doors are the ports that proxies of the stack publish, but for those of TLS.
func doors(cs []docker.Container) []app.Door {
	var out []app.Door
	for _, c := range cs {
		if !proxy(c.ImageRef) || c.State != "running" {
			continue
		}
		for _, p := range c.Ports {
			if p.Protocol == "tcp" && p.Target != 443 && p.Target != 8443 {
				out = appendNew(out, app.Door{Service: c.Service, Port: p.Target})
			}
		}
	}
	return out
}

// facts are what the applications of the stack are asked before and after. since is when
// the new ones began; zero before.
func (h *Host) facts(ctx context.Context, since time.Time) ([]app.Fact, error) {
	stack, err := h.apps(ctx)
	if err != nil {
		return nil, err
	}
	var out []app.Fact
	for _, n := range stack.n8n(ctx) {
		out = append(out, n.Facts(ctx, since)...)
	}
	if d := app.FindDify(ctx, stack); d != nil {
		out = append(out, d.Facts(ctx)...)
		for _, q := range h.Spec.Config.Retrieval {
			out = append(out, d.Retrieve(ctx, q, h.getenv(q.KeyEnv)))
		}
	}
	of, err := h.serverFacts(ctx)
	if err != nil {
		return nil, err
	}
	out = slices.Concat(out, of, stack.storeFacts(ctx, since))
	h.maskFacts(out)
	return out, nil
}

// storeFacts are what caches and vector stores are asked.
func (a *apps) storeFacts(ctx context.Context, since time.Time) []app.Fact {
	var out []app.Fact
	for _, r := range app.FindRedis(a) {
		if !contains(a.Spec.Options.AcceptUnhealthy, r.Service) {
			out = append(out, r.Facts(ctx, since)...)
		}
	}
	for _, v := range app.FindVectors(a) {
		if !contains(a.Spec.Options.AcceptUnhealthy, v.Service) {
			out = append(out, v.Facts(ctx)...)
		}
	}
	return out
}

// factsAtRest are those of before that are asked again while nothing writes.
func (h *Host) factsAtRest(ctx context.Context) ([]app.Fact, error) {
	stack, err := h.apps(ctx)
	if err != nil {
		return nil, err
	}
	var out []app.Fact
	for _, n := range stack.n8n(ctx) {
		out = append(out, n.Still(ctx)...)
	}
	if d := app.FindDify(ctx, stack); d != nil {
		out = append(out, d.Still(ctx)...)
	}
	h.maskFacts(out)
	return out, nil
}

func (h *Host) maskFacts(out []app.Fact) {
	for i := range out {
		for _, text := range []*string{&out[i].Text, &out[i].Wrong, &out[i].Unasked} {
			*text = h.Mask(*text)
		}
		for id, name := range out[i].Items {
			out[i].Items[id] = h.Mask(name) // people name their workflows as they like
		}
	}
}
