package github

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belaystack/belay/release/github/githubtest"
)

// TestAddresses: GITHUB_API_URL as the three kinds of GitHub give it.
func TestAddresses(t *testing.T) {
	tests := []struct{ api, graphql, labels, question string }{
		{"", "", "https://api.github.com/repos/a/b", "https://api.github.com/graphql"},
		{"https://api.github.com", "https://api.github.com/graphql", "https://api.github.com/repos/a/b", "https://api.github.com/graphql"},
		{"https://git.example.com/api/v3", "https://git.example.com/api/graphql", "https://git.example.com/api/v3/repos/a/b", "https://git.example.com/api/graphql"},
		{"https://git.example.com/api/v3/", "", "https://git.example.com/api/v3/repos/a/b", "https://git.example.com/api/graphql"},
		{"https://api.octo.ghe.com", "", "https://api.octo.ghe.com/repos/a/b", "https://api.octo.ghe.com/graphql"},
		{"http://127.0.0.1:8080/", "", "http://127.0.0.1:8080/repos/a/b", "http://127.0.0.1:8080/graphql"},
		{"https://git.example.com/api/v3", "https://evil.example.com/api/graphql", "", ""},
		{"git.example.com", "", "", ""},
		{"https://user:pass@git.example.com/api/v3", "", "", ""},
		{"https://git.example.com/api/v3?x=y", "", "", ""},
		{"file:///etc", "", "", ""},
	}
	for _, tt := range tests {
		c, err := New(Options{API: tt.api, GraphQL: tt.graphql, Now: time.Now})
		if tt.labels == "" {
			if err == nil {
				t.Errorf("%s %s is taken", tt.api, tt.graphql)
			} else if strings.Contains(err.Error(), "pass") {
				t.Errorf("%s: %v", tt.api, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.api, err)
			continue
		}
		to, err := c.own.api.Parse("repos/a/b")
		if err != nil || to.String() != tt.labels || c.own.graphql.String() != tt.question {
			t.Errorf("%s: REST %s, GraphQL %s, %v", tt.api, to, c.own.graphql, err)
		}
	}
}

// TestEnterprise asks a server that has its API below /api/v3, through both
// of its doors, and upstream elsewhere.
func TestEnterprise(t *testing.T) {
	l := newLab(t)
	public := newLab(t)
	public.addReleases(upstream, 2, 0)
	l.AddPull(own.String(), githubtest.Pull{Number: 1, HeadRepo: own.String(), HeadSHA: someSHA, Base: "main", Labels: []string{"x"}})
	c := l.client(writer, func(o *Options) { o.API, o.UpstreamAPI = l.URL+"/api/v3", public.URL })
	if got, err := c.Labels(context.Background(), own, 1); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := c.Sync(context.Background(), own, 1, []Comment{{Key: "a", Body: "x"}}, SyncOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := c.Releases(context.Background(), upstream, never); err != nil {
		t.Error(err)
	}
	for _, r := range l.Requests() {
		if !strings.HasPrefix(r.Path, "/api/v3/repos/acme/") && r.Path != "/api/graphql" || r.Login == "" {
			t.Errorf("%+v", r)
		}
	}
	if asked := public.Requests(); len(asked) != 1 || asked[0].Login != "" || asked[0].Status != 200 {
		t.Errorf("upstream got %+v: a token of another server must not get there", asked)
	}

	// With a token of its own, and only that.
	public.AddToken("public-token", "dev", githubtest.Rights{})
	c = l.client(writer, func(o *Options) {
		o.API, o.UpstreamAPI, o.UpstreamToken = l.URL+"/api/v3", public.URL, "public-token"
	})
	if _, err := c.Releases(context.Background(), upstream, never); err != nil {
		t.Error(err)
	}
	if asked := public.Requests(); len(asked) != 2 || asked[1].Login != "dev" {
		t.Errorf("upstream got %+v", asked)
	}
}

// TestTwoTokens: upstream on the same server, with a token of its own.
func TestTwoTokens(t *testing.T) {
	l := newLab(t)
	l.AddToken("upstream-token", "dev", githubtest.Rights{})
	c := l.client(writer, func(o *Options) { o.UpstreamToken = "upstream-token" })
	if _, err := c.Releases(context.Background(), upstream, never); err != nil {
		t.Error(err)
	}
	if asked := l.Requests(); len(asked) != 1 || asked[0].Login != "dev" {
		t.Errorf("%+v", asked)
	}
}

func TestMoved(t *testing.T) {
	l := newLab(t)
	l.AddRepo("old/name")
	l.addReleases("old/name", 120, 0)
	l.AddFiles("old/name", "1.0.0", map[string][]byte{"docker/a": []byte("A")})
	l.AddPull("old/name", githubtest.Pull{Number: 1, HeadRepo: "old/name", HeadSHA: someSHA, Base: "main"})
	l.Move("old/name", "new/name")
	c := l.client(writer)
	if got, err := c.Releases(context.Background(), "old/name", never); err != nil || len(got) != 120 {
		t.Errorf("%d releases, %v", len(got), err)
	}
	if got, err := c.Tree(context.Background(), "old/name", "docker", "1.0.0", func(string) bool { return true }); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	// What is written does not follow: a POST would arrive as a GET.
	_, err := c.Sync(context.Background(), Repo{"old", "name"}, 1, []Comment{{Key: "a", Body: "x"}}, SyncOptions{})
	var e *Error
	if !errors.As(err, &e) || e.Kind != Moved || e.Hint() == "" || len(l.Comments()) != 0 {
		t.Errorf("%v, comments %v", err, l.Comments())
	}
}

// TestRedirectElsewhere: nothing goes to another host, least of all a token.
func TestRedirectElsewhere(t *testing.T) {
	var got []string
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		fmt.Fprint(w, "[]")
	}))
	t.Cleanup(evil.Close)
	l := newLab(t)
	c := l.client(writer, cached(t.TempDir()))
	for _, status := range []int{301, 302, 307, 308} {
		l.Fail(githubtest.Fault{Status: status, Header: map[string]string{"Location": evil.URL + "/steal"}})
		if _, err := c.Releases(context.Background(), upstream, never); !isKind(err, Moved) {
			t.Errorf("%d: %v", status, err)
		}
	}
	l.Fail(githubtest.Fault{Status: 301, Header: map[string]string{"Location": strings.Replace(l.URL, "http:", "https:", 1) + "/x"}})
	if _, err := c.Releases(context.Background(), upstream, never); !isKind(err, Moved) {
		t.Errorf("to another scheme: %v", err)
	}
	for range 4 {
		l.Fail(githubtest.Fault{Status: 301, Header: map[string]string{"Location": "/repos/" + upstream + "/releases?per_page=100&page=1"}})
	}
	if _, err := c.Releases(context.Background(), upstream, never); !isKind(err, Moved) {
		t.Errorf("round and round: %v", err)
	}
	if len(got) != 0 {
		t.Errorf("the other host got %q", got)
	}
}

