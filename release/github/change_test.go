package github

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release/github/githubtest"
)

const secret = "hunter2-CANARY"

// stackLab is a repository with a compose file on main, which is at since.
func stackLab(t *testing.T) (l *lab, since string) {
	t.Helper()
	l = newLab(t)
	return l, l.AddFiles(own.String(), "main", stackFiles())
}

func stackFiles() map[string][]byte {
	return map[string][]byte{"compose.yml": []byte("image: n8n:1.0\n"), "old.yml": []byte("x\n"), "docs/a.md": []byte("a\n"), ".env": []byte("PASSWORD=" + secret + "\n")}
}

func with(change map[string]string) map[string][]byte {
	files := stackFiles()
	for name, text := range change {
		files[name] = []byte(text)
	}
	return files
}

func aChange(since, way string) Change {
	return Change{
		Key: "prod", Base: "main", Since: since, Way: way, Message: "Record the upgrade", Run: "20261001-1", Head: "belay/record-prod",
		Title: "Record the upgrade of prod", Body: "n8n runs 1.1 now.",
		Files: map[string][]byte{"compose.yml": []byte("image: n8n:1.1\n"), "old.yml": nil, "new/x.yml": []byte("y\n")},
	}
}

// contentOf gives the files of a branch, by path.
func contentOf(l *lab, branch string) map[string]string {
	out := map[string]string{}
	for name, f := range l.Commit(own.String(), branch).Files {
		out[name] = f.Content
	}
	return out
}

// written is what a branch holds after aChange.
func written() map[string]string {
	return map[string]string{"compose.yml": "image: n8n:1.1\n", "new/x.yml": "y\n", "docs/a.md": "a\n", ".env": "PASSWORD=" + secret + "\n"}
}

// told is a result in one line: what was done, the number, the branch.
func told(w Written) string {
	return strings.TrimSpace(fmt.Sprintf("%s %d %s", w.Done, w.Number, w.Branch))
}

