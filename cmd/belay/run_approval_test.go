package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted"
)

const someHash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// TestDecide: who may begin, and when. It is Monday, 12:00 UTC, 14:00 in Berlin.
func TestDecide(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	night := config.Windows{{From: "22:00", To: "04:00", Timezone: "Europe/Berlin"}}
	day := config.Windows{{From: "08:00", To: "18:00"}}
	const closed = "outside of the windows; next one: Mon 22:00 Europe/Berlin"
	for name, c := range map[string]struct {
		approval
		asks bool
		want string
	}{
		"nothing said":                      {approval{}, false, ""},
		"dispatch":                          {approval{dispatch: true}, true, "the plan waits for approval, which belay.yml asks for: " + someHash},
		"dispatch, at a terminal":           {approval{dispatch: true, attended: true}, false, ""},
		"approved":                          {approval{dispatch: true, given: someHash}, true, ""},
		"approved by its beginning":         {approval{dispatch: true, given: someHash[:12]}, true, ""},
		"another one":                       {approval{dispatch: true, given: "0123456789ac"}, true, "what was approved is another plan than what would be done now, " + someHash},
		"another one, though none is asked": {approval{given: "0123456789ac"}, true, "what was approved is another plan than what would be done now, " + someHash},
		"another one, at a terminal":        {approval{given: "0123456789ac", attended: true}, true, "what was approved is another plan than what would be done now, " + someHash},
		"in a window":                       {approval{windows: day}, false, ""},
		"outside":                           {approval{windows: night}, true, closed},
		"outside, at a terminal":            {approval{windows: night, attended: true}, true, closed},
		"outside, and let go":               {approval{windows: night, attended: true, now: true}, false, ""},
		"outside, and approved":             {approval{windows: night, dispatch: true, given: someHash}, true, closed},
		"outside, and to be approved":       {approval{windows: night, dispatch: true}, true, "the plan waits for approval, which belay.yml asks for: " + someHash + "; " + closed},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.approval.asks(noon); got != c.asks {
				t.Errorf("asks for the plan: %v", got)
			}
			got := ""
			if w := c.approval.decide(someHash, noon); w != nil {
				got = w.Reason
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestNotLoosened: a change to belay.yml does not let itself go.
func TestNotLoosened(t *testing.T) {
	const asks, lets = "approval: dispatch\n", "approval: none\n"
	const night, day = "windows: [{from: 22:00, to: 23:00}]\n", "windows: [{from: 11:00, to: 12:00}]\n"
	for name, c := range map[string]struct {
		deployed, checkout string // "-" for no belay.yml
		dispatch           bool
		window             string // when it begins; "" for no window
	}{
		"loosened":              {asks + night, lets + day, true, "22:00"},
		"tightened":             {lets + day, asks + night, true, "11:00"},
		"taken out":             {asks + night, "-", true, "22:00"},
		"nothing deployed":      {"-", asks + night, true, "22:00"},
		"nothing anywhere":      {"-", "-", false, ""},
		"windows are new":       {lets, lets + night, false, ""},
		"neither asks":          {lets, "", false, ""},
		"of a stack, by folder": {"stacks: [{name: a, path: ., approval: dispatch}]\n", lets, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			folder := func(text string) string {
				dir := t.TempDir()
				if err := os.Mkdir(filepath.Join(dir, ".git"), 0o755); err != nil {
					t.Fatal(err)
				}
				if text != "-" {
					if err := os.WriteFile(filepath.Join(dir, "belay.yml"), []byte("version: 1\n"+text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				return dir
			}
			h := &host{app: &app{stdin: strings.NewReader(""), getenv: func(string) string { return "" }},
				stack: &wanted.Deployed{Project: docker.Project{Name: "shop", Dir: folder(c.deployed)}}}
			if err := h.configure(&flags{}); err != nil {
				t.Fatal(err)
			}
			got, err := h.approvalOf(&upgradeFlags{from: folder(c.checkout)})
			if err != nil || got.dispatch != c.dispatch || len(got.windows) != len(c.window)/5 || c.window != "" && string(got.windows[0].From) != c.window {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// A deployed stack is known by its folder on the host, too.
func TestConfigOfDeployed(t *testing.T) {
	dir := t.TempDir()
	cfg := &config.Config{Stacks: []config.Stack{{Name: "a", Dir: "apps", Deploy: t.TempDir()}, {Name: "b", Dir: "apps/b", Deploy: dir}}}
	root := func() *source.Root {
		r, err := source.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return r
	}()
	if got := configOf(cfg, dir, root); got.Name != "b" {
		t.Errorf("%+v", got)
	}
}

// TestWait: a plan that waits is told to people, programs and the workflow, and is no failure.
func TestWait(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"GITHUB_ACTIONS": "true"}
	for _, name := range []string{"GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"} {
		env[name] = filepath.Join(dir, name)
		if err := os.WriteFile(env[name], nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, now: time.Now, getenv: func(name string) string { return env[name] }}
	h := &host{app: a, stack: &wanted.Deployed{Project: docker.Project{Name: "shop", Dir: "/srv/shop"}}, mask: func(s string) string { return strings.ReplaceAll(s, "canary", "***") }, tell: &lineTeller{}}
	w := approval{dispatch: true}.decide(someHash, time.Now())
	w.Next = h.nextOf(w, &upgradeFlags{from: "/tmp/c o", set: []string{"x=canary"}, retry: true}, &steps.Spec{Options: steps.Options{NoDrain: true}})
	p := runningPlan{Project: "shop", Hash: someHash, Changes: []string{"n8n: a -> ``` b"}}
	err := h.wait(&flags{}, p, w)
	var known *waiting
	var e *exitError
	if !errors.As(err, &known) || known.Hash != someHash || !errors.As(runError(err), &e) || e.code != exitWaiting {
		t.Errorf("%v", err)
	}
	if a.fail(err) != 12 {
		t.Error("another exit code")
	}
	const next = "run the workflow by hand with plan-hash: " + someHash + "; or on the host: belay upgrade /srv/shop --from '/tmp/c o' --set 'x=***' --retry --no-drain --approve " + someHash
	if want := "belay: the plan waits for approval, which belay.yml asks for: " + someHash + "\nbelay: hint: " + next + "\n"; stderr.String() != want {
		t.Errorf("%s", stderr.String())
	}
	if !strings.Contains(stdout.String(), "n8n: a -> ``` b\n") || !strings.Contains(stdout.String(), "plan: "+someHash+"\n") {
		t.Errorf("%s", stdout.String())
	}
	read := func(name string) string {
		data, err := os.ReadFile(env[name])
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if got := read("GITHUB_OUTPUT"); !strings.Contains(got, "waiting") || !strings.Contains(got, "plan-hash") || !strings.Contains(got, someHash) {
		t.Errorf("%s", got)
	}
	if got := read("GITHUB_STEP_SUMMARY"); !strings.Contains(got, "## shop: the upgrade waits\n") || !strings.Contains(got, next) || !strings.Contains(got, "````\nshop: what would change") {
		t.Errorf("%s", got)
	}

	stdout.Reset()
	h.tell = &eventTeller{out: &stdout, now: time.Now}
	_ = h.wait(&flags{format: "json"}, p, w) // as above
	var event runEvent
	if err := json.Unmarshal(stdout.Bytes(), &event); err != nil || event.Event != "ended" || *event.Exit != 12 || event.Plan.Hash != someHash || strings.Count(stdout.String(), "\n") != 1 {
		t.Errorf("%v: %s", err, stdout.String())
	}
}
