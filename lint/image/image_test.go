package image

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	tests := []struct {
		in       string
		want     Ref
		familiar string
	}{
		{"redis", Ref{"docker.io", "library/redis", "", ""}, "redis"},
		{"docker.io/library/redis:7-alpine", Ref{"docker.io", "library/redis", "7-alpine", ""}, "redis"},
		{"langgenius/dify-api:1.13.3", Ref{"docker.io", "langgenius/dify-api", "1.13.3", ""}, "langgenius/dify-api"},
		{"docker.n8n.io/n8nio/n8n", Ref{"docker.n8n.io", "n8nio/n8n", "", ""}, "docker.n8n.io/n8nio/n8n"},
		{"ghcr.io/n8n-io/n8n:1.99.0", Ref{"ghcr.io", "n8n-io/n8n", "1.99.0", ""}, "ghcr.io/n8n-io/n8n"},
		{"127.0.0.1:5000/customer", Ref{"127.0.0.1:5000", "customer", "", ""}, "127.0.0.1:5000/customer"},
		{"localhost/x", Ref{"localhost", "x", "", ""}, "localhost/x"},
		{"valkey/valkey:8-bookworm@" + digest, Ref{"docker.io", "valkey/valkey", "8-bookworm", digest}, "valkey/valkey"},
		{"redis@" + digest, Ref{"docker.io", "library/redis", "", digest}, "redis"},
	}
	for _, tt := range tests {
		got, err := Parse(tt.in)
		if err != nil || got != tt.want || got.Familiar() != tt.familiar {
			t.Errorf("Parse(%q): want %+v named %s, got %+v named %s, %v", tt.in, tt.want, tt.familiar, got, got.Familiar(), err)
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("Parse(%q) of %+v: got %+v, %v", got.String(), got, again, err)
		}
	}
}

// The reference package quotes the text in its errors, and the text may be a
// value of an env file.
func TestParseErrorQuotesNothing(t *testing.T) {
	for _, in := range []string{"", "Secret/App:1", "secret:", "secret:tag:tag", "secret@sha256:12", strings.Repeat("5ec", 21) + "5", "secret/-x", "$secret"} {
		_, err := Parse(in)
		if err == nil {
			t.Errorf("Parse(%q): want an error", in)
		} else if s := err.Error(); strings.Contains(strings.ToLower(s), "secret") || strings.Contains(s, "5ec") {
			t.Errorf("Parse(%q): the error quotes it: %s", in, s)
		}
	}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, ref string
		want         bool
	}{
		{"redis", "redis:7", true},
		{"redis", "docker.io/library/redis", true},
		{"docker.io/library/redis", "redis", true},
		{"library/redis", "redis", true},
		{"redis", "acme/redis", false},
		{"redis", "quay.io/redis", false},
		{"n8nio/*", "n8nio/n8n", true},
		{"n8nio/*", "n8nio/n8n/x", false},
		{"n8nio/*", "docker.n8n.io/n8nio/n8n", false},
		{"**/n8nio/n8n", "docker.n8n.io/n8nio/n8n", true},
		{"**/n8nio/n8n", "n8nio/n8n", true},
		{"**/n8nio/n8n", "harbor.acme.io/hub/n8nio/n8n:1", true},
		{"**/n8nio/n8n", "xn8nio/n8n", false},
		{"langgenius/dify-*", "langgenius/dify-agent-backend", true},
		{"langgenius/**", "langgenius/dify-api", true},
		{"**", "whatever.io:5000/a/b/c", true},
		{"ghcr.io/**/n8n", "ghcr.io/n8n-io/n8n", true},
		{"[", "redis", false},
	}
	for _, tt := range tests {
		ref, err := Parse(tt.ref)
		if err != nil {
			t.Fatal(err)
		}
		if got := ref.Match(tt.pattern); got != tt.want {
			t.Errorf("%s, pattern %s: want %v, got %v", tt.ref, tt.pattern, tt.want, got)
		}
	}
}

func TestCheckPattern(t *testing.T) {
	for pattern, ok := range map[string]bool{
		"redis": true, "**": true, "localhost:5000/app": true, "n8nio/*": true,
		"": false, "a//b": false, "redis:7": false, "n8nio/n8n:1.2": false, "a[": false, "**/**/**/**/x": false, "x@sha256": false,
	} {
		if err := CheckPattern(pattern); (err == nil) != ok {
			t.Errorf("CheckPattern(%q): want ok=%v, got %v", pattern, ok, err)
		}
	}
}

func TestSplitTag(t *testing.T) {
	for in, want := range map[string]string{
		"redis":                         "",
		"redis:7":                       "7",
		"127.0.0.1:5000/customer":       "",
		"127.0.0.1:5000/customer:1":     "1",
		"x/y:1@sha256:00":               "1",
		"x/y@sha256:00":                 "",
		"x/y:${TAG}":                    "${TAG}",
		"x/y:${TAG:-1.0}":               "${TAG:-1.0}",
		"${R:-host:5000}/y:${T:-a/b:c}": "${T:-a/b:c}",
		"${IMAGE}":                      "",
		"${R}/y":                        "",
		"x:${A:-${B:-1}}-alpine@x":      "${A:-${B:-1}}-alpine",
		"":                              "",
		"x:${":                          "${",
	} {
		if got := SplitTag(in); got != want {
			t.Errorf("SplitTag(%q): want %q, got %q", in, want, got)
		}
	}
}

func TestSplitName(t *testing.T) {
	for in, want := range map[string]string{
		"redis":                   "redis",
		"redis:7@sha256:00":       "redis",
		"x/y@sha256:00":           "x/y",
		"127.0.0.1:5000/customer": "127.0.0.1:5000/customer",
		"${R:-a:1}/y:${T:-b}":     "${R:-a:1}/y",
		"${IMAGE}":                "${IMAGE}",
	} {
		if got := SplitName(in); got != want {
			t.Errorf("SplitName(%q): want %q, got %q", in, want, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"redis", "127.0.0.1:5000/customer", "a/b:1.2@sha256:" + strings.Repeat("0", 64), "x:${T:-1}", "A", "a:", "ghcr.io/n8n-io/n8n:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if tag := SplitTag(s); !strings.HasSuffix(s, tag) && !strings.Contains(s, tag+"@") {
			t.Errorf("%q: tag %q is not in it", s, tag)
		}
		ref, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(ref.String()); err != nil || again != ref {
			t.Errorf("%q gives %+v, whose text %q gives %+v, %v", s, ref, ref.String(), again, err)
		}
		if !ref.Match("**") || !ref.Match(ref.Familiar()) {
			t.Errorf("%q does not match itself", s)
		}
		if tag := SplitTag(s); tag != ref.Tag {
			t.Errorf("SplitTag(%q): want %q, got %q", s, ref.Tag, tag)
		}
	})
}
