package dossier

import (
	"fmt"

	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/catalog"
)

// rich is a change with something in every section: Dify over two minors with
// a one-way gate, n8n over a patch, PostgreSQL over a major.
func rich() *release.Dossier {
	at := func(file string, line int) release.Place { return release.Place{File: file, Line: line, Col: 12} }
	return &release.Dossier{
		Stack: "dify-prod", Dir: "deploy/prod", Environment: "prod",
		Verdict: release.Verdict{Level: catalog.High, Line: "the databases cannot go back without the backup", Reasons: []release.Reason{
			{Risk: catalog.DataRisk, Level: catalog.High, Text: "PostgreSQL 15 does not start on the data folder of 14", Evidence: []string{"postgres-major", "deploy/prod/compose.yaml:88"}},
			{Risk: catalog.APIRisk, Level: catalog.Medium, Text: "Dify 1.15.0 moves the plugin daemon's endpoint", Evidence: []string{"https://github.com/langgenius/dify/releases/tag/1.15.0"}},
			{Risk: catalog.DataRisk, Level: catalog.Medium, Text: "Dify 1.14.2 to 1.15.0 runs 3 database migrations", Evidence: []string{"https://github.com/langgenius/dify/pull/31337"}},
			{Risk: catalog.DependencyRisk, Level: catalog.Low, Text: "plugin daemon 0.5.3 is what Dify 1.15.0 was released with", Evidence: []string{"dify-companions"}},
		}},
		Checklist: []release.Task{
			{Text: "Dump all databases and bring them into a new volume: PostgreSQL 15 refuses the old one", Places: []release.Place{at("deploy/prod/compose.yaml", 88), at("deploy/prod/compose.yaml", 131)}},
			{Text: "Set `PLUGIN_DAEMON_URL`, which has no default any more", Places: []release.Place{at("deploy/prod/.env.example", 412)}},
			{Text: "Bring `langgenius/dify-sandbox` to `0.2.14` too", Places: []release.Place{at("deploy/prod/compose.yaml", 154)}},
		},
		Changes: []release.Change{
			{Image: "langgenius/dify-api", Old: "1.14.2", New: "1.15.0", Jump: release.Minor, Services: []string{"api", "worker", "worker_beat"}, App: "Dify API", Places: []release.Place{at("deploy/prod/compose.yaml", 12)}},
			{Image: "langgenius/dify-web", Old: "1.14.2", New: "1.15.0", Jump: release.Minor, Services: []string{"web"}, App: "Dify web", Places: []release.Place{at("deploy/prod/compose.yaml", 61)}},
			{Image: "postgres", Old: "14-alpine", New: "15-alpine", Jump: release.PostgresMajor, Services: []string{"db"}, App: "PostgreSQL", Stateful: true, Places: []release.Place{at("deploy/prod/compose.yaml", 88)}},
			{Image: "n8nio/n8n", OldImage: "docker.n8n.io/n8nio/n8n", Old: "${N8N_TAG}", New: "1.123.4", Jump: release.Patch, Services: []string{"n8n"}, App: "n8n", Stateful: true, Disabled: true, Places: []release.Place{at("deploy/prod/compose.yaml", 190)}, Note: "the digest decides at run time"},
		},
		Structure: []release.Part{
			{Kind: "service", What: "added", Name: "worker_beat", Image: "langgenius/dify-api", Place: at("deploy/prod/compose.yaml", 40)},
			{Kind: "volume", What: "renamed", Name: "pg15_data", Was: "pg_data", Place: at("deploy/prod/compose.yaml", 231)},
			{Kind: "service", What: "removed", Name: "ssrf_proxy_old"},
		},
		Findings: findings(2, 3, 9),
		Drift:    drifts(),
		Gates:    gates(),
		Notes:    notes(),
		Upgrade:  upgradeSteps(),
		Rollback: wayBack(),
		Missing:  []string{"the values of deploy/prod/.env: the file is not in the repository, so what it sets is not known", "the release notes of postgres: the image names no repository"},
	}
}

func findings(errors, warnings, notes int) []release.Finding {
	var out []release.Finding
	for i := range errors + warnings + notes {
		f := release.Finding{Rule: "image-tag-floating", Severity: "warning", Place: release.Place{File: "deploy/prod/compose.yaml", Line: 100 + i, Col: 12},
			Message: fmt.Sprintf("redis:latest of cache_%d names no version", i), Hint: "write the version that runs now, `redis:7.4.2`"}
		switch {
		case i < notes:
			f.Rule, f.Severity, f.Message, f.Hint = "healthcheck-missing", "note", fmt.Sprintf("worker_%d has no healthcheck", i), ""
		case i >= notes+warnings:
			f.Rule, f.Severity, f.Message, f.Hint = "group-tags-differ", "error", "langgenius/dify-web is 1.14.2 and langgenius/dify-api 1.15.0: they must be the same | always", "write 1.15.0 in both"
		}
		out = append(out, f)
	}
	return out
}

