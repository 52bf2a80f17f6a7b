package release

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/markdown"
)

// Shipped is the compose folder of an upstream at one release: the services
// and companions it ships, and the examples of its env files.
type Shipped struct {
	Stack    *compose.Stack
	Examples *dotenv.Set
}

// maxShipped bounds the files of a compose folder: Dify 1.16.1 has 38.
const maxShipped = 400

// ReadShipped reads the compose folder of u at a git tag. Its files are laid
// out in a folder of their own below temp, which is gone again afterwards.
func ReadShipped(ctx context.Context, r Reader, u catalog.Upstream, tag, temp string) (*Shipped, error) {
	files, err := r.Tree(ctx, u.Repo, u.Compose, tag, func(name string) bool {
		return strings.HasSuffix(name, ".env.example") || slices.Contains(compose.MainNames(), name)
	})
	if err != nil {
		return nil, err
	}
	if len(files) > maxShipped {
		return nil, fmt.Errorf("%s at %s holds more than %d files", u.Compose, tag, maxShipped)
	}
	dir, err := os.MkdirTemp(temp, "belay-upstream-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for name, data := range files {
		if !filepath.IsLocal(name) {
			continue
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			return nil, err
		}
	}
	return loadShipped(ctx, dir, u, tag)
}

func loadShipped(ctx context.Context, dir string, u catalog.Upstream, tag string) (*Shipped, error) {
	root, err := source.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	o := compose.Options{Root: root, Name: u.Repo + " " + tag, Dir: "."}
	if example, err := root.Read(".env.example"); err == nil {
		o.EnvText = source.New(".env", example.Data)
	}
	s := &Shipped{}
	if s.Stack, err = compose.Load(ctx, o); err != nil {
		return nil, fmt.Errorf("%s at %s holds no compose file", u.Compose, tag)
	}
	s.Examples, err = dotenv.ReadSet(".", dotenv.FindExamples(root.FS(), "."), root.Read)
	if err != nil && s.Examples.IsEmpty() {
		return nil, fmt.Errorf("the env examples of %s at %s cannot be read", u.Compose, tag)
	}
	return s, nil
}

// Release gives what the catalog holds of a release.
func (s *Shipped) Release(cat *catalog.Catalog, version, date string) catalog.Release {
	r := catalog.Release{Version: version, Date: date, Companions: map[string]string{}}
	for _, svc := range s.Stack.Services {
		ref, err := image.Parse(svc.Image.Reveal())
		if err != nil {
			continue
		}
		app, ok := cat.App(ref)
		if !ok || app.Release == catalog.Dify && app.ID != catalog.DifyAgent {
			continue
		}
		id := app.ID
		if id == catalog.Postgres && strings.HasSuffix(ref.Path, "/pgvector") {
			id = "pgvector"
		}
		if r.Companions[id] == "" {
			r.Companions[id] = ref.Tag
		}
	}
	return r
}

// upstream adds to d what only the upstream's own folder at both releases can
// say: how its env examples changed, where the repository carries none, and
// which services and companions a release ships that the catalog does not know.
func (s *Stack) upstream(ctx context.Context, d *Dossier, in Input) {
	for i := range d.Changes {
		c := &d.Changes[i]
		u, ok := s.Catalog.Upstream(c.now.ref)
		app, _ := s.Catalog.App(c.now.ref)
		if !ok || u.Compose == "" || app.ID != catalog.DifyAPI || !c.newer() || c.old.hidden || c.now.hidden {
			continue
		}
		_, known := s.Catalog.Release(c.now.ref.Tag)
		if known && !in.NoExamples {
			continue
		}
		if in.Reader == nil {
			d.Missing = append(d.Missing, fmt.Sprintf("what %s ships was not looked up: the network was not to be asked", c.now.ref.Tag))
			continue
		}
		s.compare(ctx, d, in, c, u, known)
	}
}

