package github

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"

	gh "github.com/google/go-github/v60/github"
)

// maxBody is what GitHub takes as a comment, in UTF-16 units.
const maxBody = 65536

// Comment is what Belay has to say on a pull request of one stack.
type Comment struct {
	Key   string // of the stack; letters, digits, - and _. Goes into the hidden marker
	Body  string // without the marker
	Basis string // what Body says without what differs from run to run, such as the address of one: equal means unchanged; "" is Body
	Clean bool   // there is nothing to say: Body replaces an older comment, and no new one is made
}

// Actions of an Outcome.
const (
	Created   = "created"
	Updated   = "updated"
	Unchanged = "unchanged" // it says this already
	Resolved  = "resolved"  // an older comment says now that all is well
	None      = "none"      // nothing to say, and nothing was said
	Stale     = "stale"     // nothing was written: the pull request has another head by now
)

// Kinds of comments. Those of one kind do not know those of another.
const (
	Dossier = "dossier"
	Report  = "report" // on what was done after the merge
)

// SyncOptions bound what Sync does; the zero value does not.
type SyncOptions struct {
	Kind string // "" is Dossier
	Head string // the commit that wanted is about: a run that comes late must not overwrite what a newer one said; "" is any
	Most int    // comments of ours that there may be on the pull request, twins included; 0 is any number
}

// Outcome is what became of a Comment.
type Outcome struct {
	Key, Action, URL string
	Number           int  // of an issue
	Hidden           bool // somebody minimised the comment
	Twins            int  // more comments of ours for this key, of runs at one time: left as they are
}

// posted is a comment of ours on the pull request.
type posted struct {
	id     int64
	hash   string
	url    string
	hidden bool
	twins  int
}

// marker is the first line of a comment of ours; hash is of what it
// said when it was written, since GitHub changes line ends and white space.
func marker(kind, key, body string) string {
	return fmt.Sprintf("<!-- belay:%s %s %s -->", kind, key, sum([]byte(body))[:24])
}

var (
	keyForm     = lazy(`^[A-Za-z0-9_-]{1,64}$`)
	markerForm  = lazy(`^<!-- belay:(dossier|report|suggestion|issue|change) ([A-Za-z0-9_-]{1,64}) ([0-9a-f]{24}) -->$`)
	commentLink = lazy(`#issuecomment-([0-9]{1,18})$`)
)

// readMarker reads the first line of a comment.
func readMarker(kind, body string) (key, hash string, ok bool) {
	line, _, _ := strings.Cut(body, "\n")
	m := markerForm().FindStringSubmatch(strings.TrimRight(line, "\r \t"))
	if m == nil || m[1] != kind {
		return "", "", false
	}
	return m[2], m[3], true
}

// Sync makes the comments of ours on a pull request what wanted says: one for
// each key, updated in place. Ours is a comment that the token's owner wrote
// and whose first line is our marker; anybody can write the marker alone. On
// an error the outcomes before it are given too. Where o.Most would be
// exceeded, those that are there are updated, none is made, and the error is
// of Kind TooLarge.
func (c *Client) Sync(ctx context.Context, repo Repo, pr int, wanted []Comment, o SyncOptions) ([]Outcome, error) {
	const op = "comment on a pull request of"
	if _, err := repoPath(op, repo.String()); err != nil {
		return nil, err
	}
	o.Kind = cmp.Or(o.Kind, Dossier)
	if err := checkComments(o.Kind, wanted); err != nil {
		return nil, named(err, op, repo.String())
	}
	there, err := c.ours(ctx, repo, pr, o.Kind)
	if err != nil {
		return nil, named(err, op, repo.String())
	}
	missing := 0
	for _, w := range wanted {
		if there.byKey[w.Key] == nil && !w.Clean {
			missing++
		}
	}
	full := o.Most > 0 && missing > 0 && there.count+missing > o.Most
	var out []Outcome
	for _, w := range wanted {
		have := there.byKey[w.Key]
		if full && have == nil && !w.Clean {
			continue
		}
		done := Outcome{Key: w.Key, Action: Stale}
		if !there.moved(o.Head) {
			if done, err = c.syncOne(ctx, repo, pr, w, have, o); err != nil {
				return out, named(err, op, repo.String())
			}
		}
		out = append(out, done)
	}
	if full && !there.moved(o.Head) {
		err = &Error{Kind: TooLarge, Err: fmt.Errorf("%d comments of ours are there and %d would be new; %d is the most", there.count, missing, o.Most)}
	}
	return out, named(err, op, repo.String())
}

func checkComments(kind string, wanted []Comment) error {
	seen := map[string]bool{}
	for _, w := range wanted {
		if !keyForm().MatchString(w.Key) || seen[w.Key] {
			return &Error{Kind: Invalid, Err: errName("two comments with one key, or a key that is none")}
		}
		seen[w.Key] = true
		if err := checkBody(w.full(kind)); err != nil {
			return err
		}
	}
	return nil
}

// checkBody refuses what GitHub takes neither as a comment nor as the text of an
// issue or a pull request.
func checkBody(body string) error {
	if n := len(utf16.Encode([]rune(body))); n > maxBody {
		return &Error{Kind: TooLarge, Err: fmt.Errorf("a text of %d characters; GitHub takes %d", n, maxBody)}
	}
	return nil
}

