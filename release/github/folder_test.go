package github

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCacheNotOurs: what others could have written used to be believed. Each
// case is done to a folder with one sound entry; then that is not read, and
// where the folder is at fault nothing is written and a notice says so.
func TestCacheNotOurs(t *testing.T) {
	other := 12345
	chown := func(t *testing.T, name string) {
		if os.Geteuid() != 0 {
			t.Skip("only root can give files to another user")
		}
		if err := os.Lchown(name, other, other); err != nil {
			t.Fatal(err)
		}
	}
	chmod := func(t *testing.T, name string, mode os.FileMode) {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name   string
		do     func(t *testing.T, dir, file string)
		read   bool
		notice string
	}{
		{"untouched", func(*testing.T, string, string) {}, true, ""},
		{"readable by others", func(t *testing.T, dir, file string) { chmod(t, dir, 0o755); chmod(t, file, 0o644) }, true, ""},
		{"a folder of the group", func(t *testing.T, dir, _ string) { chmod(t, dir, 0o770) }, false, "others can write to it"},
		{"a folder of all", func(t *testing.T, dir, _ string) { chmod(t, dir, 0o777|os.ModeSticky) }, false, "others can write to it"},
		{"an entry of the group", func(t *testing.T, _, file string) { chmod(t, file, 0o660) }, false, ""},
		{"an entry of all", func(t *testing.T, _, file string) { chmod(t, file, 0o602) }, false, ""},
		{"an entry of another user", func(t *testing.T, _, file string) { chown(t, file) }, false, ""},
		{"unpacked on the host", func(t *testing.T, dir, file string) { chown(t, dir); chown(t, file) }, true, ""},
		{"unpacked on the host, an entry of ours", func(t *testing.T, dir, _ string) { chown(t, dir) }, true, ""},
		{"a link to a folder", func(t *testing.T, dir, _ string) {
			if err := os.Rename(dir, dir+".real"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(dir+".real", dir); err != nil {
				t.Fatal(err)
			}
		}, false, "it is no folder"},
		{"a link to an entry", func(t *testing.T, dir, file string) {
			if err := os.Rename(file, filepath.Join(dir, "other")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("other", file); err != nil {
				t.Fatal(err)
			}
		}, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			c := &Client{cache: &cache{dir: dir, now: time.Now}}
			c.cache.store(&entry{Key: "a", Status: 200, Fetched: time.Now(), Body: []byte("1")})
			tt.do(t, dir, filepath.Join(dir, entryName("a")))
			if e := c.cache.load("a"); (e != nil) != tt.read {
				t.Errorf("read: %v", e)
			}
			c.cache.store(&entry{Key: "b", Status: 200, Fetched: time.Now(), Body: []byte("1")})
			if _, err := os.Stat(filepath.Join(dir, entryName("b"))); (err == nil) != (tt.notice == "") {
				t.Errorf("written: %v", err)
			}
			said := strings.Join(c.Notices(), "")
			if (said == "") != (tt.notice == "") || !strings.Contains(said, tt.notice) || said != "" && !strings.Contains(said, "the cache "+dir+" is not ours alone: not used") {
				t.Errorf("notices: %q", said)
			}
		})
	}
}

// TestMayBelieve: nobody but root takes another user's folder, root's neither.
func TestMayBelieve(t *testing.T) {
	for users, want := range map[[2]int]bool{{0, 0}: true, {0, 1001}: true, {1001, 1001}: true, {1001, 0}: false, {1001, 1002}: false} {
		if got := mayBelieve(users[0], uint32(users[1])); got != want {
			t.Errorf("%d takes a folder of %d: %v", users[0], users[1], got)
		}
	}
}

// TestOwnRepoNotFromCache: the base of a change used to be believed as the
// cache had it. Of the pull request's own repository only blobs are kept, which
// their ids prove.
func TestOwnRepoNotFromCache(t *testing.T) {
	files := map[string][]byte{"compose.yaml": []byte("services: {}\n")}
	for name, token := range map[string]string{"REST": "", "GraphQL": writer} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.AddFiles(own.String(), someSHA, files)
			dir := t.TempDir()
			read := func() {
				t.Helper()
				got, err := l.client(token, cached(dir)).RepoFiles(context.Background(), own, someSHA, func(string, int) bool { return true })
				if err != nil || len(got) != 1 || !bytes.Equal(got["compose.yaml"], files["compose.yaml"]) {
					t.Errorf("%q, %v", got, err)
				}
			}
			read()
			entries, err := filepath.Glob(filepath.Join(dir, "*"+entrySuf))
			if err != nil || len(entries) != 1 {
				t.Errorf("kept: %v, %v; want the one blob", entries, err)
			}

			// Forged: an empty tree, a blob that is another, a blob that is not there.
			c := l.client(token, cached(dir))
			tree := plain + " " + c.own.api.String() + "repos/" + own.String() + "/git/trees/" + someSHA + "?recursive=1"
			c.cache.store(&entry{Key: tree, Status: http.StatusOK, Fetched: l.now(), Body: []byte(`{"tree":[]}`)})
			l.Forget()
			read()
			if len(l.Requests()) != 1 {
				t.Errorf("%d questions, want the tree alone", len(l.Requests()))
			}
			objects, err := (&walk{c: c, s: c.own, repo: own.String(), keep: keepNone}).list(context.Background(), someSHA, "")
			if err != nil || len(objects) != 1 {
				t.Fatalf("%v, %v", objects, err)
			}
			for _, e := range []entry{{Status: http.StatusOK, Body: []byte("services: {evil: {}}\n")}, {Status: http.StatusNotFound}} {
				e.Key, e.Fetched = blobKey(c.own, own.String(), objects[0].SHA), l.now()
				c.cache.store(&e)
				read()
			}
		})
	}
}

// TestPlainAddress: a token used to go over any http:// address.
func TestPlainAddress(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://ghe.example/api/v3": true, "http://127.0.0.1:8080": true, "http://[::1]:8080": true, "http://localhost:8080": true,
		"http://10.1.2.3": true, "http://172.17.0.1:80": true, "http://192.168.1.9/api/v3": true, "http://[fd00::1]": true,
		"http://ghe.example/api/v3": false, "http://203.0.113.7": false, "http://172.32.0.1": false, "http://localhost.example": false,
		"http://10.1.2.3.example": false, "http://0.0.0.0": false, "http://[2001:db8::1]": false,
	} {
		for _, o := range []Options{{API: address, Token: "t"}, {UpstreamAPI: address, UpstreamToken: "t"}} {
			o.Now = time.Now
			_, err := New(o)
			if (err == nil) != ok {
				t.Errorf("%s: %v", address, err)
			}
			if err != nil && !strings.Contains(err.Error(), "http://") {
				t.Errorf("%s: %v", address, err)
			}
		}
		if _, err := New(Options{API: address, Now: time.Now}); err != nil {
			t.Errorf("%s without a token: %v", address, err)
		}
	}
}
