package setup

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
// files below want/, and the notes. UPDATE=1 writes them.
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
				if strings.HasPrefix(f.Name, "repo/") {
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
		})
	}
}

// accepted has the programs' own readers read what is planned.
func accepted(t *testing.T, root *source.Root, files []File) {
	t.Helper()
	if err := Write(root, files, false); err != nil {
		t.Fatal(err)
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
	var all []string
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "# "); ok && (strings.HasPrefix(rest, " ") || strings.HasSuffix(strings.TrimSpace(rest), ":")) {
			line = rest
		}
		all = append(all, line)
	}
	write(t, root.Abs("all.yml"), strings.Join(all, ""))
	c, err = config.Load(root, "all.yml", []string{"healthcheck-missing"})
	if err != nil || len(c.Policy.Images) == 0 || len(c.Rules) == 0 {
		t.Errorf("belay.yml, uncommented: %v", err)
	}
	data, err = fs.ReadFile(root.FS(), workflowPath)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte("secrets.")) || !bytes.Contains(data, []byte("permissions:\n  contents: read\n")) {
		t.Error("the workflow asks for more than it needs")
	}
	bin, err := exec.LookPath("actionlint")
	if err != nil {
		t.Log("no actionlint here: the workflow was not checked by it")
		return
	}
	if out, err := exec.CommandContext(t.Context(), bin, "-no-color", root.Abs(workflowPath)).CombinedOutput(); err != nil {
		t.Errorf("actionlint: %v\n%s", err, out)
	}
}
