package config

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/release/catalog"
	application "github.com/belaystack/belay/upgrade/app"
)

// SchemaURL is where the schema of belay.yml is published.
const SchemaURL = "https://raw.githubusercontent.com/belaystack/belay/main/docs/schema/belay.schema.json"

// Schema gives the JSON schema of belay.yml, draft 2020-12, indented, with a
// newline at the end. ruleIDs are the rules that `rules` may name; without
// any, every name is allowed.
func Schema(ruleIDs []string) ([]byte, error) {
	r := jsonschema.Reflector{DoNotReference: true, ExpandedStruct: true, Anonymous: true, Mapper: mapType}
	s := r.Reflect(&Config{})
	s.ID = jsonschema.ID(SchemaURL)
	s.Title = "belay.yml"
	if rules, ok := s.Properties.Get("rules"); ok && len(ruleIDs) > 0 {
		rules.Properties = jsonschema.NewProperties()
		for _, id := range ruleIDs {
			rules.Properties.Set(id, severitySchema())
		}
		rules.AdditionalProperties = jsonschema.FalseSchema
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema of belay.yml: %w", err)
	}
	return append(b, '\n'), nil
}

// mapType describes the types whose values are words, and nil for others.
func mapType(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[lint.Environment]():
		return words(string(lint.Dev), string(lint.Prod))
	case reflect.TypeFor[lint.Severity]():
		return severitySchema()
	case reflect.TypeFor[FailOn]():
		return words(failOnNames[:]...)
	case reflect.TypeFor[Pin]():
		return words(pins()...)
	case reflect.TypeFor[AppID]():
		return words(appIDs(catalog.Load())...)
	case reflect.TypeFor[Risk]():
		return words("data", "api", "dependency")
	case reflect.TypeFor[catalog.Duty]():
		return words(texts([]any{catalog.Stop, catalog.Forbid, catalog.OneWay, catalog.Command, catalog.Services, catalog.Settings, catalog.Watch})...)
	case reflect.TypeFor[Level]():
		return words(texts([]any{catalog.Low, catalog.Medium, catalog.High})...)
	case reflect.TypeFor[catalog.Back]():
		return words(texts([]any{catalog.BackImages, catalog.BackRestore, catalog.BackNever})...)
	case reflect.TypeFor[catalog.When]():
		return words(texts([]any{catalog.BeforeMerge, catalog.BeforeStart, catalog.AfterStart})...)
	case reflect.TypeFor[application.Kind]():
		return words(application.Kinds...)
	case reflect.TypeFor[Network]():
		return words("stack", "host", "none")
	case reflect.TypeFor[Record]():
		return words("pr", "commit", "off")
	case reflect.TypeFor[Approval]():
		return words("none", "dispatch")
	case reflect.TypeFor[Clock]():
		return &jsonschema.Schema{Type: "string", Pattern: clockPattern}
	case reflect.TypeFor[Days]():
		s := textOrList(&jsonschema.Schema{Type: "string", Pattern: daysPattern})
		s.Pattern = daysPattern
		return s
	case reflect.TypeFor[OnTimeout]():
		return words("commit", "rollback")
	case reflect.TypeFor[Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: durationPattern}
	case reflect.TypeFor[Texts]():
		one := uint64(1)
		return textOrList(&jsonschema.Schema{Type: "string", MinLength: &one})
	case reflect.TypeFor[Argv]():
		return textOrList(&jsonschema.Schema{Type: "string"}) // an argument may be empty
	}
	return nil
}

func textOrList(items *jsonschema.Schema) *jsonschema.Schema {
	one := uint64(1)
	return &jsonschema.Schema{MinItems: &one, MinLength: &one, Items: items, Extras: map[string]any{"type": []string{"string", "array"}}}
}

func severitySchema() *jsonschema.Schema {
	var names []string
	for s := lint.Off; s <= lint.Error; s++ {
		names = append(names, s.String())
	}
	return words(names...)
}

func words(names ...string) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, n := range names {
		s.Enum = append(s.Enum, n)
	}
	return s
}
