package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/dossier"
	"github.com/belaystack/belay/release/github"
)

// What became of the comments: values of the output "comment".
const (
	commentNone      = "none"      // nothing to say, or not asked to
	commentPosted    = "posted"    // written or brought up to date
	commentUnchanged = "unchanged" // they said so already
	commentRefused   = "refused"   // the token may not: `check --publish` in another workflow may
	commentFailed    = "failed"
)

// outcome is what became of the comments.
type outcome struct {
	state   string
	notices []string
}

// comment makes the comments on the pull request what the dossiers say. That
// it could not is no error: the summary holds the same.
func (a *app) comment(ctx context.Context, f *flags, r *repository, res *report.Result, all []*release.Dossier) (outcome, error) {
	repo, ok := a.repo()
	if !ok || !a.event.isPull() || f.network.offline || !r.cfg.Comments() || a.token("token") == "" {
		return outcome{state: commentNone}, nil
	}
	client, err := a.client(f)
	if err != nil {
		return outcome{}, err
	}
	o := dossier.Options{Link: a.linkTo(), Command: "belay check --base " + a.event.Base[:min(12, len(a.event.Base))]}
	said := a.sync(ctx, client, repo, a.event.PullRequest, all, o, a.runURL(""))
	if r.cfg.Suggestions && said.state != commentRefused {
		posted, _, err := client.Suggest(ctx, repo, a.event.PullRequest, a.event.Head, suggestions(r, res))
		if err != nil {
			said.notices = append(said.notices, "suggestions were not posted: "+err.Error())
		} else if posted > 0 {
			said.notices = append(said.notices, count(posted, "suggestion")+" posted")
		}
	}
	return said, ctx.Err()
}

// sync brings the comments of all dossiers up to date. more is where the whole
// of one that was cut can be read.
func (a *app) sync(ctx context.Context, client *github.Client, repo github.Repo, pr int, all []*release.Dossier, o dossier.Options, more string) outcome {
	o.Limit = dossier.CommentLimit
	var wanted []github.Comment
	for _, d := range all {
		c := github.Comment{Key: d.ID, Clean: quiet(d)}
		if c.Clean {
			c.Body = dossier.Resolved(d, o)
		} else {
			c.Basis = dossier.Markdown(d, o)
			linked := o
			linked.More = more
			c.Body = dossier.Markdown(d, linked)
		}
		wanted = append(wanted, c)
	}
	done, err := client.Sync(ctx, repo, pr, wanted)
	said := outcome{state: commentNone}
	for _, x := range done {
		switch x.Action {
		case github.Created, github.Updated, github.Resolved:
			said.state = commentPosted
		case github.Unchanged:
			if said.state == commentNone {
				said.state = commentUnchanged
			}
		}
	}
	var refused *github.Error
	switch {
	case err == nil:
	case errors.As(err, &refused) && refused.Kind == github.Refused:
		said.state = commentRefused
		said.notices = append(said.notices, "the comment was not written: this run's token may not. The job summary holds the same; "+
			"for pull requests from forks, a second workflow can post it (`belay init` writes it)")
	default:
		said.state = commentFailed
		said.notices = append(said.notices, "the comment was not written: "+err.Error())
	}
	return said
}

// stackID is the same for a stack as long as its folder and its name in
// belay.yml are, whatever people call it.
func stackID(dir, name string) string {
	sum := sha256.Sum256([]byte(dir + "\x00" + name))
	return hex.EncodeToString(sum[:8])
}

// quiet reports whether d holds nothing that a reviewer has to be told: notes
// and keys of the user's own are no reason for a comment.
func quiet(d *release.Dossier) bool {
	if len(d.Changes)+len(d.Structure)+len(d.Gates) > 0 {
		return false
	}
	loud := func(x release.Finding) bool { return x.Severity != lint.Note.String() }
	stops := func(x release.Drift) bool {
		return !slices.Contains([]string{string(dotenv.Unknown), string(dotenv.CommentedOut), string(dotenv.HelpChanged)}, x.Kind)
	}
	return !slices.ContainsFunc(d.Findings, loud) && !slices.ContainsFunc(d.Drift, stops)
}

// commit is the one that places are linked at.
func (a *app) commit() string {
	if a.event != nil && a.event.Head != "" {
		return a.event.Head
	}
	return a.getenv("GITHUB_SHA")
}

// runURL is the page of a workflow run, with its summary; of this one for "".
func (a *app) runURL(id string) string {
	server, repo := a.getenv("GITHUB_SERVER_URL"), a.getenv("GITHUB_REPOSITORY")
	if id == "" {
		id = a.getenv("GITHUB_RUN_ID")
	}
	if !strings.HasPrefix(server, "https://") || repo == "" || id == "" {
		return ""
	}
	return server + "/" + repo + "/actions/runs/" + id
}

func escapePath(name string) string { return (&url.URL{Path: name}).EscapedPath() }

