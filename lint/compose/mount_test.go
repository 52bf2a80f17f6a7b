package compose

import (
	"fmt"
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
		{Path: "db.env", Shown: "db.env", Required: true, At: at(5)},
		{Path: "conf/extra.env", Shown: "conf/extra.env", Missing: true, At: at(6)},
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

// TestQuickIsTheSame: a file that stands alone is loaded another way than one
// that pulls in others; what rules read must not depend on it.
func TestQuickIsTheSame(t *testing.T) {
	const services = `services:
  db:
    image: postgres:17
    env_file: [one.env, {path: ./sub/two.env, required: false}]
    environment: {A: "1"}
    healthcheck: {test: ["CMD", "pg_isready", "-q"], interval: 5s, retries: 3}
    volumes: [data:/a, ./rel:/b, ../up:/c, /abs:/d, ~/home:/e, {type: bind, source: ./long, target: /f}]
    depends_on: [other]
    profiles: [""]
  other: {image: redis:7, ports: ["6379"]}
volumes: {data: }
`
	alone := load(t, "-- compose.yaml --\n"+services)
	pulling := load(t, "-- compose.yaml --\n"+services+"include: [empty.yaml]\n-- empty.yaml --\nservices: {}\n")
	if len(alone.Problems)+len(pulling.Problems) > 0 {
		t.Fatal(alone.Problems, pulling.Problems)
	}
	for _, s := range alone.Services {
		if got, want := picture(s), picture(pulling.Service(s.Name)); got != want {
			t.Errorf("%s alone:\n%s\nwith an include:\n%s", s.Name, got, want)
		}
	}
}

func picture(s *Service) string {
	out := fmt.Sprintln(s.Image.Shown, s.Enabled, s.Config.Profiles, s.Config.HealthCheck != nil, len(s.Config.DependsOn), len(s.Config.Ports))
	for _, m := range s.Config.Volumes {
		out += fmt.Sprintln(m.Type, m.Target, s.MountSource(m))
	}
	for _, f := range s.EnvFiles() {
		out += fmt.Sprintln(f.Path, f.Required, f.Missing, f.At)
	}
	return out + fmt.Sprintln(s.EnvKeys())
}
