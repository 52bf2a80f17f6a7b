package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/lint/image"
	application "github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/steps"
)

// shop is a plan with something of everything in it.
func shop() (*steps.Spec, []docker.Container, incoming) {
	max := 3
	spec := &steps.Spec{Run: "20261122T030000Z-0000", Kind: steps.Upgrade, Version: "1.0.0", Binary: "b1", State: "/var/lib/belay/shop", Backups: "/b", Backup: "x", Commit: "c1",
		Project: docker.Project{Name: "shop", Dir: "/srv/shop", Files: []string{"/srv/shop/compose.yaml"}},
		Changes: []steps.Change{{Service: "n8n", Old: "n8nio/n8n:1.120.0", OldID: "sha256:aa", New: "n8nio/n8n:2.1.0"}, {Service: "db", Old: "postgres:17", OldID: "sha256:bb", New: "postgres:18"}},
		Moves:   []steps.Move{{Service: "db", From: 17, To: 18, Old: steps.DataPlace{Volume: "shop_db"}, New: steps.DataPlace{Volume: "shop_db_pg18"}}},
		Files:   []steps.File{{Path: "/srv/shop/compose.yaml", Old: "f1", New: "f2"}},
		Config:  steps.Config{File: "/srv/shop/belay.yml", MaxErrors: &max, Drain: steps.Duration(time.Minute), Probes: []steps.Probe{{Name: "p", Service: "n8n", TCP: "a:1", Expect: application.Expect{JSON: map[string]any{"$.a": 1.5}}}}},
		Options: steps.Options{AcceptUnhealthy: []string{"b", "a"}},
	}
	running := []docker.Container{{Service: "n8n", ID: "c2", Image: "sha256:aa"}, {Service: "db", ID: "c1", Image: "sha256:bb"}}
	return spec, running, incoming{means: map[string]string{"n8nio/n8n:2.1.0": "sha256:cc", "postgres:18": "sha256:dd"}}
}

// TestPlanHash: an approval that was given to one version of Belay is good for the next
// one, and for no other plan.
func TestPlanHash(t *testing.T) {
	const golden = "c51fedc98e92d6f999097aa2011af50693698da5dd89a74801af3df360b6dec3"
	hashOf := func(change func(*steps.Spec, *[]docker.Container, incoming)) string {
		spec, running, in := shop()
		change(spec, &running, in)
		b := boundBy(spec, running, in)
		b.Gates = []string{"a-gate"} // the catalog grows
		return b.hash()
	}
	for name, change := range map[string]func(*steps.Spec, *[]docker.Container, incoming){
		"as it is": func(*steps.Spec, *[]docker.Container, incoming) {},
		"another run": func(s *steps.Spec, _ *[]docker.Container, _ incoming) {
			s.Run, s.Backup, s.State, s.Backups = "y", "y", "y", "y"
		},
		"another belay":          func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Version, s.Binary = "2", "b2" },
		"a commit of no file":    func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Commit = "c2" },
		"flags in another order": func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Options.AcceptUnhealthy = []string{"a", "b"} },
		"containers in another":  func(_ *steps.Spec, c *[]docker.Container, _ incoming) { slices.Reverse(*c) },
		"begun outside windows":  func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Options.Now = true },
	} {
		if got := hashOf(change); got != golden {
			t.Errorf("%s: %s, want %s", name, got, golden)
		}
	}
	seen := map[string]string{golden: "as it is"}
	for name, change := range map[string]func(*steps.Spec, *[]docker.Container, incoming){
		"project":   func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Project.Name = "shop2" },
		"folder":    func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Project.Dir = "/srv/shop2" },
		"profiles":  func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Project.Profiles = []string{"x"} },
		"old image": func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Changes[0].Old = "n8nio/n8n:1.121.0" },
		"old id":    func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Changes[0].OldID = "sha256:a0" },
		"new image": func(s *steps.Spec, _ *[]docker.Container, in incoming) {
			s.Changes[0].New, in.means["n8nio/n8n:2.1.1"] = "n8nio/n8n:2.1.1", "sha256:cc"
		},
		"digest":            func(_ *steps.Spec, _ *[]docker.Container, in incoming) { in.means["n8nio/n8n:2.1.0"] = "sha256:c0" },
		"digest not known":  func(_ *steps.Spec, _ *[]docker.Container, in incoming) { in.means["n8nio/n8n:2.1.0"] = "" },
		"service gone":      func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Changes = s.Changes[:1] },
		"container":         func(_ *steps.Spec, c *[]docker.Container, _ incoming) { (*c)[0].ID = "c3" },
		"container's image": func(_ *steps.Spec, c *[]docker.Container, _ incoming) { (*c)[0].Image = "sha256:a0" },
		"file":              func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Files[0].New = "f3" },
		"file before":       func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Files[0].Old = "f0" },
		"file on disk":      func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Files[0].Now = "f3" },
		"mode":              func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Files[0].Mode = 0o755 },
		"move":              func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Moves[0].New.Volume = "x" },
		"checks":            func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Config.Probes = nil },
		"no-drain":          func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Options.NoDrain = true },
		"no-clone":          func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Options.NoClone = true },
		"data loss":         func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Options.AcceptDataLoss = true },
		"uncovered": func(s *steps.Spec, _ *[]docker.Container, _ incoming) {
			s.Options.AcceptUncovered = []application.Kind{application.Database}
		},
		"unhealthy":     func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Options.AcceptUnhealthy = []string{"a"} },
		"failing":       func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Options.AcceptFailing = []string{"a"} },
		"reactivate":    func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Options.Reactivate = true },
		"drain-timeout": func(s *steps.Spec, _ *[]docker.Container, _ incoming) { s.Options.DrainTimeout = 1 },
	} {
		got := hashOf(change)
		if was, twice := seen[got]; twice {
			t.Errorf("%s: the same plan as %s", name, was)
		}
		seen[got] = name
	}
	b := boundBy(shop())
	if len(b.Gates) == 0 {
		t.Error("n8n 2 passes gates")
	}
	with := b.hash()
	if b.Gates = b.Gates[1:]; b.hash() == with {
		t.Error("a gate is no part of the plan")
	}
}

