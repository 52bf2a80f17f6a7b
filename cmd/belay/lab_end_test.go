package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// backup: what is backed up can be listed, proven and given back, and one that is
// damaged is neither.
func (l *labStack) backup() {
	before, started := l.world(), l.compose("ps", "--format", "{{ .ID }}")
	l.belay(0, "backup")
	l.same(before, "a backup changes nothing")
	if now := l.compose("ps", "--format", "{{ .ID }}"); now != started {
		l.Errorf("a backup made containers anew:\n%s\n%s", started, now)
	}
	var listed struct {
		Folder  string
		Backups []struct{ ID, State, Kind string }
	}
	if err := json.Unmarshal([]byte(l.belay(0, "backups", "--format", "json")), &listed); err != nil || len(listed.Backups) == 0 {
		l.Fatalf("%v %+v", err, listed)
	}
	made := listed.Backups[0]
	if made.State != "complete" || made.Kind != "backup" {
		l.Errorf("%+v", made)
	}
	l.says(l.belay(0, "backups", "list"), made.ID, "complete")
	l.says(l.belay(0, "backups", "show", made.ID), "of one moment", "database", "dify of postgres", "/data of redis", "/app/api/plugin_cache of dify-api", ".env")
	l.says(l.belay(0, "backups", "verify", made.ID), "is whole", "4 databases restored, counted and hashed")
	l.says(l.belay(0, "backups", "verify", "--no-restore", made.ID), "is whole", "archives read as a restore does")
	l.same(before, "a backup was verified")

	l.write3()
	l.sql("CREATE TABLE dify_app.later (id int)")
	l.compose("exec", "-T", "redis", "sh", "-c", `REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli set later 1`)
	l.write("volumes/uploads/later", "later")
	l.says(l.belay(11, "backups", "restore", made.ID), "would be given up", "--accept-data-loss")
	out := l.belay(0, "backups", "restore", made.ID, "--accept-data-loss")
	// A restore makes a materialized view anew, which had not seen what earlier plays wrote.
	l.same(before, out, append([]string{"tables postgres dify audit.counts "}, recordBlock...)...)
	if _, err := os.Stat(filepath.Join(l.dir, "volumes/uploads/later")); err == nil {
		l.Error("a file of later is there")
	}
	l.damaged(filepath.Join(listed.Folder, made.ID), made.ID)
}

// damaged: one bit of a backup is another.
func (l *labStack) damaged(folder, id string) {
	path := filepath.Join(folder, "db-001.dump.zst")
	data, err := os.ReadFile(path)
	if err != nil {
		l.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		l.Fatal(err)
	}
	l.says(l.belay(1, "backups", "verify", id), "db-001.dump.zst")
	l.says(l.belay(1, "backups", "verify", "--no-restore", id), "db-001.dump.zst")
	l.says(l.belay(11, "backups", "restore", id, "--accept-data-loss"), "db-001.dump.zst")
	if err := os.RemoveAll(folder); err != nil {
		l.Fatal(err)
	}
}

// until starts a command in the stack's folder and signals it when its journal has an
// entry. It gives the output and the exit code, -1 for one that was killed.
func (l *labStack) until(entry string, sig syscall.Signal, bin string, args ...string) (string, int) {
	l.Helper()
	return l.when(entry, func() bool { return true }, sig, bin, args...)
}

// when is until something is so after the entry; signal 0 is sent to nobody.
func (l *labStack) when(entry string, so func() bool, sig syscall.Signal, bin string, args ...string) (string, int) {
	l.Helper()
	known := map[string]bool{}
	for _, path := range l.journals() {
		known[path] = true
	}
	cmd := exec.Command(bin, args...)
	cmd.Dir = l.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		l.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }() // its exit code is looked at
	sent := false
	for !sent {
		select {
		case <-done:
			l.Fatalf("belay %s ended before %s:\n%s", strings.Join(args, " "), entry, out.String())
		case <-time.After(20 * time.Millisecond):
		}
		for _, path := range l.journals() {
			data, _ := os.ReadFile(path) // it may be gone
			if !known[path] && bytes.Contains(data, []byte(entry)) && so() {
				sent = true
				if sig == 0 {
					continue // what was so has ended it
				}
				if err := cmd.Process.Signal(sig); err != nil {
					l.Fatal(err)
				}
			}
		}
	}
	<-done
	return out.String(), cmd.ProcessState.ExitCode()
}

func (l *labStack) journals() []string {
	l.Helper()
	all, err := filepath.Glob(filepath.Join(l.state, "*", "runs", "*", "journal"))
	if err != nil {
		l.Fatal(err)
	}
	return all
}

// recovery: a run is gone on with by the program that began it, whatever has become of
// belay.yml; where that program is gone, a person is asked.
func (l *labStack) recovery() {
	before := l.world()
	l.until(`"event":"captured","step":"launch"`, syscall.SIGKILL, l.older, "upgrade", "--set", "langgenius/dify-api=1.14.0")
	out, code := l.run(l.bin, "upgrade")
	for begun := time.Now(); code == exitHeld && time.Since(begun) < 2*time.Minute; { // by what the dead run started
		time.Sleep(time.Second)
		out, code = l.run(l.bin, "upgrade")
	}
	if code != exitStuck {
		l.Errorf("exit code %d", code)
	}
	l.says(out, "has not ended", "belay recover")

	l.write("belay.yml", "version: 1\nstate: nowhere\nlaunch: [\n")
	out = l.belay(0, "status")
	l.says(out, "not ended", "belay recover "+l.dir, "going on with what run")
	l.says(l.belay(0, "history"), "running")
	bin := filepath.Join(l.state, filepath.Base(l.dir), "bin")
	kept, err := filepath.Glob(filepath.Join(bin, "*"))
	if err != nil {
		l.Fatal(err)
	}
	for _, path := range kept {
		if err := os.Rename(path, path+".away"); err != nil {
			l.Fatal(err)
		}
	}
	l.says(l.belay(5, "recover"), "was begun by another belay, 0.9.0, and this is 1.0.0", "no such file", "--any-version")
	for _, path := range kept {
		if err := os.Rename(path+".away", path); err != nil {
			l.Fatal(err)
		}
	}
	out = l.belay(0, "recover")
	l.says(out, "was begun by belay 0.9.0: that one goes on with it", "belay 0.9.0")
	l.write("belay.yml", l.config(""))
	l.same(before, out, "files stack ./belay.yml ")
	l.says(l.belay(0, "recover"), "nothing to recover")
}

// cancelled: a signal takes the run back, and is what the report names.
func (l *labStack) cancelled() {
	before := l.world()
	out, code := l.until(`"event":"captured","step":"verify"`, syscall.SIGTERM, l.bin, "upgrade", "--set", "langgenius/dify-api=1.14.0")
	if code != exitCancelled {
		l.Errorf("exit code %d", code)
	}
	l.says(out, "cancelled and rolled back", "verify: cancelled by SIGTERM\n")
	if strings.Contains(out, "signal received") || strings.Contains(out, "docker exec") {
		l.Errorf("the reason is a command that heard of the signal:\n%s", out)
	}
	l.noSecret("cancelled", out)
	l.same(before, out)
	l.says(l.belay(0, "history"), "cancelled")
}
