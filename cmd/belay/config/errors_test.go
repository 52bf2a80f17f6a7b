package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release/catalog"
)

func TestErrors(t *testing.T) {
	builtIn := catalog.Load()
	for name, test := range map[string]struct{ text, want string }{
		"empty":        {"# nothing\n", `1:1: the file says nothing → write version: 1, or remove the file`},
		"no version":   {"fail-on: error\n", `1:1: key "version" is missing → write version:`},
		"version":      {"version: 2\n", `1:10: version: "2" is not one of 1 → one of: 1`},
		"version text": {"version: one\n", "1:10: version: text, want a whole number"},
		"unknown key": {"version: 1\nenviroment: dev\n",
			`2:1: unknown key "enviroment" → did you mean environment? one of: approval, backup, baseline, comment, drain, environment, fail-on, gates, hold, launch, n8n, policy, record, review-label, rules, stacks, state, suggestions, upstreams, verify, version, windows`},
		"far from any key": {"version: 1\nservices: {}\n",
			`2:1: unknown key "services" → one of: approval, backup, baseline, comment, drain, environment, fail-on, gates, hold, launch, n8n, policy, record, review-label, rules, stacks, state, suggestions, upstreams, verify, version, windows`},
		"unknown nested": {"version: 1\nstacks:\n  - name: a\n    file: x\n",
			`4:5: stacks[0]: unknown key "file" → did you mean files? one of: approval, backup, baseline, canary, deploy, drain, env-file, environment, examples, files, hold, host, launch, n8n, name, path, profiles, record, state, verify, windows`},
		"unknown rule": {"version: 1\nrules:\n  image-tag-flaoting: off\n",
			`3:3: rules: unknown rule "image-tag-flaoting" → did you mean image-tag-floating? one of: group-tag-mismatch, image-tag-floating, image-tag-missing`},
		"severity":      {"version: 1\nrules: {image-tag-floating: warn}\n", `2:29: rules.image-tag-floating: "warn" is not one of off, note, warning, error → one of: error, note, off, warning`},
		"environment":   {"version: 1\nenvironment: Prod\n", `2:14: environment: "Prod" is not one of dev, prod → did you mean prod? one of: dev, prod`},
		"pin":           {"version: 1\npolicy: {images: [{match: a, prod: extact}]}\n", `2:36: policy.images[0].prod: "extact" is not one of floating, major, minor, exact, digest → did you mean exact? one of: digest, exact, floating, major, minor`},
		"type":          {"version: 1\nstacks: docker\n", `2:9: stacks: text, want a list`},
		"null":          {"version: 1\nstacks:\n", `2:1: stacks: no value, want a list → fill it, or remove the key`},
		"empty list":    {"version: 1\nstacks: []\n", `2:9: stacks: empty → fill it, or remove the key`},
		"not a mapping": {"- a\n", `1:1: the file: a list, want keys with values`},
		"two documents": {"version: 1\n---\nversion: 1\n", `2:1: a second YAML document → keep one`},
		"duplicate key": {"version: 1\nfail-on: error\nfail-on: note\n", `3:1: key "fail-on" is defined twice: first on line 2 → keep one`},
		"duplicate rule": {"version: 1\nrules:\n  image-tag-floating: off\n  image-tag-floating: off\n",
			`4:3: key "image-tag-floating" is defined twice: first on line 3 → keep one`},
		"duplicate stack": {"version: 1\nstacks: [{name: a}, {name: a, path: docker}]\n", `2:28: stack "a" is defined twice: first on line 2 → give it another name`},
		"duplicate group": {"version: 1\npolicy: {groups: [{name: g, images: a}, {name: g, images: b}]}\n", `2:48: group "g" is defined twice → keep one`},
		"name":            {"version: 1\nstacks: [{name: 'a b'}]\n", `2:17: stacks[0].name: "a b" does not have the form ^[A-Za-z0-9][A-Za-z0-9_.-]*$`},
		"outside":         {"version: 1\nstacks: [{name: a, path: ../other}]\nbaseline: ../x\n", "2:26: \"../other\": outside the repository\n3:11: \"../x\": outside the repository"},
		"file outside":    {"version: 1\nstacks: [{name: a, path: docker, files: ../../x.yml, env-file: [../.env, ../../.env]}]\n", "2:41: \"../../x.yml\": outside the repository\n2:74: \"../../.env\": outside the repository"},
		"example outside": {"version: 1\nstacks: [{name: a, examples: ['../**/*.example']}]\n", `2:31: "../**/*.example": outside the repository`},
		"absolute":        {"version: 1\nstacks: [{name: a, path: /etc}]\n", `2:26: "/etc": an absolute path → write it relative to the repository`},
		"symlink outside": {"version: 1\nstacks: [{name: a, path: away, files: hostname}]\n", "2:26: \"away\": cannot be read, or a symlink leads outside the repository\n2:39: \"away/hostname\": cannot be read, or a symlink leads outside the repository"},
		"no folder":       {"version: 1\nstacks: [{name: a, path: dokcer}]\n", `2:26: "dokcer": no such folder`},
		"no file":         {"version: 1\nstacks: [{name: a, path: docker, files: [compose.yml]}]\n", `2:42: "docker/compose.yml": no such file`},
		"file as folder":  {"version: 1\nstacks: [{name: a, path: docker/compose.yaml}]\n", `2:26: "docker/compose.yaml": a file, not a folder → name the folder; compose files go under files:`},
		"tag in pattern":  {"version: 1\npolicy: {images: [{match: ['localhost:5000/a', 'redis:7', 'x@sha256:1']}]}\n", "2:48: \"redis:7\": a pattern names images without tag or digest → leave out what follows the name\n2:59: \"x@sha256:1\": a pattern names images without tag or digest → leave out what follows the name"},
		"key name":        {"version: 1\npolicy: {protected: [A-B]}\n", `2:22: policy.protected[0]: "A-B" does not have the form ^[A-Za-z_][A-Za-z0-9_]*$`},
		"alias":           {"version: 1\nstacks: &a [{name: x}]\npolicy: *a\n", `3:9: aliases are not read in belay.yml → write the value out`},
		"merge":           {"version: 1\nx: &a {}\n<<: *a\n", `3:5: aliases are not read in belay.yml → write the value out`},
		"unknown alias":   {"version: 1\npolicy: *secret\n", `2:9: not YAML: an alias without an anchor`},
		"interpolation":   {"version: 1\nenvironment: ${ENV}\n", `2:14: belay.yml is not interpolated: ${...} is read as it stands → write the value out`},
		"tag":             {"version: 1\nreview-label: !!binary aGk=\n", `2:15: the YAML tag "!!binary" is not read in belay.yml → remove the tag`},
		"complex key":     {"version: 1\n? [a, b]\n: c\n", `2:3: a key that is not text → write the key as a word`},
		"tab":             {"version: 1\nstacks:\n\t- name: a\n", `3:1: not YAML: found character that cannot start any token`},
		"CJK":             {"version: 1\nreview-label: 審査\n环境: dev # 环境\n", `3:1: unknown key "环境" → one of: approval, backup, baseline, comment, drain, environment, fail-on, gates, hold, launch, n8n, policy, record, review-label, rules, stacks, state, suggestions, upstreams, verify, version, windows`},
		"after CJK":       {"version: 1\nrules: {\"环境\": off, image-tag-floating: x}\n", "2:9: rules: unknown rule \"环境\" → one of: group-tag-mismatch, image-tag-floating, image-tag-missing\n2:40: rules.image-tag-floating: \"x\" is not one of off, note, warning, error → one of: error, note, off, warning"},
		"byte order mark": {"\ufeffversion: 2\r\nfail-on: x\r\n", "1:10: version: \"2\" is not one of 1 → one of: 1\n2:10: fail-on: \"x\" is not one of error, warning, note, never → one of: error, never, note, warning"},
		"escaped":         {"version: 1\n\"a\\n::error::b\": 1\n", `2:1: unknown key "a\n::error::b" → one of: approval, backup, baseline, comment, drain, environment, fail-on, gates, hold, launch, n8n, policy, record, review-label, rules, stacks, state, suggestions, upstreams, verify, version, windows`},
		"upstream": {"version: 1\nupstreams:\n  - images: ['a:1']\n    repository: acme\n    tag-prefix: 'v '\n    repo: x\n",
			"4:17: upstreams[0].repository: \"acme\" does not have the form ^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$\n" +
				"5:17: upstreams[0].tag-prefix: \"v \" does not have the form ^[A-Za-z0-9@/._-]*$\n" +
				"6:5: upstreams[0]: unknown key \"repo\" → one of: breaking, changelog, compose, images, moving, repository, tag-prefix, trim"},
		"upstream's values": {"version: 1\nupstreams:\n  - images: ['a:1', b]\n    repository: acme/..\n    changelog: ../x\n    compose: /etc\n    breaking: [ok.md, 'a#b']\n    trim: [local]\n    moving: ['a b']\n",
			"3:14: \"a:1\": a pattern names images without tag or digest → leave out what follows the name\n" +
				"4:17: upstreams[0].repository: want owner/name\n" +
				"5:16: upstreams[0].changelog: want paths inside the repository\n" +
				"6:14: upstreams[0].compose: want paths inside the repository\n" +
				"7:23: upstreams[0].breaking[1]: want paths inside the repository\n" +
				"8:12: upstreams[0].trim[0]: want endings like -local\n" +
				"9:14: upstreams[0].moving[0]: want git tags"},
		"upstream without": {"version: 1\nupstreams: [{images: a}]\n", `2:13: upstreams[0]: key "repository" is missing → write repository:`},
		"no such name":     {"version: 1\nupstreams: [{images: ['a//b', '**/**/**/**', 'a`b', 'ä'], repository: a/b}]\n", "2:23: \"a//b\": pattern: an empty path segment\n2:31: \"**/**/**/**\": pattern: at most three ** are read\n2:46: \"a`b\": no image has such a name\n2:53: \"ä\": no image has such a name"},
		"gate": {"version: 1\ngates:\n  - id: A\n    app: n8m\n    duty: stpo\n    risk: [data]\n    at: 2.10\n    do: [{when: now, text: x}]\n",
			"3:5: gates[0]: key \"risks\" is missing → write risks:\n3:5: gates[0]: key \"text\" is missing → write text:\n3:5: gates[0]: key \"title\" is missing → write title:\n" +
				"3:9: gates[0].id: \"A\" does not have the form ^[a-z0-9]+([.-][a-z0-9]+)*$\n" +
				"4:10: gates[0].app: \"n8m\" is not one of APPS → did you mean n8n? one of: APPS\n" +
				"5:11: gates[0].duty: \"stpo\" is not one of stop, forbid, one-way, command, services, settings, watch → one of: command, forbid, one-way, services, settings, stop, watch\n" +
				"6:5: gates[0]: unknown key \"risk\" → did you mean risks? one of: app, at, back, before, do, duty, id, images, level, majors, risks, since, source, text, title\n" +
				"7:9: gates[0].at: a number, want text → write it in quotes\n" +
				"8:17: gates[0].do[0].when: \"now\" is not one of before-merge, before-start, after-start → one of: after-start, before-merge, before-start"},
		"gate's values": {"version: 1\ngates:\n  - id: a\n    app: n8n\n    since: 1.0\n    before: two\n    title: Ends.\n    text: <b>\n    risks: [data, data]\n    do: [{when: after-start, text: ok}, {when: after-start, text: a., command: 'a'}]\n    source: [ok, 'http://x']\n",
			"5:12: gates[0].since: a number, want text → write it in quotes"},
		"gate's values, of the right types": {"version: 1\ngates:\n  - id: a\n    app: n8n\n    at: two\n    title: Ends.\n    text: <b>\n    risks: [data, data]\n    do: [{when: after-start, text: ok}, {when: after-start, text: a.}]\n    source: [ok, 'http://x']\n",
			"6:12: gates[0].title: want one line of plain text without a full stop, at most 120 bytes\n" +
				"7:11: gates[0].text: want a paragraph with closed code spans, at most 1500 bytes\n" +
				"8:19: gates[0].risks: data twice → keep one\n" +
				"9:41: gates[0].do[1]: text: want a sentence without a full stop\n" +
				"10:18: gates[0].source[1]: want one line; a page as https://"},
		"gate's version":         {"version: 1\ngates: [{id: a, images: [b, postgres], at: 2.0.x, title: T, text: T, risks: [data]}]\n", "2:44: gates[0].at: a version that names no release: want one like 1.13.3"},
		"gate of two":            {"version: 1\ngates: [{id: a, images: b, app: n8n, at: 2.0.0, title: T, text: T, risks: [data]}]\n", `2:25: gates[0]: app and images → keep one`},
		"gate of nothing":        {"version: 1\ngates: [{id: a, at: 2.0.0, title: T, text: T, risks: [data]}]\n", `2:9: gates[0]: about nothing → write app: or images:`},
		"gate nowhere":           {"version: 1\ngates: [{id: a, app: n8n, title: T, text: T, risks: [data]}]\n", `2:9: gates[0]: range: want at, since or before`},
		"gate twice over":        {"version: 1\ngates: [{id: a, app: n8n, at: 2.0.0, before: 3.0.0, title: T, text: T, risks: [data]}]\n", `2:31: gates[0]: at says by itself what passes the gate → write since: or before: alone`},
		"gate at majors":         {"version: 1\ngates: [{id: a, app: n8n, at: 2.0.0, majors: true, title: T, text: T, risks: [data]}]\n", `2:9: gates[0]: range: want one of at, majors, minors, skips, every and migrations`},
		"command without duty":   {"version: 1\ngates: [{id: a, app: n8n, at: 2.0.0, title: T, text: T, risks: [data], do: [{when: after-start, text: T, command: C}]}]\n", `2:9: gates[0]: do 1: command: only a gate whose duty is command has any`},
		"duty without command":   {"version: 1\ngates: [{id: a, app: n8n, at: 2.0.0, title: T, text: T, risks: [data], duty: command}]\n", `2:9: gates[0]: do: want the command`},
		"gate defined twice":     {"version: 1\ngates: [{id: a, app: n8n, majors: true, title: T, text: T, risks: [data]}, {id: a, app: n8n, majors: true, title: T, text: T, risks: [data]}]\n", `2:81: gate "a" is defined twice: first on line 2 → give it another name`},
		"gate with a known name": {"version: 1\ngates: [{id: KNOWN, app: n8n, majors: true, title: T, text: T, risks: [data]}]\n", `2:14: gate "KNOWN" is one that belay has itself → give it another name`},
		"gate with a long name":  {"version: 1\ngates: [{id: " + strings.Repeat("a", 81) + ", app: n8n, majors: true, title: T, text: T, risks: [data]}]\n", `2:14: gates[0].id: longer than 80 bytes`},
		"many gates":             {"version: 1\ngates: [" + strings.Repeat("{id: a, app: n8n, majors: true, title: T, text: T, risks: [data]}, ", 101) + "]\n", `2:8: gates: 101 entries, and at most 100 are read`},
		"comment":                {"version: 1\ncomment: maybe\nsuggestions: 1\n", "2:10: comment: text, want true or false\n3:14: suggestions: a number, want true or false"},
		"a stack's host":         {"version: 1\nstacks: [{name: a, canary: 1, host: ''}]\n", "2:28: stacks[0].canary: a number, want true or false\n2:37: stacks[0].host: \"\" does not have the form ^[A-Za-z0-9._-]+$"},
		"several at once": {"version: 1\nbasline: x\nstacks:\n  - path: docker\n    envfile: .env\nfail-on: 3\n",
			"2:1: unknown key \"basline\" → did you mean baseline? one of: approval, backup, baseline, comment, drain, environment, fail-on, gates, hold, launch, n8n, policy, record, review-label, rules, stacks, state, suggestions, upstreams, verify, version, windows\n" +
				"4:5: stacks[0]: key \"name\" is missing → write name:\n" +
				"5:5: stacks[0]: unknown key \"envfile\" → did you mean env-file? one of: approval, backup, baseline, canary, deploy, drain, env-file, environment, examples, files, hold, host, launch, n8n, name, path, profiles, record, state, verify, windows\n" +
				"6:10: fail-on: a number, want text"},
		"deep": {"version: 1\nstacks: " + strings.Repeat("[", 20) + strings.Repeat("]", 20) + "\n", "2:25: nested more than 16 deep"},
	} {
		t.Run(name, func(t *testing.T) {
			// Names of the catalog, which grows.
			known := strings.NewReplacer("KNOWN", builtIn.GateTable[0].ID, "APPS", strings.Join(appIDs(builtIn), ", "))
			test.text, test.want = known.Replace(test.text), known.Replace(test.want)
			got := complaints(t, test.text)
			if d := cmp.Diff(strings.Split(test.want, "\n"), got); d != "" {
				t.Error(d)
			}
		})
	}
}

