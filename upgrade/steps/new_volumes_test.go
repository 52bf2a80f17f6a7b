package steps

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// failing gives the lab a docker command that fails once on commands that begin with
// these words.
func (l *lab) failing(words string) {
	l.Helper()
	dir := l.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in\n'" + words + "'*) if [ ! -e " + dir + "/failed ]; then : >" + dir + "/failed; echo disturbed >&2; exit 1; fi;;\nesac\nexec docker \"$@\"\n"
	l.ok(os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o755))
	l.Docker.Docker = filepath.Join(dir, "docker")
	l.Cleanup(func() { l.Docker.Docker = "" })
}

const withAnonymous = `
services:
  a: {image: IMAGE, command: [sleep], volumes: [/own]}
  b: {image: IMAGE, command: [sleep], volumes: [/anon, "made:/made"]}
volumes: {made: {}}
`

// An undo of launch that was killed when the containers were gone, and their volumes
// were not, left the volumes for good.
func TestUndoOfLaunchThatWasKilled(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	ctx := t.Context()
	stop, start := &halt{l.Host}, &launch{l.Host}
	halted := done(l, "halt", stop)
	old, err := os.ReadFile(l.Spec.Project.Files[0])
	l.ok(err)
	l.write(withAnonymous)
	launched := done(l, "launch", start)
	var made []string
	for _, s := range []string{"a", "b"} {
		for _, m := range l.one(s).Mounts {
			made = append(made, m.Name)
		}
	}
	l.failing("volume rm")
	if err := start.Undo(ctx, launched); err == nil || !strings.Contains(err.Error(), "disturbed") {
		t.Fatalf("the undo was not disturbed: %v", err)
	}
	l.ok(os.WriteFile(l.Spec.Project.Files[0], old, 0o644))
	for range 2 {
		l.ok(start.Undo(ctx, launched))
		l.ok(stop.Undo(ctx, halted))
	}
	left, err := l.Docker.Volumes(ctx, made...)
	l.ok(err)
	if len(made) != 3 || len(left) > 0 {
		t.Errorf("of %d volumes these are left: %v", len(made), sortedKeys(left))
	}
}
