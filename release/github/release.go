package github

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	gh "github.com/google/go-github/v60/github"
)

const (
	perPage  = 100
	maxPages = 10
	fullTime = 10 * 24 * time.Hour // after that the old pages are read again
)

// Release is what was published, as its author wrote it: Body is Markdown of a
// stranger, up to some 125,000 characters, often with CRLF.
type Release struct {
	Tag, Name, Body, URL string
	Published            time.Time
	Prerelease           bool
}

// list is what is known of the releases of a repository: their beginning, as
// GitHub lists them, and Complete when it is all. In the cache it is one entry,
// whose ETag is of the first page.
type list struct {
	Releases []listed  `json:"releases"`
	Seen     int       `json:"seen"` // with the drafts that were left out
	Complete bool      `json:"complete"`
	Full     time.Time `json:"full"` // when the first page was read with nothing taken over
}

type listed struct {
	ID int64 `json:"id"`
	Release
}

// Releases gives the releases of an upstream repository as GitHub lists them,
// by the date of their commit and so newest first but for backports, without
// drafts: page by page (100 each) until enough says so of a page, at most 10.
//
// What is in the cache is used without any question for a time that depends
// on the age of the newest release. After that only the first page is asked
// for: one that did not change vouches for the rest, and new releases are put
// before those known. So an edit to an older release shows after ten days.
func (c *Client) Releases(ctx context.Context, repo string, enough func(page []Release) bool) ([]Release, error) {
	const op = "read the releases of"
	path, err := repoPath(op, repo)
	if err != nil {
		return nil, err
	}
	r := &releaseReader{c: c, repo: repo, path: path}
	if err := r.open(ctx); err != nil {
		return nil, named(err, op, repo)
	}
	var out []Release
	for {
		if len(out) == len(r.Releases) {
			if err := r.next(ctx); err != nil {
				return nil, named(err, op, repo)
			}
		}
		chunk := r.Releases[len(out):min(len(out)+perPage, len(r.Releases))]
		if len(chunk) == 0 {
			return out, nil
		}
		from := len(out)
		for _, l := range chunk {
			out = append(out, l.Release)
		}
		if enough(slices.Clone(out[from:])) {
			return out, nil
		}
	}
}

// ReleaseAt gives the release of one tag, which need not be on the first pages.
func (c *Client) ReleaseAt(ctx context.Context, repo, tag string) (Release, error) {
	const op = "read a release of"
	path, err := repoPath(op, repo)
	if err != nil {
		return Release{}, err
	}
	if err := checkRef(op, repo, tag); err != nil || tag == "" {
		return Release{}, &Error{Op: op, Repo: repo, Kind: Invalid, Err: errName("not the name of a tag")}
	}
	data, err := c.get(ctx, fetch{op: op, repo: repo, s: c.upstream, path: path + "/releases/tags/" + escape(tag), accept: plain, fresh: 24 * time.Hour, sound: json.Valid})
	if err != nil {
		return Release{}, err
	}
	var r gh.RepositoryRelease
	if err := json.Unmarshal(data, &r); err != nil {
		return Release{}, &Error{Op: op, Repo: repo, Kind: Broken}
	}
	return releaseOf(&r), nil
}

func releaseOf(r *gh.RepositoryRelease) Release {
	published := r.GetPublishedAt().Time
	if published.IsZero() {
		published = r.GetCreatedAt().Time
	}
	return Release{r.GetTagName(), r.GetName(), r.GetBody(), r.GetHTMLURL(), published.UTC(), r.GetPrerelease()}
}

// releaseReader reads a list on, and keeps what it learned.
type releaseReader struct {
	c          *Client
	repo, path string
	list
	etag, modified string
	fetched        time.Time
}

func (r *releaseReader) key() string { return "releases " + r.c.upstream.api.String() + r.path }

// open gives the list a beginning: from the cache, or by asking for page 1.
func (r *releaseReader) open(ctx context.Context) error {
	have := r.c.cache.load(r.key())
	known := r.take(have)
	switch {
	case have != nil && have.Status == http.StatusNotFound && r.c.now().Sub(have.Fetched) < goneTime:
		return &Error{Kind: NotFound, Status: have.Status}
	case known && r.c.now().Sub(r.fetched) < r.freshFor():
		return nil
	}
	if !known {
		have = nil
	}
	a, page, err := r.page(ctx, 1, have)
	switch {
	case isKind(err, NotFound):
		r.c.cache.store(&entry{Key: r.key(), Status: http.StatusNotFound, Fetched: r.c.now()})
		return err
	case known && outage(ctx, err):
		r.c.wasStale(r.repo, r.fetched)
		return nil
	case err != nil:
		return err
	}
	if a.status != http.StatusNotModified {
		e := &entry{}
		e.tag(a)
		r.etag, r.modified = e.ETag, e.Modified
		if !known || r.c.now().Sub(r.Full) >= fullTime || !r.splice(page) {
			r.list = list{Full: r.c.now()}
			r.add(page)
		}
		r.Complete = r.Complete || !hasNext(a)
	}
	r.fetched = r.c.now()
	r.keep()
	return nil
}

