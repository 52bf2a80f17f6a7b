package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// actionFile is an action.yml, its inputs and outputs in order.
type actionFile struct {
	Inputs, Outputs []actionField
	Runs            map[string]string
}

type actionField struct{ Name, Description, Default string }

func readActionFile(t *testing.T, name string) actionFile {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Inputs, Outputs yaml.Node
		Runs            map[string]string
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return actionFile{actionFields(t, &doc.Inputs), actionFields(t, &doc.Outputs), doc.Runs}
}

func actionFields(t *testing.T, n *yaml.Node) (out []actionField) {
	t.Helper()
	for i := 0; i+1 < len(n.Content); i += 2 {
		f := actionField{Name: n.Content[i].Value}
		if err := n.Content[i+1].Decode(&f); err != nil {
			t.Fatal(err)
		}
		if f.Description == "" || strings.ContainsAny(f.Description, "|\n") {
			t.Errorf("%s: the description %q cannot stand in a table", f.Name, f.Description)
		}
		out = append(out, f)
	}
	return out
}

func TestActionFilesAgreeWithTheCode(t *testing.T) {
	full, small := readActionFile(t, "../../action.yml"), readActionFile(t, "../../lint/action.yml")
	var inputs []actionField // of full, those that need no host
	for _, in := range full.Inputs {
		if i := slices.IndexFunc(actionInputs, func(a actionInput) bool { return a.name == in.Name }); i >= 0 && !actionInputs[i].host {
			inputs = append(inputs, in)
		}
	}
	checks := cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Description" }, cmp.Comparer(func(a, b string) bool {
		// What full says of a check, and more of a host.
		return a == b || strings.HasPrefix(a, "What to run: `check`, `lint` or `env`") && strings.HasPrefix(b, "What to run: `check`, `lint` or `env`") || strings.Contains(a+b, "On a host ")
	}))
	if d := cmp.Diff(inputs, small.Inputs, checks) + cmp.Diff(full.Outputs[:checkOutputs], small.Outputs, checks); d != "" {
		t.Errorf("action.yml (-) and lint/action.yml (+) differ:\n%s", d)
	}
	var code, file []string
	for _, in := range actionInputs {
		code = append(code, in.name+"="+in.fallback)
	}
	for _, in := range full.Inputs {
		file = append(file, in.Name+"="+in.Default)
	}
	if d := cmp.Diff(code, file); d != "" {
		t.Errorf("the inputs of the code (-) and of action.yml (+) differ:\n%s", d)
	}
	file = nil
	for _, out := range full.Outputs {
		file = append(file, out.Name)
	}
	if d := cmp.Diff(actionOutputs, file); d != "" {
		t.Errorf("the outputs of the code (-) and of action.yml (+) differ:\n%s", d)
	}
	if full.Runs["using"] != "docker" || full.Runs["image"] != "Dockerfile" {
		t.Errorf("action.yml runs %v, want the Dockerfile", full.Runs)
	}
	if want := "docker://ghcr.io/belaystack/belay-check:"; !strings.HasPrefix(small.Runs["image"], want) {
		t.Errorf("lint/action.yml runs %q, want %s…", small.Runs["image"], want)
	}
}

// Every input that sets a flag sets one that its commands have.
func TestActionInputsAreFlags(t *testing.T) {
	root := newRoot(&app{getenv: func(string) string { return "" }})
	for _, name := range slices.Concat(actionCommands, hostCommands) {
		cmd, _, err := root.Find([]string{name})
		if err != nil {
			t.Errorf("no command %s: %v", name, err)
			continue
		}
		for _, in := range actionInputs {
			if in.flag != "" && cmd.Flag(in.flag) == nil && (in.commands == nil || slices.Contains(in.commands, name)) {
				t.Errorf("%s has no flag --%s for the input %s", name, in.flag, in.name)
			}
		}
	}
}

const actionPage, generatedBelow = "../../docs/action.md", "<!-- What follows is written by `make docs` from action.yml. -->\n"

