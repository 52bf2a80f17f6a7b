package wanted

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted/deployed"
)

// Mode says what is wanted. With none of From, Set and Down it is the files as they
// stand on disk.
type Mode struct {
	From *From // the files of a checkout
	Set  []Pin // versions for images
	Down *Down // one service back to a version

	State     string           // the project's state folder
	Scratch   string           // for mirrors, which hold the .env for a moment; "" for the system's
	Catalog   *catalog.Catalog // apps, and which version is the newer one; nil for the embedded one
	Groups    [][]string       // patterns of images that must carry one tag, besides the releases of the catalog
	Protected []string         // keys that must not change, besides the catalog's
}

// Pin is a version for an image: --set IMAGE=TAG.
type Pin struct {
	Image string // a service, or an image by its name as the files write it
	Tag   string // "1.13.3", "1.13.3@sha256:…" or "sha256:…"
}

// Down is the way back of one service, which takes its group along. Its data stay:
// whether the older version can read them is for the caller to find out.
type Down struct{ Service, Version string }

// Service is one service of the stack before and after.
type Service struct {
	Name string // "" for one that is gone
	Was  string // "" for a new one; another name when it was renamed

	Old, New string // references, as the files write them; "" for none
	OldID    string // of the image that runs
	App      catalog.App
	OldApp   catalog.App
	Written  string // New as the files write it, with ${…} for what is a value of an env file
	Hidden   bool   // a part of Old or New is a value of an env file
	Local    bool   // New is built or imported here
	Moved    bool   // New is Old, and its local tag means another image than the one that runs
	Changed  bool   // another reference, or Moved, or new
	Drifted  bool   // what it was started with is not known: only its old image is
}

// Result is what an upgrade starts from and what it is to reach.
type Result struct {
	Project  docker.Project
	Services []Service // in the order of the files, those that are gone last
	Old, New Tree      // every file of the stack before and after
	Commit   string    // of the checkout, 40 hex digits; "" for none
	Notes    []string  // what the plan must say; English, no values of env files

	// Moves are the PostgreSQL servers that get a newer major version, each with its new
	// data volume or folder, which New mounts and nothing is in yet.
	Moves []steps.Move

	disk    Tree // as they stand
	unmoved Tree // New before the new data volumes were written into it
}

// Nothing reports whether files and images are already as wanted. Whether a
// floating tag means another image now only its registry can say.
func (r *Result) Nothing() bool {
	return len(r.changedFiles()) == 0 && !slices.ContainsFunc(r.Services, func(s Service) bool { return s.Changed || s.Name == "" })
}

// work is one computation.
type work struct {
	Mode
	engine  Engine
	project docker.Project // with the .env that docker compose takes
	run     map[string]running
	record  *deployed.Record // nil: nothing was deployed by a run yet
	notes   []string
	found   Tree // files of the host that docker compose does not read, and a checkout has
}

