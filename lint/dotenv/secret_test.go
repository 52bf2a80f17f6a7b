package dotenv

import (
	"slices"
	"strings"
	"testing"
)

func TestIsSecret(t *testing.T) {
	secret := `SECRET_KEY N8N_ENCRYPTION_KEY DB_PASSWORD PG_PASS ORACLE_PWD REDIS_PASSWORD SMTP_PASS API_SENTRY_DSN
		WEAVIATE_API_KEY WEAVIATE_AUTHENTICATION_APIKEY_ALLOWED_KEYS PLUGIN_DAEMON_KEY INNER_API_KEY_FOR_PLUGIN
		AWS_ACCESS_KEY_ID TENCENT_COS_SECRET_ID AZURE_BLOB_ACCOUNT_KEY GOOGLE_STORAGE_SERVICE_ACCOUNT_JSON_BASE64
		COUCHBASE_CONNECTION_STRING CHROMA_AUTH_CREDENTIALS UPSTASH_VECTOR_TOKEN GITHUB_TOKENS PASSWORD_PEPPER LANGFUSE_SALT
		NEO4J_AUTH JWT_SECRET MAXMIND_LICENSE_KEY RATE_LIMIT_API_KEY HTTP_REQUEST_NODE_SSL_CLIENT_KEY_DATA
		auth.apiKey redis.auth.password envs[SECRET_KEY].value encryptionKey tls.privateKey`
	open := `MAX_TOKENS CODE_GENERATION_MAX_TOKENS ACCESS_TOKEN_EXPIRE_MINUTES REFRESH_TOKEN_EXPIRE_DAYS PASSWORD_MIN_LENGTH
		PASSWORD_LENGTH OPENAPI_RATE_LIMIT_PER_TOKEN RESET_PASSWORD_TOKEN_EXPIRY_MINUTES INDEXING_MAX_SEGMENTATION_TOKENS_LENGTH
		PLUGIN_BASED_TOKEN_COUNTING_ENABLED ENABLE_EMAIL_PASSWORD_LOGIN WEAVIATE_AUTHENTICATION_APIKEY_ENABLED
		NGINX_SSL_CERT_KEY_FILENAME N8N_ENCRYPTION_KEY_FILE TOKEN_URL WEAVIATE_TOKENIZATION REDIS_KEY_PREFIX TIDB_PUBLIC_KEY
		DB_HOST DB_USERNAME COMPOSE_PROFILES KEY_CLOAK KEYCLOAK_HOSTNAME MONKEY image.tag PASSENGER_PORT`
	for _, key := range strings.Fields(secret) {
		if !IsSecret(key) {
			t.Errorf("%s is not a secret", key)
		}
	}
	for _, key := range strings.Fields(open) {
		if IsSecret(key) {
			t.Errorf("%s is a secret", key)
		}
	}
}

func TestHasCredentials(t *testing.T) {
	for text, want := range map[string]bool{
		"redis://:difyai123456@redis:6379/1":       true,
		"postgresql://user:pass@host/db":           true,
		"postgres://u:${DB_PASSWORD}@host/db":      true,
		"https://api.dify.ai":                      false,
		"http://user@host/":                        false,
		"http://localhost:8080/a@b":                false,
		"sentinel://:a@h1:1;sentinel://:b@h2:2":    true,
		"user:pass@host":                           false,
		"mysql+pymysql://root:difyai123456@db/x?a": true,
	} {
		if got := HasCredentials(NewValue(text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

// Every key of the corpus whose name has a word that smells of a secret is
// either one, or in this list of those that are not.
func TestIsSecretOnTheCorpus(t *testing.T) {
	known := strings.Fields(corpusNotSecret)
	var unlisted []string
	seen, secrets := map[string]bool{}, 0
	for _, f := range envFiles(t) {
		file, _ := Parse(f, nil)
		for _, e := range file.Entries {
			if seen[e.Key] {
				continue
			}
			seen[e.Key] = true
			if IsSecret(e.Key) {
				secrets++
				continue
			}
			smells := slices.ContainsFunc([]string{"KEY", "PASS", "SECRET", "TOKEN", "CRED", "SALT", "PWD", "DSN", "PRIVATE"},
				func(s string) bool { return strings.Contains(strings.ToUpper(e.Key), s) })
			if smells && !slices.Contains(known, e.Key) {
				unlisted = append(unlisted, e.Key)
			}
		}
	}
	t.Logf("%d of %d keys are secret", secrets, len(seen))
	if len(unlisted) > 0 {
		t.Errorf("not secret, and not listed: %s", strings.Join(unlisted, " "))
	}
}

const corpusNotSecret = `
PASSPORT_PUBLIC_KEY DKR_RUN_PASSPORT_INSTALL KEYCLOAK_HOSTNAME KEYCLOAK_ADMIN JWT_ACCESS_TOKEN_EXPIRE_MINUTES
REDIS_SSL_KEYFILE REDIS_KEY_PREFIX INDEXING_MAX_SEGMENTATION_TOKENS_LENGTH WEAVIATE_TOKENIZATION
WEAVIATE_AUTHENTICATION_APIKEY_ENABLED WEAVIATE_AUTHENTICATION_APIKEY_USERS WEAVIATE_ENABLE_TOKENIZER_GSE
WEAVIATE_ENABLE_TOKENIZER_KAGOME_JA WEAVIATE_ENABLE_TOKENIZER_KAGOME_KR NGINX_SSL_CERT_KEY_FILENAME
ACCESS_TOKEN_EXPIRE_MINUTES REFRESH_TOKEN_EXPIRE_DAYS ANALYTICDB_KEY_ID TIDB_PUBLIC_KEY
PROMPT_GENERATION_MAX_TOKENS CODE_GENERATION_MAX_TOKENS RESET_PASSWORD_TOKEN_EXPIRY_MINUTES
PLUGIN_BASED_TOKEN_COUNTING_ENABLED CHANGE_EMAIL_TOKEN_EXPIRY_MINUTES OWNER_TRANSFER_TOKEN_EXPIRY_MINUTES
EMAIL_REGISTER_TOKEN_EXPIRY_MINUTES OPENAPI_RATE_LIMIT_PER_TOKEN HOLOGRES_TOKENIZER
SSRF_PROXY_ALLOW_PRIVATE_IPS SSRF_PROXY_ALLOW_PRIVATE_DOMAINS COOKIEYES_SITE_KEY ENABLE_EMAIL_PASSWORD_LOGIN
`
