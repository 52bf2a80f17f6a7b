package githubtest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// createBlob keeps the content of a file.
func (s *Server) createBlob(r *request) reply {
	if no := r.may(contents); no != nil {
		return *no
	}
	var doc struct{ Content, Encoding string }
	if json.Unmarshal(r.body, &doc) != nil {
		return failure(http.StatusBadRequest, "Problems parsing JSON")
	}
	data := []byte(doc.Content)
	if doc.Encoding == "base64" {
		var err error
		if data, err = base64.StdEncoding.DecodeString(doc.Content); err != nil {
			return failure(http.StatusUnprocessableEntity, "content is not valid Base64")
		}
	}
	id := r.repo.git.blob(data)
	return reply{status: http.StatusCreated, body: map[string]any{"sha": id, "url": r.url("git/blobs/" + id)}}
}

// createTree makes a tree of another one with some entries changed.
func (s *Server) createTree(r *request) reply {
	if no := r.may(contents); no != nil {
		return *no
	}
	var doc struct {
		BaseTree string `json:"base_tree"`
		Tree     []struct {
			Path, Mode, Type string
			SHA              *string
			Content          *string
		}
	}
	if json.Unmarshal(r.body, &doc) != nil {
		return failure(http.StatusBadRequest, "Problems parsing JSON")
	}
	g := &r.repo.git
	entries := map[string]treeEntry{}
	if doc.BaseTree != "" {
		if _, ok := g.trees[doc.BaseTree]; !ok {
			return failure(http.StatusUnprocessableEntity, "base_tree is not a valid tree oid")
		}
		for _, e := range g.all(doc.BaseTree, "") {
			if e.kind != "tree" {
				entries[e.name] = e
			}
		}
	}
	for _, e := range doc.Tree {
		_, known := entries[e.Path]
		switch {
		case !slices.Contains([]string{"100644", "100755", "040000", "160000", "120000"}, e.Mode):
			return failure(http.StatusUnprocessableEntity, "tree.mode must be one of 100644, 100755, 040000, 160000, or 120000")
		case e.SHA == nil && e.Content == nil && !known:
			return failure(http.StatusUnprocessableEntity, "GitRPC::BadObjectState")
		case e.SHA == nil && e.Content == nil:
			delete(entries, e.Path)
		case e.SHA != nil && g.blobs[*e.SHA] == nil:
			return failure(http.StatusUnprocessableEntity, "tree.sha "+*e.SHA+" is not a valid blob")
		case e.SHA != nil:
			entries[e.Path] = treeEntry{mode: e.Mode, kind: "blob", sha: *e.SHA}
		default:
			entries[e.Path] = treeEntry{mode: e.Mode, kind: "blob", sha: g.blob([]byte(*e.Content))}
		}
	}
	id := g.tree(entries)
	var out []any
	for _, e := range g.trees[id] {
		out = append(out, map[string]any{"path": e.name, "mode": e.mode, "type": e.kind, "sha": e.sha, "url": r.url("git/" + e.kind + "s/" + e.sha)})
	}
	return reply{status: http.StatusCreated, body: map[string]any{"sha": id, "url": r.url("git/trees/" + id), "tree": append([]any{}, out...), "truncated": false}}
}

// createCommit makes a commit that no branch leads to yet.
func (s *Server) createCommit(r *request) reply {
	if no := r.may(contents); no != nil {
		return *no
	}
	var doc struct {
		Message, Tree string
		Parents       []string
	}
	if json.Unmarshal(r.body, &doc) != nil {
		return failure(http.StatusBadRequest, "Problems parsing JSON")
	}
	g := &r.repo.git
	if _, ok := g.trees[doc.Tree]; !ok {
		return failure(http.StatusUnprocessableEntity, "Tree SHA does not exist")
	}
	for _, p := range doc.Parents {
		if _, ok := g.commits[p]; !ok {
			return failure(http.StatusUnprocessableEntity, "Parent SHA does not exist or is not a commit object")
		}
	}
	id := g.store(commit{tree: doc.Tree, message: doc.Message, author: r.token.login, parents: doc.Parents})
	return reply{status: http.StatusCreated, body: r.gitCommit(id)}
}

func (s *Server) gitCommit(r *request) reply {
	if _, ok := r.repo.git.commits[r.args[0]]; !ok {
		return failure(http.StatusNotFound, "Not Found")
	}
	return reply{status: http.StatusOK, body: r.gitCommit(r.args[0])}
}

// ref gives the commit of a branch. One that only begins so is another one.
func (s *Server) ref(r *request) reply {
	branch, ok := strings.CutPrefix(r.args[0], "heads/")
	id := r.repo.git.refs[branch]
	switch {
	case len(r.repo.git.commits) == 0:
		return failure(http.StatusConflict, "Git Repository is empty.")
	case !ok || id == "":
		return failure(http.StatusNotFound, "Not Found")
	}
	return reply{status: http.StatusOK, body: r.refJSON(branch, id)}
}

