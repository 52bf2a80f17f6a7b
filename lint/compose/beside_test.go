package compose

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint/source"
)

// loadText loads one compose file.
func loadText(t *testing.T, text string) *Stack {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := source.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	s, err := Load(t.Context(), Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestMountText: source and target to the letter, in either syntax.
func TestMountText(t *testing.T) {
	tests := []struct{ entry, target, want string }{
		{"db:/data", "/data", "db /data"},
		{"'./a:/data:ro'", "/data/", "./a /data"},
		{"'${A:-./a}/c:/data:rw,z'", "/data", "${A:-./a}/c /data"},
		{"'${A:-./a}:${T:-/data}'", "/data", "${A:-./a} ${T:-/data}"},
		{"{type: bind, source: ./a, target: \"/data\"}", "/data", "./a /data"},
		{"{type: volume, target: /data}", "/data", ""},
		{"/data", "/data", ""},
		{"'${ALL:-db:/data}'", "/data", ""},
		{"db:/data", "/other", ""},
		{"\"\\u0064b:/data\"", "/data", "db /data, not to the letter"},
	}
	for _, tt := range tests {
		s := loadText(t, "services:\n  a:\n    image: x/y:1\n    labels: {é: ü}\n    volumes:\n      - "+tt.entry+" # here\nvolumes: {db: }\n")
		if s.Service("a") == nil {
			t.Fatalf("%s: %+v", tt.entry, s.Problems)
		}
		m, ok := s.Service("a").MountText(tt.target)
		got := ""
		if ok {
			got = m.Source + " " + m.Target
			data := s.File("compose.yaml").Data
			for text, at := range map[string]source.Span{m.Source: m.SourceAt, m.Target: m.TargetAt} {
				if at.Len == 0 {
					got = m.Source + " " + m.Target + ", not to the letter"
				} else if in := string(data[at.Offset : at.Offset+at.Len]); in != text {
					t.Errorf("%s: %q stands there, not %q", tt.entry, in, text)
				}
			}
		}
		if got != tt.want {
			t.Errorf("%s at %s: %q, want %q", tt.entry, tt.target, got, tt.want)
		}
	}
}

// TestVolumeBeside: one more volume, where a person would write it.
func TestVolumeBeside(t *testing.T) {
	tests := []struct{ name, volumes, want string }{
		{"block", "volumes:\n  db:\n  # of x\n  x:\n", "volumes:\n  db:\n  # note\n  db2:\n  # of x\n  x:\n"},
		{"a deep value and blank lines", "volumes:\n\n    db:\n        labels:\n            a: |\n              b\n\n            # deep\n\n\n    x:\n", "volumes:\n\n    db:\n        labels:\n            a: |\n              b\n\n            # deep\n    # note\n    db2:\n\n\n    x:\n"},
		{"no line break at the end", "volumes:\n  db: {}", "volumes:\n  db: {}\n  # note\n  db2:"},
		{"a name", "volumes:\n  db:\n    name: ${P:-p}_db\n", "volumes:\n  db:\n    name: ${P:-p}_db\n  # note\n  db2:\n    name: \"${P:-p}_db2\"\n"},
		{"external", "volumes:\n  db: {external: true}\n", "volumes:\n  db: {external: true}\n  # note\n  db2:\n    name: db2\n"},
		{"external in the old way", "volumes:\n  db: {external: {name: shop}}\n", "volumes:\n  db: {external: {name: shop}}\n  # note\n  db2:\n    name: shop2\n"},
		{"not external", "volumes:\n  db: {external: false}\n", "volumes:\n  db: {external: false}\n  # note\n  db2:\n"},
		{"flow", "volumes: { db: {}, x: {} }\n", "volumes: { db2: {}, db: {}, x: {} }\n"},
		{"JSON", "\"volumes\": {\"db\": {\"name\": \"shop\"}}\n", "\"volumes\": {\"db2\": {\"name\": \"shop2\"}, \"db\": {\"name\": \"shop\"}}\n"},
		{"an alias as value", "x-v: &v {}\nvolumes:\n  db: *v\n", "x-v: &v {}\nvolumes:\n  db: *v\n  # note\n  db2:\n"},
		{"whether it is external is a variable", "volumes:\n  db: {external: '${E:-false}'}\n", ""},
		{"by a merge key", "x-v: &v {db: }\nvolumes: {<<: *v}\n", ""},
		{"an anchor at the key", "volumes:\n  &k db:\n  x:\n", "volumes:\n  &k db:\n  # note\n  db2:\n  x:\n"},
		{"a key of the long kind", "volumes:\n  ? db\n  : {}\n", ""},
		{"not there", "volumes:\n  x:\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := loadText(t, tt.volumes+"services:\n  a: {image: x/y:1}\n")
			e, ok := s.VolumeBeside("db", "note", func(s string) string { return s + "2" })
			got := ""
			if ok {
				out, err := source.Apply(s.File("compose.yaml").Data, []source.Edit{e})
				if err != nil {
					t.Fatal(err)
				}
				got = string(out)
			}
			want := tt.want
			if want != "" {
				want += "services:\n  a: {image: x/y:1}\n"
			}
			if !strings.HasSuffix(tt.volumes, "\n") { // at the end of the file
				s = loadText(t, "services:\n  a: {image: x/y:1}\n"+tt.volumes)
				e, ok = s.VolumeBeside("db", "note", func(s string) string { return s + "2" })
				out, err := source.Apply(s.File("compose.yaml").Data, []source.Edit{e})
				if err != nil || !ok {
					t.Fatal(err)
				}
				got, want = string(out), "services:\n  a: {image: x/y:1}\n"+tt.want
			}
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
