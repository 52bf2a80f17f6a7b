package githubtest

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// Rights are what a token may do.
type Rights struct {
	Write     bool     `json:"write"`      // what no field below names
	Push      bool     `json:"push"`       // and so see drafts
	Workflow  bool     `json:"workflow"`   // it is the GITHUB_TOKEN of a run: no user's, and 1,000 requests an hour
	App       bool     `json:"app"`        // it is of an installed App: no user's, and not bound by what Actions may do
	Bypass    bool     `json:"bypass"`     // branch protection and rulesets let it pass
	NoGraphQL bool     `json:"no_graphql"` // GraphQL refuses it
	Private   []string `json:"private"`    // repositories that it may see

	// As `permissions:` of a workflow has them: write, read or none; "" is as Write says.
	Contents     string `json:"contents"`
	PullRequests string `json:"pull_requests"`
	Issues       string `json:"issues"`
	Deployments  string `json:"deployments"`
}

// permission is one that a call needs.
type permission string

const (
	contents     permission = "contents"
	pullRequests permission = "pull-requests"
	issues       permission = "issues"
	deployments  permission = "deployments"
)

// level is what the rights give of a permission.
func (r Rights) level(p permission) string {
	level := map[permission]string{contents: r.Contents, pullRequests: r.PullRequests, issues: r.Issues, deployments: r.Deployments}[p]
	switch {
	case level != "":
		return level
	case r.Write:
		return "write"
	}
	return "read"
}

// Settings of a repository.
type Settings struct {
	Archived       bool     `json:"archived"`
	NoIssues       bool     `json:"no_issues"`
	NoActionsPulls bool     `json:"no_actions_pulls"` // "Allow GitHub Actions to create and approve pull requests" is not ticked
	Protected      []string `json:"protected"`        // branches whose classic protection demands pull requests
	Rulesets       []string `json:"rulesets"`         // patterns of branches that a ruleset lets nobody create or update without a pull request
	Checks         []string `json:"checks"`           // status checks of which none has succeeded: deployments wait for them
}

// Set gives a repository its settings.
func (s *Server) Set(repo string, settings Settings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repo(repo).settings = settings
}

// may is nil when the token may write with one of permissions. GitHub hides
// from a user's token without the scope that there is anything.
func (r *request) may(permissions ...permission) *reply {
	var out reply
	switch rights := r.token.rights; {
	case r.token.login == "":
		out = failure(http.StatusUnauthorized, "Requires authentication")
	case !slices.ContainsFunc(permissions, func(p permission) bool { return rights.level(p) == "write" }):
		out = failure(http.StatusNotFound, "Not Found")
		if rights.Workflow || rights.App {
			out = failure(http.StatusForbidden, "Resource not accessible by integration")
		}
	case r.repo.settings.Archived:
		out = failure(http.StatusForbidden, "Repository was archived so is read-only.")
	default:
		return nil
	}
	return &out
}

const (
	aboutProtection = "https://docs.github.com/articles/about-protected-branches"
	aboutRefs       = docs + "/git/refs#update-a-reference"
)

// guarded is why a branch may not be moved or made directly; nil when it may.
// The ref API has 422 for both kinds of protection, with the rules as the
// message.
func (r *request) guarded(branch string, made bool) *reply {
	if r.token.rights.Bypass {
		return nil
	}
	if slices.Contains(r.repo.settings.Protected, branch) && !made {
		out := failureAt(aboutProtection, http.StatusUnprocessableEntity, "Changes must be made through a pull request.")
		return &out
	}
	for _, pattern := range r.repo.settings.Rulesets {
		if ok, _ := path.Match(pattern, branch); !ok {
			continue
		}
		rule := "Changes must be made through a pull request."
		if made {
			rule = "Cannot create ref due to creations being restricted."
		}
		out := failureAt(aboutRefs, http.StatusUnprocessableEntity, "Repository rule violations found\n\n"+rule+"\n\n")
		return &out
	}
	return nil
}

// mayOpenPull is nil when the token may open a pull request.
func (r *request) mayOpenPull() *reply {
	if no := r.may(pullRequests); no != nil {
		return no
	}
	if r.repo.settings.NoActionsPulls && r.token.rights.Workflow {
		out := failureAt(aboutPulls, http.StatusForbidden, "GitHub Actions is not permitted to create or approve pull requests.")
		return &out
	}
	return nil
}

// invalid is 422 as a call answers what it cannot do with its fields.
func invalid(about, resource, message string) reply {
	return failureAt(about, http.StatusUnprocessableEntity, "Validation Failed", map[string]any{"resource": resource, "code": "custom", "message": strings.TrimSpace(message)})
}
