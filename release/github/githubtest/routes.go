package githubtest

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// route is a call that the server knows.
type route struct {
	method   string
	template string // as GitHub's OpenAPI description names it
	query    []string
	withRepo bool
	handle   func(*Server, *request) reply
	form     *regexp.Regexp
}

func routes() []route {
	list := []string{"per_page", "page"}
	return []route{
		at("GET", "/user", nil, (*Server).user),
		at("GET", "/repos/{owner}/{repo}/releases", list, (*Server).releases),
		at("GET", "/repos/{owner}/{repo}/releases/tags/{tag}", nil, (*Server).release),
		at("GET", "/repos/{owner}/{repo}/contents/{path}", []string{"ref"}, (*Server).contents),
		at("GET", "/repos/{owner}/{repo}/git/trees/{tree_sha}", []string{"recursive"}, (*Server).tree),
		at("GET", "/repos/{owner}/{repo}/git/blobs/{file_sha}", nil, (*Server).blob),
		at("POST", "/repos/{owner}/{repo}/git/blobs", nil, (*Server).createBlob),
		at("POST", "/repos/{owner}/{repo}/git/trees", nil, (*Server).createTree),
		at("POST", "/repos/{owner}/{repo}/git/commits", nil, (*Server).createCommit),
		at("GET", "/repos/{owner}/{repo}/git/commits/{commit_sha}", nil, (*Server).gitCommit),
		at("GET", "/repos/{owner}/{repo}/git/ref/{ref}", nil, (*Server).ref),
		at("POST", "/repos/{owner}/{repo}/git/refs", nil, (*Server).createRef),
		at("PATCH", "/repos/{owner}/{repo}/git/refs/{ref}", nil, (*Server).updateRef),
		at("GET", "/repos/{owner}/{repo}/compare/{basehead}", list, (*Server).compare),
		at("POST", "/repos/{owner}/{repo}/issues", nil, (*Server).createIssue),
		at("PATCH", "/repos/{owner}/{repo}/issues/{issue_number}", nil, (*Server).updateIssue),
		at("GET", "/repos/{owner}/{repo}/issues/{issue_number}/labels", list, (*Server).labels),
		at("POST", "/repos/{owner}/{repo}/issues/{issue_number}/comments", nil, (*Server).createComment),
		at("PATCH", "/repos/{owner}/{repo}/issues/comments/{comment_id}", nil, (*Server).updateComment),
		at("GET", "/repos/{owner}/{repo}/commits/{commit_sha}/pulls", list, (*Server).pullsOfCommit),
		at("GET", "/repos/{owner}/{repo}/pulls", []string{"state", "head", "base", "per_page", "page"}, (*Server).pulls),
		at("POST", "/repos/{owner}/{repo}/pulls", nil, (*Server).createPull),
		at("PATCH", "/repos/{owner}/{repo}/pulls/{pull_number}", nil, (*Server).updatePull),
		at("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/files", list, (*Server).pullFiles),
		at("POST", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", nil, (*Server).createReview),
		at("GET", "/repos/{owner}/{repo}/deployments", []string{"ref", "environment", "per_page", "page"}, (*Server).listDeployments),
		at("POST", "/repos/{owner}/{repo}/deployments", nil, (*Server).createDeployment),
		at("GET", "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses", list, (*Server).listStatuses),
		at("POST", "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses", nil, (*Server).createStatus),
	}
}

var parameter = regexp.MustCompile(`\{([a-z_]+)\}`)

// several are parameters that may hold slashes.
const several = "{path}{tree_sha}{basehead}{tag}{ref}"

func at(method, template string, query []string, handle func(*Server, *request) reply) route {
	form := parameter.ReplaceAllStringFunc(template, func(p string) string {
		if strings.Contains(several, p) {
			return "(.+)"
		}
		return "([^/]+)"
	})
	return route{method, template, query, strings.Contains(template, "{repo}"), handle, regexp.MustCompile("^" + form + "$")}
}

// match gives the parameters of an escaped path, or nil.
func (r route) match(method, path string) []string {
	m := r.form.FindStringSubmatch(path)
	if m == nil || method != r.method {
		return nil
	}
	out := make([]string, 0, len(m))
	for _, part := range m[1:] {
		text, err := url.PathUnescape(part)
		if err != nil {
			return nil
		}
		out = append(out, text)
	}
	return out
}

// redirect is where a moved repository is, below the API.
func (s *Server) redirect(path string) (string, int) {
	rest, ok := strings.CutPrefix(path, "/repos/")
	parts := strings.SplitN(rest, "/", 3)
	if !ok || len(parts) < 2 {
		return "", 0
	}
	to, ok := s.moved[strings.ToLower(parts[0]+"/"+parts[1])]
	if !ok {
		return "", 0
	}
	parts = append(strings.Split(to, "/"), parts[2:]...)
	if strings.Contains(to, "://") { // to another host, which the real one never says
		return to, http.StatusMovedPermanently
	}
	return "/repos/" + strings.Join(parts, "/"), http.StatusMovedPermanently
}
