package githubtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// recorder is a TB that keeps what a test would fail of.
type recorder struct {
	t      *testing.T
	errors []string
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.t.Cleanup(f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// call makes a request as a client of GitHub should, but for what change does.
func call(t *testing.T, s *Server, method, path, token, body string, change ...func(*http.Request)) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"User-Agent": {"test"}, "Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}, "Content-Type": {"application/json"}}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for _, f := range change {
		f(req)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(data)
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) {
		if r.Header.Del(name); value != "" {
			r.Header.Set(name, value)
		}
	}
}

// TestUnexpected: what Belay should not ask fails the test.
func TestUnexpected(t *testing.T) {
	gql := func(query, vars string) string {
		return fmt.Sprintf(`{"query":%q,"variables":%s}`, query, vars)
	}
	tests := []struct {
		name, method, path, body string
		change                   func(*http.Request)
		want                     string // "" fails nothing
	}{
		{"expected", "GET", "/repos/a/b/releases?per_page=100", "", nil, ""},
		{"a path", "GET", "/repos/a/b/stargazers", "", nil, "unexpected request: GET /repos/a/b/stargazers"},
		{"a method", "DELETE", "/repos/a/b/issues/comments/1", "", nil, "unexpected request"},
		{"a query field", "GET", "/repos/a/b/releases?q=1", "", nil, "not expected: q"},
		{"no User-Agent", "GET", "/repos/a/b/releases", "", header("User-Agent", "Go-http-client/1.1"), "User-Agent"},
		{"no Accept", "GET", "/repos/a/b/releases", "", header("Accept", ""), "Accept"},
		{"no version", "GET", "/repos/a/b/releases", "", header("X-GitHub-Api-Version", ""), "API version"},
		{"another version", "GET", "/repos/a/b/releases", "", header("X-GitHub-Api-Version", "2030-01-01"), "API version"},
		{"a field that the schema lacks", "POST", "/graphql", gql(`query{repository(owner:"a",name:"b"){pullRequest(number:1){comments(first:1){nodes{viewerIsAuthor}}}}}`, "{}"), nil, "viewerIsAuthor"},
		{"a variable of another type", "POST", "/graphql", gql(`query($n:Int!){repository(owner:"a",name:"b"){pullRequest(number:$n){comments(first:1){nodes{id}}}}}`, `{"n":"x"}`), nil, "variables"},
		{"a mutation", "POST", "/graphql", gql(`mutation{deleteRepository}`, "{}"), nil, "GraphQL"},
		{"a question that fits", "POST", "/graphql", gql(`query($n:Int!){repository(owner:"a",name:"b"){pullRequest(number:$n){comments(first:1){nodes{id viewerDidAuthor}}}}}`, `{"n":1}`), nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &recorder{t: t}
			s := New(r)
			s.AddRepo("a/b")
			s.AddToken("tok", "dev", Rights{Write: true})
			var change []func(*http.Request)
			if tt.change != nil {
				change = append(change, tt.change)
			}
			call(t, s, tt.method, tt.path, "tok", tt.body, change...)
			switch {
			case tt.want == "" && len(r.errors) > 0:
				t.Errorf("fails: %q", r.errors)
			case tt.want != "" && (len(r.errors) == 0 || !strings.Contains(r.errors[0], tt.want)):
				t.Errorf("fails %q, want %q", r.errors, tt.want)
			}
		})
	}
}

// TestContractCatches: a call that GitHub's description does not allow fails.
func TestContractCatches(t *testing.T) {
	path := FindContract()
	if path == "" {
		t.Skip("GitHub's OpenAPI description is not beside this checkout")
	}
	doc, err := LoadContract(path)
	if err != nil {
		t.Fatal(err)
	}
	for body, fails := range map[string]bool{`{"body":"x"}`: false, `{"body":7}`: true, `{}`: true} {
		r := &recorder{t: t}
		s := New(r)
		s.UseContract(doc)
		s.AddToken("tok", "dev", Rights{Write: true})
		s.AddPull("a/b", Pull{Number: 1, HeadRepo: "a/b"})
		call(t, s, "POST", "/repos/a/b/issues/1/comments", "tok", body)
		if (len(r.errors) > 0) != fails {
			t.Errorf("%s: fails %q", body, r.errors)
		}
	}
}

