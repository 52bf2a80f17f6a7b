package config

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/lint/rules"
	"github.com/belaystack/belay/lint/source"
)

// TestSchemaIsPublished keeps docs/schema current: UPDATE=1 go test writes it.
func TestSchemaIsPublished(t *testing.T) {
	const name = "../../../docs/schema/belay.schema.json"
	var ids []string
	for _, r := range rules.All() {
		ids = append(ids, r.ID)
	}
	want, err := Schema(ids)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("run UPDATE=1 go test ./cmd/belay/config\n%s", d)
	}
}

// FuzzLoad: whatever stands in belay.yml, the answer is a Config or errors
// with positions, each of them on one line.
func FuzzLoad(f *testing.F) {
	for _, s := range []string{"", "version: 1\n", "version: 1\nstacks: [{name: a, path: docker, files: compose.yaml}]\n", "a: &a [*a]\n", "? {}\n", "\ufeff---\n", "version: !!int x\n",
		"version: 1\nrules: {image-tag-floating: off}\npolicy: {images: [{match: a, prod: exact}], groups: [{name: g, images: [b]}]}\n",
		"version: 1\nbaseline: {commands: [{name: a, run: [b, '']}]}\nstate: /a\nbackup: {keep: 1, exclude: 'a:/b/**', recipients: age1x}\nverify: {probes: [{name: a, service: b, url: 'http://a'}], not-fewer-rows: [a.b.c], log-errors: {ignore: '('}}\nlaunch: {window: 1s, services: {a: {deadline: 1m}}, public: [b]}\n",
		"version: .nan\n", "version: 0x1\n", "version: 1e999\n", "1: 2\nnull: 3\n~: 4\n", "\"\\x00\": 1\n", "stacks: {0: a}\n", "version: 2001-01-01\n", "\xff\xfe"} {
		f.Add([]byte(s))
	}
	root := open(f, "")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(root.Abs("belay.yml"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := Load(root, "belay.yml", ruleIDs())
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		var one *source.Error
		if err == nil || errors.As(err, &one) && one.Pos.Line > 0 {
			return
		}
		t.Errorf("%T %v", err, err)
	})
}
