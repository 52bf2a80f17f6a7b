package compose

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/source"
)

// MountText is a mount of a service as a file writes it, before interpolation. A span
// has Len 0 where the file does not have that text to the letter.
type MountText struct {
	Source, Target     string
	SourceAt, TargetAt source.Span
}

// MountText gives the mount at target, a path in the container, as the file writes it
// that says what is mounted there; ok is false where no entry has a source and a target
// of its own, as one that is a variable altogether.
func (s *Service) MountText(target string) (m MountText, ok bool) {
	for _, l := range s.layers {
		e, ok := l.file.get(l.node, "volumes")
		if !ok {
			continue
		}
		for _, item := range list(e.value) {
			item, _ = l.file.follow(item)
			m, ok := l.file.mountText(item)
			if ok && path.Clean(l.scope.text(&yaml.Node{Kind: yaml.ScalarNode, Value: m.Target})) == path.Clean(target) {
				return m, true
			}
		}
	}
	return m, false
}

// mountText reads an entry of `volumes:` in either syntax.
func (f *File) mountText(item *yaml.Node) (m MountText, ok bool) {
	if item.Kind == yaml.MappingNode {
		from, _ := f.get(item, "source")
		to, _ := f.get(item, "target")
		if from.value == nil || to.value == nil {
			return m, false
		}
		return MountText{from.value.Value, to.value.Value, f.span(from.value), f.span(to.value)}, true
	}
	i := colon(item.Value, 0)
	if i < 0 {
		return m, false
	}
	end := colon(item.Value, i+1)
	if end < 0 {
		end = len(item.Value)
	}
	m = MountText{Source: item.Value[:i], Target: item.Value[i+1 : end]}
	m.SourceAt = f.span(item)
	m.TargetAt = m.SourceAt
	if at := m.SourceAt; at.Len == len(item.Value) {
		m.SourceAt, m.TargetAt = f.At(at.Offset, i), f.At(at.Offset+i+1, end-i-1)
	}
	return m, true
}

// colon gives where raw has its first colon from a place on, outside of expressions;
// -1 for none.
func colon(raw string, from int) int {
	inside := expressions(raw)
	for i := from; i < len(raw); i++ {
		if raw[i] == ':' && !slices.ContainsFunc(inside, func(x expression) bool { return x.start < i && i < x.end }) {
			return i
		}
	}
	return -1
}

// VolumeBeside gives the insertion that declares one more top-level volume beside key,
// in the last file that declares that: behind it, with note as a comment above, or in
// front of it where both stand on one line. other makes its key of key and, where key's
// volume has a name that docker compose does not make of the project's, its name of
// that; nothing else of key is taken over. ok is false where the files write key in a
// way that cannot be added to.
func (s *Stack) VolumeBeside(key, note string, other func(string) string) (e source.Edit, ok bool) {
	name, ok := s.volumeName(key)
	if !ok {
		return e, false
	}
	for i := len(s.Files) - 1; i >= 0; i-- {
		f := s.Files[i]
		all, found := f.top("volumes")
		if _, declared := f.top("volumes", key); !found || !declared {
			continue
		}
		for j := 0; j+1 < len(all.value.Content); j += 2 {
			if n := all.value.Content[j]; n.Value == key {
				return f.beside(n, all.value.Style&yaml.FlowStyle != 0, note, name, other)
			}
		}
		return e, false // by a merge key
	}
	return e, false
}

// volumeName gives the name that the files give the volume, as they write it; "" where
// they give none.
func (s *Stack) volumeName(key string) (name string, ok bool) {
	for _, f := range s.Files {
		if e, ok := f.top("volumes", key, "external"); ok && name == "" {
			switch {
			case strings.Contains(e.value.Value, "$"):
				return "", false
			case e.value.Kind == yaml.ScalarNode && e.value.Value != "false":
				name = key
			}
		}
		for _, path := range [][]string{{"volumes", key, "external", "name"}, {"volumes", key, "name"}} {
			if e, ok := f.top(path...); ok && e.value.Kind == yaml.ScalarNode {
				name = e.value.Value
			}
		}
	}
	return name, !strings.ContainsAny(name, "\"\\\n")
}

// beside makes the insertion beside the key n.
func (f *File) beside(n *yaml.Node, flow bool, note, name string, other func(string) string) (e source.Edit, ok bool) {
	at := f.offset(n.Line, n.Column)
	quote := ""
	if at < len(f.Data) && (f.Data[at] == '"' || f.Data[at] == '\'') {
		quote = string(f.Data[at])
	}
	key := quote + other(n.Value) + quote
	if name != "" {
		if name = other(name); quote != "" || !wordRE().MatchString(name) {
			name = `"` + name + `"`
		}
		name = quote + "name" + quote + ": " + name
	}
	if flow {
		return source.Edit{Pos: f.At(at, 0).Pos, New: key + ": {" + name + "}, "}, true
	}
	pos := f.At(at, 0).Pos
	indent := string(f.Data[f.LineStart(pos.Line):at])
	if indent == "" || strings.Trim(indent, " ") != "" {
		return e, false // `? key`
	}
	lines := []string{indent + key + ":"}
	if note != "" {
		lines = slices.Insert(lines, 0, indent+"# "+note)
	}
	if name != "" {
		lines = append(lines, indent+"  "+name)
	}
	end, last := f.blockEnd(pos.Line, len(indent)), "\n"
	if strings.HasSuffix(string(f.Data[:f.LineStart(pos.Line)]), "\r\n") {
		last = "\r\n"
	}
	text := strings.Join(lines, last)
	if end > 0 && f.Data[end-1] != '\n' { // the last line of the file
		return source.Edit{Pos: f.At(end, 0).Pos, New: last + text}, true
	}
	return source.Edit{Pos: f.At(end, 0).Pos, New: text + last}, true
}

// blockEnd is the offset behind the last line of what stands under a key: the lines
// that are deeper than it. Comments and blank lines behind them belong to what follows.
func (f *File) blockEnd(line, indent int) int {
	last := line
	for i := line + 1; i <= f.Lines(); i++ {
		text := f.Line(i)
		rest := strings.TrimLeft(text, " ")
		if rest == "" {
			continue
		}
		if len(text)-len(rest) <= indent {
			break
		}
		last = i
	}
	return f.LineStart(last + 1)
}

var wordRE = lazy(`^[A-Za-z0-9._-]+$`)
