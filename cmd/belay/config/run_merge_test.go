package config

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/steps"
)

const runKeys = `version: 1
state: /srv/belay/
baseline:
  findings: .baseline.json
  commands: [{name: smoke, run: './smoke.sh "$A" "${B:-c}"', service: api}]
backup:
  directory: /mnt/backups
  recipients: age1qqq
  identity-file: keys/age.txt
  exclude: ["cache:/data/tmp/**"]
  keep: 3
  keep-days: 0
  covered: [object-storage]
  accept-uncovered: [vector-store]
  commands: [{name: copy, run: [rclone, copy, ""], timeout: 1h30m}]
verify:
  probes: [{name: health, service: api, url: "http://127.0.0.1:5001/health", status: 204, contains: ok}]
  not-fewer-rows: [dify.public.accounts]
  log-errors: {ignore: ["^warn"], max: 0}
launch:
  deadline: 7m
  services: {api: {deadline: 10m}, web: {deadline: 3m}, x: {}}
  public: edge
stacks:
- name: plain
- name: own
  state: /srv/own
  baseline: {commands: []}
  backup: {directory: /mnt/own, keep: 9, exclude: ["db:/tmp/*", "*:/var/cache"]}
  verify:
    commands: [{name: tests, run: pytest, image: "python:3.13", mount: tests/, timeout: 20m}, {name: host, run: [a], image: b, network: host, mount: /opt/t}]
    probes:
    - {name: port, service: cache, tcp: "127.0.0.1:6379", timeout: 1s}
    - {name: hook, service: n8n, url: "http://a/b", method: POST, headers: {Authorization: "Bearer ${KEY}"}, body: "{}", matches: "^x", json: {"$.a": 1}, unchanged: $.b, not-fewer: ["$.c"], shape: true, retries: 0}
    - {name: rows, service: db, sql: SELECT 1, database: shop, rows: [[1, two, null, '2.50'], []]}
    - {name: none, service: db, sql: SELECT 1, database: shop, rows: []}
    - {name: ping, service: db, run: pg_isready}
    log-errors: {max: 4}
  launch: {window: 1m, services: {api: {deadline: 1m}, n8n: {deadline: 2m}, web: {}}, public: [web]}
  drain: {timeout: 2h}
  n8n: {service: own-flows, reactivate: false}
  hold: {on-timeout: commit}
drain: {timeout: 90s}
n8n: {key-env: N8N_KEY, service: flows, reactivate: true}
hold: {on-timeout: rollback, accept-data-loss: true}
`

func duration(d time.Duration) steps.Duration { return steps.Duration(d) }

