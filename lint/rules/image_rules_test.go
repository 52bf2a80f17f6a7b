package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint"
)

// imageRules are the rules that look at images alone.
var imageRules = []string{"image-tag-missing", "image-tag-floating", "image-pin-major", "image-pin-exact", "image-digest-required",
	"group-tag-mismatch", "companion-mismatch", "image-variable-unset", "image-downgrade", "image-major-jump", "review-required", "record-stale"}

// runImageRules gives "line severity rule" of what they find, sorted.
func runImageRules(t *testing.T, ex *example) ([]string, []*lint.Finding) {
	t.Helper()
	var out []string
	var all []*lint.Finding
	for _, r := range All() {
		if !slices.Contains(imageRules, r.ID) || r.NeedsBase && !ex.hasBase() {
			continue
		}
		for _, f := range ex.check(t, r) {
			checkFinding(t, f)
			at := fmt.Sprintf("%d %s %s", f.Line, f.Severity, f.Rule)
			if f.File != "compose.yaml" {
				at = f.File + ":" + at
			}
			out, all = append(out, at), append(all, f)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), all
}

func TestImageRules(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"one mistake is one finding", `
-- compose.yaml --
services:
  a: {image: redis}
  b: {image: "redis:latest"}
  c: {image: "redis:alpine"}
  d: {image: "redis:7-alpine"}
  e: {image: nginx}
  f: {image: "nginx:alpine"}
  g: {image: "n8nio/n8n:2"}
`, []string{"2 error image-tag-missing", "3 error image-tag-floating", "4 error image-pin-major", "6 warning image-tag-missing",
			"7 warning image-tag-floating", "8 warning image-pin-exact"}},
		{"dev lets Dify float, and not the sandbox", `environment: dev
-- compose.yaml --
services:
  a: {image: "langgenius/dify-api:latest"}
  b: {image: langgenius/dify-web}
  c: {image: "langgenius/dify-sandbox:latest"}
  d: {image: nginx}
`, []string{"4 error image-tag-floating"}},
		{"a port is no tag", "-- compose.yaml --\nservices:\n  a:\n    image: 127.0.0.1:5000/customer\n",
			[]string{"3 warning image-tag-missing"}},
		{"what is built here is not pulled", "-- compose.yaml --\nservices:\n  a:\n    image: langgenius/dify-api\n    build: .\n  b:\n    build: .\n", nil},
		{"a digest pins", "-- compose.yaml --\nservices:\n  a:\n    image: redis:latest@sha256:" + strings.Repeat("ab", 32) + "\n", nil},
		{"of a service that is off, a note", "-- compose.yaml --\nservices:\n  a:\n    image: redis\n    profiles: [x]\n", []string{"3 note image-tag-missing"}},
		{"the default is where to edit", "-- compose.yaml --\nservices:\n  a:\n    image: >-\n      langgenius/dify-api:${V:-latest}\n", []string{"3 error image-tag-floating"}},
		{"the env file is where to edit", "-- .env --\nA=1\nV=latest\n-- compose.yaml --\nservices:\n  a:\n    image: langgenius/dify-api:${V}\n",
			[]string{".env:2 error image-tag-floating"}},
		{"an empty variable stands in the env file", "-- .env --\nV=\n-- compose.yaml --\nservices:\n  a:\n    image: redis:${V}\n", []string{".env:1 error image-variable-unset"}},
		{"without an env file it may be set elsewhere", "-- compose.yaml --\nservices:\n  a:\n    image: redis:${V}\n", []string{"3 warning image-variable-unset"}},
		{"the inner variable is the one without value", "-- .env --\nX=1\n-- compose.yaml --\nservices:\n  a:\n    image: redis:${V:-${W}}\n", []string{"3 error image-variable-unset"}},
		{"a prefix may be empty", "-- .env --\nX=1\n-- compose.yaml --\nservices:\n  a:\n    image: ${PREFIX}redis:7\n", nil},
		{"registries of one image are one", `
-- compose.yaml --
services:
  a: {image: "docker.n8n.io/n8nio/n8n:2.41.3"}
  b: {image: "ghcr.io/n8n-io/n8n:2.41.2"}
  c: {image: "n8nio/runners:2.41.3"}
`, []string{"3 error group-tag-mismatch"}},
		{"of two the older one", `
-- compose.yaml --
services:
  a: {image: "n8nio/n8n:2.41.3"}
  b: {image: "n8nio/runners:2.40.0"}
`, []string{"3 error group-tag-mismatch"}},
		{"v is no other tag, and none is latest", `environment: dev
-- compose.yaml --
services:
  a: {image: "langgenius/dify-api:latest"}
  b: {image: langgenius/dify-web}
  c: {image: "n8nio/n8n:v2.41.3"}
  d: {image: "n8nio/runners:2.41.3"}
`, nil},
		{"an unknown release is a note, once", `
-- compose.yaml --
services:
  a: {image: "langgenius/dify-api:1.99.0"}
  b: {image: "langgenius/dify-sandbox:0.2.15"}
  c: {image: "langgenius/dify-plugin-daemon:0.6.3-local"}
`, []string{"2 note companion-mismatch"}},
		{"companions by direction", `
-- compose.yaml --
services:
  a: {image: "langgenius/dify-api:1.13.3"}
  b: {image: "langgenius/dify-sandbox:0.2.15"}
  c: {image: "langgenius/dify-plugin-daemon:0.5.2-local"}
  d: {image: "semitechnologies/weaviate:1.27.5"}
  e: {image: "langgenius/dify-agent-backend:1.13.3"}
`, []string{"3 warning companion-mismatch", "4 error companion-mismatch", "5 note companion-mismatch", "6 warning companion-mismatch"}},
		{"agent images of another release are the group's matter", `
-- compose.yaml --
services:
  a: {image: "langgenius/dify-api:1.16.1"}
  e: {image: "langgenius/dify-agent-backend:1.16.0"}
`, []string{"3 error group-tag-mismatch"}},
		{"another variant of the same companion is a choice", `
-- compose.yaml --
services:
  a: {image: "langgenius/dify-api:1.13.3"}
  c: {image: "langgenius/dify-plugin-daemon:0.5.3-serverless"}
`, nil},
		{"a Weaviate that Dify does not use is free", `
-- compose.yaml --
services:
  a: {image: "langgenius/dify-api:1.13.3", environment: {VECTOR_STORE: pgvector}}
  d: {image: "semitechnologies/weaviate:1.19.0"}
`, nil},
		{"a Dify that floats ships nothing", `environment: dev
-- compose.yaml --
services:
  a: {image: "langgenius/dify-api:latest"}
  b: {image: "langgenius/dify-sandbox:0.2.1"}
`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := runImageRules(t, parseExample(t, tt.text))
			if !slices.Equal(got, tt.want) {
				t.Errorf("want %q, got %q", tt.want, got)
			}
		})
	}
}

