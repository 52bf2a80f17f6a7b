package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/github/githubtest"
)

// TestCommentStale: a run that was started again used to overwrite what the
// run on a newer commit had said.
func TestCommentStale(t *testing.T) {
	s := newGitHub(t)
	ws, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "base")
	put(t, dir, map[string]string{"compose.yaml": stackOf("a", oldDigest)})
	put(t, ws, map[string]string{"compose.yaml": stackOf("a", newDigest)})
	run := pullRun{server: s, workspace: ws, inputs: map[string]string{"base": dir}}
	s.AddPull("acme/stack", githubtest.Pull{Number: 7, HeadRepo: "acme/stack", HeadBranch: "b", HeadSHA: strings.Repeat("4", 40), Base: "main", BaseSHA: baseSHA})
	res := run.do(t)
	if res.code != exitOK || res.outputs["comment"] != commentStale || len(s.Comments()) != 0 || !strings.Contains(res.stderr, "the pull request has moved on to another commit") {
		t.Errorf("exit code %d, %v, %d comments\n%s%s", res.code, res.outputs, len(s.Comments()), res.stdout, res.stderr)
	}
}

// TestPublishMost: a fork that made up a new id on each push used to get one
// comment more each time.
func TestPublishMost(t *testing.T) {
	s, name, second := forkRun(t)
	for i := range maxComments + 1 {
		var doc map[string]any
		if err := json.Unmarshal([]byte(read(t, name)), &doc); err != nil {
			t.Fatal(err)
		}
		doc["dossiers"].([]any)[0].(map[string]any)["id"] = fmt.Sprintf("%016x", i)
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Dir(name), map[string]string{filepath.Base(name): string(data)})
		res := second.do(t)
		want := map[bool]int{true: exitOK, false: exitCouldNot}[i < maxComments]
		if res.code != want || len(s.Comments()) != min(i+1, maxComments) {
			t.Fatalf("run %d: exit code %d, want %d; %d comments\n%s", i, res.code, want, len(s.Comments()), res.stderr)
		}
		if want == exitCouldNot && !strings.Contains(res.stderr, "20 comments of ours are there and 1 would be new; 20 is the most") {
			t.Error(res.stderr)
		}
	}
}

// TestPublishLink: a link on the way to the report used to be followed, and
// could lead to any file of the runner.
func TestPublishLink(t *testing.T) {
	s, name, second := forkRun(t)
	dir := filepath.Join(t.TempDir(), "artifact")
	put(t, dir, map[string]string{"x": "x"})
	for _, link := range [][2]string{{name, filepath.Join(dir, "report.json")}, {filepath.Dir(name), filepath.Join(dir, "sub")}} {
		if err := os.Symlink(link[0], link[1]); err != nil {
			t.Fatal(err)
		}
	}
	for path, says := range map[string]string{
		filepath.Join(dir, "report.json"):        "no such file",
		filepath.Join(dir, "sub", "report.json"): "a link is on the way to it",
		dir:                                      "no such file",
	} {
		second.inputs["publish"] = path
		if res := second.do(t); res.code != exitUsage || !strings.Contains(res.stderr, says) || len(s.Comments()) != 0 {
			t.Errorf("%s: exit code %d, %d comments\n%s", path, res.code, len(s.Comments()), res.stderr)
		}
	}
}

