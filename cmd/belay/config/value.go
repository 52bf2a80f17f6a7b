package config

import (
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// value turns n into what encoding/json would give for it, and reports what
// belay.yml does not allow: aliases, so that a small file stays small,
// duplicate keys, and interpolation. Under the key run nobody expects it: there
// ${...} is the shell's.
func (d *document) value(n *yaml.Node, depth int, shell bool) any {
	if depth > maxDepth {
		d.fail(n, "", "nested more than %d deep", maxDepth)
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		return d.mapping(n, depth, shell)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, e := range n.Content {
			list = append(list, d.value(e, depth+1, shell))
		}
		return list
	case yaml.AliasNode:
		d.fail(n, "write the value out", "aliases are not read in belay.yml")
		return nil
	}
	return d.scalar(n, shell)
}

// interpolated are the keys below which ${NAME} has a meaning: the shell's, or that of a
// probe's request.
var interpolated = []string{"run", "headers", "body"}

func (d *document) mapping(n *yaml.Node, depth int, shell bool) any {
	m := make(map[string]any, len(n.Content)/2)
	first := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			d.fail(key, "write the key as a word", "a key that is not text")
			continue
		}
		if was := first[key.Value]; was != nil {
			d.fail(key, "keep one", "key %s is defined twice: first on line %d", quote(key.Value), was.Line)
			continue
		}
		first[key.Value] = key
		m[key.Value] = d.value(n.Content[i+1], depth+1, shell || slices.Contains(interpolated, key.Value))
	}
	return m
}

func (d *document) scalar(n *yaml.Node, shell bool) any {
	if strings.Contains(strings.ToUpper(n.Value), "AGE-SECRET-KEY-") { // no later error may print it
		d.fail(n, "keep it in a file that backup.identity-file names, and make a new one: this one is in a file that people share", "a secret key of age; belay.yml holds no secret")
		return nil
	}
	if strings.Contains(n.Value, "${") && !shell {
		d.fail(n, "write the value out", "belay.yml is not interpolated: ${...} is read as it stands")
		return nil
	}
	switch tag := n.ShortTag(); tag {
	case "!!null":
		return nil
	case "!!bool":
		var v bool
		if n.Decode(&v) == nil {
			return v
		}
	case "!!int", "!!float":
		var v float64
		if n.Decode(&v) == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v
		}
	case "!!str", "!!timestamp":
		return n.Value
	default:
		d.fail(n, "remove the tag", "the YAML tag %s is not read in belay.yml", quote(tag))
		return nil
	}
	return n.Value
}

// find gives the node at a path of keys and indexes, and the key that leads
// to it: the node itself in a list.
func find(n *yaml.Node, path []string) (key, value *yaml.Node) {
	key, value = n, n
	for _, step := range path {
		k, v := child(value, step)
		if v == nil {
			return key, value
		}
		key, value = k, v
	}
	return key, value
}

func child(n *yaml.Node, step string) (key, value *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i], n.Content[i+1]
			}
		}
		return nil, nil
	}
	i := 0
	for _, c := range step {
		if c < '0' || c > '9' || i > len(n.Content) {
			return nil, nil
		}
		i = i*10 + int(c-'0')
	}
	if i >= len(n.Content) {
		return nil, nil
	}
	return n.Content[i], n.Content[i]
}
