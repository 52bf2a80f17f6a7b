package rules

// hostCase is a check on the host: the base comes from git, which has no .env.
const hostCase = `
-- base/compose.yaml --
name: ${PROJECT:-shop}
services:
  api:
    image: langgenius/dify-api:1.13.3
    environment: {SECRET_KEY: "${SECRET_KEY:-public}"}
  db:
    image: postgres:${PG:-16-alpine}
    volumes: ["${PG_DATA:-./pg}:/var/lib/postgresql/data"]
  fixed:
    image: postgres:${PG:-16-alpine}
    volumes: ["fixed:/var/lib/postgresql/data"]
volumes:
  fixed:
-- compose.yaml --
name: ${PROJECT:-shop}
services:
  api:
    image: langgenius/dify-api:1.13.3
    environment: {SECRET_KEY: "${SECRET_KEY:-public}"}
  db:
    image: postgres:${PG:-16-alpine}
    volumes: ["${PG_DATA:-./pg}:/var/lib/postgresql/data"]
  fixed:
    image: postgres:${PG:-16-alpine}
    volumes: ["fixed:/var/lib/postgresql/data"]
volumes:
  fixed:
-- .env --
SECRET_KEY=example-only
POSTGRES_PASSWORD=example-only
PG=16
PG_DATA=/srv/pg
PROJECT=flows
`

var baseCases = []ruleCase{
	{"volume-renamed", "the env file is there for the change alone", hostCase, nil},
	{"postgres-libc-switch", "the env file is there for the change alone", hostCase, nil},
	{"protected-key-changed", "the env file is there for the change alone", hostCase, nil},
	{"protected-key-changed", "emptied, removed, one place for several services", `
-- base/compose.yaml --
name: shop
services:
  n8n:
    image: n8nio/n8n:2.41.3
    environment: &env
      N8N_ENCRYPTION_KEY: ${ENCRYPTION_KEY}
  worker:
    image: n8nio/n8n:2.41.3
    environment: *env
  api:
    image: langgenius/dify-api:1.13.3
    environment:
      SECRET_KEY: literal
-- base/.env --
ENCRYPTION_KEY=one
POSTGRES_PASSWORD=two
-- compose.yaml --
name: shop
services:
  n8n:
    image: n8nio/n8n:2.41.3
    environment: &env
      N8N_ENCRYPTION_KEY: ${ENCRYPTION_KEY}
  worker:
    image: n8nio/n8n:2.41.3
    environment: *env
  api:
    image: langgenius/dify-api:1.13.3
    environment:
      MODE: api
-- .env --
ENCRYPTION_KEY=
`, []string{".env:1 error", ".env:1 error", "compose.yaml:12 error"}},
	{"protected-key-changed", "unknown where .env is not in the repository", `
-- base/compose.yaml --
services:
  api:
    image: langgenius/dify-api:1.13.3
    environment:
      SECRET_KEY: ${SECRET_KEY:-sk-public}
-- compose.yaml --
services:
  api:
    image: langgenius/dify-api:1.14.1
    env_file: .env
`, nil},
	{"protected-key-changed", "a new key, and a value that only moves", `
-- base/compose.yaml --
services:
  n8n:
    image: n8nio/n8n:2.41.3
  db:
    image: postgres:16
    environment: {POSTGRES_PASSWORD: example}
-- compose.yaml --
services:
  n8n:
    image: n8nio/n8n:2.41.3
    environment: {N8N_ENCRYPTION_KEY: new}
  database:
    image: postgres:16
    environment: {POSTGRES_PASSWORD: "${DB_PASSWORD}"}
-- .env --
DB_PASSWORD=example
`, nil},
	{"protected-key-changed", "a committed env file is taken out", `
-- base/compose.yaml --
services:
  n8n:
    image: n8nio/n8n:2.41.3
    environment: {N8N_ENCRYPTION_KEY: "${ENCRYPTION_KEY}"}
-- base/.env --
ENCRYPTION_KEY=example-only
-- compose.yaml --
services:
  n8n:
    image: n8nio/n8n:2.41.3
    environment: {N8N_ENCRYPTION_KEY: "${ENCRYPTION_KEY}"}
`, []string{"compose.yaml:4 error"}},
	{"service-removed", "which one it became is a guess from the image", `
-- base/.env --
COMPOSE_PROFILES=
-- base/compose.yaml --
services:
  db:
    image: postgres:15
    volumes: ["data:/var/lib/postgresql/data"]
  cache:
    image: redis:7
    profiles: [off]
    volumes: ["cache:/data"]
  proxy:
    image: nginx:1.28.0
    volumes: ["./nginx.conf:/etc/nginx/nginx.conf"]
volumes:
  data:
  cache:
-- compose.yaml --
services:
  one:
    image: postgres:15
    volumes: ["data:/var/lib/postgresql/data"]
  two:
    image: postgres:15
    volumes: ["data2:/var/lib/postgresql/data"]
volumes:
  data:
  data2:
`, []string{"compose.yaml:1 error", "compose.yaml:1 note"}},
	{"volume-renamed", "configuration may move, data may not", `
-- base/compose.yaml --
name: shop
services:
  db:
    image: postgres:16
    volumes:
      - ./conf/a.conf:/etc/postgresql/postgresql.conf
      - ./volumes/db:/var/lib/postgresql/data
  n8n:
    image: n8nio/n8n:2.41.3
    volumes: ["n8n:/home/node/.n8n"]
volumes:
  n8n:
-- compose.yaml --
name: shop
services:
  db:
    image: postgres:16
    volumes:
      - ./etc/a.conf:/etc/postgresql/postgresql.conf
      - ./data/db:/var/lib/postgresql/data
  n8n:
    image: n8nio/n8n:2.41.3
`, []string{"compose.yaml:7 error", "compose.yaml:8 error"}},
	{"volume-renamed", "the project's name", `
-- base/compose.yaml --
name: shop
services:
  db:
    image: postgres:16
    volumes: ["data:/var/lib/postgresql/data"]
volumes:
  data:
-- compose.yaml --
name: store
services:
  db:
    image: postgres:16
    volumes: ["data:/var/lib/postgresql/data"]
volumes:
  data:
`, []string{"compose.yaml:1 error"}},
	{"volume-renamed", "a project that gets its name, a volume that gets its own", `
-- base/compose.yaml --
services:
  db:
    image: postgres:16
    volumes: ["data:/var/lib/postgresql/data", "more:/more"]
volumes:
  data:
  more:
-- compose.yaml --
name: shop
services:
  db:
    image: postgres:16
    volumes: ["data:/var/lib/postgresql/data", "other:/more"]
volumes:
  data:
  other: {name: shop_more}
`, nil},
	{"volume-renamed", "the data at another path", `
-- base/compose.yaml --
name: shop
services:
  db:
    image: postgres:18
    volumes: ["data:/var/lib/postgresql/data"]
volumes:
  data:
-- compose.yaml --
name: shop
services:
  db:
    image: postgres:18
    volumes: ["data:/var/lib/postgresql"]
volumes:
  data:
`, nil},
}
