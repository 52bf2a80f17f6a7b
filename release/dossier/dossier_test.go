package dossier

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/markdown"
)

// golden compares got with a file of testdata; UPDATE=1 writes it anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs, UPDATE=1 writes it anew (-want +got):\n%s", file, diff)
	}
}

func TestGoldens(t *testing.T) {
	tight := options()
	tight.Limit = 6000
	claimed := options()
	claimed.Untrusted = true
	golden(t, "rich.md", Markdown(rich(), options()))
	golden(t, "rich-6000.md", Markdown(rich(), tight))
	golden(t, "small.md", Markdown(small(), options()))
	golden(t, "small-untrusted.md", Markdown(small(), claimed))
	golden(t, "resolved.md", Resolved(gone(), options()))
	golden(t, "rich.html", string(HTML([]*release.Dossier{rich(), small()}, options())))
	golden(t, "rich.txt", Text(rich(), 100, false))
	golden(t, "small.txt", Text(small(), 60, true))
}

// The published schema is what Decode checks by. UPDATE=1 writes it.
func TestSchemaIsCurrent(t *testing.T) {
	golden(t, "../../../docs/schema/dossier.schema.json", string(Schema()))
}

// The title of a section is Markdown already: it is not escaped once more, and
// what is no line of a heading becomes one.
func TestSectionTitle(t *testing.T) {
	for _, tt := range []struct {
		name      string
		in        release.Markdown
		untrusted bool
		md, plain string
	}{
		{"words", "New Features", false, "New Features", "New Features"},
		{"none", "", false, "features", "features"},
		{"escapes", `v1\_x &#96; &amp;lt;`, false, `v1\_x &#96; &amp;lt;`, "v1_x ` &lt;"},
		{"gap", "New in @&#8203;v1", false, "New in @&#8203;v1", "New in @v1"},
		{"code", "Drop `a_b`", false, "Drop `a_b`", "Drop a_b"},
		{"lines", "a b\nc", false, "a b c", "a b c"},
		{"paragraphs", "a\n\n\\*b", false, `a \*b`, "a *b"},
		{"heading", "# a\\*b", false, `a\*b`, "a*b"},
		{"list", "- a\\*b", false, `\- a\*b`, "- a*b"},
		{"long", release.Markdown(strings.Repeat("x", 300)), false, strings.Repeat("x", maxName-1) + "…", strings.Repeat("x", maxName) + "…"},
		{"mention", "by @octocat", true, "by @&#8203;octocat", "by @octocat"},
		{"HTML", "a <b>c</b>", true, "a c", "a c"},
		{"comment", "<!-- belay:dossier -->", true, "features", "features"},
		{"script", "[x](javascript:alert(1))", true, "x", "x"},
		{"neutral once more", "New in @&#8203;v1", true, "New in @&#8203;v1", "New in @v1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := release.Section{Kind: "features", Title: tt.in}
			if got := (&render{o: Options{Untrusted: tt.untrusted}}).sectionHead(s); got != tt.md {
				t.Errorf("Markdown: got %q, want %q", got, tt.md)
			}
			if got := sectionTitle(s); got != tt.plain {
				t.Errorf("plain: got %q, want %q", got, tt.plain)
			}
		})
	}
}

// A reviewer decides by the first lines.
func TestDecisionComesFirst(t *testing.T) {
	lines := strings.Split(Markdown(rich(), options()), "\n")
	top := strings.Join(lines[:15], "\n")
	for _, want := range []string{"dify-prod", "High risk", "the databases cannot go back", "data migration", "Before merging", "- [ ] Dump all databases", "compose.yaml:88"} {
		if !strings.Contains(top, want) {
			t.Errorf("the first 15 lines lack %q:\n%s", want, top)
		}
	}
}

// Sections without content are left out, in each form.
func TestNothingIsLeftOutOfNothing(t *testing.T) {
	empty := &release.Dossier{Stack: "x"}
	md := Markdown(empty, Options{})
	if n := strings.Count(md, "#### "); n != 0 {
		t.Errorf("%d sections of nothing:\n%s", n, md)
	}
	page := string(HTML([]*release.Dossier{empty}, Options{}))
	if strings.Contains(page, "<h2>") {
		t.Errorf("sections of nothing:\n%s", page)
	}
	if text := Text(empty, 80, false); strings.Count(text, "\n") > 2 {
		t.Errorf("parts of nothing:\n%s", text)
	}
}

