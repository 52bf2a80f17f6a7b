package rules

import (
	"slices"
	"strings"
	"testing"
)

// Every part of an image may come from .env: the tag, the registry, the whole
// reference, also in the base. Nothing of it is printed, whatever is found.
func TestImageRulesPrintNoValue(t *testing.T) {
	const canary = "qzx"
	texts := []string{`labels:
-- base/.env --
API=1.13.3-qzx
SANDBOX=0.2.15-qzx
REG=qzx.example.com
PG=17.1-qzx
N8N=2.41.3-qzx
WHOLE=qzx/app:9.0.0
-- base/compose.yaml --
services:
  a: {image: "langgenius/dify-api:${API}"}
  b: {image: "langgenius/dify-web:${API}"}
  c: {image: "langgenius/dify-sandbox:${SANDBOX}"}
  d: {image: "${REG}/library/postgres:${PG}"}
  e: {image: "n8nio/n8n:${N8N}"}
  f: {image: "${WHOLE}"}
-- .env --
API=1.13.2-qzx
SANDBOX=0.2.14-qzx
REG=qzx.example.com
PG=16.1-qzx
N8N=3-qzx
LATEST=latest-qzx
RUNNERS=2.1.1-qzx
WHOLE=qzx/app:8.0.0
NOTAG=qzx/app
SYSTEM=qzx
-- compose.yaml --
# belay:record 1
#   a  langgenius/dify-api:1.0.0
services:
  a: {image: "langgenius/dify-api:${API}"}
  b: {image: "langgenius/dify-web:${LATEST}"}
  c: {image: "langgenius/dify-sandbox:${SANDBOX}"}
  d: {image: "${REG}/library/postgres:${PG}"}
  e: {image: "n8nio/n8n:${N8N}"}
  f: {image: "${WHOLE}"}
  g: {image: "${NOTAG}"}
  h: {image: "n8nio/runners:${RUNNERS}"}
  i: {image: "redis:${SYSTEM}"}
  j: {image: "${REG}/UPPER:${MISSING}"}
`, `
-- .env --
API=1.13.3
SANDBOX=0.2.12-qzx
DAEMON=0.6.3-qzx
WEAVIATE=1.19.0-qzx
-- compose.yaml --
services:
  a: {image: "langgenius/dify-api:${API}"}
  c: {image: "langgenius/dify-sandbox:${SANDBOX}"}
  d: {image: "langgenius/dify-plugin-daemon:${DAEMON}"}
  e: {image: "semitechnologies/weaviate:${WEAVIATE}"}
  f: {image: "langgenius/dify-web:1.13.2"}
`}
	fired := map[string]bool{}
	for _, text := range texts {
		_, fs := runImageRules(t, parseExample(t, text))
		for _, f := range fs {
			fired[f.Rule] = true
			parts := []string{f.Message, f.Hint, f.Service, f.Stack}
			for _, r := range f.Related {
				parts = append(parts, r.Message)
			}
			for _, e := range f.Edits {
				if !e.Secret {
					parts = append(parts, e.Old, e.New)
				}
			}
			if i := slices.IndexFunc(parts, func(s string) bool { return strings.Contains(s, canary) }); i >= 0 {
				t.Errorf("%s prints a value: %q", f.Rule, parts[i])
			}
		}
	}
	for _, id := range imageRules {
		if !fired[id] && id != "image-digest-required" {
			t.Errorf("%s did not fire: nothing was tested", id)
		}
	}
}
