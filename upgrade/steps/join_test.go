package steps

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade/docker"
)

const joinedStack = `
services:
  a: {image: IMAGE, command: [serve, ":80", A], ports: ["127.0.0.1:%d:80"], ipc: shareable, restart: always}
  b: {image: IMAGE, command: [serve, ":81", B], network_mode: "service:a", restart: always}
  c: {image: IMAGE, command: [serve, ":82", C], network_mode: "container:%s-a-1", restart: always}
  d: {image: IMAGE, command: [sleep], ipc: "service:a", pid: "service:b"}
`

// A container that shares the network of another could not be started when that one had
// been made anew, or ran on in a network that was gone.
func TestJoinedContainers(t *testing.T) {
	port := freePort(t)
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	ctx := t.Context()
	file := fmt.Sprintf(joinedStack, port, l.Spec.Project.Name)
	l.write(file)
	l.do("up", "--detach", "--pull", "never", "a")
	l.do("up", "--detach", "--pull", "never")
	for _, p := range []struct{ service, port string }{{"a", "81"}, {"a", "82"}, {"b", "80"}, {"c", "81"}} {
		l.Spec.Config.Probes = append(l.Spec.Config.Probes, Probe{Name: p.service + p.port, Service: p.service, URL: "http://127.0.0.1:" + p.port, Timeout: Duration(time.Second)})
	}
	together := func(when string) {
		t.Helper()
		got, err := l.probe(ctx, 3*time.Second, nil)
		if err != nil || len(got) != 4 {
			t.Fatalf("%s: %v, %v", when, got, err)
		}
		for _, p := range got {
			if p.Error != "" {
				t.Errorf("%s: %+v", when, p)
			}
		}
		if d := l.one("d"); !d.Running() {
			t.Errorf("%s: d is %s", when, d.State)
		}
	}
	together("at first")
	old, err := os.ReadFile(l.Spec.Project.Files[0])
	l.ok(err)
	stop, start, out := &halt{l.Host}, &launch{l.Host}, &open{l.Host}
	halted := done(l, "halt", stop)
	l.importImage(l.image, "LABEL v=2") // all of them are made anew
	launched := done(l, "launch", start)
	together("launched")
	opened := done(l, "open", out)
	together("opened")
	if body, err := get(port); err != nil || body != "A" {
		t.Errorf("opened: %q, %v", body, err)
	}
	l.nothingPending()

	l.ok(out.Undo(ctx, opened))
	l.ok(start.Undo(ctx, launched))
	_, err = l.Docker.Do(ctx, docker.Command{Args: []string{"tag", halted.Containers[0].Image, l.image}})
	l.ok(err)
	l.ok(os.WriteFile(l.Spec.Project.Files[0], old, 0o644))
	for range 2 {
		l.ok(stop.Undo(ctx, halted))
		together("back")
	}
	l.nothingPending()

	// Only the one that the others join is gone.
	halted = done(l, "halt", stop)
	l.ok(l.Docker.Remove(ctx, l.one("a").ID))
	l.ok(stop.Undo(ctx, halted))
	together("without the first")
	l.nothingPending()
}
