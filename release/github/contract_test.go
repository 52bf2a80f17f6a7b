package github

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release/github/githubtest"
)

// TestContract makes every call once, held against GitHub's own description
// of its REST API; the other tests are too, where it is at hand. What that
// description lacks is stated here.
func TestContract(t *testing.T) {
	if githubtest.FindContract() == "" {
		t.Skip("GitHub's OpenAPI description is not beside this checkout: requests and answers are not held against it")
	}
	l := newLab(t)
	ctx := context.Background()
	files := map[string][]byte{"docker/a": []byte("A")}
	l.addReleases(upstream, 120, 0)
	l.AddFiles(upstream, "1.1.0", files)
	l.AddFiles(own.String(), someSHA, files)
	l.SetMergeBase(own.String(), "main", someSHA, someSHA)
	l.AddPull(own.String(), githubtest.Pull{Number: 7, HeadRepo: "fork/stack", HeadBranch: "b", HeadSHA: someSHA, Base: "main", BaseSHA: someSHA, Labels: []string{"x"}, Unlisted: true,
		Files: []githubtest.File{{Name: "compose.yml", Patch: somePatch}}})
	for _, token := range []string{writer, ""} {
		c := l.client(token)
		var errs [17]error
		_, errs[0] = c.Releases(ctx, upstream, never)
		_, errs[1] = c.ReleaseAt(ctx, upstream, "1.1.0")
		_, errs[2] = c.File(ctx, upstream, "docker/a", "1.1.0")
		_, errs[3] = c.Tree(ctx, upstream, "docker", "1.1.0", func(string) bool { return true })
		_, errs[4] = c.RepoFiles(ctx, own, someSHA, func(string, int) bool { return true })
		_, errs[5] = c.Labels(ctx, own, 7)
		_, errs[6] = c.MergeBase(ctx, own, "main", someSHA)
		_, errs[7] = c.PullsOf(ctx, own, "fork/stack", "b", someSHA)
		if token != "" {
			for _, body := range []string{"one", "two"} {
				if _, errs[8] = c.Sync(ctx, own, 7, []Comment{{Key: "s1", Body: body}}, SyncOptions{}); errs[8] != nil {
					break
				}
			}
			_, _, errs[9] = c.Suggest(ctx, own, 7, someSHA, []Suggestion{{Path: "compose.yml", Line: 2, EndLine: 3, Body: "x", Key: "k"}})
		}
		_, _, errs[10] = c.MergedPull(ctx, own, "main", someSHA)
		if token != "" {
			since := l.AddFiles(own.String(), "main", map[string][]byte{"a": []byte("1"), "b": []byte("2")})
			for _, text := range []string{"2", "3"} { // a new pull request, and another text of it
				change := Change{Key: "s1", Base: "main", Since: since, Way: ByPull, Message: "m", Run: "r", Head: "h", Title: "t", Body: text, Files: map[string][]byte{"a": []byte(text), "b": nil}}
				if _, errs[11] = c.WriteFiles(ctx, own, change); errs[11] != nil {
					break
				}
				change.Way = ByCommit
				change.Files = map[string][]byte{"c" + text: []byte(text)}
				if _, errs[11] = c.WriteFiles(ctx, own, change); errs[11] != nil {
					break
				}
			}
			for _, body := range []string{"one", "two"} {
				if _, errs[12] = c.OpenIssue(ctx, own, Issue{Key: "s1", Title: "t", Body: body, Again: "again"}); errs[12] != nil {
					break
				}
			}
			_, errs[13] = c.CloseIssue(ctx, own, "s1", "well")
			var id int64
			l.Fail(githubtest.LostAnswer("POST /repos/acme/stack/deployments")) // so that they are listed too
			id, errs[14] = c.Deploy(ctx, own, Deployment{Ref: since, Environment: "prod", Run: "r"})
			errs[15] = c.SetDeployStatus(ctx, own, id, DeployStatus{State: DeploySuccess, LogURL: "https://example.com"})
			_, errs[16] = c.OpenDeployments(ctx, own, "prod")
		}
		for i, err := range errs {
			if err != nil {
				t.Errorf("call %d with token %q: %v", i, token, err)
			}
		}
	}
	checked, missing := l.Contract()
	if d := cmp.Diff([]string{"GET /repos/{owner}/{repo}/git/commits/{commit_sha}", "GET /repos/{owner}/{repo}/git/blobs/{file_sha}"}, missing); d != "" {
		t.Error(d)
	}
	if checked < 60 {
		t.Errorf("only %d calls were held against the description", checked)
	}
}
