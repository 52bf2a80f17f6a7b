package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// refused: what is turned down before anything was changed, with what was found and what
// to do. Each case spoils one thing and mends it again.
func (l *labStack) refused() {
	l.reset() // earlier plays may have left the versions that it asks for
	file, env, config := l.read("docker-compose.yml"), l.read(".env"), l.config("")
	before := l.world("files stack ")
	mend := func() {
		l.Helper()
		l.write("docker-compose.yml", file)
		l.write(".env", env)
		l.write("belay.yml", config)
	}
	open := filepath.Join(l.TempDir(), "open")
	if err := os.Mkdir(open, 0o777); err != nil {
		l.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		l.Fatal(err)
	}
	small := l.smallDisk()
	edit := func(old, now string) func() {
		return func() {
			l.Helper()
			if !strings.Contains(file, old) {
				l.Fatalf("no %q in the compose file", old)
			}
			l.write("docker-compose.yml", strings.Replace(file, old, now, 1))
		}
	}
	configured := func(more string) func() { return func() { l.write("belay.yml", l.config(more)) } }
	const next = "nginx=1.29.0-alpine"
	for name, c := range map[string]struct {
		spoil func()
		args  []string
		says  []string
	}{
		"an older image":      {nil, []string{"--set", "redis=6-alpine"}, []string{"older than the one that runs", "found redis:7-alpine, needed redis:6-alpine", "belay rollback"}},
		"another major":       {nil, []string{"--set", "postgres=pg18"}, []string{"found PostgreSQL 17, needed PostgreSQL 18"}},
		"a tag that floats":   {nil, []string{"--set", "langgenius/dify-api=latest"}, []string{"image-tag-floating", "belay lint"}},
		"no such image":       {nil, []string{"--set", "nosuch=1"}, []string{"found nosuch, needed dify-api, dify-worker, postgres, proxy, redis"}},
		"a second state":      {func() { l.write("belay.yml", "version: 1\nstate: "+l.TempDir()+"\n") }, nil, []string{"its state is in", l.state, "docker volume rm belay-"}},
		"a missing variable":  {edit("DEPLOY_ENV: PRODUCTION", "DEPLOY_ENV: ${NOWHERE_SET}"), nil, []string{"variable NOWHERE_SET is not set", "docker-compose.yml:"}},
		"a key":               {func() { l.write(".env", strings.Replace(env, "SECRET_KEY=canary-", "SECRET_KEY=other-", 1)) }, nil, []string{"SECRET_KEY of dify-api would change"}},
		"another volume":      {edit("\n  redis_data:\n", "\n  redis_data: {name: elsewhere}\n"), nil, []string{"redis", "elsewhere"}},
		"two tags of a group": {edit("dify-worker:\n    image: langgenius/dify-api:1.13.3", "dify-worker:\n    image: langgenius/dify-api:1.14.0"), nil, []string{"group", "belay lint"}},
		"an open folder":      {configured("backup: {directory: " + open + "}\n"), []string{"--set", next}, []string{"backups cannot be kept", open}},
		"too little room":     {configured("backup: {directory: " + small + "}\n"), []string{"--set", next}, []string{"too little room on the file system of " + small, "found 16 MB, needed"}},
		"a failing baseline":  {configured("baseline: {commands: [{name: smoke, run: echo not today; exit 3}]}\n"), []string{"--set", next}, []string{"a check of yours fails", "smoke", "not today", "--accept-failing-baseline"}},
		"an unwell service":   {func() { l.compose("stop", "dify-worker") }, []string{"--set", next}, []string{"dify-worker is not well", "is exited", "--accept-unhealthy dify-worker"}},
	} {
		if c.spoil != nil {
			c.spoil()
		}
		l.says(name+": "+l.belay(exitRefused, append([]string{"upgrade"}, c.args...)...), c.says...)
		mend()
		if name == "an unwell service" {
			l.compose("start", "dify-worker")
		}
	}
	l.disagree()
	l.locked()
	l.same(before, "refused", "files stack ")
	l.accepted(config)
}

// smallDisk is a folder on a file system of 16 MB.
func (l *labStack) smallDisk() string {
	l.Helper()
	dir := l.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m,mode=0700"); err != nil {
		l.Fatalf("mount: %v", err)
	}
	l.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			l.Error(err)
		}
	})
	return dir
}

// disagree: one container was started with other files than the rest.
func (l *labStack) disagree() {
	more := filepath.Join(l.TempDir(), "more.yml")
	if err := os.WriteFile(more, []byte("services: {proxy: {environment: {MORE: 1}}}\n"), 0o644); err != nil {
		l.Fatal(err)
	}
	l.compose("-f", "docker-compose.yml", "-f", more, "up", "-d", "--no-deps", "proxy")
	l.says(l.belay(exitRefused, "upgrade"), "more.yml", "proxy")
	l.compose("up", "-d", "--no-deps", "proxy")
}

// locked: another run has the lock.
func (l *labStack) locked() {
	path := filepath.Join(l.state, filepath.Base(l.dir), "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		l.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		l.Fatal(err)
	}
	l.says(l.belay(exitHeld, "upgrade"), "lock", "held by")
}

// accepted: what a person accepts stands in the report, and the run goes on.
func (l *labStack) accepted(config string) {
	l.write("belay.yml", l.config("baseline: {commands: [{name: smoke, run: exit 3}]}\n"))
	l.compose("stop", "dify-worker")
	out := l.belay(0, "upgrade", "--set", "nginx=1.29.0-alpine", "--accept-unhealthy", "dify-worker", "--accept-failing-baseline", "smoke")
	l.says(out, "--accept-unhealthy dify-worker", "--accept-failing-baseline smoke")
	if got := l.images()["proxy"]; got != "nginx:1.29.0-alpine" {
		l.Errorf("proxy runs on %q", got)
	}
	l.write("belay.yml", config)
	l.compose("up", "-d")
}
