package steps

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade/docker"
)

// redisImage imports an image of the lab under a name that the catalog has for Redis.
func (l *lab) redisImage(tag, version string) string {
	l.Helper()
	ref := l.Spec.Project.Name + "/redis/redis-stack-server:" + tag
	l.importImage(ref, "ENV REDIS="+version, "ENV SAVED=ok")
	return ref
}

// withRedis adds a service to the stack that the catalog takes for a Redis.
func (l *lab) withRedis(ref string, words string) {
	l.Helper()
	l.write("services:\n  a: {image: IMAGE, command: [sleep]}\n  cache: {image: \"" + ref + "\", command: [" + words + "], restart: always}\n")
	l.do("up", "--detach", "--pull", "never", "--no-build")
}

// The volumes are copied after the halt: a Redis that was killed while it saved left files
// of before.
func TestHaltOfRedis(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	l.withRedis(l.redisImage("1", "7.4.1"), "sleep")
	s := &halt{l.Host}
	saved, err := carryOut(l, "halt", s)
	l.ok(err)
	for _, w := range saved.Containers {
		if redis := w.Service == "cache"; w.Saves != redis || (time.Duration(w.Grace) == 5*time.Minute) != redis {
			t.Errorf("%s: %+v", w.Service, w)
		}
	}
	l.ok(s.Undo(t.Context(), saved))
	// A program of Go that does not listen ends with 2 when it is process 1.
	l.withRedis(l.one("cache").ImageRef, `serve, ":80", x`)
	saved, err = carryOut(l, "halt", s)
	var e *UnsavedError
	if !errors.As(err, &e) || e.Service != "cache" || e.Exit == 0 || e.Hint() == "" {
		t.Fatalf("error %v", err)
	}
	l.ok(s.Undo(t.Context(), saved))
	if c := l.one("cache"); !c.Running() || c.Policy.Name != "always" {
		t.Errorf("cache is %s, %s", c.State, c.Policy)
	}
	// One that nobody expected to run is not held against the run.
	for i := range saved.Containers {
		saved.Containers[i].Unwell = true
	}
	if _, err := s.Do(t.Context(), saved); err != nil {
		t.Error(err)
	}
	l.ok(s.Undo(t.Context(), saved))
}

func TestUnsaved(t *testing.T) {
	for want, e := range map[string]*UnsavedError{
		"service cache did not save its data when it was stopped: it was killed after its time to end was over":     {Service: "cache", Exit: 137},
		"service cache did not save its data when it was stopped: it was killed for want of memory":                 {Service: "cache", Exit: 137, OOM: true},
		"service cache did not save its data when it was stopped: it ended with exit status 143, and not by itself": {Service: "cache", Exit: 143},
	} {
		if e.Error() != want {
			t.Errorf("%q, want %q", e, want)
		}
	}
}

func TestByGrace(t *testing.T) {
	cfg := &docker.Config{Services: map[string]docker.Service{
		"web":   {Image: "nginx:1"},
		"n8n":   {Image: "n8nio/n8n:2.4.0"},
		"redis": {Image: "redis:7-alpine", Args: []string{"redis-server", "--appendonly", "yes"}},
		"slow":  {Image: "valkey/valkey:8", StopGrace: 10 * time.Minute},
	}}
	got := byGrace(cfg, []string{"web", "n8n", "redis", "slow"})
	want := []graced{{5 * time.Minute, []string{"redis"}}, {45 * time.Second, []string{"n8n"}}, {0, []string{"web", "slow"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if args := strings.Join(got[0].timeout(), " "); args != "--timeout 300" || len(got[2].timeout()) > 0 {
		t.Errorf("%q, %q", args, got[2].timeout())
	}
}

// A tag that floats says nothing of the way down: an older Redis was started on the files
// of a newer one, after the halt, and did not come up.
func TestOlderRedis(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	old := l.redisImage("latest", "7.4.1")
	l.withRedis(old, "sleep")
	id := l.one("cache").Image
	s := &baselineLive{l.Host}
	for name, tt := range map[string]struct {
		version string
		change  func(*lab)
		refused string
		unknown bool
	}{
		"older":             {"7.2.4", func(*lab) {}, "Redis 7.4.1, which saves in RDB format 12 when it stops", false},
		"a patch":           {"7.4.0", func(*lab) {}, "", false},
		"newer":             {"8.6.0", func(*lab) {}, "", false},
		"no version":        {"next", func(*lab) {}, "", true},
		"older, accepted":   {"7.2.4", func(l *lab) { l.Spec.Options.AcceptUnhealthy = []string{"cache"} }, "", false},
		"back":              {"7.2.4", func(l *lab) { l.Spec.Kind = Rollback }, "", false},
		"back without data": {"7.2.4", func(l *lab) { l.Spec.Kind, l.Spec.Options.KeepData = Rollback, true }, "Redis 7.4.1, which saves in RDB format 12 when it stops", false},
	} {
		l.Spec.Kind, l.Spec.Options = Upgrade, Options{}
		now := l.redisImage("latest", tt.version) // the local tag is another image now
		img, _, err := l.Docker.Image(t.Context(), now)
		l.ok(err)
		l.Spec.Changes = []Change{{Service: "cache", Old: old, OldID: id, New: now, Local: true}}
		l.j.result["pull"] = []byte(`{"tags": [{"ref": "` + now + `", "id": "` + img.ID + `"}]}`)
		tt.change(l)
		unknown, refused := s.readable(t.Context())
		err = errors.Join(refused...)
		var r *Refusal
		if errors.As(err, &r) != (tt.refused != "") || r != nil && (r.Found != tt.refused || r.Needed != "Redis 7.4 or newer") {
			t.Errorf("%s: %v", name, err)
		}
		if (len(unknown) == 1 && unknown[0].Unasked != "") != tt.unknown {
			t.Errorf("%s: %+v", name, unknown)
		}
	}
	if left, err := l.Docker.Leftovers(context.Background(), l.Spec.Run); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// A Redis whose saves fail has files older than what it knows, however well it ends.
func TestPreflightOfRedis(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	ref := l.redisImage("1", "7.4.1")
	l.withRedis(ref, "sleep")
	s := &preflight{l.Host}
	l.ok(s.atRest(t.Context()))
	l.importImage(ref, "ENV REDIS=7.4.1", "ENV SAVED=err")
	l.do("up", "--detach", "--pull", "never", "--no-build")
	var r *Refusal
	if err := s.atRest(t.Context()); !errors.As(err, &r) || r.Found != "INFO persistence: rdb_last_bgsave_status:err" || !strings.Contains(r.Next, "--accept-unhealthy cache") {
		t.Errorf("error %v", err)
	}
	l.Spec.Options.AcceptUnhealthy = []string{"cache"}
	l.ok(s.atRest(t.Context()))
}
