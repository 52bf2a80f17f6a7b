package catalog

import "slices"

// Where the facts about n8n stand.
const (
	n8nPulls = "https://github.com/n8n-io/n8n/pull/"
	n8nIssue = "https://github.com/n8n-io/n8n/issues/"
	n8nDocs2 = "https://docs.n8n.io/2-0-breaking-changes/"
	n8nDocs3 = "https://docs.n8n.io/changelog/v30-breaking-changes"
)

// n8nGates are what holds for each upgrade, and what the majors break. What
// the minor versions of 1.x broke is read from the project's own file.
func n8nGates() []Gate {
	reports := []Gate{n8nReport("2.0", "2.0.0", n8nDocs2), n8nReport("3.0", "3.0.0", "https://docs.n8n.io/changelog/v30-migration-tool")}
	return slices.Concat(n8nUpgradeGates(), reports, n8nBreaking("2.0", "2.0.0", n8n2()), n8nBreaking("3.0", "3.0.0", n8n3()))
}

func n8nUpgradeGates() []Gate {
	return []Gate{
		{
			ID: "n8n-migrations", App: N8N, Minors: true,
			Title: "Migrations run at the start, and an old image does not undo them",
			Text: "n8n migrates its database when it starts. An old image does not refuse a newer database, it works on it wrongly; `n8n db:revert` takes back one migration, with the new image only, and many cannot be taken back. " +
				"While it migrates every address answers 200, so that only `/healthz/readiness` tells when it is done.",
			Duty: OneWay, Risks: []Risk{DataRisk}, Level: Medium, Back: BackRestore,
			Do: []Action{
				{When: BeforeStart, Text: "back up the database and the folder `/home/node/.n8n` of the same moment, with n8n stopped"},
				{When: AfterStart, Text: "compare the set of active workflows with the one from before"},
			},
			Sources: []string{n8nIssue + "24671", n8nIssue + "19364", "packages/cli/src/abstract-server.ts and packages/@n8n/db/src/migrations of n8n"},
		},
		{
			ID: "n8n-encryption-key", App: N8N, Minors: true,
			Title: "Without N8N_ENCRYPTION_KEY the key exists in the data folder alone",
			Text: "n8n then keeps a key of its own making in `/home/node/.n8n/config`. A new or lost volume gets a new key, and no credential can be read again; where key and file differ " +
				"n8n stops with `Mismatching encryption keys`.",
			Duty: Settings, Risks: []Risk{DataRisk}, Level: Medium, Back: BackRestore, OnlyIf: true,
			Touches: []Touch{{Key: "N8N_ENCRYPTION_KEY", Is: Empty, Text: "so that the only copy of the key is in the data folder"}},
			Do:      []Action{{When: BeforeMerge, Text: "set `N8N_ENCRYPTION_KEY` to the key that stands in `/home/node/.n8n/config`, and never to another"}},
			Sources: []string{n8nPulls + "8332", n8nIssue + "17816", "packages/core/src/instance-settings of n8n"},
		},
		{
			ID: "n8n-1.28-webhooks", App: N8N, At: "1.15.0", Since: "1.28.0", Before: "1.32.1",
			Title: "Webhooks come out unregistered when 1.15 to 1.27 are skipped",
			Text: "An upgrade from before 1.15 straight to 1.28 or newer leaves webhooks unregistered while their workflows still count as active: calls get 404. " +
				"1.32.1 repairs it.",
			Duty: Stop, Risks: []Risk{APIRisk}, Level: High, Back: BackRestore,
			Do: []Action{
				{When: BeforeMerge, Text: "go to 1.32.1 or newer, or through a version from 1.15 to 1.27 first"},
				{When: AfterStart, Text: "call a webhook of each active workflow that has one"},
			},
			Sources: []string{n8nPulls + "8830"},
		},
		{
			ID: "n8n-2.0-mysql", App: N8N, At: "2.0.0",
			Title: "MySQL and MariaDB are no longer supported as n8n's database",
			Text:  "n8n 2 stores its data in PostgreSQL or SQLite and no longer in MySQL or MariaDB. The data has to be exported and imported while n8n is still at 1.x.",
			Duty:  Forbid, Risks: []Risk{DataRisk, DependencyRisk}, Level: High, Back: BackRestore, OnlyIf: true,
			Touches: []Touch{
				{Key: "DB_TYPE", Is: Equals, Value: "mysqldb", Text: "which n8n 2 does not support"},
				{Key: "DB_TYPE", Is: Equals, Value: "mariadb", Text: "which n8n 2 does not support"},
				{App: "mysql", Text: "which n8n 2 cannot have as its database"},
				{App: "mariadb", Text: "which n8n 2 cannot have as its database"},
			},
			Do:      []Action{{When: BeforeMerge, Text: "move n8n to PostgreSQL while it is still at 1.x, by a change of its own"}},
			Sources: []string{n8nDocs2},
		},
	}
}

func n8nReport(name, at, doc string) Gate {
	return Gate{
		ID: "n8n-" + name + "-report", App: N8N, At: at,
		Title: "n8n's own migration report names the workflows that break",
		Text: "A stack's files do not show what workflows do. The last releases before a major version have a report, under Settings, Migration Report, " +
			"that lists the workflows and settings of the instance which it changes.",
		Duty: Watch, Risks: []Risk{APIRisk}, Level: Medium, Back: BackRestore,
		Do:      []Action{{When: BeforeMerge, Text: "go to the last release of the present major version and work off its migration report"}},
		Sources: []string{doc},
	}
}

// n8nRule is an entry of n8n's own list of what a major version breaks, which
// its migration report is made of: modules/breaking-changes/rules of the npm
// package n8n 2.41.3.
type n8nRule struct {
	ID       string // as n8n has it
	Name     string // the gate's, behind the version
	Severity string // low, medium, critical
	Category string // environment, infrastructure, instance, workflow
	Title    string
	Text     string
	Do       string
	Touches  []Touch
	OnlyIf   bool
	Duty     Duty   // "" goes by Category
	Risk     Risk   // "" is APIRisk
	Doc      string // n8n's page on it, where it has one
}

func n8nBreaking(name, at string, rules []n8nRule) []Gate {
	var out []Gate
	for _, r := range rules {
		g := Gate{
			ID: "n8n-" + name + "-" + r.Name, App: N8N, At: at,
			Title: r.Title, Text: r.Text, Duty: r.Duty, Risks: []Risk{APIRisk}, Back: BackRestore,
			Level:   map[string]Level{"low": Low, "medium": Medium, "critical": High}[r.Severity],
			Touches: r.Touches, OnlyIf: r.OnlyIf,
			Sources: []string{"rule " + r.ID + " (" + r.Category + ", " + r.Severity + ") of n8n 2.41.3"},
		}
		if r.Duty == "" && (r.Category == "environment" || r.Category == "infrastructure") {
			g.Duty = Settings
		} else if r.Duty == "" {
			g.Duty = Watch
		}
		if r.Risk != "" {
			g.Risks = []Risk{r.Risk}
		}
		if r.Do != "" {
			g.Do = []Action{{When: BeforeMerge, Text: r.Do}}
		}
		if r.Doc != "" {
			g.Sources = append([]string{r.Doc}, g.Sources...)
		}
		out = append(out, g)
	}
	return out
}
