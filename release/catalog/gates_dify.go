package catalog

import "slices"

// Where the facts about Dify stand.
const (
	difyReleases  = "https://github.com/langgenius/dify/releases/tag/"
	difyIssues    = "https://github.com/langgenius/dify/issues/"
	difyPulls     = "https://github.com/langgenius/dify/pull/"
	difyWeaviate4 = "https://docs.dify.ai/en/self-host/deploy/troubleshooting/weaviate-v4-migration"
	difyWeaviate  = "https://docs.dify.ai/en/self-host/deploy/troubleshooting/weaviate-server-migration-path"
	difyCompose   = "docker/docker-compose.yaml of langgenius/dify at each release"
	difyExamples  = "docker/.env.example and docker/envs of langgenius/dify at each release"
)

// takeOver is what to do where the set of services changes.
const takeOver = "take over the compose file of the release and put your own changes on top of it; a bump of the tags alone is not the upgrade"

func difyGates() []Gate {
	return slices.Concat(difyMigrationGates(), difyGatesTo110(), difyGatesFrom111(), difyGatesFrom115())
}

// difyMigrationGates are about the schema of Dify's database.
func difyMigrationGates() []Gate {
	return []Gate{
		{
			ID: "dify-migrations", App: DifyAPI, Migrations: true,
			Title: "Schema migrations run, and the old images do not start on the new schema",
			Text: "Every container of `dify-api` migrates the database when it starts. The schema then carries a revision that the old image has never heard of: " +
				"it stops with `Can't locate revision`. Alembic runs all pending steps at once, so that releases may be skipped as far as the main database is concerned.",
			Duty: OneWay, Risks: []Risk{DataRisk}, Level: Medium, Back: BackRestore,
			Do: []Action{
				{When: BeforeStart, Text: "back up the databases `dify` and `dify_plugin` together with `./volumes/app/storage`, with every writer stopped"},
				{When: AfterStart, Text: "compare the one row of table `alembic_version` with the head of the new image, as a healthy container does not prove a migrated database"},
			},
			Sources: []string{"api/migrations/versions and docker/entrypoint.sh of langgenius/dify", "https://github.com/langgenius/dify/discussions/39678"},
		},
		{
			ID: "dify-migration-failure-hidden", App: DifyAPI, Before: "1.13.0",
			Title: "A failed migration is only logged, and the API starts on the old schema",
			Text: "Before 1.13.0 `flask upgrade-db` catches the error of a migration, writes it to the log and ends with success; the container then serves " +
				"requests on a half-migrated database and is reported as running. From 1.13.0 it exits instead.",
			Duty: Watch, Risks: []Risk{DataRisk}, Level: High, Back: BackRestore,
			Do: []Action{
				{When: AfterStart, Text: "look for `Database migration successful!` in the log of the container that migrated, and check the revision in `alembic_version`"},
			},
			Sources: []string{difyPulls + "32024", difyIssues + "22961", difyIssues + "16526"},
		},
		{
			ID: "dify-migration-lock", App: DifyAPI, Before: "1.13.1",
			Title: "The migration lock is held for 60 seconds and not renewed",
			Text: "All containers of `dify-api` try to migrate and a lock in Redis lets one of them. Before 1.13.1 it expires after 60 seconds even while that one still works: a longer " +
				"migration is begun a second time beside the first. A container that does not get the lock logs `Database migration skipped` and starts at once.",
			Duty: Watch, Risks: []Risk{DataRisk}, Level: Medium, Back: BackRestore,
			Do: []Action{
				{When: BeforeStart, Text: "let one container migrate before any other of `dify-api` starts"},
			},
			Sources: []string{difyPulls + "32299", "api/commands.py of langgenius/dify at 1.13.0 and 1.13.1"},
		},
		{
			ID: "dify-migration-mode", App: DifyAPI, Before: "1.7.1",
			Title: "MODE=migration cannot be relied on yet",
			Text: "From 1.7.1 a container with `MODE=migration` migrates and exits. The entrypoint of older releases is not to be relied on for that: " +
				"there a migration apart from the start of the API is `flask db upgrade` in a container of its own.",
			Duty: Watch, Risks: []Risk{DataRisk}, Level: Low, Back: BackRestore,
			Sources: []string{"docker/entrypoint.sh of langgenius/dify at 1.7.0 and 1.7.1"},
		},
		{
			ID: "dify-postgres-18", App: DifyAPI, Since: "1.7.0", Before: "1.16.0",
			Title: "PostgreSQL 18 breaks a migration of these releases",
			Text: "A migration that 1.7.0 brought creates a function `uuidv7()`. PostgreSQL 18 has one of its own, so that the migration fails. " +
				"1.16.0 looks for it first.",
			Duty: Forbid, Risks: []Risk{DataRisk, DependencyRisk}, Level: High, Back: BackRestore, OnlyIf: true,
			Touches: []Touch{{Postgres: 18, Text: "on which these releases of Dify cannot migrate"}},
			Do: []Action{
				{When: BeforeMerge, Text: "stay on PostgreSQL 17 or older until Dify is at 1.16.0"},
			},
			Sources: []string{difyPulls + "36998", "api/migrations/versions of langgenius/dify at 1.7.0, revision 1c9ba48be8e4"},
		},
	}
}

