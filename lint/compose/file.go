package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/source"
)

// maxNodes bounds a compose file with its aliases expanded, in YAML nodes:
// 5,000 services of 60 nodes each, and far below what an alias bomb needs.
const maxNodes = 2_000_000

// File is a compose file and the YAML nodes in it.
type File struct {
	*source.File
	docs   []*yaml.Node // the root mapping of each document
	breaks []int        // line starts as YAML counts them; nil when the same as the file's
	retags bool         // it holds !reset or !override
}

// parse reads the nodes of f. The error is a *source.Error: not YAML, an
// alias that contains itself, more than maxNodes nodes once aliases are
// expanded, a mapping key twice, or a document that is no mapping.
func parse(f *source.File) (*File, error) {
	file := &File{File: f}
	if bytes.Contains(f.Data, []byte("\u0085")) || bytes.Contains(f.Data, []byte("\u2028")) || bytes.Contains(f.Data, []byte("\u2029")) {
		file.breaks = yamlBreaks(f.Data)
	}
	dec := yaml.NewDecoder(bytes.NewReader(f.Data))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return file, nil
		}
		if err != nil {
			return nil, file.syntaxError(err)
		}
		if len(doc.Content) == 0 {
			continue
		}
		root := doc.Content[0]
		if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
			continue
		}
		if root.Kind != yaml.MappingNode {
			return nil, file.errorAt(root, "a compose file is a mapping, with `services:` at the top", "")
		}
		c := checker{file: file, weight: map[*yaml.Node]int{}}
		if c.count(root) > maxNodes {
			return nil, file.errorAt(root, "its aliases expand to more than %d nodes", "write out fewer aliases of aliases", maxNodes)
		}
		if c.err != nil {
			return nil, c.err
		}
		file.docs = append(file.docs, root)
	}
}

// checker walks a document once: each node, whatever the number of aliases to it.
type checker struct {
	file   *File
	weight map[*yaml.Node]int // nodes below, aliases expanded; -1 while it is being counted
	err    error
}

func (c *checker) fail(n *yaml.Node, format, hint string, args ...any) int {
	if c.err == nil {
		c.err = c.file.errorAt(n, format, hint, args...)
	}
	return 1
}

func (c *checker) count(n *yaml.Node) int {
	if n.Kind == yaml.ScalarNode {
		c.tag(n)
		return 1
	}
	if w, ok := c.weight[n]; ok {
		return w
	}
	c.weight[n] = -1
	c.tag(n)
	total := 1
	if n.Kind == yaml.AliasNode {
		if c.weight[n.Alias] < 0 {
			return c.fail(n, "an alias that contains itself", "")
		}
		total += c.count(n.Alias)
	}
	if n.Kind == yaml.MappingNode {
		c.merges(n)
	}
	seen := map[string]*yaml.Node{}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if first, dup := seen[child.Value]; dup && child.Kind == yaml.ScalarNode {
				c.fail(child, "key %q is already set at line %d", "keep one of the two", child.Value, first.Line)
			}
			seen[child.Value] = child
		}
		total = min(total+c.count(child), maxNodes+1)
	}
	c.weight[n] = total
	return total
}

// merges refuses a merge key that is given anything but mappings.
func (c *checker) merges(n *yaml.Node) {
	for _, m := range merged(n) {
		target, _ := c.file.follow(m)
		for _, item := range list(target) {
			if item, _ = c.file.follow(item); item.Kind != yaml.MappingNode && item.Tag != "!reset" {
				c.fail(m, "a merge key takes a mapping or a list of mappings", "")
			}
		}
	}
}

func (c *checker) tag(n *yaml.Node) {
	if n.Tag == "!reset" || n.Tag == "!override" {
		c.file.retags = true
	}
}

func (f *File) syntaxError(err error) error {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return &source.Error{Pos: f.Start().Pos, Msg: "not YAML: " + err.Error(), Err: err}
	}
	at := f.Start()
	if e.Mark.Line > 0 {
		at = f.At(f.offset(e.Mark.Line, max(1, e.Mark.Column)), 0)
	}
	msg, hint := strings.TrimPrefix(e.Message, "yaml: "), ""
	if strings.HasPrefix(strings.TrimLeft(f.Line(at.Line), " "), "\t") {
		msg, hint = "a tab in the indentation", "YAML is indented with spaces"
	}
	return &source.Error{Pos: at.Pos, Msg: "not YAML: " + msg, Next: hint, Err: err}
}

func (f *File) errorAt(n *yaml.Node, format, hint string, args ...any) error {
	return &source.Error{Pos: f.span(n).Pos, Msg: fmt.Sprintf(format, args...), Next: hint}
}

// offset is the byte offset of a line and column as the YAML reader counts
// them: characters, and more line breaks than editors know.
func (f *File) offset(line, col int) int {
	start := f.LineStart(line)
	if f.breaks != nil {
		start = f.breaks[min(line, len(f.breaks))-1]
	}
	rest := f.Data[start:]
	if start == 0 {
		rest = bytes.TrimPrefix(rest, []byte("\ufeff"))
		start = len(f.Data) - len(rest)
	}
	for ; col > 1 && len(rest) > 0; col-- {
		_, n := utf8.DecodeRune(rest)
		rest = rest[n:]
		start += n
	}
	return start
}

func yamlBreaks(data []byte) []int {
	starts := []int{0}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		i += n
		switch {
		case r == '\r' && i < len(data) && data[i] == '\n':
		case r == '\n', r == '\r', r == '\u0085', r == '\u2028', r == '\u2029':
			starts = append(starts, i)
		}
	}
	return starts
}

// span is where the text of n stands, without quotes, tags and anchors. Its
// length is 0 unless the bytes there are the value to the letter.
func (f *File) span(n *yaml.Node) source.Span {
	at := f.offset(n.Line, n.Column)
	for at < len(f.Data) && (f.Data[at] == '&' || f.Data[at] == '!') {
		end := bytes.IndexAny(f.Data[at:], " \t\r\n")
		if end < 0 {
			break
		}
		rest := bytes.TrimLeft(f.Data[at+end:], " \t\r\n")
		at = len(f.Data) - len(rest)
	}
	if n.Kind != yaml.ScalarNode {
		return f.At(at, 0)
	}
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 && at < len(f.Data) {
		at++
	}
	if bytes.HasPrefix(f.Data[at:], []byte(n.Value)) && !strings.ContainsAny(n.Value, "\r\n") {
		return f.At(at, len(n.Value))
	}
	return f.At(at, 0)
}
