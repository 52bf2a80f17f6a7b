package config

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/catalog"
)

// Gate is an obligation of the user's own, about an app that Belay knows or
// about images.
type Gate struct {
	ID     string `json:"id" jsonschema:"pattern=^[a-z0-9]+([.-][a-z0-9]+)*$" jsonschema_description:"What reports call it. Unique, in lower case: acme-2-0-reindex."`
	App    AppID  `json:"app,omitempty" jsonschema_description:"The app that it is about. Either this or images."`
	Images Texts  `json:"images,omitempty" jsonschema_description:"The images that it is about, without tag, as in match."`

	At     string `json:"at,omitempty" jsonschema:"minLength=1" jsonschema_description:"The first version behind the gate: an upgrade from before it to it, or past it, passes the gate."`
	Since  string `json:"since,omitempty" jsonschema:"minLength=1" jsonschema_description:"Every change that ends at this version or later passes the gate."`
	Before string `json:"before,omitempty" jsonschema:"minLength=1" jsonschema_description:"Every change that ends before this version passes the gate."`
	Majors bool   `json:"majors,omitempty" jsonschema_description:"Every change of the major version passes the gate, within since and before where those are given."`

	Title   string       `json:"title" jsonschema:"minLength=1" jsonschema_description:"One line of plain text, without a full stop."`
	Text    string       `json:"text" jsonschema:"minLength=1" jsonschema_description:"A paragraph of Markdown: what happens, and why."`
	Duty    catalog.Duty `json:"duty,omitempty" jsonschema:"default=watch" jsonschema_description:"What kind of obligation it is."`
	Level   Level        `json:"level,omitempty" jsonschema:"default=medium" jsonschema_description:"How bad it is to pass it unprepared."`
	Back    catalog.Back `json:"back,omitempty" jsonschema:"default=backup" jsonschema_description:"How one comes back from behind it: with the old images alone, with the data of the backup, or never."`
	Risks   []Risk       `json:"risks" jsonschema:"minItems=1" jsonschema_description:"What it puts at risk."`
	Do      []Action     `json:"do,omitempty" jsonschema_description:"What to do about it, in order."`
	Sources Texts        `json:"source,omitempty" jsonschema_description:"Where that stands: an https:// address, or words. Without it, belay.yml."`
}

// Action is one thing to do about a gate.
type Action struct {
	When    catalog.When `json:"when" jsonschema_description:"The moment: before the change is merged, with the old version stopped, or with the new one running."`
	Text    string       `json:"text" jsonschema:"minLength=1" jsonschema_description:"A sentence of Markdown, without a full stop."`
	Command string       `json:"command,omitempty" jsonschema:"minLength=1" jsonschema_description:"What to run, in the folder of the stack. Only with duty: command."`
}

// AppID is the ID of an app in the catalog, or of a product that several make up.
type AppID string

// Level is a catalog.Level by its word; "" is not said, which is medium.
type Level string

func (l Level) catalog() catalog.Level {
	for level := catalog.Low; level <= catalog.High; level++ {
		if string(l) == level.String() {
			return level
		}
	}
	return catalog.Medium
}

// Risk is a catalog.Risk by the word that belay.yml uses: data, api or dependency.
type Risk string

func (r Risk) catalog() catalog.Risk {
	switch r {
	case "data":
		return catalog.DataRisk
	case "api":
		return catalog.APIRisk
	}
	return catalog.DependencyRisk
}

// ownPrefix begins the IDs of apps that only a gate's images make known.
const ownPrefix = "belay.yml:"

// The bounds of names, in bytes: no image has a longer one than maxName, and
// the catalog takes no longer ID of a gate than maxID.
const (
	maxName = 255
	maxID   = 80
)

func appIDs(c *catalog.Catalog) []string {
	ids := []string{catalog.Dify}
	for _, app := range c.Apps {
		ids = append(ids, app.ID)
	}
	slices.Sort(ids)
	return ids
}

