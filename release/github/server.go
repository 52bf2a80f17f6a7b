package github

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	gh "github.com/google/go-github/v60/github"
)

const (
	requestTimeout = 20 * time.Second
	maxAnswer      = 32 << 20
	retries        = 3
	maxRedirects   = 3
	dialTimeout    = 10 * time.Second
	apiVersion     = "2022-11-28"
)

// server is one GitHub. As an http.RoundTripper it does for go-github what it
// does for our own questions: token, limits, repetition, bounds. It gives an
// answer for 2xx and 304, and an *Error otherwise.
type server struct {
	c            *Client
	api, graphql *url.URL // api ends in a slash
	token        string

	// Under c.sending:
	limited map[bool]time.Time // until when REST (false) or GraphQL (true) answers nothing
	away    *Error             // why it could not be reached
	awayAt  time.Time
}

// answer is a whole response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// callKey marks in a context what a request is for.
type callKey struct{}

type call struct {
	repo     string
	question bool // a POST that changes nothing
}

func during(ctx context.Context, repo string, question bool) context.Context {
	return context.WithValue(ctx, callKey{}, call{repo, question})
}

// rest is go-github on this server, for calls about repo.
func (s *server) rest(ctx context.Context, repo string) (context.Context, *gh.Client) {
	client := gh.NewClient(&http.Client{Transport: s})
	client.BaseURL = s.api
	client.UserAgent = s.c.agent
	return during(ctx, repo, false), client
}

// RoundTrip sends a request, whose body it reads.
func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		req.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	a, err := s.send(req.Context(), req.Method, req.URL, req.Header, body)
	if err != nil {
		return nil, err
	}
	// The limits are dealt with here; go-github would look at them with a clock of its own.
	header := http.Header{}
	for _, name := range []string{"Content-Type", "Link", "Etag"} {
		if v := a.header.Get(name); v != "" {
			header.Set(name, v)
		}
	}
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req,
	}, nil
}

// send asks until there is an answer, or no point in asking on.
func (s *server) send(ctx context.Context, method string, to *url.URL, header http.Header, body []byte) (*answer, error) {
	s.c.sending.Lock()
	defer s.c.sending.Unlock()
	about, _ := ctx.Value(callKey{}).(call)
	question := method == http.MethodGet || about.question
	graphql := to.Path == s.graphql.Path
	if err := s.ready(ctx, question, graphql); err != nil {
		return nil, err
	}
	failed, moves := 0, 0
	for {
		a, err := s.once(ctx, about.repo, method, to, header, body)
		var bad *Error
		switch {
		case err != nil:
			bad = err
		case a.status/100 == 2, a.status == http.StatusNotModified:
			return a, nil
		case a.status/100 == 3:
			if moves++; moves > maxRedirects || method != http.MethodGet {
				return nil, &Error{Kind: Moved, Status: a.status}
			}
			if to, bad = follow(to, a); bad != nil {
				return nil, bad
			}
			continue
		default:
			again, limit := s.limit(ctx, a, graphql)
			if again {
				continue
			}
			if bad = limit; bad == nil {
				bad = refusal(a, s.token)
			}
		}
		if !question || failed == retries || !passing(bad) || ctx.Err() != nil {
			s.remember(ctx, bad, question)
			return nil, bad
		}
		if err := s.c.backoff(ctx, failed); err != nil {
			return nil, describe(err)
		}
		failed++
	}
}

// once sends one request and reads its answer whole.
func (s *server) once(caller context.Context, repo, method string, to *url.URL, header http.Header, body []byte) (*answer, *Error) {
	ctx, cancel := context.WithTimeout(caller, s.c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, &Error{Kind: Invalid, Err: errors.New("this makes no address")}
	}
	if body == nil {
		req.Body, req.GetBody, req.ContentLength = nil, nil, 0
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", s.c.agent)
	req.Header.Set("X-GitHub-Api-Version", apiVersion)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", plain)
	}
	req.Header.Del("Authorization")
	if s.token != "" && to.Host == s.api.Host && to.Scheme == s.api.Scheme {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	s.c.count(repo)
	resp, err := s.c.http.RoundTrip(req)
	if err != nil {
		return nil, transient(caller, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, transient(caller, err)
	}
	if page := resp.Header.Get("Content-Type"); resp.StatusCode == http.StatusOK && strings.HasPrefix(page, "text/html") {
		// Of a portal or a login in between: it must not be kept as a file of upstream.
		return nil, &Error{Kind: Broken, Status: resp.StatusCode, Err: errors.New("a web page instead of an answer of the API")}
	}
	if len(data) > maxAnswer {
		return nil, &Error{Kind: TooLarge, Status: resp.StatusCode, Err: fmt.Errorf("an answer of more than %d MiB", maxAnswer>>20)}
	}
	return &answer{resp.StatusCode, resp.Header, data}, nil
}

// transient describes a request that broke off.
func transient(caller context.Context, err error) *Error {
	if cause := caller.Err(); cause != nil {
		return &Error{Kind: Offline, Err: cause}
	}
	return describe(err)
}

// passing reports whether a question that failed so may go better the next time.
func passing(e *Error) bool {
	return e.Kind == Offline && (e.Status >= 500 || errors.Is(e.Err, errBroke) || errors.Is(e.Err, errTimeout))
}

// follow gives where a moved repository is now. Only the same server may say so
// of itself: elsewhere the question has no business.
func follow(from *url.URL, a *answer) (*url.URL, *Error) {
	to, err := from.Parse(a.header.Get("Location"))
	if err != nil || a.header.Get("Location") == "" || to.Host != from.Host || to.Scheme != from.Scheme || to.User != nil {
		return nil, &Error{Kind: Moved, Status: a.status}
	}
	return to, nil
}
