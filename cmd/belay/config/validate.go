package config

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v4"
)

// validate checks the data against the schema. False when it must not be decoded.
func (d *document) validate(ruleIDs []string) bool {
	schema, err := compile(ruleIDs)
	if err != nil {
		d.fail(d.node, "", "cannot be checked: %v", err)
		return false
	}
	if invalid, ok := schema.Validate(d.data).(*jsonschema.ValidationError); ok {
		d.explain(schema, invalid)
	}
	return len(d.errs) == 0
}

func compile(ruleIDs []string) (*jsonschema.Schema, error) {
	text, err := Schema(ruleIDs)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(SchemaURL, doc); err != nil {
		return nil, err
	}
	return c.Compile(SchemaURL)
}

// explain reports the causes of e, each where it stands in the file.
func (d *document) explain(schema *jsonschema.Schema, e *jsonschema.ValidationError) {
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			d.explain(schema, cause)
		}
		return
	}
	key, value := find(d.node, e.InstanceLocation)
	name := where(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, p := range k.Properties {
			d.unknown(at(schema, e.InstanceLocation), value, e.InstanceLocation, p)
		}
	case *kind.Required:
		for _, m := range k.Missing {
			d.fail(value, fmt.Sprintf("write %s:", m), "%skey %s is missing", prefix(e.InstanceLocation), quote(m))
		}
	case *kind.Type:
		d.wrongType(key, value, name, k)
	case *kind.Enum:
		d.fail(value, suggest(fmt.Sprint(k.Got), texts(k.Want)), "%s: %s is not one of %s", name, quote(fmt.Sprint(k.Got)), strings.Join(texts(k.Want), ", "))
	case *kind.MinItems, *kind.MinLength:
		d.fail(value, "fill it, or remove the key", "%s: empty", name)
	case *kind.MaxItems:
		d.fail(value, "", "%s: %d entries, and at most %d are read", name, k.Got, k.Want)
	case *kind.Pattern:
		next := ""
		switch k.Want {
		case durationPattern:
			next = "write it with its unit: 10s, 5m, 1h"
		case clockPattern:
			next = "write it like 22:00"
		case daysPattern:
			next = "write it like mon or mon-fri"
		}
		d.fail(value, next, "%s: %s does not have the form %s", name, quote(k.Got), k.Want)
	case *kind.Minimum:
		d.fail(value, "", "%s: %s, want at least %s", name, k.Got.RatString(), k.Want.RatString())
	case *kind.Maximum:
		d.fail(value, "", "%s: %s, want at most %s", name, k.Got.RatString(), k.Want.RatString())
	default:
		d.fail(value, "", "%s: not allowed by the schema", name)
	}
}

func (d *document) wrongType(key, value *yaml.Node, name string, k *kind.Type) {
	if k.Got == "null" {
		d.fail(key, "fill it, or remove the key", "%s: no value, want %s", name, kindWords(k.Want))
		return
	}
	next := ""
	switch at := name[strings.LastIndexByte(name, '.')+1:]; {
	case k.Got != "number":
	case strings.HasPrefix(name, "gates["): // 2.10 is a number to YAML, and no version any more
		next = "write it in quotes"
	case at == "timeout" || at == "window" || at == "deadline":
		next = "write it with its unit: 10s, 5m, 1h"
	case at == "from" || at == "to":
		next = `write it like "22:00"`
	}
	d.fail(value, next, "%s: %s, want %s", name, kindWords([]string{k.Got}), kindWords(k.Want))
}

// unknown reports a key that the schema does not know at path.
func (d *document) unknown(s *jsonschema.Schema, mapping *yaml.Node, path []string, name string) {
	key, _ := child(mapping, name)
	if key == nil {
		key = mapping
	}
	var known []string
	if s != nil {
		// The nodes of the schema are a map: the order is that of the alphabet.
		for p := range s.Properties {
			known = append(known, p)
		}
	}
	what := "key"
	if len(path) > 0 && path[len(path)-1] == "rules" {
		what = "rule"
	}
	d.fail(key, suggest(name, known), "%sunknown %s %s", prefix(path), what, quote(name))
}

// at gives the part of the schema that describes the value at path. The
// schema has no references, so that following keys, of any name where the
// names are the user's, and items is all.
func at(s *jsonschema.Schema, path []string) *jsonschema.Schema {
	for _, step := range path {
		if s == nil {
			return nil
		}
		if p := s.Properties[step]; p != nil {
			s = p
		} else if every, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
			s = every
		} else {
			s = s.Items2020
		}
	}
	return s
}

// where writes a path as a person would: stacks[0].path.
func where(path []string) string {
	var b strings.Builder
	for _, step := range path {
		switch {
		case step != "" && strings.Trim(step, "0123456789") == "":
			b.WriteString("[" + step + "]")
		case b.Len() > 0:
			b.WriteString("." + step)
		default:
			b.WriteString(step)
		}
	}
	if b.Len() == 0 {
		return "the file"
	}
	return b.String()
}

func prefix(path []string) string {
	if len(path) == 0 {
		return ""
	}
	return where(path) + ": "
}

// suggest names the known word nearest to got, when it is near, and all of them.
func suggest(got string, known []string) string {
	if len(known) == 0 {
		return ""
	}
	known = sortedCopy(known)
	best, least := "", 1+max(1, len(got)/3)
	for _, k := range known {
		if n := levenshtein.Distance(strings.ToLower(got), k, nil); n < least && len(k) > 1 {
			best, least = k, n
		}
	}
	all := "one of: " + strings.Join(known, ", ")
	if best == "" {
		return all
	}
	return fmt.Sprintf("did you mean %s? %s", best, all)
}