func TestRuns(t *testing.T) {
	c := loadText(t, runKeys)
	none, four := 0, 4
	want := Runs{State: "/srv/belay/shop", Backups: "/mnt/backups/shop", Config: steps.Config{
		Covered: []app.Kind{app.ObjectStorage}, Uncovered: []app.Kind{app.VectorStore},
		Baseline:   []steps.Command{{Name: "smoke", Run: []string{"sh", "-c", `./smoke.sh "$A" "${B:-c}"`}, Service: "api", Timeout: duration(10 * time.Minute)}},
		BackUp:     []steps.Command{{Name: "copy", Run: []string{"rclone", "copy", ""}, Timeout: duration(90 * time.Minute)}},
		Probes:     []steps.Probe{{Name: "health", Service: "api", URL: "http://127.0.0.1:5001/health", Expect: app.Expect{Status: 204, Contains: "ok"}, Timeout: duration(5 * time.Second)}},
		Exclude:    []string{"cache:/data/tmp/**"},
		Recipients: []string{"age1qqq"}, Identity: "/repo/keys/age.txt",
		NotFewer: []string{"dify.public.accounts"}, IgnoreLogs: []string{"^warn"}, MaxErrors: &none, Public: []string{"edge"},
		N8N:   app.N8NAPI{KeyEnv: "N8N_KEY", Service: "flows", Reactivate: true},
		Drain: duration(90 * time.Second), Window: duration(10 * time.Second), Deadline: duration(7 * time.Minute), Deadlines: map[string]steps.Duration{"api": duration(10 * time.Minute), "web": duration(3 * time.Minute)},
		OnTimeout: steps.TakeBack, LoseOnTimeout: true,
		Keep: 3,
	}}
	if d := cmp.Diff(want, c.Runs(c.Stacks[0], "shop", "/repo")); d != "" {
		t.Errorf("what stands at the top:\n%s", d)
	}
	want.State, want.Backups = "/srv/own/shop", "/mnt/own/shop"
	want.Config.Baseline = nil
	want.Config.Exclude, want.Config.Keep = []string{"db:/tmp/*", "*:/var/cache"}, 9
	want.Config.Verify = []steps.Command{
		{Name: "tests", Run: []string{"sh", "-c", "pytest"}, Image: "python:3.13", Mount: "/repo/tests", Network: "stack", Timeout: duration(20 * time.Minute)},
		{Name: "host", Run: []string{"a"}, Image: "b", Mount: "/opt/t", Network: "host", Timeout: duration(10 * time.Minute)},
	}
	want.Config.Probes = []steps.Probe{
		{Name: "port", Service: "cache", TCP: "127.0.0.1:6379", Timeout: duration(time.Second)},
		{Name: "hook", Service: "n8n", URL: "http://a/b", Method: "POST", Headers: map[string]string{"Authorization": "Bearer ${KEY}"}, Body: "{}", Timeout: duration(5 * time.Second), Retries: &none,
			Expect: app.Expect{Matches: "^x", JSON: map[string]any{"$.a": 1.0}, Unchanged: []string{"$.b"}, NotFewer: []string{"$.c"}, Shape: true}},
		{Name: "rows", Service: "db", SQL: "SELECT 1", Database: "shop", Timeout: duration(5 * time.Second), Expect: app.Expect{Rows: [][]string{{"1", "two", "", "2.50"}, {}}}},
		{Name: "none", Service: "db", SQL: "SELECT 1", Database: "shop", Timeout: duration(5 * time.Second), Expect: app.Expect{Rows: [][]string{}}},
		{Name: "ping", Service: "db", Run: []string{"sh", "-c", "pg_isready"}, Timeout: duration(5 * time.Second)},
	}
	want.Config.Drain = duration(2 * time.Hour)
	want.Config.N8N.Service, want.Config.N8N.Reactivate = "own-flows", false
	want.Config.OnTimeout = steps.Keep
	want.Config.MaxErrors, want.Config.Public, want.Config.Window = &four, []string{"web"}, duration(time.Minute)
	want.Config.Deadlines = map[string]steps.Duration{"api": duration(time.Minute), "n8n": duration(2 * time.Minute), "web": duration(3 * time.Minute)}
	if d := cmp.Diff(want, c.Runs(c.Stacks[1], "shop", "/repo")); d != "" {
		t.Errorf("a stack's own keys:\n%s", d)
	}
	if c.Baseline != ".baseline.json" {
		t.Errorf("the findings to pass over: %q", c.Baseline)
	}
}

func TestRunsWithoutAWord(t *testing.T) {
	want := Runs{State: "/var/lib/belay/shop", Backups: "/var/lib/belay/shop/backups", Config: steps.Config{
		Drain: duration(10 * time.Minute), Window: duration(10 * time.Second), Deadline: duration(5 * time.Minute), Deadlines: map[string]steps.Duration{}, Keep: 5, KeepFor: duration(720 * time.Hour)}}
	if d := cmp.Diff(want, Default().Runs(Stack{Name: "x"}, "shop", "/repo")); d != "" {
		t.Error(d)
	}
}

// The services of keys at the top count for a stack unless it replaces them.
func TestServices(t *testing.T) {
	c := loadText(t, runKeys)
	for i, want := range []string{"5 api, 10 cache, 17 api, 22 api, 22 web, 22 x, 23 edge, 44 flows", "22 api, 22 web, 22 x, 29 db, 33 cache, 34 n8n, 35 db, 36 db, 37 db, 39 api, 39 n8n, 39 web, 39 web, 41 own-flows"} {
		var got []string
		for _, n := range c.Services(c.Stacks[i]) {
			line, _, _ := strings.Cut(strings.TrimPrefix(n.Pos.String(), "belay.yml:"), ":")
			got = append(got, line+" "+n.Service)
		}
		if d := cmp.Diff(want, strings.Join(got, ", ")); d != "" {
			t.Errorf("stack %d:\n%s", i, d)
		}
	}
	probe := c.Services(c.Stacks[1])[4]
	if err := probe.Check([]string{"db", "cache"}); err != nil {
		t.Error(err)
	}
	err := probe.Check([]string{"db", "cach"})
	if one := (*source.Error)(nil); !errors.As(err, &one) || one.Error() != `belay.yml:33:29: stacks[1].verify.probes[0].service: the stack has no service "cache"` || one.Hint() != "did you mean cach? one of: cach, db" {
		t.Errorf("got %v", err)
	}
}
