package report

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// matcher is the part of a problem matcher that the runner reads
// (IssueMatcher.cs).
type matcher struct {
	Owner    string
	Severity string
	Pattern  []struct {
		Regexp                                      string
		File, Line, Column, Severity, Message, Code int
	}
}

func readMatchers(t *testing.T) []matcher {
	t.Helper()
	data, err := os.ReadFile("../../.github/belay-matcher.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ ProblemMatcher []matcher }
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.ProblemMatcher
}

// match gives severity, file, line, column, message and rule of every line
// that a matcher takes. The runner takes "error", "warning" and "notice" alone
// as a severity, so notes have a matcher of their own.
func match(t *testing.T, text string) []string {
	var got []string
	for line := range strings.SplitSeq(ansi.ReplaceAllString(text, ""), "\n") {
		for _, m := range readMatchers(t) {
			p := m.Pattern[0]
			found := regexp.MustCompile(p.Regexp).FindStringSubmatch(line)
			if found == nil {
				continue
			}
			severity := m.Severity
			if p.Severity > 0 {
				severity = found[p.Severity]
			}
			got = append(got, strings.Join([]string{severity, found[p.File], found[p.Line], found[p.Column], found[p.Message], found[p.Code]}, "|"))
			break
		}
	}
	return got
}

func TestMatcherReadsText(t *testing.T) {
	want := []string{
		"error|.env|7|1|1 secret key still has the example's public value|env-secret-default",
		"notice|compose.yaml|1|1|the record block names an older n8n|record-stale",
		"error|compose.yaml|4|12|n8nio/n8n:latest names no version|image-tag-floating",
		"warning|compose.yaml|9|32|dify-api has 1.13.2, dify-web 1.13.3|group-tag-mismatch",
	}
	for _, colour := range []bool{false, true} {
		if got := match(t, render(t, "text", sample(), Options{Color: colour})); !slices.Equal(got, want) {
			t.Errorf("matched\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestPreCommitHooks(t *testing.T) {
	data, err := os.ReadFile("../../.pre-commit-hooks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var hooks []struct{ ID, Entry, Language, Files string }
	if err := yaml.Unmarshal(data, &hooks); err != nil {
		t.Fatal(err)
	}
	for _, h := range hooks {
		re, err := regexp.Compile(h.Files)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"compose.yaml", "a/docker-compose.yml", "docker-compose.override.yml", ".env", "a/.env.example", "envs/db.env.example", "belay.yml", "belay.env-state"} {
			if !re.MatchString(name) {
				t.Errorf("%s: %s does not start it", h.ID, name)
			}
		}
		for _, name := range []string{"main.go", "compose.go", "environment.yml"} {
			if re.MatchString(name) {
				t.Errorf("%s: %s starts it", h.ID, name)
			}
		}
		if h.Language == "docker_image" && !strings.Contains(h.Entry, "@sha256:") {
			t.Errorf("%s: the image is not pinned", h.ID)
		}
	}
}
