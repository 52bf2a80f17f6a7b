package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release/github/githubtest"
)

const (
	dify = "langgenius/dify"
	head = "# A comment.\n#\nrelease\tdate\tmigrations\tdify-plugin-daemon\tdify-agent\tweaviate\tflag\n"
	rows = "1.15.0\t2026-06-25\t195\t0.6.3-local\t\t1.27.0\t\n2.0.0-beta.1\t2026-06-26\t\t0.6.3-local\t\t1.27.0\tabandoned\n1.16.0\t2026-07-17\t200\t0.6.3-local\t=\t1.27.0\t\n"
)

// folder is a release's compose folder, with n migrations beside it.
func folder(version, daemon, weaviate string, agent bool, n int) map[string][]byte {
	text := fmt.Sprintf("services:\n  api:\n    image: langgenius/dify-api:%s\n  plugin_daemon:\n    image: langgenius/dify-plugin-daemon:${D:-%s}\n  weaviate:\n    image: semitechnologies/weaviate:%s\n", version, daemon, weaviate)
	if agent {
		text += "  agent_backend:\n    image: langgenius/dify-agent-backend:" + version + "\n"
	}
	files := map[string][]byte{"docker/docker-compose.yaml": []byte(text), "docker/.env.example": []byte("A=1\n"), migrations + "/README": nil}
	for i := range n {
		files[fmt.Sprintf("%s/%d_x.py", migrations, i)] = []byte("pass\n")
	}
	return files
}

func day(n int) time.Time { return time.Date(2026, 8, n, 9, 0, 0, 0, time.UTC) }

// upstream is a GitHub with the releases of rows, and one that each test may
// make of them.
func upstream(t *testing.T) *githubtest.Server {
	t.Helper()
	s := githubtest.New(t)
	s.AddToken("tok", "me", githubtest.Rights{})
	s.AddRepo(dify)
	for i, f := range []struct {
		version string
		agent   bool
	}{{"1.15.0", false}, {"2.0.0-beta.1", false}, {"1.16.0", true}} {
		s.AddRelease(dify, githubtest.Release{Tag: f.version, Published: day(i - 40)})
		s.AddFiles(dify, f.version, folder(f.version, "0.6.3-local", "1.27.0", f.agent, 1))
	}
	return s
}

func publish(s *githubtest.Server, version string, at time.Time, files map[string][]byte) {
	s.AddRelease(dify, githubtest.Release{Tag: version, Published: at})
	s.AddFiles(dify, version, files)
}

// updated runs the command on a table, and gives what it printed, the table
// afterwards and the error.
func updated(t *testing.T, s *githubtest.Server, text, token string, args ...string) (out, after string, err error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "dify.tsv")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	err = run(t.Context(), append([]string{"--api", s.URL, "--cache", "", "--table", name, "--token-env", "TOK"}, args...), func(key string) string {
		return map[string]string{"TOK": token}[key]
	}, &stdout, io.Discard)
	data, errRead := os.ReadFile(name)
	if errRead != nil {
		t.Fatal(errRead)
	}
	return stdout.String(), string(data), err
}

func TestNewReleases(t *testing.T) {
	s := upstream(t)
	publish(s, "1.17.0", day(20), folder("1.17.0", "0.6.10-local", "1.39.2", true, 7))
	publish(s, "1.17.0-rc1", day(10), folder("1.17.0-rc1", "0.6.10-local", "1.39.2", true, 6))
	publish(s, "1.15.1", time.Date(2026, 6, 26, 1, 0, 0, 0, time.UTC), folder("1.15.1", "0.6.4-local", "1.27.0", false, 3)) // a backport
	publish(s, "0.14.9", day(21), folder("0.14.9", "0.6.3-local", "1.27.0", false, 1))
	publish(s, "browser-profile", day(22), folder("x", "0.6.3-local", "1.27.0", false, 1))
	s.AddRelease(dify, githubtest.Release{Tag: "1.18.0", Published: day(23), Draft: true})
	old := strings.Split(strings.TrimSuffix(rows, "\n"), "\n")
	want := head + strings.Join([]string{old[0], old[1], "1.15.1\t2026-06-26\t3\t0.6.4-local\t\t1.27.0\t", old[2],
		"1.17.0-rc1\t2026-08-10\t6\t0.6.10-local\t=\t1.39.2\t", "1.17.0\t2026-08-20\t7\t0.6.10-local\t=\t1.39.2\t", ""}, "\n")

	out, after, err := updated(t, s, head+rows, "tok", "--check")
	if err == nil || after != head+rows || !strings.HasSuffix(out, "3 releases compared, 0 contradictions, 3 new\n") {
		t.Errorf("--check: %v, %s, %s", err, out, after)
	}
	_, after, err = updated(t, s, head+rows, "tok")
	if d := cmp.Diff(want, after); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if _, again, err := updated(t, s, after, "tok", "--check"); err != nil || again != after {
		t.Errorf("a second time: %v, %s", err, again)
	}
}

