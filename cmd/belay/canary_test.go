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
	all := [][]string{{"lint", "--diff"}, {"env"}, {"env", "--dry-run"}, {"env", "--state"}, {"check", "--environment", "dev"}, {"check", "--format", "markdown", "--offline"}}
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

// everywhere is a stack in which variables stand wherever compose takes them,
// with values that make the rules speak.
const everywhere = `name: ${PROJECT:-shop}
services:
  db:
    image: postgres:${TAG}
    container_name: ${CONTAINER}
    hostname: ${HOST}
    environment: {PGDATA: "${PGDATA_DIR}", POSTGRES_PASSWORD: "${PASSWORD}"}
    volumes: ["data:${TARGET}", "${FOLDER}:/docker-entrypoint-initdb.d/${FILE}"]
  store:
    image: postgres:17
    volumes: ["${VOLUME}:/var/lib/postgresql/data/${PART}"]
    environment: {PGDATA: "/var/lib/postgresql/data/${PART}"}
  app:
    image: ${NAME}:latest
    environment: {DB_HOST: "${HOST2}", N8N_ENCRYPTION_KEY: "${PASSWORD}"}
    depends_on: {off: {condition: service_started, required: false}}
    tmpfs: ["${MEMORY}"]
  off:
    image: postgres:17
    profiles: ["${PROFILE}"]
    volumes: ["${VOLUME}:/var/lib/postgresql/data"]
  n8n:
    image: n8nio/n8n:${TAG}
    volumes: ["${ANONYMOUS}"]
    env_file: ["${FILE}.env"]
  api: {image: "langgenius/dify-api:${TAG}"}
  web: {image: "langgenius/dify-web:${TAG2}"}
  sandbox: {image: "langgenius/dify-sandbox:${TAG}"}
  redis: {image: "redis:${TAG2}", tmpfs: ["${MEMORY}"]}
volumes:
  data: {name: "${VOLUME}"}
`

// TestNoValueFromAnywhere: a value is hidden also where it is no image: in a
// mount's target, a profile, a host, a name.
func TestNoValueFromAnywhere(t *testing.T) {
	work := t.TempDir()
	for _, state := range []string{"base", "head"} {
		c := canary + state
		env := strings.NewReplacer("@", c).Replace(`TAG=18-@
TAG2=@-2
CONTAINER=@
HOST=@host
HOST2=@other
PGDATA_DIR=/@/pgdata
PASSWORD=@@
TARGET=/var/lib/postgresql/data/@
FOLDER=./@
FILE=@file
VOLUME=@vol
PART=@part
NAME=@/app
MEMORY=/data/@
PROFILE=@profile
ANONYMOUS=/home/node/.n8n/@
`)
		os.MkdirAll(filepath.Join(work, state), 0o755)
		os.WriteFile(filepath.Join(work, state, ".env"), []byte(env), 0o600)
		os.WriteFile(filepath.Join(work, state, "compose.yaml"), []byte(everywhere), 0o644)
	}
	base := "--base=" + filepath.Join(work, "base")
	found := 0
	for _, args := range append(canaryCommands(), []string{"check", base, "--offline"},
		[]string{"check", base, "--offline", "--format", "json"}, []string{"check", base, "--offline", "--format", "markdown"}, []string{"check", base, "--offline", "--format", "html"},
		[]string{"plan", base}, []string{"env", base}, []string{"lint", "--diff", base}) {
		out := everything(t, filepath.Join(work, "head"), args)
		found += bytes.Count(out, []byte("[compose-profile-off]")) + bytes.Count(out, []byte("[volume-renamed]"))
		if i := bytes.Index(out, []byte(canary)); i >= 0 {
			t.Errorf("belay %s prints a value: …%s…", strings.Join(args, " "), out[max(0, i-200):min(len(out), i+80)])
		}
	}
	if found == 0 {
		t.Error("the rules that have such a text to print did not speak")
	}
}
