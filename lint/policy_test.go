package lint

import (
	"testing"

	"github.com/belaystack/belay/lint/image"
)

func parseRef(t *testing.T, s string) image.Ref {
	t.Helper()
	ref, err := image.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// The table of the operators' handbook.
func TestBuiltIn(t *testing.T) {
	tests := []struct {
		ref       string
		dev, prod image.Pin
		review    bool
		any       bool
		group     string
	}{
		{"pgvector/pgvector:pg16", image.Major, image.Major, false, false, ""},
		{"postgres:15-alpine", image.Major, image.Major, false, false, ""},
		{"public.ecr.aws/docker/library/postgres:15", image.Major, image.Major, false, false, ""},
		{"redis:7-alpine", image.Major, image.Major, false, false, ""},
		{"valkey/valkey:8", image.Major, image.Major, false, false, ""},
		{"langgenius/dify-sandbox:0.2.14", image.Exact, image.Exact, true, false, ""},
		{"langgenius/dify-plugin-daemon:0.5.3-local", image.Exact, image.Exact, true, false, ""},
		{"langgenius/dify-api:1.13.3", image.Floating, image.Exact, false, false, "dify"},
		{"langgenius/dify-web:1.13.3", image.Floating, image.Exact, false, false, "dify"},
		{"langgenius/dify-agent-backend:1.16.1", image.Floating, image.Exact, false, false, "dify"},
		{"langgenius/dify-agent-local-sandbox:1.16.1", image.Floating, image.Exact, false, false, "dify"},
		{"harbor.example.com/hub/langgenius/dify-api:1.13.3", image.Floating, image.Exact, false, false, "dify"},
		{"n8nio/n8n:stable", image.Floating, image.Exact, false, false, "n8n"},
		{"docker.n8n.io/n8nio/n8n", image.Floating, image.Exact, false, false, "n8n"},
		{"ghcr.io/n8n-io/n8n", image.Floating, image.Exact, false, false, "n8n"},
		{"n8nio/runners:2.41.3", image.Floating, image.Exact, false, false, "n8n"},
		{"cr.weaviate.io/semitechnologies/weaviate:1.27.0", image.Exact, image.Exact, false, false, ""},
		{"nginx", image.Floating, image.Major, false, true, ""},
		{"acme/redis:7", image.Floating, image.Major, false, true, ""},
		{"acme/n8n:7", image.Floating, image.Major, false, true, ""},
	}
	p := BuiltIn()
	for _, tt := range tests {
		ref := parseRef(t, tt.ref)
		got := p.Image(ref)
		if got.Pin(Dev) != tt.dev || got.Pin(Prod) != tt.prod || got.Review != tt.review || got.Any() != tt.any {
			t.Errorf("%s: want %s, %s, review %v, any %v; got %+v", tt.ref, tt.dev, tt.prod, tt.review, tt.any, got)
		}
		group := ""
		for _, g := range p.Groups {
			if g.Contains(ref) {
				group += g.Name
			}
		}
		if group != tt.group {
			t.Errorf("%s: want group %q, got %q", tt.ref, tt.group, group)
		}
	}
}

func TestPolicyWith(t *testing.T) {
	user := &Policy{
		Images: []ImagePolicy{{Match: []string{"n8nio/*"}, Prod: image.Minor}, {Match: []string{"n8nio/n8n"}, Prod: image.Digest}},
		Groups: []Group{{Name: "n8n", Images: []string{"n8nio/n8n"}}, {Name: "shop", Images: []string{"shop/*"}}},
		Rules:  map[string]Severity{"image-tag-floating": Off}, Protected: []string{"SHOP_KEY"},
	}
	base := BuiltIn()
	p := base.With(user)
	if got := p.Image(parseRef(t, "n8nio/n8n")).Pin(Prod); got != image.Minor {
		t.Errorf("the first entry that matches holds: got %s", got)
	}
	if got := p.Image(parseRef(t, "docker.n8n.io/n8nio/n8n")).Pin(Prod); got != image.Exact {
		t.Errorf("what the user does not name stays: got %s", got)
	}
	var groups []string
	for _, g := range p.Groups {
		groups = append(groups, g.Name)
	}
	if len(groups) != 3 || p.Groups[0].Contains(parseRef(t, "n8nio/runners")) {
		t.Errorf("a group of the same name takes the built-in one's place: got %v", groups)
	}
	if p.ReviewLabel != DefaultReviewLabel || p.Rules["image-tag-floating"] != Off || len(p.Protected) != 1 {
		t.Errorf("got %+v", p)
	}
	if len(base.Rules) > 0 || len(base.Protected) > 0 || len(base.Groups) != 2 {
		t.Errorf("With changed its receiver: %+v", base)
	}
	if got := (&Policy{}).Image(parseRef(t, "redis")); got.Pin(Prod) != image.Floating {
		t.Errorf("an empty policy asks for nothing: got %+v", got)
	}
}
