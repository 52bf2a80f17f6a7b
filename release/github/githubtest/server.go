// Package githubtest is a GitHub for tests: a server on this machine that
// answers the REST and GraphQL calls that Belay makes as the real one does,
// from a state that a test, or a folder, describes.
//
// What must stay true: it fails the test on a question it does not expect, so
// that a call which is wrong is seen here and not on a user's pull request. It
// stores nothing that was not given to it, and reaches no network.
//
// To add a call: a line in routes and its handler; for GraphQL the fields in
// schema.graphql, as GitHub's schema has them, and in objects.
package githubtest

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// TB is what of testing.TB is needed.
type TB interface {
	Errorf(format string, args ...any)
	Helper()
	Cleanup(func())
}

// Server is a GitHub. Its address serves the API at the root, as
// api.github.com, and below /api/v3 with GraphQL at /api/graphql, as
// Enterprise Server does.
type Server struct {
	URL string

	t    TB
	http *httptest.Server
	gone chan struct{} // closed at the end: lets go of requests that hang

	mu       sync.Mutex
	now      func() time.Time
	repos    map[string]*repository // by lower-case name
	moved    map[string]string
	tokens   map[string]*token
	faults   []Fault
	requests []*Request
	lastID   int64
	contract *contract
	changed  func([]Comment)
	seen     func(Request)
}

// Request is one that was made.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`  // with its query
	Login  string `json:"login"` // of the token; "" for none
	Status int    `json:"status"`
	Body   string `json:"body,omitempty"`
}

// New starts a server on a free port of 127.0.0.1, which ends with the test.
func New(t TB) *Server {
	t.Helper()
	s, err := Listen(t, "127.0.0.1:0")
	if err != nil {
		t.Errorf("test GitHub: %v", err)
	}
	return s
}

// Listen starts a server at an address.
func Listen(t TB, address string) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Server{
		t: t, now: time.Now, gone: make(chan struct{}), lastID: 3_000_000_000, // past 32 bits, as GitHub's are
		repos: map[string]*repository{}, moved: map[string]string{}, tokens: map[string]*token{},
	}
	s.tokens[""] = &token{limit: 60}
	s.http = &httptest.Server{Listener: l, Config: &http.Server{Handler: s}}
	s.http.Start()
	s.URL = s.http.URL
	t.Cleanup(s.Close)
	return s, nil
}

// Close stops the server.
func (s *Server) Close() {
	s.mu.Lock()
	select {
	case <-s.gone:
	default:
		close(s.gone)
	}
	s.mu.Unlock()
	s.http.CloseClientConnections()
	s.http.Close()
}

// SetNow gives the server a clock.
func (s *Server) SetNow(now func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

// OnRequest calls f after each request, OnComments after each change of a
// comment with all there are. The server is locked meanwhile.
func (s *Server) OnRequest(f func(Request)) { s.mu.Lock(); defer s.mu.Unlock(); s.seen = f }

// OnComments calls f with all comments after each change of one.
func (s *Server) OnComments(f func([]Comment)) { s.mu.Lock(); defer s.mu.Unlock(); s.changed = f }

// Requests gives those that were made so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := make([]Request, len(s.requests))
	for i, r := range s.requests {
		requests[i] = *r
	}
	return requests
}

// Forget empties the list of requests.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// reply is what a handler answers.
type reply struct {
	status int
	header map[string]string
	body   any    // JSON, unless
	raw    []byte // this is given
}

// request is what a handler is asked.
type request struct {
	*http.Request
	repo   *repository
	args   []string // of the path, after owner and name
	token  *token
	body   []byte
	base   string // of the API, for URLs in answers
	accept string
}

