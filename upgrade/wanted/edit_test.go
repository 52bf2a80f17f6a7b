package wanted

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSetEdits: --set edits the one value that says the version, where it is
// written, and not a byte beside it.
func TestSetEdits(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		pin   Pin
		want  map[string]string // what differs afterwards
	}{
		{"literal", map[string]string{"compose.yaml": "services:\n  redis:\n    image: redis:7.2.4 # cache\n"},
			Pin{"redis", "7.4.0"}, map[string]string{"compose.yaml": "services:\n  redis:\n    image: redis:7.4.0 # cache\n"}},
		{"quoted, CRLF and a byte order mark", map[string]string{"compose.yaml": "\ufeffservices:\r\n  redis:\r\n    image: \"redis:7.2.4\"\r\n"},
			Pin{"redis", "7.4.0"}, map[string]string{"compose.yaml": "\ufeffservices:\r\n  redis:\r\n    image: \"redis:7.4.0\"\r\n"}},
		{"latest becomes an exact pin", map[string]string{"compose.yaml": "services: {n8n: {image: 'n8nio/n8n:latest'}}\n"},
			Pin{"n8n", "2.41.3"}, map[string]string{"compose.yaml": "services: {n8n: {image: 'n8nio/n8n:2.41.3'}}\n"}},
		{"no tag", map[string]string{"compose.yaml": "services:\n  r: {image: redis}\n"},
			Pin{"redis", "7.4.0"}, map[string]string{"compose.yaml": "services:\n  r: {image: redis:7.4.0}\n"}},
		{"a digest goes with its tag", map[string]string{"compose.yaml": "services:\n  r:\n    image: redis:7.2.4@sha256:" + strings.Repeat("a", 64) + "\n"},
			Pin{"r", "7.4.0"}, map[string]string{"compose.yaml": "services:\n  r:\n    image: redis:7.4.0\n"}},
		{"a digest is set", map[string]string{"compose.yaml": "services:\n  r:\n    image: redis:7.2.4\n"},
			Pin{"r", "7.4.0@sha256:" + strings.Repeat("b", 64)}, map[string]string{"compose.yaml": "services:\n  r:\n    image: redis:7.4.0@sha256:" + strings.Repeat("b", 64) + "\n"}},
		{"anchor", map[string]string{"compose.yaml": "x-d: &d\n  image: redis:7.2.4\nservices:\n  a: *d\n  b:\n    <<: *d\n    command: x\n"},
			Pin{"redis", "7.4.0"}, map[string]string{"compose.yaml": "x-d: &d\n  image: redis:7.4.0\nservices:\n  a: *d\n  b:\n    <<: *d\n    command: x\n"}},
		{"default", map[string]string{"compose.yaml": "services:\n  r:\n    image: redis:${TAG:-7.2.4}\n"},
			Pin{"r", "7.4.0"}, map[string]string{"compose.yaml": "services:\n  r:\n    image: redis:${TAG:-7.4.0}\n"}},
		{"default of a whole image", map[string]string{"compose.yaml": "services:\n  r:\n    image: ${REDIS:-redis}\n"},
			Pin{"r", "7.4.0"}, map[string]string{"compose.yaml": "services:\n  r:\n    image: ${REDIS:-redis:7.4.0}\n"}},
		{".env", map[string]string{"compose.yaml": "services:\n  r:\n    image: redis:${TAG:-1}\n", ".env": "A=canary-secret\nTAG='7.2.4' # mind\nB=7.2.4\n"},
			Pin{"r", "7.4.0"}, map[string]string{".env": "A=canary-secret\nTAG='7.4.0' # mind\nB=7.2.4\n"}},
		{".env has the whole image", map[string]string{"compose.yaml": "services:\n  r:\n    image: ${REDIS}\n", ".env": "REDIS=\"redis:7.2.4\"\n"},
			Pin{"r", "7.4.0"}, map[string]string{".env": "REDIS=\"redis:7.4.0\"\n"}},
		{"the group goes along", map[string]string{"compose.yaml": "services:\n  api: {image: langgenius/dify-api:1.13.0}\n  worker: {image: langgenius/dify-api:1.13.0}\n  web: {image: langgenius/dify-web:1.13.0}\n  r: {image: redis:7.2.4}\n"},
			Pin{"langgenius/dify-web", "1.13.3"}, map[string]string{"compose.yaml": "services:\n  api: {image: langgenius/dify-api:1.13.3}\n  worker: {image: langgenius/dify-api:1.13.3}\n  web: {image: langgenius/dify-web:1.13.3}\n  r: {image: redis:7.2.4}\n"}},
		{"override file", map[string]string{"compose.yaml": "services:\n  r: {image: redis:7.0.0}\n", "compose.override.yaml": "services:\n  r: {image: redis:7.2.4}\n"},
			Pin{"r", "7.4.0"}, map[string]string{"compose.override.yaml": "services:\n  r: {image: redis:7.4.0}\n"}},
		{"include and extends", map[string]string{"compose.yaml": "include: [more.yaml]\nservices:\n  a: {extends: {file: base.yaml, service: t}}\n", "more.yaml": "services:\n  b: {image: redis:7.2.4}\n", "base.yaml": "services:\n  t: {image: redis:7.2.4}\n"},
			Pin{"redis", "7.4.0"}, map[string]string{"more.yaml": "services:\n  b: {image: redis:7.4.0}\n", "base.yaml": "services:\n  t: {image: redis:7.4.0}\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, tt.files)
			h.start()
			r := h.want(Mode{Set: []Pin{tt.pin}})
			got := map[string]string{}
			for _, path := range r.changedFiles() {
				got[strings.TrimPrefix(path, h.dir+"/")] = string(r.New[path].Data)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			for path, text := range tt.files {
				if old := string(r.Old[h.dir+"/"+path].Data); old != text {
					t.Errorf("the old %s is %q", path, old)
				}
			}
		})
	}
}

