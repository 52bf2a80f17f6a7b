package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/belaystack/belay/cmd/belay/base"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/github"
	"github.com/belaystack/belay/release/registry"
)

// network says what of the network a command may ask.
type network struct {
	offline     bool
	upstreamAPI string
	cache       string
	caFile      string
}

// client gives the client of both servers: the pull request's own, and the one
// with the upstream projects. A run has one, so that it counts its requests.
func (a *app) client(f *flags) (*github.Client, error) {
	if a.gh != nil {
		return a.gh, nil
	}
	n := f.network
	if err := a.cacheOutside(n.cache, a.getenv("GITHUB_WORKSPACE"), a.here()); err != nil {
		return nil, err
	}
	client, err := github.New(github.Options{
		API: a.getenv("GITHUB_API_URL"), GraphQL: a.getenv("GITHUB_GRAPHQL_URL"), Token: a.token("token", "GITHUB_TOKEN", "GH_TOKEN"),
		UpstreamAPI: n.upstreamAPI, UpstreamToken: a.token("upstream-token", "BELAY_UPSTREAM_TOKEN"),
		Cache: a.cacheDir(n.cache), CA: n.caFile, Proxy: http.ProxyFromEnvironment, Now: a.now,
		UserAgent: "belay/" + versionText(),
	})
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	a.gh = client
	return client, nil
}

// token is that of an Action input, and outside of Actions that of the first
// variable which is set.
func (a *app) token(input string, variables ...string) string {
	if a.inActions() {
		return strings.TrimSpace(a.getenv(inputVariable(input)))
	}
	for _, name := range variables {
		if t := a.getenv(name); t != "" {
			return t
		}
	}
	return ""
}

// cacheDir is where answers of upstream are kept: what --cache says, else in
// the runner's temporary folder, else in the user's cache; "" for nowhere.
func (a *app) cacheDir(name string) string {
	switch {
	case name != "":
		return name
	case a.inActions():
		if dir := a.getenv("RUNNER_TEMP"); dir != "" {
			return filepath.Join(dir, "belay-cache")
		}
		return ""
	}
	if dir := a.getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "belay")
	}
	if home := a.getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".cache", "belay")
	}
	return ""
}

// here is the checkout that the working directory is in; "" when it is in none.
func (a *app) here() string {
	dir, _, err := a.place("")
	if err != nil {
		return ""
	}
	top := a.top(dir)
	if _, err := os.Lstat(filepath.Join(top, ".git")); err != nil {
		return ""
	}
	return top
}

// inCheckout is a cache that the change itself could fill.
type inCheckout struct{ dir string }

func (e *inCheckout) Error() string { return "--cache " + e.dir + ": it lies in the checkout" }
func (e *inCheckout) Hint() string {
	return "the change could bring it along: name a folder outside of the checkout"
}

// cacheOutside refuses a cache folder that lies in one of the checkouts, as it
// is written or as its links lead. "" is none.
func (a *app) cacheOutside(name string, checkouts ...string) error {
	if name == "" {
		return nil
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return &exitError{exitCouldNot, err}
	}
	for _, top := range checkouts {
		if top == "" {
			continue
		}
		for _, dir := range []string{abs, realPath(abs)} {
			if below(dir, filepath.Clean(top)) || below(dir, realPath(top)) {
				return &exitError{exitUsage, &inCheckout{name}}
			}
		}
	}
	return nil
}

func below(dir, top string) bool {
	rel, err := filepath.Rel(top, dir)
	return err == nil && filepath.IsLocal(rel)
}

// realPath resolves the links in what is there of a path.
func realPath(name string) string {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		return real
	}
	if dir := filepath.Dir(name); dir != name {
		return filepath.Join(realPath(dir), filepath.Base(name))
	}
	return name
}

// repo is the repository that the workflow runs for.
func (a *app) repo() (github.Repo, bool) {
	owner, name, ok := strings.Cut(a.getenv("GITHUB_REPOSITORY"), "/")
	return github.Repo{Owner: owner, Name: name}, ok && owner != "" && name != "" && !strings.Contains(name, "/")
}

// remote reads what a shallow checkout lacks of the pull request's repository;
// nil outside of a workflow, and when the network is not to be asked.
func (a *app) remote(f *flags) (base.Remote, error) {
	repo, ok := a.repo()
	if !a.inActions() || !ok || f.network.offline || a.token("token") == "" {
		return nil, nil
	}
	client, err := a.client(f)
	if err != nil {
		return nil, err
	}
	return ownFiles{client, repo}, nil
}

// ownFiles is base.Remote for a repository on GitHub.
type ownFiles struct {
	github *github.Client
	repo   github.Repo
}

func (o ownFiles) MergeBase(ctx context.Context, base, head string) (string, error) {
	return o.github.MergeBase(ctx, o.repo, base, head)
}

func (o ownFiles) Files(ctx context.Context, commit string, want func(path string, size int) bool) (map[string][]byte, error) {
	return o.github.RepoFiles(ctx, o.repo, commit, want)
}

// upstream reads what upstream projects publish, for package release.
type upstream struct {
	github   *github.Client
	registry *registry.Client
}

func (u upstream) Releases(ctx context.Context, repo string, enough func([]release.Published) bool) ([]release.Published, error) {
	list, err := u.github.Releases(ctx, repo, func(page []github.Release) bool { return enough(published(page)) })
	return published(list), err
}

func published(list []github.Release) []release.Published {
	var out []release.Published
	for _, r := range list {
		out = append(out, release.Published{Tag: r.Tag, Body: r.Body, URL: r.URL, Date: r.Published})
	}
	return out
}

func (u upstream) File(ctx context.Context, repo, path, ref string) ([]byte, error) {
	return u.github.File(ctx, repo, path, ref)
}

func (u upstream) Tree(ctx context.Context, repo, dir, ref string, want func(string) bool) (map[string][]byte, error) {
	return u.github.Tree(ctx, repo, dir, ref, want)
}

func (u upstream) Repository(ctx context.Context, ref image.Ref) (string, error) {
	return u.registry.Repository(ctx, ref)
}

// mkTemp is a.temp, which is there afterwards: the check image has no /tmp.
func (a *app) mkTemp() (string, error) {
	dir := a.temp()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", &exitError{exitCouldNot, err}
	}
	return dir, nil
}
