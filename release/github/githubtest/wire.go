package githubtest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func readBody(r *http.Request) []byte {
	data, err := io.ReadAll(io.LimitReader(r.Body, 32<<20))
	if err != nil || len(data) == 0 {
		return nil
	}
	return data
}

// bytes is the body of a reply.
func (o *reply) bytes() []byte {
	if o.raw != nil || o.body == nil {
		return o.raw
	}
	data, err := json.Marshal(o.body)
	if err != nil {
		panic("githubtest: " + err.Error())
	}
	o.raw = data
	return data
}

// conditional gives a GET its weak ETag, and 304 to who has that answer.
func conditional(r *request, out *reply) {
	if r.Method != http.MethodGet || out.status != http.StatusOK {
		return
	}
	tag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(out.bytes()))
	if out.header == nil {
		out.header = map[string]string{}
	}
	out.header["ETag"] = tag
	if have := r.Header.Get("If-None-Match"); have == tag || "W/"+have == tag {
		out.status, out.body, out.raw = http.StatusNotModified, nil, nil
	}
}

// take counts a request against the limit of its token.
func (s *Server) take(t *token) (reply, bool) {
	now := s.now()
	if !now.Before(t.reset) {
		t.used, t.reset = 0, now.Truncate(time.Second).Add(time.Hour)
	}
	if t.used >= t.limit {
		who := "user ID 1"
		if t.login == "" {
			who = "127.0.0.1. (But here's the good news: Authenticated requests get a higher rate limit. Check out the documentation for more details.)"
		}
		return failure(http.StatusForbidden, "API rate limit exceeded for "+who), false
	}
	t.used++
	return reply{}, true
}

// send writes a reply with the headers that all have.
func (s *Server) send(w http.ResponseWriter, r *http.Request, t *token, out reply) {
	h := w.Header()
	h.Set("Date", s.now().UTC().Format(http.TimeFormat))
	h.Set("Server", "github.com")
	h.Set("X-GitHub-Api-Version-Selected", "2022-11-28")
	if t != nil {
		h.Set("X-RateLimit-Limit", strconv.Itoa(t.limit))
		h.Set("X-RateLimit-Remaining", strconv.Itoa(max(t.limit-t.used, 0)))
		h.Set("X-RateLimit-Used", strconv.Itoa(t.used))
		h.Set("X-RateLimit-Reset", strconv.FormatInt(t.reset.Unix(), 10))
		h.Set("X-RateLimit-Resource", "core")
	}
	if out.header["Content-Type"] == "" {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	for name, value := range out.header {
		h.Set(name, value)
	}
	w.WriteHeader(out.status)
	if out.status != http.StatusNotModified && out.status != http.StatusNoContent {
		w.Write(out.bytes())
	}
}

// paged cuts the page that is asked for out of items, and makes its Link header.
func paged[T any](r *request, items []T) ([]T, map[string]string) {
	q := r.URL.Query()
	size, page := 30, 1
	if n, err := strconv.Atoi(q.Get("per_page")); err == nil {
		size = min(max(n, 1), 100)
	}
	if n, err := strconv.Atoi(q.Get("page")); err == nil {
		page = max(n, 1)
	}
	last := max((len(items)+size-1)/size, 1)
	from := min((page-1)*size, len(items))
	var links []string
	link := func(n int, rel string) {
		q.Set("page", strconv.Itoa(n))
		links = append(links, fmt.Sprintf("<%s%s?%s>; rel=%q", "http://"+r.Host, r.URL.EscapedPath(), q.Encode(), rel))
	}
	if page > 1 {
		link(page-1, "prev")
	}
	if page < last {
		link(page+1, "next")
		link(last, "last")
	}
	if page > 1 {
		link(1, "first")
	}
	header := map[string]string{}
	if len(links) > 0 {
		header["Link"] = strings.Join(links, ", ")
	}
	return items[from:min(from+size, len(items))], header
}
