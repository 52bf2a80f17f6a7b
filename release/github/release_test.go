package github

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release/github/githubtest"
)

const day = 24 * time.Hour

// until stops at the page with a tag.
func until(tag string) func([]Release) bool {
	return func(page []Release) bool {
		return slices.ContainsFunc(page, func(r Release) bool { return r.Tag == tag })
	}
}

func page(n int) string { return fmt.Sprintf("GET releases?page=%d&per_page=100 ", n) }

func TestReleasesColdAndWarm(t *testing.T) {
	tests := []struct {
		name   string
		newest time.Duration // age of the newest release when first read
		after  time.Duration // time between the reads
		change func(*lab)
		enough func([]Release) bool
		warm   string
		first  string // of the warm answer
		total  int
	}{
		{"at once", 0, 0, nil, never, "", "1.150.0", 150},
		{"released today, within the hour", 0, 54 * time.Minute, nil, never, "", "1.150.0", 150},
		{"released today, later", 0, 56 * time.Minute, nil, never, page(1) + "304", "1.150.0", 150},
		{"released this month", 2 * day, 23 * time.Hour, nil, never, "", "1.150.0", 150},
		{"released this month, a day later", 2 * day, 25 * time.Hour, nil, never, page(1) + "304", "1.150.0", 150},
		{"quiet", 40 * day, 9 * day, nil, never, "", "1.150.0", 150},
		{"quiet, later", 40 * day, 11 * day, nil, never, page(1) + "304", "1.150.0", 150},
		{"a new release moves the pages", 2 * day, 2 * day, func(l *lab) {
			l.AddRelease(upstream, githubtest.Release{Tag: "2.0.0", Published: l.now()})
		}, never, page(1) + "200", "2.0.0", 151},
		{"one that is gone", 2 * day, 2 * day, func(l *lab) { l.RemoveRelease(upstream, "1.150.0") }, never, page(1) + "200", "1.149.0", 149},
		{"a new release, old pages due", 2 * day, 11 * day, func(l *lab) {
			l.AddRelease(upstream, githubtest.Release{Tag: "2.0.0", Published: l.now()})
		}, never, page(1) + "200\n" + page(2) + "200", "2.0.0", 151},
		{"stops where it may", 2 * day, 0, nil, until("1.140.0"), "", "1.150.0", 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			l.addReleases(upstream, 150, tt.newest)
			dir := t.TempDir()
			ctx := context.Background()
			got, err := l.client(writer, cached(dir)).Releases(ctx, upstream, never)
			if err != nil || len(got) != 150 {
				t.Fatalf("cold: %d releases, %v", len(got), err)
			}
			if asked := l.asked(); asked != page(1)+"200\n"+page(2)+"200" {
				t.Errorf("cold: asked\n%s", asked)
			}
			l.pass(tt.after)
			if tt.change != nil {
				tt.change(l)
			}
			c := l.client(writer, cached(dir))
			got, err = c.Releases(ctx, upstream, tt.enough)
			if err != nil || len(got) != tt.total || got[0].Tag != tt.first {
				t.Errorf("warm: %d releases, first %+v, %v", len(got), got[:1], err)
			}
			if asked := l.asked(); asked != tt.warm {
				t.Errorf("warm: asked\n%s\nwant\n%s", asked, tt.warm)
			}
			if n, want := c.Requests()["total"], strings.Count(tt.warm, "GET"); n != want || c.Requests()[upstream] != want {
				t.Errorf("counted %v, want %d", c.Requests(), want)
			}
		})
	}
}

// TestReleasesStop: what comes after the page that is enough is not asked for,
// and a later reader who needs more goes on from there.
func TestReleasesStop(t *testing.T) {
	l := newLab(t)
	l.addReleases(upstream, 250, 0)
	dir := t.TempDir()
	ctx := context.Background()
	var pages []int
	got, err := l.client(writer, cached(dir)).Releases(ctx, upstream, func(p []Release) bool {
		pages = append(pages, len(p))
		return until("1.120.0")(p)
	})
	if err != nil || len(got) != 200 || !cmp.Equal(pages, []int{100, 100}) {
		t.Errorf("%d releases in pages %v, %v", len(got), pages, err)
	}
	if asked := l.asked(); asked != page(1)+"200\n"+page(2)+"200" {
		t.Errorf("asked\n%s", asked)
	}
	l.AddRelease(upstream, githubtest.Release{Tag: "2.0.0", Published: l.now().Add(time.Minute)})
	l.pass(2 * time.Hour)
	got, err = l.client(writer, cached(dir)).Releases(ctx, upstream, never)
	if err != nil || len(got) != 251 || len(slices.Compact(slices.Sorted(slices.Values(tags(got))))) != 251 {
		t.Errorf("further: %d releases, %v", len(got), err)
	}
	if asked := l.asked(); asked != page(1)+"200\n"+page(3)+"200" {
		t.Errorf("further: asked\n%s", asked)
	}
}

