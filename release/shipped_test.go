package release

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release/catalog"
)

// folder is Dify's compose folder as it ships it.
func folder(version, daemon, more, examples string) string {
	return fmt.Sprintf("-- docker-compose.yaml --\nservices:\n  api:\n    image: langgenius/dify-api:%s\n  plugin_daemon:\n    image: langgenius/dify-plugin-daemon:${DAEMON}\n"+
		"  weaviate:\n    image: semitechnologies/weaviate:1.27.0\n    profiles: [weaviate]\n%s-- .env.example --\nDAEMON=%s\nCOMPOSE_PROFILES=weaviate\n%s-- README.md --\nIgnored.\n", version, more, daemon, examples)
}

const agent = "  agent_backend:\n    image: langgenius/dify-agent-backend:1.99.0\n  optional:\n    image: acme/x:1\n    profiles: [x]\n"

// shipping answers for a change from 1.16.1 to 1.99.0, which the catalog does
// not know.
func shipping(t testing.TB, more map[string]any) map[string]any {
	answers := map[string]any{
		"releases langgenius/dify":               pagesOf(t, "1.99.0 2027-01-02 New\n1.16.1 2026-07-28 Old"),
		"tree langgenius/dify docker 1.16.1":     folder("1.16.1", "0.6.3-local", "  old:\n    image: acme/old:1\n", "KEEP=1\nGONE=1\n"),
		"tree langgenius/dify docker 1.99.0":     folder("1.99.0", "0.9.0-local", agent, "KEEP=2\nADDED=\n"),
		"repository acme/debug:1.99.0":           "",
		"releases langgenius/dify-plugin-daemon": [][]Published{},
	}
	for q, a := range more {
		if answers[q] = a; a == nil {
			delete(answers, q)
		}
	}
	return answers
}

func build(t testing.TB, s *Stack, in Input) *Dossier {
	t.Helper()
	in.Temp = t.TempDir()
	d := s.Build(t.Context(), in)
	if left, err := os.ReadDir(in.Temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	return d
}

func gateNamed(d *Dossier, id string) string {
	for _, g := range d.Gates {
		if g.ID != id {
			continue
		}
		out := g.Title
		for _, h := range g.Here {
			out += fmt.Sprintf("\n%s %v", h.Text, h.Places)
		}
		return out
	}
	return ""
}

func TestShipped(t *testing.T) {
	stack := strings.ReplaceAll(difyChange("1.16.1", "1.99.0", "0.6.3-local", "0.6.3-local"), "  redis:\n", "  old:\n    image: acme/old:1\n  redis:\n")
	s := LoadChange(t, stack)
	d := build(t, s, Input{Reader: newReader(t, shipping(t, map[string]any{"releases langgenius/dify-plugin-daemon": nil}))})
	want := "Dify API 1.99.0 ships other companions than this stack has\n`plugin_daemon`: the release ships `0.9.0-local`, here it is `0.6.3-local` [compose.yaml:9:12]"
	if d := cmp.Diff(want, gateNamed(d, "upstream-companions")); d != "" {
		t.Errorf("companions (-want +got):\n%s", d)
	}
	want = "Dify API 1.99.0 ships services that this stack lacks\nnew service `agent_backend` with image `langgenius/dify-agent-backend:1.99.0` []\nservice `old` is gone from the release [compose.yaml:13:3]"
	if d := cmp.Diff(want, gateNamed(d, "upstream-services")); d != "" {
		t.Errorf("services (-want +got):\n%s", d)
	}
	last := catalog.High
	for _, g := range d.Gates {
		if g.Level > last {
			t.Errorf("%s is worse than the gate before it", g.ID)
		}
		last = g.Level
	}
	if len(d.Drift)+len(d.Missing) > 0 {
		t.Errorf("%v %v", d.Drift, d.Missing)
	}
}

func TestShippedAsTheStackHasIt(t *testing.T) {
	stack := strings.ReplaceAll(difyChange("1.16.1", "1.99.0", "0.6.3-local", "0.9.0-local"), "  redis:\n", "  agent_backend:\n    image: langgenius/dify-agent-backend:1.99.0\n  redis:\n")
	d := build(t, LoadChange(t, stack), Input{Reader: newReader(t, shipping(t, nil))})
	if got := gateNamed(d, "upstream-companions") + gateNamed(d, "upstream-services"); got != "" {
		t.Error(got)
	}
}

func TestShippedExamples(t *testing.T) {
	s := LoadChange(t, difyChange("1.16.0", "1.16.1", "0.6.3-local", "0.6.3-local")+"-- .env --\nKEEP=1\nGONE=canary\n")
	d := build(t, s, Input{NoExamples: true, Reader: newReader(t, map[string]any{
		"releases langgenius/dify":           pagesOf(t, "1.16.1 2026-07-28 New"),
		"tree langgenius/dify docker 1.16.0": folder("1.16.0", "0.6.3-local", "", "KEEP=1\nGONE=1\nUNUSED=1\n"),
		"tree langgenius/dify docker 1.16.1": folder("1.16.1", "0.6.3-local", agent, "KEEP=2\nADDED=3\nAPI_SECRET=x\n"),
	})})
	var got []string
	for _, x := range d.Drift {
		got = append(got, fmt.Sprintf("%s %s %s %q", x.Kind, x.Key, x.Place, x.Paste))
	}
	want := []string{`pinned KEEP .env:1:1 "KEEP=2"`, `added ADDED  "ADDED=3"`, `added API_SECRET  "API_SECRET="`, `removed GONE .env:2:1 ""`}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := gateNamed(d, "upstream-companions") + gateNamed(d, "upstream-services"); got != "" {
		t.Errorf("of a release that the catalog knows: %s", got)
	}
}

func TestShippedMissing(t *testing.T) {
	stack := difyChange("1.16.1", "1.99.0", "0.6.3-local", "0.6.3-local")
	const what = "what 1.99.0 ships beside its images could not be read: "
	for _, c := range []struct {
		name string
		more map[string]any
		want string
	}{
		{"the old one", map[string]any{"tree langgenius/dify docker 1.16.1": errGone, "tree langgenius/dify docker 1.99.0": nil}, what + errGone.Error()},
		{"the new one", map[string]any{"tree langgenius/dify docker 1.99.0": errGone}, what + errGone.Error()},
		{"no compose file", map[string]any{"tree langgenius/dify docker 1.99.0": "-- .env.example --\nA=1\n"}, what + "docker at 1.99.0 holds no compose file"},
		{"a name that leads out", map[string]any{"tree langgenius/dify docker 1.99.0": "-- ../docker-compose.yaml --\nservices: {}\n-- ../x.env.example --\nA=1\n"}, what + "docker at 1.99.0 holds no compose file"},
		{"too many files", map[string]any{"tree langgenius/dify docker 1.99.0": manyFiles(401)}, what + "docker at 1.99.0 holds more than 400 files"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.more["releases langgenius/dify-plugin-daemon"] = nil
			d := build(t, LoadChange(t, stack), Input{Reader: newReader(t, shipping(t, c.more)), Missing: []string{"before"}})
			if d := cmp.Diff([]string{"before", c.want}, d.Missing); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	d := build(t, LoadChange(t, stack), Input{})
	if d := cmp.Diff([]string{"what 1.99.0 ships was not looked up: the network was not to be asked"}, d.Missing); d != "" {
		t.Errorf("offline (-want +got):\n%s", d)
	}
}

func manyFiles(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "-- envs/%d.env.example --\nA=1\n", i)
	}
	return out.String()
}