func (w Comment) full(kind string) string {
	return marker(kind, w.Key, cmp.Or(w.Basis, w.Body)) + "\n" + w.Body
}

// syncOne writes one comment when there is a need to. When the answer of a
// write is lost, it is looked for before it is sent once more.
func (c *Client) syncOne(ctx context.Context, repo Repo, pr int, w Comment, have *posted, o SyncOptions) (Outcome, error) {
	_, hash, _ := readMarker(o.Kind, w.full(o.Kind))
	action := Created
	for attempt := 0; ; attempt++ {
		switch {
		case have == nil && w.Clean:
			return Outcome{Key: w.Key, Action: None}, nil
		case have != nil && have.hash == hash:
			if attempt == 0 {
				action = Unchanged
			}
			return Outcome{Key: w.Key, Action: action, URL: have.url, Hidden: have.hidden, Twins: have.twins}, nil
		case have != nil && w.Clean:
			action = Resolved
		case have != nil:
			action = Updated
		}
		link, err := c.write(ctx, repo, pr, w.full(o.Kind), have)
		if err == nil {
			done := Outcome{Key: w.Key, Action: action, URL: link}
			if have != nil {
				done.Hidden, done.Twins = have.hidden, have.twins
			}
			return done, nil
		}
		if !isKind(err, Offline, Broken) || attempt > 0 || ctx.Err() != nil {
			return Outcome{}, err
		}
		if wait := c.backoff(ctx, 1); wait != nil {
			return Outcome{}, err
		}
		there, lookErr := c.ours(ctx, repo, pr, o.Kind)
		if lookErr != nil {
			return Outcome{}, err
		}
		if there.moved(o.Head) {
			return Outcome{Key: w.Key, Action: Stale}, nil
		}
		have = there.byKey[w.Key]
	}
}

// write sends one comment, new or in the place of have.
func (c *Client) write(ctx context.Context, repo Repo, pr int, text string, have *posted) (link string, err error) {
	ctx, client := c.own.rest(ctx, repo.String())
	body := &gh.IssueComment{Body: gh.String(text)}
	var answer *gh.IssueComment
	if have == nil {
		answer, _, err = client.Issues.CreateComment(ctx, repo.Owner, repo.Name, pr, body)
	} else {
		answer, _, err = client.Issues.EditComment(ctx, repo.Owner, repo.Name, have.id, body)
	}
	if err != nil {
		return "", refusedWrite(err, "pull-requests")
	}
	return answer.GetHTMLURL(), nil
}

const commentsQuestion = `query($owner:String!,$name:String!,$number:Int!,$after:String){repository(owner:$owner,name:$name){pullRequest(number:$number){headRefOid comments(first:100,after:$after){pageInfo{hasNextPage endCursor}nodes{body viewerDidAuthor isMinimized url}}}}}`

// thread is a pull request as its comments stand.
type thread struct {
	byKey map[string]*posted // ours, the oldest of each key
	count int                // ours, twins included
	head  string             // the commit that the pull request is at
}

// moved reports whether the pull request is at another commit than head.
func (t thread) moved(head string) bool { return head != "" && head != t.head }

// ours finds our comments of a kind by their keys: comments are listed in the order they
// were made. The number that REST wants is in the URL: databaseId is an Int of
// 32 bits, which newer comments have outgrown.
func (c *Client) ours(ctx context.Context, repo Repo, pr int, kind string) (thread, error) {
	out := thread{byKey: map[string]*posted{}}
	vars := map[string]any{"owner": repo.Owner, "name": repo.Name, "number": pr, "after": nil}
	for range maxListed {
		var answer struct {
			Repository *struct {
				PullRequest *struct {
					HeadRefOid string
					Comments   struct {
						PageInfo pageInfo
						Nodes    []struct {
							Body, URL                    string
							ViewerDidAuthor, IsMinimized bool
						}
					}
				}
			}
		}
		if err := c.query(ctx, c.own, repo.String(), commentsQuestion, vars, &answer); err != nil {
			return out, err
		}
		if answer.Repository == nil || answer.Repository.PullRequest == nil {
			return out, &Error{Kind: NotFound}
		}
		out.head = answer.Repository.PullRequest.HeadRefOid
		comments := answer.Repository.PullRequest.Comments
		for _, n := range comments.Nodes {
			key, hash, ok := readMarker(kind, n.Body)
			id := commentLink().FindStringSubmatch(n.URL)
			if !ok || !n.ViewerDidAuthor || id == nil {
				continue
			}
			number, err := strconv.ParseInt(id[1], 10, 64)
			if err != nil {
				continue
			}
			out.count++
			if first := out.byKey[key]; first != nil {
				first.twins++
				continue
			}
			out.byKey[key] = &posted{id: number, hash: hash, url: n.URL, hidden: n.IsMinimized}
		}
		if !comments.PageInfo.HasNextPage {
			return out, nil
		}
		vars["after"] = comments.PageInfo.EndCursor
	}
	return out, &Error{Kind: TooLarge, Err: fmt.Errorf("more than %d comments", maxListed*perPage)}
}

type pageInfo struct {
	HasNextPage bool
	EndCursor   string
}
