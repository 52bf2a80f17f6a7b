package steps

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/belaystack/belay/upgrade/docker"
)

// published gives the lab a registry of its own with images of prog, by tag, and the
// repository there. Nothing of them is on the engine.
func (l *lab) published(tags ...string) string {
	l.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	l.Cleanup(s.Close)
	repository := strings.TrimPrefix(s.URL, "http://") + "/" + l.Spec.Project.Name
	for _, tag := range tags {
		ref := repository + ":" + tag
		id := l.importImage(ref, "LABEL v="+tag)
		l.engine("push", "-q", ref)
		l.engine("image", "rm", "-f", id)
	}
	return repository
}

func (l *lab) engine(args ...string) string {
	l.Helper()
	out, err := l.Docker.Do(l.Context(), docker.Command{Args: args})
	l.ok(err)
	return strings.TrimSpace(string(out))
}

// A moved tag that was pulled left its image behind without a name when the upgrade was
// rolled back: gigabytes each time.
func TestPulledAndTakenBack(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	ctx := t.Context()
	ref := l.published("1", "2") + ":1"
	l.engine("pull", "-q", ref)
	old, _, err := l.Docker.Image(ctx, ref)
	l.ok(err)
	other := strings.TrimSuffix(ref, "1") + "2"
	l.write(strings.ReplaceAll("services: {a: {image: IMAGE, command: [sleep]}}", "IMAGE", ref))
	l.do("up", "--detach")
	l.Spec.Changes = []Change{{Service: "a", Old: ref, OldID: old.ID, New: ref}}
	s := &pull{l.Host}
	held := had{}
	for _, mine := range []bool{true, false} { // or it was here before
		l.engine("pull", "-q", other)
		next, _, err := l.Docker.Image(ctx, other)
		l.ok(err)
		if next.ID == old.ID {
			t.Fatal("one image under both tags")
		}
		l.engine("tag", other, ref)
		l.engine("push", "-q", ref) // the tag moves
		l.engine("tag", old.ID, ref)
		l.engine("image", "rm", other)
		if !mine {
			l.engine("pull", "-q", ref)
			l.engine("tag", old.ID, ref)
		}
		held = done(l, "pull", s)
		l.means(ref, old.ID)
		if _, ok, err := l.Docker.Image(ctx, next.ID); err != nil || !ok {
			t.Fatalf("the new image was not pulled: %v", err)
		}
		for range 2 {
			l.ok(s.Undo(ctx, held))
		}
		if _, ok, err := l.Docker.Image(ctx, next.ID); err != nil || ok == mine {
			t.Errorf("pulled by the run: %v; afterwards it is there: %v, %v", mine, ok, err)
		}
		l.means(ref, old.ID)
	}
	// What a person prunes after that is pulled by its digest.
	l.ok((&halt{l.Host}).Check(ctx))
	done(l, "keep-images", &keepImages{l.Host})
	halted := done(l, "halt", &halt{l.Host})
	l.pruned(old.ID)
	l.ok((&halt{l.Host}).Undo(ctx, halted))
	l.means(ref, old.ID)
	l.ok(l.Docker.Unkeep(ctx, l.Spec.Project.Name, old.ID))
}
