package catalog

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint/image"
)

// material gives a folder that may lie beside a checkout; a test that needs it
// is skipped where it does not.
func material(t *testing.T, elem ...string) string {
	t.Helper()
	dir := filepath.Join(append([]string{"..", "..", "..", "shared"}, elem...)...)
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no such material: ", err)
	}
	return dir
}

func upstream(t *testing.T, s string) Upstream {
	t.Helper()
	u, ok := Load().Upstream(ref(t, s))
	if !ok {
		t.Fatalf("%s: no upstream", s)
	}
	return u
}

func TestUpstream(t *testing.T) {
	c := Load()
	for in, want := range map[string]string{
		"langgenius/dify-api:1.13.3":                   difyRepo,
		"langgenius/dify-web:1.13.3":                   difyRepo,
		"langgenius/dify-agent-backend:1.16.1":         difyRepo,
		"harbor.acme.io/hub/langgenius/dify-api:1":     difyRepo,
		"langgenius/dify-plugin-daemon:0.6.3-local":    pluginDaemonRepo,
		"langgenius/dify-sandbox:0.2.15":               sandboxRepo,
		"langgenius/qdrant:v1.8.3":                     "qdrant/qdrant",
		"docker.n8n.io/n8nio/n8n:2.41.3":               "n8n-io/n8n",
		"ghcr.io/n8n-io/n8n:2.41.3":                    "n8n-io/n8n",
		"n8nio/runners:2.41.3":                         "n8n-io/n8n",
		"cr.weaviate.io/semitechnologies/weaviate:1.3": "weaviate/weaviate",
		"pgvector/pgvector:pg16":                       "pgvector/pgvector",
		"redis:7-alpine":                               "redis/redis",
		"postgres:16.4":                                "",
	} {
		u, ok := c.Upstream(ref(t, in))
		if !ok || u.Repo != want {
			t.Errorf("%s: want %q, got %q, %v", in, want, u.Repo, ok)
		}
	}
	for _, in := range []string{"acme/redis:7", "acme/app:1", "bitnami/redis:7.2.4", "langgenius/other:1"} {
		if u, ok := c.Upstream(ref(t, in)); ok {
			t.Errorf("%s: want none, got %s", in, u.Repo)
		}
	}
	if dify := upstream(t, "langgenius/dify-api"); dify.Compose != "docker" || !dify.Releases {
		t.Errorf("dify: got %+v", dify)
	}
}

// An entry of the user's own goes before the built-in one.
func TestUpstreamOfTheUserIsFirst(t *testing.T) {
	c := Load()
	c.Upstreams = slices.Concat([]Upstream{{Images: []string{"redis"}, Repo: "acme/redis", Releases: true}}, c.Upstreams)
	if u, ok := c.Upstream(ref(t, "redis:7.2.4")); !ok || u.Repo != "acme/redis" {
		t.Errorf("got %+v, %v", u, ok)
	}
}

func TestUpstreamsAreValid(t *testing.T) {
	seen := map[string]bool{}
	for _, u := range Load().Upstreams {
		if err := CheckUpstream(u); err != nil {
			t.Errorf("%v: %v", u.Images, err)
		}
		for _, p := range u.Images {
			if seen[p] {
				t.Errorf("pattern %s stands twice", p)
			}
			seen[p] = true
		}
	}
}

