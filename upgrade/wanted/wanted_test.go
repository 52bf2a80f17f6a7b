package wanted

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted/deployed"
)

// refused fails unless err is a refusal of that kind with that text, which a run
// knows as one, and with a next move.
func refused(t *testing.T, err error, kind Kind, says string) {
	t.Helper()
	var r *Refused
	var plain *upgrade.Refusal
	switch {
	case !errors.As(err, &r) || !errors.As(err, &plain):
		t.Fatalf("no refusal: %v", err)
	case r.Kind != kind || !strings.Contains(err.Error(), says):
		t.Errorf("%s: %v; want %s: %s", r.Kind, err, kind, says)
	case r.Hint() == "":
		t.Errorf("no next move: %v", err)
	}
	if strings.Contains(err.Error(), "belay-mirror") || strings.Contains(err.Error(), "canary") {
		t.Errorf("the error says too much: %v", err)
	}
}

func (h *host) old(r *Result, name string) string {
	return string(r.Old[filepath.Join(h.dir, name)].Data)
}

func serviceOf(t *testing.T, r *Result, name string) Service {
	t.Helper()
	for _, s := range r.Services {
		if s.Name == name || s.Name == "" && s.Was == name {
			return s
		}
	}
	t.Fatalf("no service %s in %+v", name, r.Services)
	return Service{}
}

// TestAsTheyStand: the old files are made of what runs and of the new ones.
func TestAsTheyStand(t *testing.T) {
	before := map[string]string{"compose.yaml": "services:\n  a: {image: 'redis:${T:-7.0.1}', environment: {P: '${P}'}}\n  b: {image: nginx:1.27.0}\n", ".env": "P=canary\n"}
	tests := []struct {
		name    string
		after   map[string]string
		old     map[string]string // what is put back; others as after
		drifted string
		changed string
	}{
		{"nothing", nil, nil, "", ""},
		{"a comment", map[string]string{"compose.yaml": "# hi\n" + before["compose.yaml"]}, nil, "", ""},
		{"an image", map[string]string{"compose.yaml": strings.Replace(before["compose.yaml"], "1.27.0", "1.27.2", 1)},
			map[string]string{"compose.yaml": before["compose.yaml"]}, "", "b"},
		{"the default", map[string]string{"compose.yaml": strings.Replace(before["compose.yaml"], "7.0.1", "7.2.4", 1)},
			map[string]string{"compose.yaml": before["compose.yaml"]}, "", "a"},
		{"the .env", map[string]string{".env": "P=canary\nT=7.2.4\n"}, map[string]string{".env": "P=canary\nT=7.0.1\n"}, "", "a"},
		{"another repository", map[string]string{"compose.yaml": strings.Replace(before["compose.yaml"], "nginx:1.27.0", "ghcr.io/x/nginx:2", 1)},
			map[string]string{"compose.yaml": before["compose.yaml"]}, "", "b"},
		{"image and definition", map[string]string{"compose.yaml": strings.Replace(before["compose.yaml"], "nginx:1.27.0", "nginx:1.27.2, command: x", 1)},
			map[string]string{"compose.yaml": strings.Replace(before["compose.yaml"], "nginx:1.27.0", "nginx:1.27.0, command: x", 1)}, "b", "b"},
		{"a value of the .env", map[string]string{".env": "P=canary2\n"}, nil, "a", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, before)
			h.start()
			h.write(tt.after)
			r := h.want(Mode{})
			var drifted, changed []string
			for _, s := range r.Services {
				if s.Drifted {
					drifted = append(drifted, s.Name)
				}
				if s.Changed {
					changed = append(changed, s.Name)
				}
			}
			if got := strings.Join(drifted, " "); got != tt.drifted {
				t.Errorf("drifted %q, want %q", got, tt.drifted)
			}
			if got := strings.Join(changed, " "); got != tt.changed {
				t.Errorf("changed %q, want %q", got, tt.changed)
			}
			for name := range before {
				now, _ := os.ReadFile(filepath.Join(h.dir, name))
				want := string(now)
				if text, ok := tt.old[name]; ok {
					want = text
				}
				if got := h.old(r, name); got != want {
					t.Errorf("old %s: %q, want %q", name, got, want)
				}
			}
			if r.Nothing() != (tt.changed == "" && len(tt.old) == 0) {
				t.Errorf("Nothing is %v", r.Nothing())
			}
			if strings.Contains(strings.Join(r.Notes, ""), "canary") {
				t.Errorf("a note says a value: %q", r.Notes)
			}
		})
	}
}

