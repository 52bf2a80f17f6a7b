package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

const maxBody = 65536

// ofPull is the pull request that a path names.
func (r *request) ofPull() *Pull {
	n, err := strconv.Atoi(r.args[0])
	if err != nil {
		return nil
	}
	return r.repo.pull(n)
}

func (p *Pull) isOpen() bool { return !p.Closed && p.Merged == "" }

func (s *Server) labels(r *request) reply {
	p := r.ofPull()
	if p == nil {
		return failure(http.StatusNotFound, "Not Found")
	}
	page, header := paged(r, p.Labels)
	out := []any{}
	for _, name := range page {
		out = append(out, r.label(name))
	}
	return reply{status: http.StatusOK, header: header, body: out}
}

func (s *Server) pullsOfCommit(r *request) reply {
	var found []*Pull
	for _, p := range r.repo.pulls {
		if (p.HeadSHA == r.args[0] || p.Merged == r.args[0] || slices.Contains(p.Commits, r.args[0])) && !p.Unlisted {
			found = append(found, p)
		}
	}
	return r.listPulls(found)
}

func (s *Server) pulls(r *request) reply {
	q := r.URL.Query()
	var found []*Pull
	for _, p := range r.repo.pulls {
		owner, _, _ := strings.Cut(p.HeadRepo, "/")
		if head := q.Get("head"); head != "" && head != owner+":"+p.HeadBranch || q.Has("base") && q.Get("base") != p.Base {
			continue
		}
		if state := q.Get("state"); (state == "open" || state == "") && !p.isOpen() || state == "closed" && p.isOpen() {
			continue
		}
		found = append(found, p)
	}
	return r.listPulls(found)
}

func (r *request) listPulls(pulls []*Pull) reply {
	page, header := paged(r, pulls)
	out := []any{}
	for _, p := range page {
		out = append(out, r.pullJSON(p))
	}
	return reply{status: http.StatusOK, header: header, body: out}
}

func (s *Server) pullFiles(r *request) reply {
	p := r.ofPull()
	if p == nil {
		return failure(http.StatusNotFound, "Not Found")
	}
	page, header := paged(r, p.Files)
	out := []any{}
	for _, f := range page {
		out = append(out, r.file(f))
	}
	return reply{status: http.StatusOK, header: header, body: out}
}

// readComment reads the body of a request that writes a comment.
func (r *request) readComment() (string, *reply) {
	var doc struct{ Body string }
	var out reply
	switch err := json.Unmarshal(r.body, &doc); {
	case err != nil:
		out = failure(http.StatusBadRequest, "Problems parsing JSON")
	case doc.Body == "":
		out = failure(http.StatusUnprocessableEntity, "Validation Failed", map[string]any{"resource": "IssueComment", "code": "missing_field", "field": "body"})
	case tooLong(doc.Body):
		out = failure(http.StatusUnprocessableEntity, "Validation Failed", map[string]any{"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": "Body is too long (maximum is 65536 characters)"})
	default:
		return doc.Body, nil
	}
	return "", &out
}

func tooLong(body string) bool { return len(utf16.Encode([]rune(body))) > maxBody }

func (s *Server) createComment(r *request) reply {
	number, err := strconv.Atoi(r.args[0])
	if err != nil || r.repo.threadOf(number) == nil {
		return failure(http.StatusNotFound, "Not Found")
	}
	if no := r.may(r.commenting(number)...); no != nil {
		return *no
	}
	body, no := r.readComment()
	if no != nil {
		return *no
	}
	c := s.comment(r.repo, number, r.token.login, body)
	return reply{status: http.StatusCreated, body: r.commentJSON(c)}
}

// threadOf gives the comments of the pull request or the issue of a number.
func (r *repository) threadOf(number int) *[]*Comment {
	if p := r.pull(number); p != nil {
		return &p.comments
	}
	if i := r.issue(number); i != nil {
		return &i.comments
	}
	return nil
}

// commenting names the rights of which one lets a token comment: that on pull
// requests is of no use on issues.
func (r *request) commenting(number int) []permission {
	if r.repo.pull(number) != nil {
		return []permission{pullRequests, issues}
	}
	return []permission{issues}
}

