package catalog

// changes are changes that pass a gate and changes that do not: an image, and
// "old new" pairs of its tags.
type changes struct {
	image    string
	pass, no []string
}

const (
	api = "langgenius/dify-api"
	web = "langgenius/dify-web"
	n8n = "docker.n8n.io/n8nio/n8n"
	pgv = "pgvector/pgvector"
)

// gateRows has changes for every gate, by its ID.
func gateRows() map[string]changes {
	to2 := changes{n8n, []string{"1.123.5 2.0.0", "1.99.0 2.41.3", "1 2", "1.99.0 3.0.0"}, []string{"2.0.0 2.41.3", "1.98.0 1.99.0", "2.0.0 1.99.0", "2 2.41.3", "1.99.0 stable", "1.99.0 2.0.0-rc.1"}}
	to3 := changes{n8n, []string{"2.41.3 3.0.0", "1.99.0 3.1.0", "2 3"}, []string{"1.99.0 2.41.3", "3.0.0 3.1.0", "3.0.0 2.41.3"}}
	rows := map[string]changes{
		"dify-migrations": {api, []string{"1.13.3 1.14.0", "1.10.1 1.10.1-fix.1", "1.16.1 1.17.0", "0.15.4 0.15.5", "1.12.1 1.13.0"},
			[]string{"1.13.1 1.13.3", "1.14.1 1.14.2", "1.14.0 1.13.3", "1.13.3 1.13.3"}},
		"dify-migration-failure-hidden": {api, []string{"1.11.0 1.12.1", "1.12.1 1.11.0", "0.15.3 1.4.3"}, []string{"1.12.1 1.13.0", "1.11.0 1.17.0"}},
		"dify-migration-lock":           {api, []string{"1.12.1 1.13.0", "1.9.0 1.10.0"}, []string{"1.13.0 1.13.1", "1.13.1 1.13.3"}},
		"dify-migration-mode":           {api, []string{"1.6.0 1.7.0"}, []string{"1.7.0 1.7.1", "1.6.0 1.8.0"}},
		"dify-postgres-18":              {api, []string{"1.6.0 1.7.0", "1.10.0 1.15.0", "1.15.0 1.10.0"}, []string{"1.5.0 1.6.0", "1.15.0 1.16.0", "1.15.0 1.16.1"}},
		"dify-1.0.0-plugin-daemon":      {api, []string{"0.15.3 1.0.0", "0.15.8 1.4.3", "0.15.3 1.13.3"}, []string{"1.0.0 1.0.1", "0.15.3 0.15.8", "1.0.0 0.15.8", "0.15.3 1.0.0-beta.1"}},
		"dify-1.0.0-plugins-command":    {web, []string{"0.15.3 1.0.0"}, []string{"1.0.0 1.0.1"}},
		"dify-1.7.0-worker-beat":        {api, []string{"1.6.0 1.7.0", "1.4.3 1.9.0"}, []string{"1.7.0 1.7.1", "1.5.0 1.6.0"}},
		"dify-1.9.0-datasource-credentials": {api, []string{"1.8.1 1.9.0", "2.0.0-beta.2 1.9.0", "1.8.1 1.10.0"},
			[]string{"1.8.1 2.0.0-beta.1", "1.9.0 1.9.1"}},
		"dify-1.9.2-weaviate-client":     {api, []string{"1.9.1 1.9.2", "1.8.1 1.13.3", "2.0.0-beta.1 1.13.3"}, []string{"1.9.2 1.10.0", "1.9.0 1.9.1", "1.9.1 2.0.0-beta.1"}},
		"dify-1.10.1-db-service":         {api, []string{"1.10.0 1.10.1", "1.10.0 1.10.1-fix.1", "1.9.2 1.11.0", "1.10.0-rc1 1.10.1"}, []string{"1.10.1 1.10.1-fix.1", "1.10.1-fix.1 1.11.0", "1.9.2 1.10.0"}},
		"dify-1.10.1-non-root":           {api, []string{"1.10.0 1.10.1"}, []string{"1.10.1 1.11.0"}},
		"dify-1.10.1-qdrant":             {api, []string{"1.10.0 1.10.1"}, []string{"1.10.1 1.10.1-fix.1"}},
		"dify-1.11.0-init-permissions":   {api, []string{"1.10.1-fix.1 1.11.0", "1.10.1 1.12.0"}, []string{"1.10.1 1.10.1-fix.1", "1.11.0 1.11.1"}},
		"dify-1.13.1-celery-queues":      {api, []string{"1.13.0 1.13.1", "1.13.0 1.13.3", "1.12.1 1.14.0"}, []string{"1.13.1 1.13.2"}},
		"dify-1.13.3-plugin-daemon-back": {api, []string{"1.13.2 1.13.3", "1.12.1 1.13.3"}, []string{"1.13.3 1.14.0", "1.13.2 1.14.0", "1.13.1 1.13.2"}},
		"dify-1.14.1-env-split":          {api, []string{"1.14.0 1.14.1", "1.13.3 1.16.1"}, []string{"1.14.1 1.14.2", "1.13.3 1.14.0"}},
		"dify-1.14.1-secret-key":         {api, []string{"1.14.0 1.14.1"}, []string{"1.14.1 1.14.2"}},
		"dify-1.14.1-websocket":          {api, []string{"1.14.0 1.14.1"}, []string{"1.14.1 1.14.2"}},
		"dify-1.15.0-backfill":           {api, []string{"1.14.2 1.15.0", "1.9.2 1.16.1"}, []string{"1.15.0 1.16.0", "1.14.1 1.14.2"}},
		"dify-1.16.0-agent-services":     {api, []string{"1.15.0 1.16.0", "1.16.0-rc1 1.16.0", "1.15.0 1.17.0"}, []string{"1.16.0 1.16.1", "1.15.0 1.16.0-rc1"}},
		"dify-1.16.1-agent-proxy":        {"langgenius/dify-agent-backend", []string{"1.16.0 1.16.1"}, []string{"1.16.1 1.17.0"}},
		"dify-1.17.0-renamed-keys":       {api, []string{"1.16.1 1.17.0", "1.15.0 1.18.0"}, []string{"1.16.0 1.16.1", "1.17.0 1.17.1"}},
		"dify-1.17.1-weaviate-ladder":    {api, []string{"1.17.0 1.17.1", "1.13.3 1.18.0"}, []string{"1.16.1 1.17.0", "1.17.1 1.18.0"}},
		"dify-1.18.0-agents":             {api, []string{"1.17.1 1.18.0", "1.16.1 1.19.0"}, []string{"1.18.0 1.19.0", "1.17.0 1.17.1"}},

		"n8n-migrations":     {n8n, []string{"1.98.0 1.99.0", "1.123.5 2.0.0", "1 2", "1.98 1.99"}, []string{"1.99.0 1.99.3", "1.99.0 1.98.0", "1 1.99.0", "1.99.0 latest"}},
		"n8n-encryption-key": {n8n, []string{"1.98.0 1.99.0"}, []string{"1.99.0 1.99.1"}},
		"n8n-1.28-webhooks":  {n8n, []string{"1.14.2 1.28.0", "1.9.0 1.32.0"}, []string{"1.14.2 1.32.1", "1.15.0 1.28.0", "1.14.2 1.27.0", "1.14.2 2.0.0"}},
		"n8n-2.0-mysql":      to2,
		"n8n-2.0-report":     to2,
		"n8n-3.0-report":     to3,

		"postgres-major": {"postgres", []string{"15-alpine 16-alpine", "15-alpine 17.2", "9.6 10", "17 15", "9.5.3 9.6.1"},
			[]string{"15-alpine 15", "16.3 16.4", "16 16.4", "15 latest", "latest 16"}},
		"postgres-18-data-path":          {"postgres", []string{"17 18", "15-alpine 18.1-alpine"}, []string{"16 17", "18.0 18.1", "18 17"}},
		"postgres-18-data-path-pgvector": {pgv, []string{"pg17 pg18", "0.8.2-pg16 0.8.6-pg18"}, []string{"0.8.2-pg16 0.8.6-pg16"}},
		"pgvector-extension-update":      {pgv, []string{"0.8.2-pg16 0.8.6-pg16", "0.7.4-pg16-trixie 0.8.0-pg16-trixie"}, []string{"0.8.6-pg16 0.8.2-pg16", "pg16 pg16-trixie", "0.8.6-pg16 pg16"}},
		"pgvector-0.8.3-reindex":         {pgv, []string{"0.8.2-pg16 0.8.3-pg16", "0.8.0-pg16 0.8.6-pg17"}, []string{"0.8.3-pg16 0.8.6-pg16", "pg16 pg17", "pg16 0.8.6-pg16"}},

		"redis-7.0-rdb":  {"redis", []string{"6-alpine 7-alpine", "6.2.14 7.0.0", "6.2 8.0.2"}, []string{"7.0.0 7.2.4", "7 8", "6.0.1 6.2.4"}},
		"redis-7.2-rdb":  {"redis", []string{"7.0.15 7.2.4", "7.0 7.2", "6.2.14 8.0.0", "6-alpine 8-alpine"}, []string{"7 8", "7-alpine 8-alpine", "6 7", "7.2.0 7.2.4", "7.2.4 7.0.15"}},
		"redis-7.4-rdb":  {"redis", []string{"7.2.4 7.4.0", "7.2.4 8-alpine"}, []string{"7 8", "7.4.0 8.0.0", "7 7.4.0"}},
		"redis-8.6-rdb":  {"redis", []string{"8.4.0 8.6.0", "8.4 8.6", "7.4.1 9.0.0"}, []string{"8.0.0 8.4.0", "7 8", "8 8.6.0"}},
		"valkey-9.0-rdb": {"valkey/valkey", []string{"8.1.1 9.0.0", "8-alpine 9-alpine", "7.2.5 9.0.1"}, []string{"7.2.5 8.0.0", "9.0.0 9.0.1"}},

		"weaviate-1.27-client": {"semitechnologies/weaviate", []string{"1.19.0 1.27.0", "1.26.4 1.39.2"}, []string{"1.27.0 1.28.0", "1.27.0 1.26.0"}},
		"weaviate-minor-steps": {"cr.weaviate.io/semitechnologies/weaviate", []string{"1.27.0 1.39.2", "1.27.0 1.29.0"}, []string{"1.27.0 1.28.4", "1.27.0 1.27.9", "1.39.2 1.27.0"}},
		"weaviate-minor-data":  {"semitechnologies/weaviate", []string{"1.27.0 1.28.0"}, []string{"1.27.0 1.27.9", "1.28.0 1.27.0"}},
		"qdrant-minor-steps":   {"langgenius/qdrant", []string{"v1.7.3 v1.9.0"}, []string{"v1.7.3 v1.8.3", "v1.8.0 v1.8.3"}},
		"milvus-2.6-steps":     {"milvusdb/milvus", []string{"v2.5.15 v2.6.0", "v2.4.0 v2.6.3"}, []string{"v2.5.16 v2.6.0", "v2.5.15 v2.5.20", "v2.6.0 v2.6.1"}},
	}
	for _, r := range n8n2() {
		rows["n8n-2.0-"+r.Name] = to2
	}
	for _, r := range n8n3() {
		rows["n8n-3.0-"+r.Name] = to3
	}
	return rows
}
