package dossier

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/invopop/jsonschema"

	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/markdown"
)

// Bounds of a dossier in a result file. A dossier of a real change is far
// below them; they keep a hostile one from costing more than its size.
const (
	maxDocument = 4 << 20 // bytes of the whole
	maxMarkdown = 1 << 20 // characters of a piece of Markdown
	maxString   = 8 << 10 // characters of any other string
	maxItems    = 20_000  // of any list
)

// SchemaURL is where the schema of a dossier is published. That of a report
// names it by the last part of its path.
const SchemaURL = "https://raw.githubusercontent.com/belaystack/belay/main/docs/schema/dossier.schema.json"

// schema is built once: the types do not change.
var schema = sync.OnceValue(func() []byte {
	r := jsonschema.Reflector{DoNotReference: true, ExpandedStruct: true, Anonymous: true, Mapper: mapType}
	s := r.Reflect(&release.Dossier{})
	s.ID = SchemaURL
	s.Title = "Belay dossier"
	s.Description = "What the change of one stack means: an item of dossiers in a report."
	bound(s, reflect.TypeFor[release.Dossier]())
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil { // the schema is of strings and numbers
		panic(fmt.Sprintf("schema of a dossier: %v", err))
	}
	return append(b, '\n')
})

// Schema gives the JSON schema of one dossier, draft 2020-12.
func Schema() []byte { return append([]byte(nil), schema()...) }

// mapType describes the types whose values are words, and Markdown.
func mapType(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[catalog.Level]():
		return words(catalog.Low, catalog.Medium, catalog.High)
	case reflect.TypeFor[catalog.Duty]():
		return words(catalog.Stop, catalog.Forbid, catalog.OneWay, catalog.Command, catalog.Services, catalog.Settings, catalog.Watch)
	case reflect.TypeFor[catalog.Back]():
		return words("", catalog.BackImages, catalog.BackRestore, catalog.BackNever)
	case reflect.TypeFor[catalog.When]():
		return words(catalog.BeforeMerge, catalog.BeforeStart, catalog.AfterStart)
	case reflect.TypeFor[catalog.Risk]():
		return words(catalog.DataRisk, catalog.APIRisk, catalog.DependencyRisk)
	case reflect.TypeFor[release.Jump]():
		return words(release.Downgrade, release.Patch, release.Minor, release.Major, release.PostgresMajor, release.PostRelease,
			release.PreRelease, release.Backport, release.Rebuild, release.DigestOnly, release.Floating, release.OtherImage, release.Unclear)
	case reflect.TypeFor[release.Markdown]():
		return &jsonschema.Schema{Type: "string", MaxLength: new(uint64(maxMarkdown))}
	}
	return nil
}

func words[T any](all ...T) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, w := range all {
		s.Enum = append(s.Enum, fmt.Sprint(w))
	}
	return s
}

// enums are the words of fields whose type is a plain string.
var enums = sync.OnceValue(func() map[string][]any {
	var kinds []any
	for k := markdown.Danger; k <= markdown.Boilerplate; k++ {
		kinds = append(kinds, k.String())
	}
	return map[string][]any{
		"Finding.severity": {"error", "warning", "note"},
		"Part.kind":        {"service", "volume"},
		"Part.what":        {"added", "removed", "renamed"},
		"Section.kind":     kinds,
	}
})

// bound adds to the schema of t what its Go type does not say: lengths, words,
// and that a list may be null, as Go writes an empty one.
func bound(s *jsonschema.Schema, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch s.Type {
	case "string":
		if s.MaxLength == nil && s.Enum == nil {
			s.MaxLength = new(uint64(maxString))
		}
	case "integer":
		s.Minimum, s.Maximum = "0", "10000000"
	case "array":
		s.MaxItems = new(uint64(maxItems))
		s.Type, s.Extras = "", map[string]any{"type": []string{"array", "null"}}
		bound(s.Items, t.Elem())
	case "object":
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			field, ok := s.Properties.Get(name)
			if !ok {
				continue
			}
			if words := enums()[t.Name()+"."+name]; words != nil {
				field.Enum = words
			}
			if t == reflect.TypeFor[release.Section]() && name == "title" { // Markdown, but of a line
				field.MaxLength = nil
			}
			bound(field, t.Field(i).Type)
		}
	}
}
