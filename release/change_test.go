package release

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release/catalog"
)

const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestJump(t *testing.T) {
	cat := catalog.Load()
	for _, c := range []struct {
		old, now string
		want     Jump
	}{
		{"n8nio/n8n:1.98.0", "n8nio/n8n:1.97.0", Downgrade},
		{"n8nio/n8n:1.98.0", "n8nio/n8n:1.98.2", Patch},
		{"n8nio/n8n:1.98.0", "n8nio/n8n:1.99.0", Minor},
		{"n8nio/n8n:1.123.4", "n8nio/n8n:2.0.0", Major},
		{"weaviate:1.27.0-a", "weaviate:1.27.0-b", Unclear},

		{"postgres:16", "postgres:17", PostgresMajor},
		{"postgres:16.4-alpine", "postgres:17.1", PostgresMajor},
		{"pgvector/pgvector:pg16", "pgvector/pgvector:pg17", PostgresMajor},
		{"pgvector/pgvector:0.8.6-pg16", "pgvector/pgvector:0.8.6-pg17", PostgresMajor},
		{"postgres:15", "pgvector/pgvector:pg16", PostgresMajor},
		{"postgres:17", "postgres:16", Downgrade},
		{"pgvector/pgvector:pg17", "pgvector/pgvector:0.8.6-pg16", Downgrade},
		{"postgres:17", "pgvector/pgvector:pg16", Downgrade},
		{"postgres:16.3", "postgres:16.4", Minor},
		{"pgvector/pgvector:0.8.5-pg16", "pgvector/pgvector:0.8.6-pg16", Patch},

		{"n8nio/n8n", "n8nio/n8n:1.99.0", Floating},
		{"n8nio/n8n:latest", "n8nio/n8n:1.2.3", Floating},
		{"n8nio/n8n:1.2.3", "n8nio/n8n:stable", Floating},
		{"redis:7-alpine", "redis:8-alpine", Major},
		{"redis:7-alpine", "redis:7.2.4-alpine", Unclear},
		{"redis:7.2.4" + digest, "redis:7.2.4", DigestOnly},
		{"redis:latest", "redis:latest" + digest, DigestOnly},

		{"langgenius/dify-api:1.10.1", "langgenius/dify-api:1.10.1-fix.1", PostRelease},
		{"langgenius/dify-api:1.10.1-fix.1", "langgenius/dify-api:1.10.1", Downgrade},
		{"langgenius/dify-api:1.10.1-fix.1", "langgenius/dify-api:1.11.0", Minor},
		{"langgenius/dify-api:1.15.0", "langgenius/dify-api:1.16.0-rc1", PreRelease},
		{"langgenius/dify-api:1.16.0-rc1", "langgenius/dify-api:1.16.0", Patch},
		{"langgenius/dify-api:2.0.0-beta.2", "langgenius/dify-api:1.9.0", Major},
		{"langgenius/dify-api:1.9.0", "langgenius/dify-api:2.0.0-beta.2", Downgrade},

		{"redis:7.2.4-alpine", "redis:7.2.4-bookworm", Rebuild},
		{"postgres:16", "pgvector/pgvector:pg16", OtherImage},
		{"redis:7.2", "valkey/valkey:7.2", OtherImage},
		{"acme/a:1", "acme/b:2", OtherImage},
		{"n8nio/n8n:1.98.0", "ghcr.io/n8n-io/n8n:1.99.0", Minor},
		{"langgenius/dify-api:1.15.0", "registry.example.com/langgenius/dify-api:1.15.1", Patch},
		{"minio/minio:RELEASE.2024-01-16T16-07-38Z", "minio/minio:RELEASE.2025-02-03T21-03-04Z", Minor},
		{"acme/app:2024.12.1", "acme/app:2025.1.0", Minor},
		{"acme/app:2025.1.0", "acme/app:2025.1.2", Patch},
	} {
		if got := jump(cat, parse(t, c.old), parse(t, c.now)); got != c.want {
			t.Errorf("%s to %s: %s, want %s", c.old, c.now, got, c.want)
		}
	}
}

