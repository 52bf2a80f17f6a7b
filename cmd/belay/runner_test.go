package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// labelServer answers like GitHub where it lists the labels of an issue, and
// fails the test on any other question.
type labelServer struct {
	labels []string // one page each
	status int      // instead of an answer
	asked  int
}

func (s *labelServer) serve(t *testing.T) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked++
		if r.Method != "GET" || r.URL.Path != "/api/v3/repos/acme/stack/issues/7/labels" {
			t.Errorf("unexpected request: %s %s", r.Method, r.URL.Path)
		}
		if got := r.Header.Get("Authorization"); got != "Bearer ghs_test" {
			t.Errorf("authorization %q", got)
		}
		switch s.status {
		case 0:
		case http.StatusTooManyRequests:
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Limit", "1000")
			w.Header().Set("X-RateLimit-Reset", fmt.Sprint(time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC).Unix()))
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"message":"API rate limit exceeded"}`)
			return
		default:
			w.WriteHeader(s.status)
			fmt.Fprint(w, `{"message":"Resource not accessible by integration"}`)
			return
		}
		page := 1
		fmt.Sscan(r.URL.Query().Get("page"), &page)
		if page < len(s.labels) {
			w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=%d>; rel="next"`, r.Host, r.URL.Path, page+1))
		}
		if len(s.labels) == 0 {
			fmt.Fprint(w, "[]")
			return
		}
		fmt.Fprintf(w, `[{"id":1,"name":%q,"color":"ededed","default":false}]`, s.labels[page-1])
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/api/v3/"
}

// pullRequest makes a checkout as a runner has it, in which one image changes
// from the base, and gives it with the environment of the job.
func pullRequest(t *testing.T, from, to string) map[string]string {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not here, which makes the checkout")
	}
	ws, temp := t.TempDir(), t.TempDir()
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", ws, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	write := func(img string) {
		text := "name: a\nservices:\n  sandbox:\n    image: " + img + "\n"
		if err := os.WriteFile(filepath.Join(ws, "compose.yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git("init", "-q", "-b", "main")
	write(from)
	git("add", ".")
	git("commit", "-qm", "base")
	base := git("rev-parse", "HEAD")
	write(to)
	git("commit", "-qam", "bump")
	for _, name := range []string{"output", "summary"} {
		os.WriteFile(filepath.Join(temp, name), nil, 0o644)
	}
	event := fmt.Sprintf(`{"action":"synchronize","pull_request":{"number":7,"base":{"sha":%q},"labels":[]}}`, base)
	os.WriteFile(filepath.Join(temp, "event.json"), []byte(event), 0o644)
	return map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": ws, "RUNNER_TEMP": temp,
		"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": filepath.Join(temp, "event.json"),
		"GITHUB_REPOSITORY": "acme/stack", "GITHUB_OUTPUT": filepath.Join(temp, "output"),
		"GITHUB_STEP_SUMMARY": filepath.Join(temp, "summary"), "INPUT_TOKEN": "ghs_test", "INPUT_COMMAND": "check", "INPUT_OFFLINE": "true"}
}

// TestReviewLabel: the label is asked of GitHub, because a run that is
// repeated sees the event of the first; and only when it decides something.
func TestReviewLabel(t *testing.T) {
	const old, bumped = "langgenius/dify-sandbox:0.2.12", "langgenius/dify-sandbox:0.2.14"
	tests := []struct {
		name   string
		to     string
		server labelServer
		code   int
		want   string
		asked  int
	}{
		{"no label", bumped, labelServer{}, exitFindings, "release notes", 1},
		{"the label, on the second page", bumped, labelServer{labels: []string{"bug", "release-notes-reviewed"}}, exitOK, "", 2},
		{"a token that may not read", bumped, labelServer{status: 403}, exitFindings, "GitHub refused it (403)", 1},
		{"rate limit", bumped, labelServer{status: 429}, exitFindings, "rate limit is used up until 12:00:01 UTC", 1},
		{"nothing to review", old, labelServer{}, exitOK, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env := pullRequest(t, old, tt.to+" # head")
			env["GITHUB_API_URL"] = tt.server.serve(t)
			var out bytes.Buffer
			code := run(t.Context(), nil, nil, &out, &out, func(k string) string { return env[k] })
			if code != tt.code || tt.server.asked != tt.asked || !strings.Contains(out.String(), tt.want) {
				t.Errorf("exit code %d, want %d; %d requests, want %d; want %q in:\n%s", code, tt.code, tt.server.asked, tt.asked, tt.want, out.String())
			}
			outputs, _ := os.ReadFile(env["GITHUB_OUTPUT"])
			want := "passed"
			if tt.code != 0 {
				want = "failed"
			}
			if !strings.Contains(string(outputs), want) || !strings.Contains(string(outputs), "report") {
				t.Errorf("outputs:\n%s", outputs)
			}
			if reports, _ := filepath.Glob(filepath.Join(env["RUNNER_TEMP"], "belay-report-*.json")); len(reports) != 1 {
				t.Errorf("%d report files", len(reports))
			}
		})
	}
}

// TestEnvFromSecrets: an env file handed over in pieces is used, masked before
// anything else is printed, and in nothing that is printed or written.
func TestEnvFromSecrets(t *testing.T) {
	env := pullRequest(t, "example/web:1.0.0", "example/web:${TAG:?set it}")
	env["INPUT_ENV"] = "TAG=latest\nDB_PASSWORD='hunter2-and-more'\n"
	env["INPUT_ENV-2"] = "API_TOKEN=tok-99887766\nSHORT_SECRET=abc"
	var out bytes.Buffer
	code := run(t.Context(), nil, nil, &out, &out, func(k string) string { return env[k] })
	text := out.String()
	if code != exitFindings && code != exitOK || strings.Contains(text, "no value") {
		t.Errorf("exit code %d:\n%s", code, text)
	}
	for _, mask := range []string{"::add-mask::hunter2-and-more\n", "::add-mask::tok-99887766\n"} {
		at := strings.Index(text, mask)
		if at < 0 || strings.Contains(text[:at], "image-tag") {
			t.Errorf("%q is not masked first:\n%s", mask, text)
		}
		text = strings.ReplaceAll(text, mask, "")
	}
	for _, name := range []string{env["GITHUB_OUTPUT"], env["GITHUB_STEP_SUMMARY"]} {
		data, _ := os.ReadFile(name)
		text += string(data)
	}
	for _, secret := range []string{"hunter2", "99887766"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is printed:\n%s", secret, text)
		}
	}
	var left []string
	filepath.WalkDir(env["GITHUB_WORKSPACE"], func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.Contains(p, "/.git/") {
			left = append(left, filepath.Base(p))
		}
		return err
	})
	if len(left) != 1 {
		t.Errorf("in the workspace: %v", left)
	}
}

// TestStackMoved: a stack that is moved would escape every rule that compares
// it with what it was.
func TestStackMoved(t *testing.T) {
	env := pullRequest(t, "example/web:1.0.0", "example/web:1.0.0 # head")
	ws := env["GITHUB_WORKSPACE"]
	if err := os.Mkdir(filepath.Join(ws, "elsewhere"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(ws, "compose.yaml"), filepath.Join(ws, "elsewhere", "compose.yaml")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code := run(t.Context(), nil, nil, &out, &out, func(k string) string { return env[k] })
	if code != exitFindings || !strings.Contains(out.String(), "compose.yaml:1:1: error: the stack . is gone, or moved") {
		t.Errorf("exit code %d:\n%s", code, out.String())
	}
}
