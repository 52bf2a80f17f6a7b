package catalog

import "slices"

// The IDs of apps that other packages speak of.
const (
	Postgres         = "postgres"
	Redis            = "redis"
	Valkey           = "valkey"
	Weaviate         = "weaviate"
	Qdrant           = "qdrant"
	N8N              = "n8n"
	N8NRunners       = "n8n-runners"
	DifyAPI          = "dify-api"
	DifyWeb          = "dify-web"
	DifyAgent        = "dify-agent"
	DifySandbox      = "dify-sandbox"
	DifyPluginDaemon = "dify-plugin-daemon"
)

// Dify is the product whose releases the catalog lists.
const Dify = "dify"

// Kind is what an app is for.
type Kind string

// The kinds.
const (
	Database    Kind = "database"
	Cache       Kind = "cache" // queues too
	VectorStore Kind = "vector-store"
	ObjectStore Kind = "object-store"
	Search      Kind = "search"
	Application Kind = "application"
	Sidecar     Kind = "sidecar" // part of an application, without a face of its own
)

// App is a program that images ship.
type App struct {
	ID       string
	Title    string // as a sentence names it: "PostgreSQL"
	Kind     Kind
	Images   []string // patterns for image.Ref.Match
	Release  string   // the product whose version its tag is: Dify, or ""
	Stateful bool     // it keeps what cannot be made again

	// DataPaths are the folders in the container that hold its data. One of
	// them is in use, which one depends on image and version. None with
	// Stateful: its command line says where.
	DataPaths []string

	// Protected are keys of its environment whose change loses data or
	// makes it unreadable.
	Protected []string

	// Required are keys of its environment that must be set in prod,
	// because it would make up a value and lose it with the volume.
	Required []string
}

// apps is the table. Data paths are the VOLUMEs of the images' Dockerfiles
// and the mounts of Dify's docker/docker-compose.yaml at 1.16.1.
func apps() []App {
	return slices.Concat(databases(), stores(), applications())
}

func databases() []App {
	return []App{
		{
			ID: Postgres, Title: "PostgreSQL", Kind: Database, Stateful: true,
			Images: []string{
				"postgres", "**/library/postgres", "**/pgvector/pgvector", "**/ankane/pgvector", "**/postgis/postgis",
				"**/timescale/timescaledb", "**/timescale/timescaledb-ha", "**/supabase/postgres", "**/paradedb/paradedb",
				"**/tensorchord/pgvecto-rs", "**/tensorchord/vchord-postgres", "**/immich-app/postgres",
				"**/bitnami/postgresql", "**/bitnamilegacy/postgresql", "**/cloudnative-pg/postgresql",
			},
			// The second is the VOLUME from 18 on: docker-library/postgres,
			// 18/trixie/Dockerfile. The others are timescaledb-ha's and Bitnami's.
			DataPaths: []string{"/var/lib/postgresql/data", "/var/lib/postgresql", "/home/postgres/pgdata/data", "/bitnami/postgresql"},
			// Read on an empty data folder only: docker-library/postgres,
			// docker-entrypoint.sh. A new value changes what clients send
			// and not what the server expects.
			Protected: []string{"POSTGRES_PASSWORD", "POSTGRES_USER", "POSTGRESQL_PASSWORD"},
		},
		{
			ID: "mysql", Title: "MySQL", Kind: Database, Stateful: true,
			Images:    []string{"mysql", "**/library/mysql", "mysql/mysql-server", "**/bitnami/mysql"},
			DataPaths: []string{"/var/lib/mysql", "/bitnami/mysql/data"},
			Protected: []string{"MYSQL_ROOT_PASSWORD", "MYSQL_PASSWORD", "MYSQL_USER"},
		},
		{
			ID: "mariadb", Title: "MariaDB", Kind: Database, Stateful: true,
			Images:    []string{"mariadb", "**/library/mariadb", "**/bitnami/mariadb", "**/linuxserver/mariadb"},
			DataPaths: []string{"/var/lib/mysql", "/bitnami/mariadb", "/config"},
			Protected: []string{"MARIADB_ROOT_PASSWORD", "MARIADB_PASSWORD", "MYSQL_ROOT_PASSWORD", "MYSQL_PASSWORD"},
		},
		{
			ID: "mongo", Title: "MongoDB", Kind: Database, Stateful: true,
			Images:    []string{"mongo", "**/library/mongo", "mongodb/mongodb-community-server"},
			DataPaths: []string{"/data/db"},
			Protected: []string{"MONGO_INITDB_ROOT_PASSWORD", "MONGO_INITDB_ROOT_USERNAME"},
		},
		{
			ID: "clickhouse", Title: "ClickHouse", Kind: Database, Stateful: true,
			Images:    []string{"**/clickhouse/clickhouse-server"},
			DataPaths: []string{"/var/lib/clickhouse"},
		},
	}
}

