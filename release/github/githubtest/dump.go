package githubtest

import (
	"maps"
	"slices"
	"strings"
)

// Commit is one as it is kept.
type Commit struct {
	SHA     string          `json:"sha"`
	Author  string          `json:"author"` // the login that made it
	Message string          `json:"message"`
	Parents []string        `json:"parents"`
	Files   map[string]Held `json:"files"` // by path
}

// Held is a file of a commit.
type Held struct {
	Mode    string `json:"mode"`
	Content string `json:"content"`
}

// State is what a repository holds that can be written to.
type State struct {
	Branches    map[string]Commit `json:"branches"` // by name, tags among them, with the commit that each is at
	Pulls       []Pull            `json:"pulls"`
	Issues      []Issue           `json:"issues"`
	Comments    []Comment         `json:"comments"`
	Deployments []Deployment      `json:"deployments"`
}

// Commit gives the one that a branch, a tag or an id names; its SHA is "" when
// there is none.
func (s *Server) Commit(repo, ref string) Commit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repo(repo).git.describe(ref)
}

// Branches names those of a repository, tags among them, sorted.
func (s *Server) Branches(repo string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.repo(repo).git.refs))
}

func (g *git) describe(ref string) Commit {
	id := g.commitID(ref)
	c, ok := g.commits[id]
	if !ok {
		return Commit{}
	}
	out := Commit{SHA: id, Author: c.author, Message: c.message, Parents: slices.Clone(c.parents), Files: map[string]Held{}}
	for name, e := range g.files(id) {
		out.Files[name] = Held{e.mode, string(g.blobs[e.sha])}
	}
	return out
}

// State gives all that one repository holds.
func (s *Server) State(repo string) State {
	out := State{Branches: map[string]Commit{}, Pulls: s.Pulls(repo), Issues: s.Issues(repo), Deployments: s.Deployments(repo), Comments: []Comment{}}
	for _, c := range s.Comments() {
		if strings.EqualFold(c.Repo, repo) {
			out.Comments = append(out.Comments, c)
		}
	}
	for _, name := range s.Branches(repo) {
		out.Branches[name] = s.Commit(repo, name)
	}
	return out
}
