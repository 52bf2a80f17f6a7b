package release

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release/catalog"
)

// offline gives the verdict on a change of one image, without notes.
func offline(t testing.TB, old, now string) *Dossier {
	t.Helper()
	return bump(t, old, now).Plan("prod")
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct{ old, now, want, back string }{
		{"nginx:1.28.0", "nginx:1.28.1", "low: 1 image changes", "images"},
		{"nginx:1.28.0", "nginx:1.27.0", "medium: 1 image changes\nmedium plugin, provider or dependency: nginx 1.28.0 → 1.27.0: a downgrade", "images"},
		{"nginx:1.28.0", "nginx:2.0.0", "medium: 1 image changes\nmedium API compatibility: nginx 1.28.0 → 2.0.0: a major version", "images"},
		{"acme/a:1.0.0", "acme/b:1.0.0", "medium: 1 image changes\nmedium plugin, provider or dependency: another image: acme/b 1.0.0 → 1.0.0", "images"},
		{"redis:7.2.4", "redis:7.2.5", "low: 1 image changes; the way back needs the backup of before", "backup"},
		{"redis:7.2.4-alpine", "redis:7.2.4-bookworm", "low: 1 image changes", "images"},
		{"redis:7.2.4", "redis:7.2.4" + digest, "low: 1 image changes", "images"},
		{"redis:latest", "redis:7.2.5", "medium: 1 image changes; the way back needs the backup of before\nmedium data migration: Redis latest → 7.2.5: how far it goes is not known", "backup"},
		{"redis:7.2.4", "valkey/valkey:7.2.5", "medium: 1 image changes; the way back needs the backup of before\n" +
			"medium data migration: another image on the same data: redis:7.2.4 → valkey/valkey:7.2.5", "backup"},
		{"redis:7.2.4", "redis:7.0.1", "high: 1 image changes; the way back needs the backup of before\nhigh data migration: Redis 7.2.4 → 7.0.1: older software on newer data", "backup"},
		{"postgres:16", "postgres:17", "high: 1 image changes; the way back needs the backup of before\nhigh data migration: A data folder belongs to one major version of PostgreSQL\n" +
			"high data migration: PostgreSQL 16 → 17: the data folder does not carry over", "backup"},
		{"mysql:8.4.0", "mysql:9.0.0", "high: 1 image changes; the way back needs the backup of before\nhigh data migration: MySQL 8.4.0 → 9.0.0: a major version of something that keeps data", "backup"},
	} {
		d := offline(t, c.old, c.now)
		got := d.Verdict.Level.String() + ": " + d.Verdict.Line
		for _, r := range d.Verdict.Reasons {
			got += fmt.Sprintf("\n%s %s: %s", r.Level, r.Risk, r.Text)
			if len(r.Evidence) == 0 {
				t.Errorf("%s to %s: no evidence for %q", c.old, c.now, r.Text)
			}
		}
		if d := cmp.Diff(c.want+" / "+c.back, got+" / "+string(d.Rollback.Back)); d != "" {
			t.Errorf("%s to %s (-want +got):\n%s", c.old, c.now, d)
		}
	}
}

// reasons are those of a dossier, without the gates'.
func reasons(d *Dossier) string {
	var out strings.Builder
	for _, r := range d.Verdict.Reasons {
		if !strings.Contains(strings.Join(r.Evidence, " "), "dify-") {
			fmt.Fprintf(&out, "%s %s %v\n", r.Level, r.Text, r.Evidence)
		}
	}
	return out.String()
}

