package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	aboutPulls  = docs + "/pulls/pulls#create-a-pull-request"
	aboutIssues = docs + "/issues/issues#create-an-issue"
)

// Issue is one of a repository.
type Issue struct {
	Number int    `json:"number"`
	Author string `json:"author"`
	Title  string `json:"title"`
	Body   string `json:"body"`
	Closed bool   `json:"closed"`
	URL    string `json:"url"`

	comments []*Comment
}

// AddIssue opens one of an author, and gives its number.
func (s *Server) AddIssue(repo, author, title, body string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repo(repo).open(author, title, body).Number
}

// Issues gives those of a repository by their numbers.
func (s *Server) Issues(repo string) []Issue {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Issue{}
	for _, i := range s.repo(repo).issues {
		out = append(out, *i)
	}
	return out
}

// Pulls gives the pull requests of a repository by their numbers.
func (s *Server) Pulls(repo string) []Pull {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Pull{}
	for _, p := range s.repo(repo).pulls {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Pull) int { return a.Number - b.Number })
	return out
}

func (r *repository) issue(n int) *Issue {
	i := slices.IndexFunc(r.issues, func(i *Issue) bool { return i.Number == n })
	if i < 0 {
		return nil
	}
	return r.issues[i]
}

// nextNumber is what the next pull request or issue gets.
func (r *repository) nextNumber() int {
	n := 0
	for _, p := range r.pulls {
		n = max(n, p.Number)
	}
	for _, i := range r.issues {
		n = max(n, i.Number)
	}
	return n + 1
}

func (r *repository) open(author, title, body string) *Issue {
	i := &Issue{Number: r.nextNumber(), Author: author, Title: title, Body: normalise(body)}
	i.URL = fmt.Sprintf("https://github.com/%s/issues/%d", r.name, i.Number)
	r.issues = append(r.issues, i)
	return i
}

// text is what a request says of a pull request or an issue; nil is not said.
type text struct {
	Title, Body, State *string
	StateReason        *string `json:"state_reason"`
}

// readText reads a request that writes a title and a body.
func (r *request) readText(resource string, create bool) (text, *reply) {
	var doc text
	var out reply
	switch {
	case json.Unmarshal(r.body, &doc) != nil:
		out = failure(http.StatusBadRequest, "Problems parsing JSON")
	case doc.Title != nil && strings.TrimSpace(*doc.Title) == "", create && doc.Title == nil:
		out = failure(http.StatusUnprocessableEntity, "Validation Failed", map[string]any{"resource": resource, "code": "missing_field", "field": "title"})
	case doc.Title != nil && len([]rune(*doc.Title)) > 256:
		out = failure(http.StatusUnprocessableEntity, "Validation Failed", map[string]any{"resource": resource, "code": "custom", "field": "title", "message": "title is too long (maximum is 256 characters)"})
	case doc.Body != nil && tooLong(*doc.Body):
		out = failure(http.StatusUnprocessableEntity, "Validation Failed", map[string]any{"resource": resource, "code": "custom", "field": "body", "message": "body is too long (maximum is 65536 characters)"})
	default:
		return doc, nil
	}
	return doc, &out
}

func (s *Server) createIssue(r *request) reply {
	if r.repo.settings.NoIssues {
		return failureAt(aboutIssues, http.StatusGone, "Issues has been disabled in this repository.")
	}
	if no := r.may(issues); no != nil {
		return *no
	}
	doc, no := r.readText("Issue", true)
	if no != nil {
		return *no
	}
	return reply{status: http.StatusCreated, body: r.issueJSON(r.repo.open(r.token.login, *doc.Title, deref(doc.Body)))}
}

func (s *Server) updateIssue(r *request) reply {
	n, _ := strconv.Atoi(r.args[0])
	i := r.repo.issue(n)
	switch {
	case r.repo.settings.NoIssues:
		return failureAt(aboutIssues, http.StatusGone, "Issues has been disabled in this repository.")
	case i == nil:
		return failure(http.StatusNotFound, "Not Found")
	}
	if no := r.may(issues); no != nil {
		return *no
	}
	doc, no := r.readText("Issue", false)
	if no != nil {
		return *no
	}
	set(&i.Title, doc.Title)
	if doc.Body != nil {
		i.Body = normalise(*doc.Body)
	}
	if doc.State != nil {
		i.Closed = *doc.State == "closed"
	}
	return reply{status: http.StatusOK, body: r.issueJSON(i)}
}

func (s *Server) createPull(r *request) reply {
	if no := r.mayOpenPull(); no != nil {
		return *no
	}
	doc, no := r.readText("PullRequest", true)
	if no != nil {
		return *no
	}
	var ends struct{ Head, Base string }
	if json.Unmarshal(r.body, &ends) != nil {
		return failure(http.StatusBadRequest, "Problems parsing JSON")
	}
	owner, _, _ := strings.Cut(r.repo.name, "/")
	head, g := strings.TrimPrefix(ends.Head, owner+":"), &r.repo.git
	for field, branch := range map[string]string{"base": ends.Base, "head": head} {
		if g.refs[branch] == "" {
			return failureAt(aboutPulls, http.StatusUnprocessableEntity, "Validation Failed", map[string]any{"resource": "PullRequest", "field": field, "code": "invalid"})
		}
	}
	if slices.ContainsFunc(r.repo.pulls, func(p *Pull) bool {
		return p.isOpen() && p.HeadBranch == head && p.Base == ends.Base && strings.EqualFold(p.HeadRepo, r.repo.name)
	}) {
		return invalid(aboutPulls, "PullRequest", "A pull request already exists for "+owner+":"+head+".")
	}
	if ahead, _ := g.between(g.refs[ends.Base], g.refs[head]); len(ahead) == 0 {
		return invalid(aboutPulls, "PullRequest", "No commits between "+ends.Base+" and "+head)
	}
	p := &Pull{Number: r.repo.nextNumber(), Author: r.token.login, HeadRepo: r.repo.name, HeadBranch: head, HeadSHA: g.refs[head],
		Base: ends.Base, BaseSHA: g.refs[ends.Base], Title: *doc.Title, Body: normalise(deref(doc.Body))}
	r.repo.pulls = append(r.repo.pulls, p)
	return reply{status: http.StatusCreated, body: r.fullPullJSON(p)}
}

func (s *Server) updatePull(r *request) reply {
	p := r.ofPull()
	if p == nil {
		return failure(http.StatusNotFound, "Not Found")
	}
	if no := r.may(pullRequests); no != nil {
		return *no
	}
	doc, no := r.readText("PullRequest", false)
	if no != nil {
		return *no
	}
	set(&p.Title, doc.Title)
	if doc.Body != nil {
		p.Body = normalise(*doc.Body)
	}
	if doc.State != nil {
		p.Closed = *doc.State == "closed"
	}
	return reply{status: http.StatusOK, body: r.fullPullJSON(p)}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// set changes to where there is something to change it to.
func set(to, value *string) {
	if value != nil {
		*to = *value
	}
}
