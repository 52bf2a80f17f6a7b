package githubtest

import (
	"slices"
	"strings"
	"time"
)

// Release is one of a repository.
type Release struct {
	Tag        string    `json:"tag"`
	Name       string    `json:"name"`
	Body       string    `json:"body"`
	BodyFile   string    `json:"body_file"` // of a folder
	Created    time.Time `json:"created"`   // of the tag's commit: GitHub sorts by it; zero is Published
	Published  time.Time `json:"published"`
	Draft      bool      `json:"draft"`
	Prerelease bool      `json:"prerelease"`

	id int64
}

// Pull is a pull request.
type Pull struct {
	Number     int      `json:"number"`
	Author     string   `json:"author"`
	HeadRepo   string   `json:"head_repo"` // owner/name; "" is a fork that was deleted
	HeadBranch string   `json:"head_branch"`
	HeadSHA    string   `json:"head_sha"`
	Base       string   `json:"base"`
	BaseSHA    string   `json:"base_sha"`
	Title      string   `json:"title"`
	Body       string   `json:"body"`
	Closed     bool     `json:"closed"`
	Merged     string   `json:"merged"`   // the commit that brought it into Base; it is closed then
	Commits    []string `json:"commits"`  // of it, besides HeadSHA and Merged
	Unlisted   bool     `json:"unlisted"` // the commit does not lead to it, as with some forks
	Labels     []string `json:"labels"`
	Files      []File   `json:"files"`

	comments []*Comment
	threads  []*thread
}

// File is what a pull request changes.
type File struct {
	Name   string `json:"name"`
	Status string `json:"status"` // "" is modified
	Patch  string `json:"patch"`  // "" for a binary or a large one
}

// Comment is one on a pull request or an issue, as it is kept.
type Comment struct {
	ID        int64     `json:"id"`
	Repo      string    `json:"repo"`
	Pull      int       `json:"pull"` // its number, or that of the issue
	Author    string    `json:"author"`
	Body      string    `json:"body"`
	URL       string    `json:"url"`
	Minimized bool      `json:"minimized"`
	Created   time.Time `json:"created"`
	Updated   time.Time `json:"updated"`
}

// thread is a review comment on lines.
type thread struct {
	author, path, body string
	line, start        int
}

type token struct {
	login  string
	rights Rights
	limit  int
	used   int
	reset  time.Time
}

func (t *token) sees(r *repository) bool {
	return !r.private || slices.ContainsFunc(t.rights.Private, func(name string) bool { return strings.EqualFold(name, r.name) })
}

type repository struct {
	name     string
	private  bool
	releases []Release
	settings Settings
	pulls    []*Pull
	issues   []*Issue
	deployed []*Deployment
	git      git
	bases    map[[2]string]string
	cutTrees int // entries of a recursive answer; 0 is no bound
}

// AddRepo makes a public repository.
func (s *Server) AddRepo(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repo(name)
}

// repo gives a repository, made when it is not there.
func (s *Server) repo(name string) *repository {
	key := strings.ToLower(name)
	if s.repos[key] == nil {
		s.repos[key] = &repository{name: name, git: newGit(), bases: map[[2]string]string{}}
	}
	return s.repos[key]
}

// SetPrivate hides a repository from tokens whose rights do not name it.
func (s *Server) SetPrivate(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repo(name).private = true
}

// AddRelease adds one, or puts it in the place of that of the same tag.
func (s *Server) AddRelease(repo string, r Release) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Created.IsZero() {
		r.Created = r.Published
	}
	to := s.repo(repo)
	i := slices.IndexFunc(to.releases, func(have Release) bool { return have.Tag == r.Tag })
	if i >= 0 {
		r.id = to.releases[i].id
		to.releases[i] = r
	} else {
		r.id = s.id()
		to.releases = append(to.releases, r)
	}
	slices.SortStableFunc(to.releases, func(a, b Release) int { return b.Created.Compare(a.Created) })
}

// RemoveRelease takes one away.
func (s *Server) RemoveRelease(repo, tag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.repo(repo)
	to.releases = slices.DeleteFunc(to.releases, func(r Release) bool { return r.Tag == tag })
}

func (s *Server) id() int64 { s.lastID++; return s.lastID }

