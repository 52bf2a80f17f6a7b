package githubtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRefusals: what the original answers to who may not, or asks for what
// cannot be: status, message and the page it sends to. The calls of a row come
// one after the other, and the last one counts.
func TestRefusals(t *testing.T) {
	const (
		repo   = "/repos/acme/stack"
		docsAt = `"documentation_url":"https://docs.github.com/rest/`
	)
	s := New(t)
	first := s.AddFiles("acme/stack", "main", map[string][]byte{"a": []byte("1")})
	second := s.AddFiles("acme/stack", "main", map[string][]byte{"a": []byte("2")})
	s.AddFiles("acme/stack", "dev", map[string][]byte{"a": []byte("3")})
	s.AddIssue("acme/stack", "eve", "t", "b")
	s.AddToken("run", "github-actions[bot]", Rights{Write: true, Workflow: true})
	s.AddToken("app", "belay[bot]", Rights{Write: true, App: true})
	s.AddToken("user", "dev", Rights{Write: true})
	for _, p := range []string{"contents", "pull_requests", "issues", "deployments"} {
		var r Rights
		if err := json.Unmarshal(fmt.Appendf(nil, `{"write":true,"workflow":true,%q:"read"}`, p), &r); err != nil {
			t.Fatal(err)
		}
		s.AddToken("no-"+p, "github-actions[bot]", r)
	}
	s.AddToken("scopeless", "dev", Rights{})
	long := strings.Repeat("x", 65537)
	ref := func(sha string, force bool) string { return fmt.Sprintf(`{"sha":%q,"force":%v}`, sha, force) }
	const integration = "Resource not accessible by integration"
	for _, tt := range []struct {
		method, path, token, body string
		settings                  Settings
		status                    int
		holds                     string
	}{
		{"POST", "/git/blobs", "no-contents", `{"content":"x"}`, Settings{}, 403, integration},
		{"POST", "/git/trees", "no-contents", `{"tree":[]}`, Settings{}, 403, integration},
		{"POST", "/git/commits", "no-contents", `{"message":"m","tree":"t"}`, Settings{}, 403, integration},
		{"POST", "/git/refs", "no-contents", `{"ref":"refs/heads/x","sha":"y"}`, Settings{}, 403, integration},
		{"PATCH", "/git/refs/heads/main", "no-contents", ref(second, false), Settings{}, 403, integration},
		{"PATCH", "/git/refs/heads/main", "scopeless", ref(second, false), Settings{}, 404, "Not Found"},
		{"PATCH", "/git/refs/heads/main", "", ref(second, false), Settings{}, 401, "Requires authentication"},
		{"PATCH", "/git/refs/heads/main", "run", ref(first, false), Settings{}, 422, `"Update is not a fast forward"`},
		{"PATCH", "/git/refs/heads/main", "run", ref(first, false), Settings{}, 422, docsAt + "git/refs#update-a-reference"},
		{"PATCH", "/git/refs/heads/none", "run", ref(first, true), Settings{}, 422, `"Reference does not exist"`},
		{"PATCH", "/git/refs/heads/main", "run", ref(strings.Repeat("9", 40), true), Settings{}, 422, "Object does not exist"},
		{"PATCH", "/git/refs/heads/main", "run", ref(second, false), Settings{Protected: []string{"main"}}, 422, "Changes must be made through a pull request."},
		{"PATCH", "/git/refs/heads/main", "run", ref(second, false), Settings{Protected: []string{"main"}}, 422, "https://docs.github.com/articles/about-protected-branches"},
		{"PATCH", "/git/refs/heads/main", "user", ref(second, false), Settings{Rulesets: []string{"ma*"}}, 422, `Repository rule violations found\n\nChanges must be made through a pull request.`},
		{"PATCH", "/git/refs/heads/main", "run", ref(second, false), Settings{Archived: true}, 403, "Repository was archived so is read-only."},
		{"POST", "/git/refs", "run", `{"ref":"refs/heads/main","sha":"` + first + `"}`, Settings{}, 422, `"Reference already exists"`},
		{"POST", "/git/refs", "run", `{"ref":"refs/heads/new","sha":"` + first + `"}`, Settings{Rulesets: []string{"new"}}, 422, "Cannot create ref due to creations being restricted."},
		{"GET", "/git/ref/heads/mai", "run", "", Settings{}, 404, "Not Found"},

		{"POST", "/pulls", "no-pull_requests", `{"title":"t","head":"dev","base":"main"}`, Settings{}, 403, integration},
		{"POST", "/pulls", "run", `{"title":"t","head":"dev","base":"main"}`, Settings{NoActionsPulls: true}, 403, "GitHub Actions is not permitted to create or approve pull requests."},
		{"POST", "/pulls", "run", `{"title":"t","head":"dev","base":"main"}`, Settings{NoActionsPulls: true}, 403, docsAt + "pulls/pulls#create-a-pull-request"},
		{"POST", "/pulls", "run", `{"title":"t","head":"main","base":"main"}`, Settings{}, 422, `{"code":"custom","message":"No commits between main and main","resource":"PullRequest"}`},
		{"POST", "/pulls", "run", `{"title":"t","head":"none","base":"main"}`, Settings{}, 422, `{"code":"invalid","field":"head","resource":"PullRequest"}`},
		{"POST", "/pulls", "run", `{"title":"t","head":"dev","base":"main","body":"` + long + `"}`, Settings{}, 422, "body is too long (maximum is 65536 characters)"},
		{"POST", "/pulls", "app", `{"title":"t","head":"acme:dev","base":"main"}`, Settings{NoActionsPulls: true}, 201, `"number":2`},
		{"POST", "/pulls", "run", `{"title":"t","head":"dev","base":"main"}`, Settings{}, 422, `{"code":"custom","message":"A pull request already exists for acme:dev.","resource":"PullRequest"}`},
		{"PATCH", "/pulls/2", "no-pull_requests", `{"title":"t"}`, Settings{}, 403, integration},
		{"PATCH", "/pulls/2", "run", `{"body":"new"}`, Settings{}, 200, `"body":"new"`},

		{"POST", "/issues", "no-issues", `{"title":"t"}`, Settings{}, 403, integration},
		{"POST", "/issues", "run", `{"title":"t"}`, Settings{NoIssues: true}, 410, "Issues has been disabled in this repository."},
		{"POST", "/issues", "run", `{"title":"t"}`, Settings{NoIssues: true}, 410, docsAt + "issues/issues#create-an-issue"},
		{"POST", "/issues", "run", `{"title":"t"}`, Settings{Archived: true}, 403, "Repository was archived so is read-only."},
		{"POST", "/issues", "run", `{"title":"t","body":"` + long + `"}`, Settings{}, 422, "body is too long (maximum is 65536 characters)"},
		{"POST", "/issues", "run", `{"title":" "}`, Settings{}, 422, `"code":"missing_field","field":"title"`},
		{"PATCH", "/issues/1", "no-issues", `{"state":"closed"}`, Settings{}, 403, integration},
		{"PATCH", "/issues/1", "run", `{"state":"closed"}`, Settings{}, 200, `"state":"closed"`},
		{"POST", "/issues/1/comments", "no-issues", `{"body":"x"}`, Settings{}, 403, integration},
		{"POST", "/issues/2/comments", "no-issues", `{"body":"x"}`, Settings{}, 201, "/pull/2#issuecomment-"},
		{"POST", "/issues/1/comments", "no-pull_requests", `{"body":"x"}`, Settings{}, 201, "/issues/1#issuecomment-"},

		{"POST", "/deployments", "no-deployments", `{"ref":"main"}`, Settings{}, 403, integration},
		{"POST", "/deployments", "run", `{"ref":"none"}`, Settings{}, 422, "No ref found for: none"},
		{"POST", "/deployments", "run", `{"ref":"dev"}`, Settings{}, 409, "Conflict merging main into dev."},
		{"POST", "/deployments", "run", `{"ref":"main"}`, Settings{Checks: []string{"ci"}}, 409, "Conflict: Commit status checks failed for main."},
		{"POST", "/deployments", "run", `{"ref":"main","required_contexts":[]}`, Settings{Checks: []string{"ci"}}, 201, `"environment":"production"`},
		{"POST", "/deployments/1/statuses", "run", `{"state":"success"}`, Settings{}, 404, "Not Found"},
	} {
		s.Set("acme/stack", tt.settings)
		resp, body := call(t, s, tt.method, repo+tt.path, tt.token, tt.body)
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.holds) {
			t.Errorf("%s %s as %q: %d %.300s; want %d %s", tt.method, tt.path, tt.token, resp.StatusCode, body, tt.status, tt.holds)
		}
	}
	id := s.Deployments("acme/stack")[0].ID
	for body, holds := range map[string]string{
		`{"state":"done"}`: "state is not included in the list", `{"state":"success","log_url":"x"}`: "log_url must use http(s) scheme",
		`{"state":"success","description":"` + strings.Repeat("x", 141) + `"}`: "description is too long (maximum is 140 characters)",
	} {
		resp, got := call(t, s, "POST", fmt.Sprintf("%s/deployments/%d/statuses", repo, id), "run", body)
		if resp.StatusCode != 422 || !strings.Contains(got, holds) {
			t.Errorf("%.40s: %d %s", body, resp.StatusCode, got)
		}
	}
}

