package image

import (
	"strings"
	"testing"
)

func ref(t *testing.T, s string) Ref {
	t.Helper()
	r, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRead(t *testing.T) {
	tests := []struct {
		ref     string
		pin     Pin
		version string
		variant string
		pg      int
	}{
		{"redis", Floating, "", "", 0},
		{"redis:latest", Floating, "", "latest", 0},
		{"redis:alpine", Floating, "", "alpine", 0},
		{"redis:alpine3.19", Floating, "", "alpine3.19", 0},
		{"redis:7", Major, "7", "", 0},
		{"redis:7-alpine", Major, "7", "alpine", 0},
		{"redis:7.2-alpine", Minor, "7.2", "alpine", 0},
		{"redis:7.2.4-alpine3.19", Exact, "7.2.4", "alpine3.19", 0},
		{"redis:7-latest", Major, "7", "latest", 0},
		{"valkey/valkey:8.1-bookworm", Minor, "8.1", "bookworm", 0},
		{"postgres:15-alpine", Major, "15", "alpine", 15},
		{"postgres:15", Major, "15", "", 15},
		{"postgres:16.4", Exact, "16.4", "", 16},
		{"postgres:9.6", Major, "9.6", "", 9},
		{"postgres:9.6.24", Exact, "9.6.24", "", 9},
		{"postgres:18beta2-trixie", Exact, "18-beta.2", "trixie", 18},
		{"postgres:latest", Floating, "", "latest", 0},
		{"postgres:alpine3.20", Floating, "", "alpine3.20", 0},
		{"public.ecr.aws/docker/library/postgres:15.4", Exact, "15.4", "", 15},
		{"acme/postgres:15.4", Minor, "15.4", "", 0},
		{"pgvector/pgvector:pg16", Major, "", "", 16},
		{"pgvector/pgvector:pg16-trixie", Major, "", "trixie", 16},
		{"pgvector/pgvector:0.8.6-pg16", Exact, "0.8.6", "", 16},
		{"pgvector/pgvector:0.8.6-pg16-trixie", Exact, "0.8.6", "trixie", 16},
		{"pgvector/pgvector:latest", Floating, "", "latest", 0},
		{"tensorchord/pgvecto-rs:pg16-v0.3.0", Exact, "0.3.0", "", 16},
		{"timescale/timescaledb:latest-pg16", Major, "", "latest", 16},
		{"timescale/timescaledb-ha:pg16.4-ts2.16", Minor, "2.16", "", 16},
		{"postgis/postgis:16-3.4-alpine", Minor, "3.4", "alpine", 16},
		{"ghcr.io/immich-app/postgres:14-vectorchord0.4.3", Exact, "0.4.3", "", 14},
		{"supabase/postgres:15.8.1.060", Exact, "15.8.1.60", "", 15},
		{"langgenius/dify-api:1.13.3", Exact, "1.13.3", "", 0},
		{"langgenius/dify-api:1.10.1-fix.1", Exact, "1.10.1-fix.1", "", 0},
		{"langgenius/dify-api:v0.8.3-fix1", Exact, "0.8.3-fix.1", "", 0},
		{"langgenius/dify-api:0.3.31-fix3", Exact, "0.3.31-fix.3", "", 0},
		{"langgenius/dify-api:1.10.0-rc1", Exact, "1.10.0-rc.1", "", 0},
		{"langgenius/dify-api:1.0.0-beta.1", Exact, "1.0.0-beta.1", "", 0},
		{"langgenius/dify-api:0.10.0-beta1", Exact, "0.10.0-beta.1", "", 0},
		{"langgenius/dify-api:0.15.6-alpha.1", Exact, "0.15.6-alpha.1", "", 0},
		{"langgenius/dify-api:0.6.0-preview-workflow.1", Exact, "0.6.0-preview", "workflow.1", 0},
		{"langgenius/dify-api:main", Floating, "", "main", 0},
		{"langgenius/dify-api:deploy-dev", Floating, "", "deploy-dev", 0},
		{"langgenius/dify-api:59b879d2df0123456789abcdef0123456789abcd", Exact, "", "59b879d2df0123456789abcdef0123456789abcd", 0},
		{"langgenius/dify-plugin-daemon:0.6.3-local", Exact, "0.6.3", "local", 0},
		{"langgenius/dify-plugin-daemon:0.6.3-serverless", Exact, "0.6.3", "serverless", 0},
		{"langgenius/dify-plugin-daemon:0.3.0b1-local", Exact, "0.3.0-beta.1", "local", 0},
		{"langgenius/dify-plugin-daemon:main-local", Floating, "", "main-local", 0},
		{"n8nio/n8n:stable", Floating, "", "stable", 0},
		{"n8nio/n8n:next", Floating, "", "next", 0},
		{"n8nio/n8n:beta", Floating, "", "beta", 0},
		{"docker.n8n.io/n8nio/n8n:1.99.0", Exact, "1.99.0", "", 0},
		{"n8nio/n8n:2", Major, "2", "", 0},
		{"langgenius/qdrant:v1.8.3", Exact, "1.8.3", "", 0},
		{"minio/minio:RELEASE.2023-03-20T20-16-18Z", Exact, "2023.3.20.201618", "", 0},
		{"ubuntu:22.04", Minor, "22.4", "", 0},
		{"ubuntu:jammy-20240111", Exact, "2024.1.11", "", 0},
		{"debian:bookworm-slim", Major, "", "bookworm-slim", 0},
		{"nginx:bookworm", Floating, "", "bookworm", 0},
		{"nginx:stable-alpine3.19", Floating, "", "stable-alpine3.19", 0},
		{"jenkins/jenkins:lts-jdk17", Floating, "", "lts-jdk17", 0},
		{"acme/app:20240115", Exact, "2024.1.15", "", 0},
		{"acme/app:nightly-20240115", Exact, "2024.1.15", "", 0},
		{"acme/app:8-20240115", Exact, "8-20240115", "", 0},
		{"acme/app:48213", Exact, "48213", "", 0},
		{"acme/app:1234", Exact, "1234", "", 0},
		{"acme/app:2022", Major, "2022", "", 0},
		{"acme/app:sha-5c6372d2f7", Exact, "", "sha-5c6372d2f7", 0},
		{"acme/app:5c6372d", Exact, "", "5c6372d", 0},
		{"acme/app:main-5c6372d", Exact, "", "main-5c6372d", 0},
		{"acme/app:python3.11-slim", Minor, "3.11", "slim", 0},
		{"acme/app:release-1.2.3", Exact, "1.2.3", "", 0},
		{"acme/app:2.4.0.RELEASE", Exact, "2.4.0", "RELEASE", 0},
		{"acme/app:1.2.3.4.5", Exact, "1.2.3.4-5", "", 0},
		{"opengauss/opengauss:7.0.0-RC1", Exact, "7.0.0-rc.1", "", 0},
		{"oceanbase/oceanbase-ce:4.3.5-lts", Exact, "4.3.5", "lts", 0},
		{"acme/app:1.2.3-dev", Exact, "1.2.3", "dev", 0},
		{"acme/app:99999999999999999999999", Exact, "", "99999999999999999999999", 0},
		{"acme/app:8.14.3-2", Exact, "8.14.3-2", "", 0},
	}
	for _, tt := range tests {
		r := ref(t, tt.ref)
		got := r.Read()
		if got.Pin != tt.pin || got.Version.String() != tt.version || got.Variant != tt.variant {
			t.Errorf("%s: want %s %q %q, got %s %q %q", tt.ref, tt.pin, tt.version, tt.variant, got.Pin, got.Version, got.Variant)
		}
		if pg, ok := PostgresMajor(r); pg != tt.pg || ok != (tt.pg > 0) {
			t.Errorf("%s: want PostgreSQL %d, got %d, %v", tt.ref, tt.pg, pg, ok)
		}
	}
}

func TestChannel(t *testing.T) {
	for tag, want := range map[string]bool{"latest": true, "stable-alpine3.19": true, "main": true, "alpine": false, "bookworm": false, "1.2.3": false, "2022-latest": false} {
		if got := ref(t, "acme/app:"+tag).Read().Channel(); got != want {
			t.Errorf("%s: want %v, got %v", tag, want, got)
		}
	}
}

func TestPin(t *testing.T) {
	if got := ref(t, "redis:7@sha256:"+strings.Repeat("0", 64)).Pin(); got != Digest {
		t.Errorf("with a digest: got %s", got)
	}
	if got := ref(t, "redis:7").Pin(); got != Major {
		t.Errorf("without one: got %s", got)
	}
}

func TestCompare(t *testing.T) {
	tests := []struct {
		image, old, now string
		want            Order
	}{
		{"langgenius/dify-api", "1.10.1", "1.10.1-fix.1", Newer}, // semver says older
		{"langgenius/dify-api", "1.10.1-fix.1", "1.11.0", Newer},
		{"langgenius/dify-api", "0.3.31-fix1", "0.3.31-fix3", Newer},
		{"langgenius/dify-api", "1.10.1-fix.1", "1.10.1", Older},
		{"langgenius/dify-api", "v0.8.3-fix1", "0.8.3-fix.1", Equal},
		{"langgenius/dify-api", "1.14.0-rc1", "1.14.0", Newer},
		{"langgenius/dify-api", "1.13.3", "1.14.0-rc1", Newer},
		{"langgenius/dify-api", "0.10.0-beta1", "1.0.0-beta.1", Newer},
		{"langgenius/dify-api", "1.0.0-beta.2", "1.0.0-beta.10", Newer},
		{"langgenius/dify-api", "latest", "1.14.0", Unknown},
		{"langgenius/dify-api", "latest", "latest", Unknown},
		{"langgenius/dify-plugin-daemon", "0.5.4-local", "0.5.3-local", Older},
		{"langgenius/dify-plugin-daemon", "0.3.0b1-local", "0.3.0-local", Newer},
		{"langgenius/dify-plugin-daemon", "0.6.3-local", "0.6.3-serverless", Unknown},
		{"n8nio/n8n", "1.99.0", "1.123.4", Newer},
		{"n8nio/n8n", "stable", "next", Unknown},
		{"redis", "6-alpine", "7.2.4", Newer},
		{"redis", "7", "7.2.4", Unknown},
		{"redis", "7-alpine", "7-alpine", Equal},
		{"redis", "7.2", "7", Unknown},
		{"redis", "7.2.4-alpine", "7.2.4-bookworm", Equal},
		{"redis", "8.0-rc1", "8.0", Unknown},
		{"postgres", "16.4-alpine", "16.10-alpine", Newer},
		{"postgres", "15-alpine", "16.4", Newer},
		{"pgvector/pgvector", "pg16", "pg15", Older},
		{"pgvector/pgvector", "0.8.5-pg16", "0.8.6-pg16", Newer},
		{"pgvector/pgvector", "0.8.6-pg16", "0.8.5-pg17", Newer}, // the server decides
		{"pgvector/pgvector", "pg16", "0.8.6-pg16", Unknown},
		{"pgvector/pgvector", "0.8.6-pg16", "latest", Unknown},
		{"minio/minio", "RELEASE.2023-03-20T20-16-18Z", "RELEASE.2024-01-01T00-00-00Z", Newer},
		{"acme/app", "8.1", "2024.1.2", Unknown}, // a new numbering
		{"acme/app", "python3.11", "node20", Unknown},
		{"acme/app", "8.14.3", "8.14.3-1", Unknown},
		{"acme/app", "8.14.3-1", "8.14.3-2", Newer},
		{"acme/app", "1.2.3", "1.2.3-dev", Unknown},
		{"acme/app", "5c6372d", "5c6372e", Unknown},
		{"acme/app", "1.2.3", "1.2.3.1", Newer},
	}
	for _, tt := range tests {
		a, b := ref(t, tt.image+":"+tt.old), ref(t, tt.image+":"+tt.now)
		if got := Compare(a, b); got != tt.want {
			t.Errorf("%s from %s to %s: want %s, got %s", tt.image, tt.old, tt.now, tt.want, got)
		}
		back := map[Order]Order{Newer: Older, Older: Newer, Equal: Equal, Unknown: Unknown}[tt.want]
		if got := Compare(b, a); got != back {
			t.Errorf("%s back from %s to %s: want %s, got %s", tt.image, tt.now, tt.old, back, got)
		}
	}
}

func TestCompareNames(t *testing.T) {
	tests := []struct {
		old, now string
		want     Order
	}{
		{"n8nio/n8n:1.98.0", "ghcr.io/n8n-io/n8n:1.99.0", Newer},
		{"docker.n8n.io/n8nio/n8n:1.98.0", "n8nio/n8n:1.98.0", Equal},
		{"redis:7", "mirror.gcr.io/library/redis:6", Older},
		{"redis:7", "valkey/valkey:8", Unknown},
		{"acme/app:2", "quay.io/acme/app:3", Unknown},
	}
	for _, tt := range tests {
		if got := Compare(ref(t, tt.old), ref(t, tt.now)); got != tt.want {
			t.Errorf("%s to %s: want %s, got %s", tt.old, tt.now, tt.want, got)
		}
	}
}

func TestSystem(t *testing.T) {
	tests := []struct {
		ref, system, release string
		libc                 Libc
	}{
		{"postgres:15-alpine", "alpine", "", Musl},
		{"postgres:15.4-alpine3.18", "alpine", "3.18", Musl},
		{"postgres:15", "debian", "", Glibc},
		{"postgres:15-bookworm", "debian", "bookworm", Glibc},
		{"postgres:18-trixie", "debian", "trixie", Glibc},
		{"postgres:alpine3.20", "alpine", "3.20", Musl},
		{"pgvector/pgvector:pg16", "debian", "", Glibc},
		{"pgvector/pgvector:0.8.6-pg16-trixie", "debian", "trixie", Glibc},
		{"postgis/postgis:16-3.4-alpine", "alpine", "", Musl},
		{"timescale/timescaledb:latest-pg16", "alpine", "", Musl},
		{"timescale/timescaledb-ha:pg16", "ubuntu", "", Glibc},
		{"ubuntu:jammy", "ubuntu", "jammy", Glibc},
		{"acme/app:1", "", "", LibcUnknown},
		{"acme/app:1-slim", "debian", "", Glibc},
		{"postgres@sha256:" + strings.Repeat("0", 64), "", "", LibcUnknown},
	}
	for _, tt := range tests {
		r := ref(t, tt.ref)
		d, rel := r.System()
		if d != tt.system || rel != tt.release || r.Libc() != tt.libc {
			t.Errorf("%s: want %s %q %s, got %s %q %s", tt.ref, tt.system, tt.release, tt.libc, d, rel, r.Libc())
		}
	}
}

func FuzzTag(f *testing.F) {
	for _, s := range []string{"pg16", "0.8.6-pg16-trixie", "7.2.4-alpine", "1.10.1-fix.1", "0.3.0b1-local", "RELEASE.2023-03-20T20-16-18Z", "lts-jdk17", "18beta2", "9.6", "v1.8.3", "99999999999999999999"} {
		f.Add(s, "1.2.3")
	}
	paths := []string{"acme/app", "library/postgres", "pgvector/pgvector", "postgis/postgis", "langgenius/dify-api", "library/debian"}
	f.Fuzz(func(t *testing.T, s, u string) {
		for _, path := range paths {
			a, b := Ref{Registry: "docker.io", Path: path, Tag: s}, Ref{Registry: "docker.io", Path: path, Tag: u}
			got := a.Read()
			if got.Pin > Exact {
				t.Errorf("%s:%q: pin %d", path, s, got.Pin)
			}
			if got.Pin == Floating && !got.Version.IsZero() {
				t.Errorf("%s:%q: floating with version %s", path, s, got.Version)
			}
			there, back := Compare(a, b), Compare(b, a)
			if (there == Newer) != (back == Older) || (there == Unknown) != (back == Unknown) {
				t.Errorf("%s: %q to %q is %s, back is %s", path, s, u, there, back)
			}
			a.System()
			PostgresMajor(a)
		}
	})
}