// commit leaves what r wants as the deployed record, as a run does.
func (h *host) commit(r *Result, run string) {
	h.t.Helper()
	spec := steps.Spec{Run: run, State: h.state}
	if err := r.Fill(&spec); err != nil {
		h.t.Fatal(err)
	}
	for _, f := range spec.Files {
		path := filepath.Join(h.state, "runs", run, "files", "new", f.New)
		data, err := os.ReadFile(path)
		if f.New == "" {
			err = os.Remove(f.Path)
		} else if err == nil {
			if err = os.MkdirAll(filepath.Dir(f.Path), 0o755); err == nil {
				err = os.WriteFile(f.Path, data, 0o644)
			}
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
	rec, err := deployed.Draft(filepath.Join(h.state, "runs", run))
	if err != nil {
		h.t.Fatal(err)
	}
	if err := rec.Write(h.state); err != nil {
		h.t.Fatal(err)
	}
	h.start()
}

// TestLastDeployed: with a record of the last run the old files are known whatever
// has changed, and a file that only that run knows comes back.
func TestLastDeployed(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": "include: [more.yaml]\nservices:\n  a: {image: redis:7.0.1, env_file: a.env}\n",
		"more.yaml": "services: {b: {image: nginx:1.27.0, volumes: ['./n.conf:/etc/n.conf']}}\n", "a.env": "K=canary\n", "n.conf": "one\n"})
	h.start()
	h.commit(h.want(Mode{}), "r1")
	h.write(map[string]string{"compose.yaml": "include: [more.yaml]\nservices:\n  a: {image: redis:7.2.4, env_file: a.env, command: x}\n", "a.env": "K=canary2\n",
		"more.yaml": "services: {b: {image: nginx:1.27.0, volumes: ['./n.conf:/etc/n.conf'], restart: always}}\n", "n.conf": "two\n"})
	r := h.want(Mode{})
	for name, want := range map[string]string{"compose.yaml": "include: [more.yaml]\nservices:\n  a: {image: redis:7.0.1, env_file: a.env}\n", "a.env": "K=canary\n", "n.conf": "one\n"} {
		if got := h.old(r, name); got != want {
			t.Errorf("old %s: %q, want %q", name, got, want)
		}
	}
	if s := serviceOf(t, r, "a"); s.Drifted || s.Old != "redis:7.0.1" || s.New != "redis:7.2.4" {
		t.Errorf("%+v", s)
	}
	// A record whose bytes are damaged is not believed, and said.
	rec, err := deployed.Read(h.state)
	if err != nil {
		t.Fatal(err)
	}
	f, _ := rec.File(filepath.Join(h.dir, "a.env"))
	if err := os.WriteFile(filepath.Join(h.state, "runs", "r1", "files", "new", f.SHA256), []byte("K=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r = h.want(Mode{})
	if !serviceOf(t, r, "a").Drifted || !strings.Contains(strings.Join(r.Notes, " "), "a.env is missing or damaged") {
		t.Errorf("%+v", r.Notes)
	}
}

// TestRecordThatDoesNotFit: after somebody edited the files and started the stack by
// hand, the record of the last run says nothing of what runs.
func TestRecordThatDoesNotFit(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": "services:\n  a: {image: redis:7.0.1}\n"})
	h.start()
	h.commit(h.want(Mode{}), "r1")
	h.write(map[string]string{"compose.yaml": "services:\n  a: {image: redis:7.0.5, command: x}\n"})
	h.start()
	h.write(map[string]string{"compose.yaml": "services:\n  a: {image: redis:7.2.4, command: x}\n"})
	r := h.want(Mode{})
	if got := h.old(r, "compose.yaml"); got != "services:\n  a: {image: redis:7.0.5, command: x}\n" || serviceOf(t, r, "a").Drifted {
		t.Errorf("old %q", got)
	}
}

// TestWholeImage: where one variable, or its default, is all of the image, another
// repository is put back as well.
func TestWholeImage(t *testing.T) {
	for _, tt := range []struct{ file, before, after string }{
		{".env", "S=canary\nIMG=\"redis:7.0.1\"\n", "S=canary\nIMG=\"ghcr.io/x/redis:8\"\n"},
		{"compose.yaml", "services:\n  a: {image: '${IMG:-redis:7.0.1}'}\n", "services:\n  a: {image: '${IMG:-ghcr.io/x/redis:8}'}\n"},
	} {
		h := newHost(t, map[string]string{"compose.yaml": "services:\n  a: {image: '${IMG}'}\n", tt.file: tt.before})
		h.start()
		h.write(map[string]string{tt.file: tt.after})
		if got := h.old(h.want(Mode{}), tt.file); got != tt.before {
			t.Errorf("old %s: %q", tt.file, got)
		}
	}
}

// TestEmptyFile: a file without content is one that is there.
func TestEmptyFile(t *testing.T) {
	r := Result{Old: Tree{"/a": {}, "/b": {}}, New: Tree{"/b": {}, "/c": {}}}
	if got := strings.Join(r.changedFiles(), " "); got != "/a /c" {
		t.Errorf("changed %q", got)
	}
}

// TestFill: the run's folder has the bytes of both sides by their hash, closed to
// others, and the spec names files that differ only.
func TestFill(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": "services:\n  a: {image: 'redis:${T}'}\n  gone: {image: nginx:1}\n", ".env": "T=7.0.1\nS=canary\n"})
	h.start()
	h.write(map[string]string{"compose.yaml": "services:\n  a: {image: 'redis:${T}'}\n  new: {image: nginx:2}\n"})
	r := h.want(Mode{})
	spec := steps.Spec{Run: "r1", State: h.state}
	if err := r.Fill(&spec); err != nil {
		t.Fatal(err)
	}
	if len(spec.Files) != 0 { // the old definition of gone is not known
		t.Errorf("files %+v", spec.Files)
	}
	want := []steps.Change{{Service: "a", Old: "redis:7.0.1", OldID: idOf("redis:7.0.1"), New: "redis:7.0.1", Written: "redis:${T}", Hidden: true},
		{Service: "new", New: "nginx:2", Written: "nginx:2"}, {Service: "gone", Old: "nginx:1", OldID: idOf("nginx:1")}}
	for i, c := range spec.Changes {
		if c != want[i] {
			t.Errorf("change %+v, want %+v", c, want[i])
		}
	}
	if len(spec.Changes) != len(want) || len(spec.Sources) != 2 {
		t.Errorf("%+v %v", spec.Changes, spec.Sources)
	}
	h.write(map[string]string{"compose.yaml": "services:\n  a: {image: 'redis:${T}'}\n  gone: {image: nginx:1}\n"})
	r = h.want(Mode{Set: []Pin{{"a", "7.2.4"}}})
	if err := r.Fill(&spec); err != nil {
		t.Fatal(err)
	}
	if len(spec.Files) != 1 || spec.Files[0].Path != filepath.Join(h.dir, ".env") {
		t.Fatalf("files %+v", spec.Files)
	}
	for side, sum := range map[string]string{"old": spec.Files[0].Old, "new": spec.Files[0].New} {
		path := filepath.Join(h.state, "runs", "r1", "files", side, sum)
		info, err := os.Stat(path)
		data, _ := os.ReadFile(path)
		if err != nil || info.Mode().Perm() != 0o600 || deployed.Sum(data) != sum {
			t.Errorf("%s: %v %q", side, err, data)
		}
	}
	plan := r.Plan(nil, Estimates{Backup: 5})
	if len(plan.Steps) == 0 || len(plan.Files) != 1 || plan.Estimates.Backup != 5 || !strings.Contains(strings.Join(plan.Notes, " "), "that one value is changed") {
		t.Errorf("%+v", plan)
	}
}