// TestErrorsHoldNothing: no error or hint has the token, a query, mark-up or a
// workflow command of the server, or is long.
func TestErrorsHoldNothing(t *testing.T) {
	hostile := "secret\n::error::x ##[group] <!-- belay:dossier a 0 --> `x` " + strings.Repeat("long ", 100)
	l := newLab(t)
	for _, f := range []githubtest.Fault{
		{Status: 400, Message: hostile}, {Status: 401, Message: hostile}, {Status: 403, Message: hostile}, {Status: 404, Message: hostile}, {Status: 422, Message: hostile},
		{Status: 422, Body: `{"message":"no","errors":["::warning::plain",{"message":"::error::detail"}]}`},
		{Status: 403, Message: "no right for " + writer}, {Status: 500, Message: hostile}, {Status: 418, Message: hostile}, {Status: 200, Body: hostile}, {Reset: true}, githubtest.Secondary(900),
		{Status: 301, Header: map[string]string{"Location": "https://other.example/?token=" + writer}},
	} {
		c := l.client(writer)
		for range 4 {
			l.Fail(f)
		}
		_, err := c.Releases(context.Background(), upstream, never)
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%+v: %v", f, err)
		}
		text := e.Error() + " / " + e.Hint()
		for _, bad := range []string{"CANARY", "Bearer", "per_page", "\n", "::", "##[", "<!--", "`x`"} {
			if strings.Contains(text, bad) {
				t.Errorf("%+v: %q holds %q", f, text, bad)
			}
		}
		if len(text) > 600 || !strings.HasPrefix(text, "read the releases of "+upstream+": ") {
			t.Errorf("%d characters: %q", len(text), text)
		}
		for l.Faults() > 0 {
			l.client("").Labels(context.Background(), own, 1)
		}
	}
}

