package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/release/github/githubtest"
	"github.com/belaystack/belay/release/markdown"
)

// handbook gives a workspace in which the example stack takes every bump at
// once, and the GitHub with the notes that the corpus holds: Dify 1.13.3 and
// 1.15.0 without what lies between, n8n's changelog, nothing of the daemon.
func handbook(t *testing.T) (*githubtest.Server, string) {
	notes := filepath.Join("..", "..", "..", "shared", "corpus", "notes")
	if _, err := os.Stat(notes); err != nil {
		t.Skip("no corpus of release notes beside the checkout")
	}
	s := newGitHub(t)
	s.AddRepo("langgenius/dify")
	for tag, date := range map[string]time.Time{"1.13.3": day("2026-03-25"), "1.15.0": day("2026-06-25")} {
		s.AddRelease("langgenius/dify", githubtest.Release{Tag: tag, Name: "v" + tag, Published: date, Body: read(t, filepath.Join(notes, "dify", tag+".md"))})
	}
	s.AddRepo("langgenius/dify-plugin-daemon")
	s.AddRepo("n8n-io/n8n")
	s.AddFiles("n8n-io/n8n", "n8n@1.99.0", map[string][]byte{
		"CHANGELOG.md":                     []byte(read(t, filepath.Join(notes, "n8n", "CHANGELOG.md.1.99.0"))),
		"packages/cli/BREAKING-CHANGES.md": []byte(read(t, filepath.Join(notes, "n8n", "BREAKING-CHANGES.md.n8n-master-2025-06-19"))),
	})
	ws, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	stack := filepath.Join("..", "..", "testdata", "stacks", "n8n-dify")
	for dir, tags := range map[string][]string{
		"base":  {"n8nio/n8n:2.41.3", "n8nio/n8n:1.90.0"},
		"stack": {"n8nio/n8n:2.41.3", "n8nio/n8n:1.99.0", ":1.13.3\n", ":1.15.0\n", "0.5.3-local", "0.6.3-local", "pgvector:pg16", "pgvector:pg17"},
	} {
		if err := os.CopyFS(filepath.Join(ws, dir), os.DirFS(stack)); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(ws, dir, "docker-compose.yml")
		head, body, _ := strings.Cut(read(t, name), "\nname: ") // the record block says what ran before
		if err := os.WriteFile(name, []byte(strings.ReplaceAll(head, "2.41.3", "1.90.0")+"\nname: "+strings.NewReplacer(tags...).Replace(body)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return s, ws
}

func day(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return d
}

// TestHandbook is the pull request that the handbook of the first users tells
// of: everything is bumped at once.
func TestHandbook(t *testing.T) {
	s, ws := handbook(t)
	run := pullRun{server: s, workspace: ws, inputs: map[string]string{"path": "stack", "base": filepath.Join(ws, "base")}, temp: t.TempDir()}
	res := run.do(t)
	cold := len(s.Requests())
	if res.code != exitFindings || res.outputs["comment"] != commentPosted || res.outputs["risk"] != "high" {
		t.Errorf("exit code %d, outputs %v\n%s%s", res.code, res.outputs, res.stdout, res.stderr)
	}
	if len(s.Comments()) != 1 {
		t.Fatalf("%d comments", len(s.Comments()))
	}
	comment := s.Comments()[0].Body
	if out := os.Getenv("BELAY_TEST_COMMENT"); out != "" {
		os.WriteFile(out, []byte(comment), 0o644)
	}
	check(t, `High risk
PostgreSQL major
1.14.0: the repository has no release of this name
1.14.1: the repository has no release of this name
1.14.2: the repository has no release of this name
0.6.3: the repository has no release of this name
0.6.0: the repository has no release of this name
flask backfill-plugin-auto-upgrade
CVE-2026-41948
27 migrations
review-required
pgvector
iti-postgres
ALTER EXTENSION vector UPDATE
1.98.0`, comment, true)
	check(t, `1.100.0
example-n8n-encryption-key
n8n-2.0-
<b>n8n&#64;&#8203;1.90.0</b>`, comment, false)
	if n := markdown.Length(comment); n > 65536 {
		t.Errorf("%d characters", n)
	}
	s.Forget()
	again := run.do(t)
	warm := s.Requests()
	perRepo := map[string]int{}
	for _, r := range warm {
		perRepo[strings.Join(strings.SplitN(strings.TrimPrefix(r.Path, "/repos/"), "/", 3)[:min(2, strings.Count(r.Path, "/"))], "/")]++
	}
	if again.outputs["comment"] != commentUnchanged {
		t.Errorf("the second run: %v\n%s", again.outputs, again.stderr)
	}
	for repo, n := range perRepo {
		if n > 3 {
			t.Errorf("%d requests for %s with a warm cache", n, repo)
		}
	}
	t.Logf("%d characters, %d requests cold, %d warm", markdown.Length(comment), cold, len(warm))
	for _, r := range warm {
		t.Log(r.Method, r.Path, r.Status)
	}
}
