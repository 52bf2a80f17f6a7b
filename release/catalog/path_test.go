package catalog

import (
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/lint/image"
)

func tagged(text string) []Tagged {
	var out []Tagged
	for _, word := range strings.Fields(text) {
		tag, date, _ := strings.Cut(word, "=")
		when, _ := time.Parse(time.DateOnly, date)
		out = append(out, Tagged{Tag: tag, Date: when})
	}
	return out
}

func tags(list []Tagged) string {
	var out []string
	for _, t := range list {
		out = append(out, t.Tag)
	}
	return strings.Join(out, " ")
}

func TestPath(t *testing.T) {
	const n8n = "stable=2026-09-20 beta=2026-09-20 v1.11.0=2026-01-01 n8n@2.41.3=2026-09-20 n8n@2.41.0=2026-09-14 n8n@2.40.9=2026-09-16 n8n@2.40.5=2026-09-12 n8n@2.0.0=2025-12-08 " +
		"n8n@2.0.0-rc.1=2025-12-03 n8n@1.123.81=2026-09-18 n8n@1.123.6=2025-12-11 n8n@1.123.5=2025-12-09 n8n@1.123.0=2025-12-01 n8n@2.41.4=2026-09-22 n8n@1.124.0-rc.1=2025-11-30"
	const valkey = "8.0.2=2025-01-07 8.1.1=2025-04-23 9.0.0=2025-10-21 8.1.4=2025-10-03 8.1.5=2025-12-01"
	tests := []struct{ old, now, all, want string }{
		{"n8nio/n8n:1.123.5", "n8nio/n8n:2.41.3", n8n, "n8n@2.41.3 n8n@2.41.0 n8n@2.40.5 n8n@2.0.0"},
		{"n8nio/n8n:1.123.0", "n8nio/n8n:1.123.6", n8n, "n8n@1.123.6 n8n@1.123.5"},
		{"n8nio/n8n:1.123.0", "n8nio/n8n:2.0.0-rc.1", n8n, "n8n@2.0.0-rc.1"},
		{"n8nio/n8n:2.0.0-rc.1", "n8nio/n8n:2.0.0", n8n, "n8n@2.0.0"},
		{"n8nio/n8n:1", "n8nio/n8n:2", n8n, "n8n@2.0.0"},
		{"n8nio/n8n:2.41.3", "n8nio/n8n:2.0.0", n8n, ""},
		{"n8nio/n8n:2.41.3", "n8nio/n8n:2.41.3", n8n, ""},
		{"n8nio/n8n:1.123.5", "n8nio/n8n:stable", n8n, ""},
		{"n8nio/n8n:latest", "n8nio/n8n:2.41.3", n8n, ""},
		{"n8nio/n8n:1.123.5", "ghcr.io/n8n-io/n8n:2.0.0", n8n, "n8n@2.0.0"},
		{"n8nio/n8n:1.123.5", "n8nio/n8n:2.0.0", "n8n@1.123.6 n8n@2.0.0=2025-12-08", "n8n@2.0.0 n8n@1.123.6"}, // a date that is not known
		{"valkey/valkey:8.0.2-alpine", "valkey/valkey:9.0.0-alpine", valkey, "9.0.0 8.1.4 8.1.1"},
		{"valkey/valkey:8.1.1", "valkey/valkey:9.0.1", "8.1.5=2025-12-01 9.0.0 9.0.1=2025-10-21", "9.0.1 9.0.0"},
		{"valkey/valkey:7.2.5", "valkey/valkey:9.0.0", "7.2.6=2025-05-01 8.0.0=2025-06-01 8.1.0=2025-03-01 9.0.0=2025-04-01", "9.0.0 8.1.0"}, // 8.1 had begun before 8.0 did
		{"n8nio/n8n:1.123.0", "n8nio/n8n:2.0.0-beta.3", "n8n@2.0.0-beta.1 n8n@2.0.0-beta.3", "n8n@2.0.0-beta.3 n8n@2.0.0-beta.1"},            // tags of an abandoned line of Dify
		{"valkey/valkey:8-alpine", "valkey/valkey:9-alpine", valkey, "9.0.0"},
		{"pgvector/pgvector:0.8.2-pg16", "pgvector/pgvector:0.8.6-pg17", "v0.8.1 v0.8.2 v0.8.3 v0.8.6 v0.8.7", "v0.8.6 v0.8.3"},
		{"pgvector/pgvector:pg16", "pgvector/pgvector:pg17", "v0.8.1 v0.8.2", ""},
		{"langgenius/dify-plugin-daemon:0.5.3-local", "langgenius/dify-plugin-daemon:0.6.0-local", "0.5.4 0.6.0 0.6.1 0.5.3", "0.6.0 0.5.4"},
	}
	c := Load()
	for _, tt := range tests {
		got := tags(c.Path(upstream(t, tt.now), ref(t, tt.old), ref(t, tt.now), tagged(tt.all)))
		if got != tt.want {
			t.Errorf("%s to %s:\nwant %s\ngot  %s", tt.old, tt.now, tt.want, got)
		}
	}
	if got := c.Path(upstream(t, "redis"), image.Ref{}, ref(t, "redis:7.2.4"), tagged("7.2.4")); got != nil {
		t.Errorf("a new service: got %v", got)
	}
}

