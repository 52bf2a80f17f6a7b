package compose

import (
	"iter"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/source"
)

// EnvFile is one entry of a service's `env_file:`.
type EnvFile struct {
	Path     string      // relative to the root, with slashes; may hold a value of .env
	Shown    string      // what may be printed of it
	Required bool        // docker compose refuses to start the service without it
	Missing  bool        // it lies below the root, and is not there
	At       source.Span // where the service names it
}

// EnvFiles gives the entries of the service's `env_file:` in compose's order.
// A file outside the root is never read, and not called missing.
func (s *Service) EnvFiles() []EnvFile {
	if len(s.Config.EnvFiles) == 0 {
		return s.envFilesWritten()
	}
	var out []EnvFile
	for _, ef := range s.Config.EnvFiles {
		name := ef.Path
		if !filepath.IsAbs(name) {
			name = s.root.Abs(path.Join(s.dir, name))
		}
		f := s.envFile(name, bool(ef.Required), s.envFileAt(name))
		f.Shown = s.Shown(f.Path)
		out = append(out, f)
	}
	return out
}

func (s *Service) envFile(name string, required bool, at source.Span) EnvFile {
	rel, err := s.root.Rel(name)
	return EnvFile{Path: rel, Required: required, Missing: err == nil && !s.root.Exists(rel), At: at}
}

// envFilesWritten reads the entries that configFile kept from compose-go:
// those of the extended service first, as compose-go appends them.
func (s *Service) envFilesWritten() []EnvFile {
	var out []EnvFile
	for i := len(s.layers) - 1; i >= 0; i-- {
		l := s.layers[i]
		for item := range l.envFiles() {
			f := s.envFile(join(l.scope.dir, l.scope.text(item.path)), item.required, l.file.span(item.path))
			if f.Shown = f.Path; strings.Contains(item.path.Value, "$") {
				f.Shown = s.Shown(f.Path)
			}
			out = append(out, f)
		}
	}
	return out
}

// envFileItem is one entry as a file writes it.
type envFileItem struct {
	path     *yaml.Node
	required bool
}

func (l layer) envFiles() iter.Seq[envFileItem] {
	return func(yield func(envFileItem) bool) {
		e, ok := l.file.get(l.node, "env_file")
		if !ok {
			return
		}
		for _, node := range list(e.value) {
			node, _ = l.file.follow(node)
			item := envFileItem{node, true}
			if node.Kind == yaml.MappingNode {
				p, _ := l.file.get(node, "path")
				item.path = p.value
				if r, ok := l.file.get(node, "required"); ok {
					item.required, _ = strconv.ParseBool(l.scope.text(r.value))
				}
			}
			if item.path != nil && item.path.Kind == yaml.ScalarNode && !yield(item) {
				return
			}
		}
	}
}

// envFileAt finds the entry that names the file.
func (s *Service) envFileAt(name string) source.Span {
	for _, l := range s.layers {
		for item := range l.envFiles() {
			if s.root.Abs(join(l.scope.dir, l.scope.text(item.path))) == name {
				return l.file.span(item.path)
			}
		}
	}
	return s.At("env_file")
}