// Both ways: from an image to the git tag of its release, and from that to an
// image that compares with it.
func TestGitTag(t *testing.T) {
	tests := []struct{ image, git string }{
		{"langgenius/dify-api:1.13.3", "1.13.3"},
		{"langgenius/dify-api:v0.8.3-fix1", "v0.8.3-fix1"},
		{"langgenius/dify-web:0.10.0-beta1", "0.10.0-beta1"},
		{"langgenius/dify-plugin-daemon:0.6.3-local", "0.6.3"},
		{"langgenius/dify-plugin-daemon:0.6.3-serverless", "0.6.3"},
		{"langgenius/dify-plugin-daemon:0.3.0b1-local", "0.3.0b1"},
		{"langgenius/dify-sandbox:0.2.15", "0.2.15"},
		{"docker.n8n.io/n8nio/n8n:2.41.3", "n8n@2.41.3"},
		{"n8nio/runners:2.41.3", "n8n@2.41.3"},
		{"pgvector/pgvector:0.8.6-pg16", "v0.8.6"},
		{"pgvector/pgvector:0.8.6-pg16-trixie", "v0.8.6"},
		{"ankane/pgvector:v0.5.1", "v0.5.1"},
		{"timescale/timescaledb:2.16.0-pg16", "2.16.0"},
		{"timescale/timescaledb:2.16.0-pg16-oss", "2.16.0"},
		{"redis:7.2.4", "7.2.4"},
		{"redis:7.2.4-alpine3.19", "7.2.4"},
		{"redis:8.0-rc1", "8.0-rc1"},
		{"valkey/valkey:8.1.1-bookworm", "8.1.1"},
		{"semitechnologies/weaviate:1.27.0", "v1.27.0"},
		{"langgenius/qdrant:v1.8.3", "v1.8.3"},
		{"qdrant/qdrant:v1.17.0-gpu-nvidia", "v1.17.0"},
		{"milvusdb/milvus:v2.5.15", "v2.5.15"},
		{"nginx:1.27.3-alpine-slim", "release-1.27.3"},
		{"nginx:1.27.3-alpine-perl", "release-1.27.3"},
		{"caddy:2.8.4-builder-alpine", "v2.8.4"},
		{"traefik:v3.1.0", "v3.1.0"},
		{"traefik:3.1.0", "v3.1.0"},
		{"minio/minio:RELEASE.2023-03-20T20-16-18Z", "RELEASE.2023-03-20T20-16-18Z"},
		{"postgres:16.4-alpine", "16.4"},
		{"ghcr.io/goauthentik/server:2024.8.0", "version/2024.8.0"},
	}
	for _, tt := range tests {
		r := ref(t, tt.image)
		u := upstream(t, tt.image)
		if got, ok := u.GitTag(r); !ok || got != tt.git {
			t.Errorf("%s: want %s, got %q, %v", tt.image, tt.git, got, ok)
		}
		if got, ok := u.Ref(r, tt.git); !ok || got != r {
			t.Errorf("%s of %s: got %s, %v", tt.git, tt.image, got, ok)
		}
	}
	moving := Upstream{Images: []string{"acme/app"}, Repo: "acme/app", Prefix: "v", Releases: true, Moving: []string{"v1.0.0"}}
	if got, ok := moving.GitTag(ref(t, "acme/app:1.0.0")); ok {
		t.Errorf("a tag that moves: got %s", got)
	}
	if got, ok := moving.Ref(ref(t, "acme/app:0.9.0"), "v1.0.0"); ok {
		t.Errorf("a tag that moves: got %s", got)
	}
	for _, in := range []string{
		"redis:release-7.2.4", "langgenius/dify-api:1.13", "redis", "redis:latest", "redis:7", "redis:7.2-alpine", "redis:alpine", "pgvector/pgvector:pg16", "pgvector/pgvector:pg16-trixie", "pgvector/pgvector:latest",
		"n8nio/n8n:stable", "n8nio/n8n:next", "n8nio/n8n:2", "langgenius/dify-api:main", "langgenius/dify-api:59b879d2df0123456789abcdef0123456789abcd",
		"langgenius/dify-plugin-daemon:main-local", "postgres:16", "nginx:1.27.3-acme", "redis:7.2.4-acme", "redis:python7.2.4", "ubuntu/squid:5.2-22.04_beta", "busybox:latest",
	} {
		if got, ok := upstream(t, in).GitTag(ref(t, in)); ok {
			t.Errorf("%s: names no release, got %s", in, got)
		}
	}
}

