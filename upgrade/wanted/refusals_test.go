package wanted

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belaystack/belay/upgrade/docker"
)

// TestRefusals: what an upgrade must not do, each with its place.
func TestRefusals(t *testing.T) {
	const n8n = "services:\n  n8n:\n    image: n8nio/n8n:2.1.0\n    environment:\n      N8N_ENCRYPTION_KEY: ${KEY}\n    volumes: ['data:/home/node/.n8n']\nvolumes: {data: {}}\n"
	tests := []struct {
		name          string
		before, after string
		env           string // afterwards
		kind          Kind   // "" for none
		says          string
	}{
		{"an older image", "services:\n  r: {image: redis:7.2.4}\n", "services:\n  r: {image: redis:7.0.0}\n", "", Downgrade, "/compose.yaml:2:14: the image of r would be older"},
		{"the key changes", n8n, n8n, "KEY=canary-2\n", Key, "N8N_ENCRYPTION_KEY of n8n would change"},
		{"the key is lost", n8n, strings.Replace(n8n, "N8N_ENCRYPTION_KEY", "OTHER", 1), "", Key, "compose.yaml:2:3: N8N_ENCRYPTION_KEY of n8n would be lost"},
		{"the key is set", strings.Replace(n8n, "N8N_ENCRYPTION_KEY", "OTHER", 1), n8n, "", Key, "would be set for the first time"},
		{"the volume changes", n8n, strings.ReplaceAll(n8n, "data:", "fresh:"), "", Volume, "found volume stack_data, needed volume stack_fresh"},
		{"the volume is lost", n8n, strings.Replace(n8n, "volumes: ['data:/home/node/.n8n']", "read_only: true", 1), "", Volume, "found volume stack_data, needed nothing"},
		{"the volume moves in the container", n8n, strings.Replace(n8n, "data:/home/node/.n8n", "data:/home/node", 1), "", "", ""},
		{"a folder changes", "services:\n  a: {image: x/y:1, volumes: ['./d:/data']}\n", "services:\n  a: {image: x/y:1, volumes: ['./e:/data']}\n", "", Volume, "/e"},
		{"a folder of configuration changes", "services:\n  a: {image: x/y:1, volumes: ['./d:/etc/a']}\n", "services:\n  a: {image: x/y:1, volumes: ['./e:/etc/a']}\n", "", "", ""},
		{"a folder that is read only", "services:\n  a: {image: x/y:1, volumes: ['./d:/data:ro']}\n", "services:\n  a: {image: x/y:1, volumes: ['./e:/data:ro']}\n", "", "", ""},
		{"an anonymous volume stays one", "services:\n  a: {image: x/y:1, volumes: ['/data']}\n", "services:\n  a: {image: x/y:2, volumes: ['/data']}\n", "", "", ""},
		{"an anonymous volume is replaced", "services:\n  a: {image: x/y:1, volumes: ['/data']}\n", "services:\n  a: {image: x/y:1, volumes: ['vol:/data']}\nvolumes: {vol: {}}\n", "", Volume, "found an anonymous volume, needed volume stack_vol"},
		{"pull_policy", "services:\n  a:\n    image: x/y:1\n    pull_policy: always\n", "services:\n  a:\n    image: x/y:2\n    pull_policy: always\n", "", Pull, "compose.yaml:4:5: `pull_policy: always` of a"},
		{"pull_policy of a digest", "services:\n  a: {image: 'x/y@sha256:" + strings.Repeat("a", 64) + "', pull_policy: always}\n", "services:\n  a: {image: 'x/y@sha256:" + strings.Repeat("b", 64) + "', pull_policy: always}\n", "", "", ""},
		{"a variable that nothing sets", "services:\n  a: {image: x/y:1}\n", "services:\n  a:\n    image: x/y:2\n    command: ${NOWHERE}\n", "", Variable, "compose.yaml:4:14: variable NOWHERE is not set"},
		{"one that nothing set before", "services:\n  a: {image: x/y:1, command: '${NOWHERE}'}\n", "services:\n  a: {image: x/y:2, command: '${NOWHERE}'}\n", "", "", ""},
		{"a required variable", "services:\n  a: {image: x/y:1}\n", "services:\n  a:\n    image: x/y:2\n    command: ${NEED:?say it}\n", "", Variable, "compose.yaml:4:14"},
		{"no YAML", "services:\n  a: {image: x/y:1}\n", "services: [\n", "", Files, "compose.yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, map[string]string{"compose.yaml": tt.before, ".env": "KEY=canary-1\n"})
			if err := os.Mkdir(filepath.Join(h.dir, "d"), 0o755); err != nil {
				t.Fatal(err)
			}
			h.start()
			h.write(map[string]string{"compose.yaml": tt.after})
			if tt.env != "" {
				h.write(map[string]string{".env": tt.env})
			}
			_, err := h.compute(Mode{})
			if tt.kind == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refused(t, err, tt.kind, tt.says)
		})
	}
}

