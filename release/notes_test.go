package release

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
)

var errGone = errors.New("read the releases of x: GitHub cannot be reached")

// pagesOf makes pages of releases from lines of "tag date body", parted by empty lines.
func pagesOf(t testing.TB, text string) [][]Published {
	t.Helper()
	var pages [][]Published
	for part := range strings.SplitSeq(text, "\n\n") {
		var page []Published
		for line := range strings.Lines(part) {
			f := strings.SplitN(strings.TrimSpace(line), " ", 3)
			date, err := time.Parse(time.DateOnly, f[1])
			if err != nil {
				t.Fatal(err)
			}
			page = append(page, Published{Tag: f[0], Date: date, Body: strings.ReplaceAll(f[2], `\n`, "\n"), URL: "https://github.com/x/y/releases/tag/" + f[0]})
		}
		pages = append(pages, page)
	}
	return pages
}

func describeNotes(notes []Notes) string {
	var out strings.Builder
	for _, n := range notes {
		fmt.Fprintf(&out, "%s %s → %s", n.Image, n.Old, n.New)
		for _, more := range []string{n.Source, n.URL} {
			if more != "" {
				out.WriteString(" " + more)
			}
		}
		for _, v := range n.Versions {
			fmt.Fprintf(&out, "\n  %s %s", v.Name, v.Date)
			for _, s := range v.Sections {
				fmt.Fprintf(&out, " [%s]", s.Kind)
				for _, b := range s.Blocks {
					out.WriteString(" " + strings.TrimSpace(string(b)))
				}
			}
			for _, h := range v.Here {
				fmt.Fprintf(&out, " <%s %v>", h.Text, h.Places)
			}
		}
		for _, m := range n.Missing {
			out.WriteString("\n  missing " + m)
		}
		out.WriteByte('\n')
	}
	return out.String()
}

const (
	n8nChangelog = "# [1.99.0](https://github.com/n8n-io/n8n/compare/n8n@1.98.1...n8n@1.99.0) (2025-06-16)\n\n\n### Bug Fixes\n\n* **core:** The last one\n\n" +
		"## [1.98.1](https://github.com/n8n-io/n8n) (2025-06-12)\n\n\n### Bug Fixes\n\n* **core:** A fix that comes twice in these notes\n\n" +
		"# [1.98.0](https://github.com/n8n-io/n8n) (2025-06-11)\n\n\n### Features\n\n* Old\n"
	n8nBreaking = "# n8n Breaking Changes\n\n## 1.99.0\n\n### What changed?\n\nThe metric is in seconds.\n\n## 1.98.2\n\nOnly here, without a heading.\n\n## 1.97.0\n\n### What changed?\n\nLong past.\n"
	n8nPage     = "n8nio/n8n 1.98.0 → 1.99.0 github.com/n8n-io/n8n https://github.com/n8n-io/n8n/releases/tag/n8n%401.99.0"
	n8nLog      = "file n8n-io/n8n CHANGELOG.md n8n@1.99.0"
	n8nBreaks   = "file n8n-io/n8n packages/cli/BREAKING-CHANGES.md n8n@1.99.0"
	unknown     = "belay does not know where this image comes from"
)

