package rules

var envCases = []ruleCase{
	{"env-key-missing", "a key of the example is known where .env is not in the repository", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
    environment:
      A: ${DB_PASSWORD}
-- .env.example --
DB_PASSWORD=
`, nil},
	{"env-key-missing", "a key that not even the example has", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
    environment:
      A: ${DB_PASSWORD}
      B: ${MAIL_FROM}
-- .env.example --
DB_PASSWORD=
`, []string{"compose.yaml:6 warning"}},
	{"env-key-missing", "neither an env file nor an example: one note for all", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
    environment:
      A: ${ONE}
      B: ${TWO}
`, []string{"compose.yaml:5 note"}},
	{"env-key-missing", "a required one is an error, also behind a profile", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
    profiles: [extra]
    environment:
      A: ${ONE}
      B: ${TWO:?needed}
      C: ${EMPTY:?needed}
      D: ${EMPTY?needed}
-- .env --
EMPTY=
`, []string{"compose.yaml:6 note", "compose.yaml:7 error", "compose.yaml:8 error"}},
	{"env-key-missing", "a nested one counts only where it is used", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
    environment:
      A: ${SET:-${INNER}}
      B: ${UNSET:-${OTHER}}
      C: ${UNSET:+${NEVER}}
-- .env --
SET=x
`, []string{"compose.yaml:6 warning"}},
	{"env-key-missing", "what a shell sets, and what image-variable-unset reports", `
-- compose.yaml --
services:
  api:
    image: a/b:${TAG}
    user: ${UID}:${GID}
    volumes: ["${HOME}/x:/x", "$${NOT_ONE}:/y"]
-- .env --
A=b
`, nil},
	{"env-secret-default", "one finding at the start of the file, whatever the keys", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
    environment:
      A: ${DB_PASSWORD:-public123}
      B: ${CACHE_PASSWORD-public}
-- .env.example --
SECRET_KEY=change-me
API_TOKEN=change-me
MAX_TOKENS=100
-- .env --

SECRET_KEY=change-me
API_TOKEN=mine
MAX_TOKENS=100
`, []string{".env:1 warning"}},
	{"env-secret-default", "nothing in dev", `
environment: dev
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
-- .env.example --
SECRET_KEY=change-me
-- .env --
SECRET_KEY=change-me
`, nil},
	{"env-secret-default", "defaults of services that do not start, and of keys that are set", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
    environment:
      A: ${DB_PASSWORD:-public123}
  qdrant:
    image: a/c:1.0.0
    profiles: [qdrant]
    environment:
      A: ${QDRANT_API_KEY:-public123}
-- .env --
DB_PASSWORD=mine
`, nil},
	{"env-secret-default", "an empty SECRET_KEY is legal", `
-- compose.yaml --
services:
  api:
    image: langgenius/dify-api:1.16.1
    environment:
      SECRET_KEY: ${SECRET_KEY:-}
-- .env.example --
SECRET_KEY=
-- .env --
SECRET_KEY=
`, nil},
	{"env-secret-default", "without an env file nothing is known", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
    environment:
      A: ${DB_PASSWORD:-public123}
-- .env.example --
DB_PASSWORD=public123
`, nil},
	{"env-file-missing", "a file kept out of the repository: once, as a note", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
    env_file: .env
  worker:
    image: a/b:1.0.0
    env_file: [.env, {path: other.env, required: false}]
-- .env.example --
A=
`, []string{".env.example:1 note"}},
	{"env-file-missing", "one that has an example, and one of two services", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
    env_file:
      - api.env
      - common.env
  worker:
    image: a/b:1.0.0
    env_file: common.env
-- api.env.example --
A=
-- .env --
A=
`, []string{"compose.yaml:5 note", "compose.yaml:6 error"}},
	{"env-duplicate-key", "in each file of its own, and commented out", `
-- compose.yaml --
services:
  api:
    image: a/b:1.0.0
-- .env --
A=1
# A=2
B=1
export B=2
B=3
-- .env.example --
A=1
A=1
`, []string{".env:4 warning", ".env:5 warning"}},
}
