package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const (
	pgStack = "name: a\nservices:\n  db:\n    image: postgres:%s\n    volumes: ['data:/var/lib/postgresql/data']\n    healthcheck: {test: [CMD, pg_isready]}\nvolumes: {data: {}}\n"
	jump    = "image-major-jump"
)

func pg(tag string) string { return strings.Replace(pgStack, "%s", tag, 1) }

// TestChangeLoosensNothing: ways in which a pull request once turned off the
// comparison with what runs, while the database goes from 15 to 17.
func TestChangeLoosensNothing(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not here, which makes the checkout")
	}
	for _, tt := range []struct {
		name       string
		base, head map[string]string
		untracked  map[string]string
		want       []string
	}{
		{"another compose file by belay.yml", map[string]string{"compose.yaml": pg("15.2")},
			map[string]string{"stack.yaml": pg("17.2"), "belay.yml": "version: 1\nstacks: [{name: main, path: ., files: [stack.yaml]}]\n"}, nil, []string{jump}},
		{"another compose file by .env", map[string]string{"compose.yaml": pg("15.2")},
			map[string]string{"stack.yaml": pg("17.2"), ".env": "COMPOSE_FILE=stack.yaml\n"}, nil, []string{jump, "env-file-added"}},
		{"the tag in an env file that comes along", map[string]string{"compose.yaml": pg("${PG_TAG:-15.2}")},
			map[string]string{".env": "PG_TAG=17.2\n"}, nil, []string{jump, "env-file-added"}},
		{"another env file by belay.yml", map[string]string{"compose.yaml": pg("${PG_TAG:?}"), "prod.env": "PG_TAG=15.2\n", "belay.yml": "version: 1\nstacks: [{name: a, path: ., env-file: prod.env}]\n"},
			map[string]string{"prod2.env": "PG_TAG=17.2\n", "belay.yml": "version: 1\nstacks: [{name: a, path: ., env-file: prod2.env}]\n"}, nil, []string{jump}},
		{"a profile that comes along", map[string]string{"compose.yaml": pg("15.2")},
			map[string]string{"compose.yaml": strings.Replace(pg("17.2"), "    image", "    profiles: [db]\n    image", 1)}, nil, []string{"error: PostgreSQL goes from 15.2 to 17.2"}},
		{"a profile of which nobody knows", map[string]string{"compose.yaml": strings.Replace(pg("15.2"), "    image", "    profiles: [db]\n    image", 1)},
			map[string]string{"compose.yaml": strings.Replace(pg("17.2"), "    image", "    profiles: [db]\n    image", 1)}, nil, []string{"error: PostgreSQL goes from 15.2 to 17.2"}},
		{"names that change places", map[string]string{"dev/compose.yaml": stackOf("dev", "7.2"), "prod/compose.yaml": stackOf("prod", "7.2"),
			"belay.yml": "version: 1\nstacks: [{name: dev, path: dev, environment: dev}, {name: prod, path: prod}]\n"},
			map[string]string{"prod/compose.yaml": stackOf("prod", "latest"), "belay.yml": "version: 1\nstacks: [{name: other, path: dev}, {name: dev, path: prod}]\n"}, nil, []string{"image-tag-floating"}},
		// What is on the host alone is the same for both: no finding of it.
		{"an env file that is not tracked", map[string]string{"compose.yaml": pg("${PG_TAG:-15.2}"), ".gitignore": ".env\n"},
			map[string]string{"README": "x"}, map[string]string{".env": "PG_TAG=17.2\n"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			git := func(args ...string) {
				cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
				cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("git %v: %v\n%s", args, err, out)
				}
			}
			git("init", "-q", "-b", "main")
			put(t, dir, tt.base)
			git("add", "-A")
			git("commit", "-qm", "base")
			git("tag", "base")
			put(t, dir, tt.head)
			git("add", "-A")
			git("commit", "-qm", "head")
			put(t, dir, tt.untracked)
			var out bytes.Buffer
			env := map[string]string{"RUNNER_TEMP": t.TempDir()}
			code := run(t.Context(), []string{"check", "--offline", "--base", "base", dir}, nil, &out, &out, func(k string) string { return env[k] })
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %s; exit code %d\n%s", want, code, out.String())
				}
			}
			if tt.want == nil && code != exitOK {
				t.Errorf("exit code %d\n%s", code, out.String())
			}
		})
	}
}
