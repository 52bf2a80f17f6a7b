package github

import (
	"cmp"
	"context"
	"fmt"

	gh "github.com/google/go-github/v60/github"
)

// Issue is something that a person has to see to, of one stack.
type Issue struct {
	Key   string // goes into the hidden marker: one issue is open for each; letters, digits, - and _
	Title string
	Body  string // without the marker
	Basis string // as in Comment: equal means that this was told already; "" is Body
	Again string // a comment for when the issue is there and is told something new; "" adds none
}

// OpenIssue opens the issue of a key, or brings the open one up to date:
// Outcome.Action is Created, Updated or Unchanged. An issue is ours when the
// token's owner wrote it and its first line is our marker, as with comments.
// Issues that a person closed stay closed. GitHub answers 410 where issues are
// disabled, which is an error of Kind Refused.
func (c *Client) OpenIssue(ctx context.Context, repo Repo, i Issue) (Outcome, error) {
	const op = "open an issue in"
	if _, err := repoPath(op, repo.String()); err != nil {
		return Outcome{}, err
	}
	if !keyForm().MatchString(i.Key) || i.Title == "" {
		return Outcome{}, &Error{Op: op, Repo: repo.String(), Kind: Invalid, Err: errName("an issue without a title, or with a key that is none")}
	}
	first := marker("issue", i.Key, cmp.Or(i.Basis, i.Body))
	request := &gh.IssueRequest{Title: gh.String(short(i.Title, titleMax)), Body: gh.String(first + "\n" + i.Body)}
	for _, text := range []string{request.GetBody(), i.Again} {
		if err := checkBody(text); err != nil {
			return Outcome{}, named(err, op, repo.String())
		}
	}
	_, wanted, _ := readMarker("issue", first)
	rest, client := c.own.rest(ctx, repo.String())
	out := Outcome{Key: i.Key, Action: Created}
	for attempt := 0; ; attempt++ {
		there, err := c.ourIssues(ctx, repo, i.Key)
		if err != nil {
			return Outcome{}, named(err, op, repo.String())
		}
		var have *gh.Issue
		if len(there) > 0 {
			out.Number, out.URL, out.Twins = there[0].number, there[0].url, len(there)-1
			if there[0].hash == wanted {
				if attempt == 0 {
					out.Action = Unchanged
				}
				return out, c.again(ctx, repo, out, i.Again)
			}
			out.Action = Updated
			have, _, err = client.Issues.Edit(rest, repo.Owner, repo.Name, out.Number, request)
		} else {
			have, _, err = client.Issues.Create(rest, repo.Owner, repo.Name, request)
		}
		if err == nil {
			out.Number, out.URL = have.GetNumber(), have.GetHTMLURL()
			return out, c.again(ctx, repo, out, i.Again)
		}
		err = refusedWrite(err, "issues")
		if !isKind(err, Offline, Broken) || attempt > 0 || c.backoff(ctx, 1) != nil {
			return Outcome{}, named(err, op, repo.String())
		}
	}
}

// again comments on an issue that was brought up to date.
func (c *Client) again(ctx context.Context, repo Repo, o Outcome, text string) error {
	if o.Action != Updated || text == "" {
		return nil
	}
	return c.remark(ctx, repo, o.Number, text)
}

func (c *Client) remark(ctx context.Context, repo Repo, number int, text string) error {
	ctx, client := c.own.rest(ctx, repo.String())
	_, _, err := client.Issues.CreateComment(ctx, repo.Owner, repo.Name, number, &gh.IssueComment{Body: gh.String(text)})
	return named(refusedWrite(err, "issues"), "comment on an issue of", repo.String())
}

// CloseIssue closes what is open of ours under a key, and then says comment on
// it: Resolved, or None when nothing is open.
func (c *Client) CloseIssue(ctx context.Context, repo Repo, key, comment string) (Outcome, error) {
	const op = "close an issue of"
	if _, err := repoPath(op, repo.String()); err != nil {
		return Outcome{}, err
	}
	if err := checkBody(comment); err != nil {
		return Outcome{}, named(err, op, repo.String())
	}
	there, err := c.ourIssues(ctx, repo, key)
	if err != nil || len(there) == 0 {
		return Outcome{Key: key, Action: None}, named(err, op, repo.String())
	}
	out := Outcome{Key: key, Action: Resolved, Number: there[0].number, URL: there[0].url, Twins: len(there) - 1}
	rest, client := c.own.rest(ctx, repo.String())
	for _, i := range there {
		for attempt := 0; ; attempt++ { // closed twice is closed
			_, _, err := client.Issues.Edit(rest, repo.Owner, repo.Name, i.number, &gh.IssueRequest{State: gh.String("closed"), StateReason: gh.String("completed")})
			if err == nil {
				break
			}
			if err = refusedWrite(err, "issues"); !isKind(err, Offline, Broken) || attempt > 0 || c.backoff(ctx, 1) != nil {
				return Outcome{}, named(err, op, repo.String())
			}
		}
	}
	if comment == "" {
		return out, nil
	}
	return out, c.remark(ctx, repo, out.Number, comment)
}

const issuesQuestion = `query($owner:String!,$name:String!,$after:String){repository(owner:$owner,name:$name){issues(first:100,after:$after,states:[OPEN]){pageInfo{hasNextPage endCursor}nodes{number url body viewerDidAuthor}}}}`

// openIssue is one of ours.
type openIssue struct {
	number    int
	url, hash string
}

// ourIssues finds our open issues of a key, oldest first.
func (c *Client) ourIssues(ctx context.Context, repo Repo, key string) ([]openIssue, error) {
	var out []openIssue
	vars := map[string]any{"owner": repo.Owner, "name": repo.Name, "after": nil}
	for range maxListed {
		var answer struct {
			Repository *struct {
				Issues struct {
					PageInfo pageInfo
					Nodes    []struct {
						Number          int
						URL, Body       string
						ViewerDidAuthor bool
					}
				}
			}
		}
		if err := c.query(ctx, c.own, repo.String(), issuesQuestion, vars, &answer); err != nil {
			return nil, err
		}
		if answer.Repository == nil {
			return nil, &Error{Kind: NotFound}
		}
		for _, n := range answer.Repository.Issues.Nodes {
			if have, hash, ok := readMarker("issue", n.Body); ok && n.ViewerDidAuthor && have == key {
				out = append(out, openIssue{n.Number, n.URL, hash})
			}
		}
		if !answer.Repository.Issues.PageInfo.HasNextPage {
			return out, nil
		}
		vars["after"] = answer.Repository.Issues.PageInfo.EndCursor
	}
	return nil, &Error{Kind: TooLarge, Err: fmt.Errorf("more than %d issues are open", maxListed*perPage)}
}