// complaints gives what Load has against a belay.yml, a line each: where, what,
// and what to do next.
func complaints(t *testing.T, text string) []string {
	t.Helper()
	_, err := Load(open(t, text), "belay.yml", ruleIDs())
	var got []string
	if all := (Errors)(nil); errors.As(err, &all) {
		for _, e := range all {
			line := strings.TrimPrefix(e.Error(), "belay.yml:")
			if e.Hint() != "" {
				line += " → " + e.Hint()
			}
			got = append(got, line)
		}
	} else if err != nil {
		t.Fatalf("%T %v", err, err)
	}
	return got
}

func TestBounds(t *testing.T) {
	big := "version: 1\n#" + strings.Repeat("x", maxSize)
	if _, err := Load(open(t, big), "belay.yml", nil); err == nil || !strings.Contains(err.Error(), "at most 1048576 are read") {
		t.Errorf("large file: %v", err)
	}
	_, err := Load(open(t, "version: 1\n"+strings.Repeat("a:\n", maxSize/4)), "belay.yml", nil)
	if all := (Errors)(nil); !errors.As(err, &all) || len(all) != maxErrors {
		t.Errorf("%d errors; want %d", len(all), maxErrors)
	}
	bomb := "version: 1\nx0: &x0 [a]\n"
	for i := range 9 {
		bomb += strings.NewReplacer("N", string(rune('1'+i)), "P", string(rune('0'+i))).Replace("xN: &xN [*xP,*xP,*xP,*xP,*xP,*xP,*xP,*xP,*xP]\n")
	}
	if _, err := Load(open(t, bomb), "belay.yml", nil); err == nil || !strings.Contains(err.Error(), "aliases are not read") {
		t.Errorf("alias bomb: %v", err)
	}
}
