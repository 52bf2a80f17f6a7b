package catalog

import (
	"strings"
	"testing"

	"github.com/belaystack/belay/lint/image"
)

// TestForbidden: the range of a combination, by the version alone.
func TestForbidden(t *testing.T) {
	for ref, want := range map[string]string{
		"langgenius/dify-api:1.6.0": "", "langgenius/dify-api:1.7.0": "dify-postgres-18", "langgenius/dify-api:1.15.0": "dify-postgres-18",
		"langgenius/dify-api:1.16.0": "", "langgenius/dify-api:latest": "", "langgenius/dify-web:1.15.0": "", "postgres:18": "", "acme/app:1": "",
	} {
		r, err := image.Parse(ref)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, g := range Load().Forbidden(r) {
			got = append(got, g.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %q", ref, got, want)
		}
	}
}
