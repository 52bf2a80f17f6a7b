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
		err := s.uncovered(t.Context())
		var got []string
		for _, kind := range app.Kinds {
			if err != nil && strings.Contains(err.Error(), "--accept-uncovered "+kind) {
				got = append(got, kind)
			}
		}
		if !slices.Equal(got, want) || err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%q, want %q: %v", got, want, err)
		}
		if r := (*Refusal)(nil); err != nil && !errors.As(err, &r) {
			t.Errorf("no refusal: %v", err)
		}
	}
	refused("database", "files")
	l.Spec.Options.AcceptUncovered = []app.Kind{app.Database}
	refused("files")
	l.Spec.Config.Covered = []app.Kind{app.Files}
	if err := s.uncovered(t.Context()); err == nil || !strings.Contains(err.Error(), "no command does it") {
		t.Errorf("covered by nothing: %v", err)
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
