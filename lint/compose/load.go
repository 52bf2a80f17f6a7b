package compose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/consts"
	"github.com/compose-spec/compose-go/v2/loader"
	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/source"
)

// Options say which stack to load.
type Options struct {
	Root     *source.Root
	Name     string       // what reports call it; empty: Dir
	Dir      string       // its folder, relative to the root; "." is the root
	Files    []string     // compose files relative to the root; empty: as docker compose finds them in Dir
	EnvFiles []string     // env files relative to the root; empty: Dir's .env where there is one
	EnvText  *source.File // content handed over in the place of the env file
	Profiles []string     // enabled besides those of COMPOSE_PROFILES
}

// Load reads a stack. What docker compose would refuse is in Problems, with
// its position, and leaves the stack without services where compose-go cannot
// go on. The error is for what is no fault of the files: a cancelled context,
// or no compose file in Dir (errors.Is fs.ErrNotExist).
func Load(ctx context.Context, o Options) (*Stack, error) {
	go composeSchema() // while the files are read
	dir := path.Clean(cmp.Or(o.Dir, "."))
	r := &reader{root: o.Root, files: map[string]*File{}, scopes: map[*File]*scope{}}
	s := &Stack{Name: cmp.Or(o.Name, dir), Dir: dir, EnvPath: path.Join(dir, ".env")}
	s.Env = r.env(o, s.EnvPath)
	s.unsaid = len(s.Env) == 0 && len(o.Profiles) == 0
	if len(s.Env) > 0 {
		s.EnvPath = s.Env[0].Path
	}
	sc := (&scope{}).with(dir, s.Env)
	r.main = sc
	files := o.Files
	if len(files) == 0 {
		files = mainFiles(o.Root, dir, sc)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no compose file: %w", dir, fs.ErrNotExist)
	}
	sc.dir = path.Dir(files[0])
	s.Dir = sc.dir

	var mains []*File
	for _, name := range files {
		if f := r.open(name, sc, source.Span{}); f != nil {
			mains = append(mains, f)
		}
	}
	s.Project = r.project(mains, sc)
	if name := projectName(s, o.Root); sc.values[consts.ComposeProjectName].value == "" {
		b := binding{value: name, shown: name, at: s.Project.Span}
		if s.Project.Shown != s.Project.Reveal() { // `name: ${KEY}`
			b.shown = "${" + consts.ComposeProjectName + "}"
		}
		sc.values[consts.ComposeProjectName] = b
	}
	layers := map[string][]layer{}
	for i := len(mains) - 1; i >= 0; i-- {
		for name, l := range r.services(mains[i], sc, sc.dir, 0) {
			layers[name] = append(layers[name], l...)
		}
	}
	s.Files = r.order
	slices.SortStableFunc(s.Files, func(a, b *File) int { return rank(files, a.Path) - rank(files, b.Path) })
	r.templates()
	s.Vars = r.vars(s.Files)
	s.Profiles = profiles(o.Profiles, sc)
	if !r.refused {
		if err := r.resolve(ctx, s, mains, layers, sc); err != nil {
			return nil, err
		}
	}
	s.Problems = r.problems
	slices.SortStableFunc(s.Problems, func(a, b Problem) int { return a.Span.Compare(b.Span.Pos) })
	return s, ctx.Err()
}

// env reads what compose interpolates from.
func (r *reader) env(o Options, def string) []*dotenv.File {
	var sources []*source.File
	names := o.EnvFiles
	if o.EnvText != nil {
		sources, names = []*source.File{o.EnvText}, nil
	} else if len(names) == 0 {
		names = []string{def}
	}
	for _, name := range names {
		f, err := r.root.Read(name)
		if err != nil {
			if len(o.EnvFiles) > 0 || !errors.Is(err, fs.ErrNotExist) {
				r.report(err, source.Span{})
			}
			continue
		}
		sources = append(sources, f)
	}
	var out []*dotenv.File
	known := &scope{}
	for _, f := range sources {
		env, err := dotenv.Parse(f, known.lookup)
		if err != nil {
			r.report(err, source.Span{})
			continue
		}
		out = append(out, env)
		known = (&scope{}).with("", out)
	}
	return out
}

// mainFiles gives the compose files of dir in the order they merge, relative
// to the root: COMPOSE_FILE where an env file sets it, else by compose's names.
func mainFiles(root *source.Root, dir string, sc *scope) []string {
	if list, ok := sc.lookup(consts.ComposeFilePath); ok && list != "" {
		sep, _ := sc.lookup(consts.ComposePathSeparator)
		var out []string
		for _, name := range strings.Split(list, cmp.Or(sep, ":")) {
			if name != "" {
				out = append(out, join(dir, name))
			}
		}
		return out
	}
	var out []string
	for _, names := range [][]string{MainNames(), OverrideNames()} {
		for _, name := range names {
			if p := path.Join(dir, name); root.Exists(p) {
				out = append(out, p)
				break
			}
		}
		if len(out) == 0 {
			return nil
		}
	}
	return out
}

func rank(files []string, name string) int {
	if i := slices.Index(files, name); i >= 0 {
		return i
	}
	return len(files)
}

// project finds the project's name as docker compose would.
func (r *reader) project(mains []*File, sc *scope) Value {
	if b, ok := sc.values[consts.ComposeProjectName]; ok && b.value != "" {
		v := NewValue(b.value, b.at)
		v.Raw, v.Shown = "", b.shown
		v.Via = []Via{{ViaEnv, consts.ComposeProjectName, b.at}}
		return v
	}
	for i := len(mains) - 1; i >= 0; i-- {
		e, ok := mains[i].top("name")
		if !ok || e.value.Kind != yaml.ScalarNode {
			continue
		}
		return sc.value(mains[i], e.value, e.via)
	}
	return Value{}
}

// profiles gives the enabled ones. As in docker compose, no COMPOSE_PROFILES
// at all enables the profile "", which real files do name.
func profiles(more []string, sc *scope) []string {
	out := slices.Clone(more)
	list, _ := sc.lookup(consts.ComposeProfiles)
	for _, p := range strings.Split(list, ",") {
		out = append(out, strings.TrimSpace(p))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// vars gives every interpolation in files, each scalar once.
func (r *reader) vars(files []*File) []Var {
	var out []Var
	for _, f := range files {
		sc := r.scopes[f]
		for _, doc := range f.docs {
			scalars(doc, nil, func(n *yaml.Node, path []string) {
				vars := scan(f, n, sc)
				where := strings.Join(path, ".")
				for i := range vars {
					vars[i].Path = where
					if len(path) > 1 && path[0] == "services" {
						vars[i].Service = path[1]
					}
				}
				out = append(out, vars...)
			})
		}
	}
	return out
}

// scalars visits the scalars of n that are values, without following aliases.
func scalars(n *yaml.Node, path []string, visit func(*yaml.Node, []string)) {
	switch n.Kind {
	case yaml.ScalarNode:
		visit(n, path)
	case yaml.SequenceNode:
		for i, c := range n.Content {
			scalars(c, append(path[:len(path):len(path)], fmt.Sprint(i)), visit)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			scalars(n.Content[i+1], append(path[:len(path):len(path)], n.Content[i].Value), visit)
		}
	}
}

// projectName is what compose-go is given: the stack's own, else its folder's.
func projectName(s *Stack, root *source.Root) string {
	name := s.Project.Reveal()
	if name == "" {
		name = path.Base(root.Abs(s.Dir))
	}
	return cmp.Or(loader.NormalizeProjectName(name), "default")
}