// ownApps gives an app for each pattern of gates that may match an image
// which no app has.
func ownApps(builtIn *catalog.Catalog, gates []Gate) []catalog.App {
	var own []catalog.App
	for _, g := range gates {
		for _, p := range g.Images {
			app := catalog.App{ID: ownPrefix + p, Title: strings.TrimPrefix(p, "**/"), Kind: catalog.Application, Images: []string{p}}
			ref, err := image.Parse(p)
			_, known := builtIn.App(ref)
			if err == nil && known || slices.ContainsFunc(own, func(a catalog.App) bool { return a.ID == app.ID }) {
				continue
			}
			own = append(own, app)
		}
	}
	return own
}

// apps gives the IDs of the apps that the gate is about.
func (g Gate) apps(c *catalog.Catalog) []string {
	if g.App != "" {
		return []string{string(g.App)}
	}
	var ids []string
	for _, app := range c.Apps {
		if slices.ContainsFunc(g.Images, func(p string) bool {
			return slices.ContainsFunc(app.Images, func(q string) bool { return overlap(segments(p), segments(q)) })
		}) {
			ids = append(ids, app.ID)
		}
	}
	return ids
}

// catalog gives the gate as one of the app's. A paragraph is one line there.
func (g Gate) catalog(app string) catalog.Gate {
	out := catalog.Gate{ID: g.ID, App: app, At: g.At, Since: g.Since, Before: g.Before, Majors: g.Majors, Images: g.Images,
		Title: g.Title, Text: paragraph(g.Text), Duty: cmp.Or(g.Duty, catalog.Watch), Level: g.Level.catalog(),
		Back: cmp.Or(g.Back, catalog.BackRestore), Sources: g.Sources}
	for _, r := range g.Risks {
		out.Risks = append(out.Risks, r.catalog())
	}
	for _, a := range g.Do {
		out.Do = append(out.Do, catalog.Action{When: a.When, Text: paragraph(a.Text), Command: a.Command})
	}
	if len(out.Sources) == 0 {
		out.Sources = []string{DefaultPath}
	}
	return out
}

func paragraph(text string) string { return strings.Join(strings.Fields(text), " ") }

// checkGates reports what the catalog would not take, each value where it stands.
func (d *document) checkGates(gates []Gate) {
	if len(gates) == 0 {
		return
	}
	builtIn := catalog.Load()
	first := map[string]source.Pos{}
	for i, g := range gates {
		at := []string{"gates", strconv.Itoa(i)}
		_, id := find(d.node, append(at, "id"))
		switch was, twice := first[g.ID]; {
		case twice:
			d.fail(id, "give it another name", "gate %s is defined twice: first on line %d", quote(g.ID), was.Line)
		case slices.ContainsFunc(builtIn.GateTable, func(b catalog.Gate) bool { return b.ID == g.ID }):
			d.fail(id, "give it another name", "gate %s is one that belay has itself", quote(g.ID))
		default:
			first[g.ID] = d.pos(id.Line, id.Column)
		}
		d.checkGate(g, builtIn, at)
	}
}

func (d *document) checkGate(g Gate, builtIn *catalog.Catalog, at []string) {
	before := len(d.errs)
	key, n := find(d.node, at)
	switch {
	case g.App == "" && len(g.Images) == 0:
		d.fail(key, "write app: or images:", "%s: about nothing", where(at))
	case g.App != "" && len(g.Images) > 0:
		_, n := find(d.node, append(at, "images"))
		d.fail(n, "keep one", "%s: app and images", where(at))
	}
	d.checkNames(g.Images, append(at, "images"))
	for i, r := range g.Risks {
		if slices.Contains(g.Risks[:i], r) {
			_, n := find(d.node, append(at, "risks", strconv.Itoa(i)))
			d.fail(n, "keep one", "%s: %s twice", where(append(at, "risks")), r)
		}
	}
	if len(g.ID) > maxID {
		_, n := find(d.node, append(at, "id"))
		d.fail(n, "", "%s: longer than %d bytes", where(append(at, "id")), maxID)
	}
	if g.At != "" && (g.Since != "" || g.Before != "") {
		_, n := find(d.node, append(at, "at"))
		d.fail(n, "write since: or before: alone", "%s: at says by itself what passes the gate", where(at))
	}
	d.probeGate(g.catalog(catalog.N8N), at)
	if len(d.errs) > before {
		return
	}
	// Versions as each app writes them, and what two keys say together. Of
	// images that are not known versions are read as those of most images.
	for _, app := range g.apps(&catalog.Catalog{Apps: slices.Concat(builtIn.Apps, ownApps(builtIn, []Gate{g}))}) {
		if strings.HasPrefix(app, ownPrefix) {
			app = catalog.N8N
		}
		d.probeVersions(g, app, at)
		if err := catalog.CheckGate(g.catalog(app)); err != nil && len(d.errs) == before {
			d.fail(n, "", "%s: %s", where(at), strings.TrimPrefix(err.Error(), "gate "+g.ID+": "))
		}
		if len(d.errs) > before {
			return
		}
	}
}

