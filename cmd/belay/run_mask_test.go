package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/wanted"
)

// TestMask: values of the stack are hidden wherever they stand, those of env files
// that no container has too; what says where something is, or which version, is not.
func TestMask(t *testing.T) {
	dir := t.TempDir()
	env := "SECRET_KEY='canary-key with $ign'\nPORT=80\nPIN=canary-pin\nAPI_TOKEN=ab12\nDATA=/srv/data\n"
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	mask := masker(&wanted.Deployed{
		Project: docker.Project{Dir: dir},
		Containers: []docker.Container{{Env: map[string]docker.Secret{
			"DB_PASSWORD": "canary-db", "DATABASE_URL": "postgres://u:canary-db-long@db/x", "LONGER": "canary-db-long",
			"PATH": "/usr/local/bin:/usr/bin", "NGINX_VERSION": "1.28.0-alpine", "MODE": "api", "POSTGRES_USER": "postgres", "N8N_PASSWORD": "letters",
		}}},
	})
	in := "key canary-key with $ign, pin canary-pin, token ab12, db canary-db, longer canary-db-long, url postgres://u:canary-db-long@db/x, PATH /usr/local/bin:/usr/bin, 1.28.0-alpine, /srv/data, api on 80 of postgres with letters"
	want := "key ***, pin ***, token ***, db ***, longer ***, url ***, PATH /usr/local/bin:/usr/bin, 1.28.0-alpine, /srv/data, api on 80 of postgres with ***"
	if got := mask(in); got != want || strings.Contains(got, "canary") {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}