// TestWriteFiles is each way and each refusal: what is done in the end, what the
// notes say, and what is in the repository then.
func TestWriteFiles(t *testing.T) {
	const head = "belay/record-prod"
	type rights = githubtest.Rights
	type settings = githubtest.Settings
	all := rights{Write: true, Workflow: true}
	noPulls := rights{Write: true, Workflow: true, PullRequests: "read"}
	noContents := rights{Write: true, Workflow: true, Contents: "read"}
	readIssues := rights{Write: true, Workflow: true, Contents: "read", Issues: "read"}
	tests := map[string]struct {
		way      string
		rights   rights
		settings settings
		done     string
		notes    []string // a part of each
		issue    string   // a part of its text
	}{
		"a commit":             {ByCommit, all, settings{}, "commit 0 main", nil, ""},
		"a pull request":       {ByPull, all, settings{}, "pull 1 " + head, nil, ""},
		"protected":            {ByCommit, all, settings{Protected: []string{"main"}}, "pull 1 " + head, []string{"a push to main was refused (422: Changes must be made through a pull request.); it needs a token that the branch's protection"}, ""},
		"a ruleset":            {ByCommit, all, settings{Rulesets: []string{"main"}}, "pull 1 " + head, []string{"(422: Repository rule violations found Changes must be made through a pull request.)"}, ""},
		"a bypass":             {ByCommit, rights{Write: true, App: true, Bypass: true}, settings{Protected: []string{"main"}, Rulesets: []string{"*"}}, "commit 0 main", nil, ""},
		"no pulls by Actions":  {ByPull, all, settings{NoActionsPulls: true}, "issue 1 " + head, []string{"a pull request was refused (403: GitHub Actions is not permitted to create or approve pull requests.); it needs the box of"}, "/compare/main...belay/record-prod?expand=1"},
		"an App's token":       {ByPull, rights{Write: true, App: true}, settings{NoActionsPulls: true}, "pull 1 " + head, nil, ""},
		"no pull-requests":     {ByPull, noPulls, settings{}, "issue 1 " + head, []string{"(403: Resource not accessible by integration); it needs `pull-requests: write`"}, "[open a pull request]("},
		"no contents":          {ByPull, noContents, settings{}, "issue 1", []string{"a push was refused (403: Resource not accessible by integration); it needs `contents: write`"}, "- `compose.yml`\n- `new/x.yml`\n- `old.yml` (to be deleted)"},
		"no contents, commit":  {ByCommit, noContents, settings{}, "issue 1", []string{"it needs `contents: write`"}, "No branch could be pushed"},
		"a user without scope": {ByCommit, rights{Issues: "write"}, settings{}, "issue 1", []string{"a push was refused (404)"}, ""},
		"protected, no pulls":  {ByCommit, noPulls, settings{Protected: []string{"main"}}, "issue 1 " + head, []string{"a push to main", "a pull request was refused"}, "a push to main was refused"},
		"no new branches":      {ByPull, all, settings{Rulesets: []string{"belay/*"}}, "issue 1", []string{"a push to a new branch was refused (422: Repository rule violations found Cannot create ref due to creations being restricted.)"}, ""},
		"issues disabled":      {ByPull, noPulls, settings{NoIssues: true}, "branch 0 " + head, []string{"a pull request", "an issue was refused (410: issues are disabled in this repository); it needs issues, in the settings"}, ""},
		"issues refused":       {ByPull, readIssues, settings{}, "none 0", []string{"a push", "an issue was refused (403: Resource not accessible by integration); it needs `issues: write`"}, ""},
		"archived":             {ByCommit, all, settings{Archived: true}, "none 0", []string{"(403: Repository was archived so is read-only.); it needs a repository that is not archived", "an issue was refused"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, since := stackLab(t)
			l.Set(own.String(), tt.settings)
			l.AddToken("tok", bot, tt.rights)
			out, err := l.client("tok").WriteFiles(context.Background(), own, aChange(since, tt.way))
			if err != nil || told(out) != tt.done {
				t.Fatalf("%s, %q, %v; want %s", told(out), out.Notes, err, tt.done)
			}
			if len(out.Notes) != len(tt.notes) {
				t.Errorf("notes %q", out.Notes)
			}
			for i, part := range tt.notes {
				if i < len(out.Notes) && !strings.Contains(out.Notes[i], part) {
					t.Errorf("note %d: %s", i, out.Notes[i])
				}
			}
			if (out.URL == "") != (out.Done == None) || out.URL != "" && !strings.HasPrefix(out.URL, "http") {
				t.Errorf("URL %q", out.URL)
			}
			if out.Branch != "" {
				made := l.Commit(own.String(), out.Branch)
				if d := cmp.Diff(written(), contentOf(l, out.Branch)); d != "" {
					t.Error(d)
				}
				if made.Message != "Record the upgrade\n\nBelay-Run: 20261001-1\n" || !slices.Equal(made.Parents, []string{since}) || made.SHA != out.Commit {
					t.Errorf("%+v", made)
				}
			}
			if out.Branch != "main" && l.Commit(own.String(), "main").SHA != since {
				t.Error("main moved")
			}
			checkIssues(t, l, out, tt.issue)
			if pulls := l.Pulls(own.String()); (len(pulls) == 1) != (out.Done == DonePull) {
				t.Errorf("%+v", pulls)
			}
			again(t, l, since, tt.way, out)
		})
	}
}

// checkIssues: one when it was told of one, with the text of the change and
// without any content.
func checkIssues(t *testing.T, l *lab, out Written, part string) {
	t.Helper()
	issues := l.Issues(own.String())
	if (len(issues) == 1) != (out.Done == DoneIssue) {
		t.Fatalf("%+v", issues)
	}
	for _, i := range issues {
		body := strings.ReplaceAll(i.Body, "\r\n", "\n")
		if strings.Contains(body, secret) || strings.Contains(body, "image: n8n") || !strings.Contains(body, "n8n runs 1.1 now.") || !strings.Contains(body, part) {
			t.Errorf("an issue with %s", body)
		}
	}
}

