package compose

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/belaystack/belay/lint/source"
)

// oracleVersion is the docker compose whose word is taken.
const oracleVersion = "2.40.3"

// exceptions are files where compose-go, at the version we use, and the
// oracle differ on purpose.
var exceptions = map[string]string{}

var envNotFound = regexp.MustCompile(`env file (\S+) not found`)

// TestCorpus holds the model against the real binary: for each YAML file of
// the corpus that `docker compose config` accepts, every service and image is
// equal; for each that it refuses there is a problem with a position.
func TestCorpus(t *testing.T) {
	corpus := corpusDir(t)
	requireOracle(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(corpus)); err != nil {
		t.Fatal(err)
	}
	var files []string
	fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if strings.HasPrefix(d.Name(), ".env.") && !strings.HasPrefix(d.Name(), ".env.local") {
			example(t, filepath.Join(dir, p))
		}
		if ext := filepath.Ext(p); ext == ".yml" || ext == ".yaml" {
			files = append(files, p)
		}
		return err
	})
	var mu sync.Mutex
	accepted, refused, exempt := 0, 0, 0
	t.Run("files", func(t *testing.T) {
		for _, file := range files {
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				ok := compareWithOracle(t, dir, file)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case exceptions[file] != "":
					exempt++
				case ok:
					accepted++
				default:
					refused++
				}
			})
		}
	})
	t.Logf("%d files: %d accepted and equal, %d refused with a position, %d exceptions", len(files), accepted, refused, exempt)
	if len(files) < 200 || accepted < 150 || len(exceptions) > 3 {
		t.Errorf("the corpus or the oracle is not what it was")
	}
}

func compareWithOracle(t *testing.T, dir, file string) (accepted bool) {
	want, refusal := oracle(t, filepath.Join(dir, file))
	root, err := source.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	s, err := Load(t.Context(), Options{Root: root, Dir: filepath.Dir(file), Files: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	if refusal != "" {
		if len(s.Problems) == 0 && !explained(s) {
			t.Errorf("docker compose refuses: %s; we say nothing", refusal)
		}
		for _, p := range s.Problems {
			if p.Span.Line < 1 || p.Span.Col < 1 || p.Span.File == "" {
				t.Errorf("problem without a position: %+v", p)
			}
			t.Logf("%s: %s\n  docker compose: %s", p.Span, p.Msg, refusal)
		}
		return false
	}
	got := map[string]string{}
	for _, svc := range s.Services {
		if svc.Enabled {
			got[svc.Name] = svc.Image.Reveal()
		}
	}
	for _, p := range s.Problems {
		t.Errorf("docker compose accepts; we say %s: %s", p.Span, p.Msg)
	}
	for name, image := range want {
		if got[name] != image {
			t.Errorf("service %s: image %q, docker compose says %q", name, got[name], image)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("service %s: docker compose has none", name)
	}
	return true
}

// explained reports whether a rule has what it needs to say what compose does:
// a required variable without a value.
func explained(s *Stack) bool {
	return slices.ContainsFunc(s.Vars, func(v Var) bool { return v.Error != "" || v.Op == ":?" && (!v.Set || v.Empty) })
}

// oracle asks the real docker compose. Env files that are not in the corpus
// because they hold secrets are made, empty, first.
func oracle(t *testing.T, file string) (images map[string]string, refusal string) {
	for range 60 {
		cmd := exec.Command("docker", "compose", "-f", filepath.Base(file), "config", "--format", "json")
		cmd.Dir = filepath.Dir(file)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "DOCKER_CONFIG=" + os.Getenv("DOCKER_CONFIG")}
		out, err := cmd.Output()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			refusal = strings.TrimSpace(string(exit.Stderr))
			if m := envNotFound.FindStringSubmatch(refusal); m != nil {
				os.MkdirAll(filepath.Dir(m[1]), 0o755)
				if err := os.WriteFile(m[1], nil, 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			return nil, refusal
		}
		if err != nil {
			t.Fatal(err)
		}
		var project struct {
			Services map[string]struct{ Image string }
		}
		if err := json.Unmarshal(out, &project); err != nil {
			t.Fatal(err)
		}
		images = map[string]string{}
		for name, s := range project.Services {
			images[name] = s.Image
		}
		return images, ""
	}
	t.Fatalf("%s: env files without end", file)
	return nil, ""
}

// example puts a copy of an example env file where the real one would be.
func example(t *testing.T, name string) {
	real := filepath.Join(filepath.Dir(name), ".env")
	if _, err := os.Stat(real); err == nil {
		return
	}
	data, err := os.ReadFile(name)
	if err == nil {
		err = os.WriteFile(real, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func corpusDir(t testing.TB) string {
	dir := filepath.Join("..", "..", "..", "shared", "corpus")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the corpus of real compose files is not here")
	}
	return dir
}

func requireOracle(t *testing.T) {
	out, err := exec.Command("docker", "compose", "version", "--short").Output()
	if v := strings.TrimPrefix(strings.TrimSpace(string(out)), "v"); err != nil || v != oracleVersion {
		if strings.Contains(os.Getenv("BELAY_TEST_REQUIRE"), "compose") {
			t.Fatalf("docker compose %s is required; found %q (%v)", oracleVersion, v, err)
		}
		t.Skipf("docker compose %s is not here (found %q)", oracleVersion, v)
	}
}