func TestRefOfAGitTag(t *testing.T) {
	tests := []struct{ like, git, want string }{
		{"redis:7-alpine", "7.2.4", "redis:7.2.4-alpine"},
		{"redis", "7.2.4", "redis:7.2.4"},
		{"redis:latest", "7.2.4", "redis:7.2.4"},
		{"pgvector/pgvector:pg16-trixie", "v0.8.6", "pgvector/pgvector:0.8.6-pg16-trixie"},
		{"harbor.acme.io/n8nio/n8n:1.99.0", "n8n@2.0.0", "harbor.acme.io/n8nio/n8n:2.0.0"},
		{"n8nio/n8n:1.99.0", "stable", ""},
		{"n8nio/n8n:1.99.0", "v1.11.0", ""},
		{"n8nio/n8n:1.99.0", "n8n@", ""},
		{"n8nio/n8n:1.99.0", "@n8n/api-types@1.2.3", ""},
		{"n8nio/n8n:1.99.0", "n8n@release", ""},
		{"redis:7.2.4", "v7.2.4", ""},
		{"redis:7.2.4", "7.2", ""},
		{"redis:7.2.4", "7.2.4-int1", ""},
		{"semitechnologies/weaviate:1.27.0", "1.28.0", ""},
		{"milvusdb/milvus:v2.5.0", "client/v2.6.0", ""},
		{"langgenius/dify-api:1.13.3", "browser-profile", ""},
		{"langgenius/dify-api:1.13.3", "1.14.0/../../x", ""},
		{"langgenius/dify-api:1.13.3", "1.14.0 `x`", ""},
		{"redis:7.2.4", "7.2.5+", ""},
		{"redis:7.2.4", "7.2.5-pg16", ""},
	}
	for _, tt := range tests {
		got, ok := upstream(t, tt.like).Ref(ref(t, tt.like), tt.git)
		if ok != (tt.want != "") || ok && got.String() != tt.want {
			t.Errorf("%s like %s: want %q, got %s, %v", tt.git, tt.like, tt.want, got, ok)
		}
	}
}

