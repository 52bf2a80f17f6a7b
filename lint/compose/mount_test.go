package compose

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/belaystack/belay/lint/source"
)

const mountsFile = `services:
  db:
    image: postgres:16
    env_file:
      - ./db.env
      - path: conf/extra.env
        required: false
      - /etc/outside.env
    volumes:
      - data:/var/lib/postgresql/data
      - ./conf:/etc/postgresql:ro
      - /anonymous
      - type: volume
        source: ${OTHER:-other}
        target: /backup/
      - type: bind
        source: /srv/elsewhere
        target: /srv
volumes:
  data:
  other:
    name: shop_other
`

func loadMounts(t *testing.T) *Stack {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"compose.yaml": mountsFile, "db.env": "A=1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
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

func TestMountAt(t *testing.T) {
	db := loadMounts(t).Service("db")
	for target, line := range map[string]int{
		"/var/lib/postgresql/data": 10, "/etc/postgresql": 11, "/anonymous": 12, "/backup": 15, "/srv": 18, "/none": 9,
	} {
		if at := db.MountAt(target); at.Line != line {
			t.Errorf("MountAt(%q): got line %d, want %d", target, at.Line, line)
		}
	}
}

func TestMountSource(t *testing.T) {
	db := loadMounts(t).Service("db")
	want := map[string]string{"/var/lib/postgresql/data": "data", "/etc/postgresql": "./conf", "/anonymous": "",
		"/backup": "other", "/backup/": "other", "/srv": "/srv/elsewhere"}
	for _, m := range db.Config.Volumes {
		if got := db.MountSource(m); got != want[m.Target] {
			t.Errorf("MountSource at %s: got %q, want %q", m.Target, got, want[m.Target])
		}
	}
}

func TestVolumeAt(t *testing.T) {
	s := loadMounts(t)
	if at, named := s.VolumeAt("data"); at.Line != 20 || named {
		t.Errorf("data: got line %d, named %v", at.Line, named)
	}
	if at, named := s.VolumeAt("other"); at.Line != 21 || !named {
		t.Errorf("other: got line %d, named %v", at.Line, named)
	}
	if at, named := s.VolumeAt("none"); !at.IsZero() || named {
		t.Errorf("none: got %v, named %v", at, named)
	}
}

func TestEnvFiles(t *testing.T) {
	var got []EnvFile
	for _, f := range loadMounts(t).Service("db").EnvFiles() {
		f.At = source.Span{Pos: source.Pos{Line: f.At.Line}}
		got = append(got, f)
	}
	at := func(line int) source.Span { return source.Span{Pos: source.Pos{Line: line}} }
	want := []EnvFile{
		{Path: "db.env", Required: true, At: at(5)},
		{Path: "conf/extra.env", Missing: true, At: at(6)},
	}
	if len(got) != 3 {
		t.Fatalf("got %d entries, want 3: %+v", len(got), got)
	}
	for i, w := range want {
		if got[i] != w {
			t.Errorf("entry %d: got %+v, want %+v", i, got[i], w)
		}
	}
	if outside := got[2]; outside.Missing || outside.At.Line != 8 {
		t.Errorf("a file outside the root: got %+v", outside)
	}
}
