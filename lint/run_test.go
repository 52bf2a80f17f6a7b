package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/catalog"
)

// two rules to run: both find something at every image; one guards data.
func testRules() []*Rule {
	at := func(p *Pass) {
		for img := range p.Images(p.Stack) {
			p.Report(img.Service.Image.Span, img.Service, "", "%s", img.Shown)
		}
	}
	return []*Rule{
		{ID: "plain", Severity: Warning, Check: at},
		{ID: "guard", Severity: Error, Guards: true, Check: at},
		{ID: "base-only", Severity: Error, NeedsBase: true, Check: at},
	}
}

func stackOf(t *testing.T, files string) *compose.Stack {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(files)).Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := source.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	s, err := compose.Load(t.Context(), compose.Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRun(t *testing.T) {
	const one = "-- compose.yaml --\nname: a\nservices:\n  web:\n    image: x/web:1 # here\n"
	ignored := func(text string) string { return strings.ReplaceAll(one, "# here", text) }
	tests := []struct {
		name, head, base string
		policy           map[string]Severity
		want             string
		suppressed       int
	}{
		{"in one order", one, "", nil, "4 error guard, 4 warning plain", 0},
		{"with a base", one, one, nil, "4 error base-only, 4 error guard, 4 warning plain", 0},
		{"severities of the policy", one, "", map[string]Severity{"plain": Off, "guard": Note}, "4 note guard", 0},
		{"a service that no profile starts", strings.Replace(one, "    image", "    profiles: [x]\n    image", 1) + "-- .env --\nA=b\n", "", nil, "5 note guard, 5 note plain", 0},
		{"a service of which nobody knows", strings.Replace(one, "    image", "    profiles: [x]\n    image", 1), "", nil, "5 error guard, 5 note plain", 0},
		{"a service that ran before", strings.Replace(one, "    image", "    profiles: [x]\n    image", 1) + "-- .env --\nA=b\n", one, nil, "5 note base-only, 5 error guard, 5 note plain", 0},
		{"suppressed on the line", ignored("# belay:ignore plain because"), "", nil, "4 error guard", 1},
		{"suppressed above, with a comment between", strings.Replace(one, "    image", "    # belay:ignore guard because\n    # and so on\n    image", 1), "", nil, "6 warning plain", 1},
		{"not from two lines above", strings.Replace(one, "  web:", "  # belay:ignore guard because\n  web:", 1), "", nil, "3 warning ignore-unused, 5 error guard, 5 warning plain", 0},
		{"no reason", ignored("# belay:ignore plain"), "", nil, "4 error guard, 4 warning plain, 4 error ignore-without-reason", 0},
		{"no rule at all", ignored("# belay:ignore"), "", nil, "4 error guard, 4 warning plain, 4 error ignore-without-reason", 0},
		{"a change adds one: it is shown", ignored("# belay:ignore plain because"), one, nil, "4 error base-only, 4 error guard, 4 note ignore-added", 1},
		{"and silences nothing that guards data", ignored("# belay:ignore guard because"), one, nil, "4 error base-only, 4 error guard, 4 warning plain, 4 note ignore-added", 0},
		{"the base's holds", ignored("# belay:ignore guard because"), ignored("# belay:ignore guard because"), nil, "4 error base-only, 4 warning plain", 1},
		{"what docker compose refuses cannot be suppressed", "-- compose.yaml --\nname: a\nservices:\n  web:\n    # belay:ignore compose-invalid because\n    imag: x\n", "", nil, "4 warning ignore-unused, 5 error compose-invalid", 0},
		{"a gap in the image is a rule's to say", strings.Replace(one, "x/web:1 # here", "x/web:$V", 1), "", nil, "", 0},
		{"no image reference", "-- compose.yaml --\nname: a\nservices:\n  web:\n    image: Not An Image\n", "", nil, "4 error compose-invalid", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := Input{Stack: stackOf(t, tt.head), Policy: BuiltIn(), Env: Prod, Catalog: catalog.Load()}
			in.Policy.Rules = tt.policy
			if tt.base != "" {
				in.Base = stackOf(t, tt.base)
			}
			found, suppressed := Run(in, testRules())
			var got []string
			for _, f := range found {
				got = append(got, fmt.Sprintf("%d %s %s", f.Line, f.Severity, f.Rule))
			}
			if s := strings.Join(got, ", "); s != tt.want || suppressed != tt.suppressed {
				t.Errorf("\n got %s (%d suppressed)\nwant %s (%d)", s, suppressed, tt.want, tt.suppressed)
			}
		})
	}
}

// TestSourceLine: the line of a finding is shown, and of an env file only the key.
func TestSourceLine(t *testing.T) {
	s := stackOf(t, "-- .env --\nexport TAG=secret-1\nM='a\nb=secret-2'\n-- compose.yaml --\nname: a\nservices: {web: {image: \"x/web:${TAG}\"}}\n")
	for _, tt := range []struct {
		file string
		line int
		want string
	}{{"compose.yaml", 2, `services: {web: {image: "x/web:${TAG}"}}`}, {".env", 1, "export TAG=…"}, {".env", 3, ""}, {"other", 1, ""}} {
		if got := printable(s, nil, source.Span{Pos: source.Pos{File: tt.file, Line: tt.line}}); got != tt.want {
			t.Errorf("%s:%d: %q, want %q", tt.file, tt.line, got, tt.want)
		}
	}
}

func TestBaseline(t *testing.T) {
	at := func(line int, rule, src string) Finding {
		return Finding{Rule: rule, Span: source.Span{Pos: source.Pos{File: "a", Line: line, Col: 1}}, Source: src}
	}
	old := []Finding{at(1, "plain", "image: a"), at(2, "plain", "image: b")}
	data, err := NewBaseline(old).Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := ReadBaseline(source.New("b.json", data))
	if err != nil {
		t.Fatal(err)
	}
	now := []Finding{at(5, "plain", "image:  a"), at(6, "plain", "image: c"), at(7, Invalid, "image: b")}
	kept, passed := b.Filter(now)
	if passed != 1 || len(kept) != 2 || kept[0].Line != 6 {
		t.Errorf("kept %+v, passed over %d", kept, passed)
	}
	for _, text := range []string{"", "[]", `{"version":2,"findings":[]}`, `{"version":1,"findings":[],"more":1}`, `{"version":1} x`} {
		if _, err := ReadBaseline(source.New("b.json", []byte(text))); err == nil || !strings.HasPrefix(err.Error(), "b.json:1:") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