// TestState: what was written can be looked at, here and over the network.
func TestState(t *testing.T) {
	s := New(t)
	old := s.AddFiles("acme/stack", "main", map[string][]byte{"a": []byte("1"), "dir/b": []byte("2")})
	s.AddToken("tok", "bot", Rights{Write: true})
	var tree, commit struct{ SHA string }
	read := func(method, path, body string, into any) {
		t.Helper()
		_, text := call(t, s, method, "/repos/acme/stack"+path, "tok", body)
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	var base struct{ Tree struct{ SHA string } }
	read("GET", "/git/commits/"+old, "", &base)
	read("POST", "/git/trees", `{"base_tree":"`+base.Tree.SHA+`","tree":[{"path":"dir/b","mode":"100644","type":"blob","sha":null},{"path":"c","mode":"100755","type":"blob","content":"3"}]}`, &tree)
	read("POST", "/git/commits", `{"message":"m","tree":"`+tree.SHA+`","parents":["`+old+`"]}`, &commit)
	call(t, s, "POST", "/repos/acme/stack/git/refs", "tok", `{"ref":"refs/heads/x/y","sha":"`+commit.SHA+`"}`)
	call(t, s, "POST", "/repos/acme/stack/pulls", "tok", `{"title":"t","head":"x/y","base":"main"}`)
	call(t, s, "POST", "/repos/acme/stack/issues", "tok", `{"title":"t"}`)
	call(t, s, "POST", "/repos/acme/stack/issues/1/comments", "tok", `{"body":"b"}`)
	call(t, s, "POST", "/repos/acme/stack/deployments", "tok", `{"ref":"x/y"}`)

	_, text := call(t, s, "GET", "/_state", "", "")
	var all map[string]State
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	got := all["acme/stack"]
	c := got.Branches["x/y"]
	if c.Author != "bot" || c.Message != "m" || len(c.Files) != 2 || c.Files["c"] != (Held{"100755", "3"}) || c.Files["a"].Content != "1" || c.Parents[0] != old {
		t.Errorf("%+v", c)
	}
	if len(got.Branches) != 2 || len(got.Pulls) != 1 || got.Pulls[0].HeadSHA != commit.SHA || len(got.Issues) != 1 || got.Issues[0].Number != 2 || len(got.Comments) != 1 || len(got.Deployments) != 1 || got.Deployments[0].SHA != commit.SHA {
		t.Errorf("%+v", got)
	}
	var compared struct {
		Status  string
		AheadBy int `json:"ahead_by"`
		Files   []struct{ Filename string }
	}
	read("GET", "/compare/main...x/y", "", &compared)
	if compared.Status != "ahead" || compared.AheadBy != 1 || fmt.Sprint(compared.Files) != "[{c} {dir/b}]" {
		t.Errorf("%+v", compared)
	}
	if len(s.Requests()) != 9 {
		t.Errorf("a look at the state is no request: %d", len(s.Requests()))
	}
}

// TestControl: what a test far away may change.
func TestControl(t *testing.T) {
	s := New(t)
	s.AddFiles("acme/stack", "main", map[string][]byte{"a": []byte("1")})
	s.AddPull("acme/stack", Pull{Number: 1, HeadRepo: "acme/stack", Base: "main"})
	s.AddComment("acme/stack", 1, "eve", "hi")
	dir := t.TempDir()
	id := strings.Repeat("d", 40)
	for name, text := range map[string]string{"f/a": "2", "github.json": `{"repos":[{"name":"acme/stack","files":[{"ref":"` + id + `","dir":"f","branch":"main"}],"pulls":[{"number":1,"head_repo":"acme/stack","merged":"` + id + `"}],"settings":{"no_issues":true}}]}`} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		path, body string
		status     int
	}{
		{"/_load", dir, 204}, {"/_load", dir + "/none", 400},
		{"/_set", "acme/stack protected=main archive", 400}, {"/_set", "", 400},
		{"/_rights", "tok contents=admin", 400}, {"/_rights", "tok contents=write issues=write", 204},
	} {
		if resp, body := call(t, s, "POST", tt.path, "", tt.body); resp.StatusCode != tt.status {
			t.Errorf("%s %s: %d %s", tt.path, tt.body, resp.StatusCode, body)
		}
	}
	old := s.Commit("acme/stack", "main")
	if old.SHA != id || len(old.Parents) != 1 || old.Files["a"].Content != "2" || s.Pulls("acme/stack")[0].Merged != id || len(s.Comments()) != 1 {
		t.Errorf("%+v", old)
	}
	try := func(path, body string) int {
		resp, _ := call(t, s, "POST", "/repos/acme/stack"+path, "tok", body)
		return resp.StatusCode
	}
	got := []int{try("/issues", `{"title":"t"}`)}
	for _, settings := range []string{"", " archived", " check=ci no-actions-pulls"} {
		if resp, body := call(t, s, "POST", "/_set", "", "acme/stack"+settings); resp.StatusCode != 204 {
			t.Error(body)
		}
		got = append(got, try("/issues", `{"title":"t"}`))
	}
	got = append(got, try("/deployments", `{"ref":"main"}`))
	call(t, s, "POST", "/_rights", "", "tok app deployments=write pull-requests=write login=belay[bot]")
	got = append(got, try("/deployments", `{"ref":"main"}`), try("/issues", `{"title":"t"}`))
	if want := "[410 201 403 201 403 409 403]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}
