package compose

import (
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"
)

// configFile hands f to compose-go without what no rule reads through it and
// compose-go has nothing to say about. It tries every scalar against every path
// pattern, several times over, and of the scalars in Dify's file nine in ten are
// variables, env files and healthcheck commands. Service.Env and
// Service.EnvFiles read theirs from the nodes.
func (r *reader) configFile(f *File) types.ConfigFile {
	abs := r.root.Abs(f.Path)
	if len(f.docs) != 1 || f.retags {
		return types.ConfigFile{Filename: abs, Content: f.Data}
	}
	var config map[string]any
	if err := f.docs[0].Decode(&config); err != nil {
		return types.ConfigFile{Filename: abs, Content: f.Data} // compose-go words the error
	}
	for key := range config {
		if strings.HasPrefix(key, "x-") {
			delete(config, key)
		}
	}
	alone := !pullsIn(config)
	services, _ := config["services"].(map[string]any)
	for _, svc := range services {
		service, _ := svc.(map[string]any)
		dropPlain(service, "environment")
		dropPlain(service, "labels")
		dropHealth(service["healthcheck"])
		if alone && wellFormed(service["env_file"]) {
			delete(service, "env_file")
		}
	}
	return types.ConfigFile{Filename: abs, Config: config}
}

// dropPlain leaves out of a mapping of names to scalars those that are scalars,
// and the mapping when none is left.
func dropPlain(service map[string]any, key string) {
	m, ok := service[key].(map[string]any)
	if !ok {
		return
	}
	for name, value := range m {
		switch value.(type) {
		case nil, string, bool, int, int64, uint64, float64:
			delete(m, name)
		}
	}
	if len(m) == 0 {
		delete(service, key)
	}
}

// dropHealth leaves of a plain healthcheck only its first word, which says
// that there is one, or that there is to be none.
func dropHealth(v any) {
	m, _ := v.(map[string]any)
	for key, value := range m {
		switch value := value.(type) {
		case string:
			if (key == "interval" || key == "timeout" || key == "start_period" || key == "start_interval") && duration().MatchString(value) {
				delete(m, key)
			}
		case int:
			if key == "retries" && value >= 0 {
				delete(m, key)
			}
		case []any:
			if key == "test" && len(value) > 1 && (value[0] == "CMD" || value[0] == "CMD-SHELL") && onlyText(value) {
				m[key] = value[:1]
			}
		}
	}
}

// duration is the plainest of what compose takes for one.
var duration = lazy(`^[0-9]{1,6}(ms|s|m|h)$`)

func onlyText(list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool { _, ok := v.(string); return !ok })
}

// wellFormed reports whether v is an `env_file:` that compose-go has nothing to
// say about: paths, or mappings of a path and whether it is required.
func wellFormed(v any) bool {
	switch v := v.(type) {
	case string:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool {
			m, ok := item.(map[string]any)
			if !ok {
				_, ok = item.(string)
				return !ok
			}
			_, path := m["path"].(string)
			_, required := m["required"].(bool)
			return !path || len(m) > 2 || len(m) == 2 && !required
		})
	}
	return false
}

// needed leaves out the casts whose path no file holds. compose-go tries each
// of its 60 on every scalar, which is a quarter of what loading costs. Where a
// file was handed over as bytes, or pulls in others, all stay.
func needed(casts map[tree.Path]interpolation.Cast, files []types.ConfigFile) map[tree.Path]interpolation.Cast {
	out := map[tree.Path]interpolation.Cast{}
	for pattern, cast := range casts {
		if slices.ContainsFunc(files, func(f types.ConfigFile) bool {
			return f.Config == nil || pullsIn(f.Config) || has(f.Config, pattern.Parts())
		}) {
			out[pattern] = cast
		}
	}
	return out
}

// pullsIn reports whether config includes or extends other files.
func pullsIn(config map[string]any) bool {
	_, found := config["include"]
	return found || has(config, []string{"services", tree.PathMatchAll, "extends", "file"})
}

// standsAlone reports whether config is all there is to its services.
func standsAlone(config map[string]any) bool {
	return config != nil && config["include"] == nil && !has(config, []string{"services", tree.PathMatchAll, "extends"})
}

// has reports whether v holds a value at a path with * for any key and [] for
// any item.
func has(v any, pattern []string) bool {
	if len(pattern) == 0 {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		if pattern[0] != tree.PathMatchAll {
			next, ok := v[pattern[0]]
			return ok && has(next, pattern[1:])
		}
		for _, next := range v {
			if has(next, pattern[1:]) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(next any) bool { return has(next, pattern[1:]) })
	}
	return false
}
