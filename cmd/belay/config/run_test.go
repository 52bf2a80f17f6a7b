package config

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is wrong with a key about runs is reported where it stands, at the top
// and in a stack.
func TestRunErrors(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"state":         {"state: data", `2:8: state: "data" is not an absolute path → write where it is on the host`},
		"state root":    {"state: /var/..", `2:8: state: the root of the host → name a folder below it`},
		"directory":     {"backup: {directory: ../x}", `2:21: backup.directory: "../x" is not an absolute path → write where it is on the host`},
		"identity":      {"backup: {identity-file: ../x}", `2:25: "../x": outside the repository`},
		"unknown key":   {"backup: {dir: /x}", `2:10: backup: unknown key "dir" → one of: accept-uncovered, commands, covered, directory, exclude, identity-file, keep, keep-days, recipients`},
		"keep":          {"backup: {keep: 0, keep-days: -1}", "2:16: backup.keep: 0, want at least 1\n2:30: backup.keep-days: -1, want at least 0"},
		"keep much":     {"backup: {keep: 10001}", "2:16: backup.keep: 10001, want at most 10000"},
		"keep part":     {"backup: {keep: 1.5}", "2:16: backup.keep: a number, want a whole number"},
		"kinds of data": {"backup: {covered: [objects]}", `2:20: backup.covered[0]: "objects" is not one of database, files, object-storage, vector-store → one of: database, files, object-storage, vector-store`},
		"recipient": {"backup: {recipients: [age1qqq, ssh-ed25519 AAAA, age1, AGE1QQQ]}",
			"2:32: backup.recipients[1]: not a public key of age: it begins with age1 → age-keygen -y prints the one of a secret key\n" +
				"2:50: backup.recipients[2]: not a public key of age: it begins with age1 → age-keygen -y prints the one of a secret key\n" +
				"2:56: backup.recipients[3]: not a public key of age: it begins with age1 → age-keygen -y prints the one of a secret key"},
		"exclude": {"backup: {exclude: ['db:/x/**', db, 'db:x', ':/x', 'd b:/x', 'db:/[x']}",
			`2:32: backup.exclude[1]: "db" is no service with a path in its container → write it like redis:/data/tmp/**` + "\n" +
				`2:36: backup.exclude[2]: "db:x" is no service with a path in its container → write it like redis:/data/tmp/**` + "\n" +
				`2:44: backup.exclude[3]: ":/x" is no service with a path in its container → write it like redis:/data/tmp/**` + "\n" +
				`2:51: backup.exclude[4]: "d b:/x" is no service with a path in its container → write it like redis:/data/tmp/**` + "\n" +
				`2:61: backup.exclude[5]: "db:/[x" is no service with a path in its container → write it like redis:/data/tmp/**`},
		"tables": {"verify: {not-fewer-rows: [a.b.c, '*.public.*', users, a..c, 'a.b.[c', a.b.c.d]}",
			`2:48: verify.not-fewer-rows[2]: "users" is no database.schema.table → write it like dify.public.accounts` + "\n" +
				`2:55: verify.not-fewer-rows[3]: "a..c" is no database.schema.table → write it like dify.public.accounts` + "\n" +
				`2:61: verify.not-fewer-rows[4]: "a.b.[c" is no database.schema.table → write it like dify.public.accounts` + "\n" +
				`2:71: verify.not-fewer-rows[5]: "a.b.c.d" is no database.schema.table → write it like dify.public.accounts`},
		"one table": {"verify: {not-fewer-rows: users}", `2:26: verify.not-fewer-rows: "users" is no database.schema.table → write it like dify.public.accounts`},
		"log errors": {"verify: {log-errors: {ignore: ['a(', b], max: -1}}",
			"2:47: verify.log-errors.max: -1, want at least 0"},
		"regexp": {"verify: {log-errors: {ignore: ['a(', b]}}", "2:32: verify.log-errors.ignore[0]: no regular expression: missing closing ): `a(`"},
		"n8n": {"n8n: {key-env: 'A=b', service: 'a b', reactivate: yes}", `2:16: n8n.key-env: "A=b" does not have the form ^[A-Za-z_][A-Za-z0-9_]*$` + "\n" +
			`2:32: n8n.service: "a b" does not have the form ^[a-zA-Z0-9._-]+$` + "\n" + `2:51: n8n.reactivate: text, want true or false`},
		"durations": {"launch: {window: 10, deadline: 5 m, services: {api: {deadline: 10}}}",
			"2:18: launch.window: a number, want text → write it with its unit: 10s, 5m, 1h\n" +
				`2:32: launch.deadline: "5 m" does not have the form ` + durationPattern + " → write it with its unit: 10s, 5m, 1h\n" +
				"2:64: launch.services.api.deadline: a number, want text → write it with its unit: 10s, 5m, 1h"},
		"hold": {"hold: {on-timeout: keep, accept-data-loss: 1}", "2:20: hold.on-timeout: \"keep\" is not one of commit, rollback → one of: commit, rollback\n" +
			"2:44: hold.accept-data-loss: a number, want true or false"},
		"no drain": {"drain: {timeout: 0s}", `2:18: drain.timeout: "0s" is not between nothing and 24h`},
		"no duration": {"launch: {window: 0s, deadline: 25h, services: {api: {deadline: 99999999999999h}}}",
			"2:18: launch.window: \"0s\" is not between nothing and 24h\n" +
				"2:32: launch.deadline: \"25h\" is not between nothing and 24h\n" +
				"2:64: launch.services.api.deadline: \"99999999999999h\" is not between nothing and 24h"},
		"service's key": {"launch: {services: {api: {deadlin: 10m}}}", `2:27: launch.services.api: unknown key "deadlin" → did you mean deadline? one of: deadline`},
		"service names": {"launch: {services: {'a b': {}}, public: ['c d']}", "2:21: \"a b\" is no name of a service\n2:42: launch.public[0]: \"c d\" is no name of a service"},
		"command":       {"baseline: {commands: [{name: a b}]}", "2:23: baseline.commands[0]: key \"run\" is missing → write run:\n2:30: baseline.commands[0].name: \"a b\" does not have the form ^[A-Za-z0-9][A-Za-z0-9_.-]*$"},
		"commands": {"verify:\n  commands:\n  - {name: a, run: [x], service: s, image: i}\n  - {name: a, run: x, mount: tests}\n  - {name: c, run: ' ', network: host}\n  - {name: d, run: [''], image: 'A B', timeout: 2d}\n",
			`7:49: verify.commands[3].timeout: "2d" does not have the form ` + durationPattern + " → write it with its unit: 10s, 5m, 1h"},
		"commands' values": {"verify:\n  commands:\n  - {name: a, run: [x], service: s, image: i}\n  - {name: a, run: x, mount: tests}\n  - {name: c, run: ' ', network: host}\n  - {name: d, run: [''], image: 'A B', mount: ../tests}\n  - {name: e, run: x, env: [A]}\n",
			"4:44: verify.commands[0].image: a command runs in the container of a service or in one of an image, not in both → keep one\n" +
				"5:12: command \"a\" is defined twice: first on line 4 → give it another name\n" +
				"5:30: verify.commands[1].mount: only a command in a container of an image has it → write image:, or remove the key\n" +
				"6:20: verify.commands[2].run: empty → name the program\n" +
				"6:34: verify.commands[2].network: only a command in a container of an image has it → write image:, or remove the key\n" +
				"7:20: verify.commands[3].run: empty → name the program\n" +
				"7:33: verify.commands[3].image: \"A B\" is no reference of an image\n" +
				"7:47: \"../tests\": outside the repository\n" +
				"8:28: verify.commands[4].env: a command on the host has the whole environment that Belay was started with → remove the key"},
		"command's env": {"verify: {commands: [{name: a, run: x, image: i, env: ['A=b']}]}", `2:55: verify.commands[0].env[0]: "A=b" does not have the form ^[A-Za-z_][A-Za-z0-9_]*$`},
		"probes": {`verify:
  probes:
  - {name: a, service: s}
  - {name: a, service: s, url: 'http://x', tcp: 'x:1'}
  - {name: c, service: s, tcp: x, status: 200}
  - {name: d, service: s, tcp: 'x:0'}
  - {name: e, service: s, url: 'x:1/a'}
  - {name: f, service: s, url: 'http://me:canary@x/'}
  - {name: g, service: s, url: 'http:///x'}
  - {name: h, service: s, tcp: ':6379'}
  - {name: i, service: s, sql: SELECT 1, json: {$.a: 1}, shape: true}
  - {name: j, service: s, run: x, rows: [], headers: {A: b}}
  - {name: k, service: s, url: 'http://x', headers: {authorization: Bearer canary, 'a b': c, X: "${Y}"}, body: "${Z}"}
  - {name: l, service: s, url: 'http://x', matches: 'a(', json: {a: 1}, unchanged: [$.a, '$['], not-fewer: '.b'}
`,
			`4:5: verify.probes[0]: asks nothing → write url:, tcp:, run: or sql:
5:5: verify.probes[1]: url and tcp → make two probes of it
5:12: probe "a" is defined twice: first on line 4 → give it another name
6:32: verify.probes[2].tcp: "x" is no host and port → write it like 127.0.0.1:6379
6:43: verify.probes[2].status: only a probe with url has it → remove the key
7:32: verify.probes[3].tcp: "x:0" is no host and port → write it like 127.0.0.1:6379
8:32: verify.probes[4].url: no address of http or https → write it like http://127.0.0.1:5001/health
9:32: verify.probes[5].url: an address with a user or password; belay.yml holds no secret → use headers with ${NAME}, or a command that reads them from a file
10:32: verify.probes[6].url: no address of http or https → write it like http://127.0.0.1:5001/health
11:32: verify.probes[7].tcp: ":6379" is no host and port → write it like 127.0.0.1:6379
12:32: verify.probes[8].sql: a statement without the database to ask → write database:
12:48: verify.probes[8].json: only a probe with url or run has it → remove the key
12:65: verify.probes[8].shape: only a probe with url or run has it → remove the key
13:41: verify.probes[9].rows: only a probe with sql has it → remove the key
13:54: verify.probes[9].headers: only a probe with url has it → remove the key
14:69: verify.probes[10].headers.authorization: belay.yml holds no secret → write ${NAME}, and start Belay with that variable
14:91: verify.probes[10].headers.a b: "a b" is no name of a header
15:53: verify.probes[11].matches: no regular expression: missing closing ): ` + "`a(`" + `
15:69: verify.probes[11].json.a: "a" is no JSONPath → write it like $.data[0].id
15:90: verify.probes[11].unchanged[1]: "$[" is no JSONPath → write it like $.data[0].id
15:108: verify.probes[11].not-fewer: ".b" is no JSONPath → write it like $.data[0].id
`},
		"delivery": {"record: push\napproval: yes\nwindows: []", "2:9: record: \"push\" is not one of pr, commit, off → one of: commit, off, pr\n" +
			"3:11: approval: \"yes\" is not one of none, dispatch → one of: dispatch, none"},
		"windows": {"windows: [{from: 22:00}, {from: '22', to: 1}, {days: [mon, mo], from: '00:00', to: '24:00'}, {days: tue-fry, from: 24:01, to: 3:00}]",
			"2:11: windows[0]: key \"to\" is missing → write to:\n" +
				"2:33: windows[1].from: \"22\" does not have the form " + clockPattern + " → write it like 22:00\n" +
				"2:43: windows[1].to: a number, want text → write it like \"22:00\"\n" +
				"2:60: windows[2].days[1]: \"mo\" does not have the form " + daysPattern + " → write it like mon or mon-fri\n" +
				"2:101: windows[3].days: \"tue-fry\" does not have the form " + daysPattern + " → write it like mon or mon-fri\n" +
				"2:116: windows[3].from: \"24:01\" does not have the form " + clockPattern + " → write it like 22:00\n" +
				"2:127: windows[3].to: \"3:00\" does not have the form " + clockPattern + " → write it like 22:00"},
		"windows' values": {"windows: [{from: 24:00, to: 01:00}, {from: 22:00, to: 22:00, timezone: Europe/Berlin}, {from: 22:00, to: 01:00, timezone: Europe/Berlim}, {from: 22:00, to: 01:00, timezone: Local}, {from: 22:00, to: 01:00, timezone: ../x}]",
			"2:18: windows[0].from: the end of a day begins no window → write 00:00 of the next day\n" +
				"2:55: windows[1].to: a window that ends when it begins → for a whole day write from 00:00 to 24:00\n" +
				"2:123: windows[2].timezone: \"Europe/Berlim\" is no time zone of the IANA → write it like Europe/Berlin\n" +
				"2:174: windows[3].timezone: \"Local\" is no time zone of the IANA → write it like Europe/Berlin\n" +
				"2:217: windows[4].timezone: \"../x\" is no time zone of the IANA → write it like Europe/Berlin"},
		"deploy": {"stacks:\n- {name: a, deploy: srv/a}\n- {name: b, deploy: /srv/b}\n- {name: c, deploy: /srv/../c}\n- {name: d, deploy: //}\n- {name: e, deploy: /srv/./b/, host: 'a b'}\n",
			"7:38: stacks[4].host: \"a b\" does not have the form ^[A-Za-z0-9._-]+$"},
		"deploy's values": {"stacks:\n- {name: a, deploy: srv/a}\n- {name: b, deploy: /srv/b}\n- {name: c, deploy: /srv/../c}\n- {name: d, deploy: //}\n- {name: e, deploy: /srv/./b/}\n- {name: f, deploy: /srv/b, host: far}\n- {name: g, deploy: /home/r/_work/g/g}\n",
			"3:21: stacks[0].deploy: \"srv/a\" is not an absolute path → write where it is on the host\n" +
				"5:21: stacks[2].deploy: \"/srv/../c\" leads out of a folder that it names → write the path without ..\n" +
				"6:21: stacks[3].deploy: the root of the host → name a folder below it\n" +
				"7:21: stacks[4].deploy: \"/srv/b\" is that of another stack: first on line 4 → give each stack of a host a folder of its own\n" +
				"9:21: stacks[6].deploy: \"/home/r/_work/g/g\" is in the working folder of a runner, where a checkout removes what git does not track → name a folder outside of it, and move the stack there with its data"},
		"baseline":         {"baseline: {commands: []}\nstacks: [{name: a, baseline: x}]", "3:30: stacks[0].baseline: text, want keys with values"},
		"baseline outside": {"baseline: {findings: ../x}", `2:22: "../x": outside the repository`},
		"baseline list":    {"baseline: [x]", `2:11: baseline: a list, want keys with values or text`},
		"in a stack": {"stacks:\n- name: a\n  state: x\n  verify: {probes: [{name: p, service: s}]}\n",
			"4:10: stacks[0].state: \"x\" is not an absolute path → write where it is on the host\n5:21: stacks[0].verify.probes[0]: asks nothing → write url:, tcp:, run: or sql:"},
		"interpolation": {"verify: {commands: [{name: '${A}', run: 'echo ${A:-b}'}]}", `2:28: belay.yml is not interpolated: ${...} is read as it stands → write the value out`},
		"secret key":    {"backup: {recipients: AGE-SECRET-KEY-1CANARY, identity-file: age-secret-key-1canary}", strings.Repeat("2:COL: a secret key of age; belay.yml holds no secret → keep it in a file that backup.identity-file names, and make a new one: this one is in a file that people share\n", 2)},
	} {
		t.Run(name, func(t *testing.T) {
			want := strings.Split(strings.TrimSpace(strings.Replace(strings.Replace(test.want, "COL", "22", 1), "COL", "61", 1)), "\n")
			got := complaints(t, "version: 1\n"+test.text+"\n")
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			if strings.Contains(strings.ToLower(strings.Join(got, "\n")), "canary") {
				t.Error("a secret is printed")
			}
		})
	}
}

// What docs/config.md shows of the keys about runs is right.
func TestRunsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Runs\n")
	_, section, _ = strings.Cut(section, "```yaml\n")
	text, _, _ := strings.Cut(section, "```\n")
	c := loadText(t, "version: 1\n"+text)
	if c.State == "" || c.Backup.Commands == nil || c.Before.Commands == nil || c.Verify.Probes == nil || c.N8N.KeyEnv == "" || c.Launch.Public == nil ||
		c.Record == "" || c.Approval == "" || c.Windows == nil || c.Hold.OnTimeout == "" {
		t.Errorf("a key is not shown: %+v", c)
	}
}
