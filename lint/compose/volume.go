package compose

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/source"
)

// VolumeAt gives where the top-level volume key is declared, and whether the
// files give it a `name:` of its own; without one docker compose makes the
// name from the project's. The zero Span when no file declares it.
func (s *Stack) VolumeAt(key string) (at source.Span, named bool) {
	for i := len(s.Files) - 1; i >= 0; i-- {
		f := s.Files[i]
		if e, ok := f.top("volumes", key); ok && at.IsZero() {
			at = f.keySpan(e)
		}
		if _, ok := f.top("volumes", key, "name"); ok {
			named = true
		}
	}
	return at, named
}

// MountAt gives where the service writes its mount at target, a path in the
// container; the key `volumes` when no entry names it, else the service's key.
func (s *Service) MountAt(target string) source.Span {
	for _, l := range s.layers {
		e, ok := l.file.get(l.node, "volumes")
		if !ok {
			continue
		}
		for _, item := range list(e.value) {
			item, _ = l.file.follow(item)
			if item.Kind == yaml.MappingNode {
				t, _ := l.file.get(item, "target")
				if t.value != nil && path.Clean(l.scope.text(t.value)) == path.Clean(target) {
					return l.file.span(t.value)
				}
				continue
			}
			for i, part := range strings.Split(l.scope.text(item), ":") {
				if path.IsAbs(part) && path.Clean(part) == path.Clean(target) && (i > 0 || !strings.Contains(item.Value, ":")) {
					return l.file.span(item)
				}
			}
		}
	}
	return s.At("volumes")
}

// MountSource says where a mount of the service comes from, in words that are
// the same in every checkout: the key of a named volume, a folder relative to
// the project directory ("./volumes/db", "../shared"), an absolute path outside
// the root, or "".
func (s *Service) MountSource(m types.ServiceVolumeConfig) string {
	if m.Type != types.VolumeTypeBind {
		return m.Source
	}
	from := m.Source
	if !filepath.IsAbs(from) && !strings.HasPrefix(from, "~") {
		from = s.root.Abs(path.Join(s.dir, from))
	}
	if _, err := s.root.Rel(from); err != nil || !filepath.IsAbs(from) {
		return path.Clean(from)
	}
	rel, err := filepath.Rel(s.root.Abs(s.dir), from)
	if err != nil {
		return path.Clean(from)
	}
	if rel = filepath.ToSlash(rel); !strings.HasPrefix(rel, "../") {
		rel = "./" + rel
	}
	return rel
}
