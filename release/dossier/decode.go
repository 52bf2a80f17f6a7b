package dossier

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/belaystack/belay/release"
)

// compiled is the schema ready to check by.
var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema()))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("dossier.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("dossier.json")
})

// Decode reads a dossier of a result file, which a run of somebody else's code
// may have written. What it gives holds to Schema and its places are files of
// the repository; its Markdown is not neutral and its addresses are anything,
// which is what Options.Untrusted is for.
func Decode(data []byte) (*release.Dossier, error) {
	if len(data) > maxDocument {
		return nil, fmt.Errorf("dossier: %d bytes, the most is %d", len(data), maxDocument)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("dossier: %w", err)
	}
	s, err := compiled()
	if err != nil {
		return nil, fmt.Errorf("schema of a dossier: %w", err)
	}
	if err := s.Validate(value); err != nil {
		return nil, fmt.Errorf("dossier: %s", reason(err))
	}
	// Read what was checked and not the source, where a key that stands twice
	// could bring in something else.
	checked, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("dossier: %w", err)
	}
	d := &release.Dossier{}
	if err := json.Unmarshal(checked, d); err != nil {
		return nil, fmt.Errorf("dossier: %w", err)
	}
	if bad := badPlace(reflect.ValueOf(d).Elem()); bad != "" {
		return nil, fmt.Errorf("dossier: place %q: not a file of the repository", clean(bad, maxName))
	}
	if d.Dir != "" && !inside(d.Dir) {
		return nil, fmt.Errorf("dossier: dir %q: not a folder of the repository", clean(d.Dir, maxName))
	}
	return d, nil
}

// reason gives the first thing that a schema finds, by its path, on one line:
// the value comes from the file.
func reason(err error) string {
	first := ""
	for l := range strings.SplitSeq(err.Error(), "\n") {
		l = strings.TrimLeft(l, " -")
		if strings.HasPrefix(l, "at '") && !strings.HasSuffix(l, ": validation failed") && (first == "" || l < first) {
			first = l
		}
	}
	return clean(cmp.Or(first, err.Error()), maxLine)
}

// badPlace gives the file of the first place below v that is outside of the
// repository, "" for none.
func badPlace(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			if bad := badPlace(v.Index(i)); bad != "" {
				return bad
			}
		}
	case reflect.Struct:
		if p, ok := reflect.TypeAssert[release.Place](v); v.Type() == reflect.TypeFor[release.Place]() && ok {
			if p.File != "" && !inside(p.File) {
				return p.File
			}
			return ""
		}
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			if bad := badPlace(v.Field(i)); bad != "" {
				return bad
			}
		}
	}
	return ""
}

// inside reports whether name is a path within the repository, in its shortest
// form.
func inside(name string) bool {
	return name == path.Clean(name) && name != ".." && !strings.HasPrefix(name, "../") && !strings.HasPrefix(name, "/") &&
		!strings.ContainsAny(name, "\\\x00") && !(len(name) > 1 && name[1] == ':')
}
