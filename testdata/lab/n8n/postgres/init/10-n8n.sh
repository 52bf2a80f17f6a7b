#!/bin/sh
# Runs once, on an empty data folder.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$N8N_DB_PASSWORD" -U "$POSTGRES_USER" -d postgres <<'SQL'
CREATE ROLE n8n LOGIN PASSWORD :'password';
CREATE DATABASE n8n OWNER n8n;
SQL
