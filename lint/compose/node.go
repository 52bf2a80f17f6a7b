package compose

import (
	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/source"
)

// entry is what a mapping says for a key, and by which merge keys and aliases.
type entry struct {
	key, value *yaml.Node
	via        []Via
}

// get finds key in mapping n, its own keys before merged ones, the first
// merged mapping before the second, as YAML has it.
func (f *File) get(n *yaml.Node, key string) (entry, bool) {
	return f.lookup(n, key, 0)
}

func (f *File) lookup(n *yaml.Node, key string, depth int) (entry, bool) {
	n, via := f.follow(n)
	if n == nil || n.Kind != yaml.MappingNode || depth > 100 {
		return entry{}, false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key && key != "<<" {
			value, more := f.follow(n.Content[i+1])
			return entry{n.Content[i], value, append(via, more...)}, true
		}
	}
	for _, m := range merged(n) {
		if e, ok := f.lookup(m, key, depth+1); ok {
			e.via = append(via, e.via...)
			return e, true
		}
	}
	return entry{}, false
}

// follow steps through aliases to the node that holds the content.
func (f *File) follow(n *yaml.Node) (*yaml.Node, []Via) {
	var via []Via
	for n != nil && n.Kind == yaml.AliasNode {
		via = append(via, Via{ViaMerge, n.Value, f.At(f.offset(n.Line, n.Column), 0)})
		n = n.Alias
	}
	return n, via
}

// merged gives what stands behind the merge keys of mapping n.
func merged(n *yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "<<" {
			continue
		}
		if v := n.Content[i+1]; v.Kind == yaml.SequenceNode {
			out = append(out, v.Content...)
		} else {
			out = append(out, v)
		}
	}
	return out
}

// keys gives the keys of mapping n in file order, merged ones last, each once.
func (f *File) keys(n *yaml.Node) []*yaml.Node {
	seen := map[string]bool{}
	var out []*yaml.Node
	var walk func(n *yaml.Node, depth int)
	walk = func(n *yaml.Node, depth int) {
		n, _ = f.follow(n)
		if n == nil || n.Kind != yaml.MappingNode || depth > 100 {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if k := n.Content[i]; k.Value != "<<" && !seen[k.Value] {
				seen[k.Value] = true
				out = append(out, k)
			}
		}
		for _, m := range merged(n) {
			walk(m, depth+1)
		}
	}
	walk(n, 0)
	return out
}

// walk steps down path from n, through mappings by key.
func (f *File) walk(n *yaml.Node, path ...string) (entry, bool) {
	e := entry{value: n}
	for _, key := range path {
		next, ok := f.get(e.value, key)
		if !ok {
			return entry{}, false
		}
		next.via = append(e.via, next.via...)
		e = next
	}
	return e, true
}

// top finds a top-level key in the last document that has it.
func (f *File) top(path ...string) (entry, bool) {
	for i := len(f.docs) - 1; i >= 0; i-- {
		if e, ok := f.walk(f.docs[i], path...); ok {
			return e, true
		}
	}
	return entry{}, false
}

// keySpan is where a key stands.
func (f *File) keySpan(e entry) source.Span {
	if e.key == nil {
		return f.Start()
	}
	return f.span(e.key)
}
