package steps

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
)

// What services only read was in no backup.
func TestReadOnlyMounts(t *testing.T) {
	dir := t.TempDir()
	file := hostFile(t, dir, "app.conf")
	ro := func(src, dst string) docker.Mount {
		return docker.Mount{Type: "bind", Source: src, Destination: dst}
	}
	rw := func(src, dst string) docker.Mount {
		m := ro(src, dst)
		m.RW = true
		return m
	}
	cs := []docker.Container{
		{Service: "db", Image: "sha256:0", Mounts: []docker.Mount{rw("/srv/s/db", "/data"), ro("/srv/s/init", "/init"), ro("/srv/s/big", "/big")}},
		{Service: "web", Image: "sha256:1", Mounts: []docker.Mount{
			ro("/srv/s/conf", "/conf"), ro("/srv/s", "/all"), ro("/etc/letsencrypt", "/certs"), ro(file, "/app.conf"), {Type: "volume", Name: "given", Destination: "/given"},
			ro("/etc/localtime", "/etc/localtime"), ro("/proc", "/proc"), ro("/", "/host"), rw("/srv/run.sock", "/x"), rw("/var/run/docker.sock", "/d"), ro("/dev/null", "/null"),
			ro("/srv/s/db/pg_wal", "/wal"), {Type: "volume", Name: "shared", Destination: "/shared"}, {Type: "tmpfs", Destination: "/tmp"},
		}},
		{Service: "app", Mounts: []docker.Mount{{Type: "volume", Name: "shared", Destination: "/s", RW: true}, ro("/srv/s/conf/", "/c"), ro(file, "/c.conf")}},
	}
	r := readOnly(cs, []string{"db"}, []string{"db:/big"})
	got := map[string]stored{}
	for _, s := range r.folders {
		got[s.Mount.Name+s.Mount.Source] = s
	}
	if want := []string{"/etc/letsencrypt", "/srv/s", "/srv/s/conf", "/srv/s/init", "given"}; !slices.Equal(sortedKeys(got), want) {
		t.Errorf("folders %q, want %q", sortedKeys(got), want)
	}
	if s := got["/srv/s"]; !slices.Equal(s.Excluded, []string{"db"}) || !s.ReadOnly || !s.Also[0].ReadOnly {
		t.Errorf("above a server's: %+v", s)
	}
	if s := got["/srv/s/conf"]; len(s.Also) != 2 || s.Also[1].Service != "app" {
		t.Errorf("shared: %+v", s.Also)
	}
	if len(r.files) != 1 || r.files[0].Source != file || r.files[0].Type != singleFile || !r.files[0].ReadOnly {
		t.Errorf("files %+v", r.files)
	}
	var left []string
	for _, l := range r.left {
		if l.Why == "" || l.Service != "web" {
			t.Errorf("left out: %+v", l)
		}
		left = append(left, l.Source)
	}
	if want := []string{"/etc/localtime", "/proc", "/", "/srv/run.sock", "/var/run/docker.sock", "/dev/null"}; !slices.Equal(left, want) {
		t.Errorf("left out %q, want %q", left, want)
	}
}

const readers = `
services:
  a: {image: IMAGE, command: [keep, /data/f, x], volumes: ["data:/data", "./conf:/conf:ro", "OUT:/out:ro", "./one.conf:/one.conf:ro", "/proc:/p:ro"]}
volumes: {data: {}}
`

// Neither belay.yml nor folders that are mounted to be read were in a backup; a
// rollback leaves them as they are, a restore that asks for them gives them back.
func TestBackupOfWhatIsOnlyRead(t *testing.T) {
	out := t.TempDir()
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	stack := l.Spec.Project.Dir
	paths := []string{hostFile(t, stack, "conf", "sub", "site.conf"), hostFile(t, out, "cert.pem"), hostFile(t, stack, "one.conf")}
	l.Spec.Config.File = hostFile(t, stack, "belay.yml")
	l.write(strings.ReplaceAll(readers, "OUT", out))
	l.do("up", "--detach", "--pull", "never")
	halted := done(l, "halt", &halt{l.Host})
	done(l, "backup", &backUp{l.Host})
	done(l, "verify-backup", &verifyBackup{l.Host})
	b, err := l.open()
	l.ok(err)
	d, err := b.Details()
	l.ok(err)
	if !slices.ContainsFunc(d.Files, func(f backup.File) bool { return f.Path == "belay.yml" }) {
		t.Errorf("files: %+v", d.Files)
	}
	if len(d.LeftOut) != 1 || d.LeftOut[0].Source != "/proc" {
		t.Errorf("left out: %+v", d.LeftOut)
	}
	change := func(text string) {
		for _, p := range paths {
			l.ok(os.WriteFile(p, []byte(text), 0o644))
		}
	}
	for _, c := range []struct {
		too  bool
		want string
	}{{false, "changed"}, {true, "x"}} {
		change("changed")
		l.Spec.Options.ReadOnly = c.too
		l.ok(l.giveBack(t.Context(), b, l.Spec.Run, l.Spec.moves))
		for _, p := range paths {
			if got, err := os.ReadFile(p); string(got) != c.want {
				t.Errorf("asked for: %v: %s has %q, %v", c.too, p, got, err)
			}
		}
	}
	if info, err := os.Stat(paths[1]); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode: %v, %v", info.Mode(), err)
	}
	l.ok((&halt{l.Host}).Undo(t.Context(), halted))
}
