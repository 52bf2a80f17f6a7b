package githubtest

import (
	"net/http"
	"slices"
	"strings"
)

func (s *Server) user(r *request) reply {
	switch {
	case r.token.login == "":
		return failure(http.StatusUnauthorized, "Requires authentication")
	case r.token.rights.Workflow:
		return failure(http.StatusForbidden, "Resource not accessible by integration")
	}
	return reply{status: http.StatusOK, body: person(r.base, r.token.login)}
}

func (s *Server) releases(r *request) reply {
	all := slices.Clone(r.repo.releases)
	if !r.token.rights.Push {
		all = slices.DeleteFunc(all, func(x Release) bool { return x.Draft })
	}
	page, header := paged(r, all)
	out := []any{}
	for _, x := range page {
		out = append(out, x.json(r))
	}
	return reply{status: http.StatusOK, header: header, body: out}
}

func (s *Server) release(r *request) reply {
	i := slices.IndexFunc(r.repo.releases, func(x Release) bool { return x.Tag == r.args[0] && !x.Draft })
	if i < 0 {
		return failure(http.StatusNotFound, "Not Found")
	}
	return reply{status: http.StatusOK, body: r.repo.releases[i].json(r)}
}

func (s *Server) contents(r *request) reply {
	g := &r.repo.git
	tree, ok := g.resolve(r.URL.Query().Get("ref"))
	if !ok {
		return failure(http.StatusNotFound, "No commit found for the ref "+r.URL.Query().Get("ref"))
	}
	e, ok := g.at(tree, r.args[0])
	if !ok {
		return failure(http.StatusNotFound, "Not Found")
	}
	if e.kind == "tree" {
		out := []any{}
		for _, x := range g.trees[e.sha] {
			out = append(out, r.content(r.args[0]+"/"+x.name, x))
		}
		return reply{status: http.StatusOK, body: out}
	}
	if !strings.Contains(r.accept, "raw") {
		return reply{status: http.StatusOK, body: r.content(r.args[0], e)}
	}
	return rawReply(r.accept, g.blobs[e.sha])
}

func rawReply(accept string, data []byte) reply {
	return reply{status: http.StatusOK, header: map[string]string{"Content-Type": accept + "; charset=utf-8"}, raw: append([]byte{}, data...)}
}

func (s *Server) blob(r *request) reply {
	data, ok := r.repo.git.blobs[r.args[0]]
	if !ok {
		return failure(http.StatusNotFound, "Not Found")
	}
	if !strings.Contains(r.accept, "raw") {
		s.t.Errorf("%s: Accept %q, raw is expected", r.URL.Path, r.accept)
	}
	return rawReply(r.accept, data)
}

func (s *Server) tree(r *request) reply {
	g := &r.repo.git
	id, ok := g.resolve(r.args[0])
	if !ok {
		return failure(http.StatusNotFound, "Not Found")
	}
	entries, cut := g.trees[id], false
	if r.URL.Query().Has("recursive") {
		entries = g.all(id, "")
		if n := r.repo.cutTrees; n > 0 && len(entries) > n {
			entries, cut = entries[:n], true
		}
	}
	out := []any{}
	for _, e := range entries {
		doc := map[string]any{"path": e.name, "mode": e.mode, "type": e.kind, "sha": e.sha, "url": r.url("git/" + e.kind + "s/" + e.sha)}
		if e.kind == "blob" {
			doc["size"] = len(g.blobs[e.sha])
		}
		out = append(out, doc)
	}
	return reply{status: http.StatusOK, body: map[string]any{"sha": id, "url": r.url("git/trees/" + id), "tree": out, "truncated": cut}}
}