// TestSetRefuses: what --set cannot do without touching something else.
func TestSetRefuses(t *testing.T) {
	one := "services:\n  r: {image: redis:7.2.4}\n"
	tests := []struct {
		name, compose, env string
		set                []Pin
		kind               Kind
		says               string
	}{
		{"not there", one, "", []Pin{{"nginx", "1"}}, Choice, "found nginx, needed r"},
		{"no tag", one, "", []Pin{{"r", "a b"}}, Choice, "no tag"},
		{"two versions", one, "", []Pin{{"r", "7.4.0"}, {"redis", "7.4.1"}}, Choice, "two versions for r"},
		{"older", one, "", []Pin{{"r", "7.0.0"}}, Downgrade, "found redis:7.2.4, needed redis:7.0.0"},
		{"older, of .env", "services:\n  r: {image: 'redis:${T}'}\n", "T=7.2.4\n", []Pin{{"r", "7.0.0"}}, Downgrade, "older"},
		{"an older major PostgreSQL", "services:\n  db: {image: 'pgvector/pgvector:0.8.0-pg17'}\n", "", []Pin{{"db", "0.8.0-pg16"}}, Major, "found PostgreSQL 17, needed PostgreSQL 16"},
		{"a value that others take", "services:\n  r: {image: 'redis:${T}'}\n  n: {image: 'nginx:${T}'}\n", "T=7.2.4\n", []Pin{{"r", "7.4.0"}}, Files, "image of n would change as well"},
		{"built", "services:\n  r: {image: mine/r:1, build: .}\n", "", []Pin{{"r", "2"}}, Choice, "built here"},
		{"put together", "services:\n  r: {image: 'redis:${A}.${B}'}\n", "A=7\nB=2\n", []Pin{{"r", "8.4"}}, Files, "parts that cannot be edited"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, map[string]string{"compose.yaml": tt.compose, ".env": tt.env})
			h.start()
			_, err := h.compute(Mode{Set: tt.set})
			refused(t, err, tt.kind, tt.says)
			if tt.env != "" && (strings.Contains(err.Error(), "7.2.4") || strings.Contains(err.Error(), "7.0.0")) {
				t.Errorf("the error says a value of .env: %v", err)
			}
		})
	}
}
