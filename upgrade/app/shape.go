package app

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Shape is what a JSON value is like without what it says: what a program that reads it
// relies on.
type Shape struct {
	Types []string          `json:"types"`           // sorted: array, boolean, null, number, object, string
	Keys  map[string]*Shape `json:"keys,omitempty"`  // of the objects here
	Some  []string          `json:"some,omitempty"`  // keys that not all of the objects here have
	Items *Shape            `json:"items,omitempty"` // what the items of the lists here have in common; nil: there are none
}

func shapeOf(values ...any) *Shape {
	s := &Shape{Keys: map[string]*Shape{}}
	var items []any
	below := map[string][]any{}
	objects := 0
	for _, value := range values {
		s.Types = append(s.Types, typeOf(value))
		switch v := value.(type) {
		case []any:
			items = append(items, v...)
		case map[string]any:
			objects++
			for key, one := range v {
				below[key] = append(below[key], one)
			}
		}
	}
	slices.Sort(s.Types)
	s.Types = slices.Compact(s.Types)
	for key, all := range below {
		s.Keys[key] = shapeOf(all...)
		if len(all) < objects {
			s.Some = append(s.Some, key)
		}
	}
	slices.Sort(s.Some)
	if len(items) > 0 {
		s.Items = shapeOf(items...)
	}
	return s
}

// maxShape bounds what is kept of a shape, which is in the journal, in keys. An object whose
// keys are ids has no shape.
const maxShape = 2000

func (s *Shape) size() int {
	n := 1
	for _, key := range s.Keys {
		n += key.size()
	}
	if s.Items != nil {
		n += s.Items.size()
	}
	return n
}

func typeOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

// compare adds what broke and what is new below a path. Nothing can be said of what is
// null now, or was, nor of the items of a list without any.
func (s *Shape) compare(now *Shape, path string, broken, news *[]string) {
	was, is := known(s.Types), known(now.Types)
	if len(was) == 0 || len(is) == 0 {
		return
	}
	if slices.ContainsFunc(is, func(t string) bool { return !slices.Contains(was, t) }) {
		*broken = append(*broken, path+" is "+strings.Join(is, " or ")+", and was "+strings.Join(was, " or "))
	}
	if slices.Contains(was, "object") && slices.Contains(is, "object") {
		for _, key := range slices.Sorted(maps.Keys(s.Keys)) {
			switch then, there := now.Keys[key]; {
			case there:
				s.Keys[key].compare(then, path+step(key), broken, news)
			case slices.Contains(s.Some, key):
				*news = append(*news, path+step(key)+" is not there, and was in some")
			default:
				*broken = append(*broken, path+step(key)+" is gone")
			}
		}
		for _, key := range slices.Sorted(maps.Keys(now.Keys)) {
			if s.Keys[key] == nil {
				*news = append(*news, path+step(key)+" is new")
			}
		}
	}
	if s.Items != nil && now.Items != nil {
		s.Items.compare(now.Items, path+"[*]", broken, news)
	}
}

// known are types without null, which says nothing.
func known(types []string) []string {
	return slices.DeleteFunc(slices.Clone(types), func(t string) bool { return t == "null" })
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// step is a key in a JSONPath.
func step(key string) string {
	if identifier.MatchString(key) {
		return "." + key
	}
	text, _ := json.Marshal(key) // a text is always JSON
	return "[" + string(text) + "]"
}
