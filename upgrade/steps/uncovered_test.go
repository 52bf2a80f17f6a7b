package steps

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
)

// A Dify whose files lie in its container, and whose database is elsewhere, was upgraded
// as if a rollback could give both back.
func TestUncovered(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	dify := "langgenius/dify-api:" + strings.TrimSuffix(l.image, ":1")
	l.importImage(dify)
	t.Cleanup(func() { _, _ = l.Docker.Do(l.Context(), docker.Command{Args: []string{"rmi", "-f", dify}}) })
	up := func(more string) {
		t.Helper()
		l.write("services:\n  a: {image: IMAGE, command: [sleep]}\n  api: {image: '" + dify + "', command: [sleep], environment: {DB_HOST: canary.example.com}" + more + "}\nvolumes: {files: }\n")
		l.do("up", "--detach", "--pull", "never", "--no-build")
	}
	up("")
	s := &preflight{l.Host}
	refused := func(want ...string) {
		t.Helper()
		var got []string
		for _, r := range refusalsIn(s.uncovered(t.Context())) {
			for _, kind := range app.Kinds {
				if strings.Contains(r.Next, "--accept-uncovered "+kind+",") {
					got = append(got, kind)
				}
			}
			if strings.Contains(r.Reason+r.Found+r.Next, "canary") {
				t.Errorf("a value of the environment is told: %+v", r)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	refused("database", "files")
	l.Spec.Options.AcceptUncovered = []app.Kind{app.Database}
	refused("files")
	l.Spec.Config.Covered = []app.Kind{app.Files}
	if all := refusalsIn(s.uncovered(t.Context())); len(all) != 1 || !strings.Contains(all[0].Reason, "no command does it") {
		t.Errorf("covered by nothing: %+v", all)
	}
	l.Spec.Config.BackUp = []Command{{Name: "rsync"}}
	refused()
	l.Spec.Config.Covered, l.Spec.Config.Uncovered = nil, []app.Kind{app.Files}
	refused()
	got, err := l.together(t.Context())
	l.ok(err)
	if want := []backup.Together{{App: "Dify", Parts: []backup.Part{{Name: "database", Missing: "its database server is no service of this stack"},
		{Name: "files and private keys", Where: "api", Missing: "their folder in api is in no volume, and goes with the container"}}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}

	// With a volume nothing is missing, unless belay.yml leaves it out.
	l.Spec.Config.Uncovered = nil
	up(", volumes: ['files:/app/api/storage']")
	refused()
	for _, c := range []struct {
		exclude []string
		missing string
	}{{nil, ""}, {[]string{"api:/app/api/storage/tmp/**"}, ""}, {[]string{"api:/app/api/storage/**"}, "belay.yml excludes it"}} {
		l.Spec.Config.Exclude = c.exclude
		got, err := l.together(t.Context())
		l.ok(err)
		if p := got[0].Parts[1]; p.Where != "api:/app/api/storage" || p.Missing != c.missing {
			t.Errorf("%q: %+v", c.exclude, p)
		}
	}
}

// refusalsIn are the refusals of a joined error.
func refusalsIn(err error) []*Refusal {
	var one *Refusal
	var all interface{ Unwrap() []error }
	switch {
	case errors.As(err, &all):
		var out []*Refusal
		for _, e := range all.Unwrap() {
			out = append(out, refusalsIn(e)...)
		}
		return out
	case errors.As(err, &one):
		return []*Refusal{one}
	}
	return nil
}
