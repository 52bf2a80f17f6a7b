package github

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release/github/githubtest"
)

func any1(string) bool { return true }

func texts(files map[string][]byte) map[string]string {
	out := map[string]string{}
	for name, data := range files {
		out[name] = string(data)
	}
	return out
}

// upstreamFiles is a tree with everything that is hard about one.
func upstreamFiles() (files map[string][]byte, links, want map[string]string) {
	large := strings.Repeat("0123456789abcde\n", 40_000) // 640 kB: GraphQL cuts it
	files = map[string][]byte{
		"README.md":                          []byte("not below\n"),
		"docker/.env.example":                []byte("\ufeffA=1\r\nB=2\r\n"),
		"docker/envs/core/shared.env":        []byte("C=3\n"),
		"docker/empty":                       {},
		"docker/large.env":                   []byte(large),
		"docker/latin1.env":                  []byte("D=\xe4\n"),
		"docker/logo.png":                    []byte("\x89PNG\x00\x01"),
		"docker/volumes/a/b/c/d/e/deep.conf": []byte("E=5\n"),
		"docker/volumes/a/b/c/d/deep.conf":   []byte("F=6\n"),
		"docker/volumes/a/b/c/d/e/deep.bin":  []byte("G\x00"),
		"docker-more/x":                      []byte("not below\n"),
	}
	links = map[string]string{"docker/link.env": "/etc/passwd"}
	want = map[string]string{
		".env.example": "\ufeffA=1\r\nB=2\r\n", "envs/core/shared.env": "C=3\n", "empty": "", "large.env": large, "latin1.env": "D=\xe4\n",
		"volumes/a/b/c/d/e/deep.conf": "E=5\n", "volumes/a/b/c/d/deep.conf": "F=6\n",
	}
	return files, links, want
}

// TestTree: with a token, without one, and with one that GraphQL refuses, the
// same bytes.
func TestTree(t *testing.T) {
	l := newLab(t)
	files, links, want := upstreamFiles()
	l.AddLinks(upstream, "1.10.0", files, links)
	l.AddToken("no-graphql", "bot[bot]", githubtest.Rights{Workflow: true, NoGraphQL: true})
	for _, token := range []string{writer, "", "no-graphql"} {
		t.Run(token, func(t *testing.T) {
			c := l.client(token, cached(t.TempDir()))
			for range 2 {
				got, err := c.Tree(context.Background(), upstream, "docker", "1.10.0", any1)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, texts(got)); d != "" {
					t.Error(d)
				}
			}
		})
	}
	l.Forget()
	got, err := l.client("").Tree(context.Background(), upstream, "docker", "1.10.0", func(p string) bool { return strings.HasSuffix(p, ".env.example") })
	if err != nil || len(got) != 1 || len(l.Requests()) != 3 {
		t.Errorf("one file: %v with %d questions, %v", slices.Collect(maps.Keys(got)), len(l.Requests()), err)
	}
	got, err = l.client(writer).Tree(context.Background(), upstream, "", "1.10.0", func(p string) bool { return !strings.Contains(p, "/") })
	if err != nil || !cmp.Equal(texts(got), map[string]string{"README.md": "not below\n"}) {
		t.Errorf("the root: %v, %v", got, err)
	}
	for _, token := range []string{writer, ""} {
		for _, dir := range []string{"none", "README.md", "docker/none", "docker/empty"} {
			if got, err := l.client(token).Tree(context.Background(), upstream, dir, "1.10.0", any1); !isKind(err, NotFound) {
				t.Errorf("%s: %v, %v", dir, got, err)
			}
		}
		if _, err := l.client(token).Tree(context.Background(), upstream, "docker", "9.9.9", any1); !isKind(err, NotFound) {
			t.Error(err)
		}
	}
}

