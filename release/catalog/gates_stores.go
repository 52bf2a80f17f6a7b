package catalog

import (
	"slices"
	"strconv"
)

const dockerPostgres = "https://github.com/docker-library/postgres"

// storeGates are about what keeps the data.
func storeGates() []Gate {
	return slices.Concat(postgresGates(), cacheGates(), vectorGates())
}

func postgresGates() []Gate {
	pgvector := []string{"**/pgvector/pgvector", "**/ankane/pgvector"}
	return []Gate{
		{
			ID: "postgres-major", App: Postgres, Majors: true,
			Title: "A data folder belongs to one major version of PostgreSQL",
			Text: "The server refuses the files of another major version, so that a new tag on the old volume does not start: the data goes by dump and restore, with the roles, into a new, empty volume. " +
				"From PostgreSQL 12 on `belay upgrade` does that on the host where the version is a newer one, compares every row, and keeps the old volume as the way back. To an older version there is no such way. " +
				"Where the image changes between Alpine and Debian too, text is sorted by other rules; a restore builds the indexes anew and so is safe from that, a copied volume is not.",
			Duty: OneWay, Risks: []Risk{DataRisk}, Level: High, Back: BackRestore,
			Do: []Action{
				{When: BeforeStart, Text: "without `belay upgrade`: dump every database and the roles with the client of the old server, with all applications stopped"},
				{When: BeforeStart, Text: "without `belay upgrade`: give the new server a volume of its own and restore into it; keep the old volume until the new one is proven"},
				{When: AfterStart, Text: "without `belay upgrade`: compare the extensions and the counts of rows of every database"},
			},
			Sources: []string{dockerPostgres + "/issues/37", "https://www.postgresql.org/docs/current/upgrading.html"},
		},
		{
			ID: "postgres-18-data-path", App: Postgres, Majors: true, Since: "18.0", Images: []string{"postgres", "**/library/postgres"},
			Title: "From 18 on the image keeps its data below /var/lib/postgresql",
			Text: "`PGDATA` is `/var/lib/postgresql/18/docker` and the volume belongs to `/var/lib/postgresql`. With the old mount at `/var/lib/postgresql/data` the image refuses to start; where `PGDATA` is set " +
				"by hand it does not notice. What lies outside a mount goes with the container.",
			Duty: Settings, Risks: []Risk{DataRisk}, Level: High, Back: BackRestore,
			Do: []Action{
				{When: BeforeMerge, Text: "mount the new volume at `/var/lib/postgresql`"},
			},
			Touches: []Touch{{Key: "PGDATA", Is: Set, Text: "which switches off the image's own guard against the old mount"}},
			Sources: []string{dockerPostgres + "/pull/1259", dockerPostgres + "/issues/1400"},
		},
		{
			ID: "postgres-18-data-path-pgvector", App: Postgres, Majors: true, Images: pgvector,
			Title: "With PostgreSQL 18 the image keeps its data below /var/lib/postgresql",
			Text: "The image is built on the official one: from PostgreSQL 18 on the volume belongs to `/var/lib/postgresql`. With the old mount at `/var/lib/postgresql/data` it refuses to start; " +
				"where `PGDATA` is set by hand it does not notice.",
			Duty: Settings, Risks: []Risk{DataRisk}, Level: High, Back: BackRestore, OnlyIf: true,
			Touches: []Touch{{Postgres: 18, Text: "which keeps its data in another folder than the releases before"}},
			Do:      []Action{{When: BeforeMerge, Text: "mount the new volume at `/var/lib/postgresql`"}},
			Sources: []string{dockerPostgres + "/pull/1259", "https://github.com/pgvector/pgvector/blob/master/Dockerfile"},
		},
		{
			ID: "pgvector-extension-update", App: Postgres, Every: true, Images: pgvector,
			Title: "Each database keeps its old pgvector until the extension is updated in it",
			Text: "The image brings a new library; the extension's objects stay those of the version that is recorded in `pg_extension`. It takes a superuser, in every database that has the extension. " +
				"A dump taken afterwards does not restore on an older pgvector.",
			Duty: Command, Risks: []Risk{DataRisk, DependencyRisk}, Level: Medium, Back: BackRestore,
			Do: []Action{{
				When: AfterStart, Text: "update the extension in each database that has it, with your names for service, user and database",
				Command: `docker compose exec -T db psql -X -v ON_ERROR_STOP=1 -U postgres -d DATABASE -c 'ALTER EXTENSION vector UPDATE'`,
			}},
			Sources: []string{"https://github.com/pgvector/pgvector#upgrading"},
		},
		{
			ID: "pgvector-0.8.3-reindex", App: Postgres, At: "0.8.3", Images: pgvector,
			Title: "HNSW indexes that were vacuumed before 0.8.3 may be corrupt",
			Text: "0.8.3 fixes a possible corruption of HNSW indexes by vacuum, and 0.8.4 a `hnsw graph not repaired` error of the same kind. " +
				"What an earlier version has written stays as it is: building the indexes anew is prudent.",
			Duty: Watch, Risks: []Risk{DataRisk}, Level: Medium, Back: BackImages,
			Do:      []Action{{When: AfterStart, Text: "run `REINDEX INDEX CONCURRENTLY` on each HNSW index"}},
			Sources: []string{"CHANGELOG.md of pgvector, 0.8.3 and 0.8.4"},
		},
	}
}