func TestNoteOfAChange(t *testing.T) {
	for _, c := range []struct{ old, now, want string }{
		{"redis:8.0.0", "redis:7.4.0", "older than what runs: its data may not open; the way down is a rollback"},
		{"nginx:1.28.0", "nginx:1.27.0", "older than what runs; the way down is a rollback"},
		{"redis:latest", "redis:latest" + digest, "the tag stays: another build of it"},
		{"redis:latest" + digest, "redis:latest", "the tag stays and names no version: only the digest says what runs"},
		{"redis:7.2.4", "redis:latest", "the new tag names no version: the digest decides at run time"},
		{"redis:latest", "redis:7.2.4", "the old tag names no version: what runs today is known on the host alone"},
		{"redis:7.2.4", "redis:7.2.5", ""},
	} {
		s := bump(t, c.old, c.now)
		if got := Changes(s.Base, s.Head, s.Catalog); len(got) != 1 || got[0].Note != c.want {
			t.Errorf("%s to %s: %+v, want note %q", c.old, c.now, got, c.want)
		}
	}
}

// difyChange is Dify with the services that matter to changes, each at a version.
func difyChange(old, now, daemonOld, daemonNow string) string {
	const file = "-- %s/compose.yaml --\nservices:\n  api:\n    image: langgenius/dify-api:%[2]s\n  worker:\n    image: langgenius/dify-api:%[2]s\n" +
		"  web:\n    image: langgenius/dify-web:%[2]s\n  plugin_daemon:\n    image: langgenius/dify-plugin-daemon:%[3]s\n" +
		"  debug:\n    image: acme/debug:%[2]s\n    profiles: [debug]\n  redis:\n    image: redis:6-alpine\n"
	return fmt.Sprintf(file, "base", old, daemonOld) + fmt.Sprintf(file, "head", now, daemonNow)
}

func describeChanges(changes []Change) string {
	var out strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&out, "%s %s → %s %s %s", c.Image, c.Old, c.New, c.Jump, strings.Join(c.Services, ","))
		for _, p := range c.Places {
			fmt.Fprintf(&out, " %s", p)
		}
		if c.OldImage != "" {
			out.WriteString(" was " + c.OldImage)
		}
		if c.Disabled {
			out.WriteString(" disabled")
		}
		if c.Note != "" {
			out.WriteString(" (" + c.Note + ")")
		}
		out.WriteByte('\n')
	}
	return out.String()
}