// again writes the same once more, after which nothing that people see is new.
func again(t *testing.T, l *lab, since, way string, first Written) {
	t.Helper()
	l.Forget()
	out, err := l.client("tok").WriteFiles(context.Background(), own, aChange(since, way))
	want := told(first)
	if first.Done == DoneCommit {
		want = "unchanged 0 main"
	}
	if err != nil || told(out) != want {
		t.Errorf("again: %s, %v; want %s", told(out), err, want)
	}
	for _, r := range l.Requests() {
		hidden := slices.ContainsFunc([]string{"graphql", "/git/blobs", "/git/trees", "/git/commits"}, func(p string) bool { return strings.Contains(r.Path, p) })
		if r.Status < 300 && r.Method != "GET" && !hidden {
			t.Errorf("again: %s %s", r.Method, r.Path)
		}
	}
}

// TestWriteOvertaken: what somebody changed meanwhile is not written over, and
// what lies elsewhere is kept.
func TestWriteOvertaken(t *testing.T) {
	for name, tt := range map[string]struct {
		main  map[string]string
		files []string // that are in the way
	}{
		"another file":          {map[string]string{"docs/a.md": "b\n"}, nil},
		"one of them":           {map[string]string{"compose.yml": "image: n8n:2.0\n"}, []string{"compose.yml"}},
		"to be deleted":         {map[string]string{"old.yml": "z\n"}, []string{"old.yml"}},
		"made there":            {map[string]string{"new/x.yml": "z\n", "old.yml": "z\n"}, []string{"new/x.yml", "old.yml"}},
		"the same by then":      {map[string]string{"compose.yml": "image: n8n:1.1\n"}, nil},
		"all the same, nothing": {map[string]string{"compose.yml": "image: n8n:1.1\n", "new/x.yml": "y\n", "old.yml": ""}, nil},
	} {
		for _, way := range []string{ByCommit, ByPull} {
			t.Run(way+" "+name, func(t *testing.T) {
				l, since := stackLab(t)
				files := with(tt.main)
				if len(files["old.yml"]) == 0 {
					delete(files, "old.yml")
				}
				moved := l.AddFiles(own.String(), "main", files)
				out, err := l.client(writer).WriteFiles(context.Background(), own, aChange(since, way))
				var over *Overtaken
				switch {
				case tt.files != nil:
					if !errors.As(err, &over) || !slices.Equal(over.Files, tt.files) || over.Branch != "main" || !strings.Contains(err.Error(), strings.Join(tt.files, ", ")) || writes(l) != 0 {
						t.Errorf("%+v, %v, %d writes", out, err, writes(l))
					}
				case strings.HasSuffix(name, "nothing"):
					if err != nil || out.Done != Unchanged || writes(l) != 0 {
						t.Errorf("%+v, %v, %d writes", out, err, writes(l))
					}
				default:
					if err != nil || !slices.Equal(l.Commit(own.String(), out.Branch).Parents, []string{moved}) {
						t.Fatalf("%+v, %v", out, err)
					}
					want := written()
					want["docs/a.md"] = string(files["docs/a.md"])
					if d := cmp.Diff(want, contentOf(l, out.Branch)); d != "" {
						t.Error(d)
					}
				}
			})
		}
	}
}

// TestWriteRace: the branch moves between the look at it and the push. Too
// often is a reason for a pull request.
func TestWriteRace(t *testing.T) {
	for moves, done := range map[int]string{1: "commit 0 main", 4: "commit 0 main", 5: "pull 1 belay/record-prod"} {
		l, since := stackLab(t)
		c := l.client(writer)
		c.http = &mover{c.http, moves, func(n int) { l.AddFiles(own.String(), "main", with(map[string]string{"docs/a.md": fmt.Sprint(n)})) }}
		out, err := c.WriteFiles(context.Background(), own, aChange(since, ByCommit))
		if err != nil || told(out) != done || contentOf(l, out.Branch)["docs/a.md"] != "0" || contentOf(l, out.Branch)["compose.yml"] != "image: n8n:1.1\n" {
			t.Errorf("%d moves: %s, %q, %v", moves, told(out), out.Notes, err)
		}
		if moves == 5 && (len(out.Notes) != 1 || !strings.HasSuffix(out.Notes[0], "(422: Update is not a fast forward)")) {
			t.Errorf("%q", out.Notes)
		}
	}
}

