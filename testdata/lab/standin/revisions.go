package main

import (
	"slices"
	"strconv"
	"strings"
)

// revision is one migration of the Dify stand-in, as alembic knows it.
type revision struct {
	id, release string
	// first is committed before then begins, as a migration with an autocommit
	// block does: a failure between the two leaves half a revision behind.
	first, then []string
	// files changes the storage folder.
	files func(root string) error
}

// revisions are in order; the last one not newer than the image is its head.
var difyRevisions = []revision{
	{
		id: "5f1a7c0d9e31", release: "1.11.4",
		first: []string{
			`CREATE TYPE feedback_rating AS ENUM ('like', 'dislike')`,
			`CREATE TABLE dify_setups (version varchar(255) PRIMARY KEY, setup_at timestamp NOT NULL DEFAULT now())`,
			`CREATE TABLE tenants (id uuid PRIMARY KEY, name varchar(255) NOT NULL, encrypt_public_key text)`,
			`CREATE TABLE accounts (id uuid PRIMARY KEY, tenant_id uuid REFERENCES tenants, name text NOT NULL, email text NOT NULL UNIQUE, password text)`,
			`CREATE TABLE apps (id uuid PRIMARY KEY, tenant_id uuid REFERENCES tenants, name text NOT NULL, mode varchar(40) NOT NULL, icon_bg varchar(40), created_at timestamp NOT NULL DEFAULT now())`,
			`CREATE TABLE api_tokens (id uuid PRIMARY KEY, type varchar(16) NOT NULL, token text NOT NULL UNIQUE)`,
			`CREATE TABLE datasets (id uuid PRIMARY KEY, tenant_id uuid REFERENCES tenants, name text NOT NULL, index_struct jsonb)`,
			`CREATE TABLE documents (id uuid PRIMARY KEY, dataset_id uuid REFERENCES datasets, name text NOT NULL, position int NOT NULL, indexing_status varchar(40) NOT NULL DEFAULT 'completed', created_at timestamp NOT NULL DEFAULT now())`,
			`CREATE TABLE document_segments (id uuid PRIMARY KEY, dataset_id uuid NOT NULL, document_id uuid REFERENCES documents, position int NOT NULL, content text NOT NULL, status varchar(40) NOT NULL DEFAULT 'completed', hit_count int NOT NULL DEFAULT 0)`,
			`CREATE INDEX document_segments_document ON document_segments (document_id)`,
			`CREATE TABLE embedding_vectors (id uuid PRIMARY KEY, dataset_id uuid NOT NULL, text text NOT NULL, meta jsonb NOT NULL, embedding vector(64) NOT NULL)`,
			`CREATE INDEX embedding_vectors_hnsw ON embedding_vectors USING hnsw (embedding vector_cosine_ops)`,
			`CREATE TABLE conversations (id uuid PRIMARY KEY, app_id uuid REFERENCES apps, name text, created_at timestamptz NOT NULL DEFAULT now())`,
			`CREATE TABLE messages (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, conversation_id uuid REFERENCES conversations, query text NOT NULL, answer text NOT NULL, legacy_note text, rating feedback_rating, price numeric(10,7), metadata jsonb, created_at timestamptz NOT NULL DEFAULT now())`,
			`CREATE INDEX messages_conversation ON messages (conversation_id, created_at)`,
			`CREATE TABLE dataset_queries (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), dataset_id uuid NOT NULL, content text NOT NULL, created_at timestamp NOT NULL DEFAULT now())`,
			`CREATE TABLE workflow_runs (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), app_id uuid, status varchar(40) NOT NULL, inputs jsonb, created_at timestamp NOT NULL DEFAULT now(), finished_at timestamp)`,
			`CREATE SEQUENCE taskset_id_sequence INCREMENT 7 START 1000`,
			`CREATE TABLE operation_logs (id bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(), action text NOT NULL, PRIMARY KEY (id)) PARTITION BY RANGE (id)`,
			`CREATE TABLE operation_logs_1 PARTITION OF operation_logs FOR VALUES FROM (0) TO (5000)`,
			`CREATE TABLE operation_logs_2 PARTITION OF operation_logs FOR VALUES FROM (5000) TO (10000000)`,
			`CREATE TABLE upload_files (id uuid PRIMARY KEY, key text NOT NULL, name text NOT NULL, size bigint NOT NULL, content oid)`,
		},
	},
	{
		id: "2e7d40b8f193", release: "1.12.1",
		first: []string{`CREATE TABLE app_stars (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), app_id uuid REFERENCES apps)`},
		then:  []string{`ALTER TABLE app_stars ADD COLUMN created_at timestamp NOT NULL DEFAULT now()`},
	},
	{
		id: "3c8b15d6e2a4", release: "1.13.0",
		first: []string{`CREATE TABLE workflow_pauses (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), workflow_run_id uuid)`},
		then:  []string{`ALTER TABLE workflow_pauses ADD COLUMN resumed_at timestamp`},
	},
	{
		id: "64a0f2c7b81e", release: "1.13.1",
		first: []string{`CREATE INDEX workflow_runs_created ON workflow_runs (created_at)`},
		then:  []string{`ALTER TABLE workflow_pauses ADD COLUMN state text`},
	},
	{
		id: "8c2e4b6a1d07", release: "1.14.0",
		first: []string{
			`CREATE TYPE human_input_status AS ENUM ('waiting', 'submitted', 'expired')`,
			`CREATE TABLE human_input_forms (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), workflow_run_id uuid, status human_input_status NOT NULL DEFAULT 'waiting', definition jsonb)`,
			`ALTER TYPE feedback_rating ADD VALUE 'neutral'`,
			`UPDATE apps SET mode = 'advanced-chat' WHERE mode = 'chat'`,
		},
		then: []string{
			`ALTER TABLE messages DROP COLUMN legacy_note`,
			`ALTER TABLE messages ADD COLUMN status varchar(40) NOT NULL DEFAULT 'normal'`,
			`ALTER TABLE apps RENAME COLUMN icon_bg TO icon_background`,
			`UPDATE documents SET indexing_status = 'available' WHERE indexing_status = 'completed'`,
			`INSERT INTO human_input_forms (definition) SELECT jsonb_build_object('app', name) FROM apps`,
			`ALTER SEQUENCE taskset_id_sequence INCREMENT 11`,
		},
		files: moveFiles,
	},
	{
		id: "a17e93d5c240", release: "1.14.1",
		first: []string{`CREATE TABLE collaborators (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), app_id uuid REFERENCES apps)`},
		then:  []string{`ALTER TABLE collaborators ADD COLUMN name text`},
	},
	{
		id: "b94d03f7e652", release: "1.15.0",
		first: []string{
			`CREATE TABLE plugin_auto_upgrade (tenant_id uuid PRIMARY KEY, strategy varchar(40) NOT NULL DEFAULT 'latest')`,
			`INSERT INTO plugin_auto_upgrade (tenant_id) SELECT id FROM tenants`,
		},
		then: []string{
			`ALTER TABLE workflow_runs ADD COLUMN version int NOT NULL DEFAULT 2`,
			`DROP TABLE human_input_forms`,
			`DROP TYPE human_input_status`,
			`CREATE INDEX messages_status ON messages (status) WHERE status <> 'normal'`,
		},
	},
}

// head returns how many revisions the release has.
func head(release string) int {
	n := 0
	for n < len(difyRevisions) && !older(release, difyRevisions[n].release) {
		n++
	}
	return n
}

// older tells whether a release comes before another; both are like 1.13.3.
func older(release, than string) bool {
	number := func(s string) []int {
		var out []int
		for _, part := range strings.Split(s, ".") {
			n, _ := strconv.Atoi(part) // of /etc/standin
			out = append(out, n)
		}
		return out
	}
	return slices.Compare(number(release), number(than)) < 0
}
