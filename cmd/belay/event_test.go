package main

import (
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const baseSHA = "0123456789abcdef0123456789abcdef01234567"

func TestParseEvent(t *testing.T) {
	pr := func(rest string) string { return `{"action":"opened","pull_request":{"number":7,` + rest + `}}` }
	base := `"base":{"ref":"main","sha":"` + baseSHA + `"}`
	tests := []struct {
		name, data string
		want       *event
		err        string
	}{
		{"pull request", pr(base + `,"title":"::error::x","labels":[{"name":"bump"}]`),
			&event{PullRequest: 7, Base: baseSHA}, ""},
		{"merge group", `{"merge_group":{"base_sha":"` + baseSHA + `","head_ref":"x"}}`, &event{Base: baseSHA}, ""},
		{"SHA-256", `{"merge_group":{"base_sha":"` + strings.Repeat("ab", 32) + `"}}`, &event{Base: strings.Repeat("ab", 32)}, ""},
		{"a ref in place of the commit", pr(`"base":{"sha":"--output=x"}`), nil, "not a commit id"},
		{"no base", pr(`"labels":[]`), nil, "not a commit id"},
		{"no number", `{"pull_request":{` + base + `}}`, nil, "pull_request.number is missing"},
		{"a number that is text", `{"pull_request":{"number":"s3cret",` + base + `}}`, nil, "pull_request.number is not of the shape"},
		{"a head", pr(base + `,"head":{"sha":"` + strings.Repeat("cd", 20) + `"}`), &event{PullRequest: 7, Base: baseSHA, Head: strings.Repeat("cd", 20)}, ""},
		{"a head that is none", pr(base + `,"head":{"sha":"main"}`), nil, "the head is not a commit id"},
		{"workflow run", `{"workflow_run":{"id":41,"head_sha":"` + baseSHA + `","head_branch":"b","head_repository":{"full_name":"fork/stack"},"pull_requests":[]}}`,
			&event{Head: baseSHA, Run: &ranBefore{"41", baseSHA, "fork/stack", "b"}}, ""},
		{"workflow run of a repository that is gone", `{"workflow_run":{"id":41,"head_sha":"` + baseSHA + `","head_repository":null}}`, nil, "the head is missing"},
		{"another event", `{"ref":"refs/heads/main"}`, nil, "neither"},
		{"empty", ``, nil, "not a JSON object"},
		{"two objects", `{}{}`, nil, "not a JSON object"},
		{"an array", `[]`, nil, "not a JSON object"},
		{"deep", strings.Repeat("[", 100_000), nil, "not a JSON object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseEvent([]byte(tt.data))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "s3cret") {
					t.Fatalf("got %v, %v; want an error with %q", got, err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestReadEvent(t *testing.T) {
	payload := fmt.Sprintf(`{"pull_request":{"number":7,"base":{"sha":%q}}}`, baseSHA)
	file := func(text string) func(string) (io.ReadCloser, error) {
		return func(name string) (io.ReadCloser, error) {
			if name != "/event.json" {
				return nil, fs.ErrNotExist
			}
			return io.NopCloser(strings.NewReader(text)), nil
		}
	}
	getenv := func(kind, path string) func(string) string {
		return func(k string) string {
			return map[string]string{"GITHUB_EVENT_NAME": kind, "GITHUB_EVENT_PATH": path}[k]
		}
	}
	if ev, err := readEvent(getenv("pull_request", "/event.json"), file(payload)); err != nil || ev.PullRequest != 7 {
		t.Errorf("pull_request: got %v, %v", ev, err)
	}
	if ev, err := readEvent(getenv("push", "/event.json"), file("not read")); err != nil || ev != nil {
		t.Errorf("push: got %v, %v; want neither", ev, err)
	}
	if _, err := readEvent(getenv("pull_request", ""), file(payload)); err == nil {
		t.Error("no event file: got no error")
	}
	if _, err := readEvent(getenv("pull_request", "/event.json"), file(payload+strings.Repeat(" ", maxEvent))); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a file over the bound: got %v", err)
	}
}

// Whatever the payload, what is used of it has the shape that the rest of the program expects.
func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(`{"pull_request":{"number":7,"base":{"sha":"` + baseSHA + `"},"labels":[{"name":"x"}]}}`))
	f.Add([]byte(`{"merge_group":{"base_sha":"` + baseSHA + `"}}`))
	f.Add([]byte(`{"pull_request":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		ev, err := parseEvent(data)
		if (err == nil) != (ev != nil) {
			t.Fatalf("got %v and %v", ev, err)
		}
		if ev != nil && (!isCommit(ev.Base) || ev.PullRequest < 0) {
			t.Fatalf("got %+v", ev)
		}
	})
}
