// Package github asks GitHub: for what is published of upstream projects
// (releases, files at a tag), and for the pull request that a run is about
// (labels, files of its base, comments). It writes back what a run did: files
// as a commit or a pull request, issues, deployments.
//
// What must stay true: a token goes to the server it is for and nowhere else;
// no error, cache file or log holds one. What comes back is data of strangers:
// bounded in size, never executed, in errors only as a short printable cut. Only
// questions are repeated; a write whose answer got lost is looked for before it
// is made again. A branch that people use is never forced, and no file is
// written over that changed since it was read. Requests go out one at a time.
//
// To add a question: a method beside its kin, through get when the answer is
// worth keeping, through query for GraphQL, else through go-github. A write
// passes its refusals through refusedWrite, with the permission that it takes.
package github

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

const githubAPI = "https://api.github.com"

// Options say where GitHub is and how to ask it.
type Options struct {
	API     string // of the repository's own server, as GITHUB_API_URL has it; "" is github.com's
	GraphQL string // as GITHUB_GRAPHQL_URL has it; "" is made from API
	Token   string

	UpstreamAPI     string // of the server with the upstream projects; "" is github.com's
	UpstreamGraphQL string // "" is made from UpstreamAPI
	UpstreamToken   string // "" is Token when both servers are one, else none

	Cache     string                                // folder for answers of upstream, where we and nobody else can write; "" keeps none
	CA        string                                // PEM file of authorities besides the system's; ""
	Proxy     func(*http.Request) (*url.URL, error) // nil: none
	Now       func() time.Time                      // needed
	Sleep     func(context.Context, time.Duration) error
	Jitter    func() float64 // 0 to 1; nil is a half
	UserAgent string         // "" is belay
}

// Client asks one or two GitHubs. It may be used by several goroutines.
type Client struct {
	own, upstream *server
	cache         *cache
	http          http.RoundTripper
	now           func() time.Time
	sleep         func(context.Context, time.Duration) error
	jitter        func() float64
	agent         string
	timeout       time.Duration // of one request

	sending sync.Mutex // held while a request is under way: they go out one by one

	mu        sync.Mutex
	requests  map[string]int
	stale     map[string]time.Time
	waited    time.Duration // for limits, in all
	lastWrite time.Time
}

// New gives a client. An error is about the options: an address that is none,
// a file of authorities that holds none.
func New(o Options) (*Client, error) {
	if o.Now == nil {
		return nil, errors.New("github client: no clock is given")
	}
	c := &Client{
		now: o.Now, sleep: o.Sleep, jitter: o.Jitter, agent: o.UserAgent, timeout: requestTimeout,
		requests: map[string]int{}, stale: map[string]time.Time{},
	}
	if c.sleep == nil {
		c.sleep = pause
	}
	if c.jitter == nil {
		c.jitter = func() float64 { return 0.5 }
	}
	if c.agent == "" {
		c.agent = "belay"
	}
	var err error
	if c.own, err = newServer(c, o.API, o.GraphQL, o.Token); err != nil {
		return nil, fmt.Errorf("address of GitHub: %w", err)
	}
	if c.upstream, err = newServer(c, o.UpstreamAPI, o.UpstreamGraphQL, o.UpstreamToken); err != nil {
		return nil, fmt.Errorf("address of the upstream GitHub: %w", err)
	}
	if o.UpstreamToken == "" && *c.upstream.api == *c.own.api && *c.upstream.graphql == *c.own.graphql {
		c.upstream = c.own
	}
	if c.http, err = newTransport(o); err != nil {
		return nil, err
	}
	if o.Cache != "" {
		c.cache = &cache{dir: o.Cache, now: o.Now}
	}
	return c, nil
}

// Requests counts what was sent per repository ("langgenius/dify"), answers
// that came from no change included, and all together as "total".
func (c *Client) Requests() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.requests)
}

// Stale names the repositories for which an answer of the cache had to do that
// was due to be asked for again, since GitHub could not be, with the time when
// the oldest of these was true.
func (c *Client) Stale() map[string]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.stale)
}

// Notices says what kept the client from working as it was told to, in words
// that may be printed: a cache that is not used.
func (c *Client) Notices() []string {
	if c.cache == nil {
		return nil
	}
	if text := c.cache.refused.Load(); text != nil {
		return []string{*text}
	}
	return nil
}

// Transport is how the client goes out: through its proxy, with its
// authorities. It adds no token.
func (c *Client) Transport() http.RoundTripper { return c.http }

func (c *Client) wasStale(repo string, fetched time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.stale[repo]; !ok || fetched.Before(old) {
		c.stale[repo] = fetched
	}
}

// newServer reads the two addresses. GITHUB_API_URL is https://host/api/v3 on
// Enterprise Server with GraphQL beside it at /api/graphql; api.github.com and
// api.SUB.ghe.com have it at /graphql.
func newServer(c *Client, api, graphql, token string) (*server, error) {
	if api == "" {
		api = githubAPI
	}
	a, err := parseAddress(api)
	if err != nil {
		return nil, err
	}
	if graphql == "" {
		if root, ok := strings.CutSuffix(strings.TrimSuffix(api, "/"), "/api/v3"); ok {
			graphql = root + "/api/graphql"
		} else {
			graphql = strings.TrimSuffix(api, "/") + "/graphql"
		}
	}
	g, err := parseAddress(graphql)
	if err != nil {
		return nil, err
	}
	if g.Host != a.Host || g.Scheme != a.Scheme {
		return nil, errors.New("its REST and its GraphQL address are of different hosts")
	}
	if token != "" && a.Scheme == "http" && !isNear(a.Hostname()) {
		return nil, errPlain{}
	}
	a.Path += "/"
	return &server{c: c, api: a, graphql: g, token: token, limited: map[bool]time.Time{}}, nil
}

func parseAddress(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	switch {
	case err != nil, u.Host == "", u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("not a URL of a server")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("a URL with a user or a query in it")
	}
	return u, nil
}

// isNear reports whether a host is this machine, or one of a private network
// by its number: no name tells where it leads.
func isNear(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && (ip.Unmap().IsLoopback() || ip.Unmap().IsPrivate())
}

// errPlain is an address over which everybody on the way could read the token.
type errPlain struct{}

func (errPlain) Error() string { return "an http:// address, and there is a token to send to it" }
func (errPlain) Hint() string  { return "give the address with https://" }

func newTransport(o Options) (http.RoundTripper, error) {
	t := &http.Transport{
		Proxy:                 o.Proxy,
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   1,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   requestTimeout,
		ResponseHeaderTimeout: requestTimeout,
	}
	if o.CA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, fmt.Errorf("file of certificate authorities: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: holds no certificate in PEM form", o.CA)
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