func TestVerdictOnDify(t *testing.T) {
	for _, c := range []struct{ old, now, daemonOld, daemonNow, want string }{
		{"1.13.2", "1.13.3", "0.5.4-local", "0.5.3-local", "medium Dify plugin daemon 0.5.4-local → 0.5.3-local: lower, but what the release ships [compose.yaml:9:12]\n"},
		{"1.14.0", "1.15.0", "0.6.0-local", "0.6.0-local", "medium Dify API 1.14.0 → 1.15.0: 25 migrations of its schema [compose.yaml:3:12]\n"},
		{"1.14.0", "1.14.1", "0.6.0-local", "0.6.0-local", "low Dify API 1.14.0 → 1.14.1: 1 migration of its schema [compose.yaml:3:12]\n"},
		{"1.15.0", "1.14.0", "0.6.0-local", "0.6.0-local", "high Dify API 1.15.0 → 1.14.0: older software on newer data [compose.yaml:3:12]\n" +
			"high Dify API 1.15.0 → 1.14.0: 25 migrations of the schema that the older image does not know [compose.yaml:3:12]\n" +
			"medium Dify web 1.15.0 → 1.14.0: a downgrade [compose.yaml:7:12]\n"},
	} {
		d := LoadChange(t, difyChange(c.old, c.now, c.daemonOld, c.daemonNow)+"-- .env --\nX=1\n").Plan("prod")
		if d := cmp.Diff(c.want, reasons(d)); d != "" {
			t.Errorf("%s to %s (-want +got):\n%s", c.old, c.now, d)
		}
	}
}

func TestReasonsWorstFirst(t *testing.T) {
	var levels []catalog.Level
	for _, r := range LoadChange(t, difyChange("1.9.1", "1.16.1", "0.3.0-local", "0.6.3-local")).Plan("prod").Verdict.Reasons {
		levels = append(levels, r.Level)
	}
	if !slices.IsSortedFunc(levels, func(a, b catalog.Level) int { return int(b) - int(a) }) || len(levels) < 5 {
		t.Errorf("%v", levels)
	}
}

