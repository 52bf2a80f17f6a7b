package setup

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"golang.org/x/tools/txtar"
)

// runs is what has to hold of a workflow for a self-hosted runner.
type runs struct {
	On struct {
		Push struct{ Branches, Paths []string }
		Hand struct {
			Inputs map[string]struct{ Options []string }
		} `yaml:"workflow_dispatch"`
		Schedule []map[string]string
		Foreign  any `yaml:"pull_request"`
		Target   any `yaml:"pull_request_target"`
	}
	Permissions map[string]string
	Jobs        map[string]struct {
		If          string
		RunsOn      yaml.Node `yaml:"runs-on"`
		Timeout     int       `yaml:"timeout-minutes"`
		Concurrency struct {
			Group  string
			Cancel *bool `yaml:"cancel-in-progress"`
		}
		Strategy struct {
			Parallel int `yaml:"max-parallel"`
			Matrix   map[string]yaml.Node
		}
		Steps []struct {
			Uses, Run string
			Env       map[string]string
			With      map[string]string
		}
	}
}

// loaded writes the workflows for found, has actionlint look at them, and
// reads them.
func loaded(t *testing.T, found Found) map[string]runs {
	t.Helper()
	root := repository(t, &txtar.Archive{})
	files := runnerFiles(found)
	if err := Write(root, files, false); err != nil {
		t.Fatal(err)
	}
	out := map[string]runs{}
	for _, f := range files {
		actionlint(t, root.Abs(f.Path))
		var r runs
		if err := yaml.Load(f.Data, &r); err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		out[f.Path] = r
	}
	return out
}

// What each of the workflows must never do, for one stack and for several.
func TestRunnerWorkflows(t *testing.T) {
	one := Found{Branch: "main", Stacks: []Stack{{Name: "a", Dir: "a"}}}
	many := Found{Branch: "main", Stacks: []Stack{{Name: "b", Dir: "b"}, {Name: "a", Dir: "a", Host: "h", Canary: true}}}
	for name, found := range map[string]Found{"one": one, "many": many} {
		t.Run(name, func(t *testing.T) {
			for path, r := range loaded(t, found) {
				if r.On.Foreign != nil || r.On.Target != nil {
					t.Errorf("%s runs on pull requests", path)
				}
				if len(r.Jobs) != 1 || len(r.Permissions) != 4 {
					t.Errorf("%s: %d jobs, permissions %v", path, len(r.Jobs), r.Permissions)
				}
				for _, job := range r.Jobs {
					if c := job.Concurrency; c.Cancel == nil || *c.Cancel || !strings.HasPrefix(c.Group, "belay-") {
						t.Errorf("%s: %+v: what runs could be cut off", path, c)
					}
					if job.Timeout < 300 || len(found.Stacks) > 1 && path != rollbackPath && job.Strategy.Parallel != 1 {
						t.Errorf("%s: %d minutes, %d at once", path, job.Timeout, job.Strategy.Parallel)
					}
					for _, s := range job.Steps {
						if strings.Contains(s.Run, "${{") || strings.Contains(fmt.Sprint(s.With, s.Env), "secrets.") {
							t.Errorf("%s: %+v: text of others in a shell, or a secret", path, s)
						}
						if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != "false" {
							t.Errorf("%s: the checkout keeps the token", path)
						}
					}
				}
			}
		})
	}
}

// The inputs of the form reach the action, each under its name.
func TestRunnerInputs(t *testing.T) {
	for path, r := range loaded(t, Found{Stacks: []Stack{{Name: "a", Dir: "a"}, {Name: "b", Dir: "b"}}}) {
		given := map[string]string{}
		for _, job := range r.Jobs {
			for _, s := range job.Steps {
				if strings.HasPrefix(s.Uses, "belaystack/belay@") {
					given = s.With
				}
			}
		}
		if given["command"] == "" || given["stack"] == "" {
			t.Errorf("%s: %v", path, given)
		}
		for name, in := range r.On.Hand.Inputs {
			if name != "stack" && given[name] != "${{ inputs."+name+" }}" {
				t.Errorf("%s: input %s becomes %q", path, name, given[name])
			}
			if name == "stack" && !slices.Equal(slices.DeleteFunc(in.Options, func(s string) bool { return s == "(all)" }), []string{"a", "b"}) {
				t.Errorf("%s: stacks %v", path, in.Options)
			}
		}
	}
}