func TestNotes(t *testing.T) {
	type answers = map[string]any
	for _, c := range []struct {
		name, old, now string
		answers        answers
		want           string
	}{
		{"n8n: change log and breaking changes as one", "n8nio/n8n:1.98.0", "n8nio/n8n:1.99.0", answers{n8nLog: n8nChangelog, n8nBreaks: n8nBreaking},
			n8nPage + "\n  n8n@1.99.0 2025-06-16 [breaking] The metric is in seconds. [fixes] - **core:** The last one" +
				"\n  n8n@1.98.2  [breaking] Only here, without a heading.\n  n8n@1.98.1 2025-06-12 [fixes] - **core:** A fix that comes twice in these notes\n"},
		{"n8n: without its breaking changes", "n8nio/n8n:1.98.1", "n8nio/n8n:1.99.0", answers{n8nLog: n8nChangelog, n8nBreaks: errGone},
			strings.Replace(n8nPage, "1.98.0", "1.98.1", 1) + "\n  n8n@1.99.0 2025-06-16 [fixes] - **core:** The last one" +
				"\n  missing packages/cli/BREAKING-CHANGES.md, where breaking changes stand, could not be read: " + errGone.Error() + "\n"},
		{"n8n: releases in the place of the change log", "n8nio/n8n:1.98.0", "n8nio/n8n:1.99.0", answers{n8nLog: errGone, n8nBreaks: "nothing\n",
			"releases n8n-io/n8n": pagesOf(t, "stable 2025-06-16 x\nn8n@1.99.0 2025-06-16 Text")}, n8nPage + "\n  n8n@1.99.0 2025-06-16 [other] Text\n"},
		{"everything fails", "n8nio/n8n:1.98.0", "n8nio/n8n:1.99.0", answers{n8nLog: errGone, n8nBreaks: errGone, "releases n8n-io/n8n": errGone},
			n8nPage + "\n  missing n8n@1.99.0: " + errGone.Error() + "\n  missing which other releases lie between 1.98.0 and 1.99.0 could not be listed\n  missing packages/cli/BREAKING-CHANGES.md, where breaking changes stand, could not be read: " + errGone.Error() + "\n"},
		{"a change log without the new one", "pgvector/pgvector:0.8.5-pg16", "pgvector/pgvector:0.8.7-pg16", answers{"file pgvector/pgvector CHANGELOG.md v0.8.7": "## 0.8.7 (unreleased)\n\n- Next\n\n## 0.8.6 (2026-07-29)\n\n- Fixed it\n\n## 0.8.5 (2026-01-01)\n\n- Old\n"},
			"pgvector/pgvector 0.8.5-pg16 → 0.8.7-pg16 github.com/pgvector/pgvector https://github.com/pgvector/pgvector/releases/tag/v0.8.7\n  v0.8.6 2026-07-29 [fixes] - Fixed it\n" +
				"  missing v0.8.7: CHANGELOG.md does not name it\n"},
		{"no change log", "pgvector/pgvector:0.8.5-pg16", "pgvector/pgvector:0.8.6-pg16", answers{"file pgvector/pgvector CHANGELOG.md v0.8.6": errGone},
			"pgvector/pgvector 0.8.5-pg16 → 0.8.6-pg16 github.com/pgvector/pgvector https://github.com/pgvector/pgvector/releases/tag/v0.8.6\n  missing v0.8.6: CHANGELOG.md could not be read: " + errGone.Error() + "\n  missing which other releases lie between 0.8.5-pg16 and 0.8.6-pg16 could not be listed\n"},
		{"Dify: what lies between, the newest first", "langgenius/dify-api:1.13.3", "langgenius/dify-api:1.14.2", answers{
			"releases langgenius/dify": pagesOf(t, "1.15.0 2026-06-25 Later\n1.14.2 2026-05-19 Two\n1.14.0 2026-04-29 Null\n1.14.0-rc1 2026-02-14 Candidate\n1.13.3 2026-03-25 Old")},
			"langgenius/dify-api 1.13.3 → 1.14.2 github.com/langgenius/dify https://github.com/langgenius/dify/releases/tag/1.14.2\n  1.14.2 2026-05-19 [other] Two\n  1.14.0 2026-04-29 [other] Null\n" +
				"  missing 1.14.1: the repository has no release of this name\n"},
		{"Dify: an abandoned line", "langgenius/dify-api:1.8.1", "langgenius/dify-api:1.9.0", answers{
			"releases langgenius/dify": pagesOf(t, "1.9.0 2025-09-22 Nine\n2.0.0-beta.2 2025-09-08 Beta\n1.8.1 2025-09-03 Old")},
			"langgenius/dify-api 1.8.1 → 1.9.0 github.com/langgenius/dify https://github.com/langgenius/dify/releases/tag/1.9.0\n  1.9.0 2025-09-22 [other] Nine\n"},
		{"the daemon's ending is none of its git tag's", "langgenius/dify-plugin-daemon:0.6.1-local", "langgenius/dify-plugin-daemon:0.6.3-local", answers{
			"releases langgenius/dify-plugin-daemon": pagesOf(t, "0.6.3 2026-06-01 Three\n0.6.2 2026-05-20 Two\n0.6.1 2026-05-01 Old")},
			"langgenius/dify-plugin-daemon 0.6.1-local → 0.6.3-local github.com/langgenius/dify-plugin-daemon https://github.com/langgenius/dify-plugin-daemon/releases/tag/0.6.3\n" +
				"  0.6.3 2026-06-01 [other] Three\n  0.6.2 2026-05-20 [other] Two\n"},

		{"an image with a label", "ghcr.io/acme/app:1.0.0", "ghcr.io/acme/app:1.1.0", answers{"repository ghcr.io/acme/app:1.1.0": "acme/source", "releases acme/source": pagesOf(t, "1.1.0 2026-01-02 Text")},
			"ghcr.io/acme/app 1.0.0 → 1.1.0 github.com/acme/source, as the image's label says https://github.com/acme/source/releases/tag/1.1.0\n  1.1.0 2026-01-02 [other] Text\n"},
		{"an image without one", "ghcr.io/acme/app:1.0.0", "ghcr.io/acme/app:1.1.0", answers{"repository ghcr.io/acme/app:1.1.0": ""},
			"ghcr.io/acme/app 1.0.0 → 1.1.0\n  missing " + unknown + ", and it has no label org.opencontainers.image.source; `upstreams:` in belay.yml can say\n"},
		{"a registry that refuses", "ghcr.io/acme/app:1.0.0", "ghcr.io/acme/app:1.1.0", answers{"repository ghcr.io/acme/app:1.1.0": errors.New("ghcr.io: 401")},
			"ghcr.io/acme/app 1.0.0 → 1.1.0\n  missing " + unknown + ", and its registry did not say: ghcr.io: 401; `upstreams:` in belay.yml can say\n"},
		{"a project without a repository", "postgres:16.3", "postgres:16.4", nil,
			"postgres 16.3 → 16.4 https://www.postgresql.org/docs/release/16.4/\n  missing the project keeps its release notes on its own site, not as GitHub releases\n"},
		{"to a tag that floats", "n8nio/n8n:1.98.0", "n8nio/n8n:latest", nil,
			"n8nio/n8n 1.98.0 → latest github.com/n8n-io/n8n https://github.com/n8n-io/n8n/releases\n  missing a tag that names no version has no notes: the digest decides at run time what is new\n"},
		{"between lines of releases", "redis:7-alpine", "redis:8-alpine", nil,
			"redis 7-alpine → 8-alpine github.com/redis/redis https://github.com/redis/redis/releases\n  missing the tags name no single release, so that none can be looked up\n"},
		{"a downgrade has none", "n8nio/n8n:1.99.0", "n8nio/n8n:1.98.0", nil, ""},
		{"a rebuild has none", "redis:7.2.4-alpine", "redis:7.2.4-bookworm", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := bump(t, c.old, c.now)
			if d := cmp.Diff(c.want, describeNotes(s.Notes(t.Context(), Changes(s.Base, s.Head, s.Catalog), newReader(t, c.answers)))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestNotesOffline(t *testing.T) {
	for _, c := range []struct{ old, now, want string }{
		{"langgenius/dify-api:1.13.3", "langgenius/dify-api:1.14.1",
			"langgenius/dify-api 1.13.3 → 1.14.1 github.com/langgenius/dify https://github.com/langgenius/dify/releases/tag/1.14.1\n" +
				"  missing 1.14.1: the network was not to be asked\n  missing 1.14.0: the network was not to be asked\n"},
		{"acme/app:1.0.0", "acme/app:1.1.0", "acme/app 1.0.0 → 1.1.0\n  missing " + unknown + "; `upstreams:` in belay.yml can say\n"},
	} {
		s := bump(t, c.old, c.now)
		if d := cmp.Diff(c.want, describeNotes(s.Notes(t.Context(), Changes(s.Base, s.Head, s.Catalog), nil))); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

// The notes of a hidden tag would tell it.
func TestNotesOfHiddenTags(t *testing.T) {
	s := LoadChange(t, "-- base/.env --\nV=1.98.0\n-- head/.env --\nV=1.99.0\n-- compose.yaml --\nservices: {n8n: {image: 'n8nio/n8n:${V}'}, own: {image: 'acme/app:${V}'}}\n")
	want := "n8nio/n8n ${V} → ${V} github.com/n8n-io/n8n\n  missing the tag is a variable's of an env file, whose value is not printed, nor are the notes that would tell it: `belay notes IMAGE OLD NEW` on the host does\n" +
		"acme/app ${V} → ${V}\n  missing " + unknown + "; `upstreams:` in belay.yml can say\n"
	if d := cmp.Diff(want, describeNotes(s.Notes(t.Context(), Changes(s.Base, s.Head, s.Catalog), newReader(t, nil)))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A literal once went the way of a hidden tag that read the same, and its notes
// were lost.
func TestNotesBesideAHiddenTag(t *testing.T) {
	s := LoadChange(t, "-- base/.env --\nV=1.14.1\n-- head/.env --\nV=1.14.2\n"+
		"-- base/compose.yaml --\nservices: {web: {image: 'langgenius/dify-web:${V}'}, api: {image: 'langgenius/dify-api:1.14.1'}}\n"+
		"-- head/compose.yaml --\nservices: {web: {image: 'langgenius/dify-web:${V}'}, api: {image: 'langgenius/dify-api:1.14.2'}}\n")
	notes := s.Notes(t.Context(), Changes(s.Base, s.Head, s.Catalog), newReader(t, map[string]any{"releases langgenius/dify": pagesOf(t, "1.14.2 2026-05-19 Text")}))
	if len(notes) != 2 || len(notes[0].Versions) > 0 || notes[0].New != "${V}" || notes[1].Image != "langgenius/dify-api" || len(notes[1].Versions) != 1 {
		t.Errorf("%s", describeNotes(notes))
	}
}

// A registry that does not answer once took the time that Dify's notes needed.
func TestRegistriesAreAskedLast(t *testing.T) {
	s := LoadChange(t, "-- base/compose.yaml --\nservices: {a: {image: 'acme/a:1.0.0'}, b: {image: 'acme/b:1.0.0'}, api: {image: 'langgenius/dify-api:1.14.1'}}\n"+
		"-- head/compose.yaml --\nservices: {a: {image: 'acme/a:1.1.0'}, b: {image: 'acme/b:1.1.0'}, api: {image: 'langgenius/dify-api:1.14.2'}}\n")
	r := newReader(t, map[string]any{"releases langgenius/dify": pagesOf(t, "1.14.2 2026-05-19 Text"),
		"repository acme/a:1.1.0": "acme/source", "repository acme/b:1.1.0": "acme/source", "releases acme/source": pagesOf(t, "1.1.0 2026-05-19 Text")})
	notes := s.Notes(t.Context(), Changes(s.Base, s.Head, s.Catalog), r)
	if r.asked[0] != "releases langgenius/dify" {
		t.Errorf("asked %q", r.asked)
	}
	if len(notes) != 2 || notes[0].Image != "acme/a, acme/b" || notes[1].Image != "langgenius/dify-api" {
		t.Errorf("%s", describeNotes(notes))
	}
}

// Of two images of one upstream the second once stayed a patch where the first
// was found to be a backport.
func TestBackport(t *testing.T) {
	for _, c := range []struct {
		name, archive string
		answers       map[string]any
		want          string
	}{
		{"n8n", "-- base/compose.yaml --\nservices: {n8n: {image: 'n8nio/n8n:1.123.5'}, runner: {image: 'n8nio/runners:1.123.5'}}\n" +
			"-- head/compose.yaml --\nservices: {n8n: {image: 'n8nio/n8n:1.123.81'}, runner: {image: 'n8nio/runners:1.123.81'}}\n",
			map[string]any{"file n8n-io/n8n CHANGELOG.md n8n@1.123.81": "## [1.123.81](x) (2026-03-01)\n\n* b\n\n# [2.0.0](x) (2025-12-15)\n\n* c\n\n## [1.123.6](x) (2025-12-16)\n\n* a\n\n## [1.123.5](x) (2025-12-10)\n\n* z\n",
				"file n8n-io/n8n packages/cli/BREAKING-CHANGES.md n8n@1.123.81": "none\n"},
			"n8nio/n8n, n8nio/runners 1.123.81 1.123.6: backport backport"},
		{"Dify", difyChange("0.15.3", "0.15.8", "0.0.1-local", "0.0.1-local"),
			map[string]any{"releases langgenius/dify": pagesOf(t, "0.15.8 2025-05-30 b\n1.4.1 2025-05-27 c\n0.15.7 2025-04-28 d\n1.0.0 2025-02-28 e\n0.15.3 2025-02-07 z"), "repository acme/debug:0.15.8": ""},
			"langgenius/dify-api, langgenius/dify-web 0.15.8 0.15.7: backport backport patch"},
		{"a patch that came after the next of its line", "-- base/compose.yaml --\nservices: {g: {image: 'langfuse/langfuse:3.1.0'}}\n-- head/compose.yaml --\nservices: {g: {image: 'langfuse/langfuse:3.1.1'}}\n",
			map[string]any{"releases langfuse/langfuse": pagesOf(t, "v3.1.1 2026-01-03 b\nv3.1.2 2026-01-02 c\nv3.1.0 2026-01-01 a")}, "langfuse/langfuse v3.1.1: patch"},
		{"a patch of the newest line", difyChange("0.15.1", "0.15.3", "0.0.1-local", "0.0.1-local"),
			map[string]any{"releases langgenius/dify": pagesOf(t, "1.0.0 2025-02-28 e\n0.15.3 2025-02-07 z\n1.0.0-beta.1 2025-01-09 y\n0.15.2 2025-01-22 y\n0.15.1 2025-01-13 x"), "repository acme/debug:0.15.3": ""},
			"langgenius/dify-api, langgenius/dify-web 0.15.3 0.15.2: patch patch patch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := LoadChange(t, c.archive)
			changes := Changes(s.Base, s.Head, s.Catalog)
			notes := s.Notes(t.Context(), changes, newReader(t, c.answers))
			got := notes[0].Image
			for _, v := range notes[0].Versions {
				got += " " + strings.TrimPrefix(v.Name, "n8n@")
			}
			got += ":"
			for _, x := range changes {
				got += " " + string(x.Jump)
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestReleasesEnough(t *testing.T) {
	s := bump(t, "langgenius/dify-api:1.1.0", "langgenius/dify-api:1.1.3")
	// On the second page nothing is newer than 1.1.0 but backports of what is older.
	r := newReader(t, map[string]any{"releases langgenius/dify": pagesOf(t, "1.2.0 2025-04-09 d\n0.15.5 2025-03-24 x\n\n1.1.3 2025-03-24 c\n1.1.0 2025-03-18 a\n\n0.15.4 2025-03-21 x\n1.0.1 2025-03-11 y\n\n0.15.3 2025-02-07 z")})
	notes := s.Notes(t.Context(), Changes(s.Base, s.Head, s.Catalog), r)
	if r.pages != 3 || len(notes[0].Versions) != 1 || notes[0].Versions[0].Name != "1.1.3" {
		t.Errorf("%d pages, %s", r.pages, describeNotes(notes))
	}
}

func TestNotesDoNotRepeat(t *testing.T) {
	const warning = `> [!WARNING]\n> Back up the database before this upgrade, all of it, and prove the backup.`
	s := bump(t, "langgenius/dify-api:1.14.0", "langgenius/dify-api:1.14.2")
	notes := s.Notes(t.Context(), Changes(s.Base, s.Head, s.Catalog), newReader(t, map[string]any{
		"releases langgenius/dify": pagesOf(t, "1.14.2 2026-05-19 "+warning+"\n1.14.1 2026-05-12 "+warning+`\n\n- Own\n`)}))
	if got := describeNotes(notes); strings.Count(got, "Back up the database") != 1 || strings.Index(got, "Back up") > strings.Index(got, "  1.14.1 ") || !strings.Contains(got, "- Own") {
		t.Error(got)
	}
}

// A block that matters more than its section becomes a section of its own, and
// what a release takes away is held against what the stack sets.
func TestVersionOfARelease(t *testing.T) {
	s := LoadChange(t, fmt.Sprintf(apiBump, "1.14.2", "", "1.15.0")+"-- .env --\nA=1\nWEB_API_CORS=canary\nMOVED=canary\n")
	notes := s.Notes(t.Context(), Changes(s.Base, s.Head, s.Catalog), newReader(t, map[string]any{"releases langgenius/dify": pagesOf(t,
		`1.15.0 2026-06-25 ## New Features\n\n- One\n- **BREAKING**: the API answers 410\n\n## Environment Variable Changes\n\n### Removed\n\n- `+"`WEB_API_CORS`"+`\n- `+"`NOT_SET`"+`\n\n### Added\n\n- `+"`A`"+`\n\n### Modified\n\n- `+"`MOVED`: `1` → `2`"+
			`\n\n## Database Migrations\n\nSome, for CVE-2026-0001.\n\n`+"```bash\\ndocker compose exec api flask backfill\\n```")}))
	v := notes[0].Versions[0]
	want := []Task{{"`1.15.0` removes `WEB_API_CORS`, which you set", []Place{{".env", 2, 1}}}, {"`1.15.0` changes the default of `MOVED`, which you set", []Place{{".env", 3, 1}}}}
	if d := cmp.Diff(want, v.Here); d != "" {
		t.Errorf("here (-want +got):\n%s", d)
	}
	if len(v.Sections) < 3 || v.Sections[0].Kind != "breaking" || v.Sections[0].Title != "New Features" || len(v.Sections[0].Blocks) != 1 {
		t.Errorf("sections %+v", v.Sections)
	}
	if !v.Migrations || len(v.Commands) != 1 || v.Commands[0] != "docker compose exec api flask backfill" || len(v.Advisories) != 1 {
		t.Errorf("%v %v %v", v.Migrations, v.Commands, v.Advisories)
	}
}

// hostile is what a stranger may write into a release.
const hostile = "Hi @everyone, see #1 and GH-2 <!-- belay:other --> ![x](https://evil.example/p.png) <img src=x onerror=alert(1)> " +
	"[a](javascript:alert(1)) https://github.com/x/y/issues/3\n\n::set-output name=x::y\n\n```\nopen fence\n\n<details>\n\n[r]: https://evil.example\n"

func TestNotesAreNeutral(t *testing.T) {
	s := bump(t, "langgenius/dify-api:1.14.1", "langgenius/dify-api:1.14.2")
	for name, body := range map[string]string{
		"hostile": hostile, "quoted": "> " + strings.ReplaceAll(hostile, "\n", "\n> "), "1 MB": strings.Repeat("- @you fixed #12 in `x` <b>\n", 40_000), "one line": strings.Repeat("<img>@a ", 130_000),
	} {
		d := s.Build(t.Context(), Input{Reader: newReader(t, map[string]any{"releases langgenius/dify": [][]Published{{{Tag: "1.14.2", Body: body, Date: time.Unix(0, 0)}}}})})
		if len(d.Notes[0].Versions) != 1 || len(d.Notes[0].Versions[0].Sections) == 0 {
			t.Errorf("%s: no notes", name)
			continue
		}
		for _, sec := range d.Notes[0].Versions[0].Sections {
			for i, b := range sec.Blocks {
				if i > 200 {
					break // thousands alike
				}
				var out bytes.Buffer
				if err := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe())).Convert([]byte(b), &out); err != nil {
					t.Fatal(err)
				}
				if bad := offensive.FindString(outsideCode.ReplaceAllString(out.String(), "")); bad != "" {
					t.Errorf("%s: %q in %.300s", name, bad, out.String())
				}
			}
		}
	}
	s = bump(t, "langgenius/dify-api:1.14.1", "langgenius/dify-api:1.14.2")
	long := s.Notes(t.Context(), Changes(s.Base, s.Head, s.Catalog), newReader(t, map[string]any{
		"releases langgenius/dify": [][]Published{{{Tag: "1.14.2", Body: strings.Repeat("- a line of the notes\n", 60_000)}}}}))
	if got := describeNotes(long); !strings.Contains(got, "longer than belay reads") {
		t.Errorf("%d characters, and not a word of what is cut", len(got))
	}
}

var (
	outsideCode = regexp.MustCompile(`(?s)<code.*?</code>|<a href="https://redirect\.github\.com/.*?</a>`) // which leaves no trace there
	offensive   = regexp.MustCompile(`(?i)@[a-z]|#\d|gh-\d|<!--|<img|<details|<b>|javascript:|//github.com/[^"]*/issues/|(?m)^::`)
)