// TestTreeOneQuestion: a tree without anything hard is one question, then none.
func TestTreeOneQuestion(t *testing.T) {
	l := newLab(t)
	files := map[string][]byte{}
	for i := range 80 {
		files[fmt.Sprintf("docker/envs/%d/%d.env", i%7, i)] = fmt.Appendf(nil, "K=%d\n", i)
	}
	l.AddFiles("n8n-io/n8n", "n8n@1.0.0", files)
	dir := t.TempDir()
	for range 2 {
		got, err := l.client(writer, cached(dir)).Tree(context.Background(), "n8n-io/n8n", "docker", "n8n@1.0.0", any1)
		if err != nil || len(got) != 80 {
			t.Errorf("%d files, %v", len(got), err)
		}
	}
	if asked := l.asked(); asked != "POST /graphql 200" {
		t.Errorf("asked\n%s", asked)
	}
	// Without a token the objects are kept for ever, the tag for ten days.
	for range 2 {
		if got, err := l.client("", cached(dir), func(*Options) { l.SetLimit("", 1000) }).Tree(context.Background(), "n8n-io/n8n", "docker", "n8n@1.0.0", any1); err != nil || len(got) != 80 {
			t.Errorf("%d files, %v", len(got), err)
		}
	}
	l.Forget()
	l.pass(11 * day)
	if _, err := l.client("", cached(dir)).Tree(context.Background(), "n8n-io/n8n", "docker", "n8n@1.0.0", any1); err != nil {
		t.Error(err)
	}
	if asked := l.asked(); asked != "GET n8n-io/n8n/git/trees/n8n@1.0.0 304" {
		t.Errorf("asked\n%s", asked)
	}
}

// TestTreeBounds: more than is read is an error, never a part.
func TestTreeBounds(t *testing.T) {
	for name, files := range map[string]map[string][]byte{
		"a file":     {"docker/a": make([]byte, objectMax+1)},
		"a deep one": {"docker/1/2/3/4/5/a": text(objectMax + 1)},
		"all of it":  {"docker/a": text(objectMax), "docker/b": text(objectMax - 1), "docker/c": text(2)},
		"many files": many(maxFiles + 1),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.SetLimit("", 10_000)
			l.AddFiles(upstream, "1.0.0", files)
			if got, err := l.client(writer).Tree(context.Background(), upstream, "docker", "1.0.0", any1); !isKind(err, TooLarge) && name != "a file" {
				t.Errorf("GraphQL: %d files, %v", len(got), err)
			}
			if got, err := l.client("").Tree(context.Background(), upstream, "docker", "1.0.0", any1); !isKind(err, TooLarge) {
				t.Errorf("REST: %d files, %v", len(got), err)
			}
			if got, err := l.client("").Tree(context.Background(), upstream, "docker", "1.0.0", func(string) bool { return false }); err != nil || len(got) != 0 {
				t.Errorf("what nobody wants: %d files, %v", len(got), err)
			}
			l.AddFiles(own.String(), someSHA, files)
			if got, err := l.client(writer).RepoFiles(context.Background(), own, someSHA, func(string, int) bool { return true }); !isKind(err, TooLarge) {
				t.Errorf("own: %d files, %v", len(got), err)
			}
		})
	}
}

func text(n int) []byte { return []byte(strings.Repeat("x", n)) }

func many(n int) map[string][]byte {
	out := map[string][]byte{}
	for i := range n {
		out[fmt.Sprintf("docker/%d", i)] = []byte("x")
	}
	return out
}

