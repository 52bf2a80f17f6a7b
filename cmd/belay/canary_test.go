package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/lint/source"
)

const canary = "cnry7f3a"

// TestNoValueInAnyOutput puts a canary in every value of every .env of the
// corpus, and of every .env that an example describes, and looks for it in all
// that the program can print.
func TestNoValueInAnyOutput(t *testing.T) {
	corpus := filepath.Join("..", "..", "..", "shared", "corpus")
	if _, err := os.Stat(corpus); err != nil {
		corpus = filepath.Join("..", "..", "testdata", "stacks")
		t.Log("the corpus of real env files is not here: only the project's own stacks are tried")
	}
	dirs := canaryDirs(t, corpus)
	if len(dirs) == 0 {
		t.Fatal("no env file found")
	}
	for _, dir := range dirs {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			work := plant(t, filepath.Join(corpus, dir))
			for _, args := range canaryCommands() {
				out := everything(t, work, args)
				if i := bytes.Index(out, []byte(canary)); i >= 0 {
					t.Errorf("belay %s prints a value: …%s…", strings.Join(args, " "), out[max(0, i-200):min(len(out), i+80)])
				}
			}
		})
	}
	t.Logf("%d folders with an env file", len(dirs))
}

func canaryCommands() [][]string {
	all := [][]string{{"lint", "--diff"}, {"env"}, {"env", "--dry-run"}, {"env", "--state"}, {"check", "--environment", "dev"}}
	for _, f := range report.Formats() {
		all = append(all, []string{"check", "--format", f.Name})
	}
	return all
}

// canaryDirs gives the folders that hold a compose file and an env file or an example.
func canaryDirs(t *testing.T, corpus string) []string {
	var dirs []string
	err := fs.WalkDir(os.DirFS(corpus), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		root, err := source.OpenRoot(filepath.Join(corpus, p))
		if err != nil {
			return err
		}
		defer root.Close()
		compose, _ := filepath.Glob(filepath.Join(corpus, p, "*compose*.y*ml"))
		if (root.Exists(".env") || root.Exists(".env.example")) && len(compose) > 0 {
			dirs = append(dirs, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// plant copies a folder and gives its .env a canary for every value.
func plant(t *testing.T, from string) string {
	work := t.TempDir()
	if err := os.CopyFS(work, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(work, ".env")
	data, err := os.ReadFile(name)
	if err != nil {
		data, err = os.ReadFile(name + ".example")
	}
	if err != nil {
		t.Fatal(err)
	}
	env, err := dotenv.Parse(source.New(".env", data), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for i, key := range env.Keys() {
		fmt.Fprintf(&out, "%s=%s%d\n", key, canary, i)
	}
	os.Chmod(work, 0o755)
	os.Remove(name)
	if err := os.WriteFile(name, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	// COMPOSE_FILE would now name no file: a second stack without it is looked at as well.
	return work
}

// everything runs belay as a person and as a runner would, and gives all of
// its output: streams, summary, outputs and files.
func everything(t *testing.T, work string, args []string) []byte {
	var out bytes.Buffer
	if code := run(t.Context(), append(args, work), nil, &out, &out, func(string) string { return "" }); code > exitCouldNot {
		t.Errorf("belay %v: exit code %d", args, code)
	}
	temp := t.TempDir()
	env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": work, "RUNNER_TEMP": temp,
		"GITHUB_OUTPUT": filepath.Join(temp, "output"), "GITHUB_STEP_SUMMARY": filepath.Join(temp, "summary")}
	for _, name := range []string{"output", "summary"} {
		os.WriteFile(filepath.Join(temp, name), nil, 0o644)
	}
	run(t.Context(), append(args, work), nil, &out, &out, func(k string) string { return env[k] })
	for _, dir := range []string{temp, work} {
		filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Base(p) != ".env" {
				data, _ := os.ReadFile(p)
				out.Write(data)
			}
			return err
		})
	}
	return out.Bytes()
}