func TestActionPage(t *testing.T) {
	page, err := os.ReadFile(actionPage)
	if err != nil {
		t.Fatal(err)
	}
	prose, _, ok := bytes.Cut(page, []byte(generatedBelow))
	if !ok {
		t.Fatalf("%s has no line %q", actionPage, generatedBelow)
	}
	f := readActionFile(t, "../../action.yml")
	want := string(prose) + generatedBelow + actionTables(f)
	if want == string(page) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s is not what action.yml says; `make docs` writes it:\n%s", actionPage, cmp.Diff(string(page), want))
	}
	if err := os.WriteFile(actionPage, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func actionTables(f actionFile) string {
	var b strings.Builder
	b.WriteString("\n## Inputs\n\n| input | default | what |\n|---|---|---|\n")
	for _, in := range f.Inputs {
		fallback := in.Default
		if fallback != "" {
			fallback = "`" + fallback + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", in.Name, fallback, in.Description)
	}
	b.WriteString("\n## Outputs\n\n| output | what |\n|---|---|\n")
	for _, out := range f.Outputs {
		fmt.Fprintf(&b, "| `%s` | %s |\n", out.Name, out.Description)
	}
	return b.String()
}

func TestActionArgs(t *testing.T) {
	const sha = "0123456789abcdef0123456789abcdef01234567"
	tests := []struct {
		name  string
		env   map[string]string
		event *event
		want  []string
		texts []envText
		err   string // a part of it
	}{
		{name: "nothing given", want: []string{"check"}},
		{name: "empty inputs are flags not given", env: map[string]string{"INPUT_COMMAND": "lint", "INPUT_CONFIG": "", "INPUT_BASE": " \n"},
			want: []string{"lint"}},
		{name: "every flag", env: map[string]string{"INPUT_COMMAND": "check", "INPUT_PATH": "stacks/a", "INPUT_CONFIG": "ops/belay.yml",
			"INPUT_ENVIRONMENT": "dev", "INPUT_FAIL-ON": "warning", "INPUT_FORMAT": "sarif", "INPUT_BASE": "origin/main", "INPUT_BASELINE": "old.json"},
			want: []string{"check", "--config=ops/belay.yml", "--environment=dev", "--fail-on=warning", "--format=sarif",
				"--base=origin/main", "--baseline=old.json", "--", "stacks/a"}},
		{name: "a value is never a flag of its own", env: map[string]string{"INPUT_PATH": "--write-baseline=x", "INPUT_BASE": "--output=y"},
			want: []string{"check", "--base=--output=y", "--", "--write-baseline=x"}},
		{name: "a block scalar's last newline", env: map[string]string{"INPUT_CONFIG": "a.yml\n"}, want: []string{"check", "--config=a.yml"}},
		{name: "two lines", env: map[string]string{"INPUT_CONFIG": "a.yml\nb.yml"}, err: "input config: more than one line"},
		{name: "unknown command", env: map[string]string{"INPUT_COMMAND": "upgrad"}, err: `no command "upgrad": want check, lint, env, plan, upgrade`},
		{name: "on a host", env: map[string]string{"INPUT_COMMAND": "rollback", "INPUT_STACK": "a", "INPUT_PATH": "b", "INPUT_RUN": "--x", "INPUT_ACCEPT-DATA-LOSS": "true", "INPUT_FORMAT": "json"}, event: &event{Base: sha},
			want: []string{"rollback", "--format=json", "--accept-data-loss=true", "--", "--x"}},
		{name: "an env of the host", env: map[string]string{"INPUT_COMMAND": "upgrade", "INPUT_ENV": "A=1"}, err: "works with the .env of the host"},
		{name: "an input of another host command", env: map[string]string{"INPUT_COMMAND": "verify", "INPUT_RUN": "x"}, err: "input run: verify does not take it: only rollback"},
		{name: "a stack without a host", env: map[string]string{"INPUT_COMMAND": "check", "INPUT_STACK": "x"}, err: "input stack: check does not take it"},
		{name: "a flag that the command has not", env: map[string]string{"INPUT_COMMAND": "env", "INPUT_BASELINE": "x"}, err: "env does not take it: only check and lint"},
		{name: "the event's base", event: &event{PullRequest: 3, Base: sha}, want: []string{"check", "--base=" + sha, "--merge-base"}},
		{name: "a base that was given", event: &event{Base: sha}, env: map[string]string{"INPUT_BASE": "v1"}, want: []string{"check", "--base=v1"}},
		{name: "an event without a base", event: &event{}, want: []string{"check"}},
		{name: "env texts as they are, in order", env: map[string]string{"INPUT_ENV-2": "B=2\n", "INPUT_ENV": " A=1 ", "INPUT_ENV-3": " \n"},
			want: []string{"check"}, texts: []envText{{"env", " A=1 "}, {"env-2", "B=2\n"}}},
		{name: "the token is no argument", env: map[string]string{"INPUT_TOKEN": "ghs_x"}, want: []string{"check"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args, texts, err := actionArgs(func(k string) string { return tt.env[k] }, tt.event)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, %v; want an error with %q", args, err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, args) + cmp.Diff(tt.texts, texts); d != "" {
				t.Error(d)
			}
		})
	}
}
