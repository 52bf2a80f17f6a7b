package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted"
)

// keep writes the journal of a run into a state folder.
func keep(t *testing.T, state string, spec steps.Spec, events ...[2]any) {
	t.Helper()
	dir := filepath.Join(state, "runs", spec.Run)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	log, err := journal.Create(filepath.Join(dir, "journal"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, e := range append([][2]any{{"begun", spec}}, events...) {
		raw, err := json.Marshal(e[1])
		if err != nil {
			t.Fatal(err)
		}
		ev, step, _ := strings.Cut(e[0].(string), " ")
		if err := log.Append(journal.Event(ev), step, raw); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTriedBefore: what failed was tried again each time, since the failure of a step is
// recorded under that step.
func TestTriedBefore(t *testing.T) {
	back := [2]any{"closed", upgrade.Closure{Outcome: upgrade.RolledBack}}
	tried := func(tag string) steps.Spec {
		return steps.Spec{Kind: steps.Upgrade, Changes: []steps.Change{{Service: "api", Old: "api:1", New: "api:" + tag}}}
	}
	for name, c := range map[string]struct {
		events  [][2]any
		again   bool
		tag     string
		refused bool
	}{
		"failed":                {[][2]any{{"captured migrate", nil}, {"failed migrate", upgrade.Failure{Error: "migrate: boom"}}, back}, false, "2", true},
		"failed, and asked for": {[][2]any{{"failed migrate", upgrade.Failure{Error: "migrate: boom"}}, back}, true, "2", false},
		"another change":        {[][2]any{{"failed migrate", upgrade.Failure{Error: "migrate: boom"}}, back}, false, "3", false},
		"cancelled":             {[][2]any{{"failed migrate", upgrade.Failure{Error: "migrate: cancelled by SIGTERM", Cancelled: true}}, back}, false, "2", false},
		"killed":                {[][2]any{{"captured migrate", nil}, {"undoing", upgrade.Failure{Error: "the run was interrupted"}}, back}, false, "2", false},
		"committed":             {[][2]any{{"committed", nil}, {"closed", upgrade.Closure{Outcome: upgrade.Committed}}}, false, "2", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := &host{state: t.TempDir()}
			before := tried("2")
			before.Run = "20261122T030000Z-0000"
			keep(t, h.state, before, c.events...)
			now := tried(c.tag)
			err := h.triedBefore(&now, c.again)
			var e *exitError
			if refused := errors.As(err, &e) && e.code == exitRefused; refused != c.refused || !refused && err != nil {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestVersionBefore: to go back a second time used to be the way forward again.
func TestVersionBefore(t *testing.T) {
	c := steps.Change{Service: "api", Old: "api:1.28", New: "api:1.29"}
	for name, want := range map[steps.Kind]string{steps.Upgrade: "1.28", steps.Rollback: ""} {
		r := play(t, name)
		got, err := versionBefore("api", r, c)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if _, err := versionBefore("api", pastRun{}, steps.Change{}); err == nil || !strings.Contains(err.(*upgrade.Refusal).Next, "--service api --to") {
		t.Errorf("%v", err)
	}
}

// TestGatesSince: the data of today was kept under a Redis that could not read it; only the
// rollback of one service asked for the gates between.
func TestGatesSince(t *testing.T) {
	for name, c := range map[string]struct{ old, now, want string }{
		"redis, another format": {"redis:7.2.4", "redis:7.4.1", "service cache passed a gate that has no way back without its data: Redis 7.4 writes a format that 7.2 cannot read"},
		"redis, the same":       {"redis:7.4.0", "redis:7.4.1", ""},
		"redis, by majors":      {"redis:6-alpine", "redis:7-alpine", "service cache passed a gate that has no way back without its data: Redis 7.0 writes a format that 6.2 cannot read"},
		"valkey":                {"valkey/valkey:8.1.1", "valkey/valkey:9.0.0", "service cache passed a gate that has no way back without its data: Valkey 9.0 writes a format that 8 cannot read"},
		"weaviate":              {"semitechnologies/weaviate:1.27.0", "semitechnologies/weaviate:1.28.2", "service cache passed a gate that has no way back without its data: A minor version may rewrite the data, and an upgrade has lost objects before"},
		"a tag that moved":      {"redis:7-alpine", "redis:7-alpine", ""}, // the run itself asks the images
		"no store":              {"nginx:1.28.0", "nginx:1.29.0", ""},
		"another service":       {"", "redis:7.4.1", ""},
	} {
		h := &host{stack: &wanted.Deployed{Containers: []docker.Container{{Service: "cache", ImageRef: c.now}}}}
		back := pastRun{spec: steps.Spec{Changes: []steps.Change{{Service: "gone", Old: "redis:6.0.1"}, {Service: "cache", Old: c.old, New: "what the run brought"}}}}
		if got := strings.Join(h.gatesSince(back), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestRecoverWithoutBinary: another version used to go on with a run whose own was gone.
func TestRecoverWithoutBinary(t *testing.T) {
	h := &host{app: &app{}, docker: &docker.Client{}, state: t.TempDir()}
	bin := filepath.Join(h.state, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	spec := &steps.Spec{Run: "r1", Version: "0.9.0", Binary: strings.Repeat("0", 64)}
	var gone *otherBinary
	if err := h.sameBinary(spec, false); !errors.As(err, &gone) || !errors.Is(err, os.ErrNotExist) || !strings.Contains(gone.Hint(), "--any-version") {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(bin, spec.Binary), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := h.sameBinary(spec, false); !errors.As(err, &gone) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v", err)
	}
	if err := h.sameBinary(spec, true); err != nil {
		t.Errorf("it was allowed: %v", err)
	}
	own, err := h.keepBinary()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.sameBinary(&steps.Spec{Run: "r1", Binary: own}, false); err != nil {
		t.Error(err)
	}
}

// TestNewestRun: a folder without a run that can be read has none.
func TestNewestRun(t *testing.T) {
	state := t.TempDir()
	if _, ok := newestRun(state); ok {
		t.Error("a run in an empty folder")
	}
	for _, id := range []string{"20261122T030000Z-0000", "20261122T040000Z-0000"} {
		keep(t, state, steps.Spec{Run: id})
	}
	if err := os.Mkdir(filepath.Join(state, "runs", "20261122T050000Z-0000"), 0o700); err != nil {
		t.Fatal(err)
	}
	if r, ok := newestRun(state); !ok || r.id != "20261122T040000Z-0000" {
		t.Errorf("%v %s", ok, r.id)
	}
}
