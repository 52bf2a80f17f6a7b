package compose

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/source"
)

// At gives the key of a path below the service, such as "healthcheck" or
// "environment", "PGDATA", where a person would edit it; the service's key
// when the files do not write it.
func (s *Service) At(keys ...string) source.Span {
	for _, l := range s.layers {
		if e, ok := l.file.walk(l.node, keys...); ok {
			return l.file.keySpan(e)
		}
		if len(keys) != 2 {
			continue
		}
		if e, ok := l.file.get(l.node, keys[0]); ok {
			for _, item := range list(e.value) {
				if item.Kind == yaml.ScalarNode && (item.Value == keys[1] || strings.HasPrefix(item.Value, keys[1]+"=")) {
					return l.file.span(item)
				}
			}
		}
	}
	return s.Key
}

// Value gives the scalar at a path below the service, resolved; ok is false
// when no file writes one there.
func (s *Service) Value(keys ...string) (v Value, ok bool) {
	for _, l := range s.layers {
		e, ok := l.file.walk(l.node, keys...)
		if !ok {
			continue
		}
		if e.value.Tag == "!reset" || e.value.Kind != yaml.ScalarNode {
			return v, false
		}
		return l.scope.value(l.file, e.value, slices.Concat(l.via, e.via)), true
	}
	return v, false
}

