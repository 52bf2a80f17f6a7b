#!/bin/sh
# Makes the roles and databases of Dify and n8n. The image runs it once, on
# an empty data folder; on an existing one it does nothing.
set -eu

psql -X -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres \
    -v dify_password="$DIFY_DB_PASSWORD" -v n8n_password="$N8N_DB_PASSWORD" <<'SQL'
CREATE ROLE dify LOGIN PASSWORD :'dify_password';
CREATE ROLE n8n LOGIN PASSWORD :'n8n_password';
CREATE DATABASE dify OWNER dify;
CREATE DATABASE dify_plugin OWNER dify;
CREATE DATABASE n8n OWNER n8n;
\connect dify
CREATE EXTENSION vector;
SQL