// Compute works out what is wanted of the stack that runs. What stands against it
// is one error with every *Refused in its tree, at which nothing was changed.
func Compute(ctx context.Context, e Engine, d *Deployed, m Mode) (*Result, error) {
	w := &work{Mode: m, engine: e, project: effective(d.Project)}
	if w.Catalog == nil {
		w.Catalog = catalog.Load()
	}
	var err error
	if w.run, err = runningServices(d.Containers); err != nil {
		return nil, err
	}
	if w.record, err = deployed.Read(m.State); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	disk, err := w.read(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.enabled(disk); err != nil {
		return nil, err
	}
	w.forget(disk)
	old, drifted, err := w.before(ctx, disk)
	if err != nil {
		return nil, err
	}
	next, commit, err := w.after(ctx, disk)
	if err != nil {
		return nil, err
	}
	for path, f := range w.found {
		for _, t := range []Tree{disk.tree, old.tree} {
			if _, ok := t[path]; !ok {
				t[path] = f
			}
		}
	}
	r := &Result{Project: d.Project, Old: old.tree, New: next.tree, Commit: commit, disk: disk.tree}
	if r.Services, err = w.services(ctx, old, next, drifted); err != nil {
		return nil, err
	}
	after, moves, against, err := w.moves(ctx, r.Services, old, next)
	if err != nil {
		return nil, err
	}
	r.New, r.unmoved = after.tree, next.tree
	for _, m := range moves {
		r.Moves = append(r.Moves, m.Move)
	}
	if err := join(slices.Concat(against, w.refusals(r, old, next), r.pending())); err != nil {
		return nil, err
	}
	r.Notes = w.notes
	return r, nil
}

// read reads the files as they stand, also those that services get as they are.
func (w *work) read(ctx context.Context) (*view, error) {
	t, err := readTree(ctx, w.project)
	if err != nil {
		return nil, err
	}
	v, err := w.resolve(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, path := range v.model.files() {
		if _, ok := v.tree[path]; ok || !below(w.project.Dir, path) {
			continue
		}
		if f, err := readFile(path); err == nil && len(f.Data) <= maxMounted {
			v.tree[path] = f
		}
	}
	if w.record != nil {
		for _, r := range w.record.Files {
			if _, ok := v.tree[r.Path]; ok {
				continue
			}
			if f, err := readFile(r.Path); err == nil {
				f.Checkout = r.Checkout
				v.tree[r.Path] = f
			}
		}
	}
	return v, nil
}

// maxMounted bounds a file that is mounted and taken for configuration, in bytes.
const maxMounted = 1 << 20

func (w *work) resolve(ctx context.Context, t Tree) (*view, error) {
	return resolve(ctx, w.engine, w.Scratch, w.project, t)
}

// enabled refuses a stack of which a service runs that the profiles here leave out.
func (w *work) enabled(disk *view) error {
	var all []*Refused
	for _, svc := range disk.stack.Services {
		r, runs := w.run[svc.Name]
		if _, ok := disk.model.Services[svc.Name]; ok || !runs || svc.Enabled || !slices.ContainsFunc(r.containers, docker.Container.Running) {
			continue
		}
		all = append(all, refuse(Identity, "service "+svc.Name+" runs, and none of its profiles is enabled here",
			"profiles "+strings.Join(svc.Config.Profiles, ", "), "", "enable one with --profile or COMPOSE_PROFILES in the .env, or stop the service").at(svc.Key.Pos))
	}
	return join(all)
}

// forget leaves out containers that were started once by hand for a profile that is
// not enabled, and stand still.
func (w *work) forget(disk *view) {
	for _, svc := range disk.stack.Services {
		if _, ok := disk.model.Services[svc.Name]; !ok && !svc.Enabled {
			delete(w.run, svc.Name)
		}
	}
}

// after gives the stack as it is wanted.
func (w *work) after(ctx context.Context, disk *view) (v *view, commit string, err error) {
	switch {
	case w.From != nil:
		return w.from(ctx, disk)
	case w.Down != nil:
		v, err = w.set(ctx, disk, []Pin{{w.Down.Service, w.Down.Version}})
	case len(w.Set) > 0:
		v, err = w.set(ctx, disk, w.Set)
	default:
		v = disk
	}
	if err == nil && w.record != nil {
		commit = w.record.Commit
	}
	return v, commit, err
}

// services joins what runs with what is wanted.
func (w *work) services(ctx context.Context, old, next *view, drifted map[string]bool) ([]Service, error) {
	var out []Service
	add := func(s Service) error {
		s.App, s.OldApp = w.app(s.New), w.app(s.Old)
		if s.New != "" {
			img, ok, err := w.engine.Image(ctx, s.New)
			if err != nil {
				return err
			}
			s.Local = s.Local || ok && len(img.Digests) == 0
			s.Moved = ok && s.OldID != "" && sameRef(s.Old, s.New) && img.ID != s.OldID
		}
		s.Changed = s.Name != "" && (s.Was == "" || !sameRef(s.Old, s.New) || s.Moved)
		out = append(out, s)
		return nil
	}
	renamed := w.renamed(next)
	for _, svc := range next.stack.Services {
		m, ok := next.model.Services[svc.Name]
		if !ok {
			continue // of a profile that is not enabled
		}
		s := Service{Name: svc.Name, New: next.model.image(w.project.Name, svc.Name), Hidden: hidden(next, svc.Name), Local: m.built(), Written: svc.Image.Shown}
		was := svc.Name
		if r, ok := renamed[svc.Name]; ok {
			was = r
		}
		if r, ok := w.run[was]; ok {
			s.Was, s.Old, s.OldID = was, r.ref, r.id
			s.Hidden = s.Hidden || hidden(old, was)
			s.Drifted = drifted[was]
			if m.Image == "" && m.built() {
				s.New = r.ref // docker compose makes both names up
			}
		}
		if err := add(s); err != nil {
			return nil, err
		}
	}
	for _, name := range sorted(w.run) {
		if !slices.ContainsFunc(out, func(s Service) bool { return s.Was == name }) {
			r := w.run[name]
			if err := add(Service{Was: name, Old: r.ref, OldID: r.id, Hidden: hidden(old, name), Drifted: drifted[name]}); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// hidden reports whether a part of the service's image is a value of an env file.
func hidden(v *view, name string) bool {
	svc := v.stack.Service(name)
	return svc != nil && svc.Image.Shown != svc.Image.Reveal()
}

func (w *work) app(ref string) catalog.App {
	if r, err := image.Parse(ref); err == nil {
		a, _ := w.Catalog.App(r)
		return a
	}
	return catalog.App{}
}

func sorted[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
