package compose

import (
	"path"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/source"
)

// scope is where the relative paths and the variables of a file resolve: the
// stack's own, or that of an include with a folder and env files of its own.
type scope struct {
	dir    string // relative to the root
	values map[string]binding
}

// binding is a variable that an env file sets.
type binding struct {
	value   string
	shown   string      // what may be printed in its place
	at      source.Span // the key
	edit    source.Span // the value as written, with its quotes
	written string      // those bytes
}

func (s *scope) lookup(name string) (string, bool) {
	b, ok := s.values[name]
	return b.value, ok
}

// with is s plus what files set and s does not, in the folder dir.
func (s *scope) with(dir string, files []*dotenv.File) *scope {
	out := &scope{dir, map[string]binding{}}
	for _, f := range files {
		for _, e := range f.Entries {
			last, ok := f.Lookup(e.Key)
			if !ok || e.Commented || last.Unset {
				continue
			}
			b := binding{value: last.Value.Reveal(), at: last.Span, edit: last.At,
				written: string(f.Data[last.At.Offset : last.At.Offset+last.At.Len])}
			if b.value != "" {
				b.shown = "${" + e.Key + "}"
			}
			out.values[e.Key] = b
		}
	}
	for k, v := range s.values {
		out.values[k] = v
	}
	return out
}

// environment is what compose-go interpolates from.
func (s *scope) environment() map[string]string {
	out := make(map[string]string, len(s.values))
	for k, b := range s.values {
		out[k] = b.value
	}
	return out
}

// text is the interpolated text of scalar n, or "".
func (s *scope) text(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if !strings.Contains(n.Value, "$") {
		return n.Value
	}
	out, err := template.SubstituteWithOptions(n.Value, s.lookup, template.WithoutLogging)
	if err != nil {
		return n.Value
	}
	return out
}

// join is the path of name as seen from dir; an absolute name stays.
func join(dir, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(dir, name)
}

// list gives the items of a sequence, or n alone, or nothing.
func list(n *yaml.Node) []*yaml.Node {
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.AliasNode:
		return list(n.Alias)
	case n.Kind == yaml.SequenceNode:
		return n.Content
	}
	return []*yaml.Node{n}
}