func difyGatesTo110() []Gate {
	return []Gate{
		{
			ID: "dify-1.0.0-plugin-daemon", App: Dify, At: "1.0.0",
			Title: "Models and tools become plugins, kept by a new service with its own database",
			Text: "Model providers and tools leave the API and become plugins. The new service `plugin_daemon` runs them; it keeps them in `./volumes/plugin_daemon` and in " +
				"a second database, `dify_plugin`, which it creates empty where it is missing. From here on a backup of `dify` alone is not a backup.",
			Duty: Services, Risks: []Risk{DataRisk, DependencyRisk}, Level: High, Back: BackRestore,
			Touches: []Touch{{NoService: "plugin_daemon", Text: "without which no model provider and no tool works"}},
			Do: []Action{
				{When: BeforeMerge, Text: takeOver},
				{When: BeforeMerge, Text: "include the database `dify_plugin` and the folder `./volumes/plugin_daemon` in every backup"},
			},
			Sources: []string{difyReleases + "1.0.0", difyCompose},
		},
		{
			ID: "dify-1.0.0-plugins-command", App: Dify, At: "1.0.0",
			Title: "Providers and tools in use have to be carried over to plugins by hand",
			Text: "Nothing moves the providers and tools that a workspace uses into plugins by itself. `install-plugins` needs the marketplace to be reachable. The last command renames " +
				"the providers in the data; what it has renamed an older release does not find again, and nothing renames it back.",
			Duty: Command, Risks: []Risk{DataRisk, DependencyRisk}, Level: High, Back: BackRestore,
			Do: []Action{
				{When: AfterStart, Text: "list the plugins that the workspaces need; the notes want this and the next before the migration of the database", Command: "docker compose exec api flask extract-plugins --workers=20"},
				{When: AfterStart, Text: "install them from the marketplace", Command: "docker compose exec api flask install-plugins --workers=2"},
				{When: AfterStart, Text: "rename the providers in the data, when the plugins are installed: one way", Command: "docker compose exec api flask migrate-data-for-plugin"},
			},
			Sources: []string{difyReleases + "1.0.0", "api/commands.py of langgenius/dify", "https://docs.dify.ai/zh-hans/development/migration"},
		},
		{
			ID: "dify-1.7.0-worker-beat", App: Dify, At: "1.7.0",
			Title: "Scheduled tasks move to a new service, worker_beat",
			Text:  "A container of its own, from the image of the API, gives the beat for scheduled tasks. Without it they never run, and nothing reports that.",
			Duty:  Services, Risks: []Risk{APIRisk}, Level: Medium, Back: BackImages,
			Touches: []Touch{{NoService: "worker_beat", Text: "without which no scheduled task runs"}},
			Do:      []Action{{When: BeforeMerge, Text: takeOver}},
			Sources: []string{difyReleases + "1.7.0", difyCompose},
		},
		{
			ID: "dify-1.9.0-datasource-credentials", App: Dify, At: "1.9.0",
			Title: "Credentials of data sources may have to be converted by a command",
			Text: "With 1.9.0 the commands `transform-datasource-credentials` and `install-rag-pipeline-plugins` appear. Whether they have to be run is not known here: " +
				"read the notes of 1.9.0, above all where knowledge was imported from Notion, Firecrawl or Jina.",
			Duty: Command, Risks: []Risk{DataRisk, DependencyRisk}, Level: Medium, Back: BackRestore,
			Do: []Action{
				{When: AfterStart, Text: "convert the credentials, if the notes ask for it", Command: "docker compose exec api flask transform-datasource-credentials"},
			},
			Sources: []string{difyReleases + "1.9.0", difyIssues + "26552", "api/commands.py of langgenius/dify at 1.9.0"},
		},
		{
			ID: "dify-1.9.2-weaviate-client", App: Dify, At: "1.9.2",
			Title: "The Weaviate client needs a server of 1.27 or newer, and there is no way back",
			Text: "Dify speaks to Weaviate through client version 4 from here on, which refuses servers before 1.27.0; the compose file ships 1.27.0 in place of 1.19.0. " +
				"Knowledge bases made before have been found empty afterwards, and Dify's guide says that taking the server back to 1.19 loses data.",
			Duty: OneWay, Risks: []Risk{DataRisk, DependencyRisk}, Level: High, Back: BackRestore, OnlyIf: true,
			Touches: []Touch{
				{App: Weaviate, Text: "whose server must be at 1.27.0 or newer before this release of Dify uses it"},
				{Key: "VECTOR_STORE", Is: Equals, Value: "weaviate", Text: "whose server must be at 1.27.0 or newer before this release of Dify uses it"},
			},
			Do: []Action{
				{When: BeforeStart, Text: "back up the data folder of Weaviate with the server stopped"},
				{When: AfterStart, Text: "retrieve from a knowledge base that was made before, and compare the segments with those from before; the guide says how to migrate those that come back empty"},
			},
			Sources: []string{difyWeaviate4, difyIssues + "27291", difyCompose},
		},
		{
			ID: "dify-1.10.1-db-service", App: Dify, At: "1.10.1",
			Title: "Service db becomes db_postgres behind a profile",
			Text: "The database is called `db_postgres` and starts only with the profile `postgresql`. An `.env` from before still says `DB_HOST=db` and has profiles without it: the database is then never started. " +
				"The old container stays behind as an orphan with a restart policy and with the same data folder mounted, so that two servers can come to run on it.",
			Duty: Services, Risks: []Risk{DataRisk}, Level: High, Back: BackRestore,
			Touches: []Touch{
				{Service: "db", Text: "which the release calls `db_postgres`"},
				{Key: "DB_HOST", Is: Equals, Value: "db", Text: "which is no service of this release any more"},
				{Key: "COMPOSE_PROFILES", Is: Lacks, Value: "postgresql", Text: "without which the database does not start"},
			},
			Do: []Action{
				{When: BeforeMerge, Text: takeOver},
				{When: BeforeMerge, Text: "with the compose file of the release, set `DB_HOST` to `db_postgres` and add `postgresql` to `COMPOSE_PROFILES`; a stack that keeps a service `db` of its own keeps both as they are"},
				{When: BeforeStart, Text: "make sure that the container of the old service `db` is gone before the new one starts"},
			},
			Sources: []string{difyReleases + "1.10.1", difyIssues + "28706", difyIssues + "31089", difyIssues + "29308", difyExamples},
		},
		{
			ID: "dify-1.10.1-non-root", App: Dify, At: "1.10.1",
			Title: "The API runs as user 1001 and must be able to write its storage",
			Text: "The containers of `dify-api` no longer run as root. A storage folder that belongs to root makes uploads and workflows fail; from 1.11.0 " +
				"the one-shot service `init_permissions` gives `./volumes/app/storage` to user 1001.",
			Duty: Watch, Risks: []Risk{DataRisk}, Level: Medium, Back: BackImages,
			Do: []Action{
				{When: BeforeStart, Text: "give the folder that is mounted at `/app/api/storage` to user and group 1001; a restore must keep the numbers"},
			},
			Sources: []string{"https://github.com/langgenius/dify-docs/pull/555", difyPulls + "29297", difyIssues + "29173"},
		},
		{
			ID: "dify-1.10.1-qdrant", App: Dify, At: "1.10.1",
			Title: "The Qdrant that is shipped goes from v1.7.3 to v1.8.3",
			Text:  "The compose file raises Qdrant by a minor version in a patch release of Dify. Qdrant stores its data for one minor version ahead; going back is not promised.",
			Duty:  OneWay, Risks: []Risk{DataRisk, DependencyRisk}, Level: Medium, Back: BackRestore, OnlyIf: true,
			Touches: []Touch{
				{App: Qdrant, Text: "whose data folder belongs into the backup"},
				{Key: "VECTOR_STORE", Is: Equals, Value: "qdrant", Text: "whose data folder belongs into the backup"},
			},
			Sources: []string{difyCompose, "https://qdrant.tech/documentation/upgrades/"},
		},
	}
}
