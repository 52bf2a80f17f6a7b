package release_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/dossier"
	"github.com/belaystack/belay/release/markdown"
)

// n8nFiles is n8n's repository as far as its notes go.
type n8nFiles map[string][]byte

func (f n8nFiles) File(_ context.Context, repo, path, ref string) ([]byte, error) {
	if data, ok := f[path]; ok && repo == "n8n-io/n8n" && ref == "n8n@1.99.0" {
		return data, nil
	}
	return nil, errors.New("no such file")
}

func (n8nFiles) Releases(context.Context, string, func([]release.Published) bool) ([]release.Published, error) {
	return nil, errors.New("not asked here")
}

func (n8nFiles) Tree(context.Context, string, string, string, func(string) bool) (map[string][]byte, error) {
	return nil, errors.New("not asked here")
}

func (n8nFiles) Repository(context.Context, image.Ref) (string, error) {
	return "", errors.New("not asked here")
}

// hundred are 100 releases of n8n that one upgrade passes.
type hundred struct {
	files n8nFiles
	stack *release.Stack
}

const n8nStack = `
-- .env --
N8N_ENCRYPTION_KEY=x
-- base/compose.yaml --
services:
  n8n: {image: 'n8nio/n8n:1.5.0', volumes: ['n8n:/home/node/.n8n']}
  db: {image: postgres:16}
volumes: {n8n: {}}
-- head/compose.yaml --
services:
  n8n: {image: 'n8nio/n8n:1.99.0', volumes: ['n8n:/home/node/.n8n']}
  db: {image: postgres:16}
volumes: {n8n: {}}
`

func readHundred(b *testing.B) *hundred {
	b.Helper()
	h := &hundred{files: n8nFiles{}}
	for path, name := range map[string]string{"CHANGELOG.md": "CHANGELOG.md.1.99.0", "packages/cli/BREAKING-CHANGES.md": "BREAKING-CHANGES.md.n8n-master-2025-06-19"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "shared", "corpus", "notes", "n8n", name))
		if err != nil {
			b.Skip("n8n's change log is not here")
		}
		h.files[path] = data
	}
	h.stack = release.LoadChange(b, n8nStack)
	return h
}

func (h *hundred) comment(b *testing.B) (*release.Dossier, string) {
	d := h.stack.Build(b.Context(), release.Input{Environment: "prod", Reader: h.files})
	if len(d.Notes) != 1 || len(d.Notes[0].Versions) != 100 || len(d.Missing)+len(d.Notes[0].Missing) > 0 {
		b.Fatalf("%d versions, missing %q", len(d.Notes[0].Versions), d.Notes[0].Missing)
	}
	return d, dossier.Markdown(d, dossier.Options{Limit: dossier.CommentLimit})
}

// texts are those that the dossier was made of, a version's change log and
// breaking changes each.
func (h *hundred) texts(d *release.Dossier) (out [][]byte) {
	for _, data := range h.files {
		for _, e := range markdown.Changelog(data) {
			if slices.ContainsFunc(d.Notes[0].Versions, func(v release.Version) bool { return v.Name == "n8n@"+e.Version }) {
				out = append(out, e.Body)
			}
		}
	}
	return out
}

// BenchmarkDossier makes the dossier of an upgrade that passes 100 releases of
// n8n, from its change log to the comment, and for comparison has goldmark turn
// the same text into HTML, in turn with it, so that a machine whose speed
// drifts slows both. Of the ratios it reports the median.
func BenchmarkDossier(b *testing.B) {
	h := readHundred(b)
	b.Run("belay", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.comment(b)
		}
	})
	b.Run("ratio", func(b *testing.B) {
		d, _ := h.comment(b)
		texts := h.texts(d)
		md := goldmark.New(goldmark.WithExtensions(extension.GFM))
		peer := func() {
			for _, text := range texts {
				var out bytes.Buffer
				if err := md.Convert(text, &out); err != nil {
					b.Fatal(err)
				}
			}
		}
		const rounds = 15
		var ratios []float64
		for b.Loop() {
			for range rounds {
				own := timed(func() { h.comment(b) })
				ratios = append(ratios, own.Seconds()/timed(peer).Seconds())
			}
		}
		slices.Sort(ratios)
		b.ReportMetric(ratios[len(ratios)/2], "x/goldmark")
		b.ReportMetric(testing.AllocsPerRun(1, func() { h.comment(b) })/testing.AllocsPerRun(1, peer), "allocs-x/goldmark")
		b.ReportMetric(float64(len(bytes.Join(texts, nil)))/1e6, "MB-of-notes")
	})
	b.Run("memory", func(b *testing.B) { // of a process that does nothing else
		var peak int64
		for b.Loop() {
			cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkDossier$/^belay$", "-test.benchtime=1x")
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("BenchmarkDossier/belay")) {
				b.Fatalf("%v\n%s", err, out)
			}
			peak = max(peak, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
		}
		b.ReportMetric(float64(peak)/1024, "MiB-peak")
	})
}

// timed gives how long f takes, with nobody else's garbage to clear.
func timed(f func()) time.Duration {
	runtime.GC()
	start := time.Now()
	f()
	return time.Since(start)
}
