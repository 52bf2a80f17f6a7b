package compose

import (
	"bytes"
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/compose-spec/compose-go/v2/validation"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// quick loads a stack of one file, which pulls in no other, and holds the file
// against compose's schema at the same time. It gives nil where anything is
// wrong: then the whole load decides, and words the error. compose-go takes
// types for granted that its schema would have refused.
func (r *reader) quick(ctx context.Context, details types.ConfigDetails, main *File, options func(*loader.Options)) (project *types.Project) {
	o := loader.ToOptions(&details, []func(*loader.Options){options})
	mine := details // compose-go writes the project's name into the environment that it is given
	mine.Environment = maps.Clone(details.Environment)
	valid := make(chan bool, 1)
	go func() {
		config, err := interpolation.Interpolate(r.configFile(main).Config, *o.Interpolate)
		valid <- err == nil && fits(config)
	}()
	defer func() {
		if broken := recover(); !<-valid || broken != nil {
			project = nil
		}
	}()
	model, err := loader.LoadModelWithContext(ctx, mine, options, func(o *loader.Options) {
		o.SkipValidation = true
		o.ResolvePaths = namesHome(main, mine.Environment) // else Service.MountSource and Service.EnvFiles do it
	})
	if err != nil || validation.Validate(model) != nil {
		return nil
	}
	if project, err = loader.ModelToProject(model, o, mine); err != nil {
		return nil
	}
	return project
}

// namesHome reports whether a path may begin with ~, which compose-go resolves.
func namesHome(f *File, env map[string]string) bool {
	if bytes.ContainsRune(f.Data, '~') {
		return true
	}
	for _, value := range env {
		if strings.Contains(value, "~") {
			return true
		}
	}
	return false
}

// fits reports whether config passes compose's schema. False may also mean that
// it could not be asked.
func fits(config map[string]any) bool {
	s, err := composeSchema()
	return err == nil && isJSON(config) && s.Validate(config) == nil
}

// isJSON reports whether v is what JSON can say: no times, no infinities.
func isJSON(v any) bool {
	switch v := v.(type) {
	case nil, bool, string, int, int64, uint64:
		return true
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !isJSON(item) })
	case map[string]any:
		for _, item := range v {
			if !isJSON(item) {
				return false
			}
		}
		return true
	}
	return false
}

// composeSchema compiles the schema that compose-go carries, once, in half the
// time that compose-go takes: jsonschema does not check schemas from its own
// home against the metaschema, and this one needs no check.
var composeSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	const url = "https://json-schema.org/compose-spec.json"
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema.Schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(url, doc); err != nil {
		return nil, err
	}
	return c.Compile(url)
})