// take reads an entry of the cache.
func (r *releaseReader) take(e *entry) bool {
	if e == nil || e.Status != http.StatusOK || json.Unmarshal(e.Body, &r.list) != nil || len(r.Releases) == 0 && !r.Complete {
		r.list = list{}
		return false
	}
	r.etag, r.modified, r.fetched = e.ETag, e.Modified, e.Fetched
	return true
}

func (r *releaseReader) keep() {
	body, err := json.Marshal(r.list)
	if err == nil {
		r.c.cache.store(&entry{Key: r.key(), Status: http.StatusOK, ETag: r.etag, Modified: r.modified, Fetched: r.fetched, Body: body})
	}
}

// freshFor follows the pace of the project, as Renovate does: who released
// today may do so again today.
func (r *releaseReader) freshFor() time.Duration {
	var newest time.Time
	for _, l := range r.Releases {
		if l.Published.After(newest) {
			newest = l.Published
		}
	}
	switch age := r.fetched.Sub(newest); {
	case age < 24*time.Hour:
		return tipTime
	case age < 30*24*time.Hour:
		return 24 * time.Hour
	}
	return tagTime
}

// next reads on after what is known, until there is something new.
func (r *releaseReader) next(ctx context.Context) error {
	before := len(r.Releases)
	for n := r.Seen/perPage + 1; n <= maxPages && !r.Complete && len(r.Releases) == before; n++ {
		a, page, err := r.page(ctx, n, nil)
		if err != nil {
			return err
		}
		r.add(page)
		r.Complete = !hasNext(a)
		r.keep()
	}
	return nil
}

// page asks for one page, on a condition when have is an entry.
func (r *releaseReader) page(ctx context.Context, n int, have *entry) (*answer, []*gh.RepositoryRelease, error) {
	to, err := r.c.upstream.api.Parse(fmt.Sprintf("%s/releases?%s", r.path, url.Values{"per_page": {fmt.Sprint(perPage)}, "page": {fmt.Sprint(n)}}.Encode()))
	if err != nil {
		return nil, nil, err
	}
	a, err := r.c.upstream.send(during(ctx, r.repo, true), http.MethodGet, to, have.ask(http.Header{}), nil)
	if err != nil || a.status == http.StatusNotModified {
		return a, nil, err
	}
	var page []*gh.RepositoryRelease
	if err := json.Unmarshal(a.body, &page); err != nil {
		return nil, nil, &Error{Kind: Broken, Status: a.status}
	}
	return a, page, nil
}

// add appends what is not there yet: a release that came in between moves the
// border of the pages.
func (r *releaseReader) add(page []*gh.RepositoryRelease) {
	known := map[int64]bool{}
	for _, l := range r.Releases {
		known[l.ID] = true
	}
	for _, p := range page {
		if known[p.GetID()] {
			continue
		}
		r.Seen++
		if !p.GetDraft() {
			r.Releases = append(r.Releases, listed{p.GetID(), releaseOf(p)})
		}
	}
}

// splice puts a new first page before what is known after it. False when the
// two do not meet.
func (r *releaseReader) splice(page []*gh.RepositoryRelease) bool {
	old := r.list
	at := -1
	for i := len(page) - 1; i >= 0 && at < 0; i-- {
		at = slices.IndexFunc(old.Releases, func(l listed) bool { return l.ID == page[i].GetID() })
	}
	if at < 0 {
		return false
	}
	r.list = list{Full: old.Full, Complete: old.Complete}
	r.add(page)
	for _, l := range old.Releases[at+1:] {
		if !slices.ContainsFunc(r.Releases, func(have listed) bool { return have.ID == l.ID }) {
			r.Releases = append(r.Releases, l)
			r.Seen++
		}
	}
	return true
}

func hasNext(a *answer) bool {
	return strings.Contains(a.header.Get("Link"), `rel="next"`)
}
