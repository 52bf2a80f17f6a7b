package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
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
	commentStale     = "stale" // not written: the pull request has moved on
)

// outcome is what became of the comments.
type outcome struct {
	state   string
	notices []string
}

// comment makes the comments on the pull request what the dossiers say, and
// tells what hindered the run on the way.
func (a *app) comment(ctx context.Context, f *flags, r *repository, res *report.Result, all []*release.Dossier) (outcome, error) {
	said, err := a.commentOn(ctx, f, r, res, all)
	if a.gh != nil {
		said.notices = append(said.notices, a.gh.Notices()...)
	}
	return said, err
}

// commentOn writes the comments. That it could not is no error: the summary
// holds the same.
func (a *app) commentOn(ctx context.Context, f *flags, r *repository, res *report.Result, all []*release.Dossier) (outcome, error) {
	repo, ok := a.repo()
	if !ok || !a.event.isPull() || f.network.offline || !r.cfg.Comments() || a.token("token") == "" {
		return outcome{state: commentNone}, nil
	}
	client, err := a.client(f)
	if err != nil {
		return outcome{}, err
	}
	o := dossier.Options{Link: a.linkTo(), Command: "belay check --base " + a.event.Base[:min(12, len(a.event.Base))]}
	// What was compared with nothing has neither got worse nor better.
	all = slices.DeleteFunc(slices.Clone(all), func(d *release.Dossier) bool {
		return quiet(d) && slices.ContainsFunc(r.stacks, func(s *subject) bool {
			return s.base == nil && stackID(s.stack.Dir, s.stack.Name) == d.ID
		})
	})
	said := a.sync(ctx, client, repo, a.event.PullRequest, all, o, a.runURL(""), github.SyncOptions{Head: a.event.Head})
	if r.cfg.Suggestions && said.state != commentRefused && said.state != commentStale {
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
func (a *app) sync(ctx context.Context, client *github.Client, repo github.Repo, pr int, all []*release.Dossier, o dossier.Options, more string, bound github.SyncOptions) outcome {
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
	done, err := client.Sync(ctx, repo, pr, wanted, bound)
	said := outcome{state: commentNone}
	for _, x := range done {
		switch x.Action {
		case github.Created, github.Updated, github.Resolved:
			said.state = commentPosted
		case github.Unchanged:
			if said.state == commentNone {
				said.state = commentUnchanged
			}
		case github.Stale:
			said.state = commentStale
		}
	}
	if said.state == commentStale {
		said.notices = append(said.notices, "the pull request has moved on to another commit: its own run comments")
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

// quiet reports whether d holds nothing that a reviewer has to be told: notes,
// keys of the user's own and what was so before are no reason for a comment.
func quiet(d *release.Dossier) bool {
	if len(d.Changes)+len(d.Structure)+len(d.Gates) > 0 {
		return false
	}
	loud := func(x release.Finding) bool { return !x.Old && x.Severity != lint.Note.String() }
	stops := func(x release.Drift) bool {
		return !x.Old && !slices.Contains([]string{string(dotenv.Unknown), string(dotenv.CommentedOut), string(dotenv.HelpChanged)}, x.Kind)
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
// a click. None is for an env file: GitHub would show the line to everybody.
func suggestions(r *repository, res *report.Result) []github.Suggestion {
	var out []github.Suggestion
	prints := lint.Fingerprints(res.Findings)
	for i, x := range res.Findings {
		if len(x.Edits) != 1 || x.Edits[0].Secret || x.Edits[0].Pos.File != x.File || r.isEnvFile(x.File) {
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

// isEnvFile reports whether a file holds, or by its name may hold, the
// environment of a stack.
func (r *repository) isEnvFile(name string) bool {
	if base := path.Base(name); strings.HasPrefix(base, ".env") || strings.HasSuffix(base, ".env") {
		return true
	}
	for _, s := range r.stacks {
		if name == s.stack.EnvPath || slices.ContainsFunc(s.stack.Env, func(f *dotenv.File) bool { return f.Path == name }) {
			return true
		}
		for _, svc := range s.stack.Services {
			if slices.ContainsFunc(svc.EnvFiles(), func(f compose.EnvFile) bool { return f.Path == name }) {
				return true
			}
		}
	}
	return false
}