// TestReleasesBound: no more than ten pages are read of anybody.
func TestReleasesBound(t *testing.T) {
	l := newLab(t)
	l.addReleases(upstream, 1030, 0)
	got, err := l.client(writer).Releases(context.Background(), upstream, never)
	if err != nil || len(got) != 1000 || len(l.Requests()) != 10 {
		t.Errorf("%d releases with %d questions, %v", len(got), len(l.Requests()), err)
	}
}

// TestReleasesAsDify: the order is that of the commits, so a backport stands
// among older ones; a body may have 94,000 characters and CRLF; a draft is not
// given even to who may see it.
func TestReleasesAsDify(t *testing.T) {
	l := newLab(t)
	at := func(d int) time.Time { return l.now().Add(time.Duration(d) * day) }
	body := strings.Repeat("a line of notes\r\n", 94000/17)
	l.AddToken("pusher", "dev", githubtest.Rights{Push: true})
	for _, r := range []githubtest.Release{
		{Tag: "0.15.8", Created: at(-400), Published: at(-100)},
		{Tag: "2.0.0-beta.2", Created: at(-200), Published: at(-200), Prerelease: true},
		{Tag: "1.9.0", Created: at(-190), Published: at(-190), Body: body, Name: "v1.9.0"},
		{Tag: "1.4.1", Created: at(-300), Published: at(-300)},
		{Tag: "9.9.9", Created: at(-1), Draft: true},
		{Tag: "1.10.1-fix.1", Created: at(-120), Published: at(-120)},
	} {
		l.AddRelease(upstream, r)
	}
	for _, token := range []string{"", "pusher"} {
		got, err := l.client(token).Releases(context.Background(), upstream, never)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"1.10.1-fix.1", "1.9.0", "2.0.0-beta.2", "1.4.1", "0.15.8"}
		if d := cmp.Diff(want, tags(got)); d != "" {
			t.Error(d)
		}
		if got[1].Body != body || got[1].Name != "v1.9.0" || !got[2].Prerelease || !got[1].Published.Equal(at(-190)) {
			t.Errorf("1.9.0 is not as it was published: %d characters, %s", len(got[1].Body), got[1].Published)
		}
		if want := "https://github.com/langgenius/dify/releases/tag/1.9.0"; got[1].URL != want {
			t.Errorf("URL %s", got[1].URL)
		}
	}
}

