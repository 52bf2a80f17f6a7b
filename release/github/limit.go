package github

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	awayTime   = time.Minute // for which a host that is not to be reached is left alone
	writeSpace = time.Second // between requests that create content, as GitHub asks of its clients
	maxWait    = time.Minute // for rate limits, in all
)

// ready waits until a request may go out, or says why it need not.
func (s *server) ready(ctx context.Context, question, graphql bool) error {
	if until := s.limited[graphql]; s.c.now().Before(until) {
		return &Error{Kind: Limited, Until: until}
	}
	if s.away != nil && s.c.now().Sub(s.awayAt) < awayTime {
		return s.away
	}
	if question {
		return nil
	}
	return s.c.spaceWrites(ctx)
}

// remember keeps that the host is not to be reached. The next question would
// learn it anew, behind some firewalls for half a minute each.
func (s *server) remember(ctx context.Context, e *Error, question bool) {
	if question && e.Kind == Offline && e.Status == 0 && ctx.Err() == nil {
		s.away, s.awayAt = e, s.c.now()
	}
}

// limit reports whether an answer was about a rate limit: then either it was
// waited for, and the request may go out again, or the error says until when.
func (s *server) limit(ctx context.Context, a *answer, graphql bool) (again bool, _ *Error) {
	if a.status != http.StatusForbidden && a.status != http.StatusTooManyRequests {
		return false, nil
	}
	var wait time.Duration
	words := strings.ToLower(string(a.body[:min(len(a.body), 4096)]))
	seconds, err := strconv.ParseInt(a.header.Get("Retry-After"), 10, 32)
	reset, errReset := strconv.ParseInt(a.header.Get("X-Ratelimit-Reset"), 10, 64)
	switch {
	case err == nil && seconds >= 0:
		wait = time.Duration(seconds) * time.Second
	case a.header.Get("X-Ratelimit-Remaining") == "0" && errReset == nil && strings.Contains(words, "rate limit"):
		wait = max(time.Unix(reset, 0).Sub(s.c.now()), 0) + time.Second
	case strings.Contains(words, "secondary rate limit"), strings.Contains(words, "abuse detection"), a.status == http.StatusTooManyRequests:
		wait = maxWait // "wait at least one minute": GitHub's best practices for the REST API
	default:
		return false, nil
	}
	if s.c.wait(ctx, max(wait, time.Second)) {
		return true, nil
	}
	until := s.c.now().Add(wait).Truncate(time.Second)
	s.limited[graphql] = until
	return false, &Error{Kind: Limited, Status: a.status, Until: until}
}

// wait waits d when that is within what may be waited in all.
func (c *Client) wait(ctx context.Context, d time.Duration) bool {
	c.mu.Lock()
	ok := c.waited+d <= maxWait+time.Second
	if ok {
		c.waited += d
	}
	c.mu.Unlock()
	return ok && c.sleep(ctx, d) == nil
}

// backoff waits before the repetition number n, counted from 0.
func (c *Client) backoff(ctx context.Context, n int) error {
	d := time.Second << n
	return c.sleep(ctx, d/2+time.Duration(float64(d/2)*c.jitter()))
}

func (c *Client) spaceWrites(ctx context.Context) error {
	if since := c.now().Sub(c.lastWrite); !c.lastWrite.IsZero() && since < writeSpace {
		if err := c.sleep(ctx, writeSpace-max(since, 0)); err != nil {
			return describe(err)
		}
	}
	c.lastWrite = c.now()
	return nil
}

func (c *Client) count(repo string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests["total"]++
	if repo != "" {
		c.requests[repo]++
	}
}
