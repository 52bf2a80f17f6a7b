package steps

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade"
)

// Commands that ran in a container had the status -1, whatever theirs was.
func TestCommandsOfTheUser(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	second := Duration(time.Second)
	l.Docker.Env = append(l.Docker.Env, "ONLY_HERE=given-value", "ANOTHER=x")
	given := []string{"ONLY_HERE", "ANOTHER"}
	for _, c := range []struct {
		cmd   Command
		exit  int
		text  string
		error string
	}{
		{Command{Name: "host", Run: []string{"sh", "-c", "pwd; echo $BELAY_PROJECT canary >&2; exit 3"}}, 3, l.dir + "/stack\n" + l.Spec.Project.Name + " ***", ""},
		{Command{Name: "host gone", Run: []string{"/none"}}, -1, "", "no such file"},
		{Command{Name: "host late", Run: []string{"sleep", "60"}, Timeout: second}, -1, "", "longer than 1s"},
		{Command{Name: "service", Service: "a", Run: []string{"exit", "5", "canary"}}, 5, "[5 ***]", ""},
		{Command{Name: "service well", Service: "a", Run: []string{"ok", "/prog"}}, 0, "", ""},
		{Command{Name: "service late", Service: "a", Run: []string{"sleep"}, Timeout: second}, -1, "", "longer than 1s"},
		{Command{Name: "no service", Service: "b", Run: []string{"x"}}, -1, "", "no container of service b"},
		{Command{Name: "image", Image: l.image, Run: []string{"exit", "6", "canary"}}, 6, "[6 ***]", ""},
		{Command{Name: "image mount", Image: l.image, Mount: l.dir + "/stack", Run: []string{"ok", "compose.yml"}}, 0, "", ""},
		// Variables were named in belay.yml, and none reached a container.
		{Command{Name: "host env", Run: []string{"sh", "-c", "echo $ONLY_HERE"}}, 0, "given-value", ""},
		{Command{Name: "image env", Image: l.image, Env: given, Run: []string{"env", "ONLY_HERE"}}, 0, "***", ""},
		{Command{Name: "image other env", Image: l.image, Run: []string{"env", "ONLY_HERE"}}, 0, "", ""},
		{Command{Name: "service env", Service: "a", Env: given, Run: []string{"env", "ANOTHER"}}, 0, "x", ""},
		{Command{Name: "no env", Image: l.image, Env: []string{"NOT_SET"}, Run: []string{"x"}}, -1, "", "NOT_SET is not in the environment"},
		{Command{Name: "no image", Image: "none.invalid/none:1", Run: []string{"x"}}, -1, "", "docker pull none.invalid/none:1"},
		{Command{Name: "image late", Image: l.image, Run: []string{"stubborn"}, Timeout: second}, -1, "", "longer than 1s"},
	} {
		if c.cmd.Timeout == 0 {
			c.cmd.Timeout = Duration(time.Minute)
		}
		r := l.run(t.Context(), c.cmd)
		if r.Exit != c.exit || r.Output != c.text || !strings.Contains(r.Error, c.error) || c.error == "" && r.Error != "" || strings.Contains(r.Output+r.Error, "canary") {
			t.Errorf("%s: %+v", c.cmd.Name, r)
		}
	}
	if left, err := l.Docker.Leftovers(t.Context(), l.Spec.Run); err != nil || len(left) > 0 {
		t.Errorf("left over: %+v, %v", left, err)
	}
}

// The local tags stand for the old images outside of apply-files, whatever they stood
// for before: what runs counts.
func TestTagsAndBack(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	ctx := t.Context()
	old := l.one("a").Image
	moved := l.importImage(l.image, "LABEL v=2") // as after a `docker pull` without an up
	fresh := l.Spec.Project.Name + ":new"
	l.Spec.Changes = []Change{{Service: "a", Old: l.image, OldID: old, New: l.image, Local: true}}
	s := &pull{l.Host}
	saved, err := carryOut(l, "pull", s)
	l.ok(err)
	l.means(l.image, old)
	apply := &applyFiles{l.Host}
	applied := done(l, "apply-files", apply)
	l.means(l.image, moved)
	for range 2 {
		l.ok(apply.Undo(ctx, applied))
		l.ok(s.Undo(ctx, saved))
		l.means(l.image, old)
	}
	l.nothingPending()
	if _, err := carryOut(l, "pull", s); !errors.Is(err, upgrade.ErrNothing) {
		t.Errorf("nothing to do, but %v", err)
	}
	l.Spec.Changes[0].New = fresh
	saved = captureOf(l, "pull", s)
	l.importImage(fresh, "LABEL v=3")
	for range 2 {
		l.ok(s.Undo(ctx, saved))
		l.means(fresh, "")
	}
}

func (l *lab) means(ref, id string) {
	l.Helper()
	img, _, err := l.Docker.Image(l.Context(), ref)
	l.ok(err)
	if img.ID != id {
		l.Errorf("%s means %q, want %q", ref, img.ID, id)
	}
}

func TestKeepImages(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	s := &keepImages{l.Host}
	saved := done(l, "keep-images", s)
	kept, err := l.Docker.Kept(t.Context(), l.Spec.Project.Name)
	l.ok(err)
	if len(kept) != 1 || kept[0] != l.one("a").Image {
		t.Errorf("kept %q", kept)
	}
	for range 2 {
		l.ok(s.Undo(t.Context(), saved))
		if kept, err := l.Docker.Kept(t.Context(), l.Spec.Project.Name); err != nil || len(kept) != 0 {
			t.Errorf("afterwards %q, %v", kept, err)
		}
	}
}