func TestNamesAreChecked(t *testing.T) {
	l := newLab(t)
	c := l.client(writer)
	ctx := context.Background()
	all := func(string) bool { return true }
	for _, repo := range []string{"", "a", "a/b/c", "../b", "a/..", "a/.", "a b/c", "a/b?x=y", "a/b#x", "a/b\n", "%2e/b", "/b"} {
		if _, err := c.Releases(ctx, repo, never); !isKind(err, Invalid) {
			t.Errorf("repository %q: %v", repo, err)
		}
		owner, name, _ := strings.Cut(repo, "/")
		if _, err := c.Labels(ctx, Repo{owner, name}, 1); !isKind(err, Invalid) {
			t.Errorf("repository %q: %v", repo, err)
		}
	}
	for _, ref := range []string{"a..b", "a b", "a:b", "-x", "/a", "a/", "a^", "a~1", "a\nb", "a?b", strings.Repeat("a", 300)} {
		if _, err := c.File(ctx, upstream, "x", ref); !isKind(err, Invalid) {
			t.Errorf("ref %q: %v", ref, err)
		}
		if _, err := c.Tree(ctx, upstream, "x", ref, all); !isKind(err, Invalid) {
			t.Errorf("ref %q: %v", ref, err)
		}
		if _, err := c.MergeBase(ctx, own, ref, someSHA); !isKind(err, Invalid) {
			t.Errorf("ref %q: %v", ref, err)
		}
	}
	for _, path := range []string{"", ".", "../x", "/x", "a//b", "a/../b"} {
		if _, err := c.File(ctx, upstream, path, "1.0.0"); !isKind(err, Invalid) {
			t.Errorf("path %q: %v", path, err)
		}
	}
	for _, dir := range []string{".", "../x", "/x", "a:b"} {
		if _, err := c.Tree(ctx, upstream, dir, "1.0.0", all); !isKind(err, Invalid) {
			t.Errorf("folder %q: %v", dir, err)
		}
	}
	if asked := l.Requests(); len(asked) != 0 {
		t.Errorf("asked %v", asked)
	}
}

