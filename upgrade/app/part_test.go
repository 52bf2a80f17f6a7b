package app

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/upgrade/docker"
)

func partTexts(parts []Part) string {
	var out []string
	for _, p := range parts {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s: %s %s", p.Kind, p.Name, p.Service+p.Path, p.Missing)))
	}
	return strings.Join(out, "\n")
}

func TestDifyParts(t *testing.T) {
	const all = `database database: db
files files and private keys: api/app/api/storage
database plugins' database: db
files plugins: plugin_daemon/app/storage`
	for name, tt := range map[string]struct {
		change func(api, daemon map[string]docker.Secret)
		want   string
	}{
		"as it comes": {func(_, _ map[string]docker.Secret) {}, all},
		"vectors in PostgreSQL": {func(api, _ map[string]docker.Secret) { api["VECTOR_STORE"], api["PGVECTOR_HOST"] = "pgvector", "db" },
			all + "\nvector-store vectors: db"},
		"vectors elsewhere": {func(api, _ map[string]docker.Secret) {
			api["VECTOR_STORE"], api["WEAVIATE_ENDPOINT"], api["QDRANT_URL"] = "weaviate", "https://user:canary@example.com:8080", "http://redis:1"
		}, all + "\nvector-store vectors:  its vector store is no service of this stack"},
		"vectors in a service": {func(api, _ map[string]docker.Secret) {
			api["VECTOR_STORE"], api["TIDB_ON_QDRANT_URL"] = "tidb-on-qdrant", "http://redis:6333"
		},
			all + "\nvector-store vectors: redis"},
		"folders of its own": {func(api, daemon map[string]docker.Secret) {
			api["STORAGE_TYPE"], api["OPENDAL_FS_ROOT"], daemon["PLUGIN_STORAGE_LOCAL_ROOT"] = "opendal", "/data/dify/", "./plugins"
		}, strings.NewReplacer("api/app/api/storage", "api/data/dify", "daemon/app/storage", "daemon/app/plugins").Replace(all)},
		"a local folder": {func(api, _ map[string]docker.Secret) {
			api["STORAGE_TYPE"], api["STORAGE_LOCAL_PATH"], api["OPENDAL_FS_ROOT"] = "local", "files", "x"
		}, strings.Replace(all, "api/app/api/storage", "api/app/api/files", 1)},
		"files in S3": {func(api, daemon map[string]docker.Secret) {
			api["STORAGE_TYPE"], daemon["PLUGIN_STORAGE_TYPE"] = "s3", "aws_s3"
		},
			"database database: db\ndatabase plugins' database: db"},
		"databases elsewhere": {func(api, daemon map[string]docker.Secret) {
			api["DB_HOST"], daemon["DB_HOST"] = "canary.example.com", ""
		},
			"database database:  its database server is no service of this stack\nfiles files and private keys: api/app/api/storage\n" +
				"database plugins' database:  its database server is no service of this stack\nfiles plugins: plugin_daemon/app/storage"},
		"another server": {func(api, _ map[string]docker.Secret) { api["DB_TYPE"], api["DB_HOST"] = "mysql", "redis" },
			strings.Replace(all, "database database: db", "database database: redis", 1)},
	} {
		s := difyStack(t)
		tt.change(s.members[0].Env, s.members[3].Env)
		got := partTexts(FindDify(context.Background(), s).Parts(context.Background()))
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

func TestN8NParts(t *testing.T) {
	for name, tt := range map[string]struct {
		env  []string
		want string
	}{
		"SQLite":     {nil, "files database: n8n/home/node/.n8n"},
		"a folder":   {[]string{"N8N_USER_FOLDER=/data"}, "files database: n8n/data/.n8n"},
		"PostgreSQL": {[]string{"DB_TYPE=postgresdb", "DB_POSTGRESDB_HOST=db"}, "database database: db"},
		"elsewhere":  {[]string{"DB_TYPE=postgresdb", "DB_POSTGRESDB_HOST=canary"}, "database database:  its database server is no service of this stack"},
		"MySQL":      {[]string{"DB_TYPE=mysqldb", "DB_MYSQLDB_HOST=db"}, "database database: db"},
		"files": {[]string{"DB_TYPE=postgresdb", "DB_POSTGRESDB_HOST=db", "N8N_DEFAULT_BINARY_DATA_MODE=filesystem"},
			"database database: db\nfiles files of executions: n8n/home/node/.n8n/binaryData"},
	} {
		s := &stack{members: []Member{member(t, "db", "postgres:17"), member(t, "n8n", "n8nio/n8n:1.110.1", tt.env...), member(t, "n8n2", "n8nio/n8n:1.110.1", tt.env...)}}
		var parts []Part
		for _, n := range FindN8N(context.Background(), s) {
			if len(n.Mains) > 0 && n.Mains[0].Service == "n8n" {
				parts = n.Parts(context.Background())
			}
		}
		if d := cmp.Diff(tt.want, partTexts(parts)); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

func TestHolds(t *testing.T) {
	mounts := []docker.Mount{{Type: "bind", Name: "b", Destination: "/data/deep/"}, {Type: "volume", Name: "a", Destination: "/data"}, {Type: "tmpfs", Name: "t", Destination: "/tmp"}}
	for p, want := range map[string]string{"/data": "a", "/data/x": "a", "/data/deep": "b", "/data/deep/x/y": "b", "/database": "", "/tmp/x": "", "/": "", "/data/deeper": "a"} {
		m, ok := Holds(mounts, p)
		if !ok {
			m.Name = ""
		}
		if m.Name != want {
			t.Errorf("%s: %q, want %q", p, m.Name, want)
		}
	}
	if m, ok := Holds([]docker.Mount{{Type: "volume", Name: "root", Destination: "/"}}, "/data"); !ok || m.Name != "root" {
		t.Error("a mount of everything holds nothing")
	}
}