// TestWriteHead: a branch of ours is used again, one with a commit of somebody
// else never.
func TestWriteHead(t *testing.T) {
	l, since := stackLab(t)
	c := l.client(writer)
	write := func(text, want string) Written {
		t.Helper()
		ch := aChange(since, ByPull)
		ch.Files, ch.Body = map[string][]byte{"compose.yml": []byte(text)}, "it says "+text
		out, err := c.WriteFiles(context.Background(), own, ch)
		if err != nil || told(out) != want {
			t.Fatalf("%s, %v, %v; want %s", told(out), out.Notes, err, want)
		}
		if got := contentOf(l, out.Branch)["compose.yml"]; got != text {
			t.Errorf("the branch has %q", got)
		}
		return out
	}
	write("one", "pull 1 belay/record-prod")
	second := write("two", "pull 1 belay/record-prod")
	if p := l.Pulls(own.String())[0]; !strings.Contains(p.Body, "it says two") || p.HeadSHA != second.Commit || !slices.Equal(l.Commit(own.String(), second.Commit).Parents, []string{since}) {
		t.Errorf("%+v", p)
	}
	// Another file of an earlier change does not stay in the next one.
	ch := aChange(since, ByPull)
	ch.Files = map[string][]byte{"docs/a.md": []byte("other"), "compose.yml": []byte("two")}
	if out, err := c.WriteFiles(context.Background(), own, ch); err != nil || contentOf(l, out.Branch)["docs/a.md"] != "other" {
		t.Errorf("%s, %v", told(out), err)
	}
	ch.Files = map[string][]byte{"docs/a.md": []byte("other")}
	if out, err := c.WriteFiles(context.Background(), own, ch); err != nil || contentOf(l, out.Branch)["compose.yml"] != "image: n8n:1.0\n" {
		t.Errorf("%s, %v", told(out), err)
	}

	// A person adds a commit, as with a change in the browser.
	person := l.AddFiles(own.String(), "belay/record-prod", map[string][]byte{"compose.yml": []byte("by hand")})
	write("three", "pull 2 belay/record-prod-2")
	if got := l.Commit(own.String(), "belay/record-prod").SHA; got != person {
		t.Errorf("the commit of a person is gone: %s", got)
	}

	// A branch that somebody made at main, and one without a common commit.
	l, since = stackLab(t)
	c = l.client(writer)
	l.AddTag(own.String(), "belay/record-prod", since)
	l.AddFiles(own.String(), "belay/record-prod-2", stackFiles())
	write("one", "pull 1 belay/record-prod-3")

	// Merged, and the branch still there: it is used again.
	merged := l.Pulls(own.String())[0]
	merged.Merged = merged.HeadSHA
	l.AddPull(own.String(), merged)
	l.AddTag(own.String(), "main", merged.HeadSHA)
	since = merged.HeadSHA
	write("two", "pull 2 belay/record-prod-3")

	// A person opened the pull request by the link: its text stays.
	l, since = stackLab(t)
	c = l.client(writer)
	l.Set(own.String(), githubtest.Settings{NoActionsPulls: true})
	write("one", "issue 1 belay/record-prod")
	l.AddPull(own.String(), githubtest.Pull{Number: 2, Author: "eve", HeadRepo: own.String(), HeadBranch: "belay/record-prod", Base: "main", Body: "mine"})
	write("two", "pull 2 belay/record-prod")
	if p := l.Pulls(own.String())[0]; p.Body != "mine" {
		t.Errorf("%+v", p)
	}
}

