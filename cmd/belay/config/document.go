package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/source"
)

const (
	maxSize   = 1 << 20 // bytes; a thousand stacks fit
	maxDepth  = 16      // the format itself is five deep
	maxErrors = 100     // what a person reads of one file
)

// Errors is everything that is wrong with a file, sorted by position.
type Errors []*source.Error

func (e Errors) Error() string {
	var lines []string
	for _, one := range e {
		lines = append(lines, one.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single errors, for errors.As.
func (e Errors) Unwrap() []error {
	var all []error
	for _, one := range e {
		all = append(all, one)
	}
	return all
}

func (e Errors) sorted() Errors {
	slices.SortStableFunc(e, func(a, b *source.Error) int {
		if c := a.Pos.Compare(b.Pos); c != 0 {
			return c
		}
		return strings.Compare(a.Msg, b.Msg)
	})
	return e[:min(len(e), maxErrors)]
}

// document is a belay.yml while it is read.
type document struct {
	file *source.File
	root *source.Root
	node *yaml.Node // the mapping of the whole file
	data any        // the same as encoding/json would give it
	errs Errors
}

// read refuses an env file, whose text must not get into an error, also when
// a symlink gives it another name.
func read(root *source.Root, name string) (*source.File, error) {
	file, err := root.Read(name)
	if err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(root.Abs(file.Path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Path, err)
	}
	if isEnvFile(filepath.Base(real)) || isEnvFile(path.Base(file.Path)) {
		return nil, &source.Error{Pos: file.Start().Pos, Msg: "an env file, not a belay.yml: not read", Next: "name a belay.yml with --config"}
	}
	if len(file.Data) > maxSize {
		return nil, &source.Error{Pos: file.Start().Pos, Msg: fmt.Sprintf("%d bytes, and at most %d are read", len(file.Data), maxSize)}
	}
	return file, nil
}

func isEnvFile(base string) bool {
	return base == "environ" || strings.HasPrefix(base, ".env") || strings.HasSuffix(base, ".env")
}

// fail records an error at n.
func (d *document) fail(n *yaml.Node, next, format string, args ...any) {
	d.errs = append(d.errs, &source.Error{Pos: d.pos(n.Line, n.Column), Msg: fmt.Sprintf(format, args...), Next: next})
}

// pos turns a line and a column in characters into a position.
func (d *document) pos(line, col int) source.Pos {
	line = max(1, line)
	offset, text := d.file.LineStart(line), d.file.Line(line)
	if line == 1 { // the parser does not count a byte order mark
		cut := strings.TrimPrefix(text, "\ufeff")
		offset, text = offset+len(text)-len(cut), cut
	}
	i := 1
	for at := range text {
		if i >= col {
			return d.file.At(offset+at, 0).Pos
		}
		i++
	}
	return d.file.At(offset+len(text), 0).Pos
}

// parse reads the YAML. False when there is nothing to go on with.
func (d *document) parse() bool {
	loader, err := yaml.NewLoader(bytes.NewReader(d.file.Data))
	var doc, next yaml.Node
	if err == nil {
		err = loader.Load(&doc)
	}
	if errors.Is(err, io.EOF) || err == nil && (len(doc.Content) == 0 || isNull(doc.Content[0])) {
		d.fail(&yaml.Node{Line: 1, Column: 1}, "write version: 1, or remove the file", "the file says nothing")
		return false
	}
	if err != nil {
		d.syntax(err)
		return false
	}
	switch err := loader.Load(&next); {
	case err == nil:
		d.fail(&next, "keep one", "a second YAML document")
		return false
	case !errors.Is(err, io.EOF):
		d.syntax(err)
		return false
	}
	d.node = doc.Content[0]
	d.data = d.value(d.node, 0, false)
	return len(d.errs) == 0
}

// syntax reports what the YAML parser says. Its messages speak of syntax, and
// of the text only where an alias or tag is named.
func (d *document) syntax(err error) {
	var many *yaml.LoadErrors
	var one *yaml.LoadError
	switch {
	case errors.As(err, &many) && len(many.Errors) > 0:
		for _, e := range many.Errors {
			d.syntax(e)
		}
	case errors.As(err, &one) && strings.Contains(one.Message, "unknown anchor"):
		d.fail(&yaml.Node{Line: one.Mark.Line, Column: one.Mark.Column}, "", "not YAML: an alias without an anchor")
	case errors.As(err, &one):
		d.fail(&yaml.Node{Line: one.Mark.Line, Column: one.Mark.Column}, "", "not YAML: %s", one.Message)
	default:
		d.fail(&yaml.Node{Line: 1, Column: 1}, "", "not YAML: %v", err)
	}
}

// decode fills c from data that the schema accepted.
func (d *document) decode(c *Config) bool {
	b, err := json.Marshal(d.data)
	if err == nil {
		err = json.Unmarshal(b, c)
	}
	if err != nil {
		d.fail(d.node, "", "cannot be read: %v", err)
	}
	return err == nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
