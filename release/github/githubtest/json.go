package githubtest

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"strings"
	"time"
)

// The answers as GitHub's OpenAPI description demands them, with all that is
// required there and little else.

func (r *request) url(rest string) string { return r.base + "/repos/" + r.repo.name + "/" + rest }

func (r *request) html(rest string) string {
	return "https://github.com/" + r.repo.name + "/" + rest
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// number is an id that stays the same for a name.
func number(name string) int64 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return int64(h.Sum32())
}

func node(name string) string { return fmt.Sprintf("N_%d", number(name)) }

func person(base, login string) map[string]any {
	url := base + "/users/" + login
	kind := "User"
	if strings.HasSuffix(login, "[bot]") {
		kind = "Bot"
	}
	out := map[string]any{
		"login": login, "id": number(login), "node_id": node(login), "avatar_url": "https://avatars.githubusercontent.com/u/1", "gravatar_id": "",
		"url": url, "html_url": "https://github.com/" + login, "type": kind, "site_admin": false,
		"following_url": url + "/following{/other_user}", "gists_url": url + "/gists{/gist_id}", "starred_url": url + "/starred{/owner}{/repo}",
		"events_url": url + "/events{/privacy}",
	}
	for _, name := range []string{"followers", "subscriptions", "organizations", "repos", "received_events"} {
		out[name+"_url"] = url + "/" + name
	}
	return out
}

func (x Release) json(r *request) map[string]any {
	owner, _, _ := strings.Cut(r.repo.name, "/")
	published := stamp(x.Published)
	if x.Draft {
		published = nil
	}
	url := r.url(fmt.Sprintf("releases/%d", x.id))
	return map[string]any{
		"url": url, "assets_url": url + "/assets", "upload_url": url + "/assets{?name,label}", "html_url": r.html("releases/tag/" + x.Tag),
		"id": x.id, "node_id": node(x.Tag), "author": person(r.base, owner), "tag_name": x.Tag, "target_commitish": "main", "name": x.Name, "body": x.Body,
		"draft": x.Draft, "prerelease": x.Prerelease, "created_at": stamp(x.Created), "published_at": published,
		"assets": []any{}, "tarball_url": r.url("tarball/" + x.Tag), "zipball_url": r.url("zipball/" + x.Tag),
	}
}

func (r *request) content(path string, e treeEntry) map[string]any {
	kind := map[string]string{"blob": "file", "tree": "dir"}[e.kind]
	git := r.url("git/" + e.kind + "s/" + e.sha)
	self := r.url("contents/" + path)
	return map[string]any{
		"name": path[strings.LastIndex(path, "/")+1:], "path": path, "sha": e.sha, "size": len(r.repo.git.blobs[e.sha]), "type": kind,
		"url": self, "html_url": r.html("blob/main/" + path), "git_url": git, "download_url": nil,
		"_links": map[string]any{"self": self, "git": git, "html": r.html("blob/main/" + path)},
	}
}

func (r *request) commit(sha string) map[string]any {
	message, parents := "a change", []any{}
	if c, ok := r.repo.git.commits[sha]; ok {
		message = c.message
		for _, p := range c.parents {
			parents = append(parents, map[string]any{"sha": p, "url": r.url("commits/" + p)})
		}
	}
	who := map[string]any{"name": "someone", "email": "someone@example.com", "date": "2026-01-01T00:00:00Z"}
	return map[string]any{
		"url": r.url("commits/" + sha), "sha": sha, "node_id": node(sha), "html_url": r.html("commit/" + sha), "comments_url": r.url("commits/" + sha + "/comments"),
		"author": nil, "committer": nil, "parents": parents,
		"commit": map[string]any{
			"url": r.url("git/commits/" + sha), "author": who, "committer": who, "message": message, "comment_count": 0,
			"tree": map[string]any{"sha": sha, "url": r.url("git/trees/" + sha)},
		},
	}
}