// rdb is a version of Redis or Valkey that writes a new format: one of rdbFormats.
func rdb(id, app, title, at string, sources ...string) Gate {
	format, _ := WritesRDB(app, at)
	return Gate{
		ID: id, App: app, At: at,
		Title: title,
		Text: "It saves its data in RDB format " + strconv.Itoa(format) + ", which older releases do not read: they stop with `Can't handle RDB format version`. The file is rewritten at the first save, " +
			"so that after a moment the old image has nothing left that it can start from.",
		Duty: OneWay, Risks: []Risk{DataRisk}, Level: Medium, Back: BackRestore,
		Do: []Action{
			{When: BeforeStart, Text: "copy `dump.rdb`, and `appendonlydir` where the append-only file is on, with the server stopped"},
		},
		Sources: sources,
	}
}

func cacheGates() []Gate {
	const redisIssues = "https://github.com/redis/redis/issues/"
	return []Gate{
		rdb("redis-7.0-rdb", Redis, "Redis 7.0 writes a format that 6.2 cannot read", "7.0.0", redisIssues+"11172", redisIssues+"13007"),
		rdb("redis-7.2-rdb", Redis, "Redis 7.2 writes a format that 7.0 cannot read", "7.2.0", "https://github.com/apecloud/ape-dts/issues/67", redisIssues+"13007"),
		rdb("redis-7.4-rdb", Redis, "Redis 7.4 writes a format that 7.2 cannot read", "7.4.0", redisIssues+"14064"),
		rdb("redis-8.6-rdb", Redis, "Redis 8.6 writes a format that earlier releases cannot read", "8.6.0",
			"https://github.com/redis/redis/discussions/14819", "https://github.com/redis/librdb/pull/94"),
		rdb("valkey-9.0-rdb", Valkey, "Valkey 9.0 writes a format that 8 cannot read", "9.0.0",
			"https://github.com/orgs/valkey-io/discussions/4848", "https://github.com/orgs/valkey-io/discussions/3876", "https://github.com/valkey-io/valkey/issues/645"),
	}
}

func vectorGates() []Gate {
	return []Gate{
		{
			ID: "weaviate-1.27-client", App: Weaviate, At: "1.27.0",
			Title: "Dify before 1.9.2 does not work with this server",
			Text: "Dify's client of version 3 is for servers up to 1.26; from 1.9.2 it has version 4, which needs 1.27.0 or newer. The two have to be raised together. " +
				"Dify's guide says that going back to 1.19 loses data.",
			Duty: OneWay, Risks: []Risk{DataRisk, DependencyRisk}, Level: High, Back: BackRestore,
			Touches: []Touch{{App: DifyAPI, Text: "which must be at 1.9.2 or newer with this server"}},
			Do: []Action{
				{When: BeforeStart, Text: "back up the data folder with the server stopped"},
				{When: AfterStart, Text: "compare the number of objects of each collection with the one from before"},
			},
			Sources: []string{difyWeaviate4, "https://github.com/weaviate/weaviate/issues/9626"},
		},
		{
			ID: "weaviate-minor-steps", App: Weaviate, Skips: true,
			Title: "Weaviate goes up one minor version at a time",
			Text: "Weaviate neither tests nor supports leaving out a minor version; each may rewrite what is on disk and expects that the one before has run. " +
				"Its documentation asks to stop at the last patch of every minor version.",
			Duty: Stop, Risks: []Risk{DataRisk}, Level: High, Back: BackRestore,
			Do: []Action{
				{When: BeforeMerge, Text: "split the change into one for each minor version, at its last patch"},
				{When: BeforeStart, Text: "back up the data folder with the server stopped, before each of them"},
			},
			Sources: []string{"https://docs.weaviate.io/deploy/migration", difyWeaviate},
		},
		{
			ID: "weaviate-minor-data", App: Weaviate, Minors: true,
			Title: "A minor version may rewrite the data, and an upgrade has lost objects before",
			Text:  "Any minor version may migrate what is on disk, and only a backup leads back. A patch release has lost all objects of a collection as well, so that counting them is worth it.",
			Duty:  OneWay, Risks: []Risk{DataRisk}, Level: Medium, Back: BackRestore,
			Do:      []Action{{When: AfterStart, Text: "compare the number of objects of each collection with the one from before"}},
			Sources: []string{difyWeaviate, "https://github.com/weaviate/weaviate/issues/5869"},
		},
		{
			ID: "qdrant-minor-steps", App: Qdrant, Skips: true,
			Title: "Qdrant goes up one minor version at a time",
			Text: "Storage is compatible from one minor version to the next and no further: on a single node too every minor version must have run, at its last patch, " +
				"for all migrations of the data to be applied.",
			Duty: Stop, Risks: []Risk{DataRisk}, Level: High, Back: BackRestore,
			Do: []Action{
				{When: BeforeMerge, Text: "split the change into one for each minor version, at its last patch"},
				{When: BeforeStart, Text: "back up the data folder with the server stopped, before each of them"},
			},
			Sources: []string{"https://qdrant.tech/documentation/upgrades/"},
		},
		{
			ID: "milvus-2.6-steps", App: "milvus", At: "2.5.16", Since: "2.6.0",
			Title: "Milvus must run 2.5.16 or newer before it goes to 2.6",
			Text: "2.6 joins the coordinators into one and adds a streaming node. Its guide asks for 2.5.16 or a later 2.5 to have run first, and for the message queue to stay the one in use. " +
				"Data of 2.6.0-rc1 is not compatible with any later release.",
			Duty: Stop, Risks: []Risk{DataRisk}, Level: High, Back: BackRestore,
			Do: []Action{
				{When: BeforeMerge, Text: "go to the last 2.5 first, by a change of its own"},
			},
			Sources: []string{"https://milvus.io/docs/v2.6.x/upgrade_milvus_standalone-docker.md"},
		},
	}
}