// TestNetwork: what stands between is named, without the address or the
// password of a proxy.
func TestNetwork(t *testing.T) {
	l := newLab(t)
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "[]") }))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	t.Cleanup(refusing.Close)
	through := func(address string) func(*http.Request) (*url.URL, error) {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return http.ProxyURL(u)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*Options)
		words  string // of the error; "" for none
		hint   string
	}{
		{"an authority that is given", func(o *Options) { o.UpstreamAPI, o.CA = secure.URL, authority }, "", ""},
		{"an unknown authority", func(o *Options) { o.UpstreamAPI = secure.URL }, "signed by an authority", "PEM file"},
		{"nobody there", func(o *Options) { o.UpstreamAPI = gone.URL }, "refused", "network"},
		{"no such host", func(o *Options) { o.UpstreamAPI = "https://git.invalid" }, "git.invalid has no address", "network"},
		{"no proxy there", func(o *Options) {
			o.UpstreamAPI = secure.URL
			o.Proxy = through(strings.Replace(gone.URL, "//", "//user:CANARY@", 1))
		}, "the proxy", "HTTPS_PROXY"},
		{"a proxy that refuses", func(o *Options) {
			o.UpstreamAPI = secure.URL
			o.Proxy = through(strings.Replace(refusing.URL, "//", "//user:CANARY@", 1))
		}, "the proxy", "HTTPS_PROXY"},
		{"a proxy that refuses plain HTTP", func(o *Options) {
			o.UpstreamAPI = "http://git.example.com"
			o.Proxy = through(strings.Replace(refusing.URL, "//", "//user:CANARY@", 1))
		}, "the proxy", "HTTPS_PROXY"},
		{"a proxy that is none", func(o *Options) {
			o.Proxy = func(*http.Request) (*url.URL, error) {
				return nil, errors.New(`parse "http://user:CANARY@[::bad": missing ']' in host`)
			}
		}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := l.client("", tt.change).Releases(context.Background(), upstream, never)
			if tt.words == "" && tt.name != "a proxy that is none" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Kind != Offline || !strings.Contains(e.Error(), tt.words) || !strings.Contains(e.Hint(), tt.hint) {
				t.Fatalf("%v", err)
			}
			if strings.Contains(e.Error()+e.Hint()+fmt.Sprint(e.Err), "CANARY") {
				t.Error(e)
			}
		})
	}
	for _, file := range []string{filepath.Join(t.TempDir(), "none"), os.DevNull} {
		if _, err := New(Options{CA: file, Now: time.Now}); err == nil {
			t.Errorf("%s is taken as authorities", file)
		}
	}
}

// TestUnreachable: a host that cannot be reached is not tried again for every
// question, which behind a firewall would take minutes; a minute later it is.
func TestUnreachable(t *testing.T) {
	l := newLab(t)
	c := l.client("")
	for range 9 {
		l.Fail(githubtest.Fault{Reset: true})
	}
	for range 3 {
		if _, err := c.Releases(context.Background(), upstream, never); !isKind(err, Offline) {
			t.Error(err)
		}
	}
	if n := c.Requests()["total"]; n != 1+retries {
		t.Errorf("%d questions", n)
	}
	l.pass(61 * time.Second)
	c.Releases(context.Background(), upstream, never)
	if n := c.Requests()["total"]; n != 2*(1+retries) {
		t.Errorf("%d questions a minute later", n)
	}

	gone := httptest.NewServer(nil)
	gone.Close()
	c = l.client("", func(o *Options) { o.UpstreamAPI = gone.URL })
	c.Releases(context.Background(), upstream, never)
	if n := c.Requests()["total"]; n != 1 || len(l.waited()) != 6 {
		t.Errorf("a refused connection is tried %d times", n)
	}
}

// TestAtOnce: a client may be asked from many sides.
func TestAtOnce(t *testing.T) {
	l := newLab(t)
	l.addReleases(upstream, 3, 0)
	l.AddPull(own.String(), githubtest.Pull{Number: 7, HeadRepo: own.String(), HeadSHA: someSHA, Labels: []string{"x"}})
	c := l.client(writer, cached(t.TempDir()))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, err := c.Releases(context.Background(), upstream, never); err != nil || len(got) != 3 {
				t.Errorf("%d, %v", len(got), err)
			}
			if got, err := c.Labels(context.Background(), own, 7); err != nil || len(got) != 1 {
				t.Errorf("%v, %v", got, err)
			}
			c.Requests()
			c.Stale()
		})
	}
	wg.Wait()
}

func TestTimeoutOfCaller(t *testing.T) {
	l := newLab(t)
	l.addReleases(upstream, 1, 0)
	l.Fail(githubtest.Fault{Hang: true})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := l.client("").Releases(ctx, upstream, never)
	if !isKind(err, Offline) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	if n := l.Faults(); n != 0 {
		t.Error("it was not asked at all")
	}
}
