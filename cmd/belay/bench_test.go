package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkLintDify times the whole process on Dify 1.16.1's compose file with
// all of its env files against two peers, in turn, so that a machine whose
// speed drifts slows all of them. It reports the medians of the ratios.
func BenchmarkLintDify(b *testing.B) {
	dir := difyStack(b)
	belay := buildBelay(b)
	contenders := []struct {
		name string
		args []string
	}{
		{"belay", []string{belay, "lint", ".", "--fail-on", "never"}},
		{"compose", []string{"docker", "compose", "config", "-q"}},
		{"dclint", []string{dclint(b), "docker-compose.yaml"}},
	}
	const rounds = 9
	times := map[string][]time.Duration{}
	var peak int64
	for b.Loop() {
		for range rounds + 1 { // the first is not counted
			for _, c := range contenders {
				if c.args[0] == "" {
					continue
				}
				took, rss := once(b, dir, c.args)
				times[c.name] = append(times[c.name], took)
				if c.name == "belay" {
					peak = max(peak, rss)
				}
			}
		}
	}
	b.ReportMetric(float64(median(times["belay"][1:]).Microseconds())/1000, "ms/belay")
	b.ReportMetric(float64(peak)/1024, "MiB-peak")
	for _, c := range contenders[1:] {
		if len(times[c.name]) == 0 {
			b.Logf("%s is not here", c.name)
			continue
		}
		var ratios []float64
		for i, took := range times["belay"][1:] {
			ratios = append(ratios, took.Seconds()/times[c.name][1:][i].Seconds())
		}
		b.ReportMetric(median(ratios), "x/"+c.name)
	}
}

// BenchmarkServices lints generated stacks: the time for each service must not
// grow with their number.
func BenchmarkServices(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), manyServices(n), 0o644); err != nil {
				b.Fatal(err)
			}
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				if code := run(b.Context(), []string{"lint", dir, "--fail-on", "never"}, nil, io.Discard, &out, func(string) string { return "" }); code != exitOK {
					b.Fatal(code, out.String())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/service")
		})
	}
}

func manyServices(n int) []byte {
	var out bytes.Buffer
	out.WriteString("name: many\nservices:\n")
	for i := range n {
		fmt.Fprintf(&out, "  app%d:\n    image: example/app:1.%d.0\n    restart: unless-stopped\n    environment:\n      A: ${A:-1}\n      B: two\n"+
			"    volumes:\n      - data%d:/data\n    healthcheck:\n      test: [\"CMD\", \"true\"]\n    depends_on: [app%d]\n", i, i, i, i/2)
		if i == 0 {
			out.Truncate(out.Len() - len("    depends_on: [app0]\n"))
		}
	}
	out.WriteString("volumes:\n")
	for i := range n {
		fmt.Fprintf(&out, "  data%d:\n", i)
	}
	return out.Bytes()
}

func median[T cmp.Ordered](v []T) T {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// once runs a process to its end and gives its wall time and peak memory in KiB.
func once(b *testing.B, dir string, args []string) (time.Duration, int64) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start)
	if code := cmd.ProcessState.ExitCode(); err != nil && code != 1 { // dclint ends with 1 on findings
		b.Fatalf("%v: %v\n%s", args, err, out)
	}
	return took, maxRSS(cmd.ProcessState)
}

// difyStack lays out Dify 1.16.1 as a user has it, with every env file.
func difyStack(b *testing.B) string {
	from := filepath.Join("..", "..", "..", "shared", "corpus", "langgenius__dify", "59b879d2df", "docker")
	if _, err := os.Stat(from); err != nil {
		b.Skip("Dify's compose file is not here")
	}
	dir := b.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		b.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if real, ok := strings.CutSuffix(p, ".example"); ok && err == nil {
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			return os.WriteFile(real, data, 0o644)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

func buildBelay(b *testing.B) string {
	name := filepath.Join(b.TempDir(), "belay")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", name, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return name
}

// dclint is where `.ci/install` puts the peer from npm, or "".
func dclint(b *testing.B) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	name := filepath.Join(cache, "belay", "dclint-3.1.0", "node_modules", ".bin", "dclint")
	if _, err := os.Stat(name); err != nil {
		b.Logf("dclint 3.1.0 is not in %s; npm install --prefix puts it there", filepath.Dir(name))
		return ""
	}
	return name
}