func (s *Server) comment(repo *repository, number int, author, body string) *Comment {
	now := s.now().UTC()
	c := &Comment{ID: s.id(), Repo: repo.name, Pull: number, Author: author, Body: normalise(body), Created: now, Updated: now}
	kind := "issues"
	if repo.pull(number) != nil {
		kind = "pull"
	}
	c.URL = fmt.Sprintf("https://github.com/%s/%s/%d#issuecomment-%d", repo.name, kind, number, c.ID)
	to := repo.threadOf(number)
	*to = append(*to, c)
	s.tell()
	return c
}

func (s *Server) tell() {
	if s.changed != nil {
		s.changed(s.allComments())
	}
}

// normalise is what a comment may have gone through when it is read again:
// line ends of a browser, white space at its end lost.
func normalise(body string) string {
	body = strings.TrimRight(strings.ReplaceAll(body, "\r\n", "\n"), " \t\n")
	return strings.ReplaceAll(body, "\n", "\r\n")
}

func (s *Server) updateComment(r *request) reply {
	id, _ := strconv.ParseInt(r.args[0], 10, 64)
	for _, list := range r.repo.threads() {
		i := slices.IndexFunc(*list, func(c *Comment) bool { return c.ID == id })
		if i < 0 {
			continue
		}
		c := (*list)[i]
		if no := r.may(r.commenting(c.Pull)...); no != nil {
			return *no
		}
		body, no := r.readComment()
		if no != nil {
			return *no
		}
		c.Body, c.Updated = normalise(body), s.now().UTC()
		s.tell()
		return reply{status: http.StatusOK, body: r.commentJSON(c)}
	}
	return failure(http.StatusNotFound, "Not Found")
}

func (t *thread) String() string {
	if t.start > 0 {
		return fmt.Sprintf("%s:%d-%d %s", t.path, t.start, t.line, t.body)
	}
	return fmt.Sprintf("%s:%d %s", t.path, t.line, t.body)
}

func (s *Server) createReview(r *request) reply {
	p := r.ofPull()
	if p == nil {
		return failure(http.StatusNotFound, "Not Found")
	}
	if no := r.may(pullRequests); no != nil {
		return *no
	}
	var doc struct {
		Body     string
		Event    string
		CommitID string `json:"commit_id"`
		Comments []struct {
			Path, Body, Side string
			StartSide        string `json:"start_side"`
			Line             int
			StartLine        int `json:"start_line"`
		}
	}
	if json.Unmarshal(r.body, &doc) != nil {
		return failure(http.StatusBadRequest, "Problems parsing JSON")
	}
	if doc.Event != "COMMENT" || doc.Body == "" || doc.CommitID != p.HeadSHA {
		return failure(http.StatusUnprocessableEntity, "Unprocessable Entity")
	}
	var made []*thread
	for _, c := range doc.Comments {
		i := slices.IndexFunc(p.Files, func(f File) bool { return f.Name == c.Path })
		if i < 0 || c.Side != "RIGHT" || !p.Files[i].shows(c.Line) || c.StartLine != 0 && (!p.Files[i].shows(c.StartLine) || c.StartLine >= c.Line) {
			return failure(http.StatusUnprocessableEntity, "Unprocessable Entity: Pull request review thread line must be part of the diff")
		}
		made = append(made, &thread{r.token.login, c.Path, normalise(c.Body), c.Line, c.StartLine})
	}
	p.threads = append(p.threads, made...)
	return reply{status: http.StatusOK, body: r.reviewJSON(p, doc.Body)}
}

var hunk = regexp.MustCompile(`(?m)^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@`)

// shows reports whether the diff shows a line of the new file.
func (f File) shows(line int) bool {
	for _, m := range hunk.FindAllStringSubmatch(f.Patch, -1) {
		from, _ := strconv.Atoi(m[1])
		n, err := strconv.Atoi(m[2])
		if err != nil {
			n = 1
		}
		if line >= from && line < from+n {
			return true
		}
	}
	return false
}
