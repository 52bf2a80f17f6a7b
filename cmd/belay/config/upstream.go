package config

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/belaystack/belay/release/catalog"
)

// Upstream says where the releases of images are described. It replaces what
// is built in for them as a whole.
type Upstream struct {
	Images     Texts  `json:"images" jsonschema_description:"Image names without tag, as in match."`
	Repository string `json:"repository" jsonschema:"pattern=^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$" jsonschema_description:"The repository on github.com, as owner/name."`
	TagPrefix  string `json:"tag-prefix,omitempty" jsonschema:"pattern=^[A-Za-z0-9@/._-]*$" jsonschema_description:"What git tags have before the version, such as v."`
	Trim       Texts  `json:"trim,omitempty" jsonschema_description:"Endings of docker tags that git tags do not have, such as -local."`
	Changelog  string `json:"changelog,omitempty" jsonschema:"minLength=1" jsonschema_description:"The file of the repository with the notes of all versions. Without it, or where it has none, the notes are those of the GitHub releases."`
	Breaking   Texts  `json:"breaking,omitempty" jsonschema_description:"Files of the repository with what breaks, by version."`
	Compose    string `json:"compose,omitempty" jsonschema:"minLength=1" jsonschema_description:"The folder of the repository with the compose file and the env examples that it ships."`
	Moving     Texts  `json:"moving,omitempty" jsonschema_description:"Git tags that move, such as stable: they name no release."`
}

// Catalog gives builtIn with the upstreams of the file in front and its gates
// behind. builtIn is not changed. What a gate says is the file's own Markdown:
// whoever prints it neutralises it.
//
// A gate with images is about those alone, of whatever app they are. The app of
// an image that is known stays what it is; an image that is not becomes one of
// an app that is named after the gate's pattern, behind all that are known.
func (c *Config) Catalog(builtIn *catalog.Catalog) *catalog.Catalog {
	out := *builtIn
	out.Upstreams = nil
	for _, u := range c.Upstreams {
		out.Upstreams = append(out.Upstreams, u.catalog())
	}
	out.Upstreams = append(out.Upstreams, builtIn.Upstreams...)
	out.Apps = slices.Concat(builtIn.Apps, ownApps(builtIn, c.Gates))
	out.GateTable = slices.Clone(builtIn.GateTable)
	for _, g := range c.Gates {
		for _, app := range g.apps(&out) {
			out.GateTable = append(out.GateTable, g.catalog(app))
		}
	}
	return &out
}

func (u Upstream) catalog() catalog.Upstream {
	return catalog.Upstream{Images: u.Images, Repo: u.Repository, Prefix: u.TagPrefix, Trim: u.Trim, Releases: true,
		Changelog: u.Changelog, Breaking: u.Breaking, Compose: u.Compose, Moving: u.Moving}
}

// checkUpstream reports what the catalog would not take, each value where it
// stands, and writes paths as git has them.
func (d *document) checkUpstream(u *Upstream, i string) {
	at := []string{"upstreams", i}
	before := len(d.errs)
	d.checkNames(u.Images, append(at, "images"))
	u.Changelog, u.Compose = cleanPath(u.Changelog), cleanPath(u.Compose)
	for j, f := range u.Breaking {
		u.Breaking[j] = cleanPath(f)
	}
	probe := func(set func(*catalog.Upstream), path ...string) {
		try := catalog.Upstream{Images: []string{"a"}, Repo: "a/a", Releases: true}
		set(&try)
		d.refused(catalog.CheckUpstream(try), append(at, path...), "upstream: ")
	}
	probe(func(try *catalog.Upstream) { try.Repo = u.Repository }, "repository")
	probe(func(try *catalog.Upstream) { try.Prefix = u.TagPrefix }, "tag-prefix")
	probe(func(try *catalog.Upstream) { try.Changelog = u.Changelog }, "changelog")
	probe(func(try *catalog.Upstream) { try.Compose = u.Compose }, "compose")
	for j := range u.Breaking {
		probe(func(try *catalog.Upstream) { try.Breaking = u.Breaking[j : j+1] }, "breaking", strconv.Itoa(j))
	}
	for j := range u.Trim {
		probe(func(try *catalog.Upstream) { try.Trim = u.Trim[j : j+1] }, "trim", strconv.Itoa(j))
	}
	for j := range u.Moving {
		probe(func(try *catalog.Upstream) { try.Moving = u.Moving[j : j+1] }, "moving", strconv.Itoa(j))
	}
	if err := catalog.CheckUpstream(u.catalog()); err != nil && len(d.errs) == before {
		_, n := find(d.node, at)
		d.fail(n, "", "%s: %s", where(at), strings.TrimPrefix(err.Error(), "upstream: "))
	}
}

// refused reports what the catalog says of the value at a path. The catalog
// names the field first, by another name.
func (d *document) refused(err error, at []string, prefix string) {
	if err == nil {
		return
	}
	msg := strings.TrimPrefix(err.Error(), prefix)
	if _, rest, ok := strings.Cut(msg, ": "); ok {
		msg = rest
	}
	_, n := find(d.node, at)
	d.fail(n, "", "%s: %s", where(at), msg)
}

func cleanPath(name string) string {
	if name == "" {
		return ""
	}
	return path.Clean(name)
}