func drifts() []release.Drift {
	out := []release.Drift{
		{Key: "PLUGIN_DAEMON_URL", Kind: "missing", Text: "api needs it and it has no default", Place: release.Place{File: "deploy/prod/.env.example", Line: 412}, Paste: "PLUGIN_DAEMON_URL=http://plugin_daemon:5002"},
		{Key: "SECRET_KEY", Kind: "missing", Text: "a secret: `openssl rand -base64 42` makes one", Place: release.Place{File: "deploy/prod/.env.example", Line: 20}, Paste: "SECRET_KEY="},
		{Key: "LOG_LEVEL", Kind: "pinned", Text: "the default changed and .env still has the old one", Place: release.Place{File: "deploy/prod/.env.example", Line: 33}},
		{Key: "CELERY_BROKER", Kind: "renamed", Text: "seems to be CELERY_BROKER_URL now", Place: release.Place{File: "deploy/prod/.env.example", Line: 90}},
	}
	for i := range 14 {
		key := fmt.Sprintf("WORKFLOW_LIMIT_%d", i)
		out = append(out, release.Drift{Key: key, Kind: "added", Text: "new, with a default", Place: release.Place{File: "deploy/prod/.env.example", Line: 500 + i}, Paste: key + "=100"})
	}
	return out
}

func gates() []release.Passed {
	return []release.Passed{
		{ID: "dify-1.15-settings", Title: "Three settings moved to .env.example of the middleware", Text: "Dify 1.15.0 reads them from `middleware.env` only.", Duty: catalog.Settings, Level: catalog.Medium,
			Risks: []catalog.Risk{catalog.APIRisk}, Back: catalog.BackImages, Image: "langgenius/dify-api", Sources: []string{"https://github.com/langgenius/dify/pull/30123", "https://docs.dify.ai/en/self-host/upgrade"},
			Do: []release.Action{{When: catalog.BeforeMerge, Text: "Move `EXPOSE_REDIS_PORT` to `middleware.env`"}}},
		{ID: "postgres-major", Title: "PostgreSQL 15 cannot read the data of 14", Text: "A new major version of PostgreSQL refuses to start on the data folder of the old one. **Nothing is lost** by the attempt, but nothing runs either.",
			Duty: catalog.OneWay, Level: catalog.High, Risks: []catalog.Risk{catalog.DataRisk}, Back: catalog.BackRestore, Image: "postgres", Sources: []string{"https://www.postgresql.org/docs/15/upgrading.html"},
			Here: []release.Task{{Text: "the service `db` keeps its data in the volume `pg_data`", Places: []release.Place{{File: "deploy/prod/compose.yaml", Line: 91}}}},
			Do: []release.Action{
				{When: catalog.AfterStart, Text: "Refresh the statistics", Command: "docker compose exec db vacuumdb --all --analyze-in-stages -U postgres"},
				{When: catalog.BeforeStart, Text: "Dump every database with the old version", Command: "docker compose exec -T db pg_dumpall -U postgres > dump.sql"},
				{When: catalog.BeforeMerge, Text: "Give the new version a volume of its own"},
			}},
		{ID: "n8n-binary-data", Title: "n8n keeps binary data on disk by default", Text: "Since 1.120.0 the default of `N8N_DEFAULT_BINARY_DATA_MODE` is `filesystem`.", Duty: catalog.Watch, Level: catalog.Low, Image: "n8nio/n8n"},
	}
}

func notes() []release.Notes {
	return []release.Notes{
		{Image: "langgenius/dify-api", Old: "1.14.2", New: "1.15.0", Source: "github.com/langgenius/dify", URL: "https://github.com/langgenius/dify/releases", Versions: []release.Version{
			{Name: "1.15.0", Date: "2026-06-25", URL: "https://github.com/langgenius/dify/releases/tag/1.15.0", Migrations: true, Advisories: []string{"CVE-2026-41948"},
				Commands: []string{"docker compose exec api flask backfill-node-executions --batch-size 500"},
				Here:     []release.Task{{Text: "`1.15.0` removes `WEB_API_CORS`, which you set", Places: []release.Place{{File: "deploy/prod/.env.example", Line: 77}}}},
				Sections: []release.Section{
					{Kind: "danger", Title: "Before you upgrade", Blocks: []release.Markdown{"> [!WARNING]\n> This release rewrites the table of workflow runs. On a large installation that **takes hours**.\n"}},
					{Kind: "breaking", Title: "Breaking Changes", Blocks: []release.Markdown{"- The plugin daemon is reached through `PLUGIN_DAEMON_URL` only.\n", "- `/v1/completion` answers 410.\n"}},
					{Kind: "upgrade", Title: "Docker Compose Deployments", Blocks: []release.Markdown{"1. Back up your customised compose file\n", "```bash\ncp docker-compose.yaml docker-compose.yaml.$(date +%s).bak\n```\n"}},
					{Kind: "features", Title: "New Features", Blocks: []release.Markdown{"- Agents may call each other, by @&#8203;laipz8200 in [#&#8203;30001](https://redirect.github.com/langgenius/dify/pull/30001)\n", "- Trigger nodes\n  - by schedule\n  - by webhook\n"}},
					{Kind: "changes", Title: "What's Changed", Blocks: bullets(25)},
				}},
			{Name: "1.14.3", Date: "2026-05-11", URL: "https://github.com/langgenius/dify/releases/tag/1.14.3", Sections: []release.Section{
				{Kind: "fixes", Title: "Fixes & improvements", Blocks: []release.Markdown{"- Knowledge retrieval no longer times out with more than 10,000 segments\n"}},
			}},
		}, Missing: []string{"1.14.4: the release has no text"}},
		{Image: "postgres", Old: "14-alpine", New: "15-alpine", Missing: []string{"belay knows no repository with notes of this image"}},
	}
}

