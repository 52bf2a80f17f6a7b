package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/release/github"
	"github.com/belaystack/belay/release/markdown"
	"github.com/belaystack/belay/upgrade/report"
)

// writeBack is what GitHub is told of the work on a host: a deployment, a comment on the pull
// request that brought the change, an issue when a person has to look, and the files that
// the host has otherwise by now. What cannot be told is said in the log, with what would
// let it through; it changes nothing about how the work ended.
type writeBack struct {
	*relocation
	github     *github.Client
	repo       github.Repo
	deployment int64 // 0 for none
}

// writeBackTimeout bounds all that is told at the end of a job.
const writeBackTimeout = 3 * time.Minute

// commentRoom is what a comment or an issue holds, with what is added to it.
const commentRoom = 50_000

// tells gives what tells GitHub of this work; nil where nothing is to be told.
func (r *relocation) tells() *writeBack {
	repo, ok := r.repo()
	if !slices.Contains([]string{"upgrade", "rollback", "commit", "recover"}, r.command) || !ok || r.token("token") == "" {
		return nil
	}
	client, err := r.client(&flags{})
	if err != nil {
		r.notice(err)
		return nil
	}
	return &writeBack{relocation: r, github: client, repo: repo}
}

// notice says what was not told.
func (a *app) notice(err error) {
	text := err.Error()
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		text += "; " + h.Hint()
	}
	_ = a.printf("notice: %s\n", text) // a log that is lost ends nothing
}

// key is the stack's, in hidden markers.
func (t *writeBack) key() string {
	key := strings.Map(func(c rune) rune {
		if c == '.' {
			return '_'
		}
		return c
	}, t.stack.Name)
	return key[:min(len(key), 40)]
}

// begins says that the work begins.
func (t *writeBack) begins(ctx context.Context) {
	if t == nil || t.command != "upgrade" && t.command != "rollback" {
		return
	}
	env, _ := t.cfg.EnvironmentOf(t.stack)
	id, err := t.github.Deploy(ctx, t.repo, github.Deployment{Ref: t.getenv("GITHUB_SHA"), Environment: t.stack.Name, Production: env != lint.Dev,
		Description: t.command + " of " + t.stack.Name, Run: cmp.Or(t.getenv("GITHUB_RUN_ID"), "0") + "-" + cmp.Or(t.getenv("GITHUB_RUN_ATTEMPT"), "1")})
	if err != nil {
		t.notice(err)
		return
	}
	t.deployment = id
	t.status(ctx, github.DeployInProgress, t.command+" began")
}

func (t *writeBack) status(ctx context.Context, state, text string) {
	if t.deployment != 0 {
		t.statusOf(ctx, t.deployment, state, text)
	}
}

func (t *writeBack) statusOf(ctx context.Context, id int64, state, text string) {
	if err := t.github.SetDeployStatus(ctx, t.repo, id, github.DeployStatus{State: state, Description: text, LogURL: t.runURL("")}); err != nil {
		t.notice(err)
	}
}

// ends tells how it ended. A job that is cancelled has little time left for it.
func (t *writeBack) ends(ctx context.Context, end *ending) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeBackTimeout)
	defer cancel()
	t.endDeployment(ctx, end)
	t.comment(ctx, end)
	t.issue(ctx, end)
	t.record(ctx, end)
}

func (t *writeBack) endDeployment(ctx context.Context, end *ending) {
	state, text := deployState(end)
	if t.command == "rollback" && end.Exit == exitOK {
		t.status(ctx, github.DeploySuccess, "taken back"+runOf(end))
	} else {
		t.status(ctx, state, text+runOf(end))
	}
	if end.Report == nil || end.Held || end.Waiting != "" {
		return // who has the stack may still be at work
	}
	// Of jobs that were killed, and of an upgrade that was held, whose verdict came later.
	open, err := t.github.OpenDeployments(ctx, t.repo, t.stack.Name)
	if err != nil {
		t.notice(err)
	}
	if end.Report.Kind != report.Upgrade {
		state, text = github.DeployInactive, "its job did not see the end"
	}
	for _, id := range open {
		if id != t.deployment {
			t.statusOf(ctx, id, state, text+runOf(end))
		}
	}
}

// deployState is the state of a deployment that ended so, and what is said of it.
func deployState(end *ending) (state, text string) {
	state, text = github.DeployFailure, resultOf(end)
	switch result := report.Outcome(text); {
	case end.Waiting != "":
		state, text = github.DeployInactive, "waits, with nothing changed: plan "+end.hash()
	case result == report.Nothing:
		state, text = github.DeployInactive, "there was nothing to change"
	case result == report.Held:
		state, text = github.DeployInProgress, "verified, and held until "+end.Report.Until.UTC().Format(time.RFC3339)
	case result == report.Done:
		state, text = github.DeploySuccess, "verified"
	case result == report.Refused, result == report.Failed:
		state = github.DeployError
	}
	return state, text
}

