package github

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release/github/githubtest"
)

// issueText gives the issues of the lab in a line each, markers left out.
func issueText(l *lab) []string {
	var out []string
	for _, i := range l.Issues(own.String()) {
		_, rest, _ := strings.Cut(strings.ReplaceAll(i.Body, "\r\n", "\n"), "\n")
		state := "open"
		if i.Closed {
			state = "closed"
		}
		out = append(out, fmt.Sprintf("#%d %s %s: %s", i.Number, state, i.Title, rest))
	}
	return out
}

// TestOpenIssue is the life of an issue: made, told again, told the same, made
// well, and opened anew.
func TestOpenIssue(t *testing.T) {
	l := newLab(t)
	c, ctx := l.client(writer), context.Background()
	l.AddIssue(own.String(), "eve", "x", marker("issue", "prod", "a")+"\nnot ours")
	l.AddIssue(own.String(), bot, "x", marker("issue", "prod2", "a")+"\nanother stack")
	l.AddIssue(own.String(), bot, "x", marker("dossier", "prod", "a")+"\nanother kind")
	others := len(l.Issues(own.String()))
	issue := func(body, basis string) Issue {
		return Issue{Key: "prod", Title: "prod: failed", Body: body, Basis: basis, Again: "again: " + body}
	}
	for i, step := range []struct {
		do       func() (Outcome, error)
		want     string
		issues   []string
		comments []string
		writes   int
	}{
		{func() (Outcome, error) { return c.CloseIssue(ctx, own, "prod", "well") }, "none 0", nil, nil, 0},
		{func() (Outcome, error) { return c.OpenIssue(ctx, own, issue("one", "run1")) }, "created 4", []string{"#4 open prod: failed: one"}, nil, 1},
		{func() (Outcome, error) { return c.OpenIssue(ctx, own, issue("one, said again", "run1")) }, "unchanged 4", []string{"#4 open prod: failed: one"}, nil, 0},
		{func() (Outcome, error) { return c.OpenIssue(ctx, own, issue("two", "run2")) }, "updated 4", []string{"#4 open prod: failed: two"}, []string{"again: two"}, 2},
		{func() (Outcome, error) { return c.CloseIssue(ctx, own, "prod", "well") }, "resolved 4", []string{"#4 closed prod: failed: two"}, []string{"again: two", "well"}, 2},
		{func() (Outcome, error) { return c.CloseIssue(ctx, own, "prod", "well") }, "none 0", []string{"#4 closed prod: failed: two"}, []string{"again: two", "well"}, 0},
		{func() (Outcome, error) { return c.OpenIssue(ctx, own, issue("three", "run3")) }, "created 5", []string{"#4 closed prod: failed: two", "#5 open prod: failed: three"}, []string{"again: two", "well"}, 1},
	} {
		l.Forget()
		out, err := step.do()
		if err != nil || fmt.Sprint(out.Action, " ", out.Number) != step.want || (out.Number > 0) != strings.HasSuffix(out.URL, fmt.Sprint("/issues/", out.Number)) {
			t.Fatalf("step %d: %+v, %v; want %s", i, out, err, step.want)
		}
		if d := cmp.Diff(step.issues, append([]string(nil), issueText(l)[others:]...)); d != "" {
			t.Errorf("step %d: %s", i, d)
		}
		var comments []string
		for _, c := range l.Comments() {
			comments = append(comments, c.Body)
		}
		if d := cmp.Diff(step.comments, comments); d != "" || writes(l) != step.writes {
			t.Errorf("step %d: %d writes, %s", i, writes(l), d)
		}
	}
}

