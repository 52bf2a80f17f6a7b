package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Facts are what Probe found out about a server.
type Facts struct {
	Version     int    `json:"version"` // server_version_num: 170005
	Major       int    `json:"major"`
	Client      int    `json:"client"` // major of the clients in the container
	DataDir     string `json:"data_dir"`
	User        string `json:"user"`
	SuperUser   bool   `json:"superuser"`
	Recovery    bool   `json:"recovery"` // a standby: nothing can be written
	SystemID    string `json:"system_id"`
	Maintenance string `json:"maintenance"` // database for statements about the whole server
}

// Release is the server's version as people write it: "17.5".
func (f *Facts) Release() string { return fmt.Sprintf("%d.%d", f.Version/10000, f.Version%10000) }

// find says on its first line whether there is a server in the container, and
// in which database to ask.
const find = `
if ! command -v psql >/dev/null; then echo none; exit 0; fi
server=
if [ -s "$data/PG_VERSION" ]; then server=1; fi
for f in /proc/[0-9]*/comm; do
  if read -r name <"$f" && [ "$name" = postgres ]; then server=1; fi
done 2>/dev/null
if [ -z "$server" ]; then echo none; exit 0; fi
db=postgres
psql -X -q -d postgres -c "" 2>/dev/null || db=template1
echo "$db"
psql --version
exec psql -X -A -t -q -v ON_ERROR_STOP=1 -v VERBOSITY=terse -d "$db" -f -
`

const facts = `SELECT jsonb_build_object(
 'version', current_setting('server_version_num')::int,
 'data_dir', current_setting('data_directory'),
 'user', current_user,
 'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
 'recovery', pg_is_in_recovery(),
 'system_id', (SELECT system_identifier::text FROM pg_control_system()));
`

var clientVersion = regexp.MustCompile(`\) (\d+)`)

// Probe asks whether a PostgreSQL server runs in a container; false when there
// is none, or not even a shell. A server that is there and does not answer is an
// error. Only a superuser can back a server up: a caller looks at SuperUser.
func Probe(ctx context.Context, e Execer, container string) (*Facts, bool, error) {
	var out bytes.Buffer
	s := Server{App: "belay/probe"}
	args := []string{"sh", "-c", setup + find, "belay"}
	err := e.Exec(ctx, container, args, s.env(), strings.NewReader(facts), &out)
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) && (exit.ExitCode() == 126 || exit.ExitCode() == 127) {
		return nil, false, nil // no shell in it
	}
	if err != nil {
		return nil, false, fmt.Errorf("container %s probe for PostgreSQL: %w", container, err)
	}
	db, rest, _ := strings.Cut(out.String(), "\n")
	if db == "none" {
		return nil, false, nil
	}
	version, rest, _ := strings.Cut(rest, "\n")
	f := &Facts{Maintenance: db}
	if err := json.Unmarshal([]byte(rest), f); err != nil {
		return nil, false, fmt.Errorf("container %s probe for PostgreSQL: %w", container, err)
	}
	f.Major = f.Version / 10000
	if m := clientVersion.FindStringSubmatch(version); m != nil {
		f.Client, _ = strconv.Atoi(m[1])
	}
	return f, true, nil
}
