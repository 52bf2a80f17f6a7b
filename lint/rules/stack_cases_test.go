package rules

var stackCases = []ruleCase{
	{"key-required", "unknown where .env is not in the repository", `
-- compose.yaml --
services:
  n8n:
    image: docker.n8n.io/n8nio/n8n:2.41.3
    environment:
      - N8N_ENCRYPTION_KEY=${ENCRYPTION_KEY}
  worker:
    image: n8nio/n8n:2.41.3
    env_file: n8n.env
  passed-on:
    image: n8nio/n8n:2.41.3
    environment: [N8N_ENCRYPTION_KEY]
`, nil},
	{"key-required", "empty, missing in .env, in an env file, from a file, in dev", `
-- compose.yaml --
services:
  empty:
    image: n8nio/n8n:2.41.3
    environment:
      N8N_ENCRYPTION_KEY: ${ENCRYPTION_KEY}
  unset:
    image: ghcr.io/n8n-io/n8n:2.41.3
    environment:
      N8N_ENCRYPTION_KEY: ${OTHER}
  named:
    image: n8nio/n8n:2.41.3
    env_file: n8n.env
  secret:
    image: n8nio/n8n:2.41.3
    environment:
      N8N_ENCRYPTION_KEY_FILE: /run/secrets/key
  runners:
    image: n8nio/runners:2.41.3
-- .env --
ENCRYPTION_KEY=
-- n8n.env --
N8N_ENCRYPTION_KEY=example-only
`, []string{".env:1 error", "compose.yaml:9 error"}},
	{"key-required", "nothing in dev", `
environment: dev
-- compose.yaml --
services:
  n8n:
    image: n8nio/n8n:2.41.3
`, nil},
	{"project-name-unset", "no volume is called after the project", `
-- compose.yaml --
services:
  db:
    image: postgres:16
    volumes: ["vol:/a", "bvol:/b", "./c:/c", "/d"]
  off:
    image: postgres:16
    profiles: [off]
    volumes: ["evol:/e"]
volumes:
  vol: {external: true}
  bvol: {name: shop_b}
  evol:
`, nil},
	{"project-name-unset", "COMPOSE_PROJECT_NAME sets it", `
-- compose.yaml --
services:
  db:
    image: postgres:16
    volumes: ["vol:/a"]
volumes:
  vol:
-- .env --
COMPOSE_PROJECT_NAME=shop
`, nil},
	{"project-name-unset", "a note in dev", `
environment: dev
-- compose.yaml --
services:
  db:
    image: postgres:16
    volumes: ["vol:/a"]
volumes:
  vol:
`, []string{"compose.yaml:1 note"}},
	{"data-volume-anonymous", "tmpfs, no name, and what the mount is above", `
-- compose.yaml --
services:
  mem:
    image: postgres:16
    tmpfs: /var/lib/postgresql/data
  long:
    image: mysql:8.4
    volumes:
      - type: tmpfs
        target: /var/lib/mysql
  ok:
    image: qdrant/qdrant:v1.8.3
    volumes: ["data:/qdrant"]
  below:
    image: qdrant/qdrant:v1.8.3
    volumes: ["data:/qdrant/storage/aliases"]
volumes:
  data:
`, []string{"compose.yaml:13 error", "compose.yaml:4 error", "compose.yaml:9 error"}},
	{"data-volume-anonymous", "a cache: a warning beside n8n, and nothing where it does not save", `
-- compose.yaml --
services:
  redis:
    image: redis:7-alpine
  plain:
    image: redis:7-alpine
    command: ["redis-server", "--save", ""]
  n8n:
    image: n8nio/n8n:2.41.3
    volumes: ["./n8n:/home/node/.n8n"]
`, []string{"compose.yaml:2 warning"}},
	{"data-volume-anonymous", "processes beside the one that keeps the files, one-shots, builds", `
-- compose.yaml --
services:
  api:
    image: langgenius/dify-api:1.13.3
    volumes: ["./storage:/app/api/storage"]
  beat:
    image: langgenius/dify-api:1.13.3
  restore:
    image: postgres:16
    restart: "no"
    command: pg_restore -d shop /dump
  built:
    image: postgres:16
    build: .
`, nil},
	{"healthcheck-missing", "only servers that are waited for", `
-- compose.yaml --
services:
  db:
    image: postgres:16
    healthcheck: {disable: true}
  off:
    image: postgres:16
    profiles: [off]
  init:
    image: postgres:16
    restart: "no"
    command: psql -f /init.sql
  n8n:
    image: n8nio/n8n:2.41.3
    depends_on: [db]
  proxy:
    image: nginx:1.28.0
    depends_on: [n8n]
  kept:
    image: redis:7
    healthcheck: {test: [CMD, redis-cli, ping]}
`, []string{"compose.yaml:4 warning"}},
	{"compose-profile-off", "docker compose refuses", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
    depends_on:
      - db
  worker:
    image: a/b:1.0.0
    depends_on:
      - db
  db:
    image: postgres:16
    profiles: [database]
-- .env --
A=b
`, []string{"compose.yaml:5 error"}},
	{"compose-profile-off", "the 1.10.1 trap with the env file's COMPOSE_PROFILES alone", `
-- compose.yaml --
services:
  api:
    image: langgenius/dify-api:1.13.3
    environment:
      DB_HOST: ${DB_HOST:-db_postgres}
      OCEANBASE_VECTOR_HOST: oceanbase
    depends_on:
      db_postgres: {condition: service_healthy, required: false}
      oceanbase: {condition: service_healthy, required: false}
  db_postgres:
    image: postgres:15-alpine
    profiles: [postgresql]
  oceanbase:
    image: oceanbase/oceanbase-ce:4.3.5-lts
    profiles: [oceanbase]
-- .env --
VECTOR_STORE=weaviate
COMPOSE_PROFILES=${VECTOR_STORE:-weaviate}
`, []string{".env:2 error"}},
	{"compose-profile-off", "another of the alternatives starts", `
-- compose.yaml --
services:
  api:
    image: langgenius/dify-api:1.13.3
    environment:
      DB_HOST: ${DB_HOST:-db_postgres}
    depends_on:
      db_postgres: {condition: service_healthy, required: false}
      db_mysql: {condition: service_healthy, required: false}
  other:
    image: langgenius/dify-api:1.13.3
    environment:
      DB_HOST: db_mysql
    depends_on:
      db_postgres: {condition: service_healthy, required: false}
      db_mysql: {condition: service_healthy, required: false}
  db_postgres:
    image: postgres:15-alpine
    profiles: [postgresql]
  db_mysql:
    image: mysql:8.0
    profiles: [mysql]
-- .env --
COMPOSE_PROFILES=mysql
`, []string{".env:1 error"}},
	{"compose-profile-off", "an alternative starts, and the host is elsewhere", `
-- compose.yaml --
services:
  api:
    image: langgenius/dify-api:1.13.3
    environment: {DB_HOST: elsewhere}
    depends_on:
      db_postgres: {condition: service_healthy, required: false}
      db_mysql: {condition: service_healthy, required: false}
  db_postgres:
    image: postgres:15-alpine
    profiles: [postgresql]
  db_mysql:
    image: mysql:8.0
    profiles: [mysql]
-- .env --
COMPOSE_PROFILES=mysql
`, nil},
	{"compose-profile-off", "a database elsewhere, or one of several", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
    environment:
      DB_HOST: db.example.com
      OCEANBASE_VECTOR_HOST: oceanbase
    depends_on: &optional
      db_postgres: {condition: service_healthy, required: false}
      db_mysql: {condition: service_healthy, required: false}
  other:
    image: a/b:1.0.0
    environment: {DB_HOST: gone}
    extra_hosts: ["gone:10.0.0.7"]
    depends_on: *optional
  third:
    image: a/b:1.0.0
    environment: {DB_HOST: alias}
    depends_on: *optional
  db:
    image: postgres:16
    networks:
      default: {aliases: [alias]}
  db_postgres:
    image: postgres:15-alpine
    profiles: [postgresql]
  db_mysql:
    image: mysql:8.0
    profiles: [mysql]
-- .env --
A=b
`, nil},
	{"compose-profile-off", "unknown where .env is not in the repository", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
    environment: {DB_HOST: db_postgres}
    depends_on:
      db_postgres: {condition: service_healthy, required: false}
  db_postgres:
    image: postgres:15-alpine
    profiles: [postgresql]
-- .env.example --
COMPOSE_PROFILES=postgresql
`, nil},
}
