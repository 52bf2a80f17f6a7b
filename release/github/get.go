package github

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	raw       = "application/vnd.github.raw+json"
	plain     = "application/vnd.github+json"
	forever   = time.Duration(1<<63 - 1)
	tagTime   = 10 * 24 * time.Hour // a tag can move, and hardly ever does
	tipTime   = 55 * time.Minute    // a branch
	goneTime  = 20 * time.Minute    // what is not there may be soon
	objectMax = 8 << 20             // of one file
)

// fetch is a question whose answer is kept.
type fetch struct {
	op, repo string
	s        *server
	path     string // below the API's address, escaped
	accept   string
	fresh    time.Duration     // for how long the answer needs no question
	sound    func([]byte) bool // nil takes all; what is not sound is neither kept nor given
	keep     keeping
}

// keeping says what of an answer goes into the cache and is taken from it.
type keeping int

const (
	keepAll    keeping = iota
	keepProven         // only what is sound, which proves it to be what was asked for
	keepNone
)

// get answers a question from the cache, from GitHub, or from the cache after
// all when GitHub cannot be asked.
func (c *Client) get(ctx context.Context, f fetch) ([]byte, error) {
	to, err := f.s.api.Parse(f.path)
	if err != nil {
		return nil, &Error{Op: f.op, Repo: f.repo, Kind: Invalid}
	}
	key := f.accept + " " + to.String()
	kept := c.cache
	if f.keep == keepNone {
		kept = nil
	}
	have := kept.load(key)
	switch {
	case have == nil:
	case have.Status != http.StatusOK && f.keep == keepProven,
		have.Status == http.StatusOK && f.sound != nil && !f.sound(have.Body):
		have = nil
	}
	if have != nil && c.now().Sub(have.Fetched) < have.freshFor(f.fresh) {
		if have.Status == http.StatusNotFound {
			return nil, &Error{Op: f.op, Repo: f.repo, Kind: NotFound, Status: have.Status}
		}
		return have.Body, nil
	}
	header := http.Header{"Accept": {f.accept}}
	a, err := f.s.send(during(ctx, f.repo, true), http.MethodGet, to, have.ask(header), nil)
	e := &entry{Key: key, Status: http.StatusOK, Fetched: c.now()}
	switch {
	case err == nil && a.status == http.StatusNotModified && have != nil:
		e.ETag, e.Modified, e.Body = have.ETag, have.Modified, have.Body
	case err == nil && f.sound != nil && !f.sound(a.body):
		return nil, &Error{Op: f.op, Repo: f.repo, Kind: Broken, Status: a.status}
	case err == nil:
		e.tag(a)
		e.Body = a.body
	case isKind(err, NotFound):
		e.Status = http.StatusNotFound
		if f.keep != keepProven {
			kept.store(e)
		}
		return nil, named(err, f.op, f.repo)
	case have != nil && have.Status == http.StatusOK && outage(ctx, err):
		c.wasStale(f.repo, have.Fetched)
		return have.Body, nil
	default:
		return nil, named(err, f.op, f.repo)
	}
	kept.store(e)
	return e.Body, nil
}

// outage reports whether err is one that an older answer may stand in for.
func outage(ctx context.Context, err error) bool {
	return isKind(err, Offline, Limited) && ctx.Err() != context.Canceled
}

func (e *entry) freshFor(d time.Duration) time.Duration {
	if e.Status == http.StatusNotFound {
		return min(d, goneTime)
	}
	return d
}

// ask makes a question conditional: an answer that nothing changed is free.
func (e *entry) ask(header http.Header) http.Header {
	if e == nil || e.Status != http.StatusOK {
		return header
	}
	if e.ETag != "" {
		header.Set("If-None-Match", e.ETag)
	} else if e.Modified != "" {
		header.Set("If-Modified-Since", e.Modified)
	}
	return header
}

// tag takes over what makes the next question conditional.
func (e *entry) tag(a *answer) {
	if v := a.header.Get("Etag"); headerValue(v) {
		e.ETag = v
	}
	if v := a.header.Get("Last-Modified"); headerValue(v) {
		e.Modified = v
	}
}

// freshAt is for how long what stands at ref may be taken as unchanged.
func freshAt(ref string) time.Duration {
	switch {
	case isCommit(ref):
		return forever
	case ref == "", ref == "HEAD", ref == "main", ref == "master":
		return tipTime
	}
	return tagTime
}

// isCommit reports whether a ref is a full object id, which names one content
// for ever. GitHub takes no branch or tag of that form.
func isCommit(ref string) bool {
	return (len(ref) == 40 || len(ref) == 64) && strings.Trim(ref, "0123456789abcdef") == ""
}

// repoPath is repos/owner/name of a repository that has such a name.
func repoPath(op, repo string) (string, error) {
	if !repoName().MatchString(repo) || strings.HasSuffix(repo, "/.") || strings.HasSuffix(repo, "/..") {
		return "", &Error{Op: op, Repo: cut(repo), Kind: Invalid, Err: errName("not the name of a repository")}
	}
	return "repos/" + repo, nil
}

var repoName = lazy(`^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})/[A-Za-z0-9._-]{1,100}$`)

type errName string

func (e errName) Error() string { return string(e) }

// checkRef refuses what git refuses in the name of a ref, and what would make
// another question of it.
func checkRef(op, repo, ref string) error {
	if strings.Contains(ref, "..") || strings.ContainsFunc(ref, func(r rune) bool { return r <= ' ' || r == 0x7f }) || strings.ContainsAny(ref, `~^:?*[\`) ||
		strings.HasPrefix(ref, "/") || strings.HasSuffix(ref, "/") || strings.HasPrefix(ref, "-") || len(ref) > 255 {
		return &Error{Op: op, Repo: repo, Kind: Invalid, Err: errName("not the name of a tag, a branch or a commit")}
	}
	return nil
}

// escape makes a path of a repository part of a URL.
func escape(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}
