package steps

import (
	"strings"
	"testing"

	"github.com/belaystack/belay/upgrade/docker"
)

// What drain stopped is started again where the run goes no further, as it was; where it
// does, halt knows how it was.
func TestDrainAndBack(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	dify := "langgenius/dify-api:" + strings.TrimSuffix(l.image, ":1")
	l.importImage(dify)
	t.Cleanup(func() { _, _ = l.Docker.Do(l.Context(), docker.Command{Args: []string{"rmi", "-f", dify}}) })
	l.write(strings.ReplaceAll(`services:
  api: {image: 'DIFY', command: [sleep], restart: always, environment: {MODE: api}}
  beat: {image: 'DIFY', command: [sleep], restart: always, environment: {MODE: beat}}
  worker: {image: 'DIFY', command: [sleep], restart: always, environment: {MODE: worker}}
`, "DIFY", dify))
	l.do("up", "--detach", "--pull", "never", "--no-build", "--remove-orphans")
	api, beat := l.one("api"), l.one("beat")
	stands := func(when, state, policy string) {
		t.Helper()
		now := l.one("beat")
		if now.ID != beat.ID || now.State != state || now.Policy.Name != policy {
			t.Errorf("%s beat is %s %s with the policy %s, want %s %s with %s", when, now.ID[:12], now.State, now.Policy, beat.ID[:12], state, policy)
		}
		if now := l.one("api"); when != "halted" && (now.ID != api.ID || !now.StartedAt.Equal(api.StartedAt)) {
			t.Errorf("%s api was touched", when)
		}
	}
	s := &drain{l.Host}
	captured := captureOf(l, "drain", s)
	l.ok(s.Undo(t.Context(), captured)) // killed before it did anything
	stands("captured", "running", "always")
	if now := l.one("beat"); !now.StartedAt.Equal(beat.StartedAt) {
		t.Error("beat was started again for nothing")
	}
	captured = done(l, "drain", s)
	stands("drained", "exited", "no")
	for range 2 {
		l.ok(s.Undo(t.Context(), captured))
		stands("undone", "running", "always")
	}

	captured = done(l, "drain", s)
	stop := &halt{l.Host}
	halted := done(l, "halt", stop)
	for _, w := range halted.Containers {
		if !w.Running || w.Policy.Name != "always" {
			t.Errorf("halt takes %s for running=%t with the policy %s", w.Service, w.Running, w.Policy)
		}
	}
	l.ok(s.Undo(t.Context(), captured)) // halt is to be undone first
	stands("halted", "exited", "no")
	l.ok(stop.Undo(t.Context(), halted))
	if now := l.one("beat"); now.State != "running" || now.Policy.Name != "always" {
		t.Errorf("halt undone: beat is %s with the policy %s", now.State, now.Policy)
	}
}
