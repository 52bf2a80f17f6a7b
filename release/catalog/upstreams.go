package catalog

import "slices"

// upstreams is the table. What it says of a tag's form was read from the
// projects' release workflows or their lists of tags; an image whose forms are
// not known for certain is not in it.
func upstreams() []Upstream {
	return slices.Concat(applicationUpstreams(), storeUpstreams(), serverUpstreams(), pages())
}

func applicationUpstreams() []Upstream {
	return []Upstream{
		{
			// build-push.yml: the docker tag is the name of the git ref.
			Images: []string{"**/langgenius/dify-api", "**/langgenius/dify-web", "**/langgenius/dify-agent-*"},
			Repo:   difyRepo, Same: true, Releases: true, Compose: "docker",
			Page: "https://github.com/langgenius/dify/releases/tag/{version}",
		},
		{
			Images: []string{"**/langgenius/dify-plugin-daemon"},
			Repo:   pluginDaemonRepo, Trim: []string{"-local", "-serverless"}, Releases: true,
		},
		{
			Images: []string{"**/langgenius/dify-sandbox"},
			Repo:   sandboxRepo, Same: true, Releases: true,
		},
		{
			// Releases are made as pre-releases and promoted later, so that
			// GitHub's flag says nothing: release-publish.yml. The docker
			// tags stable and beta have git tags and releases of their own.
			Images: []string{"**/n8nio/n8n", "ghcr.io/n8n-io/n8n", "**/n8nio/runners", "ghcr.io/n8n-io/runners"},
			Repo:   "n8n-io/n8n", Prefix: "n8n@", Releases: true,
			Changelog: "CHANGELOG.md", Breaking: []string{"packages/cli/BREAKING-CHANGES.md"},
			Moving: []string{"stable", "beta", "next", "latest"},
		},
		{Images: []string{"**/langfuse/langfuse", "**/langfuse/langfuse-worker"}, Repo: "langfuse/langfuse", Prefix: "v", Releases: true},
		{Images: []string{"**/ollama/ollama"}, Repo: "ollama/ollama", Prefix: "v", Trim: []string{"-rocm"}, Releases: true},
		{Images: []string{"**/goauthentik/server"}, Repo: "goauthentik/authentik", Prefix: "version/", Releases: true},
		{Images: []string{"**/keycloak/keycloak"}, Repo: "keycloak/keycloak", Releases: true},
		{Images: []string{"**/grafana/grafana"}, Repo: "grafana/grafana", Prefix: "v", Trim: []string{"-ubuntu"}, Releases: true},
		{Images: []string{"**/prom/prometheus"}, Repo: "prometheus/prometheus", Prefix: "v", Releases: true, Changelog: "CHANGELOG.md"},
		{Images: []string{"**/gitea/gitea"}, Repo: "go-gitea/gitea", Prefix: "v", Trim: []string{"-rootless"}, Releases: true, Changelog: "CHANGELOG.md"},
		{Images: []string{"nextcloud", "**/library/nextcloud"}, Repo: "nextcloud/server", Prefix: "v", Trim: []string{"-apache", "-fpm"}, Releases: true},
	}
}

func storeUpstreams() []Upstream {
	return []Upstream{
		{
			// It makes no GitHub releases; the docker tag has the server's
			// version too: README, "Docker".
			Images: []string{"**/pgvector/pgvector", "**/ankane/pgvector"},
			Repo:   "pgvector/pgvector", Prefix: "v", Changelog: "CHANGELOG.md",
		},
		{Images: []string{"**/timescale/timescaledb"}, Repo: "timescale/timescaledb", Releases: true, Changelog: "CHANGELOG.md"},
		{Images: []string{"redis", "**/library/redis"}, Repo: "redis/redis", Releases: true},
		{Images: []string{"**/valkey/valkey"}, Repo: "valkey-io/valkey", Releases: true},
		{Images: []string{"**/semitechnologies/weaviate"}, Repo: "weaviate/weaviate", Prefix: "v", Releases: true},
		{
			Images: []string{"**/qdrant/qdrant", "**/langgenius/qdrant"},
			Repo:   "qdrant/qdrant", Prefix: "v", Trim: []string{"-unprivileged", "-gpu-nvidia", "-gpu-amd"}, Releases: true,
		},
		{Images: []string{"**/milvusdb/milvus"}, Repo: "milvus-io/milvus", Prefix: "v", Trim: []string{"-gpu"}, Releases: true},
		{Images: []string{"**/coreos/etcd"}, Repo: "etcd-io/etcd", Prefix: "v", Releases: true},
		{Images: []string{"**/chroma-core/chroma", "**/chromadb/chroma"}, Repo: "chroma-core/chroma", Releases: true},
		{Images: []string{"**/minio/minio"}, Repo: "minio/minio", Same: true, Releases: true},
		{Images: []string{"**/opensearchproject/opensearch"}, Repo: "opensearch-project/OpenSearch", Releases: true},
		{Images: []string{"**/opensearchproject/opensearch-dashboards"}, Repo: "opensearch-project/OpenSearch-Dashboards", Releases: true},
	}
}

func serverUpstreams() []Upstream {
	return []Upstream{
		{Images: []string{"caddy", "**/library/caddy"}, Repo: "caddyserver/caddy", Prefix: "v", Trim: []string{"-builder"}, Releases: true},
		{Images: []string{"traefik", "**/library/traefik"}, Repo: "traefik/traefik", Prefix: "v", Releases: true, Changelog: "CHANGELOG.md"},
		{
			Images: []string{"nginx", "**/library/nginx", "nginxinc/nginx-unprivileged"},
			Repo:   "nginx/nginx", Prefix: "release-", Trim: []string{"-perl", "-otel"}, Releases: true,
			Page: "https://nginx.org/en/CHANGES",
		},
		{Images: []string{"certbot/certbot"}, Repo: "certbot/certbot", Prefix: "v", Releases: true},
	}
}

// pages are upstreams whose notes only a person can be sent to.
func pages() []Upstream {
	const none = "the project keeps its release notes on its own site, not as GitHub releases"
	return []Upstream{
		{Images: []string{"postgres", "**/library/postgres"}, Page: "https://www.postgresql.org/docs/release/{version}/", Why: none},
		{Images: []string{"mysql", "**/library/mysql"}, Page: "https://dev.mysql.com/doc/relnotes/mysql/en/", Why: none},
		{Images: []string{"mariadb", "**/library/mariadb"}, Page: "https://mariadb.com/docs/release-notes", Why: none},
		{Images: []string{"mongo", "**/library/mongo"}, Page: "https://www.mongodb.com/docs/manual/release-notes/", Why: none},
		{Images: []string{"busybox", "**/library/busybox"}, Page: "https://busybox.net/", Why: none},
		{Images: []string{"alpine", "**/library/alpine"}, Page: "https://alpinelinux.org/posts/", Why: none},
		{Images: []string{"elasticsearch", "**/elasticsearch/elasticsearch"}, Page: "https://www.elastic.co/docs/release-notes/elasticsearch", Why: none},
		{Images: []string{"**/kibana/kibana", "kibana"}, Page: "https://www.elastic.co/docs/release-notes/kibana", Why: none},
		{
			Images: []string{"ubuntu/squid"}, Page: "https://www.squid-cache.org/Versions/",
			Why: "its tags name Ubuntu's package of Squid and no release of the project",
		},
	}
}
