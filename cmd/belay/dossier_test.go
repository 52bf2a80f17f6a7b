package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/belaystack/belay/release/github/githubtest"
)

const headSHA = "2222222222222222222222222222222222222222"

// pullRun is a run of the Action on pull request 7 of acme/stack.
type pullRun struct {
	server    *githubtest.Server
	workspace string
	inputs    map[string]string
	token     string
	event     string // the event's payload; "" for that of the pull request
	kind      string
	temp      string
}

// result of a run.
type runResult struct {
	code           int
	stdout, stderr string
	outputs        map[string]string
	summary        string
	report         []byte
}

// newGitHub is a GitHub with the pull request and the tokens of its workflow runs.
func newGitHub(t *testing.T) *githubtest.Server {
	t.Helper()
	s := githubtest.New(t)
	if path := githubtest.FindContract(); path != "" {
		doc, err := githubtest.LoadContract(path)
		if err != nil {
			t.Fatal(err)
		}
		s.UseContract(doc)
	}
	s.AddRepo("acme/stack")
	s.AddRepo("fork/stack")
	s.AddToken("ghs_write", "github-actions[bot]", githubtest.Rights{Write: true, Workflow: true})
	s.AddToken("ghs_read", "github-actions[bot]", githubtest.Rights{Workflow: true})
	s.AddPull("acme/stack", githubtest.Pull{Number: 7, Author: "renovate[bot]", HeadRepo: "acme/stack", HeadBranch: "renovate/all", HeadSHA: headSHA,
		Base: "main", BaseSHA: baseSHA})
	return s
}

// do runs the Action in this process.
func (p pullRun) do(t *testing.T) runResult {
	t.Helper()
	temp := p.temp
	if temp == "" {
		temp = t.TempDir()
	}
	payload := p.event
	if payload == "" {
		p.kind = "pull_request"
		payload = fmt.Sprintf(`{"pull_request":{"number":7,"base":{"sha":%q},"head":{"sha":%q}}}`, baseSHA, headSHA)
	}
	files := map[string]string{"event.json": payload, "output": "", "summary": ""}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(temp, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	token := p.token
	if token == "" {
		token = "ghs_write"
	}
	env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": p.workspace, "GITHUB_REPOSITORY": "acme/stack",
		"GITHUB_API_URL": p.server.URL, "GITHUB_GRAPHQL_URL": p.server.URL + "/graphql", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": "42",
		"GITHUB_EVENT_NAME": p.kind, "GITHUB_EVENT_PATH": filepath.Join(temp, "event.json"),
		"GITHUB_OUTPUT": filepath.Join(temp, "output"), "GITHUB_STEP_SUMMARY": filepath.Join(temp, "summary"), "RUNNER_TEMP": temp,
		"INPUT_TOKEN": token, "INPUT_UPSTREAM-API": p.server.URL}
	for name, value := range p.inputs {
		env[inputVariable(name)] = value
	}
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), nil, strings.NewReader(""), &stdout, &stderr, func(name string) string { return env[name] })
	res := runResult{code: code, stdout: stdout.String(), stderr: stderr.String(), outputs: map[string]string{}}
	res.summary = read(t, filepath.Join(temp, "summary"))
	lines := strings.Split(read(t, filepath.Join(temp, "output")), "\n")
	for i := 0; i+2 < len(lines); i += 3 {
		name, _, _ := strings.Cut(lines[i], "<<")
		res.outputs[name] = lines[i+1]
	}
	if name := res.outputs["report"]; name != "" {
		res.report = []byte(read(t, filepath.Join(temp, name)))
	}
	return res
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// unpack lays an archive out in a folder.
func unpack(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestDossier runs the Action on each change below testdata/dossier, from base/
// to head/, against a GitHub with what upstream.json describes. Every line of
// `must` stands in the comment, no line of `must-not` does, and the whole is
// comment.md; without one there is no comment. UPDATE=1 writes comment.md anew,
// never the others: those were written first, from what is known of the releases.
func TestDossier(t *testing.T) {
	cases, err := filepath.Glob("testdata/dossier/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir := unpack(t, a)
			s := newGitHub(t)
			if err := s.Load(filepath.Join(dir, "github")); err != nil {
				t.Fatal(err)
			}
			res := pullRun{server: s, workspace: dir, inputs: map[string]string{"path": "head", "base": filepath.Join(dir, "base")}}.do(t)
			if res.code > exitFindings || strings.Contains(res.stderr, "belay: error") {
				t.Fatalf("exit code %d\n%s%s", res.code, res.stdout, res.stderr)
			}
			comment := ""
			for i, c := range s.Comments() {
				if i > 0 {
					t.Errorf("a comment more: %s", c.Body)
				}
				_, comment, _ = strings.Cut(c.Body, "\n") // the marker
			}
			check(t, archived(a, "must"), comment, true)
			check(t, archived(a, "must-not"), comment, false)
			if os.Getenv("UPDATE") != "" {
				a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == "comment.md" })
				if comment != "" {
					a.Files = append(a.Files, txtar.File{Name: "comment.md", Data: []byte(comment + "\n")})
				}
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.TrimSpace(archived(a, "comment.md")), strings.TrimSpace(comment)); diff != "" {
				t.Errorf("comment (-want +got):\n%s", diff)
			}
		})
	}
}

func archived(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func check(t *testing.T, lines, text string, want bool) {
	t.Helper()
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line != "" && strings.Contains(text, line) != want {
			t.Errorf("in the comment %v, want %v: %s", !want, want, line)
		}
	}
}

var _ = json.Valid
var _ = maps.Keys[map[string]string]
