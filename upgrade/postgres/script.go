package postgres

import (
	"regexp"
	"strings"
)

// setup is the start of each shell script that runs in a container: it finds the
// server and its superuser as docker-library/postgres sets them up. The port and
// the socket's folder are those that the server wrote to postmaster.pid
// (LOCK_FILE_LINE_PORT and _SOCKET_DIR of utils/pidfile.h): a container may move both.
const setup = `set -eu
unset PGHOST PGHOSTADDR PGDATABASE PGSERVICE PGSERVICEFILE PGSSLMODE PGTZ PGDATESTYLE PGGEQO PGTARGETSESSIONATTRS || :
PGUSER=${POSTGRES_USER:-}
if [ -z "$PGUSER" ] && [ -r "${POSTGRES_USER_FILE:-}" ]; then PGUSER=$(cat "$POSTGRES_USER_FILE"); fi
PGUSER=${PGUSER:-postgres}
password=${POSTGRES_PASSWORD:-}
if [ -z "$password" ] && [ -r "${POSTGRES_PASSWORD_FILE:-}" ]; then password=$(cat "$POSTGRES_PASSWORD_FILE"); fi
if [ -n "$password" ]; then
  PGPASSWORD=$password
  export PGPASSWORD
fi
data=${PGDATA:-/var/lib/postgresql/data}
if [ -r "$data/postmaster.pid" ]; then
  { read -r _; read -r _; read -r _; read -r PGPORT; read -r PGHOST; } <"$data/postmaster.pid"
  PGHOST=${PGHOST:-127.0.0.1}
  export PGPORT PGHOST
fi
if [ -n "${BELAY_PGHOST:-}" ]; then # another server, by TCP
  PGHOST=$BELAY_PGHOST PGPORT=$BELAY_PGPORT
  export PGPORT PGHOST
fi
PGCONNECT_TIMEOUT=30
export PGUSER PGCONNECT_TIMEOUT
`

// become ends a script: it becomes psql, which was told to be terse.
const become = `exec "$@"
`

// filter ends a script: it runs the client whose arguments follow, without a line
// of stderr that is not a message of the client itself. Those others hold
// DETAIL and CONTEXT of the server's errors, and with them values of rows; of an
// error about a row what it quotes is left out too.
// The status is the client's own, not that of the filter.
const filter = `exec 3>&1
status=$(
  exec 4>&1
  { rc=0; "$@" 2>&1 1>&3 3>&- 4>&- || rc=$?; echo "$rc" >&4; } | {
    sed -n "/COPY failed for table/s/\(ERROR: *[^\"]*\)\".*/\1.../; /^$1:/p" >&2
  } 3>&- 4>&-
)
exit "$status"
`

// client is the command that runs a client program in the container.
func client(program string, args ...string) []string {
	script := setup + filter
	if program == "psql" {
		script = setup + become
	}
	return append([]string{"sh", "-c", script, "belay", program}, args...)
}

// preamble opens each SQL script. Timeouts that not every major knows cannot be
// among the options of the connection.
const preamble = `SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings
WHERE name IN ('transaction_timeout', 'idle_session_timeout') \g /dev/null
`

// options are the settings of a session as PGOPTIONS. They outrank those of the
// database and the role, and make the text of a value the same on every server.
func options(more ...string) string {
	return "-c " + strings.Join(append([]string{
		"role=none", "search_path=pg_catalog",
		"statement_timeout=0", "lock_timeout=0", "idle_in_transaction_session_timeout=0",
		"default_transaction_read_only=off", "default_transaction_isolation=read\\ committed", "default_transaction_deferrable=off",
		"row_security=off", "standard_conforming_strings=on", "quote_all_identifiers=off",
		"TimeZone=UTC", "DateStyle=ISO,YMD", "IntervalStyle=postgres", "extra_float_digits=3",
		"bytea_output=hex", "xmlbinary=base64", "lc_monetary=C", "client_min_messages=warning",
		"default_tablespace=", "temp_tablespaces=", "jit=off",
	}, more...), " -c ")
}

// ident quotes an identifier for SQL.
func ident(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal quotes a text for SQL, given standard_conforming_strings.
func literal(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }

// conninfo names a database to a client: as a connection string, so that no name
// can be an option, a connection string or a URL.
func conninfo(db string) string {
	return `dbname='` + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(db) + `'`
}

// connect is psql's own command that goes to another database. psql takes the
// single quotes off its argument, and then treats it as an identifier
// (OT_SQLIDHACK of psqlscanslash.l): twice quoted, it stays as it is.
func connect(db string) string {
	text := strings.NewReplacer(`\`, `\\`, `'`, `''`, "\n", `\n`, "\r", `\r`).Replace(ident(conninfo(db)))
	return `\connect '` + text + "'\n"
}

var plain = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// qualified is how a relation is called in results: schema.name, each quoted
// when it is more than lower-case letters, digits and underscores. Keywords are
// not quoted: which they are differs between majors.
func qualified(schema, name string) string {
	q := func(s string) string {
		if plain.MatchString(s) {
			return s
		}
		return ident(s)
	}
	return q(schema) + "." + q(name)
}
