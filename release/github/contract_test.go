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
		var errs [10]error
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
		for i, err := range errs {
			if err != nil {
				t.Errorf("call %d with token %q: %v", i, token, err)
			}
		}
	}
	checked, missing := l.Contract()
	if d := cmp.Diff([]string{"GET /repos/{owner}/{repo}/git/blobs/{file_sha}"}, missing); d != "" {
		t.Error(d)
	}
	if checked < 20 {
		t.Errorf("only %d calls were held against the description", checked)
	}
}