func TestVerdictOnNotesAndVolumes(t *testing.T) {
	s := LoadChange(t, "-- base/compose.yaml --\nservices: {l: {image: 'langfuse/langfuse:3.0.0', volumes: ['old:/d']}}\nvolumes: {old: {}}\n"+
		"-- head/compose.yaml --\nservices: {l: {image: 'langfuse/langfuse:3.1.0', volumes: ['new:/d']}}\nvolumes: {new: {}}\n")
	d := build(t, s, Input{Reader: newReader(t, map[string]any{"releases langfuse/langfuse": pagesOf(t,
		`v3.1.0 2026-01-02 ## Breaking Changes\n\n- The API answers otherwise, CVE-2026-0001\n\nv3.0.0 2026-01-01 Old`)})})
	want := "high volume new is renamed [compose.yaml:2:11]\n" +
		"medium langfuse/langfuse: the notes name breaking changes or warn in 1 release [https://github.com/x/y/releases/tag/v3.1.0]\n" +
		"low langfuse/langfuse: new releases mend CVE-2026-0001 [https://github.com/x/y/releases/tag/v3.1.0]\n"
	if d := cmp.Diff(want, reasons(d)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if want := "1 image changes; 1 release with breaking changes or warnings"; d.Verdict.Line != want {
		t.Errorf("line %q", d.Verdict.Line)
	}
	d = build(t, s, Input{Reader: newReader(t, map[string]any{"releases langfuse/langfuse": errGone})})
	if !strings.Contains(reasons(d), "medium langfuse/langfuse: the release notes were not to be had [") {
		t.Errorf("reasons %s", reasons(d))
	}
}

func TestChecklist(t *testing.T) {
	s := LoadChange(t, difyChange("1.10.0", "1.11.0", "0.4.1-local", "0.5.1-local")+"-- .env --\nCOMPOSE_PROFILES=weaviate\n")
	d := build(t, s, Input{
		Findings: []Finding{{Severity: "note", Message: "no"}, {Severity: "error", Place: Place{"compose.yaml", 3, 1}, Message: "a *bad* pin @you", Hint: "write 1.0"}},
		Drift:    []Drift{{Key: "A_KEY", Kind: "missing", Needed: true}, {Key: "OPTIONAL", Kind: "missing"}, {Key: "B", Kind: "added"}},
		Reader: newReader(t, map[string]any{"releases langgenius/dify": errGone,
			"releases langgenius/dify-plugin-daemon": pagesOf(t, `0.5.1 2025-12-10 > [!WARNING]\n> Stop it first.\n\n0.5.0 2025-12-01 x\n0.4.1 2025-11-01 y`)}),
	})
	var got strings.Builder
	for _, task := range d.Checklist {
		fmt.Fprintf(&got, "%s %v\n", task.Text, task.Places)
	}
	want := `a \*bad\* pin @&#8203;you — write 1.0 [compose.yaml:3:1]
Take over the compose file of the release and put your own changes on top of it; a bump of the tags alone is not the upgrade [.env:1:1]
With the compose file of the release, set ` + "`DB_HOST` to `db_postgres` and add `postgresql` to `COMPOSE_PROFILES`; a stack that keeps a service `db` of its own keeps both as they are" + ` [.env:1:1]
Set in the ` + "`.env` of the host: `A_KEY`" + ` []
Read the notes of ` + "`langgenius/dify-api, langgenius/dify-web`" + ` that belay could not: <https://github.com/langgenius/dify/releases> []
Read what breaks in 1 release of ` + "`langgenius/dify-plugin-daemon`" + ` []
`
	if d := cmp.Diff(want, strings.ReplaceAll(got.String(), "\u200b", "&#8203;")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestRollback(t *testing.T) {
	d := LoadChange(t, difyChange("1.14.0", "1.15.0", "0.6.0-local", "0.6.3-local")).Plan("prod")
	want := []string{"langgenius/dify-api 1.14.0", "langgenius/dify-web 1.14.0", "langgenius/dify-plugin-daemon 0.6.0-local", "acme/debug 1.14.0"}
	if d := cmp.Diff(want, d.Rollback.To); d != "" || len(LoadChange(t, "-- compose.yaml --\nservices: {a: {image: a:1}}\n").Plan("prod").Rollback.Needs) > 0 {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, c := range []struct {
		d     *Dossier
		needs int
		data  string
	}{
		{offline(t, "nginx:1.28.0", "nginx:1.28.1"), 1, "Going back to the old images is enough"},
		{offline(t, "nginx:1.28", "nginx:1.29"), 2, "Going back to the old images is enough"},
		{d, 3, "Data goes back only as a whole"},
		{offline(t, "postgres:16", "pgvector/pgvector:pg17"), 4, "Data goes back only as a whole"},
	} {
		if len(c.d.Rollback.Needs) != c.needs || !strings.HasPrefix(string(c.d.Rollback.Data), c.data) {
			t.Errorf("%s: %+v", c.d.Rollback.To, c.d.Rollback)
		}
	}
	if got := offline(t, "postgres:16", "pgvector/pgvector:pg17").Rollback.To[0]; got != "postgres 16" {
		t.Errorf("back to %s", got)
	}
	s := bump(t, "redis:7.2.4", "redis:8.0.0")
	s.Catalog.GateTable = append(s.Catalog.GateTable, catalog.Gate{ID: "never", App: catalog.Redis, Majors: true, Back: catalog.BackNever})
	never := s.Plan("prod")
	if never.Rollback.Back != catalog.BackNever || !strings.HasPrefix(string(never.Rollback.Data), "One of the gates has no way back") ||
		!strings.Contains(never.Verdict.Line, "one gate has no way back for the data") {
		t.Errorf("%s %+v", never.Verdict.Line, never.Rollback)
	}
}

func TestOnly(t *testing.T) {
	d := Only("gone", "a/gone", "prod", []Finding{{Severity: "error", Message: "the stack is gone"}})
	if d.Empty() || d.Verdict.Line != "1 error to mend first" || len(d.Checklist) != 1 || d.Rollback.Back != "" {
		t.Errorf("%+v", d)
	}
	if none := Only("x", "x", "prod", nil); !none.Empty() || none.Verdict.Line != "nothing to do" {
		t.Errorf("%+v", none)
	}
}

// Of an image without a stack nothing is known, and that is said.
func TestBetween(t *testing.T) {
	d := Between(t.Context(), catalog.Load(), parse(t, "n8nio/n8n:1.98.0"), parse(t, "n8nio/n8n:1.99.0"), newReader(t, map[string]any{n8nLog: n8nChangelog, n8nBreaks: n8nBreaking}))
	if len(d.Notes) != 1 || len(d.Notes[0].Versions) != 3 || d.Changes[0].Disabled || d.Changes[0].Jump != Minor {
		t.Errorf("%+v", d)
	}
	want := "Without N8N_ENCRYPTION_KEY the key exists in the data folder alone\nnot known here: whether `N8N_ENCRYPTION_KEY` is not set to anything, so that the only copy of the key is in the data folder []"
	if d := cmp.Diff(want, gateNamed(d, "n8n-encryption-key")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// canary is in every value of the env file.
func TestCanary(t *testing.T) {
	const env = "-- .env --\nN8N_ENCRYPTION_KEY=CANARYkey\nDB_TYPE=CANARYdb\nCELERY_QUEUES=CANARYq\nIMG=canary.example.com/CANARY/canaryapp\nPG=17.7.7\n" +
		"COMPOSE_PROFILES=CANARYp\nKEEP=CANARYkeep\nN8N_RUNNERS_MODE=CANARYmode\nVOL=canaryvol\n"
	const service = "services:\n  n8n:\n    image: n8nio/n8n:%s\n    environment: ['K=${DB_TYPE}', 'EDITION=${KEEP}']\n    env_file: [.env]\n    volumes: ['${VOL}:/data']\n" +
		"  api:\n    image: langgenius/dify-api:%s\n  own:\n    image: ${IMG}:%[2]s\n  db:\n    image: postgres:%[3]s\nvolumes: {canaryvol: {}}\n"
	s := LoadChange(t, strings.ReplaceAll(env, "CANARY", "canary")+"-- base/compose.yaml --\n"+fmt.Sprintf(service, "1.98.0", "1.14.0", "16")+
		"-- head/compose.yaml --\n"+fmt.Sprintf(strings.ReplaceAll(service, "volumes: {canaryvol: {}}", "volumes: {canaryvol: {}, new: {}}"), "2.0.0", "1.99.0", "${PG}"))
	d := build(t, s, Input{NoExamples: true, Reader: newReader(t, map[string]any{
		"file n8n-io/n8n CHANGELOG.md n8n@2.0.0":                     "# [2.0.0](x) (2025-12-15)\n\n## Environment Variable Changes\n\n### Removed\n\n- `KEEP`\n",
		"file n8n-io/n8n packages/cli/BREAKING-CHANGES.md n8n@2.0.0": "none\n",
		"releases langgenius/dify":                                   errGone,
		"tree langgenius/dify docker 1.14.0":                         folder("1.14.0", "0.6.0-local", "", "KEEP=1\nDB_TYPE=a\n"),
		"tree langgenius/dify docker 1.99.0":                         folder("1.99.0", "0.9.0-local", agent, "KEEP=2\nDB_TYPE=b\n"),
	})})
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Changes) != 4 || len(d.Drift) == 0 || len(d.Gates) == 0 {
		t.Errorf("%d changes, %d drifts, %d gates", len(d.Changes), len(d.Drift), len(d.Gates))
	}
	text := strings.ReplaceAll(string(data), `"canaryvol"`, "") // the files themselves name the volume
	for _, secret := range []string{"canary", "17.7.7", "CANARY"} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%q is printed: %s", secret, text[max(0, i-200):i+50])
		}
	}
	for _, n := range d.Notes {
		if strings.HasPrefix(n.Image, "${IMG}") || n.Image == "postgres" {
			if len(n.Versions) > 0 || len(n.Missing) != 1 {
				t.Errorf("notes of a hidden tag: %+v", n)
			}
		}
	}
}
