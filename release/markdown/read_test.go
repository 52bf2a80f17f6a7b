package markdown

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// guide is a body as Dify writes them since 1.15.0, shortened.
const guide = `# Product 1.2.0

## What's Changed

### New Features
- a client (#37036)

### Security Updates
This release fixes a path traversal (cve-2026-41948).

## Environment Variable Changes
### Added
- ` + "`A_ONE`, `A_TWO` (`api/.env.example`)" + `
- ` + "`A_THREE` (daemon; default `true`) — chooses `OTHER_KEY`" + `
### Removed
- ` + "`B_ONE` and `B_TWO` (`docker/x.env.example`)" + `
### Modified
- ` + "`C_ONE`: `/tmp/.c` → `/tmp/c`" + `
### Docker Compose Files
- ` + "`docker/docker-compose.yaml` (modified)" + `

## Database Migrations
This release includes new database migrations. Run ` + "`flask db upgrade`" + ` after updating.

## Upgrade Guide
> [!IMPORTANT]
> You MUST also run ` + "`flask backfill`" + `.

### Docker Compose Deployments
1. Stop
   ` + "```bash\n   cd docker\n   docker compose down\n   ```" + `
2. Backfill (required).
   ` + "```bash\n   $ docker compose exec api \\\n     flask backfill\n   docker compose --profile postgresql up -d\n   ```" + `

### Source Code Deployments
1. Migrate
   ` + "```bash\n   uv run flask db upgrade\n   ```" + `

## Full Change List
* fix: x (ghsa-23cf-45gh-67jm) by @u in https://github.com/langgenius/dify/pull/36334
* feat(api)!: y by @u in https://github.com/other/repo/pull/5

**Full Changelog**: https://github.com/langgenius/dify/compare/1.1.0...1.2.0
`

