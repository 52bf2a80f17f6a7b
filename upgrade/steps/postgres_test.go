package steps

import (
	"cmp"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/belaystack/belay/upgrade/docker"
)

// serverImage is that of the servers that the tests start.
func serverImage() string {
	return cmp.Or(os.Getenv("BELAY_TEST_POSTGRES_IMAGE"), "pgvector/pgvector:pg17")
}

// changedImage is the server's image with something else in its files.
func (l *lab) changedImage(tag, script string) string {
	l.Helper()
	name := l.Spec.Project.Name + "-" + tag
	defer func() {
		_, _ = l.Docker.Do(context.Background(), docker.Command{Args: []string{"rm", "-f", "-v", name}})
	}()
	_, err := l.Docker.Do(l.Context(), docker.Command{Args: []string{"run", "--name", name, "--network", "none", "--entrypoint", "sh", serverImage(), "-euc", script}})
	l.ok(err)
	ref := l.Spec.Project.Name + "/pgvector:" + tag
	_, err = l.Docker.Do(l.Context(), docker.Command{Args: []string{"commit", "--change", "LABEL belay.test=" + l.Spec.Project.Name, name, ref}})
	l.ok(err)
	return ref
}

// serving waits for the server of an empty folder by TCP: the one with which the entry point
// fills the folder answers on the socket alone, and is stopped again.
func (l *lab) serving(service string) {
	l.Helper()
	l.do("exec", "-T", service, "sh", "-c", "for i in $(seq 300); do pg_isready -q -h 127.0.0.1 -U postgres && exit; sleep 0.2; done; exit 1")
}

// The tag of an image says nothing of what it brings: one of another major version, or
// without an extension, was started on the data after the halt, and did not come up, or
// failed when somebody asked.
func TestTakesOver(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	l.write("services:\n  db: {image: \"" + serverImage() + "\", environment: {POSTGRES_PASSWORD: canary, POSTGRES_DB: shop}}\n")
	l.do("up", "--detach", "--pull", "never", "--no-build")
	l.Spec.Config.Deadline = Duration(saidTimeout)
	l.serving("db")
	l.do("exec", "-T", "db", "psql", "-U", "postgres", "-d", "shop", "-c", "CREATE EXTENSION IF NOT EXISTS vector")
	const control = "/usr/share/postgresql/17/extension/vector.control"
	s := &baselineLive{l.Host}
	for tag, tt := range map[string]struct {
		script  string
		refused string
		back    string // what a rollback is refused for
		unknown string
	}{
		"same":    {"true", "", "", ""},
		"major":   {`at=$(readlink -f "$(command -v postgres)"); printf '#!/bin/sh\necho "postgres (PostgreSQL) 18.1"\n' >"$at"`, "data of PostgreSQL 17", "data of PostgreSQL 17", ""},
		"musl":    {"touch /lib/ld-musl-x86_64.so.1", "glibc", "", ""},
		"without": {"rm " + control, "vector 0.8", "", ""},
		"older":   {"sed -i \"s/^default_version.*/default_version = '0.1.0'/\" " + control, "vector 0.8", "", ""},
		"silent":  {`rm "$(readlink -f "$(command -v postgres)")"`, "", "", "the new image does not say what it has"},
	} {
		ref := l.changedImage(tag, tt.script)
		img, _, err := l.Docker.Image(t.Context(), ref)
		l.ok(err)
		l.Spec.Changes = []Change{{Service: "db", Old: serverImage(), OldID: l.one("db").Image, New: ref, Local: true}}
		l.j.result["pull"] = []byte(`{"tags": [{"ref": "` + ref + `", "id": "` + img.ID + `"}]}`)
		for kind, want := range map[Kind]string{Upgrade: tt.refused, Rollback: tt.back} {
			l.Spec.Kind = kind
			unknown, refused := s.takesOver(t.Context())
			var r *Refusal
			err = errors.Join(refused...)
			if errors.As(err, &r) != (want != "") || r != nil && (!strings.HasPrefix(r.Found, want) || !strings.HasPrefix(r.Reason, "service db: ") || r.Needed == "" || r.Next == "") {
				t.Errorf("%s, %s: %v", tag, kind, err)
			}
			if (len(unknown) == 1) != (tt.unknown != "") || tt.unknown != "" && !strings.Contains(unknown[0].Unasked, tt.unknown) {
				t.Errorf("%s, %s: %+v", tag, kind, unknown)
			}
		}
	}
	l.Spec.Kind = Upgrade
	facts, err := l.serverFacts(t.Context())
	l.ok(err)
	want := map[string]string{"version": "17.", "extensions": "vector 0.8", "collations": "as recorded"}
	for _, f := range facts {
		if f.App != "PostgreSQL" || f.Service != "db" || f.Unasked != "" || !strings.HasPrefix(f.Text, want[f.Name]) || want[f.Name] == "" {
			t.Errorf("%+v", f)
		}
	}
	if len(facts) != len(want) {
		t.Errorf("%d facts", len(facts))
	}
	if left, err := l.Docker.Leftovers(context.Background(), l.Spec.Run); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}