func bullets(n int) []release.Markdown {
	var out []release.Markdown
	for i := range n {
		out = append(out, release.Markdown(fmt.Sprintf("- fix: step %d of the great renaming by @&#8203;user%d in [#&#8203;%d](https://redirect.github.com/langgenius/dify/pull/%[3]d)\n", i, i%7, 30100+i)))
	}
	return out
}

func upgradeSteps() []release.Step {
	return []release.Step{
		{Name: "pull", Text: "Fetch the new images while everything runs.", Commands: []string{"docker compose pull"}},
		{Name: "halt", Text: "Wait until no workflow runs, then stop what writes.", Stops: []string{"api", "worker", "worker_beat", "web", "n8n"}, Commands: []string{"docker compose stop api worker worker_beat web n8n"}},
		{Name: "backup", Text: "Databases, volumes and files of one moment.", Commands: []string{"docker compose exec -T db pg_dumpall -U postgres > backup/all.sql"}},
		{Name: "launch", Text: "Start the new version, closed to the outside until it is verified.", Commands: []string{"docker compose up -d"}},
	}
}

func wayBack() release.Rollback {
	return release.Rollback{
		To:    []string{"langgenius/dify-api 1.14.2", "langgenius/dify-web 1.14.2", "postgres 14-alpine"},
		Needs: []release.Task{{Text: "the backup of the step `backup`, verified"}, {Text: "the old volume `pg_data`, which nobody deletes before the new one is proven", Places: []release.Place{{File: "deploy/prod/compose.yaml", Line: 231}}}},
		Data:  "Data may be rolled back **until the stack is opened again**; what is written after that is lost by it.",
		Steps: []release.Step{{Name: "halt", Text: "Stop everything.", Commands: []string{"docker compose down"}}, {Name: "restore", Text: "Bring back files and data, start the old images."}},
		Back:  catalog.BackRestore,
	}
}

// small is one patch bump that nothing is to be said about.
func small() *release.Dossier {
	return &release.Dossier{
		Stack: "n8n", Dir: "n8n", Environment: "prod",
		Verdict: release.Verdict{Level: catalog.Low, Line: "one patch, and its notes ask for nothing"},
		Changes: []release.Change{{Image: "n8nio/n8n", Old: "1.123.3", New: "1.123.4", Jump: release.Patch, Services: []string{"n8n"}, App: "n8n", Stateful: true, Places: []release.Place{{File: "n8n/compose.yaml", Line: 4, Col: 12}}}},
		Notes: []release.Notes{{Image: "n8nio/n8n", Old: "1.123.3", New: "1.123.4", Source: "github.com/n8n-io/n8n", URL: "https://github.com/n8n-io/n8n/blob/master/CHANGELOG.md",
			Versions: []release.Version{{Name: "1.123.4", Date: "2025-12-04", URL: "https://github.com/n8n-io/n8n/releases/tag/n8n%401.123.4", Sections: []release.Section{
				{Kind: "fixes", Title: "Bug Fixes", Blocks: []release.Markdown{"- **core:** Keep the order of executions ([#&#8203;22001](https://redirect.github.com/n8n-io/n8n/issues/22001))\n"}}}}}}},
		Upgrade:  []release.Step{{Name: "pull", Text: "Fetch the new image."}, {Name: "launch", Text: "Start it.", Stops: []string{"n8n"}}},
		Rollback: release.Rollback{To: []string{"n8nio/n8n 1.123.3"}, Back: catalog.BackImages},
	}
}

func gone() *release.Dossier { return &release.Dossier{Stack: "n8n", Dir: "n8n", Environment: "prod"} }

func options() Options {
	return Options{
		Limit: CommentLimit, More: "https://github.com/acme/infra/actions/runs/4711", Command: "belay check --base main",
		Link: func(p release.Place) string {
			return fmt.Sprintf("https://github.com/acme/infra/blob/0c1d2e3f/%s#L%d", p.File, p.Line)
		},
	}
}
