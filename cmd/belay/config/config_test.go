package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
)

func ruleIDs() []string {
	return []string{"image-tag-floating", "image-tag-missing", "group-tag-mismatch"}
}

// open makes a root with a belay.yml and the files that the tests speak of.
func open(t testing.TB, text string) *source.Root {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"belay.yml": text, "docker/compose.yaml": "", "docker/prod.yaml": "", ".env": "KEY: canary-4711\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"linked.yml": ".env", "out.yml": "/etc/hostname", "away": "/etc"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := source.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func TestLoad(t *testing.T) {
	root := open(t, `# yaml-language-server: $schema=x
version: 1
environment: dev
fail-on: warning
stacks:
  - name: main
    path: docker/
    files: [compose.yaml, ./prod.yaml]
    env-file: ../.env
    profiles: [postgresql]
    environment: prod
    examples: ["envs/**/*.env.example", ../.env.example]
  - name: root
policy:
  images:
    - match: ghost/*
    - {match: [redis, valkey/valkey], dev: exact, prod: digest, digest: true, review: true}
  groups:
    - name: n8n
      images: [n8nio/n8n]
  protected: [MY_KEY]
rules:
  image-tag-floating: off
  group-tag-mismatch: "note"
review-label: read
baseline: ./docs/../baseline.json
`)
	got, err := Load(root, "belay.yml", ruleIDs())
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Version: 1, Environment: lint.Dev, FailOn: "warning", Path: "belay.yml",
		Stacks: []Stack{
			{Name: "main", Dir: "docker", Files: Texts{"docker/compose.yaml", "docker/prod.yaml"}, EnvFiles: Texts{".env"}, Profiles: Texts{"postgresql"},
				Environment: lint.Prod, Examples: Texts{"docker/envs/**/*.env.example", ".env.example"}, At: source.Pos{File: "belay.yml", Line: 6, Col: 11, Offset: 97}},
			{Name: "root", Dir: ".", At: source.Pos{File: "belay.yml", Line: 13, Col: 11, Offset: 295}},
		},
		Policy: Policy{
			Images:    []Image{{Match: Texts{"ghost/*"}}, {Match: Texts{"redis", "valkey/valkey"}, Dev: "exact", Prod: "digest", Digest: true, Review: true}},
			Groups:    []Group{{Name: "n8n", Images: Texts{"n8nio/n8n"}}},
			Protected: []string{"MY_KEY"},
		},
		Rules:       map[string]lint.Severity{"image-tag-floating": lint.Off, "group-tag-mismatch": lint.Note},
		ReviewLabel: "read", Before: Baseline{Findings: "./docs/../baseline.json"}, Baseline: "baseline.json",
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(source.Pos{}, "Offset")); d != "" {
		t.Error(d)
	}
	if env, said := got.EnvironmentOf(got.Stacks[1]); env != lint.Dev || !said {
		t.Errorf("a stack takes the file's environment: got %v, %v", env, said)
	}
	if env, said := Default().EnvironmentOf(Stack{}); env != lint.Prod || said {
		t.Errorf("without a word: got %v, %v; want prod, false", env, said)
	}
}

func TestLintPolicy(t *testing.T) {
	builtIn := &lint.Policy{
		Images: []lint.ImagePolicy{{Match: []string{"**"}, Prod: image.Major}},
		Groups: []lint.Group{{Name: "n8n", Images: []string{"a"}}, {Name: "dify", Images: []string{"b"}}},
		Rules:  map[string]lint.Severity{"x": lint.Note}, ReviewLabel: "built-in", Protected: []string{"SECRET_KEY"},
	}
	c := Default()
	c.Policy = Policy{Images: []Image{{Match: Texts{"ghost/*"}}, {Match: Texts{"redis"}, Dev: "exact", Prod: "digest"}}, Groups: []Group{{Name: "n8n", Images: Texts{"c"}}}, Protected: []string{"MY_KEY"}}
	c.Rules = map[string]lint.Severity{"x": lint.Error, "y": lint.Off}
	want := &lint.Policy{
		Images: []lint.ImagePolicy{
			{Match: []string{"ghost/*"}, Dev: image.Floating, Prod: image.Major},
			{Match: []string{"redis"}, Dev: image.Exact, Prod: image.Digest},
			{Match: []string{"**"}, Prod: image.Major},
		},
		Groups: []lint.Group{{Name: "n8n", Images: []string{"c"}}, {Name: "dify", Images: []string{"b"}}},
		Rules:  map[string]lint.Severity{"x": lint.Error, "y": lint.Off}, ReviewLabel: "built-in", Protected: []string{"SECRET_KEY", "MY_KEY"},
	}
	if d := cmp.Diff(want, c.LintPolicy(builtIn), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	if len(builtIn.Images) != 1 || len(builtIn.Protected) != 1 || builtIn.Rules["x"] != lint.Note {
		t.Error("the built-in policy was changed")
	}
}

func TestFailOn(t *testing.T) {
	for name, want := range map[string][3]bool{"error": {false, false, true}, "warning": {false, true, true}, "note": {true, true, true}, "never": {}} {
		f, err := ParseFailOn(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]bool{f.Fails(lint.Note), f.Fails(lint.Warning), f.Fails(lint.Error)}; got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if none := FailOn(""); none.Fails(lint.Warning) || !none.Fails(lint.Error) {
		t.Error("without a word, an error fails and a warning does not")
	}
	if _, err := ParseFailOn("off"); err == nil {
		t.Error("off is no threshold")
	}
}

func TestAbsent(t *testing.T) {
	root := open(t, "")
	if err := os.Remove(root.Abs("belay.yml")); err != nil {
		t.Fatal(err)
	}
	got, err := Load(root, "./belay.yml", nil)
	if d := cmp.Diff(Default(), got); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	if _, err := Load(root, "other.yml", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("other.yml: %v", err)
	}
}

// An env file is not read as a belay.yml under any name: its values would
// stand in the errors.
func TestEnvFileIsNotRead(t *testing.T) {
	root := open(t, "version: 1\n")
	for _, name := range []string{".env", "linked.yml", "out.yml", "docker"} {
		_, err := Load(root, name, nil)
		if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "KEY") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