// AddFiles makes a commit of files, names it ref (a tag or a branch), and
// gives its id. A ref that is a full id is the id.
func (s *Server) AddFiles(repo, ref string, files map[string][]byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repo(repo).git.commit(ref, files, nil)
}

// AddCommit moves a branch to a commit of files that has this id, as a checkout
// elsewhere knows it.
func (s *Server) AddCommit(repo, branch, id string, files map[string][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &s.repo(repo).git
	old := g.refs[branch]
	g.commit(id, files, nil)
	if c := g.commits[id]; old != "" && old != id {
		c.parents = []string{old}
		g.commits[id] = c
	}
	g.refs[branch] = id
}

// AddLinks is AddFiles with symlinks, from path to target.
func (s *Server) AddLinks(repo, ref string, files map[string][]byte, links map[string]string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repo(repo).git.commit(ref, files, links)
}

// AddTag names a commit.
func (s *Server) AddTag(repo, tag, commit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repo(repo).git.refs[tag] = commit
}

// SetMergeBase says where head left base.
func (s *Server) SetMergeBase(repo, base, head, commit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repo(repo).bases[[2]string{base, head}] = commit
}

// CutTrees makes recursive lists of a repository's trees end after n entries.
func (s *Server) CutTrees(repo string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repo(repo).cutTrees = n
}

// AddPull adds a pull request, or puts it in the place of that of its number,
// whose comments it keeps.
func (s *Server) AddPull(repo string, p Pull) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.repo(repo)
	if have := to.pull(p.Number); have != nil {
		p.comments, p.threads = have.comments, have.threads
		*have = p
		return
	}
	to.pulls = append(to.pulls, &p)
}

// AddComment adds one of an author, and gives its id.
func (s *Server) AddComment(repo string, pull int, author, body string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repo(repo)
	p := r.pull(pull)
	if p == nil {
		s.t.Errorf("comment on %s#%d: there is no such pull request", repo, pull)
		return 0
	}
	return s.comment(r, p.Number, author, body).ID
}

// EditComment changes one as a person does in the browser. An empty body
// deletes it.
func (s *Server) EditComment(id int64, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.repos {
		for _, to := range r.threads() {
			*to = slices.DeleteFunc(*to, func(c *Comment) bool { return c.ID == id && body == "" })
			for _, c := range *to {
				if c.ID == id {
					c.Body = normalise(body)
				}
			}
		}
	}
}

// Minimize hides a comment as outdated.
func (s *Server) Minimize(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.comments() {
		if c.ID == id {
			c.Minimized = true
		}
	}
}

// Comments gives all, by their ids.
func (s *Server) Comments() []Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.allComments()
}

func (s *Server) allComments() []Comment {
	out := []Comment{}
	for _, c := range s.comments() {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Comment) int { return int(a.ID - b.ID) })
	return out
}

func (s *Server) comments() []*Comment {
	var out []*Comment
	for _, r := range s.repos {
		for _, list := range r.threads() {
			out = append(out, *list...)
		}
	}
	return out
}

// threads gives the comments of every pull request and every issue.
func (r *repository) threads() []*[]*Comment {
	var out []*[]*Comment
	for _, p := range r.pulls {
		out = append(out, &p.comments)
	}
	for _, i := range r.issues {
		out = append(out, &i.comments)
	}
	return out
}

func (r *repository) pull(n int) *Pull {
	i := slices.IndexFunc(r.pulls, func(p *Pull) bool { return p.Number == n })
	if i < 0 {
		return nil
	}
	return r.pulls[i]
}

// Move renames a repository: its old name answers 301 from now on.
func (s *Server) Move(from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(from)
	if r := s.repos[key]; r != nil {
		delete(s.repos, key)
		r.name = to
		s.repos[strings.ToLower(to)] = r
	}
	s.moved[key] = to
}

// AddToken makes a token of a user or an app.
func (s *Server) AddToken(value, login string, rights Rights) {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := 5000
	if rights.Workflow {
		limit = 1000
	}
	s.tokens[value] = &token{login: login, rights: rights, limit: limit}
}

// SetLimit changes how many requests an hour a token has; "" is of who has none.
func (s *Server) SetLimit(value string, limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[value].limit = limit
}

// Suggestions gives the review comments of a pull request, as path, line and body.
func (s *Server) Suggestions(repo string, pull int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, t := range s.repo(repo).pull(pull).threads {
		out = append(out, t.String())
	}
	return out
}
