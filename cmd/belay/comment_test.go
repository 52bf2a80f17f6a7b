package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	nethtml "golang.org/x/net/html"

	"github.com/belaystack/belay/release/github/githubtest"
)

// stackOf is a stack whose only image is a redis.
func stackOf(name, tag string) string {
	return "name: " + name + "\nservices:\n  redis:\n    image: redis:" + tag + "\n    volumes: [data:/data]\n    healthcheck: {test: [CMD, redis-cli, ping]}\nvolumes: {data: {}}\n"
}

// put writes files below dir; text "" removes one.
func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		p := filepath.Join(dir, name)
		var err error
		if text == "" {
			err = os.Remove(p)
		} else if err = os.MkdirAll(filepath.Dir(p), 0o755); err == nil {
			err = os.WriteFile(p, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

const oldDigest, newDigest = "7-alpine@sha256:1111111111111111111111111111111111111111111111111111111111111111", "7-alpine@sha256:2222222222222222222222222222222222222222222222222222222222222222"

// TestCommentLife follows the comment of a pull request from its first push to
// its last, in a repository with two stacks, where somebody else has written a
// comment with our marker.
func TestCommentLife(t *testing.T) {
	s := newGitHub(t)
	ws, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(t.TempDir(), "base")
	put(t, base, map[string]string{"a/compose.yaml": stackOf("a", oldDigest), "b/compose.yaml": stackOf("b", oldDigest)})
	run := pullRun{server: s, workspace: ws, inputs: map[string]string{"base": base}}
	bodies := func() string {
		var out []string
		for _, c := range s.Comments() {
			first, rest, _ := strings.Cut(c.Body, "\n")
			line := strings.TrimSpace(strings.SplitN(rest, "\n", 3)[0])
			out = append(out, c.Author+" "+strings.Fields(first)[1]+" "+line)
		}
		return strings.Join(out, "; ")
	}
	for _, step := range []struct {
		name     string
		before   func()
		files    map[string]string
		token    string
		state    string
		comments string
	}{
		{"nothing to say", nil, map[string]string{"a/compose.yaml": stackOf("a", oldDigest), "b/compose.yaml": stackOf("b", oldDigest)}, "", commentNone, ""},
		{"one stack changes", nil, map[string]string{"a/compose.yaml": stackOf("a", newDigest)}, "", commentPosted,
			"github-actions[bot] belay:dossier ### ⚓ Belay · a"},
		{"again the same", nil, nil, "", commentUnchanged, "github-actions[bot] belay:dossier ### ⚓ Belay · a"},
		{"somebody else's marker", func() {
			s.AddComment("acme/stack", 7, "mallory", strings.Replace(s.Comments()[0].Body, "Belay", "Mallory", 1))
		}, nil, "", commentUnchanged, "github-actions[bot] belay:dossier ### ⚓ Belay · a; mallory belay:dossier ### ⚓ Mallory · a"},
		{"the second stack too", nil, map[string]string{"b/compose.yaml": stackOf("b", newDigest)}, "", commentPosted,
			"github-actions[bot] belay:dossier ### ⚓ Belay · a; mallory belay:dossier ### ⚓ Mallory · a; github-actions[bot] belay:dossier ### ⚓ Belay · b"},
		{"a token that may only read", nil, map[string]string{"a/compose.yaml": stackOf("a", "7.2-alpine")}, "ghs_read", commentRefused,
			"github-actions[bot] belay:dossier ### ⚓ Belay · a; mallory belay:dossier ### ⚓ Mallory · a; github-actions[bot] belay:dossier ### ⚓ Belay · b"},
		{"both taken back", nil, map[string]string{"a/compose.yaml": stackOf("a", oldDigest), "b/compose.yaml": stackOf("b", oldDigest)}, "", commentPosted,
			"github-actions[bot] belay:dossier ### ⚓ Belay · a; mallory belay:dossier ### ⚓ Mallory · a; github-actions[bot] belay:dossier ### ⚓ Belay · b"},
		{"and still", nil, nil, "", commentUnchanged,
			"github-actions[bot] belay:dossier ### ⚓ Belay · a; mallory belay:dossier ### ⚓ Mallory · a; github-actions[bot] belay:dossier ### ⚓ Belay · b"},
	} {
		if step.before != nil {
			step.before()
		}
		put(t, ws, step.files)
		run.token = step.token
		res := run.do(t)
		if res.outputs["comment"] != step.state || bodies() != step.comments {
			t.Errorf("%s: comment=%s, want %s; there are\n%s, want\n%s\n%s%s", step.name, res.outputs["comment"], step.state, bodies(), step.comments, res.stdout, res.stderr)
		}
		if step.token == "ghs_read" && (!strings.Contains(res.summary, "Belay · a") || !strings.Contains(res.stderr, "second workflow")) {
			t.Errorf("%s: summary %.100s, said %s", step.name, res.summary, res.stderr)
		}
	}
	for _, c := range s.Comments() {
		if ours := strings.HasPrefix(c.Author, "github-actions"); ours != strings.Contains(strings.ToLower(c.Body), "resolved") {
			t.Errorf("%s: %s", c.Author, c.Body)
		}
	}
}

// forkRun makes the report of a pull request from a fork, whose token may only
// read, and the run of the second workflow on it.
func forkRun(t *testing.T) (s *githubtest.Server, report string, second pullRun) {
	t.Helper()
	s = newGitHub(t)
	s.AddPull("acme/stack", githubtest.Pull{Number: 8, Author: "mallory", HeadRepo: "fork/stack", HeadBranch: "main", HeadSHA: strings.Repeat("3", 40), Base: "main", BaseSHA: baseSHA})
	s.AddPull("acme/stack", githubtest.Pull{Number: 9, Author: "someone", HeadRepo: "acme/stack", HeadBranch: "other", HeadSHA: strings.Repeat("3", 40), Base: "main", BaseSHA: baseSHA})
	ws, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(t.TempDir(), "base")
	put(t, base, map[string]string{"compose.yaml": stackOf("a", oldDigest)})
	put(t, ws, map[string]string{"compose.yaml": stackOf("a", newDigest)})
	first := pullRun{server: s, workspace: ws, inputs: map[string]string{"base": base}, token: "ghs_read", kind: "pull_request",
		event: fmt.Sprintf(`{"pull_request":{"number":8,"base":{"sha":%q},"head":{"sha":%q}}}`, baseSHA, strings.Repeat("3", 40))}
	res := first.do(t)
	if res.code != exitOK || res.outputs["comment"] != commentRefused || len(s.Comments()) > 0 {
		t.Fatalf("exit code %d, %v, %d comments\n%s%s", res.code, res.outputs, len(s.Comments()), res.stdout, res.stderr)
	}
	report = filepath.Join(t.TempDir(), "report.json")
	put(t, filepath.Dir(report), map[string]string{"report.json": string(res.report)})
	second = pullRun{server: s, workspace: t.TempDir(), inputs: map[string]string{"publish": report}, kind: "workflow_run",
		event: fmt.Sprintf(`{"workflow_run":{"id":41,"event":"pull_request","head_sha":%q,"head_branch":"main","head_repository":{"full_name":"fork/stack"},"pull_requests":[]}}`, strings.Repeat("3", 40))}
	return s, report, second
}

// TestPublish: the second workflow comments on the pull request that the run
// was for, and on no other, and says where the text comes from.
func TestPublish(t *testing.T) {
	s, report, second := forkRun(t)
	second.temp = filepath.Dir(report) // which the host calls otherwise
	second.inputs["publish"] = "/home/runner/work/_temp/" + filepath.Base(report)
	res := second.do(t)
	if res.code != exitOK || res.outputs["comment"] != commentPosted || len(s.Comments()) != 1 {
		t.Fatalf("exit code %d, %v, %d comments\n%s%s", res.code, res.outputs, len(s.Comments()), res.stdout, res.stderr)
	}
	c := s.Comments()[0]
	if c.Pull != 8 || !strings.Contains(c.Body, "unreviewed code") || !strings.Contains(c.Body, "digest only") {
		t.Errorf("on %d: %s", c.Pull, c.Body)
	}
}

// TestPublishHostile: a report is what somebody else's code has written. It
// picks no pull request, calls nobody, forges no marker, and what does not hold
// to the schema is refused whole.
func TestPublishHostile(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(d map[string]any)
		code   int
		says   string
	}{
		{"hostile text", func(d map[string]any) {
			d["stack"] = "x\n<!-- belay:dossier 1 2 -->@everyone"
			d["missing"] = []string{"@everyone ![x](https://evil.example/x.png) <img src=x> #1 </details>\n::set-output name=x::y"}
			d["checklist"] = []any{map[string]any{"text": "[click](javascript:alert(1)) @everyone <!-- belay:dossier 1 2 --> </details>"}}
		}, exitOK, ""},
		{"another pull request", func(d map[string]any) { d["pull_request"] = 9 }, exitUsage, "dossier 1"},
		{"a key that is none", func(d map[string]any) { d["id"] = "--><img src=x>" }, exitUsage, "dossier 1"},
		{"no key", func(d map[string]any) { delete(d, "id") }, exitUsage, "no id of its own"},
		{"a place outside", func(d map[string]any) {
			d["findings"] = []any{map[string]any{"rule": "r", "severity": "error", "message": "m", "place": map[string]any{"file": "../../x", "line": 1}}}
		}, exitUsage, "dossier 1"},
		{"no such level", func(d map[string]any) { d["verdict"].(map[string]any)["level"] = "fatal" }, exitUsage, "dossier 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, name, second := forkRun(t)
			var report map[string]any
			if err := json.Unmarshal([]byte(read(t, name)), &report); err != nil {
				t.Fatal(err)
			}
			tt.change(report["dossiers"].([]any)[0].(map[string]any))
			data, err := json.Marshal(report)
			if err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Dir(name), map[string]string{filepath.Base(name): string(data)})
			res := second.do(t)
			if res.code != tt.code || !strings.Contains(res.stderr, tt.says) {
				t.Fatalf("exit code %d, want %d\n%s%s", res.code, tt.code, res.stdout, res.stderr)
			}
			for i, c := range s.Comments() {
				_, body, _ := strings.Cut(c.Body, "\n")
				if tt.code != exitOK || i > 0 || c.Pull != 8 {
					t.Errorf("comment %d on %d", i+1, c.Pull)
				}
				harmless(t, body)
			}
		})
	}
}

