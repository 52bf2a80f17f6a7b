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
		if p.HeadSHA == r.args[0] && !p.Unlisted {
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
		if head := q.Get("head"); head != "" && head != owner+":"+p.HeadBranch {
			continue
		}
		if state := q.Get("state"); (state == "open" || state == "") && p.Closed || state == "closed" && !p.Closed {
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

// mayWrite is nil when the token may comment.
func (r *request) mayWrite() *reply {
	var out reply
	switch {
	case r.token.rights.Write:
		return nil
	case r.token.login == "":
		out = failure(http.StatusUnauthorized, "Requires authentication")
	case r.token.rights.Workflow:
		out = failure(http.StatusForbidden, "Resource not accessible by integration")
	default:
		out = failure(http.StatusNotFound, "Not Found")
	}
	return &out
}

// readComment reads the body of a request that writes a comment.
func (r *request) readComment() (string, *reply) {
	if no := r.mayWrite(); no != nil {
		return "", no
	}
	var doc struct{ Body string }
	var out reply
	switch err := json.Unmarshal(r.body, &doc); {
	case err != nil:
		out = failure(http.StatusBadRequest, "Problems parsing JSON")
	case doc.Body == "":
		out = failure(http.StatusUnprocessableEntity, "Validation Failed", map[string]any{"resource": "IssueComment", "code": "missing_field", "field": "body"})
	case len(utf16.Encode([]rune(doc.Body))) > maxBody:
		out = failure(http.StatusUnprocessableEntity, "Validation Failed", map[string]any{"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": "Body is too long (maximum is 65536 characters)"})
	default:
		return doc.Body, nil
	}
	return "", &out
}

func (s *Server) createComment(r *request) reply {
	p := r.ofPull()
	if p == nil {
		return failure(http.StatusNotFound, "Not Found")
	}
	body, no := r.readComment()
	if no != nil {
		return *no
	}
	c := s.comment(r.repo, p, r.token.login, body)
	return reply{status: http.StatusCreated, body: r.commentJSON(c)}
}

func (s *Server) comment(repo *repository, p *Pull, author, body string) *Comment {
	now := s.now().UTC()
	c := &Comment{ID: s.id(), Repo: repo.name, Pull: p.Number, Author: author, Body: normalise(body), Created: now, Updated: now}
	c.URL = fmt.Sprintf("https://github.com/%s/pull/%d#issuecomment-%d", repo.name, p.Number, c.ID)
	p.comments = append(p.comments, c)
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
	for _, p := range r.repo.pulls {
		for _, c := range p.comments {
			if c.ID != id {
				continue
			}
			body, no := r.readComment()
			if no != nil {
				return *no
			}
			c.Body, c.Updated = normalise(body), s.now().UTC()
			s.tell()
			return reply{status: http.StatusOK, body: r.commentJSON(c)}
		}
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
	if no := r.mayWrite(); no != nil {
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