// TestCommentCache: a cache in the checkout used to be taken for one of ours,
// although the pull request brings it along; and one that others can write to
// was believed without a word.
func TestCommentCache(t *testing.T) {
	s := newGitHub(t)
	ws, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir, out := filepath.Join(t.TempDir(), "base"), t.TempDir()
	put(t, dir, map[string]string{"compose.yaml": stackOf("a", "7.2.4-alpine")})
	put(t, ws, map[string]string{"compose.yaml": stackOf("a", "7.2.5-alpine"), "cache/x": "x"})
	open := filepath.Join(out, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{filepath.Join(ws, "away"): open, filepath.Join(out, "in"): ws} {
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		cache string
		code  int
		says  string
	}{
		{filepath.Join(ws, "cache"), exitUsage, "name a folder outside of the checkout"},
		{filepath.Join(ws, "not", "there"), exitUsage, "it lies in the checkout"},
		{ws, exitUsage, "it lies in the checkout"},
		{filepath.Join(ws, "away"), exitUsage, "it lies in the checkout"}, // where it leads, the change says
		{filepath.Join(out, "in", "cache"), exitUsage, "it lies in the checkout"},
		{filepath.Join(out, "in", "not", "there"), exitUsage, "it lies in the checkout"},
		{filepath.Join(out, "cache"), exitOK, ""},
		{ws + "-beside", exitOK, ""},
		{open, exitOK, "notice: the cache " + open + " is not ours alone: not used"},
	} {
		res := pullRun{server: s, workspace: ws, inputs: map[string]string{"base": dir, "cache": tt.cache}}.do(t)
		if res.code != tt.code || !strings.Contains(res.stderr, tt.says) || (strings.Contains(res.stderr, "cache")) != (tt.says != "") {
			t.Errorf("%s: exit code %d, want %d\n%s", tt.cache, res.code, tt.code, res.stderr)
		}
	}

	// On a person's machine: the root that is looked at, and the working directory's checkout.
	a := &app{getenv: func(string) string { return "" }}
	root, err := source.OpenRoot(ws)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f := &flags{network: network{cache: filepath.Join(ws, "cache")}}
	if _, err := a.dossiers(t.Context(), f, &repository{root: root}, &report.Result{}); err == nil || !strings.Contains(err.Error(), "checkout") {
		t.Errorf("below the root: %v", err)
	}
	t.Chdir(ws)
	f.network.cache = "cache"
	if err := a.cacheOutside(f.network.cache, a.here()); err != nil {
		t.Errorf("in a folder that is no checkout: %v", err)
	}
	put(t, ws, map[string]string{".git/HEAD": "x"})
	if _, err := a.client(f); err == nil || !strings.Contains(err.Error(), "checkout") {
		t.Errorf("in a checkout: %v", err)
	}
}

// TestCommentPlainAddress: the token used to go over http:// to wherever
// GITHUB_API_URL said.
func TestCommentPlainAddress(t *testing.T) {
	env := pullRequest(t, "redis:7-alpine", "redis:7.2-alpine")
	delete(env, "INPUT_OFFLINE")
	maps.Copy(env, map[string]string{"GITHUB_API_URL": "http://ghe.example/api/v3"})
	var out bytes.Buffer
	code := run(t.Context(), nil, nil, &out, &out, func(k string) string { return env[k] })
	if code != exitUsage || !strings.Contains(out.String(), "there is a token to send to it") || !strings.Contains(out.String(), "hint: give the address with https://") {
		t.Errorf("exit code %d\n%s", code, &out)
	}
}

// TestSuggestionsEnv: a repair in an env file used to be offered where the
// value at hand was no secret; GitHub shows the whole line to everybody.
func TestSuggestionsEnv(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	names := []string{".env", ".env.production", "prod.env", "docker/settings", "shared/web.conf", "notes.txt"}
	files := map[string]string{"docker/compose.yaml": "services:\n  web:\n    image: example/web:1.0.0\n    env_file: [../shared/web.conf]\n"}
	for _, name := range names {
		files[name] = "A=1\n"
	}
	put(t, dir, files)
	root, err := source.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	stack, err := compose.Load(t.Context(), compose.Options{Root: root, Name: "docker", Dir: "docker", EnvFiles: []string{"docker/settings"}})
	if err != nil {
		t.Fatal(err)
	}
	r := &repository{root: root, stacks: []*subject{{stack: stack}}}
	res := &report.Result{}
	for _, name := range names {
		at := source.Pos{File: name, Line: 1, Col: 3, Offset: 2}
		res.Findings = append(res.Findings, lint.Finding{Rule: "image-tag", Span: source.Span{Pos: at}, Message: "m",
			Edits: []source.Edit{{Pos: at, Old: "1", New: "2"}}})
	}
	var got []string
	for _, s := range suggestions(r, res) {
		got = append(got, s.Path)
	}
	if strings.Join(got, " ") != "notes.txt" {
		t.Errorf("suggestions for %v, want notes.txt alone", got)
	}
}
