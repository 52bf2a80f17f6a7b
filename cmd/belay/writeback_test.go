package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/release/github"
	"github.com/belaystack/belay/release/github/githubtest"
	"github.com/belaystack/belay/upgrade/report"
)

// The deployment of a job that did not see the end of its run stayed in progress for ever:
// of an upgrade that was held, or whose job was killed. Who ends the run says it.
func TestEndsOthersDeployments(t *testing.T) {
	done := &report.Run{ID: "20260101T000000Z-0001", Kind: report.Upgrade, Outcome: report.Done}
	back := &report.Run{ID: "20260101T000000Z-0001", Kind: report.Upgrade, Outcome: report.RolledBack}
	for _, tt := range []struct {
		name, command string
		end           *ending
		want          string // the last state of the held upgrade's, and of the job's own
	}{
		{"committed", "commit", &ending{Report: done}, "success"},
		{"taken back", "rollback", &ending{Report: back}, "failure success"},
		{"told by the next attempt", "upgrade", &ending{Exit: exitRolledBack, Report: back}, "failure failure"},
		{"another run", "rollback", &ending{Report: &report.Run{ID: "x", Kind: report.Rollback, Outcome: report.Done}}, "inactive success"},
		{"somebody has the lock", "upgrade", &ending{Exit: exitHeld}, "in_progress error"},
		{"held again", "upgrade", &ending{Held: true, Report: &report.Run{ID: "x", Kind: report.Upgrade, Outcome: report.Held}}, "in_progress in_progress"},
	} {
		s := githubtest.New(t)
		s.AddRepo("acme/shop")
		s.AddToken("t", "github-actions[bot]", githubtest.Rights{Write: true, Workflow: true})
		sha := s.AddFiles("acme/shop", "main", map[string][]byte{"compose.yaml": []byte("a")})
		var said bytes.Buffer
		job := func(command string) *writeBack {
			env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/shop", "GITHUB_SHA": sha, "GITHUB_REF_NAME": "main", "GITHUB_RUN_ID": command, "GITHUB_SERVER_URL": "https://github.com", "INPUT_TOKEN": "t"}
			client, err := github.New(github.Options{API: s.URL, GraphQL: s.URL + "/graphql", Token: "t", UserAgent: "test", Now: time.Now, Sleep: func(context.Context, time.Duration) error { return nil }})
			if err != nil {
				t.Fatal(err)
			}
			a := &app{getenv: func(k string) string { return env[k] }, now: time.Now, gh: client, stdout: &said, stderr: &said}
			told := (&relocation{app: a, command: command, cfg: &config.Config{}, stack: config.Stack{Name: "shop"}}).tells()
			if told == nil {
				t.Fatal(said.String())
			}
			told.begins(context.Background())
			return told
		}
		job("upgrade").ends(context.Background(), &ending{Held: true, Report: &report.Run{ID: done.ID, Kind: report.Upgrade, Outcome: report.Held}})
		job(tt.command).ends(context.Background(), tt.end)
		var got []string
		for _, d := range s.Deployments("acme/shop") {
			got = append(got, d.Statuses[len(d.Statuses)-1].State)
		}
		if strings.Join(got, " ") != tt.want || strings.Contains(said.String(), "notice") {
			t.Errorf("%s: %q, want %q\n%s", tt.name, got, tt.want, said.String())
		}
	}
}