func TestReleaseAt(t *testing.T) {
	l := newLab(t)
	l.AddRelease("n8n-io/n8n", githubtest.Release{Tag: "n8n@1.2.3", Body: "x", Published: l.now()})
	c := l.client("", cached(t.TempDir()))
	for range 2 {
		got, err := c.ReleaseAt(context.Background(), "n8n-io/n8n", "n8n@1.2.3")
		if err != nil || got.Body != "x" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if n := len(l.Requests()); n != 1 {
		t.Errorf("%d questions", n)
	}
	if _, err := c.ReleaseAt(context.Background(), "n8n-io/n8n", "n8n@9.9.9"); !isKind(err, NotFound) {
		t.Error(err)
	}
}

// TestOffline: what is in the cache is used also when it is due and nobody
// answers, and the caller can know.
func TestOffline(t *testing.T) {
	l := newLab(t)
	l.addReleases(upstream, 150, 2*day)
	l.AddFiles(upstream, "1.0.0", map[string][]byte{"docker/.env.example": []byte("A=1\n"), "CHANGELOG.md": []byte("#\n")})
	dir := t.TempDir()
	ctx := context.Background()
	all := func(string) bool { return true }
	ask := func(c *Client, token string) error {
		releases, err := c.Releases(ctx, upstream, never)
		if err != nil || len(releases) != 150 {
			return fmt.Errorf("%d releases, %w", len(releases), err)
		}
		if data, err := c.File(ctx, upstream, "CHANGELOG.md", "1.0.0"); err != nil || string(data) != "#\n" {
			return fmt.Errorf("file %q, %w", data, err)
		}
		if files, err := c.Tree(ctx, upstream, "docker", "1.0.0", all); err != nil || string(files[".env.example"]) != "A=1\n" {
			return fmt.Errorf("tree %q, %w", files, err)
		}
		return nil
	}
	fetched := l.now()
	for _, token := range []string{"", writer} {
		if err := ask(l.client(token, cached(dir)), token); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	c := l.client(writer, cached(dir))
	if err := ask(c, writer); err != nil || len(c.Stale()) != 0 {
		t.Errorf("fresh: %v, stale %v", err, c.Stale())
	}
	l.pass(20 * day)
	for _, token := range []string{"", writer} {
		c = l.client(token, cached(dir))
		if err := ask(c, token); err != nil {
			t.Errorf("due: %v", err)
		}
		if at, ok := c.Stale()[upstream]; !ok || !at.Equal(fetched) {
			t.Errorf("stale %v, fetched %s", c.Stale(), fetched)
		}
	}
	if _, err := c.Releases(ctx, "n8n-io/n8n", never); !isKind(err, Offline) {
		t.Errorf("not in the cache: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.Releases(cancelled, upstream, never); !isKind(err, Offline) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestAtMostThree is a promise: a run whose cache is warm asks an upstream
// project at most three questions, whatever became due.
func TestAtMostThree(t *testing.T) {
	l := newLab(t)
	l.addReleases(upstream, 150, 2*day)
	for _, tag := range []string{"1.9.0", "1.10.0"} {
		l.AddFiles(upstream, tag, map[string][]byte{"docker/.env.example": []byte("A=" + tag), "docker/envs/a.env": []byte("B=1")})
	}
	dir := t.TempDir()
	run := func() int {
		c := l.client(writer, cached(dir))
		if _, err := c.Releases(context.Background(), upstream, never); err != nil {
			t.Error(err)
		}
		for _, tag := range []string{"1.9.0", "1.10.0"} {
			if files, err := c.Tree(context.Background(), upstream, "docker", tag, func(string) bool { return true }); err != nil || len(files) != 2 {
				t.Errorf("%q, %v", files, err)
			}
		}
		return c.Requests()[upstream]
	}
	if n := run(); n != 4 {
		t.Errorf("cold: %d questions", n)
	}
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{0, 0}, {12 * time.Hour, 0}, {2 * day, 1}, {11 * day, 3}} {
		l.pass(tt.after)
		if n := run(); n != tt.want || n > 3 {
			t.Errorf("after %s: %d questions, want %d", tt.after, n, tt.want)
		}
	}
}

// TestCorruptCache: no damage to an entry is worse than its absence.
func TestCorruptCache(t *testing.T) {
	remade := func(old, body []byte) []byte { // a sound entry with another body
		head, _, _ := strings.Cut(string(old), "\n")
		var e entry
		if err := json.Unmarshal([]byte(head), &e); err != nil {
			t.Fatal(err)
		}
		e.Body = body
		data, err := e.marshal()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	damage := map[string]func([]byte) []byte{
		"empty":        func([]byte) []byte { return nil },
		"cut":          func(b []byte) []byte { return b[:len(b)-3] },
		"a bit":        func(b []byte) []byte { b[len(b)-3] ^= 1; return b },
		"head":         func(b []byte) []byte { b[2] ^= 0x40; return b },
		"more":         func(b []byte) []byte { return append(b, '!') },
		"other JSON":   func([]byte) []byte { return []byte(`{"key":"x"}` + "\n") },
		"not a list":   func(b []byte) []byte { return remade(b, []byte(`{"releases":7}`)) },
		"an empty one": func(b []byte) []byte { return remade(b, []byte(`{}`)) },
	}
	for name, harm := range damage {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.addReleases(upstream, 120, 0)
			dir := t.TempDir()
			if _, err := l.client(writer, cached(dir)).Releases(context.Background(), upstream, never); err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(files) != 1 {
				t.Fatalf("%v, %v", files, err)
			}
			data, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(files[0], harm(data), 0o600); err != nil {
				t.Fatal(err)
			}
			l.Forget()
			got, err := l.client(writer, cached(dir)).Releases(context.Background(), upstream, never)
			if err != nil || len(got) != 120 || len(l.Requests()) != 2 {
				t.Errorf("%d releases, %v, with %d questions", len(got), err, len(l.Requests()))
			}
		})
	}
}
