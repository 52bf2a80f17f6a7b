package steps

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/upgrade/docker"
)

// pruned does to what belongs to the lab what `docker system prune -af` does.
func (l *lab) pruned(images ...string) {
	l.Helper()
	kept, err := l.Docker.Do(l.Context(), docker.Command{Args: []string{"ps", "-aq", "--filter", "label=" + docker.LabelKeep + "=" + l.Spec.Project.Name}})
	l.ok(err)
	gone := strings.Fields(string(kept))
	all, err := l.containers(l.Context())
	l.ok(err)
	for _, c := range all {
		if !c.Running() {
			gone = append(gone, c.ID)
		}
	}
	for _, id := range gone {
		_, err := l.Docker.Do(l.Context(), docker.Command{Args: []string{"rm", id}})
		l.ok(err)
	}
	for _, id := range images {
		_, err := l.Docker.Do(l.Context(), docker.Command{Args: []string{"image", "rm", "-f", id}})
		l.ok(err)
	}
}

// `docker system prune -a` took the containers that hold images, and then the images:
// there was no way back for a stack that stood still, and none for what was built.
func TestPrunedImages(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep], restart: always}}")
	ctx := t.Context()
	id := l.one("a").Image
	l.Spec.Changes = []Change{{Service: "a", Old: l.image, OldID: id, New: l.image, Local: true}}
	keep, stop, back := &keepImages{l.Host}, &halt{l.Host}, &backUp{l.Host}
	done(l, "keep-images", keep)
	halted := done(l, "halt", stop)
	done(l, "backup", back)
	l.pruned(id)
	l.means(l.image, "")
	for range 2 {
		l.ok(stop.Undo(ctx, halted))
	}
	if a := l.one("a"); !a.Running() || a.Image != id || a.Policy.Name != "always" {
		t.Errorf("afterwards:\n%s", l.state())
	}
	l.means(l.image, id)
	l.nothingPending()

	// A rollback of that run, later: the tag means something else by then.
	var made backedUp
	_, err := l.j.Result("backup", &made)
	l.ok(err)
	l.do("stop")
	l.pruned(id)
	newer := l.importImage(l.image, "LABEL v=2")
	l.do("up", "--detach", "--pull", "never")
	l.j.saved = map[string]json.RawMessage{}
	l.Spec.Kind, l.Spec.Restore = Rollback, made.ID
	l.Spec.Changes[0].OldID, l.Spec.Images = newer, map[string]string{l.image: id}
	l.j.result = map[string]json.RawMessage{}
	saved := done(l, "pull", &pull{l.Host})
	l.means(l.image, newer)
	kept, err := l.Docker.Kept(ctx, l.Spec.Project.Name)
	l.ok(err)
	if !slices.Contains(kept, id) {
		t.Errorf("what came back is not held: %q", kept)
	}
	done(l, "apply-files", &applyFiles{l.Host})
	l.means(l.image, id)
	l.ok((&pull{l.Host}).Undo(ctx, saved))
	l.means(l.image, newer)
	for _, k := range append(kept, newer) {
		l.ok(l.Docker.Unkeep(ctx, l.Spec.Project.Name, k))
	}
}

// An image that a registry has is asked for by its digest, and only when it is gone.
func TestPulledAgain(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	ctx := t.Context()
	id := l.one("a").Image
	dir := t.TempDir()
	_, err := l.Docker.Do(ctx, docker.Command{Args: []string{"image", "save", "-o", dir + "/saved", id}})
	l.ok(err)
	// A registry is not needed to see what is asked of it.
	script := "#!/bin/sh\nif [ \"$1\" = pull ]; then echo \"$@\" >>" + dir + "/asked; exec docker load -q -i " + dir + "/saved; fi\nexec docker \"$@\"\n"
	l.ok(os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o755))
	l.Docker.Docker = filepath.Join(dir, "docker")
	l.ok(l.bringBack(ctx, id))
	halted := done(l, "halt", &halt{l.Host})
	l.pruned(id)
	var lost *LostImageError
	if err := (&halt{l.Host}).Undo(ctx, halted); !errors.As(err, &lost) || lost.ID != id {
		t.Errorf("with nothing to get it from: %v", err)
	}
	if asked, err := os.ReadFile(dir + "/asked"); err == nil {
		t.Errorf("asked for %s", asked)
	}
	l.Spec.Digests = map[string][]string{id: {"registry.example/a@sha256:0"}}
	l.ok((&halt{l.Host}).Undo(ctx, halted))
	l.means(l.image, id)
	if asked, _ := os.ReadFile(dir + "/asked"); string(asked) != "pull -- registry.example/a@sha256:0\n" {
		t.Errorf("asked for %q", asked)
	}
	l.ok(l.Docker.Unkeep(ctx, l.Spec.Project.Name, id))
}
