package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// n8nStack is a stack of the lab with the real n8n.
type n8nStack struct{ *labStack }

// TestN8N upgrades the real n8n, by way of two releases and back. BELAY_TEST_N8N is a stack
// of the lab of the kind n8n, BELAY_TEST_N8N_QUEUE one of the kind n8n-queue.
func TestN8N(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "belay")
	built := false
	for _, mode := range []struct {
		variable string
		plays    map[string]func(*n8nStack)
	}{
		{"BELAY_TEST_N8N", map[string]func(*n8nStack){"two releases": (*n8nStack).twoReleases, "keys": (*n8nStack).keys, "killed": (*n8nStack).killed, "opened": (*n8nStack).opened, "fails": (*n8nStack).fails}},
		{"BELAY_TEST_N8N_QUEUE", map[string]func(*n8nStack){"queue": (*n8nStack).queue}},
	} {
		dir := os.Getenv(mode.variable)
		if dir == "" {
			if slices.Contains(strings.Split(os.Getenv("BELAY_TEST_REQUIRE"), ","), "n8n") {
				t.Fatalf("%s is not set, and BELAY_TEST_REQUIRE asks for n8n", mode.variable)
			}
			t.Logf("skipped: %s is not set: testdata/lab/lab n8n, then lab stack -k n8n DIR", mode.variable)
			continue
		}
		l := &labStack{t, dir, filepath.Join(t.TempDir(), "state"), bin, bin}
		if !built {
			l.build(bin, "1.0.0")
			built = true
		}
		for _, name := range sortedKeys(mode.plays) {
			t.Run(name, func(t *testing.T) {
				n := &n8nStack{&labStack{t, l.dir, l.state, bin, bin}}
				n.reset()
				n.ping()
				mode.plays[name](n)
			})
		}
	}
	if !built {
		t.Skip("needs stacks of the lab with the real n8n")
	}
}

