package compose

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/belaystack/belay/lint/source"
)

// load writes the txtar archive to a folder and loads the stack at its top. A
// line "-> target" as a file's only content makes a symlink.
func load(t *testing.T, archive string) *Stack {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		p := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(string(f.Data), "-> "); ok {
			err = os.Symlink(strings.TrimSpace(target), p)
		} else {
			err = os.WriteFile(p, f.Data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := source.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	s, err := Load(t.Context(), Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// describe says where a value is edited, where it is used, what it is and how
// it came there.
func describe(v Value) string {
	out := fmt.Sprintf("%s used %s %q", v.Span, v.Use, v.Shown)
	for _, via := range v.Via {
		out += fmt.Sprintf(" %s(%s)", [...]string{"", "env", "default", "merge", "extends"}[via.Kind], via.Name)
	}
	return out
}

func TestImageOrigin(t *testing.T) {
	tests := []struct{ name, files, want, text string }{
		{"literal", "-- compose.yaml --\nservices:\n  a:\n    image: redis:7\n",
			`compose.yaml:3:12 used compose.yaml:3:12 "redis:7"`, "redis:7"},
		{"quoted, behind an anchor and a tag", "-- compose.yaml --\nservices:\n  a:\n    image: &i !!str \"redis:7\"\n",
			`compose.yaml:3:22 used compose.yaml:3:22 "redis:7"`, "redis:7"},
		{"env file", "-- .env --\n# pins\nV=1.13.3\n-- compose.yaml --\nservices:\n  a:\n    image: x/api:${V:-latest}\n",
			`.env:2:1 used compose.yaml:3:12 "x/api:${V}" env(V)`, "x/api:1.13.3"},
		{"default", "-- compose.yaml --\nservices:\n  a:\n    image: x/api:${V:-latest}\n",
			`compose.yaml:3:23 used compose.yaml:3:12 "x/api:latest" default(V)`, "x/api:latest"},
		{"empty counts as unset for :-", "-- .env --\nV=\n-- compose.yaml --\nservices:\n  a:\n    image: x/api:${V:-latest}\n",
			`compose.yaml:3:23 used compose.yaml:3:12 "x/api:latest" default(V)`, "x/api:latest"},
		{"and not for -", "-- .env --\nV=\n-- compose.yaml --\nservices:\n  a:\n    image: x/api:1${V-latest}\n",
			`.env:1:1 used compose.yaml:3:12 "x/api:1" env(V)`, "x/api:1"},
		{"nested default", "-- .env --\nB=9\n-- compose.yaml --\nservices:\n  a:\n    image: x/api:${A:-${B:-latest}}\n",
			`.env:1:1 used compose.yaml:3:12 "x/api:${B}" default(A) env(B)`, "x/api:9"},
		{"alternative", "-- .env --\nB=9\n-- compose.yaml --\nservices:\n  a:\n    image: x/api:${B:+edge}\n",
			`compose.yaml:3:23 used compose.yaml:3:12 "x/api:edge"`, "x/api:edge"},
		{"the tag is literal, the registry is not", "-- compose.yaml --\nservices:\n  a:\n    image: ${R:-docker.io}/redis:7\n",
			`compose.yaml:3:27 used compose.yaml:3:12 "docker.io/redis:7"`, "docker.io/redis:7"},
		{"the whole reference", "-- .env --\nIMG=redis:7\n-- compose.yaml --\nservices:\n  a:\n    image: $IMG\n",
			`.env:1:1 used compose.yaml:3:12 "${IMG}" env(IMG)`, "redis:7"},
		{"merge key", "-- compose.yaml --\nx-b: &b\n  image: redis:7\nservices:\n  a:\n    <<: *b\n",
			`compose.yaml:2:10 used compose.yaml:2:10 "redis:7" merge(b)`, "redis:7"},
		{"list of merge keys: the first holds", "-- compose.yaml --\nx-b: &b {image: redis:7}\nx-c: &c {image: redis:8}\nservices:\n  a:\n    <<: [*b, *c]\n",
			`compose.yaml:1:17 used compose.yaml:1:17 "redis:7" merge(b)`, "redis:7"},
		{"extends in the file", "-- compose.yaml --\nservices:\n  b:\n    image: redis:7\n  a:\n    extends: b\n",
			`compose.yaml:3:12 used compose.yaml:3:12 "redis:7" extends(b)`, "redis:7"},
		{"extends another file", "-- sub/base.yaml --\nservices:\n  b:\n    image: redis:${V:-7}\n-- compose.yaml --\nservices:\n  a:\n    extends: {file: sub/base.yaml, service: b}\n",
			`sub/base.yaml:3:23 used sub/base.yaml:3:12 "redis:7" extends(b) default(V)`, "redis:7"},
		{"override file", "-- compose.override.yaml --\nservices:\n  a:\n    image: redis:8\n-- compose.yaml --\nservices:\n  a:\n    image: redis:7\n",
			`compose.override.yaml:3:12 used compose.override.yaml:3:12 "redis:8"`, "redis:8"},
		{"included, with an env file of its own", "-- sub/compose.yaml --\nservices:\n  a:\n    image: redis:$V\n-- sub/.env --\nV=7\n-- compose.yaml --\ninclude: [sub/compose.yaml]\nservices: {}\n",
			`sub/.env:1:1 used sub/compose.yaml:3:12 "redis:${V}" env(V)`, "redis:7"},
		{"COMPOSE_FILE", "-- .env --\nCOMPOSE_FILE=one.yaml:two.yaml\n-- one.yaml --\nservices: {a: {image: redis:7}}\n-- two.yaml --\nservices: {a: {image: redis:8}}\n",
			`two.yaml:1:23 used two.yaml:1:23 "redis:8"`, "redis:8"},
		{"CJK before it, columns are characters", "-- compose.yaml --\nservices: {a: {labels: {名: 值}, image: redis:7}}\n",
			`compose.yaml:1:39 used compose.yaml:1:39 "redis:7"`, "redis:7"},
		{"CRLF and BOM", "-- compose.yaml --\n\ufeffservices:\r\n  a:\r\n    image: redis:7\r\n",
			`compose.yaml:3:12 used compose.yaml:3:12 "redis:7"`, "redis:7"},
		{"a line break that only YAML knows", "-- compose.yaml --\n# one\u2028# two\nservices:\n  a:\n    image: redis:7\n",
			`compose.yaml:4:12 used compose.yaml:4:12 "redis:7"`, "redis:7"},
		{"dollar signs", "-- .env --\nV=1\n-- compose.yaml --\nservices:\n  a:\n    image: \"redis:a$$V\"\n",
			`compose.yaml:3:13 used compose.yaml:3:13 "redis:a$V"`, "redis:a$V"},
		{"the project's name, when an env file gives it", "-- .env --\nN=secret\n-- compose.yaml --\nname: ${N}\nservices:\n  a:\n    image: ${COMPOSE_PROJECT_NAME}/api:1\n",
			`compose.yaml:4:35 used compose.yaml:4:12 "${COMPOSE_PROJECT_NAME}/api:1"`, "secret/api:1"},
		{"the project's name", "-- compose.yaml --\nname: shop\nservices:\n  a:\n    image: ${COMPOSE_PROJECT_NAME}/api:1\n",
			`compose.yaml:4:35 used compose.yaml:4:12 "shop/api:1"`, "shop/api:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := load(t, tt.files)
			if len(s.Problems) > 0 {
				t.Fatalf("problems: %+v", s.Problems)
			}
			a := s.Services[len(s.Services)-1]
			if got := describe(a.Image); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
			if got := a.Image.Reveal(); got != tt.text {
				t.Errorf("text %q, want %q", got, tt.text)
			}
		})
	}
}

// TestReset: what an override resets is not what the files below it write.
func TestReset(t *testing.T) {
	s := load(t, "-- compose.override.yaml --\nservices:\n  a:\n    image: !reset null\n    build: .\n-- compose.yaml --\nservices:\n  a:\n    image: redis:7\n")
	if len(s.Problems) > 0 || !s.Services[0].Image.IsZero() {
		t.Errorf("image %+v, problems %+v", s.Services[0].Image, s.Problems)
	}
}

func TestProblems(t *testing.T) {
	tests := []struct{ name, files, want string }{
		{"tab", "-- compose.yaml --\nservices:\n\ta:\n", "compose.yaml:2:1: not YAML: a tab in the indentation"},
		{"duplicate key", "-- compose.yaml --\nservices:\n  a: {image: x}\n  a: {image: y}\n", `compose.yaml:3:3: key "a" is already set at line 2`},
		{"not a mapping", "-- compose.yaml --\n- a\n", "compose.yaml:1:1: a compose file is a mapping"},
		{"NUL", "-- compose.yaml --\nname: a\x00b\n", "compose.yaml:1:8: a NUL byte: a binary file"},
		{"not UTF-8", "-- compose.yaml --\nname: \xff\n", "compose.yaml:1:7: not UTF-8"},
		{"alias bomb", "-- compose.yaml --\nx-a: &a [x,x,x,x,x,x,x,x,x]\n" + bomb() + "services: {}\n", "aliases expand to more than"},
		{"alias in itself", "-- compose.yaml --\nx-a: &a\n  b: *a\nservices: {}\n", "compose.yaml:2:6: an alias that contains itself"},
		{"include in a circle", "-- compose.yaml --\ninclude: [other.yaml]\n-- other.yaml --\ninclude: [compose.yaml]\n", "include cycle detected"},
		{"extends in a circle", "-- compose.yaml --\nservices:\n  a: {extends: b}\n  b: {extends: a}\n", "Circular reference"},
		{"missing include", "-- compose.yaml --\ninclude:\n  - no.yaml\nservices: {a: {image: x}}\n", "compose.yaml:2:5: no.yaml: no such file"},
		{"include outside", "-- compose.yaml --\ninclude:\n  - ../../etc/passwd\nservices: {a: {image: x}}\n", "compose.yaml:2:5: ../../etc/passwd: outside the repository"},
		{"include of a symlink that leads outside", "-- out.yaml --\n-> /etc/passwd\n-- compose.yaml --\ninclude: [out.yaml]\nservices: {a: {image: x}}\n", "compose.yaml:1:11: out.yaml: the symlink leads outside"},
		{"extends through a symlink", "-- out.yaml --\n-> /etc/passwd\n-- compose.yaml --\nservices:\n  a:\n    extends: {file: out.yaml, service: b}\n", "compose.yaml:3:21: out.yaml: the symlink leads outside"},
		{"env file is a symlink to the process", "-- .env --\n-> /proc/self/environ\n-- compose.yaml --\nservices: {a: {image: \"x:$PATH\"}}\n", ".env:1:1: the symlink leads outside"},
		{"an included folder's .env leads outside", "-- sub/.env --\n-> /proc/self/environ\n-- sub/compose.yaml --\nservices: {a: {image: x}}\n-- compose.yaml --\ninclude: [sub/compose.yaml]\n", "sub/.env: the symlink leads outside"},
		{"remote include", "-- compose.yaml --\ninclude:\n  - https://example.com/compose.yaml\nservices: {a: {image: x}}\n", "compose.yaml:2:5: a remote file"},
		{"invalid interpolation", "-- compose.yaml --\nservices:\n  a:\n    image: x:${\n", "compose.yaml:3:12: not a valid interpolation"},
		{"schema", "-- compose.yaml --\nservices:\n  a:\n    image: x\n    prots: [80]\n", "compose.yaml:4:5: docker compose refuses the stack: there is no key services.a.prots here"},
		{"a date where text is wanted", "-- compose.yaml --\nservices:\n  a:\n    image: x\n    hostname: 2001-12-14\n", "compose.yaml:4:5: docker compose refuses the stack: decoding"},
		{"undefined dependency", "-- compose.yaml --\nservices:\n  a:\n    image: x\n    depends_on: [b]\n", `service "a" depends on undefined service "b"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := load(t, tt.files)
			var got []string
			for _, p := range s.Problems {
				got = append(got, p.Span.String()+": "+p.Msg)
			}
			if !strings.Contains(strings.Join(got, "\n"), tt.want) {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
		})
	}
}

func bomb() string {
	var out strings.Builder
	for c := 'b'; c < 'k'; c++ {
		fmt.Fprintf(&out, "x-%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ","))
	}
	return out.String()
}

// TestRestIsStillChecked: docker compose would stop at the missing variable.
func TestRestIsStillChecked(t *testing.T) {
	s := load(t, "-- compose.yaml --\nservices:\n  a:\n    image: x:${V:?set V}\n  b:\n    image: redis:7\n")
	if len(s.Services) != 2 || s.Service("b").Image.Reveal() != "redis:7" {
		t.Fatalf("services %+v, problems %+v", s.Services, s.Problems)
	}
	v := s.Vars[0]
	if v.Name != "V" || v.Op != ":?" || v.Set || v.Error != "set V" || v.Span.String() != "compose.yaml:3:14" || v.Service != "a" {
		t.Errorf("variable %+v", v)
	}
}

// TestBounded: files that include each other twice, or services in many
// documents that extend each other, double with every step.
func TestBounded(t *testing.T) {
	var includes, extends strings.Builder
	for i := range 40 {
		fmt.Fprintf(&includes, "-- %s --\ninclude: [f%d.yaml, f%d.yaml]\n", map[bool]string{true: "compose.yaml", false: fmt.Sprintf("f%d.yaml", i)}[i == 0], i+1, i+1)
	}
	includes.WriteString("-- f40.yaml --\nservices: {a: {image: x}}\n")
	extends.WriteString("-- compose.yaml --\n")
	for range 10 {
		extends.WriteString("services:\n")
		for i := range 30 {
			fmt.Fprintf(&extends, "  s%d: {extends: s%d}\n", i, i+1)
		}
		extends.WriteString("  s30: {image: x}\n---\n")
	}
	for _, files := range []string{includes.String(), extends.String()} {
		s := load(t, files)
		if len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Msg, "more than") {
			t.Errorf("problems: %+v", s.Problems)
		}
	}
}

// TestErrorsHoldNoValue: compose-go quotes the text it refuses.
func TestErrorsHoldNoValue(t *testing.T) {
	const canary = "-canary-0b5e-"
	for _, value := range []string{canary, "./a:/b:" + canary, "80-" + canary + ":90", `'` + canary + `"\` + canary + `'`, "q0b5e"} {
		errorsHoldNo(t, value)
	}
}

func errorsHoldNo(t *testing.T, value string) {
	for _, line := range []string{"container_name: ${C}", "ports: [\"${C}\"]", "volumes: [\":${C}\"]", "cpus: ${C}", "mem_limit: ${C}",
		"restart: ${C}", "depends_on: [\"${C}\"]", "networks: [\"${C}\"]", "healthcheck: {interval: \"${C}\"}", "extends: ${C}", "env_file: ${C}",
		"image: x:${C:?${C}}", "extends: {file: \"${C}.yaml\", service: b}", "pull_policy: ${C}", "network_mode: service:${C}", "stop_grace_period: ${C}"} {
		s := load(t, "-- .env --\nC="+value+"\n-- compose.yaml --\nname: ${C}\nservices:\n  a:\n    image: x\n    "+line+"\n")
		for _, p := range s.Problems {
			if strings.Contains(p.Msg+p.Hint+p.Span.String(), "0b5e") {
				t.Errorf("%s: %s", line, p.Msg)
			}
		}
	}
}

func TestServiceEnv(t *testing.T) {
	s := load(t, `-- .env --
KEY=from-env
PASS=secret
-- one.env --
A=1
B=one
-- two.env --
B=two
-- compose.yaml --
x-env: &env
  SHARED: ${KEY}
services:
  a:
    image: x
    env_file: [one.env, two.env]
    environment:
      <<: *env
      A: own
      PASS:
      LITERAL: ${NO:-fallback}
  b:
    image: x
    environment:
      - A=list
      - KEY
`)
	if len(s.Problems) > 0 {
		t.Fatal(s.Problems)
	}
	for _, tt := range []struct{ svc, key, want, text string }{
		{"a", "SHARED", `.env:1:1 used compose.yaml:2:11 "${KEY}" merge(env) env(KEY)`, "from-env"},
		{"a", "A", `compose.yaml:9:10 used compose.yaml:9:10 "own"`, "own"},
		{"a", "PASS", `.env:2:1 used compose.yaml:10:7 "${PASS}" env(PASS)`, "secret"},
		{"a", "LITERAL", `compose.yaml:11:22 used compose.yaml:11:16 "fallback" default(NO)`, "fallback"},
		{"a", "B", `two.env:1:1 used two.env:1:1 "${B}" env(B)`, "two"},
		{"b", "A", `compose.yaml:15:9 used compose.yaml:15:9 "list"`, "list"},
		{"b", "KEY", `.env:1:1 used compose.yaml:16:9 "${KEY}" env(KEY)`, "from-env"},
	} {
		v, ok := s.Service(tt.svc).Env(tt.key)
		if got := describe(v); !ok || got != tt.want || v.Reveal() != tt.text {
			t.Errorf("%s %s: %v\n got %s\nwant %s", tt.svc, tt.key, ok, got, tt.want)
		}
	}
	if got := strings.Join(s.Service("a").EnvKeys(), " "); got != "A B LITERAL PASS SHARED" {
		t.Errorf("keys of a: %s", got)
	}
	if _, ok := s.Service("b").Env("NONE"); ok {
		t.Error("a variable that nothing sets")
	}
}

func TestSwap(t *testing.T) {
	tests := []struct{ name, files, want string }{
		{"literal", "-- compose.yaml --\nservices:\n  a:\n    image: 'redis:7'\n", "compose.yaml:3:19 7→8"},
		{"with a digest", "-- compose.yaml --\nservices:\n  a:\n    image: redis:7@sha256:" + strings.Repeat("a", 64) + "\n", "compose.yaml:3:18 7→8"},
		{"default", "-- compose.yaml --\nservices:\n  a:\n    image: redis:${V:-7}\n", "compose.yaml:3:23 7→8"},
		{"env file", "-- .env --\nV=\"7\"\n-- compose.yaml --\nservices:\n  a:\n    image: redis:${V}\n", ".env:1:4 7→8 secret"},
		{"not to the letter", "-- compose.yaml --\nservices:\n  a:\n    image: redis:${V:-$W}7\n", "compose.yaml:3:26 7→8"},
		{"part of a longer tag", "-- .env --\nV=17\n-- compose.yaml --\nservices:\n  a:\n    image: redis:${V}\n", "none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, ok := load(t, tt.files).Services[0].Image.Swap("7", "8")
			got := "none"
			if ok {
				got = fmt.Sprintf("%s %s→%s", e.Pos, e.Old, e.New)
				if e.Secret {
					got += " secret"
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestAppend(t *testing.T) {
	tests := []struct{ name, files, want string }{
		{"literal", "-- compose.yaml --\nservices:\n  a:\n    image: redis # here\n", "compose.yaml:3:17"},
		{"quoted", "-- compose.yaml --\nservices:\n  a:\n    image: 'redis'\n", "compose.yaml:3:18"},
		{"env file, quoted", "-- .env --\nI=\"redis\"\n-- compose.yaml --\nservices:\n  a:\n    image: $I\n", ".env:1:9"},
		{"default", "-- compose.yaml --\nservices:\n  a:\n    image: ${I:-redis}\n", "compose.yaml:3:22"},
		{"not to the letter", "-- compose.yaml --\nservices:\n  a:\n    image: \"red\\x69s\"\n", "none"},
	}
	for _, tt := range tests {
		e, ok := load(t, tt.files).Services[0].Image.Append(":7")
		got := "none"
		if ok {
			got = e.Pos.String()
		}
		if got != tt.want || ok && (e.Old != "" || e.New != ":7") {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestDiscover(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"compose.yaml", "b/docker-compose.yml", "b/compose.yaml", "a/x/docker-compose.yaml", "node_modules/m/compose.yaml", ".git/compose.yaml", "c/other.yaml", ".devcontainer/compose.yml"} {
		p := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(p), 0o755)
		os.WriteFile(p, []byte("services: {}\n"), 0o644)
	}
	root, err := source.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	got, err := Discover(root, ".")
	if want := ". a/x b .devcontainer"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}