// TestOpenIssueOften: behind many, of two runs at one time, and with answers
// that got lost.
func TestOpenIssueOften(t *testing.T) {
	ctx, issue := context.Background(), Issue{Key: "prod", Title: "t", Body: "one"}
	for name, f := range map[string]githubtest.Fault{"lost": githubtest.LostAnswer("POST /repos/acme/stack/issues"), "not made": {On: "POST /repos/acme/stack/issues", Status: 502}} {
		l := newLab(t)
		for range 250 {
			l.AddIssue(own.String(), "eve", "x", "x")
		}
		l.Fail(f)
		out, err := l.client(writer).OpenIssue(ctx, own, issue)
		if err != nil || out.Action != Created || out.Number != 251 || len(l.Issues(own.String())) != 251 {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
	}
	l := newLab(t)
	for range 2 {
		l.AddIssue(own.String(), bot, "t", marker("issue", "prod", "a")+"\na")
	}
	if out, err := l.client(writer).OpenIssue(ctx, own, issue); err != nil || out.Action != Updated || out.Number != 1 || out.Twins != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	l.Fail(githubtest.Fault{On: "PATCH ", Status: 502})
	if out, err := l.client(writer).CloseIssue(ctx, own, "prod", ""); err != nil || out.Twins != 1 || !cmp.Equal(issueText(l), []string{"#1 closed t: one", "#2 closed t: a"}) {
		t.Errorf("%+v, %v, %q", out, err, issueText(l))
	}
}

// TestIssueRefused: what an error says of what is needed.
func TestIssueRefused(t *testing.T) {
	ctx := context.Background()
	l := newLab(t)
	l.AddIssue(own.String(), bot, "t", marker("issue", "other", "a")+"\na")
	for name, tt := range map[string]struct {
		token    string
		settings githubtest.Settings
		status   int
		hint     string
	}{
		"read only": {reader, githubtest.Settings{}, 403, "it needs `issues: write`"},
		"archived":  {writer, githubtest.Settings{Archived: true}, 403, "it needs a repository that is not archived"},
		"disabled":  {writer, githubtest.Settings{NoIssues: true}, 410, "it needs issues, in the settings of the repository"},
		"no token":  {"", githubtest.Settings{}, 401, "the token is not valid"},
	} {
		l.Set(own.String(), tt.settings)
		_, err := l.client(tt.token).OpenIssue(ctx, own, Issue{Key: "prod", Title: "t", Body: "b"})
		if !isKind(err, Refused) || statusOf(err) != tt.status || !strings.HasPrefix(err.(*Error).Hint(), tt.hint) {
			t.Errorf("%s: %v", name, err)
		}
		if tt.settings.NoIssues {
			continue
		}
		if _, err = l.client(tt.token).CloseIssue(ctx, own, "other", "x"); !isKind(err, Refused) || statusOf(err) != tt.status {
			t.Errorf("%s, to close: %v", name, err)
		}
	}
	for name, i := range map[string]Issue{"no key": {Title: "t"}, "no title": {Key: "k"}, "long": {Key: "k", Title: "t", Body: strings.Repeat("x", maxBody)}, "long remark": {Key: "k", Title: "t", Again: strings.Repeat("x", maxBody+1)}} {
		l.Forget()
		if _, err := l.client(writer).OpenIssue(ctx, own, i); !isKind(err, Invalid, TooLarge) || len(l.Requests()) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReport: a report stands beside the dossier of the same stack, and is kept
// up to date like it.
func TestReport(t *testing.T) {
	l := newLab(t)
	newPull(l)
	c, ctx := l.client(writer), context.Background()
	sync := func(kind, body, want string) {
		t.Helper()
		if out, err := c.Sync(ctx, own, 7, []Comment{{Key: "prod", Body: body}}, SyncOptions{Kind: kind}); err != nil || actions(out) != want {
			t.Errorf("%s %s: %s, %v", kind, body, actions(out), err)
		}
	}
	sync("", "dossier", "prod created")
	sync(Report, "report", "prod created")
	sync(Report, "report", "prod unchanged")
	sync(Report, "report 2", "prod updated")
	sync(Dossier, "dossier", "prod unchanged")
	var got []string
	for _, c := range l.Comments() {
		_, text, _ := strings.Cut(strings.ReplaceAll(c.Body, "\r\n", "\n"), "\n")
		got = append(got, text)
	}
	if d := cmp.Diff([]string{"dossier", "report 2"}, got); d != "" {
		t.Error(d)
	}
}

func TestMergedPull(t *testing.T) {
	sha := func(c string) string { return strings.Repeat(c, 40) }
	l := newLab(t)
	add := func(n int, p githubtest.Pull) {
		p.Number, p.HeadRepo, p.HeadBranch, p.BaseSHA = n, "fork/stack", "b", someSHA
		l.AddPull(own.String(), p)
	}
	add(3, githubtest.Pull{Base: "main", HeadSHA: sha("1"), Closed: true})                                  // closed, not merged
	add(4, githubtest.Pull{Base: "dev", HeadSHA: sha("1"), Merged: sha("2")})                               // into another branch
	add(6, githubtest.Pull{Base: "main", HeadSHA: sha("3"), Merged: sha("5")})                              // made of that merge
	add(5, githubtest.Pull{Base: "main", HeadSHA: sha("1"), Merged: sha("3"), Commits: []string{sha("4")}}) // merged
	add(7, githubtest.Pull{Base: "main", HeadSHA: sha("6")})                                                // open
	for commit, want := range map[string]int{sha("1"): 5, sha("2"): 0, sha("3"): 5, sha("4"): 5, sha("5"): 6, sha("6"): 0, sha("7"): 0} {
		n, ok, err := l.client(reader).MergedPull(context.Background(), own, "main", commit)
		if err != nil || n != want || ok != (want != 0) {
			t.Errorf("%.2s: %d, %v, %v; want %d", commit, n, ok, err, want)
		}
	}
	if _, _, err := l.client(reader).MergedPull(context.Background(), own, "main", "main"); !isKind(err, Invalid) {
		t.Error(err)
	}
	l.Fail(githubtest.Fault{On: "/pulls", Status: 403, Message: "Resource not accessible by integration"})
	if _, ok, err := l.client(reader).MergedPull(context.Background(), own, "main", sha("1")); !isKind(err, Refused) || ok {
		t.Error(err)
	}
}

func TestDeploy(t *testing.T) {
	l, since := stackLab(t)
	l.Set(own.String(), githubtest.Settings{Checks: []string{"ci"}}) // which a deployment of ours does not wait for
	moved := l.AddFiles(own.String(), "main", with(map[string]string{"docs/a.md": "b"}))
	ctx := context.Background()
	c := l.client(writer)
	deploy := func(d Deployment) int64 {
		t.Helper()
		id, err := c.Deploy(ctx, own, d)
		if err != nil || id == 0 {
			t.Fatalf("%d, %v", id, err)
		}
		return id
	}
	set := func(id int64, s DeployStatus) {
		t.Helper()
		if err := c.SetDeployStatus(ctx, own, id, s); err != nil {
			t.Error(err)
		}
	}
	// An old commit, which main does not merge into.
	first := deploy(Deployment{Ref: since, Environment: "staging", Run: "run1", Description: strings.Repeat("ä", 200)})
	set(first, DeployStatus{State: DeployInProgress, LogURL: "https://github.com/acme/stack/actions/runs/1"})
	set(first, DeployStatus{State: DeploySuccess, Description: strings.Repeat("x", 141), URL: "https://n8n.example"})
	l.Fail(githubtest.LostAnswer("POST /repos/acme/stack/deployments"))
	second := deploy(Deployment{Ref: moved, Environment: "staging", Run: "run2"})
	l.Fail(githubtest.Fault{On: "/statuses", Status: 502})
	set(second, DeployStatus{State: DeploySuccess})
	l.Fail(githubtest.Fault{On: "POST /repos/acme/stack/deployments", Status: 502})
	third := deploy(Deployment{Ref: moved, Environment: "prod", Production: true, Run: "run2"})
	for _, state := range []string{DeployFailure, DeployError, DeployInactive} {
		set(third, DeployStatus{State: state})
	}
	var got []string
	for _, d := range l.Deployments(own.String()) {
		line := fmt.Sprint(d.ID, " ", d.SHA == since, " ", d.Environment, " ", d.Production, " ", d.Transient, " ", string(d.Payload))
		for _, s := range d.Statuses {
			line += " " + s.State
		}
		got = append(got, line)
	}
	want := []string{
		fmt.Sprint(first, ` true staging false false {"belay_run":"run1"} in_progress success inactive`),
		fmt.Sprint(second, ` false staging false false {"belay_run":"run2"} success`),
		fmt.Sprint(third, ` false prod true false {"belay_run":"run2"} failure error inactive`),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	d := l.Deployments(own.String())[0]
	if len([]rune(d.Description)) != 140 || d.Statuses[0].LogURL == "" || len(d.Statuses[1].Description) != 140 || d.Statuses[1].EnvironmentURL != "https://n8n.example" {
		t.Errorf("%+v", d)
	}
}

// Those that are open are ours, of the environment, and were last said to be in progress.
func TestOpenDeployments(t *testing.T) {
	l, since := stackLab(t)
	c := l.client(writer)
	made := map[string]int64{}
	for _, d := range []struct {
		run, environment string
		states           []string
	}{{"held", "prod", []string{DeployInProgress, DeployInProgress}}, {"over", "prod", []string{DeployInProgress, DeployFailure}}, {"unsaid", "prod", nil}, {"elsewhere", "dev", []string{DeployInProgress}}, {"newest", "prod", []string{DeployInProgress}}} {
		id, err := c.Deploy(context.Background(), own, Deployment{Ref: since, Environment: d.environment, Run: d.run})
		if err != nil {
			t.Fatal(err)
		}
		made[d.run] = id
		for _, state := range d.states {
			if err := c.SetDeployStatus(context.Background(), own, id, DeployStatus{State: state}); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := c.OpenDeployments(context.Background(), own, "prod")
	if err != nil || !slices.Equal(got, []int64{made["newest"], made["held"]}) {
		t.Errorf("%v, %v of %v", got, err, made)
	}
	l.Fail(githubtest.Fault{On: "/statuses", Status: 403, Message: "Resource not accessible by integration"})
	if _, err := c.OpenDeployments(context.Background(), own, "prod"); !isKind(err, Refused) {
		t.Error(err)
	}
}

// TestDeployRefused: an error names the permission, and a wrong word never
// gets to GitHub.
func TestDeployRefused(t *testing.T) {
	l, since := stackLab(t)
	ctx := context.Background()
	l.AddToken("none", bot, githubtest.Rights{Write: true, Workflow: true, Deployments: "none"})
	l.AddToken("scopeless", "dev", githubtest.Rights{})
	good := Deployment{Ref: since, Environment: "prod", Run: "r"}
	id, err := l.client(writer).Deploy(ctx, own, good)
	if err != nil {
		t.Fatal(err)
	}
	for token, status := range map[string]int{"none": 403, reader: 403, "scopeless": 404} {
		_, err := l.client(token).Deploy(ctx, own, good)
		if !isKind(err, Refused) || statusOf(err) != status || !strings.Contains(err.(*Error).Hint(), "`deployments: write`") {
			t.Errorf("%s: %v", token, err)
		}
		if err = l.client(token).SetDeployStatus(ctx, own, id, DeployStatus{State: DeploySuccess}); !isKind(err, Refused) || !strings.Contains(err.(*Error).Hint(), "`deployments: write`") {
			t.Errorf("%s: %v", token, err)
		}
	}
	c := l.client(writer)
	if _, err := c.Deploy(ctx, own, Deployment{Ref: "gone", Environment: "prod", Run: "r"}); !isKind(err, Invalid) || !strings.Contains(err.Error(), "No ref found for: gone") {
		t.Error(err)
	}
	l.Fail(githubtest.Fault{On: "/deployments", Status: 409, Message: "Conflict: Commit status checks failed for main."})
	if _, err := c.Deploy(ctx, own, good); !isKind(err, Invalid) || !strings.Contains(err.Error(), "checks failed for main") {
		t.Error(err)
	}
	l.Forget()
	for _, d := range []Deployment{{}, {Ref: "main", Environment: "x"}, {Ref: "a..b", Environment: "x", Run: "r"}} {
		if _, err := c.Deploy(ctx, own, d); !isKind(err, Invalid) {
			t.Errorf("%+v: %v", d, err)
		}
	}
	for _, s := range []DeployStatus{{}, {State: "done"}, {State: DeploySuccess, LogURL: "javascript:alert(1)"}, {State: DeploySuccess, URL: "n8n"}} {
		if err := c.SetDeployStatus(ctx, own, id, s); !isKind(err, Invalid) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if n := len(l.Requests()); n != 0 {
		t.Errorf("%d questions for what cannot be", n)
	}
}

// TestWritesSpaced: what people get to see goes out a second apart, as GitHub
// asks for.
func TestWritesSpaced(t *testing.T) {
	l := newLab(t)
	c := l.client(writer)
	for i := range 3 {
		if _, err := c.OpenIssue(context.Background(), own, Issue{Key: fmt.Sprint("k", i), Title: "t", Body: "b"}); err != nil {
			t.Fatal(err)
		}
	}
	if waits := l.waited(); len(waits) != 2 || waits[0] < 900*time.Millisecond {
		t.Errorf("%v", waits)
	}
}
