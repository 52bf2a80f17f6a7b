package compose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/errdefs"
	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"
)

// resolve has compose-go make the project, and joins its services with the
// places they are written.
func (r *reader) resolve(ctx context.Context, s *Stack, mains []*File, layers map[string][]layer, sc *scope) error {
	project, err := r.compose(ctx, s, mains, sc)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.explain(err, layers, sc, mains)
	}
	if project == nil {
		return nil
	}
	s.Volumes = project.Volumes
	cache := envCache{}
	for _, set := range []types.Services{project.Services, project.DisabledServices} {
		for name, config := range set {
			svc := &Service{Name: name, Config: config, root: r.root, layers: layers[name], cache: cache}
			_, svc.Enabled = project.Services[name]
			svc.locate(s)
			s.Services = append(s.Services, svc)
		}
	}
	order := map[string]int{}
	for i, f := range s.Files {
		order[f.Path] = i
	}
	slices.SortFunc(s.Services, func(a, b *Service) int {
		return cmp.Or(order[a.Key.File]-order[b.Key.File], a.Key.Offset-b.Key.Offset, strings.Compare(a.Name, b.Name))
	})
	return nil
}

// locate finds where the service and its image are written. An image that the
// files do not explain stands at the service's key.
func (s *Service) locate(stack *Stack) {
	s.Key = stack.Files[0].Start()
	if len(s.layers) > 0 {
		s.Key = s.layers[0].file.span(s.layers[0].key)
	}
	if v, ok := s.Value("image"); ok && v.text == s.Config.Image {
		s.Image = v
		return
	}
	if s.Config.Image != "" {
		s.Image = Value{Span: s.Key, Use: s.Key, Shown: "the image of " + s.Name, text: s.Config.Image}
	}
}

// compose loads the project. It gives both a project and an error where
// compose-go understands the files but docker compose would still refuse them.
func (r *reader) compose(ctx context.Context, s *Stack, mains []*File, sc *scope) (*types.Project, error) {
	details := types.ConfigDetails{WorkingDir: r.root.Abs(s.Dir), Environment: sc.environment()}
	for _, f := range mains {
		details.ConfigFiles = append(details.ConfigFiles, r.configFile(f))
	}
	options := func(o *loader.Options) {
		o.SetProjectName(projectName(s, r.root), true)
		o.SkipResolveEnvironment = true
		o.SkipResolveLabels = true
		o.Profiles = s.Profiles
		o.MaxNodeVisits = maxNodes
		o.Interpolate.Substitute = substitute
		o.Interpolate.TypeCastMapping = needed(o.Interpolate.TypeCastMapping, details.ConfigFiles)
		o.ResourceLoaders = []loader.ResourceLoader{&guard{reader: r}}
	}
	project, err := loader.LoadWithContext(ctx, details, options)
	if err == nil || !errors.Is(err, errdefs.ErrInvalid) && !strings.Contains(err.Error(), "depend") {
		return project, err
	}
	details.ConfigFiles = nil
	for _, f := range mains {
		details.ConfigFiles = append(details.ConfigFiles, r.configFile(f))
	}
	project, again := loader.LoadWithContext(ctx, details, options, func(o *loader.Options) { o.SkipConsistencyCheck = true })
	if again != nil {
		return nil, err
	}
	return project, err
}

// configFile hands f to compose-go without what no rule reads through it, since
// compose-go matches every scalar against every path pattern, and Dify's file
// has many hundreds of these: the scalars of `environment:` mappings, well-formed
// `env_file:` entries, and the top-level x- blocks, whose anchors are resolved by
// then. Service.Env and Service.EnvFiles read them from the nodes.
func (r *reader) configFile(f *File) types.ConfigFile {
	abs := r.root.Abs(f.Path)
	if len(f.docs) != 1 || f.retags {
		return types.ConfigFile{Filename: abs, Content: f.Data}
	}
	var config map[string]any
	if err := f.docs[0].Decode(&config); err != nil {
		return types.ConfigFile{Filename: abs, Content: f.Data} // compose-go words the error
	}
	for key := range config {
		if strings.HasPrefix(key, "x-") {
			delete(config, key)
		}
	}
	alone := !pullsIn(config)
	services, _ := config["services"].(map[string]any)
	for _, svc := range services {
		service, _ := svc.(map[string]any)
		env, _ := service["environment"].(map[string]any)
		for key, value := range env {
			switch value.(type) {
			case nil, string, bool, int, int64, uint64, float64:
				delete(env, key)
			}
		}
		if alone && wellFormed(service["env_file"]) {
			delete(service, "env_file")
		}
	}
	return types.ConfigFile{Filename: abs, Config: config}
}

// wellFormed reports whether v is an `env_file:` that compose-go has nothing to
// say about: paths, or mappings of a path and whether it is required.
func wellFormed(v any) bool {
	switch v := v.(type) {
	case string:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool {
			m, ok := item.(map[string]any)
			if !ok {
				_, ok = item.(string)
				return !ok
			}
			_, path := m["path"].(string)
			_, required := m["required"].(bool)
			return !path || len(m) > 2 || len(m) == 2 && !required
		})
	}
	return false
}

// needed leaves out the casts whose path no file holds. compose-go tries each
// of its 60 on every scalar, which is a quarter of what loading costs. Where a
// file was handed over as bytes, or pulls in others, all stay.
func needed(casts map[tree.Path]interpolation.Cast, files []types.ConfigFile) map[tree.Path]interpolation.Cast {
	out := map[tree.Path]interpolation.Cast{}
	for pattern, cast := range casts {
		if slices.ContainsFunc(files, func(f types.ConfigFile) bool {
			return f.Config == nil || pullsIn(f.Config) || has(f.Config, pattern.Parts())
		}) {
			out[pattern] = cast
		}
	}
	return out
}

// pullsIn reports whether config includes or extends other files.
func pullsIn(config map[string]any) bool {
	_, found := config["include"]
	return found || has(config, []string{"services", tree.PathMatchAll, "extends", "file"})
}

// has reports whether v holds a value at a path with * for any key and [] for
// any item.
func has(v any, pattern []string) bool {
	if len(pattern) == 0 {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		if pattern[0] != tree.PathMatchAll {
			next, ok := v[pattern[0]]
			return ok && has(next, pattern[1:])
		}
		for _, next := range v {
			if has(next, pattern[1:]) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(next any) bool { return has(next, pattern[1:]) })
	}
	return false
}

// guard keeps compose-go from files that this package has not read and
// checked itself: every include and extends of the stack is asked of it first.
type guard struct{ reader *reader }

// Accept is asked for every path, as the files write it; one that names a file
// this package has read stays with compose-go's own loader.
func (g *guard) Accept(name string) bool {
	tail := strings.TrimLeft(path.Clean(name), "./")
	for known, f := range g.reader.files {
		if f != nil && strings.HasSuffix(g.reader.root.Abs(known), "/"+tail) {
			return false
		}
	}
	return true
}

// Load refuses: only unknown files come here.
func (g *guard) Load(_ context.Context, name string) (string, error) {
	return "", fmt.Errorf("%s: not read", name)
}

// Dir is never asked for a file that was refused.
func (g *guard) Dir(name string) string { return name }