func TestReasonsAreGroupedByRisk(t *testing.T) {
	var got []catalog.Risk
	for _, x := range grouped(rich().Verdict.Reasons) {
		got = append(got, x.Risk)
	}
	want := []catalog.Risk{catalog.DataRisk, catalog.DataRisk, catalog.APIRisk, catalog.DependencyRisk}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Two of five breaking blocks are one too long, or one too many: none is lifted
// and none is lost.
func TestLift(t *testing.T) {
	for _, tt := range []struct {
		name   string
		blocks []release.Markdown
		lifted bool
	}{
		{"few", []release.Markdown{"- one\n", "- two\n"}, true},
		{"most", make([]release.Markdown, maxLifted), true},
		{"many", make([]release.Markdown, maxLifted+1), false},
		{"long", []release.Markdown{release.Markdown(strings.Repeat("long ", maxLiftedSize/5+1))}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, b := range tt.blocks {
				if b == "" {
					tt.blocks[i] = release.Markdown("- block " + string(rune('a'+i)) + "\n")
				}
			}
			d := small()
			d.Notes[0].Versions[0].Sections = []release.Section{{Kind: "breaking", Title: "Breaking", Blocks: tt.blocks}}
			md := Markdown(d, Options{})
			for _, b := range tt.blocks {
				text := strings.TrimSpace(string(b))
				if n := strings.Count(md, text); n != 1 {
					t.Errorf("%q stands there %d times", text[:min(20, len(text))], n)
				}
			}
			first := strings.TrimSpace(string(tt.blocks[0]))
			if got := strings.Index(md, first) < strings.Index(md, "<details>"); got != tt.lifted {
				t.Errorf("lifted %v, want %v", got, tt.lifted)
			}
		})
	}
}

// A release that breaks things is counted, and so is each advisory, once.
func TestSummary(t *testing.T) {
	n := notes()[0]
	n.Versions[1].Advisories = []string{"CVE-2026-41948", "GHSA-aaaa-bbbb-cccc"}
	if got, want := summary(n), "2 versions, 1 with breaking changes, 2 security advisories"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Lines to paste come in their order, each once, and never more than one line
// of a key.
func TestPasted(t *testing.T) {
	got := pasted([]release.Drift{{Key: "B", Paste: "B=1"}, {Key: "A"}, {Key: "A", Paste: "A=\nX=2"}, {Key: "B", Paste: "B=1"}})
	if diff := cmp.Diff([]string{"B=1", "A= X=2"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAddress(t *testing.T) {
	for _, tt := range []struct{ in, trusted, untrusted string }{
		{"https://github.com/a/b/releases/tag/n8n@1.2.3", "https://github.com/a/b/releases/tag/n8n@1.2.3", "="},
		{"https://github.com/a/b/pull/3", "https://redirect.github.com/a/b/pull/3", "="},
		{"https://www.GitHub.com/a/b/Issues/3#x", "https://redirect.github.com/a/b/Issues/3#x", "="},
		{"https://github.com/a/b/../b/%70ull/3", "https://redirect.github.com/a/b/../b/%70ull/3", "="},
		{"https://github.com//a/b/pull/3", "https://redirect.github.com//a/b/pull/3", "="},
		{"https://github.com:443/a/b/pull/3", "https://redirect.github.com/a/b/pull/3", "="},
		{"https://github.com./a/b/pull/3", "https://redirect.github.com/a/b/pull/3", "="},
		{"http://example.com/x", "http://example.com/x", ""},
		{"https://user@example.com/", "", ""},
		{"javascript:alert(1)", "", ""},
		{"//example.com/x", "", ""},
		{"https://exa mple.com/", "", ""},
		{"https:example.com", "", ""},
		{"https://e.com/)[x](y", "https://e.com/%29%5Bx%5D%28y", "="},
		{"https://e.com/\"><script>`|", "https://e.com/%22%3E%3Cscript%3E%60%7C", "="},
		{"https://e.com/" + strings.Repeat("x", 1000), "", ""},
		{"", "", ""},
	} {
		trusted, untrusted := (&render{}).address(tt.in), (&render{o: Options{Untrusted: true}}).address(tt.in)
		if tt.untrusted == "=" {
			tt.untrusted = tt.trusted
		}
		if trusted != tt.trusted || untrusted != tt.untrusted {
			t.Errorf("address of %q: %q and untrusted %q, want %q and %q", tt.in, trusted, untrusted, tt.trusted, tt.untrusted)
		}
	}
}

// The limit of a summary counts bytes: a dossier of wide characters takes three
// times what it takes of a comment.
func TestBytes(t *testing.T) {
	d := small()
	for range 400 {
		d.Missing = append(d.Missing, strings.Repeat("図", 300))
	}
	o := options()
	o.Limit = 20_000
	asUnits := Markdown(d, o)
	o.Bytes = true
	asBytes := Markdown(d, o)
	if n := markdown.Length(asUnits); n > o.Limit || n < o.Limit*9/10 || len(asUnits) < o.Limit {
		t.Errorf("a comment of %d units and %d bytes", n, len(asUnits))
	}
	if len(asBytes) > o.Limit || len(asBytes) < o.Limit*9/10 {
		t.Errorf("a summary of %d bytes", len(asBytes))
	}
}
