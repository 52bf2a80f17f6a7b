package postgres

import (
	"strings"
	"testing"
)

// odd is a name that breaks whatever is quoted by halves.
const odd = `-d Ünï"'\ =x;$(id)` + "\t:a"

// seedRoles are roles as they may be: an odd name, a password, settings, a
// membership, a limit in time, a comment with a line break.
const seedRoles = `
CREATE ROLE "o'wn ""er\" LOGIN PASSWORD 'canary-1' CONNECTION LIMIT 7;
CREATE ROLE reader NOLOGIN;
CREATE ROLE app LOGIN PASSWORD 'canary-2' VALID UNTIL '2040-01-01' IN ROLE reader;
COMMENT ON ROLE app IS E'it''s\nthe \\ app; CREATE ROLE x;';
ALTER ROLE app SET search_path = "$user", "we, ird", public;
ALTER ROLE app SET app.key = 'it''s; \ canary-3';
GRANT pg_monitor TO app WITH ADMIN OPTION;
`

// seedDatabase is what CREATE DATABASE and ALTER DATABASE can say of one: NAME is
// its name, quoted.
const seedDatabase = `
CREATE DATABASE NAME TEMPLATE template0 OWNER "o'wn ""er\" CONNECTION LIMIT 20 LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' ENCODING 'UTF8';
COMMENT ON DATABASE NAME IS 'the ''user''s'' own \ comment';
REVOKE CONNECT ON DATABASE NAME FROM PUBLIC;
GRANT CONNECT ON DATABASE NAME TO app WITH GRANT OPTION;
SET ROLE app; GRANT CONNECT ON DATABASE NAME TO reader; RESET ROLE;
ALTER DATABASE NAME SET search_path = "$user", "sch""ema", public;
ALTER DATABASE NAME SET default_transaction_read_only = on;
ALTER DATABASE NAME SET statement_timeout = '1ms';
ALTER DATABASE NAME SET app.some_key = 'a=b, "c"';
ALTER DATABASE NAME SET DateStyle = 'SQL, DMY';
ALTER ROLE app IN DATABASE NAME SET work_mem = '5MB';
ALTER ROLE "the owner" IN DATABASE NAME SET extra_float_digits = 0;
`

// seedContent is one of everything that a database can hold.
const seedContent = `
CREATE EXTENSION pg_trgm;
CREATE EXTENSION file_fdw;
CREATE SCHEMA "sch""ema" AUTHORIZATION app;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE plain (id bigserial PRIMARY KEY, x text, "row" jsonb, f float8, g real[], at timestamptz, b bytea, m mood, p positive, v varchar(20) CHECK (v IN ('a', 'b', 'c')));
INSERT INTO plain (x, "row", f, g, at, b, m, p, v) SELECT nullif('t' || i % 7, 't3'), jsonb_build_object('i', i, 'n', E'a\tb\nc'), i / 3.0, ARRAY[i / 7.0, NULL], now() - i * interval '1 hour',
 decode(md5(i::text), 'hex'), (ARRAY['sad', 'ok', NULL])[1 + i % 3]::mood, i, (ARRAY['a', 'b', 'c'])[1 + i % 3] FROM generate_series(1, 1000) i;
CREATE INDEX ON plain USING gin (x gin_trgm_ops);
CREATE TABLE twice (x int); INSERT INTO twice VALUES (1), (1), (NULL), (NULL);
CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE empty (id int GENERATED ALWAYS AS IDENTITY, twice int GENERATED ALWAYS AS (7) STORED);
CREATE TABLE "sch""ema"."Tab (le""" ("col
umn" text, "a.b" int); INSERT INTO "sch""ema"."Tab (le""" VALUES ('\.', 1), (E'\\.\n', 2), ('COPY a.b (c) FROM stdin;', 3);
CREATE TABLE "new
line" (long text); INSERT INTO "new
line" SELECT repeat('long', 1000000) FROM generate_series(1, 2);
CREATE TABLE parted (day date, n int) PARTITION BY RANGE (day);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT '2026-01-20'::date + i, i FROM generate_series(1, 30) i;
CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3);
CREATE UNLOGGED TABLE fast (a int); INSERT INTO fast VALUES (1);
CREATE MATERIALIZED VIEW seen AS SELECT x, count(*) FROM plain GROUP BY x;
CREATE MATERIALIZED VIEW unseen AS SELECT 1 AS one WITH NO DATA;
CREATE VIEW looked AS SELECT * FROM plain WHERE v IN ('a', 'b') OR (f > 1 AND x LIKE 'a%');
CREATE FUNCTION half(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n / 2 -- half (of) it
$$;
CREATE SEQUENCE "Seq 1" START 42; CREATE SEQUENCE used; SELECT setval('used', 99) \g /dev/null
CREATE TABLE private (a int); ALTER TABLE private OWNER TO app; ALTER TABLE private ENABLE ROW LEVEL SECURITY; INSERT INTO private VALUES (5);
CREATE POLICY mine ON private FOR SELECT TO reader USING (a > 3);
REVOKE ALL ON private FROM app; GRANT SELECT (a) ON private TO reader;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; CREATE FOREIGN TABLE far (l text) SERVER files OPTIONS (filename '/etc/passwd');
SELECT lo_from_bytea(4242, '\x0102000000'), lo_create(4243), lo_from_bytea(4244, decode(repeat('ab', 5000), 'hex')) \g /dev/null
SELECT lo_put(4243, 10000, '\x07') \g /dev/null
ALTER LARGE OBJECT 4242 OWNER TO app; GRANT SELECT ON LARGE OBJECT 4244 TO reader;
COMMENT ON TABLE plain IS '-- Name: fake; Type: TABLE; Schema: public; Owner: nobody';
`

// seedVector needs pgvector.
const seedVector = `
CREATE EXTENSION vector;
CREATE TABLE docs (id int PRIMARY KEY, e vector(3)); INSERT INTO docs SELECT i, ARRAY[i, i % 7, 1.0 / i]::vector FROM generate_series(1, 500) i;
CREATE INDEX ON docs USING hnsw (e vector_l2_ops);
`

func roles(t testing.TB, s *Server) {
	t.Helper()
	if do(t, s, "postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'app';") == "0" {
		do(t, s, "postgres", seedRoles)
	}
}

// seed makes a database, and the roles when they are not there.
func seed(t testing.TB, s *Server, name string) Database {
	t.Helper()
	roles(t, s)
	do(t, s, "postgres", strings.ReplaceAll(seedDatabase, "NAME", ident(name)))
	do(t, s, name, seedContent)
	if do(t, s, name, "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector';") == "1" {
		do(t, s, name, seedVector)
	}
	return database(t, s, name)
}