func (s *Server) createRef(r *request) reply {
	if no := r.may(contents); no != nil {
		return *no
	}
	var doc struct{ Ref, SHA string }
	if json.Unmarshal(r.body, &doc) != nil {
		return failure(http.StatusBadRequest, "Problems parsing JSON")
	}
	g := &r.repo.git
	branch, ok := strings.CutPrefix(doc.Ref, "refs/heads/")
	switch {
	case !ok:
		return failureAt(aboutNewRef, http.StatusUnprocessableEntity, "Reference name must start with 'refs/'.")
	case g.refs[branch] != "":
		return failureAt(aboutNewRef, http.StatusUnprocessableEntity, "Reference already exists")
	case g.commits[doc.SHA].tree == "":
		return failureAt(aboutNewRef, http.StatusUnprocessableEntity, "Object does not exist")
	}
	if no := r.guarded(branch, true); no != nil {
		return *no
	}
	g.refs[branch] = doc.SHA
	return reply{status: http.StatusCreated, body: r.refJSON(branch, doc.SHA)}
}

func (s *Server) updateRef(r *request) reply {
	if no := r.may(contents); no != nil {
		return *no
	}
	var doc struct {
		SHA   string
		Force bool
	}
	if json.Unmarshal(r.body, &doc) != nil {
		return failure(http.StatusBadRequest, "Problems parsing JSON")
	}
	g := &r.repo.git
	branch, ok := strings.CutPrefix(r.args[0], "heads/")
	old := g.refs[branch]
	switch {
	case !ok || old == "":
		return failureAt(aboutRefs, http.StatusUnprocessableEntity, "Reference does not exist")
	case g.commits[doc.SHA].tree == "":
		return failureAt(aboutRefs, http.StatusUnprocessableEntity, "Object does not exist")
	case !doc.Force && !g.ancestors(doc.SHA)[old]:
		return failureAt(aboutRefs, http.StatusUnprocessableEntity, "Update is not a fast forward")
	}
	if no := r.guarded(branch, false); no != nil {
		return *no
	}
	g.refs[branch] = doc.SHA
	s.follow(r.repo, branch)
	return reply{status: http.StatusOK, body: r.refJSON(branch, doc.SHA)}
}

// follow moves the open pull requests of a branch along with it.
func (s *Server) follow(repo *repository, branch string) {
	for _, p := range repo.pulls {
		if strings.EqualFold(p.HeadRepo, repo.name) && p.HeadBranch == branch && p.isOpen() {
			p.HeadSHA = repo.git.refs[branch]
		}
	}
}

const aboutNewRef = docs + "/git/refs#create-a-reference"

// compare says what head has that base has not. What a test said of the two
// goes before what their commits say.
func (s *Server) compare(r *request) reply {
	base, head, ok := strings.Cut(r.args[0], "...")
	sha := r.repo.bases[[2]string{base, head}]
	status, commits, files := "diverged", []any{}, []any{}
	var ahead, behind []string
	if ok && sha == "" {
		g := &r.repo.git
		from, to := g.commitID(base), g.commitID(head)
		if g.commits[from].tree == "" || g.commits[to].tree == "" {
			return failure(http.StatusNotFound, "Not Found")
		}
		if ahead, sha = g.between(from, to); sha != "" {
			behind, _ = g.between(to, from)
			for _, name := range g.changed(sha, to) {
				files = append(files, r.file(File{Name: name}))
			}
		}
		switch {
		case len(ahead) == 0 && len(behind) == 0:
			status = "identical"
		case len(ahead) == 0:
			status = "behind"
		case len(behind) == 0:
			status = "ahead"
		}
		for _, id := range ahead {
			commits = append(commits, r.commit(id))
		}
		commits, _ = paged(r, commits)
	}
	if !ok || sha == "" {
		return failure(http.StatusNotFound, "Not Found")
	}
	return reply{status: http.StatusOK, body: map[string]any{
		"url": r.url("compare/" + base + "..." + head), "html_url": r.html("compare"), "permalink_url": r.html("compare"),
		"diff_url": r.html("compare.diff"), "patch_url": r.html("compare.patch"),
		"base_commit": r.commit(base), "merge_base_commit": r.commit(sha),
		"status": status, "ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead), "commits": commits, "files": files,
	}}
}

// SetMode makes a commit on a branch in which a file has another mode, and gives
// its id.
func (s *Server) SetMode(repo, branch, path, mode string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &s.repo(repo).git
	old := g.refs[branch]
	entries := g.files(old)
	e := entries[path]
	e.mode = mode
	entries[path] = e
	g.refs[branch] = g.store(commit{tree: g.tree(entries), message: "mode", author: "someone", parents: []string{old}})
	return g.refs[branch]
}
