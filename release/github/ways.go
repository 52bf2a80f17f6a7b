package github

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	gh "github.com/google/go-github/v60/github"
)

// commit puts one commit on the base branch. When somebody was quicker, it
// begins anew from where the branch is now.
func (w *writing) commit(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		head, entries, err := w.onBase(ctx)
		if err != nil || len(entries) == 0 {
			return err
		}
		sha, err := w.make(ctx, head, entries)
		if err != nil {
			return err
		}
		err = w.point(ctx, w.ch.Base, sha, false, false)
		if err == nil {
			w.out = Written{Done: DoneCommit, URL: w.web("commit/" + sha), Commit: sha, Branch: w.ch.Base}
			return nil
		}
		if !says(err, "fast forward") || attempt == maxMoves-1 {
			return step("a push to "+cut(w.ch.Base), false, err)
		}
		if err := w.c.backoff(ctx, attempt); err != nil {
			return describe(err)
		}
	}
}

// onBase gives where the base branch is, and what a commit there has to
// change. Without any it is told that the branch holds it all.
func (w *writing) onBase(ctx context.Context) (head string, entries []*gh.TreeEntry, err error) {
	if head, err = w.tip(ctx, w.ch.Base); err != nil {
		return "", nil, err
	}
	if entries, err = w.against(ctx, head); err == nil && len(entries) == 0 {
		w.out = Written{Done: Unchanged, URL: w.web("commit/" + head), Commit: head, Branch: w.ch.Base, Notes: w.out.Notes}
	}
	return head, entries, err
}

// pull pushes a branch and opens a pull request, or updates that of the branch.
func (w *writing) pull(ctx context.Context) error {
	head, entries, err := w.onBase(ctx)
	if err != nil || len(entries) == 0 {
		return err
	}
	for attempt := 0; w.out.Branch == ""; attempt++ {
		err := w.push(ctx, head, entries)
		if err == nil {
			break
		}
		// Of two runs at one time the other was quicker.
		if attempt == maxMoves-1 || !says(err, "already exists") && !errors.Is(err, errMoved) {
			return step("a push to a new branch", true, err)
		}
	}
	return w.open(ctx)
}

// open makes the pull request of the branch that was pushed.
func (w *writing) open(ctx context.Context) error {
	const what = "a pull request"
	body := marker("change", w.ch.Key, w.ch.Title+"\n"+w.ch.Body) + "\n" + w.ch.Body
	ctx, client := w.c.own.rest(ctx, w.repo.String())
	for attempt := 0; ; attempt++ {
		have, err := w.opened(ctx, client)
		if err != nil {
			return step(what, false, refusedWrite(err, "pull-requests"))
		}
		var p *gh.PullRequest
		switch {
		case have == nil:
			p, _, err = client.PullRequests.Create(ctx, w.repo.Owner, w.repo.Name, &gh.NewPullRequest{
				Title: gh.String(short(w.ch.Title, titleMax)), Head: gh.String(w.out.Branch), Base: gh.String(w.ch.Base), Body: gh.String(body)})
		case !w.outdated(have, body):
			p = have
		default:
			p, _, err = client.PullRequests.Edit(ctx, w.repo.Owner, w.repo.Name, have.GetNumber(), &gh.PullRequest{Title: gh.String(short(w.ch.Title, titleMax)), Body: gh.String(body)})
		}
		if err == nil {
			w.out.Done, w.out.URL, w.out.Number = DonePull, p.GetHTMLURL(), p.GetNumber()
			return nil
		}
		err = refusedWrite(err, "pull-requests")
		again := isKind(err, Offline, Broken) || says(err, "already exists") // the answer was lost, or another run opened it
		if again && attempt == 0 && w.c.backoff(ctx, 1) == nil {
			continue
		}
		if have != nil && turnedDown(err) { // it is there, with an older text
			w.note(&turned{"a new text of the pull request", err, false})
			w.out.Done, w.out.URL, w.out.Number = DonePull, have.GetHTMLURL(), have.GetNumber()
			return nil
		}
		return step(what, false, err)
	}
}

// opened gives the open pull request from our branch; nil for none.
func (w *writing) opened(ctx context.Context, client *gh.Client) (*gh.PullRequest, error) {
	pulls, err := all(func(o *gh.ListOptions) ([]*gh.PullRequest, *gh.Response, error) {
		return client.PullRequests.List(ctx, w.repo.Owner, w.repo.Name, &gh.PullRequestListOptions{State: "open", Head: w.repo.Owner + ":" + w.out.Branch, Base: w.ch.Base, ListOptions: *o})
	})
	for _, p := range pulls {
		if p.GetHead().GetRef() == w.out.Branch && strings.EqualFold(p.GetHead().GetRepo().GetFullName(), w.repo.String()) {
			return p, nil
		}
	}
	return nil, err
}

// outdated reports whether a pull request has a text of ours, and another one.
// That of a person who opened it by the link in an issue stays.
func (w *writing) outdated(p *gh.PullRequest, body string) bool {
	key, hash, ok := readMarker("change", p.GetBody())
	_, wanted, _ := readMarker("change", body)
	return ok && key == w.ch.Key && hash != wanted
}

// issue tells in an issue what there is to do by hand.
func (w *writing) issue(ctx context.Context) error {
	compare := ""
	var text strings.Builder
	if w.out.Branch != "" {
		compare = w.web("compare/" + escape(w.ch.Base) + "..." + escape(w.out.Branch) + "?expand=1")
		fmt.Fprintf(&text, "The change is on the branch `%s`: [open a pull request](%s).\n\n", w.out.Branch, compare)
	} else {
		fmt.Fprintf(&text, "No branch could be pushed. What follows is to be done by hand on `%s`, in:\n\n", w.ch.Base)
		names := slices.Sorted(maps.Keys(w.ch.Files))
		for i, name := range names {
			if i == maxNamed {
				fmt.Fprintf(&text, "- and %d more\n", len(names)-i)
				break
			}
			what := ""
			if w.ch.Files[name] == nil {
				what = " (to be deleted)"
			}
			fmt.Fprintf(&text, "- `%s`%s\n", short(cut(name), 100), what)
		}
		text.WriteString("\n")
	}
	text.WriteString(w.ch.Body + "\n\nWhy this is an issue:\n\n")
	for _, note := range w.out.Notes {
		fmt.Fprintf(&text, "- %s\n", note)
	}
	done, err := w.c.OpenIssue(ctx, w.repo, Issue{Key: w.ch.Key, Title: w.ch.Title, Body: text.String()})
	switch {
	case err == nil:
		w.out.Done, w.out.URL, w.out.Number = DoneIssue, done.URL, done.Number
		return nil
	case !turnedDown(err):
		return err
	}
	w.note(&turned{"an issue", err, false})
	w.out.Done, w.out.URL = None, ""
	if w.out.Branch != "" {
		w.out.Done, w.out.URL = DoneBranch, compare
	}
	return nil
}

// web is a page of the repository for people.
func (w *writing) web(rest string) string {
	api := w.c.own.api
	host := api.Host
	if api.Path == "/" { // Enterprise Server has its API below /api/v3 of the same host
		host = strings.TrimPrefix(host, "api.")
	}
	return api.Scheme + "://" + host + "/" + w.repo.String() + "/" + rest
}

// short cuts text to a number of characters.
func short(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return text
}
