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
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// resolve has compose-go make the project, and joins its services with the
// places they are written.
func (r *reader) resolve(ctx context.Context, s *Stack, mains []*File, layers map[string][]layer, sc *scope) error {
	cache := envCache{}
	fetched := make(chan struct{})
	go func() {
		defer close(fetched)
		cache.fill(r.root, layers)
	}()
	project, err := r.compose(ctx, s, mains, sc)
	<-fetched
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
	for _, set := range []types.Services{project.Services, project.DisabledServices} {
		for name, config := range set {
			svc := &Service{Name: name, Config: config, root: r.root, dir: s.Dir, layers: layers[name], cache: cache}
			_, svc.Enabled = project.Services[name]
			svc.Perhaps = !svc.Enabled && s.unsaid
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
	details.ConfigFiles = r.configFiles(mains)
	casts := details.ConfigFiles
	options := func(o *loader.Options) {
		o.SetProjectName(projectName(s, r.root), true)
		o.SkipResolveEnvironment = true
		o.SkipResolveLabels = true
		o.SkipDefaultValues = true // of builds, ports and devices: no rule reads those
		o.Profiles = s.Profiles
		o.MaxNodeVisits = maxNodes
		o.Interpolate.Substitute = substitute
		o.Interpolate.TypeCastMapping = needed(o.Interpolate.TypeCastMapping, casts)
		o.ResourceLoaders = []loader.ResourceLoader{&guard{reader: r}}
	}
	load := func(more ...func(*loader.Options)) (*types.Project, error) {
		details.ConfigFiles = r.configFiles(mains) // compose-go changes what it is given
		return loader.LoadWithContext(ctx, details, append(more, options)...)
	}
	if len(mains) == 1 && standsAlone(details.ConfigFiles[0].Config) {
		if project := r.quick(ctx, details, mains[0], options); project != nil {
			return project, nil
		}
	}
	project, err := load()
	if err == nil || !errors.Is(err, errdefs.ErrInvalid) && !strings.Contains(err.Error(), "depend") {
		return project, err
	}
	project, again := load(func(o *loader.Options) { o.SkipConsistencyCheck = true })
	if again != nil {
		return nil, err
	}
	return project, err
}

func (r *reader) configFiles(mains []*File) []types.ConfigFile {
	var out []types.ConfigFile
	for _, f := range mains {
		out = append(out, r.configFile(f))
	}
	return out
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