// harmless holds a comment against the HTML that it makes.
func harmless(t *testing.T, body string) {
	t.Helper()
	var page bytes.Buffer
	render := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	if err := render.Convert([]byte(body), &page); err != nil {
		t.Fatal(err)
	}
	open := 0
	for z := nethtml.NewTokenizer(&page); ; {
		switch kind := z.Next(); kind {
		case nethtml.ErrorToken:
			if open != 0 {
				t.Errorf("%d details are left open", open)
			}
			return
		case nethtml.CommentToken:
			t.Errorf("a comment of HTML: %s", z.Raw())
		case nethtml.TextToken:
			if strings.Contains(string(z.Text()), "@everyone") {
				t.Errorf("a mention: %s", z.Raw())
			}
		case nethtml.StartTagToken, nethtml.SelfClosingTagToken, nethtml.EndTagToken:
			tok := z.Token()
			if tok.Data == "details" {
				open += map[bool]int{true: 1, false: -1}[kind == nethtml.StartTagToken]
			}
			for _, a := range tok.Attr {
				if tok.Data == "img" || a.Key == "href" && !strings.HasPrefix(a.Val, "https://") {
					t.Errorf("%s", tok)
				}
			}
		}
	}
}

// TestShallow: the base is read through the API where the checkout lacks it.
func TestShallow(t *testing.T) {
	s := newGitHub(t)
	env := pullRequest(t, "redis:7-alpine", "redis:7.2-alpine")
	ws := env["GITHUB_WORKSPACE"]
	if err := os.WriteFile(filepath.Join(ws, ".git", "shallow"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.AddFiles("acme/stack", baseSHA, map[string][]byte{"compose.yaml": []byte("name: a\nservices:\n  sandbox:\n    image: redis:7-alpine\n"), "src/main.go": []byte("package main\n")})
	s.SetMergeBase("acme/stack", baseSHA, headSHA, baseSHA)
	res := pullRun{server: s, workspace: ws}.do(t)
	if res.outputs["comment"] != commentPosted || len(s.Comments()) != 1 || !strings.Contains(s.Comments()[0].Body, "`7-alpine` | `7.2-alpine`") {
		t.Errorf("exit code %d, %v\n%s%s", res.code, res.outputs, res.stdout, res.stderr)
	}
}

// TestSuggestions: with `suggestions: true` a repair is offered at its line,
// when the line is in the diff, and once.
func TestSuggestions(t *testing.T) {
	s := newGitHub(t)
	s.AddPull("acme/stack", githubtest.Pull{Number: 7, Author: "renovate[bot]", HeadRepo: "acme/stack", HeadBranch: "b", HeadSHA: headSHA, Base: "main", BaseSHA: baseSHA,
		Files:  []githubtest.File{{Name: "compose.yaml", Patch: "@@ -3,3 +3,3 @@ services:\n   api: {image: 'langgenius/dify-api:1.14.2'}\n-  plugin_daemon: {image: 'langgenius/dify-plugin-daemon:0.6.1-local'}\n+  plugin_daemon: {image: 'langgenius/dify-plugin-daemon:0.6.0-local'}\n   web: {image: 'langgenius/dify-web:1.14.2'}"}},
		Labels: []string{"release-notes-reviewed"}})
	text := "name: a\nservices:\n  api: {image: 'langgenius/dify-api:1.14.2'}\n  plugin_daemon: {image: 'langgenius/dify-plugin-daemon:%s'}\n  web: {image: 'langgenius/dify-web:1.14.2'}\n"
	ws, _ := filepath.EvalSymlinks(t.TempDir())
	base := filepath.Join(t.TempDir(), "base")
	put(t, ws, map[string]string{"compose.yaml": fmt.Sprintf(text, "0.6.0-local"), "belay.yml": "version: 1\nsuggestions: true\n"})
	put(t, base, map[string]string{"compose.yaml": fmt.Sprintf(text, "0.6.1-local"), "belay.yml": "version: 1\nsuggestions: true\n"})
	run := pullRun{server: s, workspace: ws, inputs: map[string]string{"base": base}}
	for range 2 {
		res := run.do(t)
		if res.outputs["comment"] != commentPosted && res.outputs["comment"] != commentUnchanged {
			t.Fatalf("%v\n%s%s", res.outputs, res.stdout, res.stderr)
		}
	}
	if got := s.Suggestions("acme/stack", 7); len(got) != 1 || !strings.Contains(strings.ReplaceAll(got[0], "\r", ""), "```suggestion\n  plugin_daemon: {image: 'langgenius/dify-plugin-daemon:0.6.1-local'}\n```") {
		t.Errorf("%+v", got)
	}
}

// TestStandingFindings: what was so before the change is no reason for a
// comment, a warning of the same kind that the change adds is.
func TestStandingFindings(t *testing.T) {
	s := newGitHub(t)
	ws, _ := filepath.EvalSymlinks(t.TempDir())
	base := filepath.Join(t.TempDir(), "base")
	floating := strings.Replace(stackOf("a", "7-alpine"), "volumes: {data: {}}", "  web:\n    image: example/web:latest\nvolumes: {data: {}}", 1)
	put(t, base, map[string]string{"compose.yaml": floating})
	put(t, ws, map[string]string{"compose.yaml": "# a comment\n" + floating})
	run := pullRun{server: s, workspace: ws, inputs: map[string]string{"base": base}}
	if res := run.do(t); res.outputs["comment"] != commentNone || res.outputs["warnings"] != "1" {
		t.Errorf("%v\n%s%s", res.outputs, res.stdout, res.stderr)
	}
	put(t, ws, map[string]string{"compose.yaml": strings.Replace(floating, "\nvolumes: {", "\n  two:\n    image: example/two:latest\nvolumes: {", 1)})
	if res := run.do(t); res.outputs["comment"] != commentPosted {
		t.Errorf("%v\n%s%s", res.outputs, res.stdout, res.stderr)
	}
}

// TestChartComment: what drifts in the values of a Helm chart is told like the
// drift of an env file.
func TestChartComment(t *testing.T) {
	s := newGitHub(t)
	ws, _ := filepath.EvalSymlinks(t.TempDir())
	base := filepath.Join(t.TempDir(), "base")
	put(t, base, map[string]string{"values.yaml": "image: {tag: 1.13.2}\nweb: {replicas: 1}\n"})
	put(t, ws, map[string]string{"chart/values.yaml": "image: {tag: 1.13.3}\nweb: {size: 2}\n"})
	res := pullRun{server: s, workspace: ws, inputs: map[string]string{"path": "chart/values.yaml", "base": base}}.do(t)
	if res.outputs["comment"] != commentPosted || len(s.Comments()) != 1 {
		t.Fatalf("%v\n%s%s", res.outputs, res.stdout, res.stderr)
	}
	check(t, "`image.tag`\n`web.replicas`\n`web.size`\nchart/values.yaml", s.Comments()[0].Body, true)
	check(t, "1.13.3\ndotenv", s.Comments()[0].Body, false)
}
