package github

import (
	"context"
	"slices"
	"strings"

	gh "github.com/google/go-github/v60/github"
)

// maxListed bounds the pages of a list about one pull request.
const maxListed = 30

// Repo is a repository on the pull request's own server.
type Repo struct{ Owner, Name string }

// String is owner/name.
func (r Repo) String() string { return r.Owner + "/" + r.Name }

// Labels gives the names of a pull request's labels as they are now.
func (c *Client) Labels(ctx context.Context, repo Repo, pr int) ([]string, error) {
	const op = "read the labels of a pull request of"
	if _, err := repoPath(op, repo.String()); err != nil {
		return nil, err
	}
	ctx, client := c.own.rest(ctx, repo.String())
	labels, err := all(func(o *gh.ListOptions) ([]*gh.Label, *gh.Response, error) {
		return client.Issues.ListLabelsByIssue(ctx, repo.Owner, repo.Name, pr, o)
	})
	if err != nil {
		return nil, named(err, op, repo.String())
	}
	var names []string
	for _, l := range labels {
		names = append(names, l.GetName())
	}
	return names, nil
}

// all reads a list to its end.
func all[T any](page func(*gh.ListOptions) ([]T, *gh.Response, error)) ([]T, error) {
	var out []T
	for o := (&gh.ListOptions{PerPage: perPage}); ; {
		items, resp, err := page(o)
		if err != nil {
			return nil, err
		}
		out = append(out, items...)
		if resp.NextPage == 0 {
			return out, nil
		}
		if o.Page = resp.NextPage; o.Page > maxListed {
			return nil, &Error{Kind: TooLarge}
		}
	}
}

// MergeBase gives the commit where head left base.
func (c *Client) MergeBase(ctx context.Context, repo Repo, base, head string) (string, error) {
	const op = "find the common commit of two in"
	if _, err := repoPath(op, repo.String()); err != nil {
		return "", err
	}
	for _, ref := range []string{base, head} {
		if err := checkRef(op, repo.String(), ref); err != nil {
			return "", err
		}
	}
	ctx, client := c.own.rest(ctx, repo.String())
	cmp, _, err := client.Repositories.CompareCommits(ctx, repo.Owner, repo.Name, base, head, &gh.ListOptions{PerPage: 1})
	if err != nil {
		return "", named(err, op, repo.String())
	}
	sha := cmp.GetMergeBaseCommit().GetSHA()
	if !isCommit(sha) {
		return "", &Error{Op: op, Repo: repo.String(), Kind: Broken}
	}
	return sha, nil
}

// PullsOf gives the numbers of the open pull requests whose head is this
// commit of this repository ("owner/name"), in ascending order: the event of a
// workflow_run names none for a fork. headBranch may be "".
//
// Who publishes a result must not take the number from the result: another
// pull request's author could have written it.
func (c *Client) PullsOf(ctx context.Context, repo Repo, headRepo, headBranch, headSHA string) ([]int, error) {
	const op = "find the pull request of a commit in"
	for _, r := range []string{repo.String(), headRepo} {
		if _, err := repoPath(op, r); err != nil {
			return nil, err
		}
	}
	if !isCommit(headSHA) {
		return nil, &Error{Op: op, Repo: repo.String(), Kind: Invalid, Err: errName("not a commit")}
	}
	ctx, client := c.own.rest(ctx, repo.String())
	pulls, err := all(func(o *gh.ListOptions) ([]*gh.PullRequest, *gh.Response, error) {
		return client.PullRequests.ListPullRequestsWithCommit(ctx, repo.Owner, repo.Name, headSHA, o)
	})
	if err != nil && !isKind(err, NotFound, Invalid) {
		return nil, named(err, op, repo.String())
	}
	found := matching(pulls, headRepo, headSHA)
	if len(found) > 0 || headBranch == "" {
		return found, nil
	}
	// A commit that is only in a fork may not be known to belong to a pull request.
	owner, _, _ := strings.Cut(headRepo, "/")
	pulls, err = all(func(o *gh.ListOptions) ([]*gh.PullRequest, *gh.Response, error) {
		return client.PullRequests.List(ctx, repo.Owner, repo.Name, &gh.PullRequestListOptions{State: "open", Head: owner + ":" + headBranch, ListOptions: *o})
	})
	if err != nil {
		return nil, named(err, op, repo.String())
	}
	return matching(pulls, headRepo, headSHA), nil
}

func matching(pulls []*gh.PullRequest, headRepo, headSHA string) []int {
	var out []int
	for _, p := range pulls {
		if p.GetState() == "open" && p.GetHead().GetSHA() == headSHA && strings.EqualFold(p.GetHead().GetRepo().GetFullName(), headRepo) {
			out = append(out, p.GetNumber())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// MergedPull gives the pull request that brought a commit to a branch; false
// when none did. Of several the one whose merge made the commit, else the one
// that was merged first.
func (c *Client) MergedPull(ctx context.Context, repo Repo, branch, commit string) (number int, ok bool, err error) {
	const op = "find the merged pull request of a commit in"
	if _, err := repoPath(op, repo.String()); err != nil {
		return 0, false, err
	}
	if !isCommit(commit) {
		return 0, false, &Error{Op: op, Repo: repo.String(), Kind: Invalid, Err: errName("not a commit")}
	}
	ctx, client := c.own.rest(ctx, repo.String())
	pulls, err := all(func(o *gh.ListOptions) ([]*gh.PullRequest, *gh.Response, error) {
		return client.PullRequests.ListPullRequestsWithCommit(ctx, repo.Owner, repo.Name, commit, o)
	})
	if err != nil {
		return 0, false, named(err, op, repo.String())
	}
	var first *gh.PullRequest
	for _, p := range pulls {
		switch {
		case p.MergedAt == nil || p.GetBase().GetRef() != branch || !strings.EqualFold(p.GetBase().GetRepo().GetFullName(), repo.String()):
		case p.GetMergeCommitSHA() == commit:
			return p.GetNumber(), true, nil
		case first == nil || p.GetMergedAt().Before(first.GetMergedAt().Time):
			first = p
		}
	}
	return first.GetNumber(), first != nil, nil
}
