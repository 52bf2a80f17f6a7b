package config

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

const upstreamsAndGates = `version: 1
upstreams:
  - images: [registry.example.com/acme/app]
    repository: acme/app
    tag-prefix: v
    trim: ["-local"]
    changelog: ./CHANGELOG.md
    breaking: [docs/BREAKING.md]
    compose: deploy/compose/
    moving: [stable]
  - {images: n8nio/n8n, repository: acme/n8n-fork}
gates:
  - id: acme-2-0-reindex
    images: [acme/app, n8nio/n8n]
    at: 2.0.0
    title: The index is built anew
    text: |
      Searching finds nothing
      until ` + "`acme reindex`" + ` ran.
    duty: command
    level: high
    back: never
    risks: [data, api, dependency]
    do: [{when: after-start, text: Build it, command: docker compose exec app acme reindex}]
    source: https://acme.example.com/2.0
  - id: postgres-review
    app: postgres
    majors: true
    title: The DBA has to know
    text: Ask first.
    risks: [data]
comment: false
suggestions: true
`

// config reads a belay.yml that is right.
func loadText(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Load(open(t, text), "belay.yml", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCatalog(t *testing.T) {
	builtIn := catalog.Load()
	c := loadText(t, upstreamsAndGates)
	got := c.Catalog(builtIn)
	own, behind := len(got.Upstreams)-len(builtIn.Upstreams), len(builtIn.GateTable)
	if d := cmp.Diff([]catalog.Upstream{
		{Images: []string{"registry.example.com/acme/app"}, Repo: "acme/app", Prefix: "v", Trim: []string{"-local"}, Releases: true,
			Changelog: "CHANGELOG.md", Breaking: []string{"docs/BREAKING.md"}, Compose: "deploy/compose", Moving: []string{"stable"}},
		{Images: []string{"n8nio/n8n"}, Repo: "acme/n8n-fork", Releases: true},
	}, got.Upstreams[:own]); d != "" {
		t.Error(d)
	}
	reindex := catalog.Gate{ID: "acme-2-0-reindex", App: "n8n", Images: []string{"acme/app", "n8nio/n8n"}, At: "2.0.0", Title: "The index is built anew",
		Text: "Searching finds nothing until `acme reindex` ran.", Duty: catalog.Command, Level: catalog.High, Back: catalog.BackNever,
		Risks:   []catalog.Risk{catalog.DataRisk, catalog.APIRisk, catalog.DependencyRisk},
		Do:      []catalog.Action{{When: catalog.AfterStart, Text: "Build it", Command: "docker compose exec app acme reindex"}},
		Sources: []string{"https://acme.example.com/2.0"}}
	unknown := reindex
	unknown.App = "belay.yml:acme/app"
	if d := cmp.Diff([]catalog.Gate{reindex, unknown,
		{ID: "postgres-review", App: "postgres", Majors: true, Title: "The DBA has to know", Text: "Ask first.", Duty: catalog.Watch,
			Level: catalog.Medium, Back: catalog.BackRestore, Risks: []catalog.Risk{catalog.DataRisk}, Sources: []string{"belay.yml"}},
	}, got.GateTable[behind:]); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(builtIn, catalog.Load()); d != "" {
		t.Errorf("what is built in was changed:\n%s", d)
	}
	if d := cmp.Diff(builtIn.GateTable, got.GateTable[:behind]); d != "" {
		t.Errorf("a built-in gate is gone or moved:\n%s", d)
	}
	if c.Comments() || !c.Suggestions || !Default().Comments() || Default().Suggestions {
		t.Error("comment is true and suggestions false, unless the file says so")
	}
	if d := cmp.Diff(builtIn, Default().Catalog(builtIn)); d != "" {
		t.Errorf("a file that says nothing changes nothing:\n%s", d)
	}
}

// Of which images a user's gate holds, asked as the dossier asks.
func TestGatesOfImages(t *testing.T) {
	const rest = ", majors: true, title: T, text: T., risks: [data]}\n"
	for name, test := range map[string]struct {
		gates string // by ID: what each is about
		holds map[string]string
	}{
		"unknown image": {"  - {id: a, images: acme/app" + rest, map[string]string{"acme/app": "a", "acme/web": "", "ghcr.io/acme/app": "", "n8nio/n8n": ""}},
		"known image, and no other of its app": {"  - {id: a, images: pgvector/pgvector" + rest,
			map[string]string{"pgvector/pgvector": "a", "postgres": "", "mirror.example.com/pgvector/pgvector": ""}},
		"a pattern over apps":       {"  - {id: a, images: '**/langgenius/*'" + rest, map[string]string{"langgenius/dify-api": "a", "x.io/langgenius/dify-web": "a", "langgenius/new": "a", "redis": ""}},
		"everything":                {"  - {id: a, images: '**'" + rest, map[string]string{"langgenius/dify-api": "a", "redis": "a", "acme/app": "a", "a.io/b/c/d": "a"}},
		"patterns that overlap":     {"  - {id: a, images: acme/app" + rest + "  - {id: b, images: 'acme/*'" + rest, map[string]string{"acme/app": "a b", "acme/web": "b"}},
		"the same, the wider first": {"  - {id: b, images: '*/app'" + rest + "  - {id: a, images: ['acme/*', acme/app]" + rest, map[string]string{"acme/app": "b a", "acme/web": "a", "x/app": "b"}},
		"the same pattern twice":    {"  - {id: a, images: [acme/app, acme/app]" + rest + "  - {id: b, images: acme/app" + rest, map[string]string{"acme/app": "a b"}},
		"an app":                    {"  - {id: a, app: postgres" + rest, map[string]string{"postgres": "a", "pgvector/pgvector": "a", "mysql": ""}},
		"a product":                 {"  - {id: a, app: dify" + rest, map[string]string{"langgenius/dify-api": "a", "langgenius/dify-web": "a", "langgenius/dify-sandbox": ""}},
		"long names of Docker Hub":  {"  - {id: a, images: [docker.io/library/redis, docker.io/acme/app]" + rest, map[string]string{"redis": "a", "acme/app": "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := loadText(t, "version: 1\ngates:\n"+test.gates)
			builtIn := catalog.Load()
			cat := c.Catalog(builtIn)
			for _, img := range slices.Sorted(maps.Keys(test.holds)) {
				old, now := parse(t, img+":15.1.0"), parse(t, img+":16.2.0")
				if strings.Contains(img, "pgvector") {
					old, now = parse(t, img+":0.8.0-pg15"), parse(t, img+":0.8.0-pg16")
				}
				var got []string
				for _, g := range cat.Gates(old, now) {
					if len(g.ID) == 1 {
						got = append(got, g.ID)
					}
				}
				if strings.Join(got, " ") != test.holds[img] {
					t.Errorf("%s: got %q, want %q", img, got, test.holds[img])
				}
				if was, ok := builtIn.App(now); ok {
					if app, _ := cat.App(now); app.ID != was.ID {
						t.Errorf("%s is %s now, and was %s", img, app.ID, was.ID)
					}
				}
			}
		})
	}
}

func parse(t *testing.T, s string) image.Ref {
	t.Helper()
	ref, err := image.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// Every word that the schema allows is one that the catalog takes, and a gate
// that Load accepts is one that CheckGate does.
func TestWordsOfGates(t *testing.T) {
	const gate = "version: 1\ngates: [{id: a, app: n8n, at: 2.0.0, title: T, text: T, risks: [data], "
	for _, rest := range []string{"duty: stop", "duty: forbid", "duty: one-way", "duty: services", "duty: settings", "duty: watch",
		"duty: command, do: [{when: before-merge, text: T}, {when: before-start, text: T}, {when: after-start, text: T, command: C}]",
		"level: low", "level: medium", "level: high", "back: images", "back: backup", "back: never", "source: [words, 'https://example.com/a']"} {
		c := loadText(t, gate+rest+"}]\n")
		all := c.Catalog(catalog.Load()).GateTable
		g := all[len(all)-1]
		if err := catalog.CheckGate(g); err != nil || g.ID != "a" {
			t.Errorf("%s: %v", rest, err)
		}
	}
	for _, app := range appIDs(catalog.Load()) {
		c := loadText(t, "version: 1\ngates: [{id: a, app: "+app+", majors: true, title: T, text: T, risks: [api]}]\n")
		if c.Gates[0].App != AppID(app) {
			t.Errorf("%s: got %s", app, c.Gates[0].App)
		}
	}
}

func TestOverlap(t *testing.T) {
	for pair, want := range map[string]bool{
		"a/b a/b": true, "a/b a/c": false, "a/b a": false, "a/* a/b": true, "a/* a": false, "** a/b": true, "** **": true,
		"**/a b/c/a": true, "**/a b/c": false, "a/** b/**": false, "a/** **/b": true, "*/b a/*": true, "a* b*": true,
		"docker.io/library/redis redis": true, "**/x/** a/b/x": true, "**/x/** a/b/c": false,
	} {
		p, q, _ := strings.Cut(pair, " ")
		for _, got := range []bool{overlap(segments(p), segments(q)), overlap(segments(q), segments(p))} {
			if got != want {
				t.Errorf("%s: got %v, want %v", pair, got, want)
			}
		}
	}
}
