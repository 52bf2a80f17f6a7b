package github

import (
	"context"
	"slices"
	"strconv"
	"strings"

	gh "github.com/google/go-github/v60/github"
)

// maxSuggestions go into one review; more would bury the pull request.
const maxSuggestions = 50

// Suggestion is a comment on lines of a file, at the commit that is the pull
// request's head.
type Suggestion struct {
	Path    string
	Line    int // 1-based
	EndLine int // the last one; 0 is Line
	Body    string
	Key     string // goes into a hidden marker, so that it is not posted twice
}

// Suggest posts in one review those suggestions whose lines are all in one
// piece of the diff, which is where GitHub takes comments, and which are not
// there yet. The others are skipped.
func (c *Client) Suggest(ctx context.Context, repo Repo, pr int, commit string, s []Suggestion) (sent, skipped int, err error) {
	const op = "suggest changes on a pull request of"
	if _, err := repoPath(op, repo.String()); err != nil {
		return 0, len(s), err
	}
	if len(s) == 0 {
		return 0, 0, nil
	}
	rest, client := c.own.rest(ctx, repo.String())
	files, err := all(func(o *gh.ListOptions) ([]*gh.CommitFile, *gh.Response, error) {
		return client.PullRequests.ListFiles(rest, repo.Owner, repo.Name, pr, o)
	})
	if err != nil {
		return 0, len(s), named(err, op, repo.String())
	}
	patches := map[string]map[int]int{}
	for _, f := range files {
		patches[f.GetFilename()] = commentable(f.GetPatch())
	}
	fit := slices.DeleteFunc(slices.Clone(s), func(x Suggestion) bool { return !x.fits(patches[x.Path]) })
	if len(fit) == 0 {
		return 0, len(s), nil
	}
	for attempt := 0; ; attempt++ {
		known, err := c.suggested(ctx, repo, pr)
		if err != nil {
			return 0, len(s), named(err, op, repo.String())
		}
		left := slices.DeleteFunc(slices.Clone(fit), func(x Suggestion) bool { return known[x.Path+"\n"+x.marker()] })
		left = left[:min(len(left), maxSuggestions)]
		if attempt > 0 && len(left) == 0 { // the answer got lost, the review did not
			return sent, len(s) - sent, nil
		}
		sent = len(left)
		if sent == 0 {
			return 0, len(s), nil
		}
		_, _, err = client.PullRequests.CreateReview(rest, repo.Owner, repo.Name, pr, review(commit, left))
		if err == nil {
			return sent, len(s) - sent, nil
		}
		err = refusedWrite(err, "pull-requests")
		if !isKind(err, Offline, Broken) || attempt > 0 || c.backoff(ctx, 1) != nil {
			return 0, len(s), named(err, op, repo.String())
		}
	}
}

func review(commit string, s []Suggestion) *gh.PullRequestReviewRequest {
	// GitHub demands a text of a review that only comments.
	r := &gh.PullRequestReviewRequest{CommitID: gh.String(commit), Event: gh.String("COMMENT"), Body: gh.String("Belay suggests these changes.")}
	for _, x := range s {
		d := &gh.DraftReviewComment{Path: gh.String(x.Path), Body: gh.String(x.marker() + "\n" + x.Body), Side: gh.String("RIGHT"), Line: gh.Int(x.end())}
		if x.end() > x.Line {
			d.StartLine, d.StartSide = gh.Int(x.Line), gh.String("RIGHT")
		}
		r.Comments = append(r.Comments, d)
	}
	return r
}

func (x Suggestion) end() int { return max(x.Line, x.EndLine) }

func (x Suggestion) marker() string { return marker("suggestion", x.Key, x.Body) }

// fits reports whether all lines are in one hunk, which lines says per line.
func (x Suggestion) fits(lines map[int]int) bool {
	if !keyForm().MatchString(x.Key) || x.Line < 1 || len(x.Body) > maxBody/2 || x.end()-x.Line > 1000 {
		return false
	}
	for n := x.Line; n <= x.end(); n++ {
		if lines[n] == 0 || lines[n] != lines[x.Line] {
			return false
		}
	}
	return true
}

var hunkHead = lazy(`^@@ -[0-9]+(?:,[0-9]+)? \+([0-9]{1,9})(?:,[0-9]+)? @@`)

// commentable gives the lines of the new file that a patch shows, each with
// the number of its hunk, from 1.
func commentable(patch string) map[int]int {
	out := map[int]int{}
	hunk, line := 0, 0
	for text := range strings.Lines(patch) {
		if m := hunkHead().FindStringSubmatch(text); m != nil {
			hunk++
			line, _ = strconv.Atoi(m[1])
			continue
		}
		if hunk > 0 && (text[0] == ' ' || text[0] == '+') {
			out[line] = hunk
			line++
		}
	}
	return out
}

const threadsQuestion = `query($owner:String!,$name:String!,$number:Int!,$after:String){repository(owner:$owner,name:$name){pullRequest(number:$number){reviewThreads(first:100,after:$after){pageInfo{hasNextPage endCursor}nodes{path comments(first:1){nodes{body viewerDidAuthor}}}}}}}`

// suggested finds our suggestions, as path and marker.
func (c *Client) suggested(ctx context.Context, repo Repo, pr int) (map[string]bool, error) {
	out := map[string]bool{}
	vars := map[string]any{"owner": repo.Owner, "name": repo.Name, "number": pr, "after": nil}
	for range maxListed {
		var answer struct {
			Repository *struct {
				PullRequest *struct {
					ReviewThreads struct {
						PageInfo pageInfo
						Nodes    []struct {
							Path     string
							Comments struct {
								Nodes []struct {
									Body            string
									ViewerDidAuthor bool
								}
							}
						}
					}
				}
			}
		}
		if err := c.query(ctx, c.own, repo.String(), threadsQuestion, vars, &answer); err != nil {
			return nil, err
		}
		if answer.Repository == nil || answer.Repository.PullRequest == nil {
			return nil, &Error{Kind: NotFound}
		}
		threads := answer.Repository.PullRequest.ReviewThreads
		for _, t := range threads.Nodes {
			for _, n := range t.Comments.Nodes {
				if _, _, ok := readMarker("suggestion", n.Body); ok && n.ViewerDidAuthor {
					line, _, _ := strings.Cut(n.Body, "\n")
					out[t.Path+"\n"+strings.TrimRight(line, "\r \t")] = true
				}
			}
		}
		if !threads.PageInfo.HasNextPage {
			return out, nil
		}
		vars["after"] = threads.PageInfo.EndCursor
	}
	return nil, &Error{Kind: TooLarge}
}