// Without a token the migrations are not counted: that takes several questions.
func TestWithoutToken(t *testing.T) {
	s := upstream(t)
	publish(s, "1.17.0", day(20), folder("1.17.0", "0.6.10-local", "1.39.2", true, 7))
	_, after, err := updated(t, s, head+rows, "")
	if err != nil || !strings.HasSuffix(after, "\n1.17.0\t2026-08-20\t\t0.6.10-local\t=\t1.39.2\t\n") {
		t.Errorf("%v\n%s", err, after)
	}
}

func TestContradictions(t *testing.T) {
	s := upstream(t)
	s.AddFiles(dify, "1.15.0", folder("1.15.0", "0.6.3-local", "1.28.0", true, 1))
	publish(s, "1.17.0", day(20), folder("1.17.0", "0.6.10-local", "1.39.2", true, 7))
	out, after, err := updated(t, s, head+rows, "tok")
	want := "1.15.0: dify-agent: catalog none, upstream =\n1.15.0: weaviate: catalog 1.27.0, upstream 1.28.0\n1.17.0: new, of 2026-08-20\n3 releases compared, 2 contradictions, 1 new\n"
	if d := cmp.Diff(want, out); d != "" || err == nil || after != head+rows {
		t.Errorf("%v, written %v (-want +got):\n%s", err, after != head+rows, d)
	}
}

func TestUnreadable(t *testing.T) {
	s := upstream(t)
	publish(s, "1.17.0", day(20), map[string][]byte{"README": nil})
	offline := githubtest.New(t)
	offline.Close()
	refused := upstream(t)
	refused.Fail(githubtest.Fault{On: "/releases", Status: 401, Message: "Bad credentials"})
	for _, c := range []struct {
		name, text, want string
		s                *githubtest.Server
	}{
		{"offline", head + rows, "langgenius/dify", offline},
		{"refused", head + rows, "langgenius/dify", refused},
		{"a new release without its folder", head + rows, "1.17.0: ", s},
		{"a row that upstream has no tag of", head + strings.Replace(rows, "1.16.0\t", "1.16.9\t", 1), "1.16.9: ", upstream(t)},
		{"a table with a cell too few", head + "1.15.0\t2026-06-25\n", "line 4: 2 columns, want 7", s},
		{"no column of dates", "release\tmigrations\n1.15.0\t1\n", `has no column "date"`, s},
		{"no release", head, "holds no release", s},
	} {
		out, after, err := updated(t, c.s, c.text, "tok")
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "tok") || after != c.text {
			t.Errorf("%s: %v, %q", c.name, err, out)
		}
	}
}

// The whole of the table, as far as upstream's folders are at hand.
func TestCorpus(t *testing.T) {
	root := os.DirFS(filepath.Join("..", "..", "..", "shared", "corpus"))
	index, err := fs.ReadFile(root, "INDEX.tsv")
	if err != nil {
		t.Skip("the corpus of real compose folders is not here")
	}
	data, err := os.ReadFile(filepath.Join("..", "..", "release", "catalog", "dify.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := parseTable(data)
	if err != nil {
		t.Fatal(err)
	}
	s := githubtest.New(t)
	s.AddToken("tok", "me", githubtest.Rights{})
	s.AddRepo(dify)
	folders := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(langgenius__dify/[0-9a-f]+)/docker/docker-compose\.yaml\t.*\tdify (?:tag )?(\d\S+)`).FindAllStringSubmatch(string(index), -1) {
		folders[m[2]] = m[1]
	}
	kept := "# Of which there are folders.\n" + strings.Join(all.head, "\t") + "\n"
	n := 0
	for _, r := range all.rows {
		if folders[r.version()] == "" {
			continue
		}
		n++
		kept += all.lines[r.line] + "\n"
		files := map[string][]byte{}
		err := fs.WalkDir(root, folders[r.version()], func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			files[strings.TrimPrefix(name, folders[r.version()]+"/")], err = fs.ReadFile(root, name)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s.AddFiles(dify, r.version(), maps.Clone(files))
		s.AddRelease(dify, githubtest.Release{Tag: r.version(), Published: day(n)})
	}
	out, _, err := updated(t, s, kept, "tok", "--check")
	if want := fmt.Sprintf("%d releases compared, 0 contradictions, 0 new\n", n); err != nil || out != want || n < 15 {
		t.Errorf("%v\n%s", err, out)
	}
	t.Log(strings.TrimSpace(out))
}