func TestFile(t *testing.T) {
	l := newLab(t)
	large := text(2 << 20) // over 1 MB, which the JSON form leaves empty
	l.AddFiles(upstream, "1.0.0", map[string][]byte{"a b/c#d?.md": []byte("odd\n"), "large": large, "huge": text(objectMax + 1), "dir/x": []byte("x"), "list.json": []byte(`[{"name":"x","sha":"1"}]`)})
	l.AddFiles(upstream, "main", map[string][]byte{"CHANGELOG.md": []byte("newest\n")})
	ctx := context.Background()
	c := l.client("", cached(t.TempDir()))
	for name, want := range map[string]string{"a b/c#d?.md": "odd\n", "large": string(large), "list.json": `[{"name":"x","sha":"1"}]`} {
		if got, err := c.File(ctx, upstream, name, "1.0.0"); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if got, err := c.File(ctx, upstream, "CHANGELOG.md", ""); err != nil || string(got) != "newest\n" {
		t.Errorf("%q, %v", got, err)
	}
	l.Fail(githubtest.Fault{Status: 200, Header: map[string]string{"Content-Type": "text/html; charset=utf-8"}, Body: "<html>log in"})
	if got, err := c.File(ctx, upstream, "dir/x", "1.0.0"); !isKind(err, Broken) {
		t.Errorf("the page of a portal: %q, %v", got, err)
	}
	if got, err := c.File(ctx, upstream, "dir/x", "1.0.0"); err != nil || string(got) != "x" {
		t.Errorf("then: %q, %v", got, err)
	}
	if _, err := c.File(ctx, upstream, "huge", "1.0.0"); !isKind(err, TooLarge) {
		t.Error(err)
	}
	for _, name := range []string{"dir", "none"} {
		if got, err := c.File(ctx, upstream, name, "1.0.0"); !isKind(err, NotFound) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	l.Forget()
	l.pass(2 * day)
	for _, tt := range []struct{ path, ref, want string }{{"large", "1.0.0", ""}, {"CHANGELOG.md", "", "GET contents/CHANGELOG.md 304"}} {
		if _, err := c.File(ctx, upstream, tt.path, tt.ref); err != nil {
			t.Error(err)
		}
		if asked := l.asked(); asked != tt.want {
			t.Errorf("%s at %q: asked %q", tt.path, tt.ref, asked)
		}
	}
}

// TestLyingServer: content is what its id says or it is not taken.
func TestLyingServer(t *testing.T) {
	l := newLab(t)
	l.AddFiles(own.String(), someSHA, map[string][]byte{"compose.yml": []byte("image: postgres:15\n")})
	l.AddToken("no-graphql", "bot[bot]", githubtest.Rights{Workflow: true, NoGraphQL: true})
	l.Fail(githubtest.Fault{On: "/git/blobs/", Status: 200, Header: map[string]string{"Content-Type": raw}, Body: "image: postgres:18\n"})
	dir := t.TempDir()
	every := func(string, int) bool { return true }
	if got, err := l.client("no-graphql", cached(dir)).RepoFiles(context.Background(), own, someSHA, every); !isKind(err, Broken) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := l.client("no-graphql", cached(dir)).RepoFiles(context.Background(), own, someSHA, every); err != nil || string(got["compose.yml"]) != "image: postgres:15\n" {
		t.Errorf("then: %q, %v", got, err)
	}
}

// TestPoisonedCache: somebody put another content where a blob is kept.
func TestPoisonedCache(t *testing.T) {
	l := newLab(t)
	l.AddFiles(own.String(), someSHA, map[string][]byte{"compose.yml": []byte("image: postgres:15\n")})
	dir := t.TempDir()
	c := l.client("", cached(dir))
	every := func(string, int) bool { return true }
	for range 2 {
		got, err := c.RepoFiles(context.Background(), own, someSHA, every)
		if err != nil || string(got["compose.yml"]) != "image: postgres:15\n" {
			t.Errorf("%q, %v", got, err)
		}
		sum := sha1.Sum([]byte("blob 19\x00image: postgres:15\n"))
		key := blobKey(c.own, own.String(), hex.EncodeToString(sum[:]))
		if c.cache.load(key) == nil {
			t.Fatal("the blob is not kept under its key")
		}
		c.cache.store(&entry{Key: key, Status: 200, Fetched: l.now(), Body: []byte("image: evil:15\n")})
	}
}

// TestFileStale: of a file alone the caller knows too.
func TestFileStale(t *testing.T) {
	l := newLab(t)
	l.AddFiles(upstream, "1.0.0", map[string][]byte{"x": []byte("x")})
	l.AddFiles(upstream, someSHA, map[string][]byte{"x": []byte("x")})
	dir := t.TempDir()
	fetched := l.now()
	for _, ref := range []string{"1.0.0", someSHA} {
		if _, err := l.client("", cached(dir)).File(context.Background(), upstream, "x", ref); err != nil {
			t.Fatal(err)
		}
	}
	l.Forget()
	l.pass(400 * day)
	c := l.client("", cached(dir))
	if _, err := c.File(context.Background(), upstream, "x", someSHA); err != nil || len(l.Requests()) != 0 || len(c.Stale()) != 0 {
		t.Errorf("at a commit: %v, stale %v, asked %s", err, c.Stale(), l.asked())
	}
	l.Close()
	if _, err := c.File(context.Background(), upstream, "x", "1.0.0"); err != nil || !c.Stale()[upstream].Equal(fetched) {
		t.Errorf("at a tag: %v, stale %v", err, c.Stale())
	}
}

func TestRepoFiles(t *testing.T) {
	ctx := context.Background()
	files, links, _ := upstreamFiles()
	want := map[string]string{"README.md": "not below\n", "docker/.env.example": "\ufeffA=1\r\nB=2\r\n", "docker/latin1.env": "D=\xe4\n", "docker/volumes/a/b/c/d/e/deep.conf": "E=5\n", "docker/logo.png": "\x89PNG\x00\x01"}
	wanted := func(p string, size int) bool { _, ok := want[p]; return ok && size == len(want[p]) }
	for _, tt := range []struct {
		name, token string
		cut         int
		asked       int
	}{
		{"at once", writer, 0, 4}, // the tree, the batch, and two files that GraphQL does not give as they are
		{"truncated", writer, 3, 0},
		{"truncated to nothing much", writer, 1, 0},
		{"without a token", "", 0, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			l.AddLinks(own.String(), someSHA, files, links)
			l.CutTrees(own.String(), tt.cut)
			dir := t.TempDir()
			got, err := l.client(tt.token, cached(dir)).RepoFiles(ctx, own, someSHA, wanted)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, texts(got)); d != "" {
				t.Error(d)
			}
			if n := len(l.Requests()); tt.asked > 0 && n != tt.asked {
				t.Errorf("%d questions, want %d\n%s", n, tt.asked, l.asked())
			}
			l.Forget()
			l.pass(400 * day)
			got, err = l.client(tt.token, cached(dir)).RepoFiles(ctx, own, someSHA, wanted)
			if err != nil || !cmp.Equal(want, texts(got)) {
				t.Errorf("once more: %v", err)
			}
			for _, r := range l.Requests() { // blobs never change; which there are is asked again
				if !strings.Contains(r.Path, "/git/trees/") {
					t.Errorf("once more: %s %s", r.Method, r.Path)
				}
			}
		})
	}
	l := newLab(t)
	for _, commit := range []string{"", "a..b", someSHA} {
		if _, err := l.client(writer).RepoFiles(ctx, own, commit, wanted); !isKind(err, Invalid, NotFound) {
			t.Errorf("%q: %v", commit, err)
		}
	}
}

// TestRepoFilesBatches: many files are few questions.
func TestRepoFilesBatches(t *testing.T) {
	l := newLab(t)
	files := many(120)
	for name := range files {
		files[name] = []byte(name)
	}
	l.AddFiles(own.String(), someSHA, files)
	got, err := l.client(writer).RepoFiles(context.Background(), own, someSHA, func(string, int) bool { return true })
	if err != nil || len(got) != 120 || string(got["docker/77"]) != "docker/77" || len(l.Requests()) != 4 {
		t.Errorf("%d files with %d questions, %v", len(got), len(l.Requests()), err)
	}
}