// probe checks a gate that is right but for what set does to it.
func (d *document) probe(set func(*catalog.Gate), at []string, path ...string) {
	try := catalog.Gate{ID: "a", App: catalog.N8N, Majors: true, Title: "a", Text: "a", Duty: catalog.Watch,
		Back: catalog.BackImages, Risks: []catalog.Risk{catalog.DataRisk}, Sources: []string{"a"}}
	set(&try)
	d.refused(catalog.CheckGate(try), append(slices.Clone(at), path...), "gate a: ")
}

// probeGate checks each value by itself, so that everything wrong is reported at once.
func (d *document) probeGate(g catalog.Gate, at []string) {
	d.probe(func(try *catalog.Gate) { try.Title = g.Title }, at, "title")
	d.probe(func(try *catalog.Gate) { try.Text = g.Text }, at, "text")
	for i, a := range g.Do {
		d.probe(func(try *catalog.Gate) {
			if try.Do = []catalog.Action{a}; a.Command != "" {
				try.Duty = catalog.Command
			}
		}, at, "do", strconv.Itoa(i))
	}
	for i := range g.Sources {
		d.probe(func(try *catalog.Gate) { try.Sources = g.Sources[i : i+1] }, at, "source", strconv.Itoa(i))
	}
}

func (d *document) probeVersions(g Gate, app string, at []string) {
	d.probe(func(try *catalog.Gate) { try.App, try.Majors, try.At = app, g.At == "", g.At }, at, "at")
	d.probe(func(try *catalog.Gate) { try.App, try.Since = app, g.Since }, at, "since")
	d.probe(func(try *catalog.Gate) { try.App, try.Before = app, g.Before }, at, "before")
}

// checkNames reports what no image's name can match, also where the number of
// ways to match it has no end.
func (d *document) checkNames(patterns Texts, at []string) {
	before := len(d.errs)
	d.checkPatterns(patterns, at)
	if len(d.errs) > before {
		return
	}
	for i, p := range patterns {
		err := image.CheckPattern(p)
		switch n := d.text(i, at...); {
		case err != nil:
			d.fail(n, "", "%s: %v", quote(p), err)
		case len(p) > maxName || strings.ContainsFunc(p, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("`<>|\\\"'", c) }):
			d.fail(n, "", "%s: no image has such a name", quote(p))
		}
	}
}

// segments gives the parts of a pattern as image.Ref.Match reads it.
func segments(pattern string) []string {
	return strings.Split(strings.TrimPrefix(strings.TrimPrefix(pattern, "docker.io/"), "library/"), "/")
}

// overlap reports whether a name may match both patterns. Of two parts with
// wildcards it takes that for granted: it decides where to look, no more.
func overlap(a, b []string) bool {
	switch {
	case len(a) > 0 && a[0] == "**":
		return overlap(a[1:], b) || len(b) > 0 && overlap(a, b[1:])
	case len(b) > 0 && b[0] == "**":
		return overlap(b, a)
	case len(a) == 0 || len(b) == 0:
		return len(a) == len(b)
	}
	one, _ := path.Match(a[0], b[0])
	other, _ := path.Match(b[0], a[0])
	both := strings.ContainsAny(a[0], "*?[") && strings.ContainsAny(b[0], "*?[")
	return (one || other || both) && overlap(a[1:], b[1:])
}