// The releases of Dify are known with their dates, so that the path needs no
// list from elsewhere.
func TestKnown(t *testing.T) {
	tests := []struct{ image, old, now, want string }{
		{"langgenius/dify-api", "1.11.0", "1.12.0", "1.12.0 1.11.4 1.11.3 1.11.2 1.11.1"},
		{"langgenius/dify-web", "1.10.1", "1.11.0", "1.11.0 1.10.1-fix.1"},
		{"langgenius/dify-api", "1.10.0", "1.10.1-fix.1", "1.10.1-fix.1 1.10.1"},
		{"langgenius/dify-api", "0.15.3", "1.0.1", "1.0.1 1.0.0"},
		{"langgenius/dify-api", "0.15.3", "1.4.3", "1.4.3 1.4.2 1.4.1 1.4.0 1.3.1 1.3.0 1.2.0 1.1.3 1.1.2 1.1.1 1.1.0 1.0.1 1.0.0"},
		{"langgenius/dify-api", "0.15.8", "1.4.3", "1.4.3 1.4.2 1.4.1 1.4.0 1.3.1 1.3.0 1.2.0 1.1.3 1.1.2 1.1.1 1.1.0 1.0.1 1.0.0"},
		{"langgenius/dify-api", "0.15.3", "0.15.8", "0.15.8 0.15.7 0.15.6 0.15.5 0.15.4"},
		{"langgenius/dify-api", "1.8.1", "1.9.1", "1.9.1 1.9.0"},
		{"langgenius/dify-api", "2.0.0-beta.2", "1.9.1", "1.9.1 1.9.0"},
		{"langgenius/dify-api", "1.8.1", "2.0.0-beta.2", "2.0.0-beta.2 2.0.0-beta.1"},
		{"langgenius/dify-api", "1.13.0", "1.14.0", "1.14.0 1.13.3 1.13.2 1.13.1"}, // 1.14.0-rc1 was out before 1.13.1
		{"langgenius/dify-api", "1.16.1", "1.18.0", ""},
		{"langgenius/dify-api", "1.13.3", "1.13.0", ""},
		{"langgenius/dify-plugin-daemon", "0.5.2-local", "0.6.0-local", "0.6.0 0.5.4 0.5.3"},
		{"langgenius/dify-plugin-daemon", "0.2.0-local", "0.3.0-local", "0.3.0"},
		{"langgenius/dify-sandbox", "0.2.11", "0.2.15", "0.2.15 0.2.14 0.2.12"},
		{"redis", "6.2.0", "7.2.4", ""},
	}
	c := Load()
	for _, tt := range tests {
		u := upstream(t, tt.image)
		got := c.Known(u, ref(t, tt.image+":"+tt.old), ref(t, tt.image+":"+tt.now))
		if tags(got) != tt.want {
			t.Errorf("%s %s to %s:\nwant %s\ngot  %s", tt.image, tt.old, tt.now, tt.want, tags(got))
		}
		for _, k := range got {
			if dated := u.Repo == difyRepo; k.Date.IsZero() == dated {
				t.Errorf("%s %s: date %s", tt.image, k.Tag, k.Date)
			}
		}
	}
}
