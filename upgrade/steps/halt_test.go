package steps

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const writers = `
services:
  a: {image: IMAGE, command: [sleep], restart: always}
  b: {image: IMAGE, command: [sleep], restart: unless-stopped, depends_on: [a]}
  loop: {image: IMAGE, command: [crash], restart: always}
  once: {image: IMAGE, command: [exit, "0"]}
`

// One that crashes in a loop was not stopped, and not started again.
func TestHaltAndBack(t *testing.T) {
	l := onEngine(t, writers)
	before := policiesOf(l)
	s := &halt{l.Host}
	saved := captureOf(l, "halt", s)
	l.ok(s.Undo(t.Context(), saved)) // nothing was done
	for _, part := range []bool{true, false} {
		if part { // only one was stopped
			l.ok(l.Docker.Stop(t.Context(), 0, l.one("b").ID))
		} else if _, err := s.Do(t.Context(), saved); err != nil {
			t.Fatal(err)
		} else if now := l.state(); strings.Contains(now, " running ") || strings.Contains(now, "restarting") || strings.Contains(now, "always") || strings.Contains(now, "unless-stopped") {
			t.Fatalf("halted, but\n%s", now)
		}
		for range 2 {
			l.ok(s.Undo(t.Context(), saved))
			if got := policiesOf(l); !slices.Equal(got, before) {
				t.Errorf("afterwards %q, want %q", got, before)
			}
			if c := l.one("loop"); !alive(c) && c.State != "exited" || c.Policy.Name != "always" {
				t.Errorf("loop: %s, %s", c.State, c.Policy)
			}
		}
	}
}

// policiesOf is what must be the same again: containers, images, policies; for those
// that stay in one state that too.
func policiesOf(l *lab) []string {
	l.Helper()
	var out []string
	for line := range strings.Lines(l.state()) {
		f := strings.Fields(line)
		if strings.Contains(f[0], "loop") {
			f[2] = "any"
		}
		out = append(out, strings.Join(f, " "))
	}
	return out
}

func TestHaltRefusesOneOffs(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	l.do("run", "--detach", "--no-deps", "a", "sleep")
	err := (&halt{l.Host}).Check(t.Context())
	var r *Refusal
	if !errors.As(err, &r) || !strings.Contains(r.Reason, "one-off") {
		t.Errorf("error %v", err)
	}
}

// A compose that was killed while it made a container anew leaves two of one service;
// the old one went on, and the next plain `up` found both.
func TestBackFromHalfRecreated(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep], restart: always}}")
	s := &halt{l.Host}
	saved := done(l, "halt", s)
	old := l.one("a")
	l.temporary(old)
	before := strings.Count(l.state(), "\n")
	for range 2 {
		l.ok(s.Undo(t.Context(), saved))
	}
	if now := l.state(); before != 1 || strings.Count(now, "\n") != 0 || !strings.Contains(now, old.ID[:12]+" running always") {
		t.Errorf("from %d more to\n%s", before, now)
	}
	l.nothingPending()
	// The same with the old one gone already.
	saved = done(l, "halt", s)
	l.temporary(old)
	l.ok(l.Docker.Remove(t.Context(), old.ID))
	l.ok(s.Undo(t.Context(), saved))
	if now := l.state(); !strings.Contains(now, "-a-1 ") || !strings.Contains(now, " running always") {
		t.Errorf("without the old one:\n%s", now)
	}
	l.nothingPending()
}
