package github

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release/github/githubtest"
)

func faults(f githubtest.Fault, n int) []githubtest.Fault {
	return slices.Repeat([]githubtest.Fault{f}, n)
}

func TestLimitsAndRetries(t *testing.T) {
	at := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC) // the lab's
	reset := githubtest.Fault{Reset: true}
	tests := []struct {
		name   string
		faults []githubtest.Fault
		waits  []time.Duration
		kind   Kind // -1: it works in the end
		until  time.Duration
		asked  int
	}{
		{"nothing wrong", nil, nil, -1, 0, 1},
		{"limit, soon over", faults(githubtest.Exhausted(at.Add(30*time.Second)), 1), []time.Duration{31 * time.Second}, -1, 0, 2},
		{"limit, over in a minute", faults(githubtest.Exhausted(at.Add(time.Minute)), 1), []time.Duration{61 * time.Second}, -1, 0, 2},
		{"limit, over later", faults(githubtest.Exhausted(at.Add(10*time.Minute)), 1), nil, Limited, 10*time.Minute + time.Second, 1},
		{"limit, over already", faults(githubtest.Exhausted(at.Add(-time.Minute)), 1), []time.Duration{time.Second}, -1, 0, 2},
		{"secondary", faults(githubtest.Secondary(20), 1), []time.Duration{20 * time.Second}, -1, 0, 2},
		{"secondary, twice", faults(githubtest.Secondary(25), 2), []time.Duration{25 * time.Second, 25 * time.Second}, -1, 0, 3},
		{"secondary, more than may be waited", faults(githubtest.Secondary(25), 3), []time.Duration{25 * time.Second, 25 * time.Second}, Limited, 75 * time.Second, 3},
		{"secondary, long", faults(githubtest.Secondary(300), 1), nil, Limited, 300 * time.Second, 1},
		{"secondary, without a time", faults(githubtest.Secondary(-1), 1), []time.Duration{time.Minute}, -1, 0, 2},
		{"secondary, for ever at once", faults(githubtest.Secondary(0), 100), slices.Repeat([]time.Duration{time.Second}, 61), Limited, 61 * time.Second, 62},
		{"429", faults(githubtest.Fault{Status: 429, Message: "Too many"}, 1), []time.Duration{time.Minute}, -1, 0, 2},
		{"502", faults(githubtest.BadGateway(), 1), []time.Duration{750 * time.Millisecond}, -1, 0, 2},
		{"502, three times", faults(githubtest.BadGateway(), 3), []time.Duration{750 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second}, -1, 0, 4},
		{"502, for ever", faults(githubtest.BadGateway(), 9), []time.Duration{750 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second}, Offline, 0, 4},
		{"reset", faults(reset, 1), []time.Duration{750 * time.Millisecond}, -1, 0, 2},
		{"reset, for ever", faults(reset, 9), []time.Duration{750 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second}, Offline, 0, 4},
		{"hangs", faults(githubtest.Fault{Hang: true}, 1), []time.Duration{750 * time.Millisecond}, -1, 0, 2},
		{"403 with the last request of the hour", faults(githubtest.Fault{Status: 403, Message: "Resource not accessible by integration", Header: githubtest.Exhausted(at.Add(time.Second)).Header}, 1), nil, Refused, 0, 1},
		{"401", faults(githubtest.Fault{Status: 401, Message: "Bad credentials"}, 1), nil, Refused, 0, 1},
		{"403", faults(githubtest.Fault{Status: 403, Message: "Resource not accessible by integration"}, 1), nil, Refused, 0, 1},
		{"a web page", faults(githubtest.Fault{Status: 200, Header: map[string]string{"Content-Type": "text/html"}, Body: "<html>log in"}, 1), nil, Broken, 0, 1},
		{"no JSON", faults(githubtest.Fault{Status: 200, Body: "{"}, 1), nil, Broken, 0, 1},
		{"another JSON", faults(githubtest.Fault{Status: 200, Body: `{"a":1}`}, 1), nil, Broken, 0, 1},
		{"too much", faults(githubtest.Fault{Status: 200, Body: "[" + strings.Repeat(" ", maxAnswer) + "]"}, 1), nil, TooLarge, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			l.addReleases(upstream, 3, 0)
			for _, f := range tt.faults {
				l.Fail(f)
			}
			c := l.client("")
			c.timeout = 2 * time.Second
			if tt.name == "hangs" {
				c.timeout = 300 * time.Millisecond // enough to reach the server
			}
			got, err := c.Releases(context.Background(), upstream, never)
			if d := cmp.Diff(tt.waits, l.waited()); d != "" {
				t.Error("waits", d)
			}
			if n := len(l.Requests()); n != tt.asked {
				t.Errorf("%d questions, want %d", n, tt.asked)
			}
			if tt.kind < 0 {
				if err != nil || len(got) != 3 {
					t.Errorf("%d releases, %v", len(got), err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Kind != tt.kind {
				t.Fatalf("%v, want %s", err, tt.kind)
			}
			if tt.until != 0 && !e.Until.Equal(at.Add(tt.until)) {
				t.Errorf("until %s, want %s", e.Until, at.Add(tt.until))
			}
		})
	}
}

// TestLimitIsRemembered: who is told to stay away until a time does.
func TestLimitIsRemembered(t *testing.T) {
	l := newLab(t)
	l.addReleases(upstream, 3, 0)
	l.AddFiles(upstream, "1.0.0", map[string][]byte{"docker/a": []byte("A")})
	l.Fail(githubtest.Exhausted(l.now().Add(10 * time.Minute)))
	c := l.client(writer)
	for range 3 {
		if _, err := c.Releases(context.Background(), upstream, never); !isKind(err, Limited) {
			t.Error(err)
		}
	}
	if n := len(l.Requests()); n != 1 {
		t.Errorf("%d questions", n)
	}
	// GraphQL has a limit of its own.
	if _, err := c.Tree(context.Background(), upstream, "docker", "1.0.0", func(string) bool { return true }); err != nil {
		t.Error(err)
	}
	l.pass(11 * time.Minute)
	if _, err := c.Releases(context.Background(), upstream, never); err != nil {
		t.Error(err)
	}
}

// TestUnauthenticatedLimit: 60 an hour, of which 304s take nothing.
func TestUnauthenticatedLimit(t *testing.T) {
	l := newLab(t)
	l.SetLimit("", 2)
	l.addReleases(upstream, 3, 0)
	dir := t.TempDir()
	for _, wait := range []time.Duration{0, 56 * time.Minute} {
		l.pass(wait)
		if got, err := l.client("", cached(dir)).Releases(context.Background(), upstream, never); err != nil || len(got) != 3 {
			t.Errorf("%d, %v", len(got), err)
		}
	}
	if got, want := l.asked(), page(1)+"200\n"+page(1)+"304"; got != want {
		t.Errorf("asked\n%s", got)
	}
	l.AddRepo("a/b")
	l.AddRepo("c/d")
	c := l.client("")
	if _, err := c.Releases(context.Background(), "a/b", never); err != nil {
		t.Error(err)
	}
	_, err := c.Releases(context.Background(), "c/d", never)
	if !isKind(err, Limited) || !strings.Contains(err.Error(), "until 13:00:") {
		t.Error(err)
	}
}

// TestWritesAreSpaced and never sent twice blindly.
func TestWritesAreSpaced(t *testing.T) {
	l := newLab(t)
	l.AddPull(own.String(), githubtest.Pull{Number: 1, HeadRepo: own.String(), HeadSHA: someSHA, Base: "main"})
	c := l.client(writer)
	if _, err := c.Sync(context.Background(), own, 1, []Comment{{Key: "a", Body: "1"}, {Key: "b", Body: "2"}, {Key: "c", Body: "3"}}, SyncOptions{}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]time.Duration{time.Second, time.Second}, l.waited()); d != "" {
		t.Error(d)
	}
}

const someSHA = "0123456789abcdef0123456789abcdef01234567"