// Names that would mean something to YAML, to a filter or to an expression are
// written so that they mean themselves.
func TestRunnerHostileNames(t *testing.T) {
	dirs := []string{"a 'b' \"c\"", "${{ github.token }}", "a\nb: c", "x # y", "- z", "[a]*?+!", "é/環境", `back\slash`}
	found := Found{Branch: "it's-a#branch"}
	for i, name := range []string{"1", "on", "null", "0x1", "a.b_c-", "1e3", "A", "true"} {
		found.Stacks = append(found.Stacks, Stack{Name: name, Dir: dirs[i], Host: []string{"", "on", "1"}[i%3], Elsewhere: []string{"x/" + dirs[i]}})
	}
	for path, r := range loaded(t, found) {
		for _, p := range append(r.On.Push.Paths, r.On.Push.Branches...) {
			if strings.Contains(p, "${{") {
				t.Errorf("%s: filter %q is an expression", path, p)
			}
		}
		if got := r.On.Push.Paths; path == upgradePath && (len(got) != 2*len(dirs)+1 || got[0] != dirs[0]+"/**" || got[4] != "a*b: c/**") {
			t.Errorf("filters %q", got)
		}
		for _, job := range r.Jobs {
			if runsOn := job.RunsOn.Value; !strings.HasPrefix(runsOn, "${{ fromJSON('{") || !strings.Contains(runsOn, `"on":["self-hosted","linux","on"]`) {
				t.Errorf("%s: runs on %s", path, runsOn)
			}
		}
		if path == upgradePath && !slices.Equal(r.On.Push.Branches, []string{"it's-a#branch"}) || strings.Contains(r.Jobs["upgrade"].If, "it's") {
			t.Errorf("branches %v, if %s", r.On.Push.Branches, r.Jobs["upgrade"].If)
		}
		if got := r.On.Hand.Inputs["stack"].Options; path == rollbackPath && !slices.Equal(got, []string{"1", "on", "null", "0x1", "a.b_c-", "1e3", "A", "true"}) {
			t.Errorf("stacks %v", got)
		}
	}
}

// A branch that cannot be written is not.
func TestRunnerBranch(t *testing.T) {
	for branch, want := range map[string]string{"": "main", "trunk": "trunk", "a/${{x": "main"} {
		found := Found{Branch: branch, Stacks: []Stack{{Name: "a", Dir: "a"}}}
		if got := loaded(t, found)[upgradePath].On.Push.Branches; !slices.Equal(got, []string{want}) {
			t.Errorf("%q: pushes to %v", branch, got)
		}
	}
}

func TestSetDeploy(t *testing.T) {
	one, two := []Stack{{Name: "a"}}, []Stack{{Name: "a"}, {Name: "b", Deploy: "/srv/b", Told: true, Line: 7}}
	for _, test := range []struct {
		stacks  []Stack
		folders string
		want    string // folders of the stacks, or the error
	}{
		{one, "/srv/x", "/srv/x"},
		{one, "/srv/x/", "/srv/x"},
		{one, "/srv/a=b", "/srv/a=b"},
		{one, "a=/srv/x", "/srv/x"},
		{one, "/x /x", "/x"},
		{two, "a=/srv/x b=/srv/b", "/srv/x /srv/b"},
		{one, "/x /y", `--deploy "/y": stack a has /x already`},
		{one, "srv", `--deploy "srv": want the path of a folder on the host, such as /srv/a`},
		{one, "/", `--deploy "/": want the path of a folder on the host, such as /srv/a`},
		{one, "/srv/../etc", `--deploy "/srv/../etc": want the path of a folder on the host, such as /srv/a`},
		{one, "a=", `--deploy "a=": want the path of a folder on the host, such as /srv/a`},
		{one, "c=/x", `--deploy "c=/x": no stack "c"; there are a`},
		{two, "/x", `--deploy "/x": say of which stack, as NAME=FOLDER; there are a, b`},
		{two, "b=/x", `--deploy "b=/x": belay.yml:7 says deploy: /srv/b; change it there`},
	} {
		found := Found{Stacks: slices.Clone(test.stacks)}
		var got []string
		err := found.SetDeploy(strings.Fields(test.folders))
		for _, s := range found.Stacks {
			got = append(got, s.Deploy)
		}
		if text := strings.Join(got, " "); err == nil && text != test.want || err != nil && err.Error() != test.want {
			t.Errorf("%s: got %q, %v; want %s", test.folders, text, err, test.want)
		}
	}
}

// Whole workflows in the documentation are what GitHub takes.
func TestDocumentedWorkflows(t *testing.T) {
	top := filepath.Join("..", "..", "..")
	pages, err := filepath.Glob(filepath.Join(top, "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	fence := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	seen := map[string]int{}
	for _, page := range append(pages, filepath.Join(top, "README.md")) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fence.FindAllSubmatch(data, -1) {
			text := string(block[1])
			if !strings.Contains(text, "runs-on:") {
				continue // a part of one
			}
			name := filepath.Base(page)
			seen[name]++
			t.Run(fmt.Sprintf("%s-%d", name, seen[name]), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "workflow.yml")
				write(t, file, text)
				actionlint(t, file)
			})
		}
	}
	if seen["runner.md"] < 3 || seen["README.md"] == 0 || seen["action.md"] == 0 {
		t.Errorf("only %v were seen", seen)
	}
}