func TestImageChangeRules(t *testing.T) {
	tests := []struct {
		old, now string
		want     []string
	}{
		{"langgenius/dify-api:1.10.1", "langgenius/dify-api:1.10.1-fix.1", nil},
		{"langgenius/dify-api:1.10.1-fix.1", "langgenius/dify-api:1.10.1", []string{"error image-downgrade"}},
		{"langgenius/dify-api:2.0.0-beta.2", "langgenius/dify-api:1.9.0", nil},
		{"langgenius/dify-api:1.9.0", "langgenius/dify-api:2.0.0-beta.2", []string{"error image-downgrade"}},
		{"langgenius/dify-api:0.15.8", "langgenius/dify-api:1.0.0", []string{"warning image-major-jump"}},
		{"n8nio/n8n:1.123.5", "ghcr.io/n8n-io/n8n:2.41.3", []string{"warning image-major-jump"}},
		{"n8nio/n8n:stable", "n8nio/n8n:2.41.3", nil},
		{"pgvector/pgvector:pg16", "pgvector/pgvector:pg17", []string{"error image-major-jump"}},
		{"pgvector/pgvector:pg16", "pgvector/pgvector:0.8.6-pg16", nil},
		{"pgvector/pgvector:0.8.6-pg16", "pgvector/pgvector:0.8.5-pg16", []string{"error image-downgrade"}},
		{"postgres:15-alpine", "pgvector/pgvector:pg16", []string{"error image-major-jump"}},
		{"postgres:16", "pgvector/pgvector:pg15", []string{"error image-downgrade"}},
		{"postgres:16.4", "postgres:16.10", nil},
		{"redis:7.2.4", "redis:8-alpine", []string{"warning image-major-jump"}},
		{"redis:7-alpine", "redis:7.2.4-alpine", nil},
		{"redis:7-alpine", "valkey/valkey:8-alpine", nil},
		{"semitechnologies/weaviate:1.27.0", "semitechnologies/weaviate:1.28.4", nil},
		{"semitechnologies/weaviate:1.27.0", "semitechnologies/weaviate:1.39.2", []string{"error image-major-jump"}},
		{"nginx:1.28.0", "nginx:1.26.3", []string{"warning image-downgrade"}},
		{"minio/minio:RELEASE.2023-03-20T20-16-18Z", "minio/minio:RELEASE.2024-01-01T00-00-00Z", nil},
		{"langgenius/dify-sandbox:0.2.12", "langgenius/dify-sandbox:0.2.12", nil},
		{"langgenius/dify-sandbox:0.2.12", "langgenius/dify-sandbox:0.2.14", []string{"error review-required"}},
		{"langgenius/dify-plugin-daemon:0.5.4-local", "langgenius/dify-plugin-daemon:0.5.3-local", []string{"error image-downgrade", "error review-required"}},
	}
	for _, tt := range tests {
		for _, service := range []string{"x", "renamed"} {
			text := fmt.Sprintf("-- base/compose.yaml --\nservices:\n  x:\n    image: %s\n-- compose.yaml --\nservices:\n  %s:\n    image: %s\n", tt.old, service, tt.now)
			if service == "renamed" && imageName(tt.old) != imageName(tt.now) {
				continue // nothing says that it is the same service
			}
			got, _ := runImageRules(t, parseExample(t, text))
			var want []string
			for _, w := range tt.want {
				want = append(want, "3 "+w)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s from %s to %s: want %q, got %q", service, tt.old, tt.now, want, got)
			}
		}
	}
}