// TestSince: of the plan that waited it is told what became another, of no other plan.
func TestSince(t *testing.T) {
	spec, running, in := shop()
	was, state := boundBy(spec, running, in), t.TempDir()
	if got := was.since(state, was.hash()); got != "" {
		t.Errorf("nothing waited: %q", got)
	}
	if err := was.keep(state); err != nil {
		t.Fatal(err)
	}
	running[0].ID, in.means["postgres:18"], spec.Options.NoDrain = "c9", "sha256:d0", true
	now := boundBy(spec, running, in)
	if got := now.since(state, was.hash()[:12]); got != "the containers that run, images, flags" {
		t.Errorf("%q", got)
	}
	if got := now.since(state, strings.Repeat("0", 12)); got != "" {
		t.Errorf("another plan: %q", got)
	}
}

// images is a double of docker and of registries.
type images struct {
	local  map[string]docker.Image
	remote map[string]string // by reference; "" is an answer that says nothing
	asked  []string
}

func (i *images) Image(_ context.Context, ref string) (docker.Image, bool, error) {
	img, ok := i.local[ref]
	return img, ok, nil
}

func (i *images) Digest(_ context.Context, ref image.Ref) (string, error) {
	i.asked = append(i.asked, ref.String())
	if d := i.remote[ref.String()]; d != "" {
		return d, nil
	}
	return "", errors.New("it answered 401")
}

// TestIncoming: what an upgrade would pull is known before, and nothing else is asked for.
func TestIncoming(t *testing.T) {
	local := map[string]docker.Image{
		"redis:7":  {ID: "sha256:r", Digests: []string{"redis@sha256:1", "redis@sha256:0"}},
		"sha256:r": {ID: "sha256:r", Digests: []string{"redis@sha256:1", "redis@sha256:0"}},
		"own:1":    {ID: "sha256:o"},
		"sha256:o": {ID: "sha256:o"},
		"n8n:1":    {ID: "sha256:n", Digests: []string{"n8n@sha256:9"}},
		"sha256:n": {ID: "sha256:n", Digests: []string{"n8n@sha256:9"}},
	}
	same := []steps.Change{{Service: "redis", Old: "redis:7", OldID: "sha256:r", New: "redis:7"}, {Service: "own", Old: "own:1", OldID: "sha256:o", New: "own:1", Local: true}}
	for name, c := range map[string]struct {
		changes []steps.Change
		remote  map[string]string
		want    incoming
		asked   string
	}{
		"no tag moved": {same, map[string]string{"redis:7": "sha256:1"}, incoming{means: map[string]string{"redis:7": "sha256:1", "own:1": "sha256:o"}, pulled: map[string]string{"redis:7": "sha256:1"}}, "redis:7"},
		"a tag moved": {same, map[string]string{"redis:7": "sha256:2"}, incoming{moved: true, means: map[string]string{"redis:7": "sha256:2", "own:1": "sha256:o"}, pulled: map[string]string{"redis:7": "sha256:2"},
			changes: []string{"redis: redis:7, which means another image at its registry now"}}, "redis:7"},
		"not said": {same, nil, incoming{moved: true, means: map[string]string{"redis:7": "", "own:1": "sha256:o"}, pulled: map[string]string{},
			notes: []string{"what redis would get as redis:7 is not known before it is pulled, so that no approval holds it: it answered 401"}}, "redis:7"},
		"files name another": {append(slices.Clone(same), steps.Change{Service: "n8n", Old: "n8n:1", OldID: "sha256:n", New: "n8n:2"}), map[string]string{"n8n:2": "sha256:8"},
			incoming{means: map[string]string{"redis:7": "sha256:r", "own:1": "sha256:o", "n8n:2": "sha256:8"}, pulled: map[string]string{"n8n:2": "sha256:8"}}, "n8n:2"},
		"a value of an env file": {[]steps.Change{{Service: "n8n", Old: "n8n:1", OldID: "sha256:n", New: "n8n:2", Hidden: true}, {Service: "gone", Old: "x:1", OldID: "sha256:x"}}, nil,
			incoming{moved: true, means: map[string]string{"n8n:2": ""}, pulled: map[string]string{}, notes: []string{"what n8n would get as … is not known before it is pulled, so that no approval holds it: it answered 401"}}, "n8n:2"},
	} {
		t.Run(name, func(t *testing.T) {
			i := &images{local: local, remote: c.remote}
			got, err := incomingOf(t.Context(), i, i, &steps.Spec{Kind: steps.Upgrade, Changes: c.changes})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got, cmp.AllowUnexported(incoming{})); d != "" {
				t.Error(d)
			}
			if asked := strings.Join(i.asked, " "); asked != c.asked {
				t.Errorf("asked for %s, want %s", asked, c.asked)
			}
		})
	}
}
