// Package config reads belay.yml.
//
// What must stay true: the Go structs here are the only description of the
// file. The JSON schema that editors use is generated from them, and the same
// schema decides what Load accepts. Everything wrong with a file is reported
// at once, each at its line and column. The file is not interpolated and holds
// no secret, so its text may be printed.
//
// To add a key: one field with its json, jsonschema and jsonschema_description
// tags, code that reads it, and UPDATE=1 go test to publish the schema.
package config

import (
	"errors"
	"io/fs"
	"path"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

// DefaultPath is where belay.yml is looked for, relative to the root.
const DefaultPath = "belay.yml"

// Config is a belay.yml. Paths in it are relative to the root once Load has
// read it.
type Config struct {
	Version     int                      `json:"version" jsonschema:"enum=1" jsonschema_description:"The version of this file's format."`
	Environment lint.Environment         `json:"environment,omitempty" jsonschema_description:"Where the stacks run, unless a stack says otherwise. Without it, prod."`
	FailOn      FailOn                   `json:"fail-on,omitempty" jsonschema:"default=error" jsonschema_description:"The severity from which findings make a check fail."`
	Stacks      []Stack                  `json:"stacks,omitempty" jsonschema:"minItems=1" jsonschema_description:"The compose projects of the repository. Without it, every folder with a compose file is one."`
	Policy      Policy                   `json:"policy,omitzero" jsonschema_description:"What is asked of images, before the built-in policy."`
	Rules       map[string]lint.Severity `json:"rules,omitempty" jsonschema_description:"Severity by rule, instead of the rule's own."`
	ReviewLabel string                   `json:"review-label,omitempty" jsonschema:"minLength=1" jsonschema_description:"The pull request label that says the release notes were read."`
	Before      Baseline                 `json:"baseline,omitzero" jsonschema_description:"A file with the findings to pass over, from the root of the repository; belay lint --write-baseline writes it. Or keys, with that file under findings."`
	Upstreams   []Upstream               `json:"upstreams,omitempty" jsonschema:"maxItems=100" jsonschema_description:"Where the release notes of images are that Belay does not know, or knows wrongly. The first entry that matches an image holds, before what is built in."`
	Gates       []Gate                   `json:"gates,omitempty" jsonschema:"maxItems=100" jsonschema_description:"Obligations of your own: what a person has to know or do before a stack passes a version. They come behind what is built in, and take nothing of it away."`
	Comment     *bool                    `json:"comment,omitempty" jsonschema:"default=true" jsonschema_description:"Whether a pull request gets one comment for each stack."`
	Suggestions bool                     `json:"suggestions,omitempty" jsonschema_description:"Whether findings with a repair are suggested as changes in a review of the pull request."`

	RunKeys

	// Path is the file that was read, relative to the root; "" when there is none.
	Path string `json:"-"`
	// Baseline is the file with the findings to pass over, or "".
	Baseline string `json:"-"`
}

// Stack says where a compose project is and how docker compose is called on it.
type Stack struct {
	Name        string           `json:"name" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9_.-]*$" jsonschema_description:"What reports call the stack. Unique in this file."`
	Dir         string           `json:"path,omitempty" jsonschema:"minLength=1,default=." jsonschema_description:"The project directory, from the root of the repository."`
	Files       Texts            `json:"files,omitempty" jsonschema_description:"The compose files in order, from path. Without it, those that docker compose finds there."`
	EnvFiles    Texts            `json:"env-file,omitempty" jsonschema_description:"The env file that compose interpolates from, or a list of them, from path. Without it, .env."`
	Profiles    Texts            `json:"profiles,omitempty" jsonschema_description:"The profiles that are enabled, besides COMPOSE_PROFILES."`
	Environment lint.Environment `json:"environment,omitempty" jsonschema_description:"Where this stack runs."`
	Examples    Texts            `json:"examples,omitempty" jsonschema_description:"The example env files, from path. * stands for part of a name, ** for any folders."`
	Before      StackBaseline    `json:"baseline,omitzero" jsonschema_description:"What must hold before anything is touched."`
	Deploy      string           `json:"deploy,omitempty" jsonschema:"minLength=1" jsonschema_description:"The folder of the host that the stack runs from, where its tracked files go. An absolute path, outside of any checkout."`
	Host        string           `json:"host,omitempty" jsonschema:"pattern=^[A-Za-z0-9._-]+$" jsonschema_description:"A label of the self-hosted runner on the host that the stack runs on."`
	Canary      bool             `json:"canary,omitempty" jsonschema_description:"Whether this stack is upgraded before those that are not."`
	RunKeys

	// At is where the stack stands in belay.yml.
	At source.Pos `json:"-"`
}

// Policy is what belay.yml adds to the built-in policy.
type Policy struct {
	Images    []Image  `json:"images,omitempty" jsonschema_description:"Pins by image. The first entry that matches an image holds."`
	Groups    []Group  `json:"groups,omitempty" jsonschema_description:"Images that must carry the same tag. A group with the name of a built-in one replaces it."`
	Protected []string `json:"protected,omitempty" jsonschema:"pattern=^[A-Za-z_][A-Za-z0-9_]*$" jsonschema_description:"Env keys whose change loses data, besides the built-in ones."`
}

// Image is the policy of the images that match.
type Image struct {
	Match  Texts `json:"match" jsonschema_description:"Image names without tag, such as n8nio/n8n. * stands for part of a name, ** for any number of parts."`
	Dev    Pin   `json:"dev,omitempty" jsonschema:"default=floating" jsonschema_description:"The loosest pin allowed in dev."`
	Prod   Pin   `json:"prod,omitempty" jsonschema:"default=major" jsonschema_description:"The loosest pin allowed in prod."`
	Digest bool  `json:"digest,omitempty" jsonschema_description:"Whether prod asks for a digest as well."`
	Review bool  `json:"review,omitempty" jsonschema_description:"Whether a change needs the review label."`
}

// Group is a set of images that must carry the same tag within one stack.
type Group struct {
	Name   string `json:"name" jsonschema:"minLength=1" jsonschema_description:"What reports call the group."`
	Images Texts  `json:"images" jsonschema_description:"Image names without tag, as in match."`
}

// Default is what holds without a belay.yml.
func Default() *Config { return &Config{Version: 1, FailOn: "error"} }

// Load reads the belay.yml at name, a path relative to the root. ruleIDs are
// the rules that it may name. Without a file at DefaultPath it gives Default;
// without one elsewhere it fails with fs.ErrNotExist. Any other error is an
// Errors, or an *source.Error when the file cannot be read.
func Load(root *source.Root, name string, ruleIDs []string) (*Config, error) {
	file, err := read(root, name)
	if err != nil {
		if path.Clean(name) == DefaultPath && errors.Is(err, fs.ErrNotExist) {
			return Default(), nil
		}
		return nil, err
	}
	d := &document{file: file, root: root}
	c := Default()
	if d.parse() && d.validate(ruleIDs) && d.decode(c) {
		d.check(c)
	}
	if len(d.errs) > 0 {
		return nil, d.errs.sorted()
	}
	c.Path = file.Path
	return c, nil
}

// Comments reports whether a pull request gets a comment: unless the file says
// otherwise, it does.
func (c *Config) Comments() bool { return c.Comment == nil || *c.Comment }

// EnvironmentOf gives where s runs, and whether belay.yml says so: without a
// word it is prod.
func (c *Config) EnvironmentOf(s Stack) (env lint.Environment, said bool) {
	switch {
	case s.Environment != "":
		return s.Environment, true
	case c.Environment != "":
		return c.Environment, true
	}
	return lint.Prod, false
}
