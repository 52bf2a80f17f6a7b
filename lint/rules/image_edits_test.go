package rules

import (
	"strings"
	"testing"

	"github.com/belaystack/belay/lint/source"
)

func TestImageEdits(t *testing.T) {
	tests := []struct {
		name, rule, text string
		file, want       string // a file after the edits; "" where none may be offered
	}{
		{"the odd one of three", "group-tag-mismatch",
			"-- compose.yaml --\nservices:\n  a: {image: langgenius/dify-api:1.13.3}\n  b: {image: langgenius/dify-api:1.13.3} # keep\n  c: {image: 'langgenius/dify-web:1.13.2'}\n",
			"compose.yaml", "services:\n  a: {image: langgenius/dify-api:1.13.3}\n  b: {image: langgenius/dify-api:1.13.3} # keep\n  c: {image: 'langgenius/dify-web:1.13.3'}\n"},
		{"of two a person chooses", "group-tag-mismatch",
			"-- compose.yaml --\nservices:\n  a: {image: langgenius/dify-api:1.13.3}\n  c: {image: langgenius/dify-web:1.13.2}\n", "", ""},
		{"the variable, not its value", "group-tag-mismatch",
			"-- .env --\nV=1.13.3\n-- compose.yaml --\nservices:\n  a: {image: 'langgenius/dify-api:${V}'}\n  b: {image: 'langgenius/dify-api:${V}'}\n  c: {image: 'langgenius/dify-web:1.13.2'}\n",
			"compose.yaml", "services:\n  a: {image: 'langgenius/dify-api:${V}'}\n  b: {image: 'langgenius/dify-api:${V}'}\n  c: {image: 'langgenius/dify-web:${V}'}\n"},
		{"in the env file", "group-tag-mismatch",
			"-- .env --\nV=1.13.2\n-- compose.yaml --\nservices:\n  a: {image: langgenius/dify-api:1.13.3}\n  b: {image: langgenius/dify-api:1.13.3}\n  c: {image: 'langgenius/dify-web:${V}'}\n",
			".env", "V=1.13.3\n"},
		{"a companion in a default", "companion-mismatch",
			"-- compose.yaml --\r\nservices:\r\n  a: {image: langgenius/dify-api:1.13.3}\r\n  c: {image: 'langgenius/dify-sandbox:${S:-0.2.12}'}\r\n",
			"compose.yaml", "services:\r\n  a: {image: langgenius/dify-api:1.13.3}\r\n  c: {image: 'langgenius/dify-sandbox:${S:-0.2.14}'}\r\n"},
		{"a store is not taken back", "companion-mismatch",
			"-- compose.yaml --\nservices:\n  a: {image: langgenius/dify-api:1.13.3}\n  c: {image: 'semitechnologies/weaviate:1.30.0'}\n", "", ""},
		{"a store goes up step by step", "companion-mismatch",
			"-- compose.yaml --\nservices:\n  a: {image: langgenius/dify-api:1.13.3}\n  c: {image: 'semitechnologies/weaviate:1.19.0'}\n", "", ""},
		{"what runs is not known without a base", "record-stale",
			"-- compose.yaml --\n# belay:record 1\n#   a  redis:6\nservices:\n  a: {image: redis:7}\n", "", ""},
		{"the record", "record-stale",
			"-- base/compose.yaml --\nservices:\n  a: {image: redis:7}\n  b: {image: nginx:1.28.0}\n" +
				"-- compose.yaml --\n# belay:record 1\n#   a  redis:6  sha256:00  2026-01-01  r-1\n#   gone  x:1\nservices:\n  a: {image: redis:8}\n  b: {image: nginx:1.28.0}\n",
			"compose.yaml", "# belay:record 1 (service, image, digest, date, run)\n#   a  redis:7       -  -  -\n#   b  nginx:1.28.0  -  -  -\nservices:\n  a: {image: redis:8}\n  b: {image: nginx:1.28.0}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ex := parseExample(t, tt.text)
			var edits []source.Edit
			for _, r := range All() {
				if r.ID != tt.rule {
					continue
				}
				fs := ex.check(t, r)
				if len(fs) == 0 {
					t.Fatal("want a finding")
				}
				for _, f := range fs {
					edits = append(edits, f.Edits...)
				}
			}
			if tt.file == "" {
				if len(edits) > 0 {
					t.Errorf("want no edit, got %+v", edits)
				}
				return
			}
			for _, e := range edits {
				if e.Pos.File != tt.file || e.Secret != strings.HasSuffix(tt.file, ".env") {
					t.Errorf("edit %+v: want one in %s", e, tt.file)
				}
			}
			got, err := source.Apply(ex.read(t, tt.file), edits)
			if err != nil || string(got) != tt.want {
				t.Errorf("want %q, got %q, %v", tt.want, got, err)
			}
		})
	}
}
