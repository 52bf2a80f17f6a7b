package catalog

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint/image"
)

func ref(t *testing.T, s string) image.Ref {
	t.Helper()
	r, err := image.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestApp(t *testing.T) {
	c := Load()
	for in, want := range map[string]string{
		"postgres:15-alpine":                              Postgres,
		"pgvector/pgvector:pg16":                          Postgres,
		"public.ecr.aws/docker/library/postgres:16":       Postgres,
		"acme/postgres:16":                                "",
		"redis:7":                                         Redis,
		"valkey/valkey:8":                                 "valkey",
		"cr.weaviate.io/semitechnologies/weaviate:1.27.0": Weaviate,
		"langgenius/qdrant:v1.8.3":                        Qdrant,
		"docker.n8n.io/n8nio/n8n":                         N8N,
		"ghcr.io/n8n-io/n8n:1":                            N8N,
		"n8nio/runners:2.0.0":                             N8NRunners,
		"langgenius/dify-api:1.13.3":                      DifyAPI,
		"langgenius/dify-web:1.13.3":                      DifyWeb,
		"langgenius/dify-sandbox:0.2.15":                  DifySandbox,
		"langgenius/dify-agent-local-sandbox:1.16.1":      DifyAgent,
		"langgenius/dify-agent-backend:1.16.1":            DifyAgent,
		"langgenius/dify-plugin-daemon:0.6.3-local":       DifyPluginDaemon,
		"docker.elastic.co/elasticsearch/elasticsearch:8": "elasticsearch",
		"nginx": "",
	} {
		got, ok := c.App(ref(t, in))
		if got.ID != want || ok != (want != "") {
			t.Errorf("App(%s): want %q, got %q, %v", in, want, got.ID, ok)
		}
	}
}

// A table like this decays by copying: two apps of one ID, a pattern that is
// none, an app that is said to hold data nobody knows the place of.
func TestAppsAreComplete(t *testing.T) {
	var ids []string
	for _, a := range Load().Apps {
		if a.ID == "" || a.Title == "" || a.Kind == "" || len(a.Images) == 0 || slices.Contains(ids, a.ID) {
			t.Errorf("app %+v: want a new ID, a title, a kind and images", a)
		}
		ids = append(ids, a.ID)
		for _, p := range a.Images {
			if err := image.CheckPattern(p); err != nil {
				t.Errorf("%s: %s: %v", a.ID, p, err)
			}
		}
		for _, p := range a.DataPaths {
			if !strings.HasPrefix(p, "/") || filepath.Clean(p) != p {
				t.Errorf("%s: data path %s", a.ID, p)
			}
		}
		if !a.Stateful && len(a.DataPaths) > 0 {
			t.Errorf("%s: data paths without state", a.ID)
		}
	}
	for _, r := range Load().Releases {
		for id := range r.Companions {
			if !slices.Contains(ids, id) && id != "pgvector" {
				t.Errorf("release %s: companion %s is no app", r.Version, id)
			}
		}
	}
}

// Every image of the PostgreSQL family must be read as one.
func TestPostgresImagesHaveAMajor(t *testing.T) {
	tags := map[string]string{
		"**/ankane/pgvector": "", // its tags name no PostgreSQL
	}
	for _, a := range Load().Apps {
		if a.ID != Postgres {
			continue
		}
		for _, p := range a.Images {
			if _, skip := tags[p]; skip {
				continue
			}
			name := strings.TrimPrefix(p, "**/")
			ok := false
			for _, tag := range []string{"16.4.0", "pg16", "16-3.4"} {
				n, found := image.PostgresMajor(ref(t, name+":"+tag))
				ok = ok || found && n == 16
			}
			if !ok {
				t.Errorf("%s: no tag gives PostgreSQL 16", name)
			}
		}
	}
}

func TestRelease(t *testing.T) {
	c := Load()
	r, ok := c.Release("1.13.3")
	if !ok || r.Companions[DifyPluginDaemon] != "0.5.3-local" || r.Companions[DifySandbox] != "0.2.14" || r.Companions[Weaviate] != "1.27.0" {
		t.Errorf("1.13.3: got %+v, %v", r, ok)
	}
	if _, has := r.Companions[DifyAgent]; has {
		t.Error("1.13.3 ships no agent images")
	}
	if r, _ := c.Release("1.16.0"); r.Companions[DifyAgent] != "1.16.0" {
		t.Errorf("1.16.0: agent images %q", r.Companions[DifyAgent])
	}
	if r, ok := c.Release("0.15.3"); !ok || r.Companions[DifyPluginDaemon] != "" {
		t.Errorf("0.15.3 ships no plugin daemon, got %+v", r)
	}
	for _, tag := range []string{"", "latest", "1.17.0", "v1.13.3"} {
		if _, ok := c.Release(tag); ok {
			t.Errorf("release %q is not in the table", tag)
		}
	}
}

func TestCompare(t *testing.T) {
	c := Load()
	tests := []struct {
		old, now string
		want     image.Order
	}{
		{"1.9.0", "1.9.1", image.Newer},
		{"2.0.0-beta.2", "1.9.0", image.Newer}, // cut 15 days before 1.9.0
		{"1.9.0", "2.0.0-beta.2", image.Older},
		{"1.8.1", "2.0.0-beta.1", image.Newer},
		{"2.0.0-beta.1", "2.0.0-beta.2", image.Newer},
		{"2.0.0-beta.1", "1.17.0", image.Unknown},
		{"1.1.1", "0.15.4", image.Older}, // a backport of a later date
		{"1.10.1", "1.10.1-fix.1", image.Newer},
		{"latest", "1.9.0", image.Unknown},
	}
	for _, tt := range tests {
		got := c.Compare(ref(t, "langgenius/dify-api:"+tt.old), ref(t, "langgenius/dify-api:"+tt.now))
		if got != tt.want {
			t.Errorf("%s to %s: want %s, got %s", tt.old, tt.now, tt.want, got)
		}
	}
	if got := c.Compare(ref(t, "langgenius/dify-api:2.0.0-beta.2"), ref(t, "langgenius/dify-web:1.9.0")); got != image.Unknown {
		t.Errorf("two images: got %s", got)
	}
	if got := c.Compare(ref(t, "redis:2.0.0-beta.2"), ref(t, "redis:1.9.0")); got != image.Older {
		t.Errorf("redis with tags of Dify: got %s", got)
	}
	if got := c.Compare(ref(t, "redis:7.2.4"), ref(t, "redis:6.2.0")); got != image.Older {
		t.Errorf("redis: got %s", got)
	}
}

func TestParseReleasesRefuses(t *testing.T) {
	for _, text := range []string{
		"release\tdate\tflag\n1.0.0\t2025-01-01\n",
		"release\tdate\tflag\n1.0.0\t2025-13-01\t\n",
		"release\tdate\tflag\n\t2025-01-01\t\n",
		"release\tdate\tflag\n1.0.0\t2025-01-01\tgone\n",
		"release\tdate\tmigrations\n1.0.0\t2025-01-01\t0\n",
		"release\tdate\tmigrations\n1.0.0\t2025-01-01\tmany\n",
	} {
		if got, err := parseReleases(text); err == nil {
			t.Errorf("%q: want an error, got %+v", text, got)
		}
	}
}

// The matrix was read from Dify's files at every tag; where it is at hand the
// embedded table must say the same.
func TestReleasesAgainstTheMatrix(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "facts", "dify-image-matrix.tsv"))
	if err != nil {
		t.Skip("no matrix to compare with: ", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = '\t'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	c := Load()
	if len(c.Releases) != len(rows)-1 {
		t.Errorf("want %d releases, got %d", len(rows)-1, len(c.Releases))
	}
	columns := map[string]string{"plugin-daemon": DifyPluginDaemon, "sandbox": DifySandbox, "postgres": Postgres, "redis": Redis,
		"weaviate": Weaviate, "qdrant": Qdrant, "pgvector": "pgvector"}
	for _, row := range rows[1:] {
		got, ok := c.Release(row[0])
		if !ok || got.Date != row[1] {
			t.Errorf("release %s of %s: got %+v, %v", row[0], row[1], got, ok)
			continue
		}
		compared := 0
		for i, col := range rows[0] {
			if id := columns[col]; id != "" {
				compared++
				if got.Companions[id] != row[i] {
					t.Errorf("%s: %s is %q, the table says %q", row[0], col, row[i], got.Companions[id])
				}
			}
		}
		if compared != len(columns) {
			t.Errorf("%s: compared %d of %d columns", row[0], compared, len(columns))
		}
	}
}