func (s *Stack) compare(ctx context.Context, d *Dossier, in Input, c *Change, u catalog.Upstream, known bool) {
	oldTag, okOld := u.GitTag(c.old.ref)
	newTag, okNow := u.GitTag(c.now.ref)
	if !okOld || !okNow {
		return
	}
	before, err := ReadShipped(ctx, in.Reader, u, oldTag, in.Temp)
	var after *Shipped
	if err == nil {
		after, err = ReadShipped(ctx, in.Reader, u, newTag, in.Temp)
	}
	if err != nil {
		d.Missing = append(d.Missing, fmt.Sprintf("what %s ships beside its images could not be read: %s", newTag, err))
		return
	}
	if in.NoExamples {
		for _, drift := range dotenv.Compare(before.Examples, after.Examples, s.Yours) {
			if drift.Kind == dotenv.Moved || drift.Kind == dotenv.HelpChanged || drift.Kind == dotenv.Removed && drift.Have == dotenv.HaveNone {
				continue
			}
			d.Drift = append(d.Drift, DriftOf(drift))
		}
	}
	if known {
		return
	}
	if p := s.companions(c, after.Release(s.Catalog, newTag, "")); len(p.Here) > 0 {
		d.Gates = append(d.Gates, p)
	}
	if p := s.services(c, before.Stack, after.Stack); len(p.Here) > 0 {
		d.Gates = append(d.Gates, p)
	}
	worstFirst(d.Gates)
}

// DriftOf is a drift as the dossier carries it: at the user's own file, with
// the line to paste where there is one.
func DriftOf(d dotenv.Drift) Drift {
	out := Drift{Key: d.Key, Kind: string(d.Kind), Text: strings.TrimPrefix(d.Message(), d.Key+" "), Place: placeOf(d.Yours.Pos)}
	switch d.Kind {
	case dotenv.Missing, dotenv.Added, dotenv.Pinned:
		// Not a line that would mean something else where it is pasted: one that
		// speaks of itself, one to be filled in, one of several defaults.
		line := d.Line()
		if !strings.Contains(line, "${"+d.Key) && !strings.Contains(strings.ToLower(line), "=your") && !strings.Contains(d.Note, "another default") {
			out.Paste = line
		}
	}
	out.Needed = d.Needed || d.Kind == dotenv.Missing && !d.HasDefault
	return out
}

// companions says which images of the stack are not those that a release ships.
func (s *Stack) companions(c *Change, r catalog.Release) Passed {
	p := Passed{ID: "upstream-companions", Title: c.App + " " + r.Version + " ships other companions than this stack has",
		Text: "Read from the release's own compose file. A companion of another version is not what the release was tested with.",
		Duty: catalog.Watch, Level: catalog.Medium, Risks: []catalog.Risk{catalog.DependencyRisk}, Back: catalog.BackImages, Image: c.Image}
	for _, its := range s.joined().pairs {
		svc, side := its.svc, its.now
		want := r.Companions[its.app.ID]
		if !its.okNow || want == "" || its.app.ID == catalog.Postgres || side.ref.Tag == want || !its.starts() {
			continue
		}
		p.Here = append(p.Here, Task{Text: Markdown(fmt.Sprintf("%s: the release ships %s, here it is %s",
			markdown.Code(svc.Name), markdown.Code(want), markdown.Code(side.tag))), Places: []Place{placeOf(svc.Image.Span.Pos)}})
	}
	return p
}

// services says which services a release adds that the stack does not have.
func (s *Stack) services(c *Change, before, after *compose.Stack) Passed {
	p := Passed{ID: "upstream-services", Title: c.App + " " + after.Name[strings.LastIndex(after.Name, " ")+1:] + " ships services that this stack lacks",
		Text: "Read from the release's own compose file. New tags alone do not make an upgrade whose set of services changes.",
		Duty: catalog.Services, Level: catalog.High, Risks: []catalog.Risk{catalog.DependencyRisk}, Back: catalog.BackImages, Image: c.Image}
	have, old, now := s.joined().now, byName(before), byName(after)
	for _, svc := range after.Services {
		if svc.Enabled && old[svc.Name] == nil && have[svc.Name] == nil {
			p.Here = append(p.Here, Task{Text: Markdown("new service " + markdown.Code(svc.Name) + " with image " + markdown.Code(svc.Image.Reveal()))})
		}
	}
	for _, svc := range before.Services {
		if svc.Enabled && now[svc.Name] == nil && have[svc.Name] != nil {
			p.Here = append(p.Here, Task{Text: Markdown("service " + markdown.Code(svc.Name) + " is gone from the release"),
				Places: []Place{placeOf(have[svc.Name].Key.Pos)}})
		}
	}
	return p
}