func TestChanges(t *testing.T) {
	for _, c := range []struct{ name, archive, want string }{
		{"services that change alike are one", difyChange("1.13.2", "1.13.3", "0.5.4-local", "0.5.3-local"), `
langgenius/dify-api 1.13.2 → 1.13.3 patch api,worker compose.yaml:3:12 compose.yaml:5:12
langgenius/dify-web 1.13.2 → 1.13.3 patch web compose.yaml:7:12
langgenius/dify-plugin-daemon 0.5.4-local → 0.5.3-local downgrade plugin_daemon compose.yaml:9:12 (lower than before, and what Dify 1.13.3 ships)
acme/debug 1.13.2 → 1.13.3 patch debug compose.yaml:11:12 (started only if COMPOSE_PROFILES says so, which is not known here)
`},
		{"a daemon that no release prescribes", difyChange("1.13.3", "1.14.0", "0.6.0-local", "0.5.3-local") + "-- .env --\nX=1\n", `
langgenius/dify-api 1.13.3 → 1.14.0 minor api,worker compose.yaml:3:12 compose.yaml:5:12
langgenius/dify-web 1.13.3 → 1.14.0 minor web compose.yaml:7:12
langgenius/dify-plugin-daemon 0.6.0-local → 0.5.3-local downgrade plugin_daemon compose.yaml:9:12 (older than what runs: its data may not open; the way down is a rollback)
acme/debug 1.13.3 → 1.14.0 minor debug compose.yaml:11:12 disabled
`},
		{"a digest is cut", "-- base/compose.yaml --\nservices: {r: {image: redis:7}}\n-- head/compose.yaml --\nservices: {r: {image: 'redis:7" + digest + "'}}\n", `
redis 7 → 7@sha256:0123456789ab… digest only r compose.yaml:1:24 (the tag stays: another build of it)
`},
		{"a renamed service is followed", "-- base/compose.yaml --\nservices: {db: {image: postgres:15}}\n-- head/compose.yaml --\nservices: {db_postgres: {image: 'pgvector/pgvector:pg15'}}\n", `
pgvector/pgvector 15 → pg15 other image db_postgres compose.yaml:1:34 was postgres
`},
		{"one anchor for two", "-- base/compose.yaml --\nx-i: &i redis:7.2.4\nservices: {a: {image: *i}, b: {image: *i}}\n" +
			"-- head/compose.yaml --\nx-i: &i redis:7.2.5\nservices: {a: {image: *i}, b: {image: *i}}\n", `
redis 7.2.4 → 7.2.5 patch a,b compose.yaml:1:9
`},
		{"a literal and a variable that reads the same", "-- .env --\nOLD=7.2.4\nNEW=7.2.5\n-- base/compose.yaml --\nservices: {a: {image: redis:7.2.4}, b: {image: 'redis:${OLD}'}}\n" +
			"-- head/compose.yaml --\nservices: {a: {image: redis:7.2.5}, b: {image: 'redis:${NEW}'}}\n", `
redis 7.2.4 → 7.2.5 patch a compose.yaml:1:23
redis ${OLD} → ${NEW} patch b .env:2:1 (the tag is a variable's, whose value is not printed)
`},
		{"a companion whose tag is hidden: what a release ships would tell it", strings.ReplaceAll(difyChange("1.13.2", "1.13.3", "0.5.4-local", "${PD}"), "  redis:", "  none:") + "-- .env --\nPD=0.5.3-local\n", `
langgenius/dify-api 1.13.2 → 1.13.3 patch api,worker compose.yaml:3:12 compose.yaml:5:12
langgenius/dify-web 1.13.2 → 1.13.3 patch web compose.yaml:7:12
langgenius/dify-plugin-daemon 0.5.4-local → ${PD} downgrade plugin_daemon .env:1:1 (older than what runs: its data may not open; the way down is a rollback)
acme/debug 1.13.2 → 1.13.3 patch debug compose.yaml:11:12 disabled
`},
		{"nothing changes", "-- compose.yaml --\nservices: {r: {image: redis:7}, built: {build: .}}\n", "\n"},
	} {
		s := LoadChange(t, c.archive)
		if d := cmp.Diff(c.want[1:], describeChanges(Changes(s.Base, s.Head, s.Catalog))); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

// A variable that is the whole image once gave the image's name away.
func TestHiddenChange(t *testing.T) {
	const note, files = " (the tag is a variable's, whose value is not printed)\n", "-- %s/.env --\nV=%[2]s\nR=canary.example.com\nIMG=canary.example.com/team/canary:%[2]s\n"
	for _, c := range []struct{ image, want string }{
		{"n8nio/n8n:${V}", "n8nio/n8n ${V} → ${V} minor app .env:1:1" + note},
		{"${R}/n8nio/n8n:${V:-1.0.0}", "${R}/n8nio/n8n ${V} → ${V} minor app .env:1:1" + note},
		{"${IMG}", "${IMG} (hidden) → (hidden) minor app .env:3:1" + note},
	} {
		s := LoadChange(t, "-- compose.yaml --\nservices:\n  app:\n    image: "+c.image+"\n"+fmt.Sprintf(files, "base", "1.98.0")+fmt.Sprintf(files, "head", "1.99.0"))
		if d := cmp.Diff(c.want, describeChanges(Changes(s.Base, s.Head, s.Catalog))); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.image, d)
		}
	}
}