// runOf names the run of an ending.
func runOf(end *ending) string {
	if end.Report == nil || end.Report.ID == "" || end.Waiting != "" {
		return ""
	}
	return ", run " + end.Report.ID
}

// text is what there is to read of an ending, as Markdown.
func (t *writeBack) text(end *ending) string {
	if end.Waiting != "" {
		return end.Waiting[:min(len(end.Waiting), commentRoom)]
	}
	return report.Markdown(end.Report, report.Options{Limit: commentRoom, More: t.runURL("")})
}

// comment says on the pull request that brought the commit what was done with it.
func (t *writeBack) comment(ctx context.Context, end *ending) {
	if end.Report == nil && end.Waiting == "" || end.Report != nil && (end.Report.Kind != report.Upgrade || end.Report.Outcome == report.Nothing) {
		return
	}
	number, ok, err := t.github.MergedPull(ctx, t.repo, t.getenv("GITHUB_REF_NAME"), cmp.Or(end.Commit, t.getenv("GITHUB_SHA")))
	if err == nil && ok {
		_, err = t.github.Sync(ctx, t.repo, number, []github.Comment{{Key: t.key(), Body: t.text(end)}}, github.SyncOptions{Kind: github.Report})
	}
	if err != nil {
		t.notice(err)
	}
}

// issue opens one where a person has to look, and closes it when the stack is well.
func (t *writeBack) issue(ctx context.Context, end *ending) {
	if end.Report == nil || end.Waiting != "" {
		return
	}
	key, name := t.key()+"-run", t.stack.Name
	var out github.Outcome
	var err error
	switch r := end.Report; r.Outcome {
	case report.RolledBack, report.Stuck, report.Refused, report.Failed:
		what := map[report.Outcome]string{report.RolledBack: "failed and was rolled back", report.Stuck: "needs a person", report.Refused: "was refused", report.Failed: "could not run"}[r.Outcome]
		out, err = t.github.OpenIssue(ctx, t.repo, github.Issue{Key: key, Title: fmt.Sprintf("%s of %s %s", r.Kind, name, what), Body: t.text(end), Basis: r.ID,
			Again: "Again: " + string(r.Kind) + " " + markdown.Code(r.ID) + " " + what + "."})
	case report.Done:
		_, err = t.github.CloseIssue(ctx, t.repo, key, "Well again: "+string(r.Kind)+" "+markdown.Code(r.ID)+" is done and verified.")
	default:
		return
	}
	if err != nil {
		t.notice(err)
		return
	}
	if out.URL != "" {
		_ = t.printf("issue: %s\n", out.URL)
	}
}

// record brings into the repository what the host has otherwise by now.
func (t *writeBack) record(ctx context.Context, end *ending) {
	way := t.cfg.RecordOf(t.stack)
	if end.Report == nil || end.Held || way == "off" || len(end.Repository) == 0 {
		return
	}
	r, name := end.Report, t.stack.Name
	ch := github.Change{
		Key: t.key() + "-record", Base: t.getenv("GITHUB_REF_NAME"), Since: cmp.Or(end.Commit, t.getenv("GITHUB_SHA")), Files: end.Repository,
		Way: string(way), Run: r.ID, Head: "belay/record-" + t.key(),
	}
	switch {
	case r.Outcome == report.Done && r.Kind == report.Upgrade:
		ch.Title = "Record what runs in " + name
		ch.Body = "After run " + markdown.Code(r.ID) + " these files of the host say which images run, and where their data is. The repository should say the same."
	default:
		ch.Title = "Go back to what runs in " + name
		ch.Body = "After run " + markdown.Code(r.ID) + " (" + string(r.Kind) + ", " + string(r.Outcome) + ") the host runs what it ran before. Until this is merged the repository asks for what was taken back, and the next upgrade tries it again."
	}
	ch.Message = ch.Title + "\n\n" + string(r.Kind) + " " + r.ID + ": " + string(r.Outcome)
	if now := runsNow(r); now != "" {
		ch.Body += "\n\n" + now
	}
	if link := t.runURL(""); link != "" {
		ch.Body += "\n\n[The job](" + link + ")"
	}
	done, err := t.github.WriteFiles(ctx, t.repo, ch)
	for _, note := range done.Notes {
		_ = t.printf("notice: %s\n", note)
	}
	if err != nil {
		t.notice(err)
		return
	}
	if done.Done != github.Unchanged {
		_ = t.printf("%s: %s\n", done.Done, done.URL)
	}
}

// runsNow is a list of what runs, as Markdown.
func runsNow(r *report.Run) string {
	var lines []string
	for _, s := range r.Services {
		if s.After.Ref != "" {
			lines = append(lines, "- "+markdown.Code(s.Name)+": "+markdown.Code(s.After.Ref))
		}
	}
	return strings.Join(lines, "\n")
}