// TestRenamed: a service under another name on the same data is the same one.
func TestRenamed(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": "services:\n  db: {image: postgres:16.2, volumes: ['vol:/var/lib/postgresql/data']}\nvolumes: {vol: {}}\n"})
	h.start()
	h.write(map[string]string{"compose.yaml": "services:\n  postgres: {image: postgres:16.4, volumes: ['vol:/var/lib/postgresql/data']}\nvolumes: {vol: {}}\n"})
	r := h.want(Mode{})
	if s := serviceOf(t, r, "postgres"); s.Was != "db" || s.Old != "postgres:16.2" || len(r.Services) != 1 {
		t.Errorf("%+v", r.Services)
	}
	h.write(map[string]string{"compose.yaml": "services:\n  postgres: {image: postgres:17.0, volumes: ['vol:/var/lib/postgresql/data']}\nvolumes: {vol: {}}\n"})
	r = h.want(Mode{})
	if len(r.Moves) != 1 || r.Moves[0].Service != "postgres" || r.Moves[0].New.Volume != "stack_vol_pg17" {
		t.Errorf("moves %+v", r.Moves)
	}
	h.write(map[string]string{"compose.yaml": "services:\n  postgres: {image: postgres:17.0, volumes: ['vol_pg17:/var/lib/postgresql/data']}\nvolumes: {vol: {}, vol_pg17: {}}\n"})
	if r = h.want(Mode{}); len(r.Services) != 1 || len(r.Moves) != 1 { // also onto its new volume
		t.Errorf("%+v %+v", r.Services, r.Moves)
	}
}

// TestDown: one service goes back, its group along, and the tag becomes exact.
func TestDown(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": "services:\n  n8n: {image: n8nio/n8n:latest}\n  api: {image: langgenius/dify-api:1.13.3}\n  web: {image: langgenius/dify-web:1.13.3}\n"})
	h.start()
	r := h.want(Mode{Down: &Down{"api", "1.13.0"}})
	if a, w := serviceOf(t, r, "api"), serviceOf(t, r, "web"); a.New != "langgenius/dify-api:1.13.0" || w.New != "langgenius/dify-web:1.13.0" {
		t.Errorf("%+v %+v", a, w)
	}
	r = h.want(Mode{Down: &Down{"n8n", "2.0.1"}})
	if s := serviceOf(t, r, "n8n"); s.New != "n8nio/n8n:2.0.1" || s.Old != "n8nio/n8n:latest" {
		t.Errorf("%+v", s)
	}
}

// TestMovedTag: the tag is the same, and means another image than the one that runs.
func TestMovedTag(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": "services:\n  n8n: {image: n8nio/n8n:latest}\n  b: {build: .}\n"})
	h.start()
	h.images["n8nio/n8n:latest"] = docker.Image{ID: "sha256:new"}
	r := h.want(Mode{})
	if s := serviceOf(t, r, "n8n"); !s.Moved || !s.Changed || !s.Local || s.OldID != idOf("n8nio/n8n:latest") || r.Nothing() {
		t.Errorf("%+v", s)
	}
	if s := serviceOf(t, r, "b"); !s.Local || s.Changed {
		t.Errorf("%+v", s)
	}
}

// TestPending: a file that already says something else than what runs is not changed
// any further, since taking that back would take it back as well.
func TestPending(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": "services:\n  a: {image: redis:7.0.1}\n  b: {image: nginx:1.27.0}\n"})
	h.start()
	h.write(map[string]string{"compose.yaml": "services:\n  a: {image: redis:7.0.1}\n  b: {image: nginx:1.27.2}\n"})
	_, err := h.compute(Mode{Set: []Pin{{"a", "7.2.4"}}})
	refused(t, err, Identity, "differs from what runs already")
}

// TestProfiles: a service that runs and that the profiles here leave out is not taken
// for one that is gone; one that stands still is left out.
func TestProfiles(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": "services:\n  a: {image: redis:7.0.1}\n  b: {image: nginx:1.27.0, profiles: [web]}\n"})
	h.project.Profiles = []string{"web"}
	h.start()
	_, err := h.compute(Mode{})
	refused(t, err, Identity, "service b runs, and none of its profiles is enabled here: found profiles web")
	for i := range h.containers["stack"] {
		if h.containers["stack"][i].Service == "b" {
			h.containers["stack"][i].State = "exited"
		}
	}
	if r := h.want(Mode{}); len(r.Services) != 1 || !r.Nothing() {
		t.Errorf("%+v", r.Services)
	}
}

