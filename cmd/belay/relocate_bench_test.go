package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkRelocation is what it costs to work on the host from an action's container:
// a second container of the image, made, started, followed and removed. It is given as a
// ratio to a bare `docker run --rm` of the image, which is timed in turn with it.
func BenchmarkRelocation(b *testing.B) {
	host := os.Getenv("BELAY_TEST_DOCKER_HOST")
	docker := func(args ...string) time.Duration {
		b.Helper()
		cmd := exec.Command("docker", args...)
		cmd.Env = append(os.Environ(), "DOCKER_HOST="+host)
		begun := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		return time.Since(begun)
	}
	if host == "" || exec.Command("docker", "-H", host, "image", "inspect", "belay:full").Run() != nil {
		b.Skip("needs an engine with the image belay:full: make image, and .ci/engine run")
	}
	top := b.TempDir()
	folder, ws := filepath.Join(top, "srv"), filepath.Join(top, "work", "shop", "shop")
	for _, dir := range []string{folder, ws} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(ws, "belay.yml"), []byte("version: 1\nstacks:\n  - {name: shop, path: ., deploy: "+folder+"}\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	// recover of a stack that is not there has nothing to do, and does it all the way.
	job := []string{"run", "--rm", "--workdir", "/github/workspace", "-e", "GITHUB_ACTIONS=true", "-e", "GITHUB_WORKSPACE=/github/workspace", "-e", "GITHUB_EVENT_NAME=workflow_dispatch",
		"-e", "INPUT_COMMAND=recover", "-v", ws + ":/github/workspace", "-v", strings.TrimPrefix(host, "unix://") + ":/var/run/docker.sock", "belay:full"}
	bare := []string{"run", "--rm", "belay:full", "version"}
	docker(bare...)
	docker(job...)
	var ratios, alone, more []float64
	for b.Loop() {
		one := docker(bare...)
		with := docker(job...) - one // the job's own container is no part of it
		alone, more, ratios = append(alone, one.Seconds()), append(more, with.Seconds()), append(ratios, with.Seconds()/one.Seconds())
	}
	median := func(all []float64) float64 { slices.Sort(all); return all[len(all)/2] }
	b.ReportMetric(median(ratios), "x-docker-run")
	b.ReportMetric(median(alone)*1000, "docker-run-ms")
	b.ReportMetric(median(more)*1000, "relocation-ms")
}
