// Package compose models what `docker compose` would run, with the place in
// the user's files of every value a person would edit.
//
// Semantics come from compose-go alone: what a service's image is, which
// services a profile enables, how files merge. Positions come from the YAML
// nodes of the same files, and a position is only given to a value that the
// nodes explain in full; otherwise it stands at the service's key.
//
// Values that come from an env file are in Reveal and in Config and nowhere
// else: Shown is what may be printed.
package compose

import (
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/source"
)

// Stack is a compose project and its files.
type Stack struct {
	Name     string         // what reports call it: from belay.yml, else its folder
	Dir      string         // project directory, relative to the root, with slashes; "." is the root
	Project  Value          // `name:` or COMPOSE_PROJECT_NAME; zero when neither is set
	Files    []*File        // every compose file read: main, overrides, included, extended
	Env      []*dotenv.File // what compose interpolates from, in order; a later file wins
	EnvPath  string         // where the env file is, or would be: "docker/.env"
	Services []*Service     // all services, also disabled ones; in the order of the files
	Vars     []Var          // every interpolation in the files, in order
	Problems []Problem      // why docker compose would refuse the stack

	Volumes  map[string]types.VolumeConfig // top-level volumes by key
	Profiles []string                      // enabled ones; "" is among them unless COMPOSE_PROFILES names some

	unsaid bool // nobody says which profiles are enabled: no env file, no option
}

// Suppose says which profiles the env file most likely enables, when it is not
// known: those of its example. The services of others are then not expected to
// run. A stack whose env file is known is left as it is.
func (s *Stack) Suppose(profiles []string) {
	for _, svc := range s.Services {
		svc.Perhaps = svc.Perhaps && slices.ContainsFunc(svc.Config.Profiles, func(p string) bool { return slices.Contains(profiles, p) })
	}
}

// Service gives the service of that name, or nil.
func (s *Stack) Service(name string) *Service {
	if i := slices.IndexFunc(s.Services, func(v *Service) bool { return v.Name == name }); i >= 0 {
		return s.Services[i]
	}
	return nil
}

// OwnEnv is the .env of the stack: the last of the env files, or nil.
func (s *Stack) OwnEnv() *dotenv.File {
	if len(s.Env) == 0 {
		return nil
	}
	return s.Env[len(s.Env)-1]
}

// File gives a compose file or env file of the stack by its path, or nil.
func (s *Stack) File(path string) *source.File {
	for _, f := range s.Files {
		if f.Path == path {
			return f.File
		}
	}
	for _, f := range s.Env {
		if f.Path == path {
			return f.File
		}
	}
	return nil
}

// Service is one service of a stack.
type Service struct {
	Name    string
	Key     source.Span         // its key in the last file that defines it
	Image   Value               // zero Value (IsZero) when it has none
	Config  types.ServiceConfig // as compose-go resolved it; holds values of .env: never print from it
	Enabled bool                // an enabled profile, or no profile, starts it
	Perhaps bool                // not Enabled, but the env file that could enable its profile is not known

	root   *source.Root
	dir    string          // the project directory
	layers []layer         // where its keys are written, highest priority first
	env    *[]*dotenv.File // its env files, once read
	cache  envCache        // shared by the services of a stack
}

// Value is a scalar of a compose file as compose resolves it.
type Value struct {
	source.Span             // where a person edits it
	Use         source.Span // where the service names it; the same place for a literal
	Raw         string      // as written, before interpolation
	Shown       string      // resolved, with ${KEY} where an env file supplies the text
	Vars        []Var       // what was interpolated, in order
	Via         []Via       // how it came to the service; empty for a literal of its own

	text    string
	edit    source.Span // the bytes a repair would replace
	written string      // those bytes
	secret  bool        // they lie in an env file
}

// NewValue makes a literal value at span.
func NewValue(text string, span source.Span) Value {
	return Value{Span: span, Use: span, Raw: text, Shown: text, text: text}
}

// IsZero reports whether there is no such value.
func (v Value) IsZero() bool { return v.Use.IsZero() }

// Reveal gives the resolved text, which may hold a value of an env file: for
// comparing and parsing, never for printing.
func (v Value) Reveal() string { return v.text }

// Via is one step by which a value came to where it is used.
type Via struct {
	Kind ViaKind
	Name string // the variable, anchor or service
	At   source.Span
}

// ViaKind says what kind of step a Via is.
type ViaKind uint8

// The kinds of step, as reports name them.
const (
	ViaEnv     ViaKind = iota + 1 // an env file sets the variable Name at At
	ViaDefault                    // the default in ${Name:-default} at At
	ViaMerge                      // a merge key or alias to the anchor Name at At
	ViaExtends                    // the extended service Name at At
)

// Var is one interpolation ${NAME...} in a compose file.
type Var struct {
	Name    string
	Span    source.Span // the whole ${...} in the compose file
	Op      string      // "", ":-", "-", ":?", "?", ":+", "+"
	Default source.Span // the text behind Op
	Set     bool        // an env file (or an option) sets it, perhaps to nothing
	Empty   bool        // it is set to nothing
	Def     source.Span // the key in the env file that sets it
	Service string      // the service it stands in; "" outside services
	Path    string      // where it stands: "services.api.image"
	Error   string      // the message behind :? or ?, when unset
}

// Problem is a reason why docker compose would refuse the stack.
type Problem struct {
	Span source.Span
	Msg  string // holds no value of an env file
	Hint string
}