// TestWriteHeadRace: somebody pushes to our branch after the look at it.
func TestWriteHeadRace(t *testing.T) {
	l, since := stackLab(t)
	c := l.client(writer)
	if _, err := c.WriteFiles(context.Background(), own, aChange(since, ByPull)); err != nil {
		t.Fatal(err)
	}
	person := ""
	c.http = &mover{c.http, 1, func(int) { person = l.AddFiles(own.String(), "belay/record-prod", with(nil)) }}
	ch := aChange(since, ByPull)
	ch.Files["compose.yml"] = []byte("two")
	out, err := c.WriteFiles(context.Background(), own, ch)
	if err != nil || told(out) != "pull 2 belay/record-prod-2" || l.Commit(own.String(), "belay/record-prod").SHA != person {
		t.Errorf("%s, %q, %v", told(out), out.Notes, err)
	}
}

// TestWriteModes: an executable stays one, and nothing goes through a link.
func TestWriteModes(t *testing.T) {
	for _, name := range []string{"link.yml", "dir/x.yml", "docs", "compose.yml/x"} {
		l := newLab(t)
		since := l.AddLinks(own.String(), "main", stackFiles(), map[string]string{"link.yml": ".env", "dir": "docs"})
		for _, data := range [][]byte{[]byte("x"), nil} {
			ch := aChange(since, ByCommit)
			ch.Files = map[string][]byte{name: data}
			if out, err := l.client(writer).WriteFiles(context.Background(), own, ch); !isKind(err, Invalid) || !strings.Contains(err.Error(), "there; "+name+" is not written") || writes(l) != 0 {
				t.Errorf("%s: %+v, %v", name, out, err)
			}
		}
	}
	l, _ := stackLab(t)
	since := l.SetMode(own.String(), "main", "compose.yml", "100755")
	out, err := l.client(writer).WriteFiles(context.Background(), own, aChange(since, ByCommit))
	if err != nil {
		t.Fatal(err)
	}
	files := l.Commit(own.String(), out.Branch).Files
	if files["compose.yml"].Mode != "100755" || files["new/x.yml"].Mode != "100644" || files["compose.yml"].Content != "image: n8n:1.1\n" {
		t.Errorf("%+v", files)
	}
}

// TestWriteLost: answers that got lost are looked for, and limits waited for.
func TestWriteLost(t *testing.T) {
	burst := githubtest.Secondary(5)
	burst.On = "POST /repos/acme/stack/pulls"
	for name, f := range map[string]githubtest.Fault{
		"a new branch": githubtest.LostAnswer("POST /repos/acme/stack/git/refs"), "a new branch, not made": {On: "/git/refs", Status: 502},
		"a blob": {On: "/git/blobs", Status: 502}, "a commit": githubtest.LostAnswer("/git/commits"),
		"a pull request": githubtest.LostAnswer("POST /repos/acme/stack/pulls"), "one, not made": {On: "POST /repos/acme/stack/pulls", Status: 502}, "a burst": burst,
	} {
		l, since := stackLab(t)
		l.Fail(f)
		out, err := l.client(writer).WriteFiles(context.Background(), own, aChange(since, ByPull))
		if err != nil || told(out) != "pull 1 belay/record-prod" || len(l.Pulls(own.String())) != 1 || l.Faults() != 0 {
			t.Errorf("%s: %s, %v", name, told(out), err)
		}
		if n := strings.Count(l.asked(), "POST acme/stack/git/refs"); name == "a new branch" && n != 1 {
			t.Errorf("%s: %d pushes", name, n)
		}
	}
	l, since := stackLab(t)
	l.Fail(githubtest.LostAnswer("PATCH "))
	if out, err := l.client(writer).WriteFiles(context.Background(), own, aChange(since, ByCommit)); err != nil || told(out) != "commit 0 main" || !slices.Equal(l.Commit(own.String(), "main").Parents, []string{since}) {
		t.Errorf("%s, %v", told(out), err)
	}
	l, since = stackLab(t)
	l.Fail(githubtest.Fault{On: "/git/blobs", Status: 401, Message: "Bad credentials"})
	if out, err := l.client(writer).WriteFiles(context.Background(), own, aChange(since, ByCommit)); !isKind(err, Refused) || len(l.Issues(own.String())) != 0 {
		t.Errorf("a token that ran out in between: %s, %v", told(out), err)
	}
	l, since = stackLab(t)
	l.Fail(githubtest.Fault{On: "PATCH ", Status: 502}, githubtest.Fault{On: "PATCH ", Status: 502})
	if out, err := l.client(writer).WriteFiles(context.Background(), own, aChange(since, ByCommit)); !isKind(err, Offline) || len(l.Pulls(own.String())) != 0 {
		t.Errorf("a server that is down is no refusal: %s, %v", told(out), err)
	}
}

