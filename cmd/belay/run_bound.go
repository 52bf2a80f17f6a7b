package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/registry"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/steps"
)

// bound is everything that the approval of a plan holds to: what runs now, what would be
// done to it, and with which flags. Neither times are in it nor the version of Belay, and
// no commit: files count by what is in them.
//
// The ids of the containers are in it, which nobody knows who has not seen the host. So an
// approval is good for one stack in one state and not for a second run, and the hash says
// nothing about the values in an env file that is among the files.
type bound struct {
	Project  docker.Project `json:"project"`
	Running  []boundRunning `json:"running"`
	Services []boundService `json:"services"`
	Files    []steps.File   `json:"files"`
	Moves    []steps.Move   `json:"moves"`
	Gates    []string       `json:"gates"`
	Config   steps.Config   `json:"config"`
	Options  steps.Options  `json:"options"`
}

// boundRunning is a container of the stack as it is.
type boundRunning struct {
	Service string `json:"service"`
	ID      string `json:"id"`
	Image   string `json:"image"`
}

// boundService is a service with the images before and after.
type boundService struct {
	Service string `json:"service"`
	Old     string `json:"old"`
	OldID   string `json:"oldID"`
	New     string `json:"new"`
	Means   string `json:"means"` // what New is by incoming
}

// boundBy is what the approval of a spec's plan holds to.
func boundBy(spec *steps.Spec, running []docker.Container, in incoming) bound {
	b := bound{Project: spec.Project, Files: spec.Files, Moves: spec.Moves, Gates: gatesOf(spec.Changes), Config: spec.Config, Options: spec.Options}
	for _, c := range running {
		b.Running = append(b.Running, boundRunning{c.Service, c.ID, c.Image})
	}
	slices.SortFunc(b.Running, func(x, y boundRunning) int { return strings.Compare(x.Service+" "+x.ID, y.Service+" "+y.ID) })
	for _, c := range spec.Changes {
		b.Services = append(b.Services, boundService{c.Service, c.Old, c.OldID, c.New, in.means[c.New]})
	}
	o := &b.Options
	o.Now = false // when a plan is carried out is no part of it
	o.AcceptUnhealthy, o.AcceptFailing, o.AcceptUncovered = sorted(o.AcceptUnhealthy), sorted(o.AcceptFailing), sorted(o.AcceptUncovered)
	return b
}

func sorted[E ~string](list []E) []E {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// gatesOf are the ids of the gates that changes pass.
func gatesOf(changes []steps.Change) []string {
	var out []string
	for _, c := range changes {
		old, err := image.Parse(c.Old)
		now, e := image.Parse(c.New)
		if err != nil || e != nil {
			continue
		}
		for _, g := range catalog.Load().Gates(old, now) {
			out = append(out, g.ID)
		}
	}
	return sorted(out)
}

// hash names the plan.
func (b bound) hash() string {
	data, _ := json.Marshal(b) // texts and numbers alone
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// planFile is where the plan lies in the state folder that waited last.
func planFile(state string) string { return filepath.Join(state, "plan.json") }

// keep leaves the plan where since finds it.
func (b bound) keep(state string) error {
	data, _ := json.Marshal(b)
	new := planFile(state) + ".new"
	if err := os.WriteFile(new, data, 0o600); err != nil {
		return err
	}
	return os.Rename(new, planFile(state))
}

// since says in what b differs from the plan that waited last, when that is the one with
// the hash; "" when it is another, or there is none.
func (b bound) since(state, hash string) string {
	data, err := os.ReadFile(planFile(state))
	var was bound
	if err != nil || json.Unmarshal(data, &was) != nil || !strings.HasPrefix(was.hash(), hash) {
		return ""
	}
	var out []string
	for _, part := range []struct {
		name     string
		was, now any
	}{
		{"the project", was.Project, b.Project}, {"the containers that run", was.Running, b.Running}, {"images", was.Services, b.Services}, {"files", was.Files, b.Files},
		{"moves of data", was.Moves, b.Moves}, {"gates", was.Gates, b.Gates}, {"the deployed belay.yml", was.Config, b.Config}, {"flags", was.Options, b.Options},
	} {
		x, _ := json.Marshal(part.was)
		y, _ := json.Marshal(part.now)
		if !bytes.Equal(x, y) {
			out = append(out, part.name)
		}
	}
	return strings.Join(out, ", ")
}

// incoming is what the references of a spec would mean after its pull.
type incoming struct {
	means   map[string]string // by reference: the digest that a pull brings, or the id of what is here; "" when it is not known
	pulled  map[string]string // of those that are pulled, the digests
	moved   bool              // a tag means another image than the one that runs, or that is not known
	changes []string          // about those, for the plan
	notes   []string          // what is not known
}

// imager knows local images; docker.Client does.
type imager interface {
	Image(ctx context.Context, ref string) (docker.Image, bool, error)
}

// digester knows what a registry would give; registry.Client does.
type digester interface {
	Digest(ctx context.Context, ref image.Ref) (string, error)
}

// registryClient asks registries as docker would, with its credentials.
func registryClient() *registry.Client { return &registry.Client{Keys: authn.DefaultKeychain} }

// incomingOf asks registries what they would give, before anything is pulled. One that
// does not say is noted: an approval does not hold that image.
func incomingOf(ctx context.Context, local imager, remote digester, spec *steps.Spec) (incoming, error) {
	in := incoming{means: map[string]string{}, pulled: map[string]string{}}
	for _, c := range spec.Changes {
		if _, known := in.means[c.New]; known || c.New == "" {
			continue
		}
		here, ok, err := local.Image(ctx, c.New)
		if err != nil {
			return in, err
		}
		in.means[c.New] = here.ID
		if !spec.Pulls(c.New, ok) {
			continue
		}
		ref, err := image.Parse(c.New)
		digest := ""
		if err == nil {
			digest, err = remote.Digest(ctx, ref)
		}
		if ctx.Err() != nil {
			return in, context.Cause(ctx)
		}
		in.means[c.New] = digest
		name := c.New
		if c.Hidden {
			name = "…"
		}
		if err != nil {
			in.moved = true
			in.notes = append(in.notes, "what "+c.Service+" would get as "+name+" is not known before it is pulled, so that no approval holds it: "+err.Error())
			continue
		}
		in.pulled[c.New] = digest
		if c.Old != c.New {
			continue
		}
		runs, ok, err := local.Image(ctx, c.OldID)
		if err != nil {
			return in, err
		}
		if !ok || !slices.ContainsFunc(runs.Digests, func(d string) bool { return strings.HasSuffix(d, "@"+digest) }) {
			in.moved = true
			in.changes = append(in.changes, c.Service+": "+name+", which means another image at its registry now")
		}
	}
	return in, nil
}
