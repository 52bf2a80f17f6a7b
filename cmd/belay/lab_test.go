package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// labStack is a stack of testdata/lab, fresh, and the scripts that judge it. It is
// that of BELAY_TEST_LAB, a folder made by `testdata/lab/lab stack DIR`, on the engine
// of `testdata/lab/lab env`.
type labStack struct {
	*testing.T
	dir, bin, state string
}

func newLabStack(t *testing.T) *labStack {
	t.Helper()
	dir := os.Getenv("BELAY_TEST_LAB")
	if dir == "" {
		if slices.Contains(strings.Split(os.Getenv("BELAY_TEST_REQUIRE"), ","), "lab") {
			t.Fatal("BELAY_TEST_LAB is not set, and BELAY_TEST_REQUIRE asks for the lab")
		}
		t.Skip("needs a stack of the lab: testdata/lab/lab stack DIR, and BELAY_TEST_LAB=DIR")
	}
	l := &labStack{t, dir, filepath.Join(t.TempDir(), "belay"), filepath.Join(t.TempDir(), "state")}
	build := exec.Command("go", "build", "-o", l.bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l.script("lab", "reset")
	config := "version: 1\nstate: " + l.state + "\nlaunch: {window: 1s}\n"
	if err := os.WriteFile(filepath.Join(dir, "belay.yml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.script("lab", "reset") })
	return l
}

// script runs one of testdata/lab on the stack and gives what it printed.
func (l *labStack) script(args ...string) string {
	l.Helper()
	cmd := exec.Command(filepath.Join("..", "..", "testdata", "lab", args[0]), append(args[1:], l.dir)...)
	out, err := cmd.Output()
	if err != nil {
		l.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// belay runs the program in the stack's folder.
func (l *labStack) belay(want int, args ...string) string {
	l.Helper()
	cmd := exec.Command(l.bin, args...)
	cmd.Dir = l.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != want {
		l.Fatalf("belay %s: exit code %d, want %d: %v\n%s", strings.Join(args, " "), got, want, err, out.String())
	}
	return out.String()
}

// world is the state of the stack, without what a rollback may leave: what Belay keeps,
// and when a file of the stack's folder was last put in its place.
func (l *labStack) world() string {
	l.Helper()
	lines := strings.Split(l.script("world", "--no", "kept", "--no", "belay"), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "files stack . directory ") }), "\n")
}

// images are those that run, by service.
func (l *labStack) images() map[string]string {
	l.Helper()
	cmd := exec.Command("docker", "compose", "ps", "--all", "--format", "json")
	cmd.Dir = l.dir
	out, err := cmd.Output()
	if err != nil {
		l.Fatal(err)
	}
	found := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var c struct{ Service, Image, State string }
		if err := d.Decode(&c); err != nil {
			l.Fatal(err)
		}
		if c.State == "running" {
			found[c.Service] = c.Image
		}
	}
	return found
}

func (l *labStack) noSecret(what string, texts ...string) {
	l.Helper()
	err := filepath.WalkDir(filepath.Join(l.state), func(path string, d os.DirEntry, err error) error {
		// Copies of the stack's own files have its secrets; backups are of them.
		if err != nil || d.IsDir() && (d.Name() == "files" || d.Name() == "backups" || d.Name() == "bin") {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		if !d.IsDir() {
			b, err := os.ReadFile(path)
			texts = append(texts, string(b))
			return err
		}
		return nil
	})
	if err != nil {
		l.Fatal(err)
	}
	for _, text := range texts {
		if i := strings.Index(text, "canary-"); i >= 0 {
			l.Errorf("%s: a secret is in %q", what, text[max(0, i-100):min(len(text), i+60)])
		}
	}
}

// differs gives the lines that only one of two worlds has.
func differs(a, b string) string {
	var out []string
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for _, side := range []struct {
		sign      string
		of, other []string
	}{{"-", x, y}, {"+", y, x}} {
		has := map[string]bool{}
		for _, line := range side.other {
			has[line] = true
		}
		for _, line := range side.of {
			if !has[line] {
				out = append(out, side.sign+line)
			}
		}
	}
	return strings.Join(out[:min(len(out), 30)], "\n")
}

// The verdict is that of scripts which share no code with Belay.
func TestLab(t *testing.T) {
	l := newLabStack(t)
	before := l.world()
	out := l.belay(4, "upgrade", "--set", "langgenius/dify-api=1.14.0-failmigrate")
	if d := differs(before, l.world()); d != "" {
		t.Errorf("after the rollback:\n%s\n%s", d, out)
	}
	l.script("inert")
	l.noSecret("rolled back", out)

	out = l.belay(0, "upgrade", "--set", "langgenius/dify-api=1.14.0")
	images := l.images()
	for _, service := range []string{"dify-api", "dify-worker"} {
		if images[service] != "langgenius/dify-api:1.14.0" {
			t.Errorf("%s runs on %q:\n%s", service, images[service], out)
		}
	}
	if len(images) != 5 {
		t.Errorf("running: %v", images)
	}
	l.script("inert")
	l.noSecret("upgraded", out)

	l.belay(0, "upgrade") // the registry may have newer builds of floating tags
	before = l.script("world")
	out = l.belay(0, "upgrade")
	if d := differs(before, l.script("world")); d != "" {
		t.Errorf("nothing was to be done, but:\n%s\n%s", d, out)
	}
	l.noSecret("nothing to do", out)
}