// TestFind: containers and files must agree.
func TestFind(t *testing.T) {
	base := map[string]string{"compose.yaml": "services:\n  a: {image: redis:7.0.1}\n  b: {image: nginx:1.27.0}\n"}
	tests := []struct {
		name   string
		change func(h *host, w *Where)
		says   string // "" for none
	}{
		{"they agree", func(*host, *Where) {}, ""},
		{"by way of a symlink", func(h *host, w *Where) {
			link := filepath.Join(h.state, "link")
			if err := os.Symlink(h.dir, link); err != nil {
				h.t.Fatal(err)
			}
			w.Dir = link
		}, ""},
		{"a one-off of other files", func(h *host, _ *Where) {
			h.containers["stack"] = append(h.containers["stack"], docker.Container{Project: "stack", Service: "a", Oneoff: true, WorkingDir: "/elsewhere"})
		}, ""},
		{".env named or not", func(h *host, _ *Where) {
			h.write(map[string]string{".env": "A=1\n"})
			h.containers["stack"][0].EnvFiles = []string{h.dir + "/.env"}
		}, ""},
		{"nothing runs", func(h *host, _ *Where) { clear(h.containers) }, "nothing runs"},
		{"from elsewhere", func(h *host, _ *Where) {
			for i := range h.containers["stack"] {
				h.containers["stack"][i].WorkingDir = "/srv/other"
			}
		}, "runs from another folder: found /srv/other, needed "},
		{"one from elsewhere", func(h *host, _ *Where) { h.containers["stack"][1].WorkingDir = "/srv/other" }, "disagree on the working directory"},
		{"other files in one", func(h *host, _ *Where) { h.containers["stack"][1].ConfigFiles = []string{h.dir + "/x.yaml"} }, "disagree on the compose files"},
		{"an override since", func(h *host, _ *Where) { h.write(map[string]string{"compose.override.yaml": "services: {}\n"}) }, "compose.override.yaml"},
		{"files in another order", func(h *host, w *Where) { w.Files = []string{"b.yaml", "compose.yaml"} }, "differ in the compose files"},
		{"env files", func(h *host, w *Where) { h.write(map[string]string{"x.env": ""}); w.EnvFiles = []string{"x.env"} }, "differ in the env files: found none, needed "},
		{"another name", func(h *host, _ *Where) { h.write(map[string]string{".env": "COMPOSE_PROJECT_NAME=other\n"}) }, "differ in the project: found stack, needed other"},
		{"two projects", func(h *host, _ *Where) {
			two := h.containers["stack"][0]
			two.Project = "two"
			h.containers["two"] = []docker.Container{two}
		}, "several projects run from "},
		{"a file is gone", func(h *host, w *Where) {
			w.Files = []string{"compose.yaml"}
			if err := os.Remove(h.dir + "/compose.yaml"); err != nil {
				h.t.Fatal(err)
			}
		}, "is gone"},
		{"no compose file", func(h *host, w *Where) {
			if err := os.Remove(h.dir + "/compose.yaml"); err != nil {
				h.t.Fatal(err)
			}
		}, "no compose file"},
		{"no folder", func(_ *host, w *Where) { w.Dir += "/x" }, "folder of the stack"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, maps.Clone(base))
			h.start()
			w := Where{Dir: h.dir}
			tt.change(h, &w)
			d, err := Find(t.Context(), h.engine, w)
			if tt.says != "" {
				refused(t, err, Identity, tt.says)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.Project.Dir != h.dir || len(d.Project.Files) != 1 || len(d.Containers) != 2 {
				t.Errorf("%+v", d)
			}
		})
	}
}

// more is an engine whose docker compose knows a service that Belay does not read.
type more struct{ *engine }

func (m more) Do(ctx context.Context, cmd docker.Command) ([]byte, error) {
	out, err := m.engine.Do(ctx, cmd)
	return bytes.Replace(out, []byte(`"services": {`), []byte(`"services": {"x": {"image": "x:1"},`), 1), err
}

// TestUnreadService: a service that only docker compose knows is not taken for one
// that is gone.
func TestUnreadService(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": "services:\n  a: {image: redis:7.0.1}\n"})
	h.start()
	d, err := Find(t.Context(), h.engine, Where{Dir: h.dir})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Compute(t.Context(), more{h.engine}, d, Mode{State: h.state})
	refused(t, err, Files, "cannot be read as docker compose reads them")
}

// TestDifferentImages: a service half way between two images is refused.
func TestDifferentImages(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": "services:\n  a: {image: redis:7.0.1}\n"})
	h.start()
	two := h.containers["stack"][0]
	two.Image, two.Number = "sha256:other", 2
	h.containers["stack"] = append(h.containers["stack"], two)
	_, err := h.compute(Mode{})
	refused(t, err, Identity, "different images")
}