// gitCommit is a commit as the calls on git objects give it.
func (r *request) gitCommit(id string) map[string]any {
	c := r.repo.git.commits[id]
	who := map[string]any{"name": c.author, "email": c.author + "@users.noreply.github.com", "date": "2026-01-01T00:00:00Z"}
	parents := []any{}
	for _, p := range c.parents {
		parents = append(parents, map[string]any{"sha": p, "url": r.url("git/commits/" + p), "html_url": r.html("commit/" + p)})
	}
	return map[string]any{
		"sha": id, "node_id": node(id), "url": r.url("git/commits/" + id), "html_url": r.html("commit/" + id), "author": who, "committer": who, "message": c.message, "parents": parents,
		"tree":         map[string]any{"sha": c.tree, "url": r.url("git/trees/" + c.tree)},
		"verification": map[string]any{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
	}
}

func (r *request) refJSON(branch, id string) map[string]any {
	return map[string]any{
		"ref": "refs/heads/" + branch, "node_id": node("refs/heads/" + branch), "url": r.url("git/refs/heads/" + branch),
		"object": map[string]any{"type": "commit", "sha": id, "url": r.url("git/commits/" + id)},
	}
}

func (r *request) issueJSON(i *Issue) map[string]any {
	url := r.url(fmt.Sprintf("issues/%d", i.Number))
	state, closed := "open", any(nil)
	if i.Closed {
		state, closed = "closed", "2026-01-02T00:00:00Z"
	}
	return map[string]any{
		"id": number(i.URL), "node_id": node(i.URL), "number": i.Number, "title": i.Title, "body": i.Body, "state": state, "locked": false, "user": person(r.base, i.Author),
		"url": url, "html_url": i.URL, "comments_url": url + "/comments", "events_url": url + "/events", "labels_url": url + "/labels{/name}", "repository_url": r.base + "/repos/" + r.repo.name,
		"labels": []any{}, "assignee": nil, "assignees": []any{}, "milestone": nil, "comments": len(i.comments), "author_association": "NONE",
		"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "closed_at": closed,
	}
}

// fullPullJSON is a pull request as the calls on a single one give it.
func (r *request) fullPullJSON(p *Pull) map[string]any {
	out := r.pullJSON(p)
	maps.Copy(out, map[string]any{
		"additions": 1, "changed_files": 1, "comments": len(p.comments), "commits": 1, "deletions": 1, "mergeable": nil, "mergeable_state": "unknown", "merged": p.Merged != "",
		"maintainer_can_modify": false, "merged_by": nil, "review_comments": 0, "rebaseable": nil,
	})
	return out
}

func (r *request) label(name string) map[string]any {
	return map[string]any{"id": number(name), "node_id": node(name), "url": r.base + "/labels/" + fmt.Sprint(number(name)), "name": name, "description": "", "color": "ededed", "default": false}
}

func (r *request) file(f File) map[string]any {
	if f.Status == "" {
		f.Status = "modified"
	}
	out := map[string]any{
		"sha": objectID("blob", []byte(f.Patch)), "filename": f.Name, "status": f.Status, "additions": 1, "deletions": 1, "changes": 2,
		"blob_url": r.html("blob/x"), "raw_url": r.html("raw/x"), "contents_url": r.url("contents/x"),
	}
	if f.Patch != "" {
		out["patch"] = f.Patch
	}
	return out
}

func (r *request) commentJSON(c *Comment) map[string]any {
	return map[string]any{
		"id": c.ID, "node_id": fmt.Sprintf("IC_%d", c.ID), "url": r.url(fmt.Sprintf("issues/comments/%d", c.ID)), "html_url": c.URL, "issue_url": r.url(fmt.Sprintf("issues/%d", c.Pull)),
		"user": person(r.base, c.Author), "created_at": stamp(c.Created), "updated_at": stamp(c.Updated), "author_association": "NONE", "body": c.Body, "performed_via_github_app": nil,
	}
}

func (r *request) reviewJSON(p *Pull, body string) map[string]any {
	url, html := r.url(fmt.Sprintf("pulls/%d", p.Number)), r.html(fmt.Sprintf("pull/%d", p.Number))
	return map[string]any{
		"id": 80, "node_id": node(body), "user": person(r.base, r.token.login), "body": body, "state": "COMMENTED", "commit_id": p.HeadSHA, "author_association": "NONE",
		"html_url": html, "pull_request_url": url,
		"_links": map[string]any{"html": map[string]any{"href": html}, "pull_request": map[string]any{"href": url}},
	}
}

func (r *request) pullJSON(p *Pull) map[string]any {
	url, html := r.url(fmt.Sprintf("pulls/%d", p.Number)), r.html(fmt.Sprintf("pull/%d", p.Number))
	issue := r.url(fmt.Sprintf("issues/%d", p.Number))
	state, closed, merged, mergedAs, labels, links := "open", any(nil), any(nil), any(nil), []any{}, map[string]any{}
	if !p.isOpen() {
		state, closed = "closed", "2026-01-02T00:00:00Z"
	}
	if p.Merged != "" {
		merged, mergedAs = closed, p.Merged
	}
	for _, name := range p.Labels {
		labels = append(labels, r.label(name))
	}
	for _, name := range []string{"self", "html", "issue", "comments", "review_comments", "review_comment", "commits", "statuses"} {
		links[name] = map[string]any{"href": url + "/" + name}
	}
	end := func(repo, ref, sha string) map[string]any {
		owner, _, _ := strings.Cut(repo, "/")
		out := map[string]any{"label": owner + ":" + ref, "ref": ref, "sha": sha, "user": person(r.base, owner), "repo": nil}
		if repo != "" {
			out["repo"] = repoJSON(r.base, repo)
		}
		return out
	}
	return map[string]any{
		"url": url, "id": number(html), "node_id": node(html), "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch", "issue_url": issue,
		"commits_url": url + "/commits", "review_comments_url": url + "/comments", "review_comment_url": url + "/comments{/number}", "comments_url": issue + "/comments", "statuses_url": r.url("statuses/" + p.HeadSHA),
		"number": p.Number, "state": state, "locked": false, "title": cmp.Or(p.Title, "a change"), "user": person(r.base, cmp.Or(p.Author, "someone")), "body": p.Body, "labels": labels, "milestone": nil,
		"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "closed_at": closed, "merged_at": merged, "merge_commit_sha": mergedAs, "assignee": nil,
		"author_association": "NONE", "auto_merge": nil, "_links": links,
		"head": end(p.HeadRepo, p.HeadBranch, p.HeadSHA), "base": end(r.repo.name, p.Base, p.BaseSHA),
	}
}

func repoJSON(base, name string) map[string]any {
	owner, short, _ := strings.Cut(name, "/")
	url, html := base+"/repos/"+name, "https://github.com/"+name
	out := map[string]any{
		"id": number(name), "node_id": node(name), "name": short, "full_name": name, "owner": person(base, owner), "private": false, "html_url": html, "description": nil, "fork": false, "url": url,
		"git_url": "git://github.com/" + name + ".git", "ssh_url": "git@github.com:" + name + ".git", "clone_url": html + ".git", "svn_url": html, "mirror_url": nil, "homepage": nil, "language": nil, "license": nil,
		"forks_count": 0, "stargazers_count": 0, "watchers_count": 0, "size": 0, "default_branch": "main", "open_issues_count": 0, "forks": 0, "watchers": 0, "open_issues": 0,
		"has_issues": true, "has_projects": true, "has_wiki": true, "has_pages": false, "has_downloads": true, "archived": false, "disabled": false,
		"pushed_at": "2026-01-01T00:00:00Z", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
	}
	for _, name := range strings.Fields("archive assignees blobs branches collaborators comments commits compare contents contributors deployments downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags teams trees") {
		out[name+"_url"] = url + "/" + name
	}
	return out
}
