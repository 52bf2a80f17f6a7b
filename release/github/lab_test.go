package github

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/belaystack/belay/release/github/githubtest"
)

const (
	upstream = "langgenius/dify"
	writer   = "token-that-may-write-CANARY"
	reader   = "token-that-may-read-CANARY"
)

var own = Repo{"acme", "stack"}

// lab is a client, its GitHub, and a clock that moves when somebody waits.
type lab struct {
	*githubtest.Server
	t     *testing.T
	mu    sync.Mutex
	at    time.Time
	waits []time.Duration
}

var describedAPI = sync.OnceValues(func() (*openapi3.T, error) {
	path := githubtest.FindContract()
	if path == "" {
		return nil, nil
	}
	return githubtest.LoadContract(path)
})

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{Server: githubtest.New(t), t: t, at: time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)}
	l.SetNow(l.now)
	l.AddToken(writer, "github-actions[bot]", githubtest.Rights{Write: true, Workflow: true})
	l.AddToken(reader, "github-actions[bot]", githubtest.Rights{Workflow: true})
	l.AddRepo(upstream)
	l.AddRepo(own.String())
	doc, err := describedAPI()
	if err != nil {
		t.Fatal(err)
	}
	if doc != nil {
		l.UseContract(doc)
	}
	return l
}

func (l *lab) now() time.Time { l.mu.Lock(); defer l.mu.Unlock(); return l.at }

func (l *lab) pass(d time.Duration) { l.mu.Lock(); defer l.mu.Unlock(); l.at = l.at.Add(d) }

// waited gives the waits since the last call.
func (l *lab) waited() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.waits
	l.waits = nil
	return w
}

// client is one on the lab with a token for both.
func (l *lab) client(token string, change ...func(*Options)) *Client {
	l.t.Helper()
	o := Options{
		API: l.URL, UpstreamAPI: l.URL, Token: token, Now: l.now, UserAgent: "belay/test",
		Sleep: func(ctx context.Context, d time.Duration) error {
			l.mu.Lock()
			l.waits = append(l.waits, d)
			l.mu.Unlock()
			l.pass(d)
			return ctx.Err()
		},
	}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// cached is a client with a cache, in a folder that is made ours alone whatever
// the umask.
func cached(dir string) func(*Options) {
	os.Chmod(dir, 0o700)
	return func(o *Options) { o.Cache = dir }
}

// asked counts the requests since the last call, by method and the first
// words of their paths.
func (l *lab) asked() string {
	var out []string
	for _, r := range l.Requests() {
		path := strings.TrimPrefix(strings.TrimPrefix(r.Path, "/repos/"), upstream+"/")
		out = append(out, fmt.Sprint(r.Method, " ", path, " ", r.Status))
	}
	l.Forget()
	return strings.Join(out, "\n")
}

// addReleases makes n releases, newest v<n>, a day apart, up to the lab's now
// less age.
func (l *lab) addReleases(repo string, n int, age time.Duration) {
	for i := 1; i <= n; i++ {
		l.AddRelease(repo, githubtest.Release{
			Tag: fmt.Sprintf("1.%d.0", i), Name: fmt.Sprintf("v1.%d.0", i), Body: fmt.Sprintf("notes of 1.%d.0\r\n", i),
			Published: l.now().Add(-age - time.Duration(n-i)*24*time.Hour),
		})
	}
}

func never([]Release) bool { return false }

func tags(releases []Release) []string {
	var out []string
	for _, r := range releases {
		out = append(out, r.Tag)
	}
	return out
}

// mover is a network in which something happens right after a commit was made,
// for a number of times.
type mover struct {
	http.RoundTripper
	left int
	move func(left int)
}

func (m *mover) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := m.RoundTripper.RoundTrip(r)
	if err == nil && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/git/commits") && m.left > 0 {
		m.left--
		m.move(m.left)
	}
	return resp, err
}
