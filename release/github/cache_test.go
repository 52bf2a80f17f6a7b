package github

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func FuzzEntry(f *testing.F) {
	sound, err := (&entry{Key: "k", Status: 200, ETag: `W/"x"`, Fetched: time.Unix(1, 0), Body: []byte("body\nmore")}).marshal()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{sound, nil, []byte("{}\n"), []byte("\n"), bytes.Replace(sound, []byte("W/"), []byte(`\n`), 1), bytes.Replace(sound, []byte("200"), []byte("500"), 1), bytes.Replace(sound, []byte("more"), []byte("mores"), 1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := parseEntry(data, "k")
		if err != nil {
			return
		}
		if e.Key != "k" || e.Sum != sum(e.Body) || e.Fetched.IsZero() || e.Status != 200 && e.Status != 404 || strings.ContainsAny(e.ETag+e.Modified, "\r\n") {
			t.Errorf("taken: %+v", e)
		}
		again, err := e.marshal()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := parseEntry(again, "k"); err != nil || !bytes.Equal(back.Body, e.Body) || !back.Fetched.Equal(e.Fetched) {
			t.Errorf("written again: %+v, %v", back, err)
		}
	})
}

// TestCacheFiles: entries are the owner's alone and whole; links and other
// folders' files are neither followed nor removed.
func TestCacheFiles(t *testing.T) {
	now := time.Now()
	dir := filepath.Join(t.TempDir(), "cache")
	c := &cache{dir: dir, now: func() time.Time { return now }}
	c.store(&entry{Key: "a", Status: 200, Fetched: now, Body: []byte("1")})
	info, err := os.Stat(filepath.Join(dir, entryName("a")))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if info, err = os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, tempPrefix+"*")); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}

	// A link in the place of an entry is not read, and not written through.
	data, err := os.ReadFile(filepath.Join(dir, entryName("a")))
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, entryName("a"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, filepath.Join(dir, entryName("a"))); err != nil {
		t.Fatal(err)
	}
	if e := c.load("a"); e != nil {
		t.Error("a link was read")
	}
	c.store(&entry{Key: "a", Status: 200, Fetched: now, Body: []byte("2")})
	if after, err := os.ReadFile(target); err != nil || !bytes.Equal(after, data) {
		t.Errorf("written through the link: %q, %v", after, err)
	}
	if e := c.load("a"); e == nil || string(e.Body) != "2" {
		t.Errorf("%+v", e)
	}

	// What comes from the future has no age.
	c.store(&entry{Key: "b", Status: 200, Fetched: now.Add(time.Hour), Body: []byte("1")})
	if e := c.load("b"); e != nil {
		t.Errorf("from the future: %+v", e)
	}
}

func TestCachePrune(t *testing.T) {
	now := time.Now()
	dir := filepath.Join(t.TempDir(), "cache")
	c := &cache{dir: dir, now: func() time.Time { return now }}
	for i := range 5 {
		key := fmt.Sprint(i)
		c.store(&entry{Key: key, Status: 200, Fetched: now, Body: make([]byte, 1000)})
		if err := os.Chtimes(filepath.Join(dir, entryName(key)), now, now.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	for name, age := range map[string]time.Duration{tempPrefix + "dead": 2 * leftOver, tempPrefix + "alive": 0, "foreign.txt": 0} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, make([]byte, 5000), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, entryName("0")))
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.open(false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c.prune(f, 2*info.Size())
	var left []string
	for i := range 5 {
		if c.load(fmt.Sprint(i)) != nil {
			left = append(left, fmt.Sprint(i))
		}
	}
	if got := strings.Join(left, " "); got != "3 4" {
		t.Errorf("left: %s; the newest two fit", got)
	}
	for name, want := range map[string]bool{tempPrefix + "dead": false, tempPrefix + "alive": true, "foreign.txt": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c.size != 2*info.Size() {
		t.Errorf("size %d", c.size)
	}
}

// TestCacheUnusable: a folder that cannot be written to costs nothing but time.
func TestCacheUnusable(t *testing.T) {
	l := newLab(t)
	l.addReleases(upstream, 3, 0)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := l.client(writer, cached(file))
	for range 2 {
		if got, err := c.Releases(context.Background(), upstream, never); err != nil || len(got) != 3 {
			t.Errorf("%d, %v", len(got), err)
		}
	}
}

// TestCacheHoldsNoToken: not even the folder of a run with a token.
func TestCacheHoldsNoToken(t *testing.T) {
	l := newLab(t)
	l.addReleases(upstream, 3, 0)
	l.AddFiles(upstream, "1.0.0", map[string][]byte{"docker/a": []byte("A"), "b": []byte("B")})
	dir := t.TempDir()
	c := l.client(writer, cached(dir))
	if _, err := c.Releases(context.Background(), upstream, never); err != nil {
		t.Error(err)
	}
	if _, err := c.Tree(context.Background(), upstream, "docker", "1.0.0", func(string) bool { return true }); err != nil {
		t.Error(err)
	}
	if _, err := c.File(context.Background(), upstream, "b", "1.0.0"); err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+entrySuf))
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if data, err := os.ReadFile(f); err != nil || bytes.Contains(data, []byte("CANARY")) || bytes.Contains(data, []byte("Bearer")) {
			t.Errorf("%s: %v, %s", f, err, data)
		}
	}
}

// TestNotFoundIsKept, for twenty minutes.
func TestNotFoundIsKept(t *testing.T) {
	l := newLab(t)
	dir := t.TempDir()
	all := func(string) bool { return true }
	asks := map[string]func(*Client) error{
		"releases": func(c *Client) error { _, err := c.Releases(context.Background(), "no/body", never); return err },
		"file": func(c *Client) error {
			_, err := c.File(context.Background(), upstream, "x", "1.0.0")
			return err
		},
		"tree by REST": func(c *Client) error { _, err := c.Tree(context.Background(), upstream, "x", "1.0.0", all); return err },
	}
	ask := func(name, token string, want int) {
		t.Helper()
		l.Forget()
		if err := asks[name](l.client(token, cached(dir))); !isKind(err, NotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(l.Requests()); n != want {
			t.Errorf("%s: %d questions, want %d", name, n, want)
		}
	}
	for name := range asks {
		ask(name, "", 1)
		ask(name, "", 0)
	}
	asks["tree by GraphQL"] = asks["tree by REST"]
	ask("tree by GraphQL", writer, 1)
	ask("tree by GraphQL", writer, 0)
	l.pass(21 * time.Minute)
	for name := range asks {
		token := ""
		if name == "tree by GraphQL" {
			token = writer
		}
		ask(name, token, 1)
	}
}