// Every tag that Dify ever had goes to an image and back, save the one that
// names no release.
func TestDifyTags(t *testing.T) {
	data, err := os.ReadFile(material(t, "facts", "dify-tags.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	like := ref(t, "langgenius/dify-api:1.13.3")
	u := upstream(t, "langgenius/dify-api")
	n, none := 0, 0
	for line := range strings.Lines(string(data)) {
		tag, _, _ := strings.Cut(line, "\t")
		n++
		r, ok := u.Ref(like, tag)
		if !ok {
			none++
			if tag != "browser-profile" {
				t.Errorf("%s: no image", tag)
			}
			continue
		}
		if back, ok := u.GitTag(r); !ok || back != tag || r.Tag != tag {
			t.Errorf("%s: image %s, back %q, %v", tag, r, back, ok)
		}
	}
	if n < 100 || none != 1 {
		t.Errorf("%d tags, %d without an image", n, none)
	}
	t.Logf("%d tags, %d of no release", n, none)
}

// Whatever a list of tags holds: what is taken for a release is an image, and
// leads back to the same tag.
func FuzzRef(f *testing.F) {
	for _, s := range []string{"1.13.3", "n8n@2.0.0", "v0.8.3-fix1", "release-1.27.3", "RELEASE.2023-03-20T20-16-18Z", "7.2.5+", "1.0/../x", "v1.2.3-pg16", "stable"} {
		f.Add(s, "1.0.0-alpine")
		f.Add(s, "0.8.6-pg16-trixie")
	}
	c := Load()
	f.Fuzz(func(t *testing.T, gitTag, likeTag string) {
		for _, u := range c.Upstreams {
			like, err := image.Parse(strings.ReplaceAll(strings.TrimPrefix(u.Images[0], "**/"), "*", "x") + ":" + likeTag)
			if err != nil {
				return
			}
			out, ok := u.Ref(like, gitTag)
			if !ok {
				continue
			}
			if again, err := image.Parse(out.String()); err != nil || again != out {
				t.Errorf("%q like %s gives %s, which is no image: %v", gitTag, like, out, err)
			}
			if back, ok := u.GitTag(out); !ok || back != gitTag {
				t.Errorf("%q like %s gives %s, whose git tag is %q, %v", gitTag, like, out, back, ok)
			}
		}
	})
}

var imageLine = regexp.MustCompile(`^\s*image:\s*["']?([^"'\s#]+)`)

// Prints what share of real compose files the table covers.
func TestUpstreamsOfTheCorpus(t *testing.T) {
	dir := material(t, "corpus")
	c := Load()
	known, unknown, n := map[string]bool{}, map[string]int{}, 0
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(p); err != nil || d.IsDir() || ext != ".yml" && ext != ".yaml" {
			return err
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			m := imageLine.FindStringSubmatch(s.Text())
			if m == nil {
				continue
			}
			r, err := image.Parse(m[1])
			if err != nil {
				continue
			}
			n++
			if u, ok := c.Upstream(r); ok {
				known[r.Familiar()] = true
				if git, ok := u.GitTag(r); ok {
					if again, ok := u.Ref(r, git); !ok || image.Compare(r, again) != image.Equal {
						t.Errorf("%s: tag %s gives %s, %v", r, git, again, ok)
					}
				}
			} else {
				unknown[r.Familiar()]++
			}
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Fatalf("%d images, %v", n, err)
	}
	count := 0
	for _, k := range unknown {
		count += k
	}
	t.Logf("%d mentions of images, %d of them without an upstream; %d names known, %d not", n, count, len(known), len(unknown))
}

func TestCheckUpstreamRefuses(t *testing.T) {
	good := Upstream{Images: []string{"acme/app"}, Repo: "acme/app", Releases: true}
	if err := CheckUpstream(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Upstream){
		"no images":       func(u *Upstream) { u.Images = nil },
		"a tag":           func(u *Upstream) { u.Images = []string{"acme/app:1"} },
		"a repo":          func(u *Upstream) { u.Repo = "acme" },
		"another host":    func(u *Upstream) { u.Repo = "evil.example/acme/app" },
		"dots":            func(u *Upstream) { u.Repo = "acme/.." },
		"no why":          func(u *Upstream) { u.Repo, u.Releases = "", false },
		"notes of none":   func(u *Upstream) { u.Repo, u.Why = "", "because" },
		"nothing":         func(u *Upstream) { u.Releases = false },
		"prefix":          func(u *Upstream) { u.Prefix = "v\n" },
		"same and prefix": func(u *Upstream) { u.Same, u.Prefix = true, "v" },
		"http":            func(u *Upstream) { u.Page = "http://example.org" },
		"script":          func(u *Upstream) { u.Page = "javascript:alert(1)" },
		"page user":       func(u *Upstream) { u.Page = "https://a:b@example.org" },
		"absolute":        func(u *Upstream) { u.Changelog = "/etc/passwd" },
		"outside":         func(u *Upstream) { u.Breaking = []string{"../x"} },
		"query":           func(u *Upstream) { u.Compose = "docker?ref=x" },
		"why lines":       func(u *Upstream) { u.Why = "a\nb" },
		"ending":          func(u *Upstream) { u.Trim = []string{"local"} },
		"moving":          func(u *Upstream) { u.Moving = []string{"a b"} },
		"too much":        func(u *Upstream) { u.Breaking = slices.Repeat([]string{"x"}, 30) },
	} {
		u := good
		change(&u)
		if err := CheckUpstream(u); err == nil {
			t.Errorf("%s: want an error for %+v", name, u)
		}
	}
}