// EnvKeys gives the names of the variables that the container gets from
// `environment:` and its env files, sorted.
func (s *Service) EnvKeys() []string {
	seen := map[string]bool{}
	for _, l := range s.layers {
		if e, ok := l.file.get(l.node, "environment"); ok {
			for _, k := range l.file.keys(e.value) {
				seen[k.Value] = true
			}
			if e.value.Kind == yaml.SequenceNode {
				for _, item := range e.value.Content {
					name, _, _ := strings.Cut(item.Value, "=")
					seen[name] = true
				}
			}
		}
	}
	for _, f := range s.envFiles() {
		for _, e := range f.Entries {
			if !e.Commented {
				seen[e.Key] = true
			}
		}
	}
	var out []string
	for k := range seen {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Env gives the variable key as the container gets it: from `environment:`,
// else from the last of its env files that sets it.
func (s *Service) Env(key string) (v Value, ok bool) {
	for _, l := range s.layers {
		e, found := l.file.get(l.node, "environment")
		if !found {
			continue
		}
		if v, ok := s.envIn(l, e, key); ok {
			return v, true
		}
	}
	files := s.envFiles()
	for i := len(files) - 1; i >= 0; i-- {
		if e, ok := files[i].Lookup(key); ok {
			v := NewValue(e.Value.Reveal(), e.Span)
			v.Raw, v.Shown = "", "${"+key+"}"
			v.Via = []Via{{ViaEnv, key, e.Span}}
			return v, true
		}
	}
	return v, false
}

// envIn looks key up in one `environment:`, a mapping or a list.
func (s *Service) envIn(l layer, env entry, key string) (v Value, ok bool) {
	if e, ok := l.file.get(env.value, key); ok {
		if e.value.Kind != yaml.ScalarNode {
			return v, false
		}
		if e.value.ShortTag() == "!!null" {
			return l.scope.inherited(key, l.file.span(e.key))
		}
		return l.scope.value(l.file, e.value, slices.Concat(l.via, env.via, e.via)), true
	}
	for _, item := range list(env.value) {
		name, text, set := strings.Cut(item.Value, "=")
		if item.Kind != yaml.ScalarNode || name != key {
			continue
		}
		if !set {
			return l.scope.inherited(key, l.file.span(item))
		}
		part := *item
		part.Value = text
		v := l.scope.value(l.file, &part, slices.Concat(l.via, env.via))
		v.Use = l.file.span(item)
		if len(v.Vars) == 0 {
			v.Span = v.Use
		}
		return v, true
	}
	return v, false
}

// inherited is a variable passed on by its name alone.
func (s *scope) inherited(key string, use source.Span) (Value, bool) {
	b, ok := s.values[key]
	if !ok {
		return Value{Use: use, Span: use}, false
	}
	v := NewValue(b.value, b.at)
	v.Use, v.Raw, v.Shown = use, "", b.shown
	v.Via = []Via{{ViaEnv, key, b.at}}
	return v, true
}

// envFiles reads the service's `env_file:` entries that exist below the root.
func (s *Service) envFiles() []*dotenv.File {
	if s.env != nil {
		return *s.env
	}
	known := &scope{}
	if len(s.layers) > 0 {
		known = s.layers[0].scope
	}
	out := []*dotenv.File{}
	for _, ef := range s.EnvFiles() {
		if f := s.cache.read(s.root, ef.Path, known); f != nil {
			out = append(out, f)
		}
	}
	s.env = &out
	return out
}

// envCache keeps the env files that services share: Dify's name 36 of them, in
// five services.
type envCache map[envCacheKey]*dotenv.File

type envCacheKey struct {
	path  string
	scope *scope
}

// fill reads the env files of all services ahead, while compose-go is at work.
func (c envCache) fill(root *source.Root, layers map[string][]layer) {
	for _, ls := range layers {
		for _, l := range ls {
			for item := range l.envFiles() {
				if rel, err := root.Rel(join(l.scope.dir, l.scope.text(item.path))); err == nil {
					c.read(root, rel, ls[0].scope)
				}
			}
		}
	}
}

// read gives the file, or nil where it cannot be read or parsed, which
// env-file-missing says.
func (c envCache) read(root *source.Root, name string, sc *scope) *dotenv.File {
	key := envCacheKey{name, sc}
	if f, ok := c[key]; ok {
		return f
	}
	c[key] = nil
	if src, err := root.Read(name); err == nil {
		if f, err := dotenv.Parse(src, sc.lookup); err == nil {
			c[key] = f
		}
	}
	return c[key]
}

// Shown gives what may be printed of a text in Config: a mount's target, a
// profile. Where a value of an env file stands in it, there is ${KEY} instead.
func (s *Service) Shown(text string) string {
	var hidden []binding
	for _, l := range s.layers {
		names := slices.SortedFunc(maps.Keys(l.scope.values), func(a, b string) int {
			return cmp.Or(len(l.scope.values[b].value)-len(l.scope.values[a].value), strings.Compare(a, b))
		})
		for _, name := range names {
			if b := l.scope.values[name]; b.value != b.shown && strings.Contains(text, b.value) && s.interpolates(name) {
				hidden = append(hidden, b)
			}
		}
	}
	return hide(text, hidden)
}

// hide puts what may be shown into the place of each value, the first that
// fits, and never into what it has put there. A value of one or two characters
// is only looked for where it stands alone: Dify's NGINX_SERVER_NAME is "_".
func hide(text string, values []binding) string {
	var out strings.Builder
next:
	for i := 0; i < len(text); {
		for _, b := range values {
			if strings.HasPrefix(text[i:], b.value) && (len(b.value) > 2 || alone(text, i, i+len(b.value))) {
				out.WriteString(b.shown)
				i += len(b.value)
				continue next
			}
		}
		out.WriteByte(text[i])
		i++
	}
	return out.String()
}

// alone reports whether no letter, digit or underscore touches text[i:j].
func alone(text string, i, j int) bool {
	word := func(c byte) bool {
		return c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c >= 0x80
	}
	return (i == 0 || !word(text[i-1])) && (j == len(text) || !word(text[j]))
}

// interpolates reports whether the files that write s name the variable.
func (s *Service) interpolates(name string) bool {
	return slices.ContainsFunc(s.layers, func(l layer) bool {
		return bytes.Contains(l.file.Data, []byte("$"+name)) || bytes.Contains(l.file.Data, []byte("${"+name))
	})
}