// ask asks the database of n8n.
func (n *n8nStack) ask(query string) string {
	n.Helper()
	return n.compose("exec", "-T", "postgres", "psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "n8n", "-c", query)
}

// get calls a webhook as users do.
func (n *n8nStack) get(path string) string {
	n.Helper()
	body, err := n.try(path)
	if err != nil {
		n.Fatal(err)
	}
	return body
}

func (n *n8nStack) try(path string) (string, error) {
	_, after, _ := strings.Cut(n.read(".env"), "LAB_PORT=")
	port, _, _ := strings.Cut(after, "\n")
	resp, err := http.Get("http://127.0.0.1:" + port + "/webhook/" + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

const pong = `{"pong":"yes"}`

// ping waits for the answer of the webhook: n8n activates its workflows one by one once it
// serves.
func (n *n8nStack) ping() {
	n.Helper()
	got := ""
	var err error
	for range 60 {
		if got, err = n.try("lab-ping"); got == pong {
			return
		}
		time.Sleep(time.Second)
	}
	n.Fatalf("the webhook answers %q, %v", got, err)
}

const activeFlows = `SELECT string_agg(id, ' ' ORDER BY id) FROM workflow_entity WHERE active`

// slow is the executions of the slow workflow that were not there at first.
func (n *n8nStack) slow() string {
	n.Helper()
	return n.ask(`SELECT coalesce(string_agg(status, ' ' ORDER BY id), '') FROM execution_entity WHERE "workflowId" = 'wfslow0000000001' AND status <> 'waiting'`)
}

// wait waits for what a query gives.
func (n *n8nStack) wait(what, query, want string) {
	n.Helper()
	got := ""
	for range 60 {
		if got = n.ask(query); got == want {
			return
		}
		time.Sleep(time.Second)
	}
	n.Errorf("%s: %q, want %q", what, got, want)
}

func (n *n8nStack) version(want string) {
	n.Helper()
	if got := n.compose("exec", "-T", "n8n", "n8n", "--version"); got != want {
		n.Errorf("n8n %s runs, want %s", got, want)
	}
}

// twoReleases: an execution that runs is waited for; what is active stays so, webhooks
// answer and credentials decrypt, over two releases.
func (n *n8nStack) twoReleases() {
	before := n.ask(activeFlows)
	n.ping()
	n.get("lab-slow?seconds=20")
	n.wait("the slow one runs", `SELECT count(*) FROM execution_entity WHERE status = 'running'`, "1")
	out := n.belay(0, "upgrade", "--set", "n8nio/n8n=1.123.81")
	n.says(out, "n8n, version: 1.110.1 -> 1.123.81", "n8n, active workflows: 3 -> 3", "n8n, credentials decrypt: yes -> yes")
	if got := n.slow(); got != "success" {
		n.Errorf("the execution that ran: %q", got)
	}
	n.ping()
	n.version("1.123.81")
	out = n.belay(0, "upgrade", "--set", "n8nio/n8n=2.4.8")
	n.says(out, "n8n, version: 1.123.81 -> 2.4.8", "n8n, active workflows: 3 -> 3", "n8n, credentials decrypt: yes -> yes")
	n.ping()
	n.version("2.4.8")
	if now := n.ask(activeFlows); now != before {
		n.Errorf("active: %q, were %q", now, before)
	}
	n.says(n.belay(0, "rollback", "--accept-data-loss"), "n8n, version: 2.4.8")
	n.ping()
	n.version("1.123.81")
}

// keys: one that differs anywhere ends a run before anything is touched.
func (n *n8nStack) keys() {
	at := n.compose("ps", "--format", "{{ .ID }} {{ .CreatedAt }}")
	env := n.read(".env")
	_, key, _ := strings.Cut(env, "N8N_ENCRYPTION_KEY=")
	key, _, _ = strings.Cut(key, "\n")
	n.write(".env", strings.Replace(env, key, "canary-another", 1))
	n.says(n.belay(11, "upgrade", "--set", "n8nio/n8n=1.123.81"), "N8N_ENCRYPTION_KEY of n8n would change")
	n.write(".env", env)

	file := "/home/node/.n8n/config"
	n.compose("exec", "-T", "n8n", "cp", "-p", file, "/tmp/config")
	n.compose("exec", "-T", "n8n", "sh", "-c", `echo '{"encryptionKey":"canary-another"}' >`+file)
	n.says(n.belay(11, "upgrade", "--set", "n8nio/n8n=1.123.81"), "the encryption key of n8n is not the one of its settings file")
	n.compose("exec", "-T", "n8n", "rm", file)
	n.says(n.belay(11, "upgrade", "--set", "n8nio/n8n=1.123.81"), "the settings file of n8n is not in its volume")
	n.compose("exec", "-T", "n8n", "cp", "-p", "/tmp/config", file)
	if now := n.compose("ps", "--format", "{{ .ID }} {{ .CreatedAt }}"); now != at {
		n.Errorf("containers were touched:\n%s\n%s", at, now)
	}
	n.ping()
}

const migrations = `SELECT count(*) FROM migrations`

// killed: Belay dies while n8n is in the middle of its migrations.
func (n *n8nStack) killed() {
	before, had := n.world(), n.ask(migrations)
	cmd := exec.Command(n.bin, "upgrade", "--set", "n8nio/n8n=2.4.8")
	cmd.Dir = n.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		n.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }() // it is killed
	for n.ask(migrations) == had {
		select {
		case <-done:
			n.Fatalf("it ended before n8n migrated:\n%s", out.String())
		default:
		}
	}
	_ = cmd.Process.Kill()
	<-done
	said := n.belay(0, "recover")
	n.rolledBack(before, had, said)
}

// opened: n8n writes when it starts, and that the opening started it is nobody's work; what a
// webhook brought since is.
func (n *n8nStack) opened() {
	n.ask(`UPDATE workflow_entity SET active = false WHERE id = 'wfschedule000001'`)
	n.compose("restart", "n8n")
	n.ping()
	before, had := n.world(), n.ask(migrations)
	upgrade := []string{"upgrade", "--retry", "--set", "n8nio/n8n=1.123.81"}
	was := ""
	active := func() bool {
		now := n.ask(`SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = 'webhook_entity'`)
		if was == "" {
			was = now
		}
		return now != was
	}
	n.when(opening, active, syscall.SIGKILL, n.bin, upgrade...)
	n.back(before, had, n.belay(0, "recover"))

	answers := func() bool {
		said, err := n.try("lab-ping")
		return err == nil && said == pong
	}
	n.when(opening, answers, syscall.SIGKILL, n.bin, upgrade...)
	n.says(n.belay(5, "recover"), "rows were written since the opening", "in n8n of postgres", "--accept-data-loss")
	n.back(before, had, n.belay(0, "recover", "--accept-data-loss"))
}

const opening = `"event":"captured","step":"open"`

// fails: the first migration that finds a table in its way fails, after others have been
// committed.
func (n *n8nStack) fails() {
	n.ask(`CREATE TABLE workflow_dependency (lab int)`)
	before, had := n.world(), n.ask(migrations)
	out := n.belay(4, "upgrade", "--set", "n8nio/n8n=1.123.81")
	n.says(out, "migration of n8n", "There was an error running database migrations")
	n.rolledBack(before, had, out)
}

// rolledBack: the old n8n runs on its old schema, and its workflows fire.
func (n *n8nStack) rolledBack(before, had, out string) {
	n.Helper()
	n.back(before, had, out)
	last := n.ask(`SELECT coalesce(max(id), 0) FROM execution_entity WHERE mode = 'trigger'`)
	n.wait("the schedule fires", `SELECT coalesce(max(id), 0) > `+last+` FROM execution_entity WHERE mode = 'trigger'`, "t")
}

// back is rolledBack where none fires by itself.
func (n *n8nStack) back(before, had, out string) {
	n.Helper()
	if now := n.ask(migrations); now != had {
		n.Errorf("%s migrations, were %s", now, had)
	}
	n.version("1.110.1")
	n.ping()
	// n8n writes while this looks: what it executes, and its own notes.
	moving := []string{"tables postgres n8n public.execution_", "tables postgres n8n public.insights_", "tables postgres n8n public.workflow_statistics", "tables postgres n8n public.settings",
		"sequences postgres n8n ", "files " + filepath.Base(n.dir) + "_n8n_data", "containers - "}
	n.same(before, out, append(moving, recordBlock...)...)
}

// queue: jobs of a worker that does one at a time are waited for, and each is done once.
// With --no-drain those that wait are done afterwards.
func (n *n8nStack) queue() {
	for range 3 {
		n.get("lab-slow?seconds=6")
	}
	n.wait("they run, or wait for their turn", `SELECT count(*) >= 3 FROM execution_entity WHERE status IN ('new', 'running')`, "t")
	out := n.belay(0, "upgrade", "--set", "n8nio/n8n=1.123.81")
	n.says(out, "n8n, version: 1.110.1 -> 1.123.81", "n8n, active workflows: 3 -> 3", "n8n, credentials decrypt: yes -> yes")
	if got := n.slow(); got != "success success success" {
		n.Errorf("the jobs: %q", got)
	}
	n.ping()
	for range 3 {
		n.get("lab-slow?seconds=6")
	}
	n.says(n.belay(0, "upgrade", "--no-drain", "--set", "n8nio/n8n=2.4.8"), "--no-drain")
	n.wait("all are done, once", `SELECT string_agg(status, ' ') FROM execution_entity WHERE "workflowId" = 'wfslow0000000001' AND status <> 'waiting'`, strings.TrimSpace(strings.Repeat("success ", 6)))
	n.ping()
}