// TestAsGitHub: statuses and messages of refusals, per token.
func TestAsGitHub(t *testing.T) {
	s := New(t)
	s.AddPull("a/b", Pull{Number: 1, HeadRepo: "a/b"})
	s.AddRelease("a/b", Release{Tag: "draft", Draft: true})
	s.SetPrivate("a/secret")
	s.AddToken("user", "dev", Rights{Write: true, Push: true, Private: []string{"A/Secret"}})
	s.AddToken("run", "github-actions[bot]", Rights{Workflow: true})
	s.AddToken("scopeless", "dev2", Rights{})
	long := `{"body":"` + strings.Repeat("x", 65537) + `"}`
	tests := []struct {
		method, path, token, body string
		status                    int
		holds                     string
	}{
		{"GET", "/user", "", "", 401, "Requires authentication"},
		{"GET", "/user", "wrong", "", 401, "Bad credentials"},
		{"GET", "/user", "run", "", 403, "Resource not accessible by integration"},
		{"GET", "/user", "user", "", 200, `"login":"dev"`},
		{"GET", "/repos/a/b/releases", "user", "", 200, `"draft":true`},
		{"GET", "/repos/a/b/releases", "run", "", 200, "[]"},
		{"GET", "/repos/a/secret/releases", "run", "", 404, `"status":"404"`},
		{"GET", "/repos/a/secret/releases", "user", "", 200, "[]"},
		{"GET", "/repos/A/B/releases", "", "", 200, "[]"},
		{"POST", "/repos/a/b/issues/1/comments", "run", `{"body":"x"}`, 403, "Resource not accessible by integration"},
		{"POST", "/repos/a/b/issues/1/comments", "scopeless", `{"body":"x"}`, 404, "Not Found"},
		{"POST", "/repos/a/b/issues/1/comments", "", `{"body":"x"}`, 401, "Requires authentication"},
		{"POST", "/repos/a/b/issues/1/comments", "user", long, 422, "too long (maximum is 65536 characters)"},
		{"POST", "/repos/a/b/issues/1/comments", "user", `{"body":"x\ny  \n"}`, 201, `"body":"x\r\ny"`},
		{"POST", "/api/v3/repos/a/b/issues/1/comments", "user", `{"body":"x"}`, 201, "/api/v3/repos/a/b/"},
		{"POST", "/graphql", "", `{"query":"{}"}`, 401, "authenticated"},
	}
	for _, tt := range tests {
		resp, body := call(t, s, tt.method, tt.path, tt.token, tt.body)
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.holds) {
			t.Errorf("%s %s as %q: %d %.200s", tt.method, tt.path, tt.token, resp.StatusCode, body)
		}
	}
	if got := len(s.Requests()); got != len(tests) {
		t.Errorf("%d requests recorded of %d", got, len(tests))
	}
}

