package setup

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
	"golang.org/x/tools/txtar"

	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/lint/source"
)

// repository writes the files of an archive that stand below repo/.
func repository(t testing.TB, a *txtar.Archive) *source.Root {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		if name, ok := strings.CutPrefix(f.Name, "repo/"); ok {
			write(t, filepath.Join(dir, name), string(f.Data))
		}
	}
	root, err := source.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestPlan compares what is planned for the repository below repo/ with the
// files below want/, and the notes. UPDATE=1 writes them. With a file deploy it
// is what --runner plans, and the words of that file are what --deploy says.
func TestPlan(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatal(cases, err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			root := repository(t, a)
			found, err := Look(t.Context(), root)
			if err != nil {
				t.Fatal(err)
			}
			got := txtar.Archive{Comment: a.Comment}
			for _, f := range a.Files {
				if f.Name == "deploy" {
					found.Runner, found.Branch = true, "main"
					if root.Exists(configPath) {
						c, err := config.Load(root, configPath, nil)
						if err != nil {
							t.Fatal(err)
						}
						found.Configure(c)
					}
					if err := found.SetDeploy(strings.Fields(string(f.Data))); err != nil {
						t.Fatal(err)
					}
				}
				if strings.HasPrefix(f.Name, "repo/") || f.Name == "deploy" {
					got.Files = append(got.Files, f)
				}
			}
			for _, f := range Plan(found) {
				got.Files = append(got.Files, txtar.File{Name: "want/" + f.Path, Data: f.Data})
			}
			got.Files = append(got.Files, txtar.File{Name: "notes", Data: []byte(strings.Join(Notes(found), "\n") + "\n")})
			text := txtar.Format(&got)
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(name, text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(text)); d != "" {
				t.Errorf("look at it, then UPDATE=1 go test:\n%s", d)
			}
			if _, planned, _ := strings.Cut(string(text), "-- want/"); strings.Contains(planned, "canary") {
				t.Error("a value of an env file is in what is planned")
			}
			accepted(t, root, Plan(found))
			for _, f := range Plan(found) {
				if strings.Contains(f.Path, "/workflows/") {
					t.Run(path.Base(f.Path), func(t *testing.T) { actionlint(t, root.Abs(f.Path)) })
				}
			}
		})
	}
}

// accepted has the programs' own readers read what is planned.
func accepted(t *testing.T, root *source.Root, files []File) {
	t.Helper()
	if err := Write(root, files, false); err != nil {
		t.Fatal(err)
	}
	if files[0].Path != configPath {
		return
	}
	c, err := config.Load(root, configPath, []string{"healthcheck-missing"})
	if err != nil {
		t.Errorf("belay.yml: %v", err)
	} else if len(c.Stacks) == 0 {
		t.Error("belay.yml: no stack")
	}
	// What is commented out must be right as well, since people uncomment it.
	data, err := fs.ReadFile(root.FS(), configPath)
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`^[a-z-]+:( [a-z]+)? +#`)
	var all []string
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "# "); ok && (strings.HasPrefix(rest, " ") || key.MatchString(rest) || slices.ContainsFunc([]string{":\n", ": true\n", ": false\n"}, func(end string) bool { return strings.HasSuffix(rest, end) })) {
			line = rest
		}
		all = append(all, line)
	}
	write(t, root.Abs("all.yml"), strings.Join(all, ""))
	c, err = config.Load(root, "all.yml", []string{"healthcheck-missing"})
	if err != nil || len(c.Policy.Images) == 0 || len(c.Rules) == 0 || len(c.Upstreams) == 0 || len(c.Gates) == 0 || c.Comment == nil || c.Approval == "" || len(c.Windows) == 0 {
		t.Errorf("belay.yml, uncommented: %v", err)
	}
	for name, permissions := range map[string]string{
		workflowPath: "permissions:\n  contents: read\n  pull-requests: write # the comment, and the labels\n\n",
		publishPath:  "permissions:\n  actions: read # the result of the other run\n  contents: read\n  pull-requests: write # the comment\n\n",
	} {
		data, err := fs.ReadFile(root.FS(), name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("secrets.")) || bytes.Count(data, []byte("permissions:")) != 1 || !bytes.Contains(data, []byte(permissions)) {
			t.Errorf("%s asks for more than it needs", name)
		}
	}
}

// actionlint has the program look at a workflow.
func actionlint(t *testing.T, name string) {
	command := []string{"actionlint"}
	if _, err := exec.LookPath("actionlint"); err != nil {
		if !strings.Contains(os.Getenv("BELAY_TEST_REQUIRE"), "actionlint") {
			t.Skip("no actionlint here: the workflow was not checked by it")
		}
		command = []string{"go", "run", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"} // as `make lint` does
	}
	command = append(command, "-no-color", name)
	if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Errorf("actionlint: %v\n%s", err, out)
	}
}

// publishing is the part of the two workflows that has to fit together.
type publishing struct {
	Name string
	On   struct {
		Run struct{ Workflows, Types []string } `yaml:"workflow_run"`
	}
	Jobs map[string]struct {
		If    string
		Steps []struct {
			ID, If, Uses, Run string
			With              map[string]string
		}
	}
}

// The workflow that may write comments takes one file of the other, and
// nothing that a fork wrote runs in it.
func TestPublish(t *testing.T) {
	var check, publish publishing
	for text, into := range map[string]*publishing{string(workflow(Found{})): &check, publishText: &publish} {
		if err := yaml.Load([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(publish.On.Run.Workflows, []string{check.Name}) || !slices.Equal(publish.On.Run.Types, []string{"completed"}) {
		t.Errorf("runs after %v when %v, want %s when completed", publish.On.Run.Workflows, publish.On.Run.Types, check.Name)
	}
	if when := publish.Jobs["publish"].If; when != "github.event.workflow_run.event == 'pull_request'" {
		t.Errorf("runs if %s", when)
	}
	steps := publish.Jobs["publish"].Steps
	for _, s := range steps {
		if s.Run != "" || strings.HasPrefix(s.Uses, "actions/checkout@") {
			t.Errorf("runs %q, or checks out", s.Run)
		}
	}
	up := check.Jobs["check"].Steps[len(check.Jobs["check"].Steps)-1]
	down, belay := steps[0], steps[1]
	if up.With["name"] != down.With["name"] || belay.With["publish"] != down.With["path"]+"/"+path.Base(up.With["path"]) || belay.With["command"] != "check" {
		t.Errorf("uploaded is %v, downloaded %v, published %v", up.With, down.With, belay.With)
	}
	if !strings.HasPrefix(down.With["path"], "${{ runner.temp }}/") || down.With["run-id"] != "${{ github.event.workflow_run.id }}" {
		t.Errorf("downloaded is %v", down.With)
	}
	if copied := check.Jobs["check"].Steps[len(check.Jobs["check"].Steps)-2]; !strings.Contains(copied.Run, `"$RUNNER_TEMP/`+path.Base(up.With["path"])+`"`) || copied.If != up.If || !strings.Contains(up.If, "comment == 'refused'") {
		t.Errorf("copied by %q if %s, uploaded if %s", copied.Run, copied.If, up.If)
	}
}
