package dotenv

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/source"
)

// What a values file may expand to once its aliases are followed.
const (
	maxNodes = 500_000
	maxDepth = 100
	maxPath  = 4096    // bytes
	maxChart = 1 << 20 // bytes of a values file; the reader takes 15 µs for a node
)

// ParseValues reads the values.yaml of a Helm chart as a File whose keys are
// paths: image.tag, env[DB_HOST].value for the item of a list that has that
// name, hosts[0].host for another, and ingress["a.b/c"] for a key with dots.
// A list of scalars is one value; null, {} and [] are the empty text. Order in the
// file means nothing. Help is the comment above a key. Aliases and merge keys
// are followed.
//
// The error is a *source.Error: more than 1 MiB, not YAML, no mapping, or an
// expansion beyond 500,000 nodes. It holds no text of the file.
func ParseValues(f *source.File) (*File, error) {
	file := &File{File: f, holds: map[string]int{}, muted: map[string]int{}}
	v := values{file: file, src: f, at: cursor{line: 1, col: 1}, spans: map[*yaml.Node]source.Span{},
		texts: map[*yaml.Node]Value{}, helps: map[*yaml.Node]string{}}
	if len(f.Data) > maxChart {
		return file, &source.Error{Pos: f.Start().Pos, Msg: "of a values file at most 1 MiB is read"}
	}
	var doc yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(f.Data)).Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return file, nil
	}
	if err != nil {
		return file, v.syntax(err)
	}
	switch root := doc.Content[0]; {
	case root.Kind == yaml.MappingNode && len(root.Content) > 0:
		return file, v.walk("", nil, root, 0)
	case root.Kind == yaml.MappingNode, root.Kind == yaml.ScalarNode && root.Tag == "!!null":
		return file, nil
	default:
		return file, v.fail(root, "not a mapping: a values file is `key: value` at the top", "")
	}
}

type values struct {
	file  *File
	src   *source.File
	nodes int
	at    cursor

	// What was found of a node, kept because aliases come back to it.
	spans map[*yaml.Node]source.Span
	texts map[*yaml.Node]Value
	helps map[*yaml.Node]string
}

// spend counts the work on n, and refuses what would never end.
func (v *values) spend(n *yaml.Node, path string, depth int) error {
	v.nodes += 1 + len(n.Content)
	switch {
	case v.nodes > maxNodes || depth > maxDepth:
		return v.fail(n, "it expands to more than is read: 500,000 nodes, 100 levels", "write out fewer aliases of aliases")
	case len(path) > maxPath:
		return v.fail(n, "a path of more than 4096 bytes", "")
	}
	return nil
}

// walk adds the leaves below n. key is the node that names n, nil at the top.
func (v *values) walk(path string, key, n *yaml.Node, depth int) error {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
		if depth++; depth > maxDepth {
			break
		}
	}
	if err := v.spend(n, path, depth); err != nil {
		return err
	}
	switch {
	case n.Kind == yaml.MappingNode && len(n.Content) > 0:
		return v.mapping(path, n, depth)
	case n.Kind == yaml.SequenceNode && !scalars(n):
		return v.sequence(path, n, depth)
	}
	v.leaf(path, key, n)
	return nil
}