func TestRead(t *testing.T) {
	n := Read([]byte(guide), here)
	type heading struct {
		Kind   Kind
		Title  string
		Blocks string
	}
	var got []heading
	for _, s := range n.Sections {
		var kinds []string
		for _, b := range s.Blocks {
			kinds = append(kinds, b.Kind.String())
		}
		got = append(got, heading{s.Kind, s.Title, strings.Join(kinds, " ")})
	}
	want := []heading{
		{Other, "Product 1.2.0", ""},
		{Changes, "What's Changed", ""},
		{Features, "New Features", "features"},
		{Security, "Security Updates", "security"},
		{Environment, "Environment Variable Changes", ""},
		{Environment, "Added", "environment environment"},
		{Environment, "Removed", "environment"},
		{Environment, "Modified", "environment"},
		{Environment, "Docker Compose Files", "environment"},
		{Migration, "Database Migrations", "migration"},
		{Upgrade, "Upgrade Guide", "danger"},
		{Upgrade, "Docker Compose Deployments", "upgrade danger"},
		{Boilerplate, "Source Code Deployments", "boilerplate"},
		{Changes, "Full Change List", "security breaking changes"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("sections (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]EnvChange{
		{Key: "A_ONE", Op: "added", File: "api/.env.example"},
		{Key: "A_TWO", Op: "added", File: "api/.env.example"},
		{Key: "A_THREE", Op: "added", New: "true"},
		{Key: "B_ONE", Op: "removed", File: "docker/x.env.example"},
		{Key: "B_TWO", Op: "removed", File: "docker/x.env.example"},
		{Key: "C_ONE", Op: "modified", Old: "/tmp/.c", New: "/tmp/c"},
	}, n.Env); d != "" {
		t.Errorf("variables (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]Command{
		{"flask db upgrade", "Database Migrations"},
		{"flask backfill", "Upgrade Guide"},
		{"docker compose exec api flask backfill", "Docker Compose Deployments"},
		{"docker compose --profile postgresql up -d", "Docker Compose Deployments"},
	}, n.Commands); d != "" {
		t.Errorf("commands (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"CVE-2026-41948", "GHSA-23cf-45gh-67jm"}, n.Advisories); d != "" {
		t.Errorf("advisories (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]int{37036, 36334}, n.Refs); d != "" {
		t.Errorf("refs (-want +got):\n%s", d)
	}
	if !n.Migrations || n.Truncated {
		t.Errorf("migrations %v, truncated %v", n.Migrations, n.Truncated)
	}
}

// TestKinds reads one block each: what it is about, by heading and by itself.
func TestKinds(t *testing.T) {
	for _, c := range []struct {
		src  string
		want Kind
	}{
		{"## ⚠️ Important Upgrade Note\nx", Danger},
		{"### Important\nx", Danger},
		{"### Important notes\nx", Notable},
		{"### Important notes\nYou must run the tool.", Danger},
		{"### 🚨 Read before\nx", Danger},
		{"### ⚠️ BREAKING CHANGES\nx", Breaking},
		{"### BREAKING CHANGES\n* **core:** x", Breaking},
		{"### What changed?\nx", Breaking},
		{"### When is action necessary?\nx", Breaking},
		{"### How to upgrade:\nx", Breaking},
		{"## Breaking\n### Bug fixes\nx", Breaking},
		{"### Bug Fixes\n* **core:** x ([#1](https://github.com/n8n-io/n8n/issues/1))", Fixes},
		{"### Bug Fixes\n* **core:** x CVE-2025-1234", Security},
		{"### Bug Fixes\n* **core:** prevents data loss", Fixes},
		{"### Features\n* a breaking change in b", Breaking},
		{"### Performance Improvements\n* x", Features},
		{"## 🚀 What's New in v1.13.3?\nx", Features},
		{"## What's Changed\n* x", Changes},
		{"## What's Changed\n* fix: migration must run by @u in #1", Changes},
		{"### Removed\n- x", Breaking},
		{"## Security\n### Removed\n- x", Security},
		{"## Upgrade Guide\n> [!WARNING]\n> x", Danger},
		{"> [!CAUTION]\n> x", Danger},
		{"> [!IMPORTANT]\n> a breaking change", Danger},
		{"> [!IMPORTANT]\n> Make sure `a` is included.", Danger},
		{"> [!IMPORTANT]\n> A party.", Notable},
		{"> [!NOTE]\n> x", Notable},
		{"> [!TIP]\n> x", Notable},
		{"## Upgrade Guide\n### Source Code Deployments\n> [!IMPORTANT]\n> You MUST run it.", Boilerplate},
		{"### Source Code Deployments\nDo not downgrade.", Boilerplate},
		{"- Dropped support for Postgres 12", Breaking},
		{"- Fixed x", Fixes},
		{"- Added x", Features},
		{"- Improved x", Features},
		{"Do not downgrade after this.", Danger},
		{"Hello.", Other},
		{"* chore: x by @u[bot] in https://github.com/o/r/pull/1", Changes},
		{"**Full Changelog**: https://github.com/o/r/compare/a...b", Changes},
		{"## New Contributors\n* x", Boilerplate},
	} {
		n := Read([]byte(c.src), here)
		s := n.Sections[len(n.Sections)-1]
		if got := s.Blocks[len(s.Blocks)-1].Kind; got != c.want {
			t.Errorf("%q is %v, want %v", c.src, got, c.want)
		}
	}
}

// TestLead: a paragraph that stands for a heading says what the next block is,
// and only that.
func TestLead(t *testing.T) {
	for _, lead := range []string{"Important", "**Breaking changes**", "<details><summary>Security</summary>"} {
		n := Read([]byte("Hello.\n\n"+lead+"\n\n- a\n- b\n\nNext.\n"), here)
		b := n.Sections[0].Blocks
		if len(b) != 5 || b[0].Kind != Other || b[4].Kind != Other || b[2].Kind > Security || b[3].Kind != b[2].Kind {
			t.Errorf("after %q: %+v", lead, b)
		}
	}
}

func TestMigrations(t *testing.T) {
	for src, want := range map[string]bool{
		"This release includes database migrations.":                        true,
		"## Database Migrations\nSee below.":                                true,
		"This release has no database migrations.":                          false,
		"### Source Code Deployments\nrun `flask db upgrade`":               false,
		"### Bug Fixes\n- fix database migration for MySQL":                 false,
		"* fix: database migrations by @u in https://github.com/o/r/pull/1": false,
		"Everything else.": false,
		"### Upgrade\nAfter the update run `docker compose exec flask db upgrade`": true,
	} {
		if got := Read([]byte(src), here).Migrations; got != want {
			t.Errorf("%q: %v", src, got)
		}
	}
}

func TestTitle(t *testing.T) {
	n := Read([]byte("## 🚀 What's *New* in <b>@v1</b>: [x](y) `c`?\n\na"), here)
	if got, want := n.Sections[0].Title, "What's New in @&#8203;v1: x c?"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTruncated(t *testing.T) {
	line := strings.Repeat("é", 100) + "\n"
	for _, src := range []string{strings.Repeat(line, MaxSize/len(line)+1), strings.Repeat("é", MaxSize/2) + "é"} {
		n := Read([]byte(src), Options{})
		blocks := n.Sections[0].Blocks
		md := blocks[len(blocks)-1].Markdown
		if !n.Truncated || !utf8.ValidString(md) || strings.Contains(md, "\uFFFD") {
			t.Errorf("truncated %v", n.Truncated)
		}
	}
	if Read([]byte("x"), Options{}).Truncated {
		t.Error("a short text is truncated")
	}
}

func TestRepeats(t *testing.T) {
	const warning = "- Since this release the environment files are split, so review them all.\n"
	const command = "```sh\ndocker compose exec api flask backfill-plugin-auto-upgrade --all\n```\n"
	newer := Read([]byte("## A\n"+warning+"- short\n\n"+command), here)
	older := Read([]byte("## B\n"+strings.ToUpper(warning[:10])+warning[10:]+"- short\n- "+strings.Repeat("own ", 12)+"\n\n"+command), here)
	both := Read([]byte("## C\n"+warning+warning), here)
	Repeats([]*Notes{newer, older})
	Repeats([]*Notes{both})
	count := func(n *Notes) int { return len(n.Sections[0].Blocks) }
	if count(newer) != 3 || count(older) != 3 || strings.Contains(paste(older.Sections[0].Blocks), "environment") {
		t.Errorf("newer %d, older %d:\n%s", count(newer), count(older), paste(older.Sections[0].Blocks))
	}
	if count(both) != 2 {
		t.Errorf("a release repeats itself: %d", count(both))
	}
}

func TestChangelog(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      []string
	}{
		{"n8n", "# [1.2.0](u/n8n@1.1.0...n8n@1.2.0) (2025-06-16)\n\n### Fixes\n## [1.1.1](u) (2025-06-10)\nb\n# 1.1.0 (2025-06-01)\n",
			[]string{"1.2.0 2025-06-16 \n### Fixes\n", "1.1.1 2025-06-10 b\n", "1.1.0 2025-06-01 "}},
		{"below", "## 2.0\n### 1.2.3\na\n## v1.0-rc.1\n", []string{"2.0  ### 1.2.3\na\n", "1.0-rc.1  "}},
		{"unreleased", "## 0.8.7 (unreleased)\nx", []string{"0.8.7  x unreleased"}},
		{"repeated", "# Title 1.0\n## 1.0.0\na\n## 1.0.0\nb", []string{"1.0.0  a\n", "1.0.0  b"}},
		{"fence", "## 1.0\n```\n## 0.9\n```\n~~~\n## 0.8\n", []string{"1.0  ```\n## 0.9\n```\n~~~\n## 0.8\n"}},
		{"fence in a list", "## 1.0\n- a\n  ```\n## 0.9\n```\n", []string{"1.0  - a\n  ```\n", "0.9  ```\n"}},
		{"keep a changelog", "# Changelog\n## [Unreleased]\n## [1.0.0] - 2017-06-20\r\nx\r\n", []string{"1.0.0 2017-06-20 x\r\n"}},
		{"no version", "## 12 monkeys\n## 1.2.x\n#1.0\n", nil},
		{"empty", "", nil},
	} {
		var got []string
		for _, e := range Changelog([]byte(c.src)) {
			s := e.Version + " " + e.Date + " " + string(e.Body)
			if !e.Released {
				s += " unreleased"
			}
			got = append(got, s)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}