// TestConditional: weak tags, and 304s that take nothing of the limit.
func TestConditional(t *testing.T) {
	s := New(t)
	s.AddRelease("a/b", Release{Tag: "1", Published: time.Unix(1, 0)})
	s.SetLimit("", 2)
	resp, _ := call(t, s, "GET", "/repos/a/b/releases", "", "")
	tag := resp.Header.Get("ETag")
	if !strings.HasPrefix(tag, `W/"`) || resp.Header.Get("X-RateLimit-Remaining") != "1" {
		t.Errorf("ETag %s, remaining %s", tag, resp.Header.Get("X-RateLimit-Remaining"))
	}
	for range 5 {
		if resp, body := call(t, s, "GET", "/repos/a/b/releases", "", "", header("If-None-Match", tag)); resp.StatusCode != 304 || body != "" || resp.Header.Get("X-RateLimit-Remaining") != "1" {
			t.Errorf("%d %q", resp.StatusCode, body)
		}
	}
	s.AddRelease("a/b", Release{Tag: "2", Published: time.Unix(2, 0)})
	if resp, _ := call(t, s, "GET", "/repos/a/b/releases", "", "", header("If-None-Match", tag)); resp.StatusCode != 200 {
		t.Error(resp.StatusCode)
	}
	resp, body := call(t, s, "GET", "/repos/a/b/releases", "", "")
	if resp.StatusCode != 403 || resp.Header.Get("X-RateLimit-Remaining") != "0" || !strings.Contains(body, "API rate limit exceeded") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestLinks(t *testing.T) {
	s := New(t)
	for i := range 7 {
		s.AddRelease("a/b", Release{Tag: fmt.Sprint(i), Published: time.Unix(int64(i), 0)})
	}
	rels := func(page string) string {
		resp, body := call(t, s, "GET", "/repos/a/b/releases?per_page=3&page="+page, "", "")
		var items []any
		if err := json.Unmarshal([]byte(body), &items); err != nil {
			t.Error(err)
		}
		var out []string
		for link := range strings.SplitSeq(resp.Header.Get("Link"), ", ") {
			_, rel, _ := strings.Cut(link, "rel=")
			_, query, _ := strings.Cut(link, "page=")
			out = append(out, rel+" "+strings.TrimRight(query[:1], ">&"))
		}
		return fmt.Sprint(len(items), " ", strings.Join(out, ", "))
	}
	for page, want := range map[string]string{"1": `3 "next" 2, "last" 3`, "2": `3 "prev" 1, "next" 3, "last" 3, "first" 1`, "3": `1 "prev" 2, "first" 1`} {
		if got := rels(page); got != want {
			t.Errorf("page %s: %s, want %s", page, got, want)
		}
	}
}

// TestObjectIDs: those that git itself computes.
func TestObjectIDs(t *testing.T) {
	s := New(t)
	s.AddFiles("a/b", "v1", map[string][]byte{"hello": []byte("hello\n"), "dir/empty": nil, "dir.x": []byte("x\n")})
	_, body := call(t, s, "GET", "/repos/a/b/git/trees/v1?recursive=1", "", "")
	var doc struct {
		SHA  string
		Tree []struct{ Path, SHA, Mode string }
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{"": doc.SHA}
	for _, e := range doc.Tree {
		got[e.Path] = e.Mode + " " + e.SHA
	}
	want := map[string]string{ // git write-tree of these files
		"":          "4077f26819c230b27a1923e91c0edec117419994",
		"hello":     "100644 ce013625030ba8dba906f756967f9e9ca394464a",
		"dir.x":     "100644 587be6b4c3f93f93c489c0111bba5596147a26cb",
		"dir":       "040000 417c01c8795a35b8e835113a85a5c0c1c77f67fb",
		"dir/empty": "100644 e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("notes.md", "the notes")
	write("files/docker/.env.example", "A=1\n")
	write("github.json", `{
		"repos": [
			{"name": "up/stream", "moved_from": ["old/stream"],
			 "releases": [{"tag": "1.0.0", "body_file": "notes.md", "published": "2026-01-02T03:04:05Z"}, {"tag": "2.0.0", "body": "b", "draft": true}],
			 "files": [{"ref": "1.0.0", "dir": "files"}]},
			{"name": "acme/stack", "private": true, "merge_bases": [{"base": "main", "head": "x", "commit": "y"}],
			 "pulls": [{"number": 7, "head_repo": "fork/stack", "labels": ["l"], "comments": [{"author": "eve", "body": "hi"}]}]}
		],
		"tokens": [{"token": "tok", "login": "bot", "rights": {"write": true, "private": ["acme/stack"]}}]}`)
	s := New(t)
	var changes, asked int
	s.OnComments(func(all []Comment) { changes = len(all) })
	s.OnRequest(func(Request) { asked++ })
	if err := s.Load(dir); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/repos/up/stream/releases": `"body":"the notes"`, "/repos/up/stream/contents/docker/.env.example?ref=1.0.0": `"size":4`,
		"/repos/acme/stack/issues/7/labels": `"name":"l"`, "/repos/acme/stack/compare/main...x": `"sha":"y"`,
	} {
		if resp, body := call(t, s, "GET", path, "tok", ""); resp.StatusCode != 200 || !strings.Contains(body, want) || strings.Contains(body, "2.0.0") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	if resp, _ := call(t, s, "GET", "/repos/old/stream/releases?page=2", "tok", ""); resp.StatusCode != 301 || resp.Header.Get("Location") != s.URL+"/repos/up/stream/releases?page=2" {
		t.Errorf("%d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	call(t, s, "POST", "/repos/acme/stack/issues/7/comments", "tok", `{"body":"x"}`)
	if changes != 2 || asked != 6 {
		t.Errorf("%d comments told, %d requests", changes, asked)
	}
	write("github.json", `{"repos":[{"name":"a/b","files":[{"ref":"1","dir":"../.."}]}]}`)
	if err := New(t).Load(dir); err == nil {
		t.Error("a folder outside was read")
	}
	write("github.json", `{`)
	if err := New(t).Load(dir); err == nil || !strings.Contains(err.Error(), "github.json") {
		t.Error(err)
	}
}