func stores() []App {
	return []App{
		{
			// Celery's and n8n's queues live in it, so that it is more than a cache.
			ID: Redis, Title: "Redis", Kind: Cache, Stateful: true,
			Images:    []string{"redis", "**/library/redis", "**/redis/redis-stack", "**/redis/redis-stack-server", "**/bitnami/redis"},
			DataPaths: []string{"/data", "/bitnami/redis/data"},
		},
		{
			ID: Valkey, Title: "Valkey", Kind: Cache, Stateful: true,
			Images:    []string{"**/valkey/valkey", "**/bitnami/valkey"},
			DataPaths: []string{"/data", "/bitnami/valkey/data"},
		},
		{
			ID: Weaviate, Title: "Weaviate", Kind: VectorStore, Stateful: true,
			Images:    []string{"**/semitechnologies/weaviate"},
			DataPaths: []string{"/var/lib/weaviate"},
		},
		{
			ID: Qdrant, Title: "Qdrant", Kind: VectorStore, Stateful: true,
			Images:    []string{"**/qdrant/qdrant", "**/langgenius/qdrant"},
			DataPaths: []string{"/qdrant/storage"},
		},
		{
			ID: "milvus", Title: "Milvus", Kind: VectorStore, Stateful: true,
			Images:    []string{"**/milvusdb/milvus"},
			DataPaths: []string{"/var/lib/milvus"},
		},
		{
			// 1.0 moved its data from the first to the second: docs.trychroma.com, migration.
			ID: "chroma", Title: "Chroma", Kind: VectorStore, Stateful: true,
			Images:    []string{"**/chroma-core/chroma", "**/chromadb/chroma"},
			DataPaths: []string{"/chroma/chroma", "/data"},
		},
		{
			// `minio server PATH`: the command says where.
			ID: "minio", Title: "MinIO", Kind: ObjectStore, Stateful: true,
			Images: []string{"**/minio/minio", "**/bitnami/minio"},
		},
		{
			ID: "elasticsearch", Title: "Elasticsearch", Kind: Search, Stateful: true,
			Images:    []string{"elasticsearch", "**/library/elasticsearch", "**/elasticsearch/elasticsearch"},
			DataPaths: []string{"/usr/share/elasticsearch/data"},
		},
		{
			ID: "opensearch", Title: "OpenSearch", Kind: Search, Stateful: true,
			Images:    []string{"**/opensearchproject/opensearch"},
			DataPaths: []string{"/usr/share/opensearch/data"},
		},
	}
}

func applications() []App {
	return []App{
		{
			// Without the key n8n makes one up in /home/node/.n8n/config and a
			// new volume makes every credential unreadable: n8n,
			// packages/core/src/instance-settings.
			ID: N8N, Title: "n8n", Kind: Application, Stateful: true,
			Images:    []string{"**/n8nio/n8n", "ghcr.io/n8n-io/n8n"},
			DataPaths: []string{"/home/node/.n8n"},
			Protected: []string{"N8N_ENCRYPTION_KEY"},
			Required:  []string{"N8N_ENCRYPTION_KEY"},
		},
		{
			ID: N8NRunners, Title: "n8n runners", Kind: Sidecar,
			Images: []string{"**/n8nio/runners", "ghcr.io/n8n-io/runners"},
		},
		{
			// The storage folder holds uploads and privkeys/, which decrypt
			// every provider credential: dify, api/libs/rsa.py.
			ID: DifyAPI, Title: "Dify API", Kind: Application, Release: Dify, Stateful: true,
			Images:    []string{"**/langgenius/dify-api"},
			DataPaths: []string{"/app/api/storage"},
			Protected: []string{"SECRET_KEY"},
		},
		{
			ID: DifyWeb, Title: "Dify web", Kind: Application, Release: Dify,
			Images: []string{"**/langgenius/dify-web"},
		},
		{
			ID: DifyAgent, Title: "Dify agent", Kind: Sidecar, Release: Dify,
			Images: []string{"**/langgenius/dify-agent-*"},
		},
		{
			ID: DifySandbox, Title: "Dify sandbox", Kind: Sidecar,
			Images: []string{"**/langgenius/dify-sandbox"},
		},
		{
			// Installed plugins are in the folder and in database dify_plugin.
			ID: DifyPluginDaemon, Title: "Dify plugin daemon", Kind: Application, Stateful: true,
			Images:    []string{"**/langgenius/dify-plugin-daemon"},
			DataPaths: []string{"/app/storage"},
		},
	}
}
