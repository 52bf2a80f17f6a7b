package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// labStack is a stack of testdata/lab, and the scripts that judge it. It is that of
// BELAY_TEST_LAB, a folder made by `testdata/lab/lab stack DIR`, on the engine of
// `testdata/lab/lab env`.
type labStack struct {
	*testing.T
	dir, state string
	bin, older string // programs of two versions
}

// TestLab plays whole runs, one after the other on one stack. Each verdict is that of
// scripts which share no code with Belay. To add one: a method, and a line here; it
// begins with a stack that runs, of whatever version, and ends with one.
func TestLab(t *testing.T) {
	dir := os.Getenv("BELAY_TEST_LAB")
	if dir == "" {
		if slices.Contains(strings.Split(os.Getenv("BELAY_TEST_REQUIRE"), ","), "lab") {
			t.Fatal("BELAY_TEST_LAB is not set, and BELAY_TEST_REQUIRE asks for the lab")
		}
		t.Skip("needs a stack of the lab: testdata/lab/lab stack DIR, and BELAY_TEST_LAB=DIR")
	}
	l := &labStack{t, dir, filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "belay"), filepath.Join(t.TempDir(), "belay")}
	l.build(l.bin, "1.0.0")
	l.build(l.older, "0.9.0")
	t.Cleanup(l.reset)
	whole := true // the stack, and what Belay knows of it
	l.reset()
	for _, play := range []struct {
		name string
		run  func(*labStack)
	}{
		{"whole", (*labStack).whole}, {"keeps data", (*labStack).keepsData}, {"service", (*labStack).service}, {"checkout", (*labStack).checkout},
		{"backup", (*labStack).backup}, {"recovery", (*labStack).recovery}, {"cancelled", (*labStack).cancelled},
		{"refused", (*labStack).refused}, {"latest", (*labStack).latest}, {"dify", (*labStack).dify},
		{"lacks", (*labStack).lacks},
		{"held", (*labStack).held}, {"unheard", (*labStack).unheard}, {"regretted", (*labStack).regretted}, {"bereft", (*labStack).bereft}, {"overtaken", (*labStack).overtaken},
	} {
		if !whole {
			l.reset()
		}
		whole = t.Run(play.name, func(t *testing.T) { play.run(&labStack{t, l.dir, l.state, l.bin, l.older}) })
	}
}

// build makes a static program that says it is of a version.
func (l *labStack) build(to, version string) {
	l.Helper()
	build := exec.Command("go", "build", "-ldflags", "-X main.version="+version, "-o", to, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		l.Fatalf("%v: %s", err, out)
	}
}

// reset makes the stack what it was at first; Belay knows nothing of it.
func (l *labStack) reset() {
	l.Helper()
	l.script("lab", "reset")
	if err := os.RemoveAll(l.state); err != nil {
		l.Fatal(err)
	}
	l.write("belay.yml", l.config(""))
}

// config is a belay.yml with more keys.
func (l *labStack) config(more string) string {
	return "version: 1\nstate: " + l.state + "\nlaunch: {window: 1s}\n" + more
}

// write replaces a file of the stack.
func (l *labStack) write(name, content string) {
	l.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(content), 0o644); err != nil {
		l.Fatal(err)
	}
}

// read gives a file of the stack.
func (l *labStack) read(name string) string {
	l.Helper()
	b, err := os.ReadFile(filepath.Join(l.dir, name))
	if err != nil {
		l.Fatal(err)
	}
	return string(b)
}

// script runs one of testdata/lab on the stack and gives what it printed.
func (l *labStack) script(args ...string) string {
	l.Helper()
	return l.lab(append(args, l.dir)...)
}

// lab runs a script of testdata/lab.
func (l *labStack) lab(args ...string) string {
	l.Helper()
	out, err := exec.Command(filepath.Join("..", "..", "testdata", "lab", args[0]), args[1:]...).Output()
	if err != nil {
		l.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// belay runs the program in the stack's folder. What it prints holds no secret.
func (l *labStack) belay(want int, args ...string) string {
	l.Helper()
	out, code := l.run(l.bin, args...)
	if code != want {
		l.Fatalf("belay %s: exit code %d, want %d\n%s", strings.Join(args, " "), code, want, out)
	}
	l.noSecret(strings.Join(args, " "), out)
	return out
}

// run runs a program in the stack's folder.
func (l *labStack) run(bin string, args ...string) (string, int) {
	l.Helper()
	cmd := exec.Command(bin, args...)
	cmd.Dir = l.dir
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		l.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// says fails unless every text stands in out.
func (l *labStack) says(out string, texts ...string) {
	l.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			l.Errorf("it does not say %q:\n%s", text, out)
		}
	}
}

// compose runs docker compose in the stack's folder.
func (l *labStack) compose(args ...string) string {
	l.Helper()
	out, code := l.run("docker", append([]string{"compose"}, args...)...)
	if code != 0 {
		l.Fatalf("docker compose %s: %s", strings.Join(args, " "), out)
	}
	return strings.TrimSpace(out)
}

// sql asks the database of Dify.
func (l *labStack) sql(query string) string {
	l.Helper()
	return l.compose("exec", "-T", "postgres", "psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "dify", "-c", query)
}

// write3 is what users write meanwhile: rows whose number written gives.
func (l *labStack) write3() {
	l.Helper()
	l.sql("INSERT INTO dify_app.messages (query, answer) SELECT 'lab-written', 'x' FROM generate_series(1, 3)")
}

func (l *labStack) written() string {
	l.Helper()
	return l.sql("SELECT count(*) FROM dify_app.messages WHERE query = 'lab-written'")
}

// world is the state of the stack, without what a rollback may leave: what Belay keeps,
// when a file of the stack's folder was last put in its place, and the lines that begin
// with one of without.
func (l *labStack) world(without ...string) string {
	l.Helper()
	return leaving(l.script("world", "--no", "kept", "--no", "belay"), append(without, "files stack . directory "))
}

// leaving gives a text but for the lines that begin with one of without.
func leaving(text string, without []string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool {
		return slices.ContainsFunc(without, func(w string) bool { return strings.HasPrefix(line, w) })
	}), "\n")
}

// same fails unless the stack is what it was, and docker compose up would change nothing.
func (l *labStack) same(before, out string, without ...string) {
	l.Helper()
	if d := differs(leaving(before, without), l.world(without...)); d != "" {
		l.Errorf("the stack is not what it was:\n%s\n%s", d, out)
	}
	l.script("inert")
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
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
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