// suggestions are the repairs that lint knows, as what a reviewer accepts with
// a click. One in an env file stays untold.
func suggestions(r *repository, res *report.Result) []github.Suggestion {
	var out []github.Suggestion
	prints := lint.Fingerprints(res.Findings)
	for i, x := range res.Findings {
		if len(x.Edits) != 1 || x.Edits[0].Secret || x.Edits[0].Pos.File != x.File {
			continue
		}
		file, err := r.root.Read(x.File)
		if err != nil {
			continue
		}
		data, err := source.Apply(file.Data, x.Edits)
		line := source.New(x.File, data).Line(x.Edits[0].Pos.Line)
		if err != nil || strings.Count(x.Edits[0].New, "\n")+strings.Count(x.Edits[0].Old, "\n") > 0 || line == "" {
			continue
		}
		if body, ok := dossier.Suggest(x.Message, x.Rule, line); ok {
			out = append(out, github.Suggestion{Path: x.File, Line: x.Edits[0].Pos.Line, Key: prints[i], Body: body})
		}
	}
	return out
}

// maxResult bounds the report of another run, in bytes.
const maxResult = 32 << 20

// publish comments what the report of another run holds. That run may have
// been somebody else's code: nothing of it is used but the dossiers, which are
// checked and made neutral again, and the pull request is found through GitHub.
func (a *app) publish(ctx context.Context, f *flags, args []string) error {
	repo, ok := a.repo()
	if len(args) > 0 || !ok || a.event == nil || a.event.Run == nil {
		return usage("--publish: only in a workflow that workflow_run started, and without a path")
	}
	all, err := readResult(a.hostPath(f.publish))
	if err != nil {
		return usage("--publish %s: %w", f.publish, err)
	}
	client, err := a.client(f)
	if err != nil {
		return err
	}
	run := a.event.Run
	pulls, err := client.PullsOf(ctx, repo, run.HeadRepo, run.HeadBranch, run.Head)
	if err != nil {
		return &exitError{exitCouldNot, err}
	}
	if len(pulls) == 0 {
		return a.printf("no open pull request has commit %s as its head any more: nothing to publish\n", run.Head)
	}
	o := dossier.Options{Untrusted: true, Link: a.linkTo()}
	for _, pr := range pulls {
		said := a.sync(ctx, client, repo, pr, all, o, a.runURL(run.ID))
		for _, n := range said.notices {
			fmt.Fprintf(a.stderr, "belay: notice: %s\n", report.Printable(n))
		}
		if said.state == commentRefused || said.state == commentFailed {
			return &exitError{exitCouldNot, fmt.Errorf("pull request %d: the comment was not written", pr)}
		}
		if err := a.printf("pull request %d: comment %s\n", pr, said.state); err != nil {
			return err
		}
		if name := a.getenv("GITHUB_OUTPUT"); name != "" {
			if err := report.WriteOutputs(name, []report.Output{{Name: "comment", Value: said.state}}, nil); err != nil {
				return &exitError{exitCouldNot, fmt.Errorf("outputs: %w", err)}
			}
		}
	}
	return nil
}

// hostPath is name as this container has it where it is a path of the host's:
// ${{ runner.temp }} is _temp there and RUNNER_TEMP here, and not every runner
// translates it (actions/runner, ContainerActionHandler).
func (a *app) hostPath(name string) string {
	_, rest, ok := strings.Cut(name, "/_temp/")
	if _, err := os.Lstat(name); err == nil || !ok || !filepath.IsLocal(rest) {
		return name
	}
	return filepath.Join(a.getenv("RUNNER_TEMP"), rest)
}

// readResult reads the dossiers of a JSON report.
func readResult(name string) ([]*release.Dossier, error) {
	if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() { // an archive may hold a symlink
		return nil, errors.New("no such file")
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, errors.New("cannot be read")
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxResult+1))
	if err != nil || len(data) > maxResult {
		return nil, fmt.Errorf("cannot be read, or is larger than %d bytes", maxResult)
	}
	var result struct {
		Version  int               `json:"version"`
		Dossiers []json.RawMessage `json:"dossiers"`
	}
	if err := json.Unmarshal(data, &result); err != nil || result.Version != report.Version {
		return nil, errors.New("not a JSON report of this belay")
	}
	if len(result.Dossiers) > maxStacks {
		return nil, fmt.Errorf("more than %d stacks", maxStacks)
	}
	var out []*release.Dossier
	for i, raw := range result.Dossiers {
		d, err := dossier.Decode(raw)
		if err != nil {
			return nil, fmt.Errorf("dossier %d: %w", i+1, err)
		}
		if d.ID == "" || slices.ContainsFunc(out, func(o *release.Dossier) bool { return o.ID == d.ID }) {
			return nil, fmt.Errorf("dossier %d: no id of its own", i+1)
		}
		out = append(out, d)
	}
	return out, nil
}

// maxStacks bounds the comments that one report may make.
const maxStacks = 20
