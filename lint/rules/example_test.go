package rules

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"golang.org/x/tools/txtar"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/catalog"
)

// example is a repository written as a txtar archive. Lines of its comment
// set what no file holds, as in
//
//	environment: dev
//	labels: release-notes-reviewed other
//
// The environment is prod and labels are unknown unless written; "labels:"
// alone is a pull request without any.
type example struct {
	files    map[string]string // by path; what is below base/ is the state before the change
	env      lint.Environment
	labels   []string
	labelsOK bool
}

func parseExample(t *testing.T, text string) *example {
	t.Helper()
	ar := txtar.Parse([]byte(text))
	ex := &example{files: map[string]string{}, env: lint.Prod}
	for _, f := range ar.Files {
		ex.files[f.Name] = string(f.Data)
	}
	for line := range strings.Lines(string(ar.Comment)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case !ok:
		case key == "environment":
			ex.env = lint.Environment(strings.TrimSpace(value))
		case key == "labels":
			ex.labels, ex.labelsOK = strings.Fields(value), true
		default:
			t.Fatalf("example: unknown setting %q", key)
		}
	}
	return ex
}

// check writes the example to disk and gives what r finds in it.
func (ex *example) check(t *testing.T, r *lint.Rule) []*lint.Finding {
	t.Helper()
	dir := t.TempDir()
	for name, data := range ex.files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in := lint.Input{Env: ex.env, Policy: ex.policy(t), Catalog: catalog.Load(), Labels: ex.labels, LabelsOK: ex.labelsOK,
		Stack: loadStack(t, dir), Examples: ex.examples(t, "")}
	if ex.hasBase() {
		in.Base = loadStack(t, filepath.Join(dir, "base"))
	} else if r.NeedsBase {
		t.Fatal("example: the rule needs a base, and there is none")
	}
	return lint.NewPass(in).Run(r)
}

func loadStack(t *testing.T, dir string) *compose.Stack {
	t.Helper()
	root, err := source.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	s, err := compose.Load(t.Context(), compose.Options{Root: root, Dir: "."})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// examples reads the example env files below prefix.
func (ex *example) examples(t *testing.T, prefix string) *dotenv.Set {
	t.Helper()
	set := &dotenv.Set{}
	for _, name := range slices.Sorted(maps.Keys(ex.files)) {
		if !strings.HasSuffix(name, ".env.example") || !strings.HasPrefix(name, prefix) {
			continue
		}
		if prefix == "" && strings.HasPrefix(name, "base/") {
			continue
		}
		f, err := dotenv.Parse(source.New(name, []byte(ex.files[name])), nil)
		if err != nil {
			t.Fatal(err)
		}
		set.Files = append(set.Files, f)
	}
	return set
}

// policy is the built-in one, with the image policies of the example's
// belay.yml before it.
func (ex *example) policy(t *testing.T) *lint.Policy {
	t.Helper()
	var file struct {
		Policy struct {
			Images []struct {
				Match     string
				Dev, Prod string
				Digest    bool
				Review    bool
			}
		}
	}
	if err := yaml.Unmarshal([]byte(ex.files["belay.yml"]), &file); err != nil {
		t.Fatal(err)
	}
	pins := map[string]image.Pin{"": image.Floating}
	for p := image.Floating; p <= image.Digest; p++ {
		pins[p.String()] = p
	}
	user := &lint.Policy{}
	for _, i := range file.Policy.Images {
		user.Images = append(user.Images, lint.ImagePolicy{Match: []string{i.Match}, Dev: pins[i.Dev], Prod: pins[i.Prod], Digest: i.Digest, Review: i.Review})
	}
	return lint.BuiltIn().With(user)
}

// markEnv replaces every value of every env file that is no example, and
// reports whether there was one. Empty values stay: that they are empty may be said.
func (ex *example) markEnv(mark func(string) string) bool {
	line := regexp.MustCompile(`(?m)^(\w+=)(["']?)([^"'\r\n]+)(["']?)$`)
	found := false
	for name, data := range ex.files {
		if base := path.Base(name); base != ".env" && !strings.HasSuffix(base, ".env") {
			continue
		}
		ex.files[name] = line.ReplaceAllStringFunc(data, func(s string) string {
			found = true
			m := line.FindStringSubmatch(s)
			return m[1] + m[2] + mark(m[3]) + m[4]
		})
	}
	return found
}

// hasBase reports whether the example has a state before the change.
func (ex *example) hasBase() bool {
	for name := range ex.files {
		if strings.HasPrefix(name, "base/") {
			return true
		}
	}
	return false
}

// read gives a file of the example.
func (ex *example) read(t *testing.T, name string) []byte {
	t.Helper()
	data, ok := ex.files[name]
	if !ok {
		t.Fatalf("example: no file %s", name)
	}
	return []byte(data)
}