func (v *values) mapping(path string, n *yaml.Node, depth int) error {
	own := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		own[n.Content[i].Value] = true
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			return v.fail(key, "a key that is no text", "")
		}
		if key.Tag == "!!merge" {
			if err := v.merge(path, value, own, depth+1); err != nil {
				return err
			}
			continue
		}
		if err := v.walk(child(path, key.Value), key, value, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// merge adds what stands behind a merge key, but for the mapping's own keys;
// of several merged mappings the first holds.
func (v *values) merge(path string, n *yaml.Node, own map[string]bool, depth int) error {
	for n.Kind == yaml.AliasNode && depth <= maxDepth {
		n, depth = n.Alias, depth+1
	}
	if err := v.spend(n, path, depth); err != nil {
		return err
	}
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			if err := v.merge(path, item, own, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		var err error
		switch {
		case key.Tag == "!!merge":
			err = v.merge(path, value, own, depth+1)
		case !own[key.Value]:
			own[key.Value] = true
			err = v.walk(child(path, key.Value), key, value, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sequence adds a list of mappings, each item by its name where each has one
// of its own, as the environment of a container does.
func (v *values) sequence(path string, n *yaml.Node, depth int) error {
	names := itemNames(n)
	for i, item := range n.Content {
		name := strconv.Itoa(i)
		if names != nil {
			name = names[i]
		}
		if item.Kind == yaml.MappingNode && len(item.Content) > 0 && item.Content[0].HeadComment == "" {
			v.helps[item.Content[0]] = helpOf(item) // the reader gives the comment above "- name:" to the item
		}
		if err := v.walk(path+"["+name+"]", item, item, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// itemNames gives the `name:` of each item; nil unless all have one of their own.
func itemNames(n *yaml.Node) []string {
	var names []string
	seen := map[string]bool{}
	for _, item := range n.Content {
		name := ""
		for i := 0; item.Kind == yaml.MappingNode && i+1 < len(item.Content); i += 2 {
			if item.Content[i].Value == "name" && item.Content[i+1].Kind == yaml.ScalarNode {
				name = item.Content[i+1].Value
			}
		}
		if name == "" || seen[name] {
			return nil
		}
		seen[name] = true
		names = append(names, name)
	}
	return names
}

func scalars(n *yaml.Node) bool {
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode {
			return false
		}
	}
	return true
}

// leaf adds the value at path.
func (v *values) leaf(path string, key, n *yaml.Node) {
	value, ok := v.texts[n]
	if !ok {
		value = NewValue(flatten(n))
		v.texts[n] = value
	}
	help, ok := v.helps[key]
	if !ok {
		help = helpOf(key)
		v.helps[key] = help
	}
	e := Entry{Key: path, Span: v.span(key), Value: value, Help: help}
	if key != n {
		e.At = v.span(n)
	}
	v.file.add(e)
}

// flatten gives a scalar's text, and a list of scalars in one line.
func flatten(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode, len(n.Content) == 0 && n.Tag == "!!null", n.Kind == yaml.SequenceNode && len(n.Content) == 0:
		return ""
	case n.Kind == yaml.SequenceNode:
		items := make([]string, len(n.Content))
		for i, item := range n.Content {
			items[i] = strconv.Quote(item.Value)
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return n.Value
}

// helpOf gives the comment above a key, without "#" and the "--" of helm-docs.
func helpOf(key *yaml.Node) string {
	if key == nil {
		return ""
	}
	var lines []string
	for line := range strings.Lines(key.HeadComment) {
		line = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "#"))
		if line = strings.TrimSpace(strings.TrimPrefix(line, "-- ")); strings.Trim(line, "-=*#_~ ") != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// child gives the path of key below path.
func child(path, key string) string {
	switch {
	case key == "" || strings.ContainsAny(key, ".[]\"") || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' }):
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// syntax says where the file is no YAML. The reader's own text may quote it.
func (v *values) syntax(err error) error {
	at := v.src.Start()
	var e *yaml.LoadError
	if errors.As(err, &e) && e.Mark.Line > 0 {
		v.at.move(v.src, e.Mark.Line, max(1, e.Mark.Column))
		at = v.src.At(v.at.offset, 0)
	}
	out := &source.Error{Pos: at.Pos, Msg: "not YAML", Next: "check the indentation and the quotes here and on the lines above", Err: errNotYAML}
	if strings.HasPrefix(strings.TrimLeft(v.src.Line(at.Line), " "), "\t") {
		out.Msg, out.Next = "not YAML: a tab in the indentation", "indent with spaces"
	}
	return out
}

var errNotYAML = errors.New("not YAML")

func (v *values) fail(n *yaml.Node, msg, next string) error {
	return &source.Error{Pos: v.span(n).Pos, Msg: msg, Next: next}
}