// ServeHTTP answers one request. Paths that begin with /_ are no calls of
// GitHub's: see control.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.control(w, r) {
		return
	}
	body := readBody(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	tok, known := s.tokens[bearer(r)]
	// It is on the list before it can hang.
	record := &Request{Method: r.Method, Path: r.URL.RequestURI(), Body: string(body)}
	if tok != nil {
		record.Login = tok.login
	}
	s.requests = append(s.requests, record)
	defer func() {
		if s.seen != nil {
			s.seen(*record)
		}
	}()
	s.checkHeaders(r)
	fault, faulty := s.fault(r)
	if faulty && !fault.After {
		record.Status = s.suffer(w, r, fault)
		return
	}
	var out reply
	if !known {
		out = failure(http.StatusUnauthorized, "Bad credentials")
	} else {
		out = s.answer(&request{Request: r, token: tok, body: body, accept: r.Header.Get("Accept")})
	}
	record.Status = out.status
	if faulty {
		record.Status = s.suffer(w, r, fault)
		return
	}
	s.send(w, r, tok, out)
}

// checkHeaders is about what GitHub demands of a client, or asks for.
func (s *Server) checkHeaders(r *http.Request) {
	if ua := r.Header.Get("User-Agent"); ua == "" || strings.HasPrefix(ua, "Go-http-client") {
		s.t.Errorf("%s %s: User-Agent %q", r.Method, r.URL.Path, ua)
	}
	if a := r.Header.Get("Accept"); !strings.HasPrefix(a, "application/vnd.github") {
		s.t.Errorf("%s %s: Accept %q", r.Method, r.URL.Path, a)
	}
	if v := r.Header.Get("X-GitHub-Api-Version"); v != "2022-11-28" {
		s.t.Errorf("%s %s: API version %q", r.Method, r.URL.Path, v)
	}
}

func bearer(r *http.Request) string {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token") {
		return ""
	}
	return value
}

// answer finds the handler of a request.
func (s *Server) answer(r *request) reply {
	path := r.URL.EscapedPath()
	r.base = "http://" + r.Host
	if rest, ok := strings.CutPrefix(path, "/api/v3/"); ok {
		path, r.base = "/"+rest, r.base+"/api/v3"
	}
	if path == "/graphql" || path == "/api/graphql" {
		if r.token.login == "" {
			return failure(http.StatusUnauthorized, "This endpoint requires you to be authenticated.")
		}
		if limited, ok := s.take(r.token); !ok {
			return limited
		}
		return s.graphql(r)
	}
	if to, status := s.redirect(path); status != 0 {
		return reply{status: status, header: map[string]string{"Location": r.base + to + query(r.URL.RawQuery)}, body: map[string]any{"message": "Moved Permanently", "url": r.base + to, "documentation_url": docs}}
	}
	for _, route := range routes() {
		m := route.match(r.Method, path)
		if m == nil {
			continue
		}
		return s.serve(r, route, m)
	}
	s.t.Errorf("unexpected request: %s %s", r.Method, r.URL.RequestURI())
	return failure(http.StatusNotFound, "Not Found")
}

func (s *Server) serve(r *request, route route, m []string) reply {
	for name := range r.URL.Query() {
		if !slices.Contains(route.query, name) {
			s.t.Errorf("%s %s: a query field that is not expected: %s", r.Method, r.URL.Path, name)
		}
	}
	if route.withRepo {
		if r.repo = s.repos[strings.ToLower(m[0]+"/"+m[1])]; r.repo == nil || !r.token.sees(r.repo) {
			return failure(http.StatusNotFound, "Not Found")
		}
		r.args = m[2:]
	}
	out := route.handle(s, r)
	conditional(r, &out)
	if out.status != http.StatusNotModified {
		if limited, ok := s.take(r.token); !ok {
			return limited
		}
	}
	s.contract.check(s.t, r, route, m, out)
	return out
}

func query(raw string) string {
	if raw == "" {
		return ""
	}
	return "?" + raw
}

const docs = "https://docs.github.com/rest"

func failure(status int, message string, errs ...map[string]any) reply {
	return failureAt(docs, status, message, errs...)
}

// failureAt is a refusal that sends the reader to a page of the documentation.
func failureAt(about string, status int, message string, errs ...map[string]any) reply {
	body := map[string]any{"message": message, "documentation_url": about, "status": fmt.Sprint(status)}
	if len(errs) > 0 {
		body["errors"] = errs
	}
	return reply{status: status, body: body}
}
