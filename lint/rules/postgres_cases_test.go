package rules

var postgresCases = []ruleCase{
	{"postgres-data-path", "PGDATA decides", `
-- compose.yaml --
services:
  below:
    image: postgres:18
    environment: {PGDATA: /var/lib/postgresql/data/pgdata}
    volumes: ["vol:/var/lib/postgresql/data"]
  own:
    image: postgres:16
    environment: {PGDATA: /var/lib/postgresql/mine}
    volumes: ["vol:/var/lib/postgresql"]
  covered:
    image: postgres:16
    environment: {PGDATA: /var/lib/postgresql/data/pgdata}
    volumes: ["vol:/var/lib/postgresql"]
  default18:
    image: postgres:18-alpine
    environment: {PGDATA: /var/lib/postgresql/18/docker}
    volumes:
      - type: volume
        source: vol
        target: /var/lib/postgresql/data
  unknown:
    image: postgres:latest
    volumes: ["vol:/var/lib/postgresql"]
  bitnami:
    image: bitnami/postgresql:18
    volumes: ["vol:/var/lib/postgresql/data"]
volumes:
  vol:
`, []string{"compose.yaml:13 error", "compose.yaml:20 error"}},
	{"data-volume-anonymous", "PostgreSQL by version", `
-- compose.yaml --
services:
  new:
    image: postgres:18
    volumes: ["vol:/var/lib/postgresql"]
  old-path-is-another-rule:
    image: postgres:18
    volumes: ["vol:/var/lib/postgresql/data"]
  elsewhere:
    image: postgres:16
    environment: {PGDATA: /pg}
    volumes: ["vol:/var/lib/postgresql/data"]
  floating:
    image: postgres
    volumes: ["vol:/var/lib/postgresql"]
volumes:
  vol:
`, []string{"compose.yaml:8 error"}},
	{"data-volume-anonymous", "paths that come from an env file", `
-- compose.yaml --
services:
  pg:
    image: postgres:${PG_VERSION}
    environment: {PGDATA: "${PG_PATH}"}
    tmpfs: "${PG_TMP}"
-- .env --
PG_VERSION=16
PG_PATH=/pg/data
PG_TMP=/pg
`, []string{"compose.yaml:5 error"}},
	{"postgres-data-path", "a version and a mount that come from an env file", `
-- compose.yaml --
services:
  pg:
    image: postgres:${PG_VERSION}
    volumes: ["${PG_VOLUME}"]
volumes:
  vol:
-- .env --
PG_VERSION=18
PG_VOLUME=vol:/var/lib/postgresql/data
`, []string{"compose.yaml:4 error"}},
	{"postgres-libc-switch", "a new volume, and a tag that says nothing", `
-- base/compose.yaml --
name: shop
services:
  moved:
    image: postgres:16-alpine
    volumes: ["old:/var/lib/postgresql/data"]
  digest:
    image: postgres:16-alpine
    volumes: ["dvol:/var/lib/postgresql/data"]
  back:
    image: postgres:16
    volumes: ["./pg:/var/lib/postgresql/data"]
volumes:
  old:
  dvol:
-- compose.yaml --
name: shop
services:
  moved:
    image: postgres:16
    volumes: ["new:/var/lib/postgresql/data"]
  digest:
    image: postgres@sha256:0123456789012345678901234567890123456789012345678901234567890123
    volumes: ["dvol:/var/lib/postgresql/data"]
  back:
    image: postgres:16-alpine3.20
    volumes: ["./pg:/var/lib/postgresql/data"]
volumes:
  new:
  dvol:
`, []string{"compose.yaml:10 error"}},
}
