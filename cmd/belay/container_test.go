package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belaystack/belay/release/github/githubtest"
)

// docker is the engine that the tests were given, and the image in it; the
// test is skipped without, unless BELAY_TEST_REQUIRE names docker.
func dockerImage(t *testing.T, image string) func(args ...string) ([]byte, error) {
	host := os.Getenv("BELAY_TEST_DOCKER_HOST")
	docker := func(args ...string) ([]byte, error) {
		cmd := exec.Command("docker", args...)
		cmd.Env = append(os.Environ(), "DOCKER_HOST="+host)
		return cmd.CombinedOutput()
	}
	missing := ""
	if host == "" {
		missing = "no docker engine: `make test` starts one"
	} else if out, err := docker("image", "inspect", image); err != nil {
		missing = fmt.Sprintf("no image %s: `make image` builds it (%s)", image, strings.TrimSpace(string(out)))
	}
	if missing != "" {
		if strings.Contains(os.Getenv("BELAY_TEST_REQUIRE"), "docker") {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	return docker
}

// TestContainer runs the check image as a runner does: its mounts, its
// environment, its working directory; here with a workspace that cannot be
// written, no docker socket and no network.
func TestContainer(t *testing.T) {
	docker := dockerImage(t, "belay:check")
	stacks, err := filepath.Abs(filepath.Join("..", "..", "testdata", "stacks"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		stack, result string
		code          int
	}{{"n8n-dify", "passed", exitOK}, {"n8n-dify-mistakes", "failed", exitFindings}} {
		t.Run(tt.stack, func(t *testing.T) {
			temp := t.TempDir()
			for _, name := range []string{"home", "commands/output", "commands/summary", "temp/.keep"} {
				p := filepath.Join(temp, name)
				os.MkdirAll(filepath.Dir(p), 0o755)
				os.WriteFile(p, nil, 0o644)
			}
			out, err := docker("run", "--rm", "--read-only", "--network", "none", "--workdir", "/github/workspace",
				"-e", "GITHUB_ACTIONS=true", "-e", "CI=true", "-e", "HOME=/github/home", "-e", "GITHUB_WORKSPACE=/github/workspace",
				"-e", "GITHUB_OUTPUT=/github/file_commands/output", "-e", "GITHUB_STEP_SUMMARY=/github/file_commands/summary",
				"-e", "RUNNER_TEMP=/github/runner_temp", "-e", "INPUT_COMMAND=check", "-e", "INPUT_PATH="+tt.stack,
				"-v", stacks+":/github/workspace:ro", "-v", temp+"/commands:/github/file_commands",
				"-v", temp+"/temp:/github/runner_temp", "belay:check")
			code := 0
			if exit, ok := err.(*exec.ExitError); ok {
				code = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if code != tt.code {
				t.Fatalf("exit code %d, want %d:\n%s", code, tt.code, out)
			}
			outputs, _ := os.ReadFile(filepath.Join(temp, "commands/output"))
			if !strings.Contains(string(outputs), "\n"+tt.result+"\n") {
				t.Errorf("outputs:\n%s", outputs)
			}
			summary, _ := os.ReadFile(filepath.Join(temp, "commands/summary"))
			if len(summary) == 0 {
				t.Error("the job summary is empty")
			}
			annotated := strings.Contains(string(out), "::error file="+tt.stack+"/docker-compose.yml,line=")
			if annotated != (tt.code == exitFindings) {
				t.Errorf("annotations:\n%s", out)
			}
			reports, _ := filepath.Glob(filepath.Join(temp, "temp", "belay-report-*.json"))
			if len(reports) != 1 {
				t.Fatalf("%d report files", len(reports))
			}
			data, _ := os.ReadFile(reports[0])
			if !json.Valid(data) {
				t.Errorf("report: %.200s", data)
			}
		})
	}
}

// TestContainerComments runs the check image on a pull request, with no docker
// socket, against a GitHub on the engine's bridge, as its only way out.
func TestContainerComments(t *testing.T) {
	docker := dockerImage(t, "belay:check")
	gateway, err := docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}")
	if err != nil {
		t.Fatalf("%v\n%s", err, gateway)
	}
	s, err := githubtest.Listen(t, net.JoinHostPort(strings.TrimSpace(string(gateway)), "0"))
	if err != nil {
		t.Fatal(err)
	}
	s.AddRepo("acme/stack")
	s.AddToken("ghs_write", "github-actions[bot]", githubtest.Rights{Write: true, Workflow: true})
	s.AddPull("acme/stack", githubtest.Pull{Number: 7, HeadRepo: "acme/stack", HeadBranch: "b", HeadSHA: headSHA, Base: "main", BaseSHA: baseSHA})
	ws, temp := t.TempDir(), t.TempDir()
	put(t, ws, map[string]string{"base/compose.yaml": stackOf("a", oldDigest), "head/compose.yaml": stackOf("a", newDigest)})
	put(t, temp, map[string]string{"event.json": fmt.Sprintf(`{"pull_request":{"number":7,"base":{"sha":%q},"head":{"sha":%q}}}`, baseSHA, headSHA), "output": "\n", "summary": "\n"})
	out, err := docker("run", "--rm", "--read-only", "--workdir", "/github/workspace",
		"-e", "GITHUB_ACTIONS=true", "-e", "GITHUB_WORKSPACE=/github/workspace", "-e", "GITHUB_REPOSITORY=acme/stack", "-e", "GITHUB_API_URL="+s.URL,
		"-e", "GITHUB_EVENT_NAME=pull_request", "-e", "GITHUB_EVENT_PATH=/github/runner_temp/event.json", "-e", "GITHUB_OUTPUT=/github/runner_temp/output",
		"-e", "GITHUB_STEP_SUMMARY=/github/runner_temp/summary", "-e", "RUNNER_TEMP=/github/runner_temp", "-e", "INPUT_TOKEN=ghs_write",
		"-e", "INPUT_PATH=head", "-e", "INPUT_BASE=./base", "-v", ws+":/github/workspace:ro", "-v", temp+":/github/runner_temp", "belay:check")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(s.Comments()) != 1 || !strings.Contains(s.Comments()[0].Body, "digest only") {
		t.Errorf("%d comments\n%s", len(s.Comments()), out)
	}
	if summary := read(t, filepath.Join(temp, "summary")); !strings.Contains(summary, "digest only") {
		t.Errorf("summary:\n%s", summary)
	}
}

// TestImageHolds: the check image has the binary and CA certificates, and
// nothing else.
func TestImageHolds(t *testing.T) {
	docker := dockerImage(t, "belay:check")
	id, err := docker("create", "belay:check")
	if err != nil {
		t.Fatalf("%v\n%s", err, id)
	}
	name := strings.TrimSpace(string(id))
	t.Cleanup(func() { docker("rm", name) })
	tar := filepath.Join(t.TempDir(), "image.tar")
	if out, err := docker("export", "-o", tar, name); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	list, err := exec.Command("tar", "-tf", tar).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range strings.Fields(string(list)) {
		if strings.HasSuffix(file, "/") {
			continue
		}
		switch file {
		case "belay", "etc/ssl/certs/ca-certificates.crt":
		case ".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf": // docker's own
		default:
			t.Errorf("the image holds %s", file)
		}
	}
}
