package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMajor goes to another major version of PostgreSQL and back. BELAY_TEST_MAJOR is a
// stack of the lab of the kind mini@1.16.0.
func TestMajor(t *testing.T) {
	dir := os.Getenv("BELAY_TEST_MAJOR")
	if dir == "" {
		if slices.Contains(strings.Split(os.Getenv("BELAY_TEST_REQUIRE"), ","), "lab") {
			t.Fatal("BELAY_TEST_MAJOR is not set, and BELAY_TEST_REQUIRE asks for the lab")
		}
		t.Skip("needs a stack of the lab: testdata/lab/lab stack -k mini@1.16.0 DIR, and BELAY_TEST_MAJOR=DIR")
	}
	bin := filepath.Join(t.TempDir(), "belay")
	l := &labStack{t, dir, filepath.Join(t.TempDir(), "state"), bin, bin}
	l.build(bin, "1.0.0")
	l.reset()
	const config = "files stack ./belay.yml " // it is written here
	before := l.world(config)
	old := l.read("docker-compose.yml")

	l.write("belay.yml", l.config("verify: {commands: [{name: own, run: [\"false\"]}]}\n"))
	l.belay(4, "upgrade", "--set", "pgvector/pgvector=pg18")
	l.write("belay.yml", l.config(""))
	l.same(before, "after a failed verification", append([]string{config}, recordBlock...)...)

	out := l.belay(0, "upgrade", "--retry", "--set", "pgvector/pgvector=pg18")
	l.says(out, "PostgreSQL in postgres, version: 17.", "-> 18.", "counted and hashed, as before", "exact neighbours as before", "and are the way back")
	l.noSecret("report", out)
	l.runsOn("pgvector/pgvector:pg18", "postgres")
	l.script("inert")
	data := func(world string) string {
		var out []string
		for line := range strings.Lines(world) {
			if strings.HasPrefix(line, "tables ") || strings.HasPrefix(line, "roles ") || strings.HasPrefix(line, "blobs ") {
				out = append(out, line)
			}
		}
		return strings.Join(out, "")
	}
	if d := differs(data(before), data(l.world())); d != "" {
		l.Errorf("data on 18:\n%s", d)
	}
	l.says(l.belay(0, "upgrade", "--set", "pgvector/pgvector=pg18"), "Up to date", "postgres is already on PostgreSQL 18.")

	// A checkout that knows nothing of it, with the old image and with the new one.
	repo := t.TempDir()
	for _, file := range []string{old, strings.Replace(old, "pgvector:pg17", "pgvector:pg18", 1)} {
		if err := os.WriteFile(filepath.Join(repo, "docker-compose.yml"), []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=lab", "-c", "user.email=lab@localhost", "commit", "-qm", "lab"}} {
			if out, err := exec.Command("git", append([]string{"-C", repo}, args...)...).CombinedOutput(); err != nil {
				t.Fatalf("%s", out)
			}
		}
		l.says(l.belay(11, "upgrade", "--from", repo), "write `postgres_data_pg18:/var/lib/postgresql`")
	}

	l.write3()
	l.says(l.belay(11, "rollback"), "3 rows were written since", "--accept-data-loss")
	l.says(l.belay(11, "rollback", "--keep-data"), "the data of postgres are of PostgreSQL 18 now, and were of 17")
	out = l.belay(0, "rollback", "--accept-data-loss")
	l.says(out, "back to the data of PostgreSQL 17")
	l.runsOn("pgvector/pgvector:pg17", "postgres")
	if l.written() != "0" {
		t.Errorf("%s rows of since", l.written())
	}
	// The data of 18 stay as well.
	l.same(before, out, append([]string{config, "containers volume "}, recordBlock...)...)
}
