#!/bin/sh
# Makes the roles and databases of Dify, with what neither a dump nor a clone of a database
# carries: access, settings, limits and comments.
set -eu

psql -X -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres \
  -v dify_password="$DIFY_DB_PASSWORD" -v reader_password="$READER_DB_PASSWORD" <<'SQL'
CREATE ROLE dify LOGIN PASSWORD :'dify_password';
CREATE ROLE reader LOGIN PASSWORD :'reader_password' CONNECTION LIMIT 7;
CREATE ROLE auditors;
GRANT auditors TO reader WITH ADMIN OPTION;
ALTER ROLE dify SET idle_session_timeout = '1h';

CREATE DATABASE dify OWNER dify;
CREATE DATABASE dify_plugin OWNER dify TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C.UTF-8';
COMMENT ON DATABASE dify IS 'Everything the lab knows; don''t lose it';
ALTER DATABASE dify CONNECTION LIMIT 90;
ALTER DATABASE dify SET search_path = dify_app, public;
ALTER DATABASE dify SET random_page_cost = 1.1;
ALTER ROLE reader IN DATABASE dify SET default_transaction_read_only = on;
ALTER ROLE dify IN DATABASE dify_plugin SET statement_timeout = '5min';
REVOKE CONNECT, TEMPORARY ON DATABASE dify FROM PUBLIC;
GRANT CONNECT ON DATABASE dify TO reader;
GRANT CREATE ON DATABASE dify_plugin TO auditors;

\connect dify
CREATE EXTENSION vector;
CREATE SCHEMA dify_app AUTHORIZATION dify;
GRANT USAGE ON SCHEMA dify_app TO reader;
SQL