func TestWriteChecks(t *testing.T) {
	l, since := stackLab(t)
	for name, f := range map[string]func(*Change){
		"no key": func(c *Change) { c.Key = "a b" }, "no way": func(c *Change) { c.Way = "push" }, "since a branch": func(c *Change) { c.Since = "main" },
		"a run that ends the line": func(c *Change) { c.Run = "1\nSigned-off-by: x" }, "no message": func(c *Change) { c.Message = " \n" }, "no title": func(c *Change) { c.Title = "" },
		"one branch": func(c *Change) { c.Head = "main" }, "no branch": func(c *Change) { c.Head = "a..b" }, "no files": func(c *Change) { c.Files = nil },
		"above": func(c *Change) { c.Files["../x"] = nil }, "git's own": func(c *Change) { c.Files["a/.Git/config"] = nil }, "an absolute path": func(c *Change) { c.Files["/x"] = nil },
		"a long text": func(c *Change) { c.Body = strings.Repeat("x", 60_000) }, "a large file": func(c *Change) { c.Files["x"] = make([]byte, objectMax+1) },
	} {
		ch := aChange(since, ByCommit)
		f(&ch)
		if _, err := l.client(writer).WriteFiles(context.Background(), own, ch); !isKind(err, Invalid, TooLarge) || !strings.Contains(err.Error(), "write to acme/stack") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(l.Requests()); n != 0 {
		t.Errorf("%d questions for what cannot be", n)
	}
	ch := aChange(strings.Repeat("a", 40), ByCommit)
	if _, err := l.client(writer).WriteFiles(context.Background(), own, ch); !isKind(err, NotFound) || !strings.Contains(err.Error(), "at which the files were read") {
		t.Error(err)
	}
	ch = aChange(since, ByCommit)
	ch.Base = "none"
	if _, err := l.client(writer).WriteFiles(context.Background(), own, ch); !isKind(err, NotFound) {
		t.Error(err)
	}
	if _, err := l.client("unknown").WriteFiles(context.Background(), own, aChange(since, ByCommit)); !isKind(err, Refused) || statusOf(err) != 401 {
		t.Errorf("a token that is none is not answered with an issue: %v", err)
	}
	ch = aChange(since, ByPull)
	ch.Title = strings.Repeat("t", 300)
	if out, err := l.client(writer).WriteFiles(context.Background(), own, ch); err != nil || len(l.Pulls(own.String())[0].Title) != 256 {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestWeb: addresses for people, of each kind of server.
func TestWeb(t *testing.T) {
	for api, want := range map[string]string{
		"": "https://github.com/acme/stack/x", "https://api.octo.ghe.com": "https://octo.ghe.com/acme/stack/x", "https://api.corp.example/api/v3": "https://api.corp.example/acme/stack/x",
	} {
		c, err := New(Options{API: api, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if got := (&writing{c: c, repo: own}).web("x"); got != want {
			t.Errorf("%s: %s", api, got)
		}
	}
}

func TestIsOurs(t *testing.T) {
	for message, want := range map[string]bool{
		"Record\n\nBelay-Run: 1": true, "Record\n\nBelay-Run: 1\n": true, "Record (#3)\n\n* Record\n\nBelay-Run: 20261001-1": true,
		"Record": false, "Belay-Run: 1\n\nSigned-off-by: x": false, "x\n\nBelay-Run: ": false, "Merge branch 'main' into belay/x": false, "x\n\nBelay-Runs: 1": false,
	} {
		if isOurs(message) != want {
			t.Errorf("%q: %v", message, !want)
		}
	}
}