func imageName(s string) string {
	name, _, _ := strings.Cut(s, ":")
	return name
}

// Dify 1.13.3 went back to plugin daemon 0.5.3, which is as it should be.
func TestDowngradeThatDifyShips(t *testing.T) {
	got, fs := runImageRules(t, parseExample(t, `labels: release-notes-reviewed
-- base/compose.yaml --
services:
  api: {image: "langgenius/dify-api:1.13.2"}
  daemon: {image: "langgenius/dify-plugin-daemon:0.5.4-local"}
-- compose.yaml --
services:
  api: {image: "langgenius/dify-api:1.13.3"}
  daemon: {image: "langgenius/dify-plugin-daemon:0.5.3-local"}
`))
	if want := []string{"3 note image-downgrade"}; !slices.Equal(got, want) {
		t.Errorf("want %q, got %q %v", want, got, fs)
	}
}

// A new digest under an old tag is a change as well.
func TestReviewOfADigest(t *testing.T) {
	_, fs := runImageRules(t, parseExample(t, "labels:\n-- base/compose.yaml --\nservices:\n  a:\n    image: langgenius/dify-sandbox:0.2.14\n-- compose.yaml --\nservices:\n  a:\n    image: langgenius/dify-sandbox:0.2.14@sha256:"+strings.Repeat("ab", 32)+"\n"))
	if len(fs) != 1 || !strings.Contains(fs[0].Message, "to another digest of 0.2.14,") {
		t.Errorf("got %v", fs)
	}
}

// Offline the labels are unknown, which is said, and is not a missing label.
func TestReviewIsUnknownOffline(t *testing.T) {
	const files = "-- base/compose.yaml --\nservices:\n  a:\n    image: langgenius/dify-sandbox:0.2.12\n-- compose.yaml --\nservices:\n  a:\n    image: langgenius/dify-sandbox:0.2.14\n"
	for settings, want := range map[string]string{"": "not known here", "labels:\n": "has no label", "labels: x release-notes-reviewed\n": ""} {
		_, fs := runImageRules(t, parseExample(t, settings+files))
		switch {
		case want == "" && len(fs) == 0:
		case len(fs) != 1 || fs[0].Rule != "review-required" || want == "" || !strings.Contains(fs[0].Message, want):
			t.Errorf("%q: want %q, got %v", settings, want, fs)
		}
	}
}
